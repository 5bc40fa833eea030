#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum mark { UNSEEN, OPEN, PLACED };
struct walk {
    enum mark *marks;
    struct resource **out;
    size_t n;
    struct error *err;
};

static int place(struct walk *w, struct resource *r)
{
    if (w->marks[r->slot] == PLACED)
        return 0;
    if (w->marks[r->slot] == OPEN)
        return error_set(w->err, -ELOOP, "%s %s needs itself, by way of others", r->kind->name, r->id);
    w->marks[r->slot] = OPEN;
    for (size_t i = 0; i < r->needs.n; i++) {
        struct resource *needed = r->needs.at[i];
        if (!r->site && needed->site)
            return error_set(w->err, -EINVAL, "%s %s of the server needs %s %s of site %s", r->kind->name,
                             r->id, needed->kind->name, needed->id, needed->site);
        int rc = place(w, needed);
        if (rc < 0)
            return rc;
    }
    w->marks[r->slot] = PLACED;
    w->out[w->n++] = r;
    return 0;
}

static int by_site(const void *x, const void *y)
{
    const struct resource *a = *(struct resource *const *)x, *b = *(struct resource *const *)y;
    int c = a->site == b->site   ? 0 /* most neighbours are of one site */
            : a->site && b->site ? strcmp(a->site, b->site)
                                 : (a->site != NULL) - (b->site != NULL);
    return c ? c : (a->slot > b->slot) - (a->slot < b->slot);
}

int order_catalog(const struct catalog *c, struct resource **ret, struct error *err)
{
    struct arena scratch = {0};
    size_t n = c->list.n;
    struct resource **in = arena_array(&scratch, struct resource *, n);
    bool sorted = true; /* as a manifest that names its sites in order */
    for (size_t i = 0; i < n; i++) {
        in[i] = c->list.at[i];
        in[i]->slot = i;
        sorted = sorted && (i == 0 || by_site(&in[i - 1], &in[i]) < 0);
    }
    if (!sorted)
        qsort(in, n, sizeof *in, by_site);
    struct walk w = {.marks = arena_array(&scratch, enum mark, n), .out = ret, .err = err};
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = place(&w, in[i]);
    arena_free(&scratch);
    return r;
}

static bool needs(const struct resource *r, const struct resource *service, bool *walked)
{
    bool yes = false;
    if (walked[r->slot])
        return false;
    walked[r->slot] = true;
    for (size_t i = 0; i < r->needs.n && !yes; i++)
        yes = r->needs.at[i] == service || needs(r->needs.at[i], service, walked);
    return yes;
}

static bool waits_for_sites(const struct plan *p, const struct resource *service, bool *walked)
{
    bool told = false, needed = false;
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct resource *r = p->actions.at[i].change.res;
        if (!r->site || p->actions.at[i].cause == CAUSE_REMOVED)
            continue;
        for (size_t k = 0; k < r->notifies.n; k++)
            told = told || r->notifies.at[k].service == service;
        needed = needed || needs(r, service, walked);
    }
    return told && !needed;
}

void order_after_sites(struct plan *p, const struct catalog *c)
{
    for (size_t i = 0; i < p->actions.n; i++) {
        struct action *act = &p->actions.at[i];
        const struct resource *r = act->change.res;
        if (act->change.op == OP_UPDATE && !r->site && r->kind->refresh)
            act->after_sites = waits_for_sites(p, r, arena_array(p->arena, bool, c->list.n));
    }
}
