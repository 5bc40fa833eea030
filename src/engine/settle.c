/* The end of an apply: what the store will know of it. */
#include "applying.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static bool nothing_done(const struct plan *p)
{
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].state != ACTION_PLANNED && p->actions.at[i].state != ACTION_SKIPPED)
            return false;
    return true;
}

/* By slot: resources whose action did not come to its end. */
static bool *not_reached(const struct plan *p)
{
    size_t most = 0;
    for (size_t i = 0; i < p->kept.n; i++)
        if (p->kept.at[i].res->slot > most)
            most = p->kept.at[i].res->slot;
    bool *pending = arena_array(p->arena, bool, most + 1);
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct action *a = &p->actions.at[i];
        bool settled = a->state == ACTION_DONE || (a->state == ACTION_SKIPPED && a->change.op == OP_NONE);
        if (a->change.op != OP_REFRESH && a->cause != CAUSE_REMOVED && !a->change.res->absent && !settled)
            pending[a->change.res->slot] = true;
    }
    return pending;
}

/* The store holds the same already. */
static bool is_stored(const struct plan *p, const struct kept *k, struct buf *b)
{
    if (p->corrective_only)
        return !k->unnoted;
    return k->row && hash_equal(k->row->digest, stored_digest(k->res, k->promised, b));
}

static int record_state(struct applying *x, struct error *err)
{
    struct plan *p = x->p;
    bool *pending = not_reached(p);
    struct buf image = {0};
    int r = 0;
    for (size_t i = 0; i < p->kept.n && r == 0; i++) {
        const struct kept *k = &p->kept.at[i];
        if (pending[k->res->slot] || failure_of(x, k->res->site) || is_stored(p, k, &image))
            continue;
        struct store_managed m = {.kind = k->res->kind->name,
                                  .id = k->res->id,
                                  .site = k->res->site,
                                  .wanted = record_fingerprint(k->res->kind->record, k->promised),
                                  .rank = k->rank,
                                  .generation = k->unnoted ? k->row->generation : x->ret->generation};
        m.spec = stored_keep(p, k->res, k->promised, &image, &m.digest);
        r = store_managed_put(x->e->store, &m, err);
    }
    buf_free(&image);
    /* Some are forgotten because a tree goes that they lie in: not where the run ended before. */
    for (size_t i = 0; i < p->forgotten.n && r == 0 && !x->stop; i++)
        if (!failure_of(x, p->forgotten.at[i].site))
            r = store_managed_drop(x->e->store, p->forgotten.at[i].kind, p->forgotten.at[i].id, err);
    for (size_t i = 0; i < p->actions.n && r == 0; i++) {
        const struct action *a = &p->actions.at[i];
        if (a->change.res->absent && (a->state == ACTION_DONE || a->state == ACTION_SKIPPED) &&
            !failure_of(x, a->change.res->site))
            r = store_managed_drop(x->e->store, a->change.res->kind->name, a->change.res->id, err);
    }
    return r;
}

/* The strongest that what stands asks for, and what was owed before. */
static enum impact still_owed(const struct plan *p, const struct action *service, size_t at)
{
    enum impact how = service->owed;
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct action *a = &p->actions.at[i];
        for (size_t k = 0; action_stands(a) && k < a->refreshes.n; k++)
            for (size_t s = 0; a->refreshes.at[k] == at && s < a->change.res->notifies.n; s++)
                if (a->change.res->notifies.at[s].service == service->change.res &&
                    a->change.res->notifies.at[s].how > how)
                    how = a->change.res->notifies.at[s].how;
    }
    return how;
}

/* A service that was told, if only of what was taken back later, has read all that lies on the disk. */
static int record_owed(struct applying *x, struct error *err)
{
    struct plan *p = x->p;
    int r = 0;
    for (size_t i = 0; i < p->unowed.n && r == 0; i++)
        r = store_owed_drop(x->e->store, p->unowed.at[i].kind, p->unowed.at[i].id, err);
    for (size_t i = 0; i < p->actions.n && r == 0; i++) {
        struct action *act = &p->actions.at[i];
        const struct resource *res = act->change.res;
        if (act->change.op != OP_REFRESH)
            continue;
        enum impact how = act->state == ACTION_DONE ? IMPACT_NONE : still_owed(p, act, i);
        if (how == IMPACT_NONE && act->owed)
            r = store_owed_drop(x->e->store, res->kind->name, res->id, err);
        if (how == IMPACT_NONE || how == act->owed)
            continue;
        struct store_owed o = {.kind = res->kind->name,
                               .id = res->id,
                               .how = impact_names[how],
                               .tx = act->owed_by ? act->owed_by : x->tx};
        r = store_owed_put(x->e->store, &o, err);
        act->owed = how;
        act->owed_by = o.tx;
    }
    return r;
}

static int record_skipped(struct applying *x, struct error *err)
{
    int r = 0;
    for (size_t i = 0; i < x->p->actions.n && r == 0; i++) {
        const struct action *a = &x->p->actions.at[i];
        if (a->state == ACTION_SKIPPED && a->change.op != OP_NONE)
            r = store_action_state(x->e->store, x->tx, a->seq, ACTION_SKIPPED, NULL, err);
    }
    return r;
}

/* The time runs from here on: from the moment that all of it stands. */
static int await_confirmation(struct applying *x, enum tx_state st, struct error *err)
{
    const struct store_awaiting w = {.tx = x->tx,
                                     .seconds = x->o->confirm,
                                     .until = (int64_t)time(NULL) + x->o->confirm,
                                     .partial = st == TX_PARTIAL};
    int r = store_awaiting_set(x->e->store, &w, err);
    if (r == 0)
        x->ret->until = w.until;
    return r;
}

