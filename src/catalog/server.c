#include "builder.h"
#include <string.h>

static void timezone_build(struct builder *b)
{
    const struct manifest_server *s = &b->m->server;
    if (!s->timezone)
        return;
    struct pos pos = pos_field(record_server(NULL), s, "timezone", s->origin.pos);
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
