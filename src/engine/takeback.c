/* Taking back what a failure takes with it. */
#include "applying.h"
#include <errno.h>
#include <string.h>

bool action_stands(const struct action *a)
{
    return a->change.op != OP_REFRESH && (a->state == ACTION_DONE || a->state == ACTION_INTENT);
}

static void now_stuck(struct applying *x, struct failure *f, const struct error *err)
{
    x->stuck = x->stop = true;
    f->undone = false;
    f->undo_err = *err;
}

static int tell(struct applying *x, struct action *act, struct error *err)
{
    struct arena a = {0};
    struct kind_ctx ctx = engine_ctx(x->e, &a, x->tx);
    EVENT(x->e, undoing, act);
    int r = act->change.res->kind->refresh(&ctx, act->change.res, act->refresh, err);
    arena_free(&a);
    return r;
}

/* Services that were told of what is taken back are told again. */
static void refresh_again(struct applying *x, const bool *told, bool all, struct failure *f)
{
    for (size_t i = 0; i < x->p->actions.n; i++) {
        struct action *act = &x->p->actions.at[i];
        if (act->change.op != OP_REFRESH || !told[i])
            continue;
        /* One that was refused is tried again by who asked for it, unless everything is taken back. */
        if (act->state != ACTION_DONE && !(all && act->state == ACTION_INTENT))
            continue;
        struct error err = {0};
        int r = tell(x, act, &err);
        /* A reload that was refused and is refused again changed nothing: the service runs with what it had,
         * which is what lies on disk now. What was broken before is as broken as it was. */
        if (r < 0 && (act->unsound || (act->state == ACTION_INTENT && act->refresh == IMPACT_RELOAD)))
            r = 0;
        EVENT(x->e, undone, act, r < 0 ? &err : NULL);
        if (r < 0)
            now_stuck(x, f, &err);
    }
}

static void take_back_one(struct applying *x, struct action *act, bool *told, struct failure *f)
{
    struct error err = {0};
    if (!action_stands(act))
        return;
    EVENT(x->e, undoing, act);
    int r = undo_run(x->e, x->tx, act->seq, act->change.res, act->undo, act->complete, &err);
    EVENT(x->e, undone, act, r < 0 ? &err : NULL);
    act->state = r < 0 ? ACTION_STUCK : ACTION_UNDONE;
    for (size_t k = 0; k < act->refreshes.n; k++)
        told[act->refreshes.at[k]] = true;
    if (r < 0)
        now_stuck(x, f, &err);
}

/* A service runs with it. */
static bool is_held(const struct applying *x, const struct action *act)
{
    for (size_t k = 0; k < act->refreshes.n; k++)
        if (x->p->actions.at[act->refreshes.at[k]].state == ACTION_DONE)
            return true;
    return false;
}

/* Of a site that services run already, what they hold goes first (vhost, pool), and they are told, so that
 * they let go of the rest (the user whose processes they started, the tree). A service that refuses is told
 * once more at the end. */
static void let_go(struct applying *x, const struct domain *d, bool *told, struct failure *f)
{
    size_t from = d->n;
    bool rest = false, any = false;
    while (from > 0 && (!action_stands(d->actions[from - 1]) || is_held(x, d->actions[from - 1])))
        from--;
    for (size_t i = 0; i < from; i++)
        rest = rest || action_stands(d->actions[i]);
    for (size_t i = d->n; rest && i-- > from && !x->stuck;) {
        any = any || action_stands(d->actions[i]);
        take_back_one(x, d->actions[i], told, f);
    }
    for (size_t i = 0; any && i < x->p->actions.n && !x->stuck; i++) {
        struct action *act = &x->p->actions.at[i];
        struct error err = {0};
        if (!told[i] || act->state != ACTION_DONE)
            continue;
        told[i] = tell(x, act, &err) < 0;
        EVENT(x->e, undone, act, NULL);
    }
}

/* Takes back what stands of `site`, or of everything, the last first. */
static void take_back(struct applying *x, const char *site, bool all)
{
    struct arena a = {0};
    bool *told = arena_array(&a, bool, x->p->actions.n);
    struct failure *f = failure_of(x, site);
    const struct domain *d = domain_of(x, site);
    for (size_t i = 0; i < x->domains.n && !x->stuck; i++)
        if (x->domains.at[i].site && (all || &x->domains.at[i] == d))
            let_go(x, &x->domains.at[i], told, f);
    for (size_t i = all ? x->p->actions.n : d->n; i-- > 0 && !x->stuck;)
        take_back_one(x, all ? &x->p->actions.at[i] : d->actions[i], told, f);
    if (!x->stuck)
        refresh_again(x, told, all, f);
    arena_free(&a);
}

/* What a failure takes with it. */
static void take_with_it(struct applying *x, const char *site, int code)
{
    store_reserve_release(x->e->store);
    if (x->o->on_failure == ON_FAILURE_STOP) {
        x->stop = true;
        for (size_t i = 0; i < x->ret->failures.n; i++)
            x->ret->failures.at[i].undone = false;
    } else if (!site || x->o->on_failure == ON_FAILURE_UNDO_ALL || code == -EINTR) {
        x->undo_all = x->stop = true;
        take_back(x, site, true);
    } else {
        take_back(x, site, false);
        applying_reserve(x, NULL); /* the other sites go on */
    }
}

void apply_failed(struct applying *x, const struct action *act, const char *site, const struct error *err)
{
    EVENT(x->e, failed, act, err);
    if (!failure_of(x, site))
        failure_add(x, act->change.res->kind->name, act->change.res->id, site, err);
    take_with_it(x, site, err->code);
}

void apply_unhealthy(struct applying *x, const char *site, const struct error *err)
{
    EVENT(x->e, unhealthy, site, err);
    if (!failure_of(x, site))
        failure_add(x, "health", "check", site, err);
    take_with_it(x, site, err->code);
}
