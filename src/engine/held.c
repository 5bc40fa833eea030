/* What the store says is managed, beside what the catalog wants. There are as many rows as resources: a row's
 * names are the resource's own, and of its text only what may be read is kept. */
#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct catalog *c;
    struct arena *arena;
    struct held *held;
    const struct kind *kind;          /* of the row before */
    VEC(const struct resource *) res; /* by row; NULL: no manifest names it any more */
};

static bool leaves_drift(const struct resource *r)
{
    return r->drift != DRIFT_ENFORCE || r->field_drift;
}

static const char *name_of(const char *text, const char *known, struct arena *a)
{
    return text && known && strcmp(text, known) == 0 ? known : arena_strdup(a, text);
}

static void take(void *self, const struct store_managed *lent)
{
    struct reading *g = self;
    struct store_managed m = *lent;
    if (!g->kind || strcmp(g->kind->name, m.kind) != 0)
        g->kind = kind_find(m.kind);
    const struct resource *r = g->kind ? catalog_find(g->c, g->kind, m.id) : NULL;
    m.kind = g->kind ? g->kind->name : arena_strdup(g->arena, m.kind);
    m.id = r ? r->id : arena_strdup(g->arena, m.id);
    m.site = name_of(m.site, r ? r->site : NULL, g->arena);
    bool read = !r || r->absent || leaves_drift(r) || stored_adopted(m.spec) ||
                stored_may_lapse(r->kind->record, m.spec);
    m.spec = read ? arena_strdup(g->arena, m.spec) : NULL;
    vec_push(g->arena, &g->held->rows, m);
    vec_push(g->arena, &g->res, r);
}

static int names_order(const void *x, const void *y)
{
    const struct resource *a = *(const struct resource *const *)x, *b = *(const struct resource *const *)y;
    int c = strcmp(a->kind->name, b->kind->name);
    return c ? c : strcmp(a->id, b->id);
}

static bool is_of(const struct resource *r, const char *const *sites)
{
    for (; r->site && *sites; sites++)
        if (strcmp(*sites, r->site) == 0)
            return true;
    return false;
}

/* One by one, in the order that all have. */
static int read_some(struct engine *e, struct reading *g, const char *const *sites, struct error *err)
{
    const struct resource **list = arena_array(g->arena, const struct resource *, g->c->list.n + 1);
    size_t n = 0;
    int r = 0;
    for (size_t i = 0; i < g->c->list.n; i++)
        if (is_of(g->c->list.at[i], sites))
            list[n++] = g->c->list.at[i];
    if (n)
        qsort(list, n, sizeof *list, names_order);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct store_managed m;
        r = store_managed_get(e->store, list[i]->kind->name, list[i]->id, g->arena, &m, err);
        if (r == 0)
            take(g, &m);
        r = r == -ENOENT ? 0 : r;
    }
    return r;
}

int held_read(struct engine *e, const struct catalog *c, const char *const *sites, struct arena *a,
              struct held *ret, struct error *err)
{
    struct held h = {0};
    struct reading g = {.c = c, .arena = a, .held = &h};
    h.rows.cap = g.res.cap = c->list.n + 64;
    h.rows.at = arena_array(a, struct store_managed, h.rows.cap);
    g.res.at = arena_array(a, const struct resource *, g.res.cap);
    int r = sites ? read_some(e, &g, sites, err) : store_managed_each(e->store, take, &g, err);
    if (r < 0)
        return r;
    h.wanted = arena_array(a, bool, h.rows.n + 1);
    h.by_slot = arena_array(a, const struct store_managed *, c->list.n + 1);
    for (size_t i = 0; i < h.rows.n; i++) {
        h.wanted[i] = g.res.at[i] != NULL;
        if (g.res.at[i])
            h.by_slot[g.res.at[i]->slot] = &h.rows.at[i];
    }
    *ret = h;
    return 0;
}
