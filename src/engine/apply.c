/* A plan, applied: prepare everything, journal, go through the actions, take back what failed. */
#include "fs.h"
#include "stepping.h"
#include <errno.h>
#include <string.h>

/* How far a run of neighbours goes that a kind takes together. */
static size_t batch_length(const struct plan *p, size_t at)
{
    const struct resource *first = p->actions.at[at].change.res;
    size_t n = 1;
    if (!first->kind->batch || p->actions.at[at].change.op == OP_REFRESH)
        return 1;
    for (; at + n < p->actions.n; n++) {
        const struct change *c = &p->actions.at[at + n].change;
        if (c->res->kind != first->kind || c->res->site != first->site || c->op == OP_REFRESH)
            break;
    }
    return n;
}

/* ---- prepare: nothing is visible yet ---------------------------------------------------------------- */

static int prepare_some(struct applying *x, size_t at, size_t n, struct error *err)
{
    struct kind_ctx ctx = engine_ctx(x->e, x->p->arena, 0);
    struct action *act = &x->p->actions.at[at];
    const struct kind *k = act->change.res->kind;
    EVENT(x->e, preparing, act);
    if (k->prepare_all) {
        struct change **list = arena_array(x->p->arena, struct change *, n);
        for (size_t i = 0; i < n; i++)
            list[i] = &x->p->actions.at[at + i].change;
        return k->prepare_all(&ctx, list, n, err);
    }
    return k->prepare ? k->prepare(&ctx, &act->change, err) : 0;
}

/* A failure before anything is visible: a site's goes with the site, any other ends the run. */
static bool prepare_failed(struct applying *x, const struct action *act, const struct error *err)
{
    const struct resource *res = act->change.res;
    EVENT(x->e, failed, act, err);
    failure_add(x, res->kind->name, res->id, res->site, err);
    if (res->site && x->o->on_failure == ON_FAILURE_UNDO_SITE && err->code != -EINTR)
        return false;
    x->ret->outcome = APPLY_REFUSED;
    x->ret->err = *err;
    return true;
}

static bool disk_failed(struct applying *x)
{
    struct disk_look look = {0};
    for (size_t i = 0; i < x->p->actions.n; i++) {
        const struct action *act = &x->p->actions.at[i];
        struct error err = {0};
        if (act->change.op != OP_REFRESH && !failure_of(x, act->change.res->site) &&
            disk_check(x->e, act, &look, &err) < 0 && prepare_failed(x, act, &err))
            return true;
    }
    return false;
}

static void prepare(struct applying *x)
{
    fs_near_begin(x->e->host);
    bool failed = disk_failed(x);
    fs_near_end(x->e->host);
    if (failed)
        return;
    for (size_t i = 0, n; i < x->p->actions.n; i += n) {
        struct action *act = &x->p->actions.at[i];
        struct error err = {0};
        n = batch_length(x->p, i);
        if (act->change.op == OP_REFRESH || failure_of(x, act->change.res->site))
            continue;
        int r =
            engine_interrupted(x->e) ? error_set(&err, -EINTR, "interrupted") : prepare_some(x, i, n, &err);
        for (size_t k = 0; k < n; k++)
            act = x->p->actions.at[i + k].change.blamed ? &x->p->actions.at[i + k] : act;
        if (r < 0 && prepare_failed(x, act, &err))
            return;
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------
 */

/* The journal hears of it at the end: to recover, what was never begun is as good as skipped. */
static void skip(struct applying *x, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        x->p->actions.at[i].state = ACTION_SKIPPED;
}

static bool anyone_calls(const struct plan *p, size_t refresh)
{
    for (size_t i = 0; i < p->actions.n; i++)
        for (size_t k = 0; action_stands(&p->actions.at[i]) && k < p->actions.at[i].refreshes.n; k++)
            if (p->actions.at[i].refreshes.at[k] == refresh)
                return true;
    return false;
}

static bool domain_calls(const struct domain *d, size_t refresh)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; action_stands(d->actions[i]) && k < d->actions[i]->refreshes.n; k++)
            if (d->actions[i]->refreshes.at[k] == refresh)
                return true;
    return false;
}

