#include "facts.h"
#include "account.h"
#include "fake.h"
#include "fs.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

char *version_upstream(struct arena *a, const char *debian_version)
{
    const char *colon = strchr(debian_version, ':');
    const char *from = colon ? colon + 1 : debian_version;
    const char *dash = strrchr(from, '-');
    return arena_strndup(a, from, dash ? (size_t)(dash - from) : strlen(from));
}

/* os-release(5): KEY=value, perhaps quoted; the backslash escapes do not occur in what is read here. */
static const char *os_value(const char *text, const char *key, struct arena *a)
{
    size_t len = strlen(key);
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        if (n > len && strncmp(at, key, len) == 0 && at[len] == '=') {
            const char *from = at + len + 1, *to = at + n;
            if (to - from >= 2 && (*from == '"' || *from == '\'') && to[-1] == *from) {
                from++;
                to--;
            }
            return arena_strndup(a, from, (size_t)(to - from));
        }
        at += n + (at[n] == '\n');
    }
    return NULL;
}

/* /etc/os-release is a link to the other in most systems, and the operator's own file in a few. */
static void os_read(struct host *h, struct facts *f, struct arena *a)
{
    struct buf text = {0};
    if (fs_read(h, "/etc/os-release", 0, &text, NULL) < 0) {
        buf_reset(&text);
        if (fs_read(h, "/usr/lib/os-release", 0, &text, NULL) < 0)
            buf_reset(&text);
    }
    f->os_id = os_value(buf_str(&text), "ID", a);
    f->os_version = os_value(buf_str(&text), "VERSION_ID", a);
    buf_free(&text);
}

/* proc(5): "MemTotal:  2030496 kB". sysinfo(2) would tell a container its host's memory. */
static int64_t memory_read(void)
{
    FILE *in = fopen("/proc/meminfo", "re");
    char line[128];
    long long kib = 0;
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "MemTotal: %lld kB", &kib) == 1)
            break;
    if (in)
        fclose(in);
    return (int64_t)kib * 1024;
}

int64_t facts_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void facts_machine(struct host *h, struct facts *ret)
{
    ret->memory = fake_memory(h);
    ret->cpus = fake_cpus(h);
    if (ret->memory < 0)
        ret->memory = h->offline ? 0 : memory_read();
    if (ret->cpus < 0)
        ret->cpus = h->offline ? 0 : facts_cpus();
}

/* The software whose version rendering depends on, and the packages that tell it: the first that is
 * installed, else the candidate of the first. */
static const struct {
    const char *packages[4];
} software[] = {
    {{"nginx", "nginx-core", "nginx-common"}},
    {{"mariadb-server"}},
    {{"openssl", "libssl3t64", "libssl3"}},
    {{"php-fpm"}},
};
enum { NGINX, MARIADB, OPENSSL, PHP, SOFTWARE };

static const char *installed_version(const struct facts *f, size_t which)
{
    for (size_t i = 0; i < 4 && software[which].packages[i]; i++) {
        const struct dpkg_package *p = dpkg_find(f->packages, f->n_packages, software[which].packages[i]);
        if (p && p->state == DPKG_INSTALLED)
            return p->version;
    }
    return NULL;
}

/* "8.2" of php-fpm's own version "2:8.2+93": php-defaults is versioned by what it depends on. */
static const char *php_version(const char *debian_version, struct arena *a)
{
    const char *v = version_upstream(a, debian_version);
    size_t n = strspn(v, "0123456789");
    if (n && v[n] == '.' && isdigit((unsigned char)v[n + 1]))
        return arena_strndup(a, v, n + 1 + strspn(v + n + 1, "0123456789"));
    return NULL;
}

/* "8.2" of an installed php8.2-fpm where php-fpm itself is not: the lowest, because a further version that
 * somebody adds must not move the sites that run. */
static const char *php_installed(const struct facts *f, struct arena *a)
{
    const char *lowest = NULL;
    for (size_t i = 0; i < f->n_packages; i++) {
        const struct dpkg_package *p = &f->packages[i];
        if (p->state != DPKG_INSTALLED || !starts_with(p->name, "php") || !ends_with(p->name, "-fpm"))
            continue;
        size_t n = strlen(p->name) - strlen("php") - strlen("-fpm");
        if (n < 3 || strspn(p->name + 3, "0123456789.") != n)
            continue;
        const char *version = arena_strndup(a, p->name + 3, n);
        if (!lowest || version_compare(version, lowest) < 0)
            lowest = version;
    }
    return lowest;
}

static int versions_read(struct host *h, struct facts *f, struct arena *a, struct error *err)
{
    const char *version[SOFTWARE], *missing[SOFTWARE], *candidate[SOFTWARE];
    size_t n = 0, which[SOFTWARE];
    const char *php = NULL;
    for (size_t i = 0; i < SOFTWARE; i++) {
        version[i] = installed_version(f, i);
        if (i == PHP && !version[i] && (php = php_installed(f, a)))
            continue;
        if (!version[i]) {
            which[n] = i;
            missing[n++] = software[i].packages[0];
        }
    }
    /* Only a machine that still lacks one of them starts a process here. */
    int r = n ? host_apt_candidates(h, missing, n, candidate, a, err) : 0;
    if (r < 0 && r != -EOPNOTSUPP)
        return r;
    for (size_t i = 0; i < n && r == 0; i++)
        version[which[i]] = candidate[i];
    if (r < 0)
        error_clear(err);
    f->nginx = version[NGINX] ? version_upstream(a, version[NGINX]) : NULL;
    f->mariadb = version[MARIADB] ? version_upstream(a, version[MARIADB]) : NULL;
    f->openssl = version[OPENSSL] ? version_upstream(a, version[OPENSSL]) : NULL;
    f->php = version[PHP] ? php_version(version[PHP], a) : php;
    return 0;
}

static int web_user_read(struct host *h, struct facts *f, struct arena *a, struct error *err)
{
    struct accounts all;
    int r = accounts_read(h, &all, a, err);
    if (r < 0)
        return r;
    /* Debian's base-passwd has www-data from the beginning; nginx.org's packages make "nginx". */
    f->web_user = !accounts_user(&all, "www-data") && accounts_user(&all, "nginx") ? "nginx" : "www-data";
    return 0;
}

int facts_read(struct host *h, struct facts *ret, struct arena *a, struct error *err)
{
    struct facts f = {0};
    os_read(h, &f, a);
    facts_machine(h, &f);
    int r = dpkg_read(h, &f.packages, &f.n_packages, a, err);
    if (r == 0)
        r = versions_read(h, &f, a, err);
    if (r == 0)
        r = web_user_read(h, &f, a, err);
    if (r == 0)
        *ret = f;
    return r;
}
