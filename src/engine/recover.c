/* What a crash left: settle each intent by looking, then take the whole transaction back. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <string.h>
#include <time.h>

struct open_action {
    struct store_action *row;
    struct resource *res;
};

static bool as_promised(struct engine *e, struct arena *a, const struct open_action *o, const void *found)
{
    const struct record *rec = o->res->kind->record;
    if (strcmp(o->row->op, op_names[OP_REMOVE]) == 0)
        return found == NULL;
    return found && record_diff(rec, o->res->spec, found, NULL, a).n == 0;
}

/* The fingerprint that the intent was written on; the row's own is the plan's. */
static bool as_before(const struct open_action *o, const void *found)
{
    char now[HASH_HEX];
    hash_hex(record_fingerprint(o->res->kind->record, found), now);
    json_t *root = o->row->undo ? json_loads(o->row->undo, 0, NULL) : NULL;
    const char *then = json_string_value(json_object_get(root, "before"));
    bool same = then && strcmp(then, now) == 0;
    json_decref(root);
    return same;
}

/* For what is told of it: undo has to cope with either. What cannot be looked at (a database server that is
 * down) is not known to be whole. */
static void settle_intent(struct engine *e, struct arena *a, struct open_action *o, struct recover_item *item)
{
    void *found;
    if (engine_observe_one(e, a, o->res, &found, NULL) < 0)
        item->torn++;
    else if (as_before(o, found))
        item->never_ran++;
    else if (as_promised(e, a, o, found))
        item->completed++;
    else
        item->torn++;
}

/* An undo that failed, of something that a person brought back by hand since. */
static bool put_right(struct engine *e, struct arena *a, const struct open_action *o)
{
    void *found;
    return o->row->state == ACTION_STUCK && engine_observe_one(e, a, o->res, &found, NULL) == 0 &&
           as_before(o, found);
}

static bool was_begun(const struct store_action *row)
{
    return row->undo && (row->state == ACTION_INTENT || row->state == ACTION_DONE ||
                         row->state == ACTION_UNDOING || row->state == ACTION_STUCK);
}

static bool is_refresh(const struct store_action *row)
{
    return strcmp(row->op, op_names[OP_REFRESH]) == 0;
}

static enum impact how_told(const struct store_action *row)
{
    json_t *root = row->undo ? json_loads(row->undo, 0, NULL) : NULL;
    const char *how = json_string_value(json_object_get(root, "how"));
    bool restart = how && strcmp(how, impact_names[IMPACT_RESTART]) == 0;
    json_decref(root);
    return restart ? IMPACT_RESTART : IMPACT_RELOAD;
}

static int stuck_at(struct recover_item *item, const struct store_action *row, int r)
{
    item->stuck = true;
    item->kind = row->kind;
    item->id = row->id;
    return r;
}

/* Services that the transaction may have told are told of the old state; one that is not there has nothing to
 * be told. One that it did not come to may have heard of the new state from somebody else, and is asked to
 * reload; where it can't (MariaDB knows no reload), nothing of this transaction is left to be put right. */
static int tell_services(struct engine *e, int64_t tx, struct open_action *list, size_t n,
                         struct recover_item *item)
{
    for (size_t i = 0; i < n; i++) {
        const struct store_action *row = list[i].row;
        if (!is_refresh(row))
            continue;
        struct arena a = {0};
        struct kind_ctx ctx = engine_ctx(e, &a, tx);
        int r = list[i].res->kind->refresh(&ctx, list[i].res, how_told(row), &item->err);
        arena_free(&a);
        if (r < 0 && !was_begun(row)) {
            error_clear(&item->err);
            r = 0;
        }
        if (r == 0)
            r = store_action_state(e->store, tx, row->seq, ACTION_UNDONE, NULL, &item->err);
        if (r < 0)
            return stuck_at(item, row, r);
    }
    return 0;
}

static int take_back(struct engine *e, struct arena *a, const struct store_tx *tx, struct open_action *list,
                     size_t n, struct recover_item *item)
{
    bool any = false;
    for (size_t i = n; i-- > 0;) {
        struct store_action *row = list[i].row;
        if (is_refresh(row))
            continue;
        /* An earlier recover may have died before the services heard of what it took back. */
        any = any || row->state == ACTION_UNDONE || was_begun(row);
        if (!was_begun(row))
            continue;
        int r = 0;
        if (row->state == ACTION_INTENT)
            settle_intent(e, a, &list[i], item);
        if (put_right(e, a, &list[i]))
            r = store_action_state(e->store, tx->id, row->seq, ACTION_UNDONE, NULL, &item->err);
        else
            r = undo_run(e, tx->id, row->seq, list[i].res, row->undo, row->state == ACTION_DONE, &item->err);
        if (r < 0)
            return stuck_at(item, row, r);
        item->undone++;
    }
    return any ? tell_services(e, tx->id, list, n, item) : 0;
}