/* Which sites a refused refresh is to be blamed on: those that the message names, else all that called for
 * it. */
static bool blame(struct applying *x, size_t refresh, const struct error *err)
{
    const struct action *service = &x->p->actions.at[refresh];
    bool found = false;
    domains_mark_named(x, err->text);
    for (int named = 1; named >= 0 && !found; named--)
        for (size_t i = 0; i < x->domains.n && !x->stop; i++) {
            const struct domain *d = &x->domains.at[i];
            if (!d->site || d->failed || (named && !d->named) || !domain_calls(d, refresh))
                continue;
            apply_failed(x, service, d->site, err);
            found = true;
        }
    return found;
}

static void run_refresh(struct applying *x, size_t at)
{
    struct action *act = &x->p->actions.at[at];
    while (!x->stop) {
        struct error err = {0};
        if (!act->owed && !anyone_calls(x->p, at)) {
            skip(x, at, 1);
            return;
        }
        EVENT(x->e, started, act);
        if (step_refresh(x->e, x->tx, act, &err) == 0) {
            EVENT(x->e, finished, act);
            return;
        }
        if (unsound_of(x, act, &err)) {
            unsound_failed(x, act, act);
            return;
        }
        error_prefix(&err, "%s %s", impact_names[act->refresh], act->change.res->id);
        if (!blame(x, at, &err)) {
            apply_failed(x, act, NULL, &err);
            return;
        }
    }
}

/* `site`: whose failure it is; NULL: the server's. */
static void step_failed(struct applying *x, const struct action *act, const char *site,
                        const struct error *err)
{
    if (err->code == -ESTALE && x->ret->err.code == 0)
        x->ret->err = *err;
    const struct action *service = unsound_of(x, act, err);
    if (service)
        unsound_failed(x, act, service);
    else
        apply_failed(x, act, site, err);
}

static void run_batch(struct applying *x, size_t at, size_t n)
{
    struct action *act = &x->p->actions.at[at];
    struct error err = {0};
    for (size_t i = 0; i < n; i++)
        EVENT(x->e, started, act + i);
    int r = step_apply(x->e, x->p, x->tx, act, n, &err);
    if (r == 0) {
        for (size_t i = 0; i < n; i++)
            EVENT(x->e, finished, act + i);
        return;
    }
    step_failed(x, act, act->change.res->site, &err);
}

/* How many of them were dealt with. */
static size_t run_group(struct applying *x, size_t at, size_t n)
{
    struct group_end end;
    group_apply(x, at, n, &end);
    for (size_t i = at; i < at + n; i++)
        if (x->p->actions.at[i].state == ACTION_DONE)
            EVENT(x->e, finished, &x->p->actions.at[i]);
    for (size_t i = 0; i < end.failures.n && !x->stop; i++) {
        const struct group_failure *f = &end.failures.at[i];
        const char *site = f->act->change.res->site;
        if (!f->whole && failure_of(x, site))
            continue; /* taken back with what failed first */
        step_failed(x, f->act, f->whole ? NULL : site, &f->err);
    }
    for (size_t i = at; i < at + end.n; i++)
        if (x->p->actions.at[i].state == ACTION_PLANNED)
            skip(x, i, 1); /* of a site that failed before its turn came */
    return end.n;
}

/* A removal that comes after the refreshes: what the services let go of. */
static bool is_late(const struct action *a)
{
    return a->change.op == OP_REMOVE && a->cause == CAUSE_REMOVED && !a->early;
}

static void end_by_signal(struct applying *x, const struct action *act)
{
    struct error err = {0};
    error_set(&err, -EINTR, "interrupted by a signal");
    apply_failed(x, act, NULL, &err);
}

