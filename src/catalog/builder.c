#include "builder.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct record *record_part(const struct record *r, const char *part)
{
    return part ? record_field(r, part)->of : r;
}

const struct record *record_server(const char *part)
{
    static const struct record *server; /* the same each time, and asked for many times a site */
    if (!server)
        server = record_field(&manifest_record, "server")->of;
    return record_part(server, part);
}

const struct record *record_site(const char *part)
{
    static const struct record *site;
    if (!site)
        site = record_field(&manifest_record, "sites")->of;
    return record_part(site, part);
}

struct pos pos_field(const struct record *r, const void *p, const char *name, struct pos otherwise)
{
    struct pos pos = origin_of(r, p, name);
    return pos.file ? pos : otherwise;
}

void builder_make(struct builder *b, const struct catalog_input *in, struct catalog *c, struct arena *a,
                  struct diags *d)
{
    const char *web_user = in->facts->web_user;
    *b = (struct builder){.in = in,
                          .m = in->manifest,
                          .f = in->facts,
                          .c = c,
                          .a = a,
                          .texts = a,
                          .d = d,
                          .t = in->templates ? *in->templates : NULL,
                          .web_user = web_user ? web_user : "www-data"};
    if (!b->t)
        b->t = templates_new(a, in->host, in->share_dir, in->share_from);
    if (in->templates)
        *in->templates = b->t;
    tuning_make(in->manifest, in->facts, &b->tuning, d);
}

void builder_end(struct builder *b)
{
    arena_free(&b->values);
    templates_end(b->t);
}

struct resource *add_package(struct builder *b, const char *name, const char *site, struct pos pos)
{
    struct resource *r = catalog_add(b->c, &package_kind, name, site, pos);
    struct package_spec *s = r->spec;
    s->installed = "yes";
    return r;
}

struct resource *add_directory(struct builder *b, const char *path, const char *site, struct pos pos,
                               int64_t mode, const char *owner, const char *group)
{
    struct resource *r = catalog_add(b->c, &directory_kind, path, site, pos);
    struct directory_spec *s = r->spec;
    s->mode = mode;
    s->owner = owner;
    s->group = group;
    return r;
}

struct resource *add_link(struct builder *b, const char *path, const char *target, const char *site,
                          struct pos pos)
{
    struct resource *r = catalog_add(b->c, &link_kind, path, site, pos);
    struct link_spec *s = r->spec;
    s->target = target;
    return r;
}

struct resource *add_service(struct builder *b, const char *unit, const char *check, struct pos pos)
{
    struct resource *r = catalog_add(b->c, &service_kind, unit, NULL, pos);
    struct service_spec *s = r->spec;
    s->enabled = 1;
    s->active = 1;
    s->check = check;
    return r;
}

struct resource *add_drop_in(struct builder *b, const char *unit, const char *name, const char *lines,
                             struct pos pos)
{
    const char *place = arena_printf(b->a, "/etc/systemd/system/%s.d", unit);
    const char *text = arena_join(
        b->a, "# Written by citrus. A change made here is drift, and the next run takes it back.\n", lines);
    struct resource *directory = add_directory(b, place, NULL, pos, 0755, "root", "root");
    struct resource *file = catalog_add(b->c, &file_kind, arena_join(b->a, place, "/", name), NULL, pos);
    struct file_spec *s = file->spec;
    file_content(b->a, s, text, strlen(text), false);
    s->mode = 0644;
    s->owner = "root";
    s->group = "root";
    resource_needs(b->c, file, directory);
    return file;
}

/* Where the value was written that a template could not hold: template_render() names it in its text. */
static struct pos value_pos(const struct builder *b, const char *text, struct pos otherwise)
{
    if (!otherwise.file)
        return otherwise;
    const char *mark = arena_printf(b->a, " %s:", otherwise.file), *at = strstr(text, mark);
    if (!at)
        return otherwise;
    char *end;
    struct pos pos = {.file = otherwise.file};
    pos.line = (int)strtol(at + strlen(mark), &end, 10);
    if (*end == ':')
        pos.col = (int)strtol(end + 1, NULL, 10);
    return pos;
}

int render(struct builder *b, const char *template, const struct value *v, struct pos pos, struct bytes *ret,
           bool *ret_ok, struct error *err)
{
    bool bad = false;
    struct error why = {0};
    *ret = (struct bytes){0};
    int r = templates_render(b->t, template, v, b->texts, ret, &bad, &why);
    *ret_ok = r == 0 && !bad;
    if (bad)
        diag_error(b->d, value_pos(b, why.text, pos), why.hint[0] ? why.hint : NULL, "%s", why.text);
    if (r < 0 && err)
        *err = why;
    return r;
}

int add_rendered(struct builder *b, const char *path, const char *template, const struct value *v,
                 const char *site, struct pos pos, struct resource **ret, struct error *err)
{
    struct bytes text = {.at = ""};
    bool ok = true;
    *ret = NULL;
    int r = !site && b->in->sites_only ? 0 : render(b, template, v, pos, &text, &ok, err);
    if (r < 0 || !ok)
        return r;
    *ret = catalog_add(b->c, &file_kind, path, site, pos);
    struct file_spec *s = (*ret)->spec;
    file_content(b->a, s, text.at, text.len, false);
    s->mode = 0644;
    s->owner = "root";
    s->group = "root";
    return 0;
}

void add_counterpart(struct builder *b, struct resource *r, const char *field, const char *prefix, bool line,
                     const struct manifest_site *site, const char *part, const char *name, const void *at)
{
    const struct record *rec = site ? record_site(part) : record_server(part);
    struct counterpart c = {.field = field,
                            .prefix = prefix,
                            .line = line,
                            .part = part,
                            .name = name,
                            .pos = pos_field(rec, at, name, (struct pos){0})};
    vec_push(b->a, &r->counterparts, c);
}

void value_set_size(struct builder *b, struct value *map, const char *name, int64_t bytes, struct pos pos)
{
    const char *text = size_text(&b->values, bytes);
    if (ends_with(text, "T"))
        text = arena_printf(&b->values, "%lldG", (long long)(bytes >> 30));
    value_set_at(map, name, text, pos);
}

void value_set_settings(struct builder *b, struct value *map, const char *name, const struct strmap *settings,
                        struct pos pos)
{
    struct value *list = value_list(&b->values);
    for (size_t i = 0; i < settings->n; i++) {
        const struct strmap_item *item = &settings->at[i];
        struct value *one = value_map(&b->values);
        value_set_at(one, "name", item->name, item->pos);
        value_set_at(one, "value", item->value, item->pos);
        value_push(list, one);
    }
    value_set_value(map, name, list);
}
