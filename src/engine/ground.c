/* What the chosen sites stand on. With a choice of sites nothing of the server is applied, so what a site's
 * action needs of it has to be there already; found out before anything is begun, it costs nothing. */
#include "internal.h"

struct walk {
    const struct seen *others;
    bool *met; /* by slot */
    VEC(struct seen) list;
    struct arena *a;
};

static void visit(struct walk *w, const struct resource *r)
{
    if (w->met[r->slot])
        return;
    w->met[r->slot] = true;
    for (size_t i = 0; i < r->needs.n; i++)
        visit(w, r->needs.at[i]);
    if (w->others[r->slot].res)
        vec_push(w->a, &w->list, w->others[r->slot]);
}

/* What goes needs nothing any more, but the services that it told have to hear of it. */
static void visit_action(struct walk *w, const struct action *act)
{
    const struct resource *r = act->change.res;
    for (size_t i = 0; i < r->notifies.n; i++)
        visit(w, r->notifies.at[i].service);
    for (size_t i = 0; act->cause != CAUSE_REMOVED && i < r->needs.n; i++)
        visit(w, r->needs.at[i]);
}

/* Somebody's change of what citrus made leaves it usable, as a rule; a service that does not run is not. What
 * was never applied is not known to be of any use. */
static bool of_use(struct engine *e, const struct seen *s, struct arena *a)
{
    const struct kind *k = s->res->kind;
    struct kind_ctx ctx = engine_ctx(e, a, 0);
    if (s->found && s->managed && !k->refresh)
        return true;
    return s->found && record_diff(k->record, s->res->spec, s->found, &ctx.redaction, a).n == 0;
}

int ground_look(struct engine *e, struct plan *p, const struct catalog *c, const struct seen *others,
                struct error *err)
{
    struct walk w = {.others = others, .met = arena_array(p->arena, bool, c->list.n), .a = p->arena};
    for (size_t i = 0; i < p->actions.n; i++)
        visit_action(&w, &p->actions.at[i]);
    int r = engine_observe(e, p->arena, w.list.at, w.list.n, err);
    for (size_t i = 0; r == 0 && i < w.list.n; i++) {
        const struct seen *s = &w.list.at[i];
        if (s->deferred || s->res->absent || of_use(e, s, p->arena))
            continue;
        struct unmet u = {.res = s->res, .there = s->found != NULL};
        vec_push(p->arena, &p->unmet, u);
    }
    return r;
}
