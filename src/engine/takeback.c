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
        struct arena a = {0};
        struct kind_ctx ctx = engine_ctx(x->e, &a, x->tx);
        EVENT(x->e, undoing, act);
        int r = act->change.res->kind->refresh(&ctx, act->change.res, act->refresh, &err);
        /* A reload that was refused and is refused again changed nothing: the service runs with what it had,
         * which is what lies on disk now. */
        if (r < 0 && act->state == ACTION_INTENT && act->refresh == IMPACT_RELOAD)
            r = 0;
        EVENT(x->e, undone, act, r < 0 ? &err : NULL);
        arena_free(&a);
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
    int r = undo_run(x->e, x->tx, act->seq, act->change.res, act->undo, &err);
    EVENT(x->e, undone, act, r < 0 ? &err : NULL);
    act->state = r < 0 ? ACTION_STUCK : ACTION_UNDONE;
    for (size_t k = 0; k < act->refreshes.n; k++)
        told[act->refreshes.at[k]] = true;
    if (r < 0)
        now_stuck(x, f, &err);
}

/* Takes back what stands of `site`, or of everything, the last first. */
static void take_back(struct applying *x, const char *site, bool all)
{
    struct arena a = {0};
    bool *told = arena_array(&a, bool, x->p->actions.n);
    struct failure *f = failure_of(x, site);
    const struct domain *d = domain_of(x, site);
    for (size_t i = all ? x->p->actions.n : d->n; i-- > 0 && !x->stuck;)
        take_back_one(x, all ? &x->p->actions.at[i] : d->actions[i], told, f);
    if (!x->stuck)
        refresh_again(x, told, all, f);
    arena_free(&a);
}

void apply_failed(struct applying *x, const struct action *act, const char *site, const struct error *err)
{
    EVENT(x->e, failed, act, err);
    if (!failure_of(x, site))
        failure_add(x, act->change.res, site, err);
    if (x->o->on_failure == ON_FAILURE_STOP) {
        x->stop = true;
        for (size_t i = 0; i < x->ret->failures.n; i++)
            x->ret->failures.at[i].undone = false;
    } else if (!site || x->o->on_failure == ON_FAILURE_UNDO_ALL || err->code == -EINTR) {
        x->undo_all = x->stop = true;
        take_back(x, site, true);
    } else {
        take_back(x, site, false);
    }
}
