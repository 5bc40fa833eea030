#include "builder.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

/* opcache's shared memory in MB: 128 is PHP's own default and holds one or two WordPress sites; from a budget
 * of 4 GB there is room for more. */
#define OPCACHE_SMALL  128
#define OPCACHE_LARGE  256
#define OPCACHE_BUDGET ((int64_t)4 << 30)

static int runtime_order(const void *x, const void *y)
{
    const struct php_runtime *a = x, *b = y;
    return version_compare(a->version, b->version);
}

struct php_runtime *php_runtime(const struct builder *b, const char *version)
{
    for (size_t i = 0; version && i < b->php.n; i++)
        if (strcmp(b->php.at[i].version, version) == 0)
            return &b->php.at[i];
    return NULL;
}

const char *site_php_version(const struct builder *b, const struct manifest_site *s)
{
    return s->php.version ? s->php.version : b->php_default;
}

static void want_version(struct builder *b, const char *version, struct pos pos)
{
    if (!php_runtime(b, version))
        vec_push(b->a, &b->php, ((struct php_runtime){.version = version, .pos = pos}));
}

void server_php_versions(struct builder *b)
{
    const struct manifest_php *php = &b->m->server.php;
    const struct record *r = record_server("php");
    const struct manifest_site *sites = b->m->sites.at;
    struct pos server = b->m->server.origin.pos;
    b->php_default = php->dfault ? php->dfault : php->versions.n ? php->versions.at[0] : b->f->php;
    for (size_t i = 0; i < php->versions.n; i++)
        want_version(b, php->versions.at[i], pos_field(r, php, "versions", server));
    if (php->dfault)
        want_version(b, php->dfault, pos_field(r, php, "default", server));
    for (size_t i = 0; i < b->m->sites.n; i++) {
        const struct manifest_site *s = &sites[i];
        if (!site_runs_php(s))
            continue;
        const char *version = site_php_version(b, s);
        struct pos pos = pos_field(record_site("php"), &s->php, "version", s->origin.pos);
        if (version)
            want_version(b, version, pos);
        else
            diag_error(b->d, pos, "name one: server.php.versions: [\"8.2\"]",
                       "%s needs PHP, and the system's packages offer no version by default", s->domain);
    }
    if (b->php.n > 1)
        qsort(b->php.at, b->php.n, sizeof *b->php.at, runtime_order);
}

static struct value *php_values(struct builder *b, const struct php_runtime *p)
{
    const struct manifest_server *s = &b->m->server;
    struct pos server = s->origin.pos;
    struct value *v = value_map(&b->values);
    value_set(v, "version", p->version);
    value_set_int(v, "opcache_memory", b->tuning.budget >= OPCACHE_BUDGET ? OPCACHE_LARGE : OPCACHE_SMALL);
    if (s->timezone)
        value_set_at(v, "timezone", s->timezone, pos_field(record_server(NULL), s, "timezone", server));
    value_set_size(b, v, "upload", s->nginx.client_max_body_size,
                   pos_field(record_server("nginx"), &s->nginx, "client_max_body_size", server));
    value_set_settings(b, v, "ini", &s->php.ini, pos_field(record_server("php"), &s->php, "ini", server));
    return v;
}

static int runtime_build(struct builder *b, struct php_runtime *p, struct error *err)
{
    const struct {
        const char *path, *template;
    } files[] = {
        {arena_printf(b->a, "/etc/php/%s/fpm/conf.d/90-citrus.ini", p->version), "configs/php.ini"},
        {arena_printf(b->a, "/etc/php/%s/fpm/pool.d/00-citrus-global.conf", p->version),
         "configs/php-global.conf"},
        /* php-fpm does not start without a pool, and Debian's runs as the web user, who may read every site.
         */
        {arena_printf(b->a, "/etc/php/%s/fpm/pool.d/www.conf", p->version), "configs/idle-pool.conf"},
    };
    const char *check = arena_printf(b->a, "php-fpm:%s", p->version);
    struct pos ini = pos_field(record_server("php"), &b->m->server.php, "ini", p->pos);
    struct resource *made[3] = {NULL};
    struct value *v = php_values(b, p);
    for (size_t i = 0; i < 3; i++) {
        int r =
            add_rendered(b, files[i].path, files[i].template, v, NULL, i == 0 ? ini : p->pos, &made[i], err);
        if (r < 0)
            return r;
        if (made[i]) {
            ((struct file_spec *)made[i]->spec)->validate = check;
            made[i]->returns = i == 2;
            resource_needs(b->c, made[i], p->fpm);
        }
    }
    p->service = add_service(b, arena_printf(b->a, "php%s-fpm.service", p->version), check, p->pos);
    for (size_t i = 0; i < p->packages.n; i++) {
        resource_needs(b->c, p->service, p->packages.at[i]);
        resource_notifies(b->c, p->packages.at[i], p->service, IMPACT_RELOAD);
    }
    for (size_t i = 0; i < 3; i++)
        if (made[i]) {
            resource_needs(b->c, p->service, made[i]);
            resource_notifies(b->c, made[i], p->service, IMPACT_RELOAD);
        }
    return 0;
}

int server_php(struct builder *b, struct error *err)
{
    for (size_t i = 0; i < b->php.n; i++) {
        int r = runtime_build(b, &b->php.at[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}
