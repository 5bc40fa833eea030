#include "fs.h"
#include "names.h"
#include "php_settings.h"
#include "site.h"
#include <string.h>

/* For a setting that the operator wrote in an `ini`, the template leaves its own out. Mustache reads a dot as
 * a path, so session.save_path is {{own.session_save_path}}. */
static void own_setting(struct builder *b, struct value *own, const char *name)
{
    char *flag = arena_strdup(&b->values, name);
    for (char *p = flag; *p; p++)
        if (*p == '.')
            *p = '_';
    value_set_flag(own, flag, true);
}

/* What the template says for no other reason than that it has to be something, so that the server's ini may
 * say it. What keeps sites apart (open_basedir) is not among them, nor what has a field (pool_limits). */
static const char *const common[] = {"log_errors", "session.gc_probability", "session.save_path",
                                     "sys_temp_dir", "upload_tmp_dir"};

static void own_settings(struct builder *b, struct value *own, const struct site_php *php)
{
    const struct strmap *site = &php->ini, *server = &b->m->server.php.ini;
    const char *handler = strmap_get(site, "session.save_handler");
    for (size_t i = 0; i < site->n; i++)
        own_setting(b, own, site->at[i].name);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (strmap_get(server, common[i]))
            own_setting(b, own, common[i]);
    /* The site's directory is a path to the handler of files alone. */
    handler = handler ? handler : strmap_get(server, "session.save_handler");
    if (handler && strcmp(handler, "files") != 0)
        own_setting(b, own, "session.save_path");
}

/* What no ini says in place of a field: the site's is written below, the server's stands in conf.d. */
static void pool_limits(struct builder *b, const struct site *s, struct value *v, struct pos pos)
{
    const struct site_php *php = &s->m->php;
    const struct record *nginx = record_site("nginx");
    if (!php_ini_holds(&b->m->server, s->m, "memory_limit"))
        value_set_size(b, v, "memory_limit", php->memory_limit, pos);
    if (!php_ini_holds(&b->m->server, s->m, "max_execution_time"))
        value_set_int(v, "max_execution_time", php->max_execution_time);
    if (field_written(nginx, &s->m->nginx, "client_max_body_size"))
        value_set_size(b, v, "upload", s->m->nginx.client_max_body_size, pos);
}

static struct value *pool_values(struct builder *b, const struct site *s, struct pos pos)
{
    const struct site_php *php = &s->m->php;
    struct value *own = value_map(&b->values), *v = s->values;
    int64_t n = php->children;
    value_set_int(v, "children", n);
    value_set_flag(v, "dynamic", php->process_manager == 1);
    /* As Debian's pool of five has it: two wait at the start, one to three while it is quiet. */
    value_set_int(v, "start_servers", n >= 4 ? 2 : 1);
    value_set_int(v, "max_spare_servers", n >= 4 ? n / 2 + 1 : n >= 2 ? 2 : 1);
    pool_limits(b, s, v, pos);
    own_settings(b, own, php);
    value_set_value(v, "own", own);
    value_set_settings(b, v, "ini", &php->ini, pos_field(record_site("php"), php, "ini", pos));
    return v;
}

/* Where the site's pool ran under another of the server's versions until now, that master must let it go too.
 */
static int notify_others(struct builder *b, const struct site *s, struct error *err)
{
    for (size_t i = 0; i < b->php.n; i++) {
        const struct php_runtime *p = &b->php.at[i];
        struct fs_stat st;
        if (p == s->php)
            continue;
        int r =
            fs_stat(b->in->host, arena_printf(b->a, "/etc/php/%s/fpm/pool.d/%s.conf", p->version, s->domain),
                    &st, err);
        if (r < 0)
            return r;
        if (st.type != FS_ABSENT)
            resource_notifies(b->c, s->pool, p->service, IMPACT_RELOAD);
    }
    return 0;
}

int site_pool(struct builder *b, struct site *s, struct error *err)
{
    struct pos pos = pos_field(record_site(NULL), s->m, "php", s->pos);
    struct bytes text;
    bool ok;
    int r = render(b, "templates/pool.mustache", pool_values(b, s, pos), pos, &text, &ok, err);
    if (r < 0 || !ok)
        return r;
    s->pool = catalog_add(b->c, &php_pool_kind, s->domain, s->domain,
                          pos_field(record_site("php"), &s->m->php, "version", pos));
    struct php_pool_spec *spec = s->pool->spec;
    spec->version = s->php->version;
    spec->content = text;
    content_digest(b->a, &text, &spec->digest);
    spec->mode = 0644;
    const struct {
        const char *line, *name;
    } settings[] = {{"pm.max_children = ", "children"},
                    {"php_admin_value[memory_limit] = ", "memory_limit"},
                    {"pm = ", "process_manager"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!strmap_get(&s->m->php.ini, settings[i].name))
            add_counterpart(b, s->pool, "digest", settings[i].line, true, s->m, "php", settings[i].name,
                            &s->m->php);
    struct resource *needs[] = {s->php->fpm, s->account_res, s->public, s->logs, s->tmp, s->sessions};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        resource_needs(b->c, s->pool, needs[i]);
    resource_notifies(b->c, s->pool, s->php->service, IMPACT_RELOAD);
    return notify_others(b, s, err);
}
