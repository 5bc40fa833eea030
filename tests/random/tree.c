#include "tree.h"
#include "buf.h"
#include "generator.h"
#include "hash.h"
#include "text.h"
#include "x509.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *path)
{
    perror(path);
    exit(1);
}

static void make_parents(char *path)
{
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            die(path);
        *at = '/';
    }
}

static char *slurp(const char *path, size_t *len, struct arena *a)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = read(fd, text, (size_t)st.st_size);
    if (n < 0)
        die(path);
    close(fd);
    *len = (size_t)n;
    return text;
}

static void put(const char *root, const char *path, const char *text, mode_t mode)
{
    struct arena a = {0};
    char *at = arena_printf(&a, "%s%s", root, path);
    make_parents(at);
    int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0 ||
        close(fd) < 0)
        die(at);
    arena_free(&a);
}

static void put_link(const char *root, const char *path, const char *target)
{
    struct arena a = {0};
    char *at = arena_printf(&a, "%s%s", root, path);
    make_parents(at);
    if (symlink(target, at) < 0)
        die(at);
    arena_free(&a);
}

static void put_directory(const char *root, const char *path)
{
    struct arena a = {0};
    make_parents(arena_printf(&a, "%s%s/", root, path));
    arena_free(&a);
}

/* As somebody's authority would issue it: a self-signed one could be citrus's own. */
static void reissue(struct buf *certificate)
{
    BIO *in = BIO_new_mem_buf(certificate->at, (int)certificate->len), *out = BIO_new(BIO_s_mem());
    X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
    X509_NAME *issuer = X509_NAME_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *text;
    if (!x || !issuer || !key ||
        !X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC, (const unsigned char *)"Test authority", -1,
                                    -1, 0) ||
        !X509_set_issuer_name(x, issuer) || !X509_sign(x, key, EVP_sha256()) || !PEM_write_bio_X509(out, x))
        die("reissue");
    long n = BIO_get_mem_data(out, &text);
    buf_reset(certificate);
    buf_add(certificate, text, (size_t)n);
    EVP_PKEY_free(key);
    X509_NAME_free(issuer);
    X509_free(x);
    BIO_free(in);
    BIO_free(out);
}

static void put_certificate(const char *root, const char *which)
{
    struct arena a = {0};
    struct buf certificate = {0}, key = {0};
    VEC(const char *) names = {0};
    for (const char *const *n = generator_domains; *n; n++)
        vec_push(&a, &names, *n);
    for (const char *const *n = generator_aliases; *n; n++)
        vec_push(&a, &names, *n);
    if (x509_self_signed(&(struct strings){names.at, names.n}, 365, &certificate, &key, NULL, NULL, NULL) < 0)
        die("x509_self_signed");
    reissue(&certificate);
    put(root, arena_printf(&a, GENERATOR_TLS "/%s/cert.pem", which), buf_str(&certificate), 0644);
    put(root, arena_printf(&a, GENERATOR_TLS "/%s/key.pem", which), buf_str(&key), 0600);
    buf_free(&certificate);
    buf_wipe(&key);
    arena_free(&a);
}

