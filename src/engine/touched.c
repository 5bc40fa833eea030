/* Which sites a plan touches: those with an action of their own, and those that stand on what is changed or
 * refreshed of the server. */
#include "internal.h"
#include <string.h>

enum mark { UNKNOWN, SAME, CHANGED };

/* What is looked at for one plan. */
struct look {
    const struct plan *p;
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

static bool is_managed(const struct store_managed *managed, size_t n, const char *site)
{
    for (size_t i = 0; i < n; i++)
        if (managed[i].site && strcmp(managed[i].site, site) == 0)
            return true;
    return false;
}

/* What was never applied, and is not by this plan, has nothing to answer. */
static bool is_there(const struct plan *p, const char *site, bool known)
{
    for (size_t i = 0; i < p->actions.n && !known; i++)
        known = p->actions.at[i].change.res->site && strcmp(p->actions.at[i].change.res->site, site) == 0;
    return known;
}

static struct health *find(struct plan *p, const char *site)
{
    for (size_t i = p->touched.n; i-- > 0;)
        if (strcmp(p->touched.at[i].site, site) == 0)
            return &p->touched.at[i];
    return NULL;
}

void plan_touched(struct plan *p, const struct catalog *c, const struct store_managed *managed, size_t n)
{
    if (p->actions.n == 0)
        return;
    struct look l = {.p = p, .marks = arena_array(p->arena, enum mark, c->list.n + 1)};
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct change *change = &p->actions.at[i].change;
        if (change->res->absent || p->actions.at[i].cause == CAUSE_REMOVED)
            l.all = l.all || !change->res->site;
        else
            l.marks[change->res->slot] = CHANGED;
    }
    for (size_t i = 0; i < c->list.n; i++) {
        const struct resource *r = c->list.at[i];
        if (!r->site || find(p, r->site) || !(l.all || is_changed(&l, r)))
            continue;
        struct health h = {.site = r->site, .known = is_managed(managed, n, r->site)};
        if (is_there(p, r->site, h.known))
            vec_push(p->arena, &p->touched, h);
    }
    /* A site that keeps something and loses something is in the catalog, too. */
    for (size_t i = 0; i < p->actions.n && !l.all; i++) {
        const struct resource *r = p->actions.at[i].change.res;
        bool wanted = false;
        for (size_t k = 0; k < c->list.n && r->absent && r->site && !wanted; k++)
            wanted = c->list.at[k]->site && strcmp(c->list.at[k]->site, r->site) == 0;
        if (!wanted || find(p, r->site))
            continue;
        struct health h = {.site = r->site, .known = true};
        vec_push(p->arena, &p->touched, h);
    }
}
