/* Pretended apt: what it does to /var/lib/dpkg/status is real, because dpkg_read() reads that file. */
#include "fake_world.h"
#include "fs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int fake_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err)
{
    json_t *known = fake_part(h, "candidates", false);
    for (size_t i = 0; i < n; i++)
        candidate[i] = arena_strdup(a, json_string_value(json_object_get(known, names[i])));
    return 0;
}

/* As dpkg does: what stands in `status` now needs no notes beside it. */
static int updates_drop(struct host *h, struct error *err)
{
    struct arena a = {0};
    const char **names;
    size_t n = 0;
    int r = fs_list(h, "/var/lib/dpkg/updates", &a, &names, &n, NULL) < 0 ? 0 : 1;
    for (size_t i = 0; r > 0 && i < n; i++)
        r = fs_unlink(h, arena_printf(&a, "/var/lib/dpkg/updates/%s", names[i]), err) < 0 ? -EIO : 1;
    arena_free(&a);
    return r < 0 ? r : 0;
}

static int status_write(struct host *h, const struct dpkg_package *list, size_t n, struct error *err)
{
    struct buf text = {0};
    for (size_t i = 0; i < n; i++) {
        if (!list[i].name)
            continue;
        buf_addf(&text, "Package: %s\nStatus: %s\nArchitecture: all\nVersion: %s\n\n", list[i].name,
                 list[i].state_text, list[i].version);
    }
    int r = fs_mkdirs(h, "/var/lib/dpkg", 0755, err);
    if (r == 0)
        r = fs_write(h, "/var/lib/dpkg/status", buf_str(&text), text.len, 0644, 0, 0, err);
    if (r == 0)
        r = updates_drop(h, err);
    buf_free(&text);
    return r;
}

/* What a daemon's package brings, apart from its files: the unit, started and enabled, as Debian does. */
static void package_brings(struct host *h, const char *name)
{
    static const struct {
        const char *package, *unit;
    } daemons[] = {{"nginx", "nginx"},
                   {"mariadb-server", "mariadb"},
                   {"redis-server", "redis-server"},
                   {"fail2ban", "fail2ban"},
                   {"nftables", "nftables"}};
    const char *base = NULL;
    size_t len = strlen(name);
    if (strncmp(name, "php", 3) == 0 && len > 7 && strcmp(name + len - 4, "-fpm") == 0)
        base = name;
    for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++)
        if (strcmp(daemons[i].package, name) == 0)
            base = daemons[i].unit;
    if (!base)
        return;
    struct arena a = {0};
    const char *unit = arena_printf(&a, "%s.service", base);
    json_t *units = fake_part(h, "units", false);
    if (!json_object_get(units, unit))
        json_object_set_new(units, unit, json_pack("{s:b, s:b}", "active", 1, "enabled", 1));
    if (strcmp(name, "mariadb-server") == 0)
        fake_part(h, "db", false);
    arena_free(&a);
}

/* What goes along with it: `along` of the world, as far as it is there. */
static json_t *goes_along(struct host *h, enum apt_verb verb, const char *name)
{
    struct arena a = {0};
    const char *key = arena_printf(&a, "%s %s", verb == APT_INSTALL ? "install" : "remove", name);
    json_t *list = json_object_get(json_object_get(fake_of(h)->world, "along"), key);
    arena_free(&a);
    return list;
}

static void take_along(struct host *h, enum apt_verb verb, const char *name, struct dpkg_package *list,
                       size_t n)
{
    json_t *along = goes_along(h, verb, name);
    for (size_t k = 0; k < json_array_size(along); k++)
        for (size_t i = 0; i < n; i++)
            if (list[i].name && strcmp(list[i].name, json_string_value(json_array_get(along, k))) == 0)
                list[i].state_text = "deinstall ok config-files";
}

static bool is_named(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

int fake_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err)
{
    VEC(const char *) found = {0};
    struct dpkg_package *list;
    size_t count;
    int r = fake_refuses(h, "apt along", err);
    if (r == 0)
        r = dpkg_read(h, &list, &count, a, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        json_t *along = goes_along(h, verb, names[i]), *v;
        size_t k;
        json_array_foreach(along, k, v)
        {
            const char *name = json_string_value(v);
            const struct dpkg_package *p = dpkg_find(list, count, name);
            if (p && p->state == DPKG_INSTALLED && !is_named(names, n, name) &&
                !is_named(found.at, found.n, name))
                vec_push(a, &found, arena_strdup(a, name));
        }
    }
    vec_push(a, &found, NULL);
    *ret = found.at;
    return 0;
}

