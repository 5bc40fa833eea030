#include "builder.h"
#include "text.h"
#include <string.h>

/* Extensions that come with phpX.Y-common or are built in, so that no package bears their name. */
static const char *const php_built_in[] = {
    "calendar", "ctype",   "date",    "exif",    "ffi",     "fileinfo",  "filter",
    "ftp",      "gettext", "hash",    "iconv",   "json",    "openssl",   "pcntl",
    "pcre",     "pdo",     "phar",    "posix",   "random",  "session",   "shmop",
    "sockets",  "sodium",  "sysvmsg", "sysvsem", "sysvshm", "tokenizer", "zlib"};

/* Extensions that a package of another name brings. */
static const struct {
    const char *extension, *package;
} php_packaged[] = {{"dom", "xml"},         {"mysqli", "mysql"},    {"mysqlnd", "mysql"},
                    {"pdo_mysql", "mysql"}, {"pdo_pgsql", "pgsql"}, {"pdo_sqlite", "sqlite3"},
                    {"simplexml", "xml"},   {"xmlreader", "xml"},   {"xmlwriter", "xml"},
                    {"xsl", "xml"}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The part of the package's name behind "phpX.Y-"; NULL where no package is needed. */
static const char *extension_package(const char *extension, const char *version)
{
    /* PHP 8.5 has opcache built in and no package of that name. */
    if (strcmp(extension, "opcache") == 0)
        return version_compare(version, "8.5") < 0 ? "opcache" : NULL;
    for (size_t i = 0; i < COUNT(php_built_in); i++)
        if (strcmp(extension, php_built_in[i]) == 0)
            return NULL;
    for (size_t i = 0; i < COUNT(php_packaged); i++)
        if (strcmp(extension, php_packaged[i].extension) == 0)
            return php_packaged[i].package;
    return extension;
}

static struct resource *add_php_package(struct builder *b, struct php_runtime *p, const char *what,
                                        struct pos pos)
{
    struct resource *r = add_package(b, arena_printf(b->a, "php%s-%s", p->version, what), NULL, pos);
    for (size_t i = 0; i < p->packages.n; i++)
        if (p->packages.at[i] == r)
            return r;
    vec_push(b->a, &p->packages, r);
    return r;
}

static void add_extension(struct builder *b, struct php_runtime *p, const char *name, struct pos pos)
{
    const char *package = extension_package(name, p->version);
    if (package)
        add_php_package(b, p, package, pos);
}

static void php_packages(struct builder *b, struct php_runtime *p)
{
    const struct manifest_php *php = &b->m->server.php;
    struct pos pos = pos_field(record_server("php"), php, "extensions", p->pos);
    p->fpm = add_php_package(b, p, "fpm", p->pos);
    p->cli = add_php_package(b, p, "cli", p->pos);
    add_extension(b, p, "opcache", p->pos);
    if (b->mariadb_wanted)
        add_extension(b, p, "mysql", p->pos);
    for (size_t i = 0; i < php->extensions.n; i++)
        add_extension(b, p, php->extensions.at[i], pos);
}

static void mariadb_packages(struct builder *b)
{
    const struct manifest_mariadb *db = &b->m->server.mariadb;
    const struct manifest_site *sites = b->m->sites.at;
    struct pos pos = pos_field(record_server("mariadb"), db, "enabled", b->m->server.origin.pos);
    for (size_t i = 0; i < b->m->sites.n; i++) {
        if (sites[i].type != SITE_WORDPRESS)
            continue;
        b->mariadb_wanted = true;
        pos = sites[i].origin.pos;
        break;
    }
    b->mariadb_wanted |= db->enabled == 1;
    if (!b->mariadb_wanted)
        return;
    b->mariadb_package = add_package(b, "mariadb-server", NULL, pos);
    add_package(b, "mariadb-client", NULL, pos);
}

/* What the manifest names itself. Holds are citrus's matter only where `hold` is written: then no other
 * package of the manifest is held, else a hold that a person set stays. */
static void own_packages(struct builder *b)
{
    const struct manifest_packages *p = &b->m->server.packages;
    const struct record *r = record_server("packages");
    struct pos otherwise = b->m->server.origin.pos;
    for (size_t i = 0; i < p->present.n; i++)
        add_package(b, p->present.at[i], NULL, pos_field(r, p, "present", otherwise));
    for (size_t i = 0; i < p->hold.n; i++)
        add_package(b, p->hold.at[i], NULL, pos_field(r, p, "hold", otherwise));
    for (size_t i = 0; i < b->c->list.n && p->hold.at; i++) {
        struct resource *one = b->c->list.at[i];
        if (one->kind == &package_kind)
            ((struct package_spec *)one->spec)->held = strings_has(&p->hold, one->id);
    }
    for (size_t i = 0; i < p->absent.n; i++) {
        struct pos pos = pos_field(r, p, "absent", otherwise);
        if (catalog_find(b->c, &package_kind, p->absent.at[i])) {
            diag_error(b->d, pos, NULL,
                       "the package %s cannot be absent: other parts of the manifest need it",
                       p->absent.at[i]);
            continue;
        }
        catalog_add(b->c, &package_kind, p->absent.at[i], NULL, pos)->absent = true;
    }
}

void server_packages(struct builder *b)
{
    struct pos pos = b->m->server.origin.pos;
    b->nginx_package = add_package(b, "nginx", NULL, pos);
    mariadb_packages(b);
    for (size_t i = 0; i < b->php.n; i++)
        php_packages(b, &b->php.at[i]);
    if (b->m->sites.n)
        b->logrotate_package = add_package(b, "logrotate", NULL, pos);
    if (b->m->server.timezone)
        add_package(b, "tzdata", NULL, pos_field(record_server(NULL), &b->m->server, "timezone", pos));
    own_packages(b);
}
