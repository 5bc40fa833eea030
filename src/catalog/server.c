#include "builder.h"
#include "fs.h"
#include "text.h"
#include <string.h>

#define ZONES "/usr/share/zoneinfo"

/* A zone of the same folder whose name is near; NULL: none. */
static const char *zone_near(struct builder *b, const char *zone)
{
    const char *slash = strrchr(zone, '/'), *word = slash ? slash + 1 : zone, **names;
    int folder = slash ? (int)(slash - zone) : 0;
    size_t n;
    if (fs_list(b->in->host, arena_printf(b->a, ZONES "/%.*s", folder, zone), b->a, &names, &n, NULL) < 0)
        return NULL;
    const char *near = near_name(word, names, n);
    return near ? arena_printf(b->a, "%.*s%s", (int)(word - zone), zone, near) : NULL;
}

/* A link to a zone that is not there is UTC to every program, and no error. Nothing is known where tzdata is
 * not installed yet; older names are in a package of their own, which may come with this run. */
static void timezone_check(struct builder *b, const char *zone, struct pos pos)
{
    struct fs_stat all, st;
    if (fs_stat(b->in->host, ZONES, &all, NULL) < 0 || all.type != FS_DIRECTORY ||
        fs_stat(b->in->host, arena_printf(b->a, ZONES "/%s", zone), &st, NULL) < 0 ||
        (st.type != FS_ABSENT && st.type != FS_DIRECTORY) ||
        strings_has(&b->m->server.packages.present, "tzdata-legacy"))
        return;
    const char *near = zone_near(b, zone);
    const char *hint = near ? arena_printf(b->a, "did you mean \"%s\"?", near)
                            : "`timedatectl list-timezones` names them; some old names come with the package "
                              "tzdata-legacy, under server.packages.present";
    (b->in->elsewhere ? diag_warning : diag_error)(b->d, pos, hint, "there is no time zone \"%s\" in " ZONES,
                                                   zone);
}

static void timezone_build(struct builder *b)
{
    const struct manifest_server *s = &b->m->server;
    if (!s->timezone)
        return;
    struct pos pos = pos_field(record_server(NULL), s, "timezone", s->origin.pos);
    timezone_check(b, s->timezone, pos);
    struct resource *tzdata = catalog_find(b->c, &package_kind, "tzdata");
    struct resource *link =
        add_link(b, "/etc/localtime", arena_printf(b->a, "/usr/share/zoneinfo/%s", s->timezone), NULL, pos);
    add_counterpart(b, link, "target", "/usr/share/zoneinfo/", false, NULL, NULL, "timezone", s);
    struct resource *file = catalog_add(b->c, &file_kind, "/etc/timezone", NULL, pos);
    struct file_spec *f = file->spec;
    const char *text = arena_printf(b->a, "%s\n", s->timezone);
    file_content(b->a, f, text, strlen(text), false);
    add_counterpart(b, file, "digest", "", true, NULL, NULL, "timezone", s);
    f->mode = 0644;
    f->owner = "root";
    f->group = "root";
    link->returns = file->returns = true;
    resource_needs(b->c, link, tzdata);
    resource_needs(b->c, file, tzdata);
}

int server_build(struct builder *b, struct error *err)
{
    int r;
    server_php_versions(b);
    server_packages(b);
    timezone_build(b);
    if (b->m->sites.n)
        b->www = add_directory(b, "/var/www", NULL, b->m->server.origin.pos, 0755, "root", "root");
    r = server_nginx(b, err);
    if (r == 0)
        r = server_php(b, err);
    if (r == 0)
        r = server_mariadb(b, err);
    if (r == 0)
        server_drift(b);
    return r;
}
