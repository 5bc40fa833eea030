/* How an apply's transaction is opened. */
#include "fs.h"
#include "stepping.h"
#include <errno.h>

static const char *sites_text(const struct plan *p)
{
    const char *text = NULL;
    for (const char *const *s = p->sites; s && *s; s++)
        text = text ? arena_printf(p->arena, "%s %s", text, *s) : *s;
    return text;
}

/* What taking everything back writes into the journal: two commits an action, each of some pages of 4 KiB;
 * the log is written over from its beginning when it has 1000 pages (sqlite.org/wal.html). And where
 * something is created: what takes an account away makes locks and copies, before anything else of its site
 * may be there whose inodes it could have. */
int applying_reserve(struct applying *x, struct error *err)
{
    const int64_t each = 32 << 10, least = 1 << 20, most = 8 << 20;
    int64_t bytes = least + (int64_t)x->p->actions.n * each;
    return store_reserve(x->e->store, bytes < most ? bytes : most, x->p->create ? STORE_RESERVE_FILES : 0,
                         err);
}

/* The first `intents` have theirs already. */
static int rows_add(struct applying *x, size_t intents, struct error *err)
{
    struct plan *p = x->p;
    struct store_action *rows = arena_array(p->arena, struct store_action, p->actions.n);
    struct buf image = {0};
    struct hash128 digest;
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct action *a = &p->actions.at[i];
        rows[i] =
            (struct store_action){.seq = a->seq,
                                  .state = i >= intents ? ACTION_PLANNED
                                           : a->undo    ? ACTION_INTENT
                                                        : ACTION_SKIPPED,
                                  .kind = a->change.res->kind->name,
                                  .id = a->change.res->id,
                                  .site = a->change.res->site,
                                  .op = op_names[a->change.op],
                                  .spec = stored_keep(p, a->change.res, a->change.res->spec, &image, &digest),
                                  .before = a->before,
                                  .after = a->after,
                                  .undo = i < intents ? a->undo : NULL};
    }
    buf_free(&image);
    return store_actions_add(x->e->store, x->tx, rows, p->actions.n, err);
}

static int open_transaction(struct applying *x, struct error *err)
{
    struct store_tx tx = {.why = x->o->why ? x->o->why : "apply",
                          .who = x->o->who,
                          .reason = x->o->reason,
                          .bundle = x->p->bundle,
                          .sites = sites_text(x->p)};
    int r = x->o->plan_digest ? store_plan_use(x->e->store, x->o->plan_digest, err) : 0;
    bool used = r == -EEXIST;
    if (r == 0)
        r = store_secrets_keep(x->e->store, err);
    if (r == 0)
        r = store_tx_begin(x->e->store, &tx, NULL, 0, err);
    if (r == 0 && x->o->confirm)
        r = store_awaiting_begin(x->e->store, tx.id, x->o->confirm, err);
    x->tx = r == 0 ? tx.id : 0;
    return used ? -ESTALE : r;
}

int transaction_begin(struct applying *x, const struct seen *looked, struct error *err)
{
    struct engine *e = x->e;
    bool grouped = group_length(x, 0) > 1;
    size_t intents = 0;
    int r = applying_reserve(x, err);
    if (r == 0)
        r = grouped ? store_begin(e->store, err) : store_begin_after(e->store, err);
    if (r < 0)
        return r;
    r = open_transaction(x, err);
    if (r == 0)
        intents = group_ready(x, looked);
    /* The transaction's own below it is made by who has something to keep. */
    if (r == 0) {
        r = fs_mkdirs(e->host, arena_printf(x->p->arena, "%s/undo", e->state_dir), 0700, err);
        if (r < 0)
            error_prefix(err, "making room for undo");
    }
    if (r == 0)
        r = rows_add(x, intents, err);
    if (r == 0)
        r = store_commit(e->store, err);
    else
        store_rollback(e->store);
    if (r < 0) {
        group_drop(x);
        if (x->tx)
            fs_forget_tree(e->host, engine_undo_dir(e, x->p->arena, x->tx), NULL);
        x->tx = 0;
        return r;
    }
    step_intended(x->p->actions.at, intents);
    x->ret->transaction = x->tx;
    return 0;
}