/* `generation`: a new one; `rows`: what is managed is as the plan wanted it, but for what failed. */
static int end(struct applying *x, enum tx_state st, bool generation, bool rows, struct error *err)
{
    const char *text = x->ret->failures.n ? x->ret->failures.at[0].err.text : NULL;
    bool awaits = x->o->confirm && x->tx && x->ret->done && (st == TX_DONE || st == TX_PARTIAL);
    if (x->tx)
        store_reserve_release(x->e->store);
    /* Once it is closed nothing leads back. */
    int r = x->tx ? host_sync(x->e->host, err) : 0;
    if (r == 0)
        r = store_begin(x->e->store, err);
    if (r < 0)
        return r;
    if (awaits)
        r = store_awaiting_keep(x->e->store, err);
    if (r == 0 && generation && x->p->bundle) {
        struct store_generation g = {.transaction = x->tx,
                                     .rollback_of = x->o->rollback_of,
                                     .bundle = x->p->bundle,
                                     .digest = x->p->bundle_digest,
                                     .who = x->o->who,
                                     .reason = x->o->reason,
                                     .status = st == TX_PARTIAL || x->p->sites ? "partial" : "applied"};
        r = store_generation_add(x->e->store, &g, err);
        x->ret->generation = r == 0 ? g.number : 0;
    }
    if (r == 0 && rows)
        r = record_state(x, err);
    if (r == 0 && x->tx && st != TX_STUCK)
        r = record_owed(x, err);
    if (r == 0 && x->tx)
        r = record_skipped(x, err);
    if (r == 0 && x->tx)
        r = store_tx_end(x->e->store, x->tx, st, text, err);
    if (r == 0 && awaits)
        r = await_confirmation(x, st, err);
    if (r == 0)
        r = store_collected_keep(x->e->store, err);
    if (r == 0)
        return store_commit(x->e->store, err);
    store_rollback(x->e->store);
    return r;
}

/* Whether this makes a generation: the manifest says something else than the newest one, or more of it stands
 * now. Mending drift makes none. The newest one's number is put into the result. */
static int newest(struct applying *x, enum tx_state st, bool *news, struct error *err)
{
    struct store_generation last = {0};
    int r = store_generation_newest(x->e->store, x->p->arena, &last, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT)
        error_clear(err);
    *news = !x->p->corrective_only && !x->p->of_generation &&
            (r == -ENOENT || !x->p->bundle_digest || !last.digest ||
             strcmp(last.digest, x->p->bundle_digest) != 0 || x->o->rollback_of ||
             (st == TX_DONE && !x->p->sites && strcmp(last.status, "applied") != 0));
    x->ret->generation = x->p->of_generation ? x->p->of_generation : last.number;
    return 0;
}

/* A change that holds: made, or found made when its turn came (a package started its service), and what had
 * made it was not taken back. */
static bool stands(const struct applying *x, const struct action *a)
{
    return a->state == ACTION_DONE ? a->change.op != OP_REFRESH
                                   : a->state == ACTION_SKIPPED && a->change.op == OP_NONE && !x->undo_all &&
                                         !failure_of(x, a->change.res->site);
}

/* What undo kept is of no use once the transaction is closed; a run that was told to stop leaves it for a
 * person to look at, until the next. All else that is over goes by what the manifest says of retention, where
 * that stands: not where it was taken back, or still may be, nor where it was asked for some sites. */
static void sweep(struct applying *x, bool kept)
{
    int64_t keep = x->o->on_failure == ON_FAILURE_STOP ? x->tx : 0;
    if (kept && !x->ret->until && !x->p->sites)
        engine_sweep(x->e, keep, (int64_t)time(NULL));
    else
        engine_sweep_undo(x->e, keep);
}

int settle(struct applying *x, struct error *err)
{
    struct apply_result *ret = x->ret;
    enum tx_state st = TX_DONE;
    for (size_t i = 0; i < x->p->actions.n; i++)
        ret->done += stands(x, &x->p->actions.at[i]);
    if (x->stuck) {
        ret->outcome = APPLY_STUCK;
        return end(x, TX_STUCK, false, false, err);
    }
    if (x->undo_all) {
        bool stale = ret->err.code == -ESTALE && nothing_done(x->p);
        ret->outcome = stale ? APPLY_STALE : APPLY_UNDONE;
        st = TX_UNDONE;
    } else if (ret->failures.n) {
        ret->outcome = APPLY_PARTIAL;
        st = TX_PARTIAL;
    } else {
        ret->outcome = APPLY_DONE;
    }
    bool kept = st != TX_UNDONE, news = true;
    int r = kept ? newest(x, st, &news, err) : 0;
    if (r == 0)
        r = end(x, st, kept && news, kept, err);
    if (!news)
        ret->generation = 0;
    if (r == 0)
        sweep(x, kept);
    return r;
}

int settle_nothing(struct applying *x, struct error *err)
{
    x->ret->outcome = APPLY_NOTHING;
    bool news = true, rows = x->p->forgotten.n > 0;
    struct buf image = {0};
    for (size_t i = 0; i < x->p->kept.n && !rows; i++)
        rows = !is_stored(x->p, &x->p->kept.at[i], &image);
    buf_free(&image);
    int r = newest(x, TX_DONE, &news, err);
    if (r == 0 && (news || rows))
        r = end(x, TX_DONE, news, true, err);
    if (r == 0 && !news)
        x->ret->generation = 0;
    if (r == 0)
        sweep(x, true);
    return r;
}