static void run_actions(struct applying *x)
{
    bool passed = false, reaches = false; /* late removals of the server's may reach anybody */
    for (size_t i = 0, n; i < x->p->actions.n && !x->stop; i += n) {
        struct action *act = &x->p->actions.at[i];
        n = batch_length(x->p, i);
        if (is_late(act) && !passed) {
            passed = true;
            gate_pass(x);
            n = 0; /* it may have ended here */
        } else if (engine_interrupted(x->e)) {
            group_drop(x);
            end_by_signal(x, act);
        } else if (x->ready) {
            n = run_group(x, i, x->ready_length);
        } else if (act->state != ACTION_PLANNED) {
            n = 1; /* with a group before it */
        } else if (failure_of(x, act->change.res->site)) {
            skip(x, i, n);
        } else if (act->change.op == OP_REFRESH) {
            run_refresh(x, i);
        } else {
            size_t many = group_length(x, i);
            reaches = reaches || (is_late(act) && !act->change.res->site);
            size_t done = many > 1 ? run_group(x, i, many) : 0;
            if (done || (many > 1 && engine_interrupted(x->e)))
                n = done; /* 0: the signal is seen to now */
            else
                run_batch(x, i, n);
        }
    }
    if (!x->stop && (!passed || reaches))
        gate_pass(x);
    /* One that came while the last was at hand was told that all is taken back. */
    if (!x->stop && x->p->actions.n && engine_interrupted(x->e))
        end_by_signal(x, &x->p->actions.at[x->p->actions.n - 1]);
}

static bool all_skipped(const struct applying *x)
{
    for (size_t i = 0; i < x->p->actions.n; i++) {
        const struct action *a = &x->p->actions.at[i];
        if (a->change.op == OP_REFRESH ? a->owed != IMPACT_NONE : !failure_of(x, a->change.res->site))
            return false;
    }
    return true;
}

int engine_apply(struct engine *e, struct plan *p, const struct apply_options *o, struct apply_result *ret,
                 struct error *err)
{
    struct applying x = {.e = e, .p = p, .o = o, .ret = ret};
    *ret = (struct apply_result){0};
    domains_make(&x);
    if (p->one_way && !o->allow_one_way) {
        ret->outcome = APPLY_REFUSED;
        if (p->lost && p->rollback_of) {
            error_set(&ret->err, -EPERM,
                      "%zu resource%s would come back empty: what the trash held of %s is gone", p->lost,
                      p->lost == 1 ? "" : "s", p->lost == 1 ? "it" : "them");
            error_hint(&ret->err,
                       "look for \"one-way\" in the plan; --allow-one-way makes it anew and empty");
            return 0;
        }
        error_set(&ret->err, -EPERM, "the plan has %zu action%s that cannot be taken back", p->one_way,
                  p->one_way == 1 ? "" : "s");
        error_hint(&ret->err, "look for \"one-way\" in the plan; --allow-one-way applies it");
        return 0;
    }
    EVENT(e, begin, p);
    e->host->interrupted = e->interrupted; /* nothing is changed yet: what is waited for can be left */
    if (p->actions.n)
        prepare(&x);
    e->host->interrupted = NULL;
    if (ret->outcome == APPLY_REFUSED)
        return 0;
    if (all_skipped(&x) && ret->failures.n) {
        ret->outcome = APPLY_REFUSED;
        ret->err = ret->failures.at[0].err;
        return 0;
    }
    if (all_skipped(&x))
        return settle_nothing(&x, err);
    if (gate_open(&x, &ret->err) < 0) {
        ret->outcome = APPLY_REFUSED;
        return 0;
    }
    struct seen *looked;
    store_snapshot_begin(e->store);
    int checked = step_check_all(e, p, &looked, &ret->err);
    store_snapshot_end(e->store);
    if (checked < 0) {
        ret->outcome = ret->err.code == -ESTALE ? APPLY_STALE : APPLY_REFUSED;
        return 0;
    }
    bool asked = unsound_look(&x); /* which takes its time */
    int r = transaction_begin(&x, asked ? NULL : looked, &ret->err);
    if (r < 0) {
        store_reserve_release(e->store);
        ret->outcome = r == -ESTALE ? APPLY_STALE : APPLY_REFUSED;
        return 0;
    }
    run_actions(&x);
    return settle(&x, err);
}

int apply_exit(const struct apply_result *r)
{
    static const int exits[] = {
        [APPLY_DONE] = 0,    [APPLY_NOTHING] = 0, [APPLY_REFUSED] = 1, [APPLY_UNDONE] = 3,
        [APPLY_PARTIAL] = 4, [APPLY_STUCK] = 5,   [APPLY_STALE] = 6};
    return exits[r->outcome];
}
