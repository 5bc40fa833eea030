/* Which sites a plan touches: those with an action of their own, and those that stand on what is changed or
 * refreshed of the server. */
#include "internal.h"
#include "name_index.h"
#include <string.h>

enum mark { UNKNOWN, SAME, CHANGED };

/* What is looked at for one plan. */
struct look {
    enum mark *marks; /* by slot */
    bool all;         /* how far a removal of the server's reaches, nobody knows */
};

static bool is_changed(struct look *l, const struct resource *r)
{
    enum mark *m = &l->marks[r->slot];
    if (*m != UNKNOWN)
        return *m == CHANGED;
    *m = SAME; /* needs have no circles; order_catalog() saw to it */
    bool changed = false;
    for (size_t i = 0; i < r->needs.n && !changed; i++)
        changed = is_changed(l, r->needs.at[i]);
    for (size_t i = 0; i < r->notifies.n && !changed; i++)
        changed = is_changed(l, r->notifies.at[i].service);
    *m = changed ? CHANGED : SAME;
    return changed;
}

/* The names of sites that are somewhere, each as often as it is there. */
struct sites {
    const char **at;
    size_t n;
    struct name_index index;
};

static void sites_add(struct sites *s, const char *site)
{
    if (site)
        s->at[s->n++] = site;
}

static void sites_index(struct sites *s, struct arena *a)
{
    name_index_make(&s->index, s->at, s->n, sizeof *s->at, a);
}

static bool is_in(const struct sites *s, const char *site)
{
    return name_index_find(&s->index, site) != NULL;
}

struct known {
    struct sites managed, changed, wanted;
    bool *listed; /* by the place of its first name in `wanted` */
};

static struct known known_of(const struct plan *p, const struct catalog *c,
                             const struct store_managed *managed, size_t n, struct arena *a)
{
    struct known k = {.listed = arena_array(a, bool, c->list.n + 1)};
    k.managed.at = arena_array(a, const char *, n + 1);
    k.changed.at = arena_array(a, const char *, p->actions.n + 1);
    k.wanted.at = arena_array(a, const char *, c->list.n + 1);
    for (size_t i = 0; i < n; i++)
        sites_add(&k.managed, managed[i].site);
    for (size_t i = 0; i < p->actions.n; i++)
        sites_add(&k.changed, p->actions.at[i].change.res->site);
    for (size_t i = 0; i < c->list.n; i++)
        sites_add(&k.wanted, c->list.at[i]->site);
    sites_index(&k.managed, a);
    sites_index(&k.changed, a);
    sites_index(&k.wanted, a);
    return k;
}

/* Once a site of the catalog. */
static void list(struct plan *p, struct known *k, const char *site, bool known)
{
    const char *const *first = name_index_find(&k->wanted.index, site);
    if (!first || k->listed[first - k->wanted.at])
        return;
    struct health h = {.site = site, .known = known};
    k->listed[first - k->wanted.at] = true;
    vec_push(p->arena, &p->touched, h);
}

void plan_touched(struct plan *p, const struct catalog *c, const struct store_managed *managed, size_t n)
{
    if (p->actions.n == 0)
        return;
    struct arena a = {0};
    struct look l = {.marks = arena_array(&a, enum mark, c->list.n + 1)};
    struct known k = known_of(p, c, managed, n, &a);
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct change *change = &p->actions.at[i].change;
        if (change->res->absent || p->actions.at[i].cause == CAUSE_REMOVED)
            l.all = l.all || !change->res->site;
        else
            l.marks[change->res->slot] = CHANGED;
    }
    for (size_t i = 0; i < c->list.n; i++) {
        const struct resource *r = c->list.at[i];
        if (!r->site || !(l.all || is_changed(&l, r)))
            continue;
        bool known = is_in(&k.managed, r->site);
        /* What was never applied, and is not by this plan, has nothing to answer. */
        if (known || is_in(&k.changed, r->site))
            list(p, &k, r->site, known);
    }
    /* A site that keeps something and loses something is in the catalog, too. */
    for (size_t i = 0; i < p->actions.n && !l.all; i++) {
        const struct resource *r = p->actions.at[i].change.res;
        if (r->absent && r->site)
            list(p, &k, r->site, true);
    }
    arena_free(&a);
}