/* The services were told of the old state: what the transaction, told to stop, had left untold is gone with
 * it. */
static int forget_owed(struct engine *e, int64_t tx, struct error *err)
{
    struct arena a = {0};
    struct store_owed *list;
    size_t n;
    int r = store_owed_list(e->store, &a, &list, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (list[i].tx == tx)
            r = store_owed_drop(e->store, list[i].kind, list[i].id, err);
    arena_free(&a);
    return r;
}

/* The store's side: the transaction is closed, and what an apply that nobody confirmed recorded is gone. */
static int undone(struct engine *e, const struct store_tx *tx, struct error *err)
{
    /* NULL: as it is written. */
    const char *why = tx->state == TX_STUCK || tx->error ? NULL : "interrupted by a crash";
    int r = store_begin(e->store, err);
    if (r < 0)
        return r;
    r = store_tx_end(e->store, tx->id, TX_UNDONE, why, err);
    if (r == 0)
        r = forget_owed(e, tx->id, err);
    if (r == 0)
        r = store_awaiting_revert(e->store, tx->id, err);
    if (r == 0)
        return store_commit(e->store, err);
    store_rollback(e->store);
    return r;
}

static int recover_one(struct engine *e, struct arena *a, const struct store_tx *tx,
                       struct recover_item *item, struct error *err)
{
    struct store_action *rows;
    size_t n;
    int r = store_actions(e->store, tx->id, a, &rows, &n, err);
    if (r < 0)
        return r;
    struct open_action *list = arena_array(a, struct open_action, n);
    for (size_t i = 0; i < n && r == 0; i++) {
        list[i].row = &rows[i];
        r = stored_read(rows[i].kind, rows[i].id, rows[i].site, rows[i].spec, NULL, a, &list[i].res, err);
        if (r == 0)
            list[i].res->absent = strcmp(rows[i].op, op_names[OP_REMOVE]) == 0;
    }
    if (r < 0)
        return r;
    item->transaction = tx->id;
    if (take_back(e, a, tx, list, n, item) < 0)
        return store_tx_end(e->store, tx->id, TX_STUCK, item->err.text, err);
    r = host_sync(e->host, err);
    /* First what undo needed, which by now is nothing: after a crash in between nobody would come back for
     * it. */
    if (r == 0)
        fs_remove_tree(e->host, engine_undo_dir(e, a, tx->id), NULL);
    if (r == 0)
        r = undone(e, tx, err);
    return r;
}

int engine_recover(struct engine *e, struct arena *a, struct recover_item **ret, size_t *n, struct error *err)
{
    struct store_tx *open;
    size_t count;
    int r = store_tx_open(e->store, a, &open, &count, err);
    if (r < 0)
        return r;
    store_reserve_release(e->store);
    struct recover_item *items = arena_array(a, struct recover_item, count + 1);
    for (size_t i = 0; i < count && r == 0; i++)
        r = recover_one(e, a, &open[i], &items[i], err);
    if (r < 0)
        return r;
    *ret = items;
    *n = count;
    return 0;
}

int engine_confirm(struct engine *e, const struct store_awaiting *w, struct error *err)
{
    int r = store_awaiting_confirm(e->store, w, err);
    if (r == 0) /* the next apply has the manifest that says how long the rest stays */
        engine_sweep_undo(e, 0);
    return r;
}

int engine_unconfirmed(struct engine *e, struct arena *a, const struct store_awaiting *w, const char *why,
                       struct recover_item *ret, struct error *err)
{
    struct store_tx tx;
    *ret = (struct recover_item){0};
    /* Open again before the first change: whatever ends this halfway, nobody can confirm what is left. */
    int r = store_tx_end(e->store, w->tx, TX_OPEN, why, err);
    if (r == 0)
        r = store_tx_get(e->store, w->tx, a, &tx, err);
    return r < 0 ? r : recover_one(e, a, &tx, ret, err);
}
