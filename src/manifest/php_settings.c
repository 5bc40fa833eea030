#include "php_settings.h"
#include "site_fields.h"
#include "text.h"
#include <string.h>

/* As site.php.max_execution_time has it. */
#define TIME_MOST 86400

static const struct strmap_item *item_find(const struct strmap *ini, const char *name)
{
    for (size_t i = 0; i < ini->n; i++)
        if (strcmp(ini->at[i].name, name) == 0)
            return &ini->at[i];
    return NULL;
}

const struct strmap_item *php_ini_holds(const struct manifest_server *server, const struct manifest_site *s,
                                        const char *name)
{
    const struct strmap_item *own = item_find(&s->php.ini, name);
    if (own || field_written(record_field(&site_record, "php")->of, &s->php, name))
        return own;
    return item_find(&server->php.ini, name);
}

/* Whole seconds, to PHP: of "5m" it takes the 5. */
static int time_parse(const char *t, int64_t *ret)
{
    int64_t v;
    if (int_parse(t, &v) < 0 || v < 0 || v > TIME_MOST)
        return -1;
    *ret = v ? v : PHP_UNLIMITED;
    return 0;
}

/* PHP knows no T, and of "512MB" it takes the 512 (zend_atol). */
static int limit_parse(const char *t, int64_t *ret)
{
    if (strcmp(t, "-1") == 0) {
        *ret = PHP_UNLIMITED;
        return 0;
    }
    return strpbrk(t, "Tt") ? -1 : size_parse(t, ret);
}

int64_t php_memory_limit(const struct manifest_server *server, const struct manifest_site *s)
{
    const struct strmap_item *item = php_ini_holds(server, s, "memory_limit");
    int64_t v = s->php.memory_limit;
    if (item)
        limit_parse(item->value, &v);
    return v;
}

int64_t php_execution_time(const struct manifest_server *server, const struct manifest_site *s)
{
    const struct strmap_item *item = php_ini_holds(server, s, "max_execution_time");
    int64_t v = s->php.max_execution_time;
    if (item)
        time_parse(item->value, &v);
    return v;
}

/* What PHP takes of a request, by the ini: 0 is no limit. */
static const char *const uploads[] = {"post_max_size", "upload_max_filesize"};

static bool is_size(const char *name)
{
    bool is = strcmp(name, "memory_limit") == 0;
    for (size_t i = 0; i < sizeof uploads / sizeof *uploads; i++)
        is = is || strcmp(name, uploads[i]) == 0;
    return is;
}

static void check_item(const struct strmap_item *item, struct diags *d)
{
    int64_t v;
    if (strcmp(item->name, "max_execution_time") == 0 && time_parse(item->value, &v) < 0)
        diag_error(d, item->pos, "write seconds, such as 300; 0 is no limit",
                   "\"%s\" must be a whole number up to %d, not \"%s\"", item->name, TIME_MOST, item->value);
    else if (is_size(item->name) && limit_parse(item->value, &v) < 0)
        diag_error(d, item->pos,
                   strcmp(item->name, "memory_limit") == 0
                       ? "write bytes, or a number with K, M or G behind it, such as 256M; -1 is no limit"
                       : "write bytes, or a number with K, M or G behind it, such as 256M; 0 is no limit",
                   "\"%s\" must be a size, not \"%s\"", item->name, item->value);
    /* A text with blanks or & is quoted in a file of PHP, and quoted it is no expression: nothing is
     * reported. */
    else if (strcmp(item->name, "error_reporting") == 0 && int_parse(item->value, &v) < 0)
        diag_error(d, item->pos, "write the number, as `php -r 'echo E_ALL & ~E_DEPRECATED;'` prints it",
                   "\"%s\" must be a number, not \"%s\"", item->name, item->value);
}

/* The server's line that a site has no better one for, or the site's own; NULL: PHP takes what nginx takes.
 */
static const struct strmap_item *upload_holds(const struct manifest_server *server,
                                              const struct manifest_site *s, const char *name)
{
    const struct strmap_item *own = item_find(&s->php.ini, name);
    if (own || field_written(record_field(&site_record, "nginx")->of, &s->nginx, "client_max_body_size"))
        return own;
    return item_find(&server->php.ini, name);
}

/* nginx answers before PHP hears of it. A line of the server is told once, however many sites it is about. */
static void check_upload(const struct manifest *m, const struct manifest_site *s, const char *name,
                         const struct strmap_item **told, struct diags *d)
{
    const struct strmap_item *item = upload_holds(&m->server, s, name);
    int64_t php, nginx = s->nginx.client_max_body_size;
    bool own = nginx != FIELD_UNSET;
    nginx = own ? nginx : m->server.nginx.client_max_body_size;
    if (!item || item == *told || limit_parse(item->value, &php) < 0 || (php != 0 && php <= nginx))
        return;
    bool common = item == item_find(&m->server.php.ini, name);
    if (common)
        *told = item;
    const char *field =
        common ? "server.nginx.client_max_body_size" : "the site's nginx.client_max_body_size";
    diag_warning(d, item->pos,
                 arena_printf(d->arena, "write %s in its place: nginx and PHP both take what it says", field),
                 "\"%s\" is %s, and nginx answers 413 to what is larger than its client_max_body_size, %s",
                 name, item->value, size_text(d->arena, nginx));
}

static void check_uploads(const struct manifest *m, struct diags *d)
{
    const struct manifest_site *sites = m->sites.at;
    for (size_t k = 0; k < sizeof uploads / sizeof *uploads; k++) {
        const struct strmap_item *told = NULL;
        for (size_t i = 0; i < m->sites.n; i++)
            if (sites[i].type == SITE_PHP || sites[i].type == SITE_WORDPRESS)
                check_upload(m, &sites[i], uploads[k], &told, d);
    }
}

void php_settings_check(const struct manifest *m, struct diags *d)
{
    const struct manifest_site *sites = m->sites.at;
    const struct strmap_item *basedir = item_find(&m->server.php.ini, "open_basedir");
    if (basedir)
        diag_error(d, basedir->pos, "write it in the site's php.ini",
                   "\"open_basedir\" is each site's own: one for all would not keep them apart");
    for (size_t i = 0; i < m->server.php.ini.n; i++)
        check_item(&m->server.php.ini.at[i], d);
    for (size_t i = 0; i < m->sites.n; i++)
        for (size_t k = 0; k < sites[i].php.ini.n; k++)
            check_item(&sites[i].php.ini.at[k], d);
    check_uploads(m, d);
}