/* One package of the list (with room for one more behind its end) changed as `verb` says. */
static int package_change(struct host *h, enum apt_verb verb, const char *wanted, struct dpkg_package *list,
                          size_t *n, struct arena *a, struct error *err)
{
    const char *equal = strchr(wanted, '=');
    char *name = equal ? arena_strndup(a, wanted, (size_t)(equal - wanted)) : arena_strdup(a, wanted);
    struct dpkg_package *p = NULL;
    for (size_t i = 0; i < *n; i++)
        if (list[i].name && strcmp(list[i].name, name) == 0)
            p = &list[i];
    const char *version = json_string_value(json_object_get(fake_part(h, "candidates", false), name));
    if (equal)
        version = equal + 1;
    else if (p && p->state == DPKG_INSTALLED)
        version = p->version;

    if (verb == APT_INSTALL && p && strstr(p->state_text, "reinstreq"))
        return 0; /* as apt: it is the newest version already */
    if (verb == APT_INSTALL || verb == APT_REINSTALL || verb == APT_DOWNLOAD) {
        if (!version)
            return error_set(err, -ENOENT, "apt: E: Unable to locate package %s", name);
        if (verb == APT_DOWNLOAD)
            return 0;
        if (!p) {
            p = &list[(*n)++];
            *p = (struct dpkg_package){.name = name};
        }
        p->version = arena_strdup(a, version);
        p->state_text = p->held ? "hold ok installed" : "install ok installed";
        package_brings(h, name);
        if (verb == APT_INSTALL)
            take_along(h, verb, name, list, *n);
        return 0;
    }
    if (!p)
        return error_set(err, -ENOENT, "apt: E: Package '%s' is not installed", name);
    if ((verb == APT_REMOVE || verb == APT_PURGE) && p->held)
        return error_set(err, -EPERM,
                         "apt: E: Held packages were changed and -y was used without "
                         "--allow-change-held-packages.");
    switch (verb) {
    case APT_REMOVE:
        p->state_text = "deinstall ok config-files";
        take_along(h, verb, name, list, *n);
        break;
    case APT_PURGE:
        take_along(h, verb, name, list, *n);
        p->name = NULL;
        break;
    case APT_HOLD:
        p->state_text = "hold ok installed";
        break;
    case APT_UNHOLD:
        p->state_text = "install ok installed";
        break;
    default:
        break;
    }
    return 0;
}

int fake_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err)
{
    static const char *const words[] = {"update", "download", "install", "reinstall", "remove",
                                        "purge",  "hold",     "unhold",  "configure"};
    struct arena a = {0};
    struct buf line = {0};
    int r = 0;
    buf_addf(&line, "apt %s", words[verb]);
    for (size_t i = 0; i < n && r == 0; i++) {
        buf_addf(&line, " %s", names[i]);
        r = fake_refuses(h, arena_printf(&a, "apt %s %s", words[verb], names[i]), err);
    }
    if (r < 0)
        goto out;
    r = fake_mutation(h, buf_str(&line), err);
    if (r < 0 || verb == APT_UPDATE)
        goto out;

    struct dpkg_package *old;
    size_t count;
    r = dpkg_read(h, &old, &count, &a, err);
    if (r < 0)
        goto out;
    struct dpkg_package *list = arena_array(&a, struct dpkg_package, count + n + 1);
    if (count)
        memcpy(list, old, count * sizeof *list);
    if (verb == APT_CONFIGURE)
        for (size_t i = 0; i < count; i++)
            if (list[i].state == DPKG_BROKEN && !strstr(list[i].state_text, "reinstreq"))
                list[i].state_text = list[i].held ? "hold ok installed" : "install ok installed";
    for (size_t i = 0; i < n && r == 0; i++)
        r = package_change(h, verb, names[i], list, &count, &a, err);
    if (r == 0 && verb != APT_DOWNLOAD)
        r = status_write(h, list, count, err);
out:
    buf_free(&line);
    arena_free(&a);
    return r;
}
