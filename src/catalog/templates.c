#include "templates.h"
#include "fs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TEMPLATE_MOST ((size_t)1 << 20)

struct entry {
    const char *name;
    const char *text; /* NULL: there is no such file */
    size_t len;
    const char *path; /* where it was read from */
    struct template *parsed;
};

struct templates {
    struct arena *arena;
    struct host *host;
    const char *share_dir, *share_from;
    VEC(struct entry *) list;
    struct buf out; /* what was rendered last; it has grown to what the largest takes */
    int failed;     /* of a partial: the loader's contract cannot carry an error */
    struct error err;
};

struct templates *templates_new(struct arena *a, struct host *h, const char *share_dir,
                                const char *share_from)
{
    struct templates *t = arena_new(a, struct templates);
    t->arena = a;
    t->host = h;
    t->share_dir = share_dir;
    t->share_from = share_from;
    return t;
}

static int entry_read(struct templates *t, struct entry *e, struct error *err)
{
    struct buf text = {0};
    const char *base = strrchr(e->name, '/');
    const char *own = arena_printf(t->arena, "/etc/citrus/templates/%s", base ? base + 1 : e->name);
    int r = fs_read(t->host, own, TEMPLATE_MOST, &text, err);
    e->path = own;
    if (r == -ENOENT) {
        e->path = arena_printf(t->arena, "%s/%s", t->share_dir, e->name);
        error_clear(err);
        r = fs_read_machine(t->host, e->path, TEMPLATE_MOST, &text, err);
        if (r < 0)
            error_prefix(err, "a template");
        if (r < 0 && t->share_from)
            error_hint(err,
                       "%s has %s in place of citrus's own installation: unset it, or name a tree that holds "
                       "templates and configs",
                       t->share_from, t->share_dir);
        else if (r < 0)
            error_hint(err, "the templates belong to citrus's own installation: install it again");
    }
    if (r == 0) {
        e->text = arena_memdup(t->arena, text.at, text.len);
        e->len = text.len;
    }
    buf_free(&text);
    return r;
}

static int entry_get(struct templates *t, const char *name, struct entry **ret, struct error *err)
{
    for (size_t i = 0; i < t->list.n; i++)
        if (strcmp(t->list.at[i]->name, name) == 0) {
            *ret = t->list.at[i];
            return 0;
        }
    struct entry *e = arena_new(t->arena, struct entry);
    e->name = arena_strdup(t->arena, name);
    int r = entry_read(t, e, err);
    if (r < 0)
        return r;
    vec_push(t->arena, &t->list, e);
    *ret = e;
    return 0;
}

static const char *load_partial(void *self, const char *name, size_t *len)
{
    struct templates *t = self;
    struct entry *e;
    struct error err = {0};
    if (strchr(name, '/'))
        return NULL;
    int r = entry_get(t, arena_printf(t->arena, "templates/%s.mustache", name), &e, &err);
    if (r < 0) {
        t->failed = r;
        t->err = err;
        return NULL;
    }
    *len = e->len;
    return e->text;
}

int templates_render(struct templates *t, const char *name, const struct value *v, struct arena *a,
                     struct bytes *ret, bool *ret_bad, struct error *err)
{
    struct entry *e;
    int r = entry_get(t, name, &e, err);
    if (r < 0)
        return r;
    if (!e->parsed) {
        const struct template_loader *loader =
            arena_memdup(t->arena, &(struct template_loader){.load = load_partial, .self = t},
                         sizeof(struct template_loader));
        t->failed = 0;
        r = template_parse(e->path, e->text, e->len, loader, t->arena, &e->parsed, err);
        if (t->failed && err)
            *err = t->err;
        if (r < 0 || t->failed)
            return r < 0 ? r : t->failed;
    }
    buf_reset(&t->out);
    r = template_render(e->parsed, v, &t->out, err);
    *ret_bad = r == -EINVAL;
    if (r == 0)
        *ret = (struct bytes){.at = a ? arena_memdup(a, t->out.at, t->out.len) : buf_str(&t->out),
                              .len = t->out.len};
    return *ret_bad ? 0 : r;
}

void templates_end(struct templates *t)
{
    buf_wipe(&t->out);
}