static void put_unit(const char *root, const char *name, bool enabled)
{
    struct arena a = {0};
    const char *path = arena_printf(&a, "/lib/systemd/system/%s", name);
    bool timer = ends_with(name, ".timer");
    put(root, path,
        timer ? "[Timer]\nOnUnitActiveSec=30m\n[Install]\nWantedBy=timers.target\n"
              : "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        0644);
    if (enabled)
        put_link(root, arena_printf(&a, "/etc/systemd/system/multi-user.target.wants/%s", name), path);
    arena_free(&a);
}

static void put_packages(const char *root, const char *nginx)
{
    static const char *const php[] = {"8.1", "8.2", "8.3"};
    struct arena a = {0};
    struct buf status = {0};
    buf_addf(&status, "Package: nginx\nStatus: install ok installed\nVersion: %s-9\n\n", nginx);
    buf_adds(&status, "Package: php-fpm\nStatus: install ok installed\nVersion: 2:8.2+93\n\n"
                      "Package: mariadb-server\nStatus: install ok installed\nVersion: 1:10.11.6-0\n\n");
    put(root, "/var/lib/dpkg/status", buf_str(&status), 0644);
    buf_free(&status);
    put(root, "/etc/nginx/nginx.conf", "# as Debian has it\n", 0644);
    put(root, "/etc/nginx/sites-available/default", "# as Debian has it\n", 0644);
    put_link(root, "/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default");
    put_link(root, "/etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
    put(root, "/etc/timezone", "Etc/UTC\n", 0644);
    put_directory(root, "/etc/citrus");
    put_directory(root, "/etc/nginx/conf.d");
    put_directory(root, "/var/www/html");
    put_directory(root, "/etc/mysql/mariadb.conf.d");
    put_directory(root, "/etc/logrotate.d");
    put_unit(root, "nginx.service", true);
    put_unit(root, "mariadb.service", true);
    put_unit(root, "citrus-drift.timer", false);
    put_link(root, "/etc/systemd/system/timers.target.wants/apt-daily.timer",
             "/lib/systemd/system/apt-daily.timer");
    for (size_t i = 0; i < sizeof php / sizeof *php; i++) {
        put_directory(root, arena_printf(&a, "/etc/php/%s/fpm/conf.d", php[i]));
        put(root, arena_printf(&a, "/etc/php/%s/fpm/pool.d/www.conf", php[i]), "; as Debian has it\n", 0644);
        put_unit(root, arena_printf(&a, "php%s-fpm.service", php[i]), true);
    }
    arena_free(&a);
}

void tree_make(const char *root, bool bare, const char *nginx)
{
    put(root, "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n", 0644);
    put(root, "/etc/group", "root:x:0:\nshadow:x:42:\nwww-data:x:33:\n", 0644);
    put(root, "/etc/shadow", "root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n", 0640);
    put(root, "/etc/gshadow", "root:*::\nshadow:*::\nwww-data:*::\n", 0640);
    put_certificate(root, "one");
    put_certificate(root, "two");
    put_directory(root, "/var/lib");
    if (!bare)
        put_packages(root, nginx);
}

/* --- the state ------------------------------------------------------------------------------------------ */

static struct {
    struct arena *a;
    const char *root;
    bool exact;
    const char *users, *groups; /* their files */
    VEC(const char *) lines;
} listing;

static const char *name_of(const char *file, unsigned id)
{
    for (const char *l = file; *l; l += strcspn(l, "\n") + 1) {
        const char *number = strchr(strchr(l, ':') + 1, ':') + 1;
        if (strtoul(number, NULL, 10) == id)
            return arena_strndup(listing.a, l, strcspn(l, ":"));
    }
    return arena_printf(listing.a, "%u", id);
}

static bool is_accounts(const char *path)
{
    return !strcmp(path, "/etc/passwd") || !strcmp(path, "/etc/group") || !strcmp(path, "/etc/shadow") ||
           !strcmp(path, "/etc/gshadow");
}

static bool is_left_out(const char *path)
{
    static const char *const out[] = {"/etc/.pwd.lock", "/etc/passwd-", "/etc/group-", "/etc/shadow-",
                                      "/etc/gshadow-",  "/etc/subuid-", "/etc/subgid-"};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (!strcmp(path, out[i]))
            return true;
    const char *name = strrchr(path, '/');
    if (!listing.exact && name && starts_with(name + 1, TREE_PEOPLE))
        return true;
    return !strcmp(path, "/var/lib/citrus") || starts_with(path, "/var/lib/citrus/");
}

/* Each account a line of its own; without `exact` its numbers are left out, and the two ways to say that no
 * password fits (shadow(5)) are one: "!" is useradd's, "!*" systemd-sysusers's. */
static void list_accounts(const char *path, char *text)
{
    char *save = NULL;
    bool numbers = !strcmp(path, "/etc/passwd") || !strcmp(path, "/etc/group");
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char *part = l, *none = listing.exact ? NULL : strstr(l, ":!*:");
        if (none)
            memmove(none + 2, none + 3, strlen(none + 3) + 1);
        for (int i = 0; i < 2 && part; i++)
            part = strchr(part + 1, ':');
        for (char *c = part; !listing.exact && numbers && c && *c &&
                             !(c > part && *c == ':' && strspn(c + 1, "0123456789:") == 0);
             c++)
            if (*c >= '0' && *c <= '9')
                *c = '#';
        vec_push(listing.a, &listing.lines, arena_printf(listing.a, "%s %s", path, l));
    }
}

static const char *content_of(const char *path, const char *full)
{
    size_t len;
    char hex[HASH_HEX], *text = slurp(full, &len, listing.a);
    struct x509_info info;
    if (!listing.exact && starts_with(path, "/etc/citrus/tls/")) {
        if (ends_with(path, "/privkey.pem")) {
            const char *beside = arena_printf(listing.a, "%.*s/fullchain.pem",
                                              (int)(strlen(full) - strlen("/privkey.pem")), full);
            size_t n;
            const char *certificate = slurp(beside, &n, listing.a);
            return x509_key_matches(certificate, n, text, len) ? "key of the certificate" : "another key";
        }
        if (x509_parse(text, len, &info, listing.a, NULL) == 0 && info.self_signed) {
            struct buf names = {0};
            for (size_t i = 0; i < info.names.n; i++)
                buf_addf(&names, " %s", info.names.at[i]);
            const char *all = arena_printf(listing.a, "self-signed certificate of%s", buf_str(&names));
            buf_free(&names);
            return all;
        }
    }
    hash_hex(hash_bytes(text, len), hex);
    return arena_strdup(listing.a, hex);
}

static bool time_counts(const char *path, const struct stat *st)
{
    return listing.exact && !S_ISDIR(st->st_mode) && !is_accounts(path) &&
           !starts_with(path, "/etc/systemd/system/");
}

static int list_entry(const char *full, const struct stat *st, int flag, struct FTW *where)
{
    const char *path = full + strlen(listing.root);
    const char *type = S_ISDIR(st->st_mode)   ? "d"
                       : S_ISLNK(st->st_mode) ? "l"
                       : S_ISREG(st->st_mode) ? "f"
                                              : "?";
    const char *what = "";
    struct arena *a = listing.a;
    (void)flag, (void)where;
    if (is_left_out(path))
        return 0;
    if (S_ISLNK(st->st_mode)) {
        char target[4096];
        ssize_t n = readlink(full, target, sizeof target - 1);
        what = arena_strndup(a, target, n < 0 ? 0 : (size_t)n);
    } else if (S_ISREG(st->st_mode) && is_accounts(path)) {
        size_t len;
        list_accounts(path, slurp(full, &len, a));
    } else if (S_ISREG(st->st_mode)) {
        what = content_of(path, full);
    }
    const char *owner = listing.exact ? arena_printf(a, "%u:%u", st->st_uid, st->st_gid)
                                      : arena_printf(a, "%s:%s", name_of(listing.users, st->st_uid),
                                                     name_of(listing.groups, st->st_gid));
    const char *when = time_counts(path, st) ? arena_printf(a, " %lld.%09ld", (long long)st->st_mtim.tv_sec,
                                                            st->st_mtim.tv_nsec)
                                             : "";
    vec_push(a, &listing.lines,
             arena_printf(a, "%s %s%04o %s%s %s", *path ? path : "/", type, st->st_mode & 07777u, owner, when,
                          what));
    return 0;
}

static int line_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

char *tree_state(const char *root, bool exact, struct arena *a)
{
    struct buf b = {0};
    size_t len;
    listing.a = a;
    listing.root = root;
    listing.exact = exact;
    listing.users = slurp(arena_printf(a, "%s/etc/passwd", root), &len, a);
    listing.groups = slurp(arena_printf(a, "%s/etc/group", root), &len, a);
    listing.lines.at = NULL;
    listing.lines.n = listing.lines.cap = 0;
    if (nftw(root, list_entry, 16, FTW_PHYS) < 0)
        die(root);
    qsort(listing.lines.at, listing.lines.n, sizeof *listing.lines.at, line_order);
    for (size_t i = 0; i < listing.lines.n; i++)
        buf_addf(&b, "%s\n", listing.lines.at[i]);
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

/* "/etc/php d0755 root:root ": what a missing parent of a file was made as. */
static bool is_parent(const char *line, size_t n)
{
    static const char as[] = " d0755 root:root ";
    return n > sizeof as - 1 && !memcmp(line + n - (sizeof as - 1), as, sizeof as - 1);
}

char *tree_diff(const char *before, const char *now, bool loosely, struct arena *a)
{
    struct buf b = {0};
    while (*before || *now) {
        size_t n = strcspn(before, "\n"), m = strcspn(now, "\n");
        int c = !*before ? 1 : !*now ? -1 : memcmp(before, now, n < m ? n : m);
        c = c || n == m || !*before || !*now ? c : n < m ? -1 : 1;
        if (c < 0)
            buf_addf(&b, "- %.*s\n", (int)n, before);
        if (c > 0 && !(loosely && is_parent(now, m)))
            buf_addf(&b, "+ %.*s\n", (int)m, now);
        before += c <= 0 ? n + 1 : 0;
        now += c >= 0 ? m + 1 : 0;
    }
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}
