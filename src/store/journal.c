/* The journal: transactions and their actions. What is committed here survives a power cut, so each of these
 * calls is one durable commit, or a part of the caller's. journal_read.c reads it. */
#include "storedb.h"
#include <errno.h>
#include <string.h>
#include <time.h>

const char *const tx_words[TX_STATES] = {
    [TX_OPEN] = "open",       [TX_DONE] = "done",   [TX_UNDONE] = "undone",
    [TX_PARTIAL] = "partial", [TX_STUCK] = "stuck", [TX_AWAITING] = "awaiting",
};
const char *const action_words[ACTION_STATES] = {
    [ACTION_PLANNED] = "planned", [ACTION_INTENT] = "intent", [ACTION_DONE] = "done",
    [ACTION_UNDOING] = "undoing", [ACTION_UNDONE] = "undone", [ACTION_STUCK] = "stuck",
    [ACTION_SKIPPED] = "skipped",
};

/* Which row of `action` it is: schema.c. */
static int64_t key_of(int64_t tx, int64_t seq)
{
    return tx << 32 | seq;
}

static int64_t is_trashed(const char *undo)
{
    return undo && strstr(undo, "\"trash\":");
}

static int insert_actions(struct store *s, int64_t tx, const struct store_action *actions, size_t n,
                          struct error *err)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct store_action *c = &actions[i];
        r = db_run(s, "write the plan into the journal", err,
                   "INSERT INTO action (key, state, kind, id, site, op, spec, before, after, undo, trashed)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   "itttttthhti", key_of(tx, c->seq), action_words[c->state], c->kind, c->id, c->site, c->op,
                   c->spec, &c->before, &c->after, c->undo, is_trashed(c->undo));
    }
    return r;
}

int store_actions_add(struct store *s, int64_t tx, const struct store_action *actions, size_t n,
                      struct error *err)
{
    static const char doing[] = "write actions into the journal";
    int r = db_begin(s, DURABLE, doing, err);
    return r < 0 ? r : db_end(s, insert_actions(s, tx, actions, n, err), doing, err);
}

int store_tx_begin(struct store *s, struct store_tx *tx, const struct store_action *actions, size_t n,
                   struct error *err)
{
    static const char doing[] = "open a transaction in the journal";
    int64_t begun = tx->begun ? tx->begun : (int64_t)time(NULL);
    s->removals = REMOVALS_UNKNOWN;
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    int64_t bundle = 0;
    if (tx->bundle)
        r = bundle_put(s, tx->bundle, &bundle, err);
    if (r == 0)
        r = db_run(s, doing, err,
                   "INSERT INTO tx (begun, ended, state, why, who, bundle_id, sites, reason)"
                   " VALUES (?, 0, 'open', ?, ?, nullif(?, 0), ?, ?)",
                   "ittitt", begun, tx->why, tx->who, bundle, tx->sites, tx->reason);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    if (r == 0)
        r = insert_actions(s, id, actions, n, err);
    r = db_end(s, r, doing, err);
    if (r == 0) {
        tx->id = id;
        tx->begun = begun;
        tx->ended = 0;
        tx->state = TX_OPEN;
    }
    return r;
}

/* After an UPDATE that must have met one row. */
static int met(struct store *s, int r, int64_t tx, int64_t seq, struct error *err)
{
    if (r < 0 || sqlite3_changes(s->db) == 1)
        return r;
    return error_set(err, -ENOENT, "%s: transaction %lld has no action %lld", s->path, (long long)tx,
                     (long long)seq);
}

int store_action_intent(struct store *s, int64_t tx, int64_t seq, const char *undo, struct error *err)
{
    static const char doing[] = "write an intent into the journal";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "UPDATE action SET state = 'intent', undo = ?, trashed = ? WHERE key = ?",
               "tii", undo, is_trashed(undo), key_of(tx, seq));
    return db_end(s, met(s, r, tx, seq, err), doing, err);
}

int store_action_state(struct store *s, int64_t tx, int64_t seq, enum action_state st, const char *error,
                       struct error *err)
{
    static const char doing[] = "write an action's state into the journal";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    /* The first failure is the one that explains: a later state without a text keeps it. */
    r = db_run(s, doing, err, "UPDATE action SET state = ?, error = coalesce(?, error) WHERE key = ?", "tti",
               action_words[st], error, key_of(tx, seq));
    return db_end(s, met(s, r, tx, seq, err), doing, err);
}

int store_action_trashed(struct store *s, int64_t tx, int64_t seq, struct error *err)
{
    static const char doing[] = "note in the journal what went to the trash";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "UPDATE action SET trashed = 1 WHERE key = ?", "i", key_of(tx, seq));
    return db_end(s, met(s, r, tx, seq, err), doing, err);
}

static int count_intents(struct store *s, int64_t first, int64_t last, const char *doing, int64_t *ret,
                         struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT count(*) FROM action WHERE key BETWEEN ? AND ? AND state = 'intent'", "ii",
                     first, last);
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r;
    *ret = sqlite3_column_int64(st, 0);
    db_done(st);
    return 0;
}

/* Of one its own row says so. */
int store_actions_done(struct store *s, int64_t tx, int64_t first, size_t n, struct error *err)
{
    static const char doing[] = "write into the journal that actions are done";
    int64_t last = first + (int64_t)n - 1, intents = 0;
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = count_intents(s, key_of(tx, first), key_of(tx, last), doing, &intents, err);
    if (r == 0 && intents != (int64_t)n)
        r = error_set(err, -ENOENT, "%s: transaction %lld has not all intents from %lld on", s->path,
                      (long long)tx, (long long)first);
    else if (r == 0 && n == 1)
        r = db_run(s, doing, err, "UPDATE action SET state = 'done' WHERE key = ?", "i", key_of(tx, first));
    else if (r == 0)
        r = db_run(s, doing, err, "INSERT INTO done (tx, first, last) VALUES (?, ?, ?)", "iii", tx, first,
                   last);
    return db_end(s, r, doing, err);
}

struct standing {
    int64_t created, changed, removed;
};

/* In one scan: sums of SQLite's cost five times as much. */
static int count_standing(struct store *s, int64_t tx, const char *doing, struct standing *ret,
                          struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT op FROM action WHERE " OF_TX_1 " AND state = 'done' UNION ALL"
                     " SELECT op FROM done CROSS JOIN action"
                     " ON action.key BETWEEN ?1 << 32 | first AND ?1 << 32 | last"
                     " WHERE done.tx = ?1 AND action.state = 'intent'",
                     "i", tx);
    while (r == 0 && (r = db_next(s, doing, st, err)) > 0) {
        const char *op = (const char *)sqlite3_column_text(st, 0);
        ret->created += strcmp(op, "create") == 0;
        ret->changed += strcmp(op, "update") == 0;
        ret->removed += strcmp(op, "remove") == 0;
        r = 0;
    }
    return r;
}

int store_tx_end(struct store *s, int64_t tx, enum tx_state st, const char *error, struct error *err)
{
    static const char doing[] = "end a transaction in the journal";
    struct standing n = {0};
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = count_standing(s, tx, doing, &n, err);
    if (r == 0)
        r = db_run(s, doing, err,
                   "UPDATE tx SET state = ?, error = coalesce(?, error), ended = ?, created = ?, changed = ?,"
                   " removed = ? WHERE id = ?",
                   "ttiiiii", tx_words[st], error, st == TX_OPEN ? (int64_t)0 : (int64_t)time(NULL),
                   n.created, n.changed, n.removed, tx);
    if (r == 0 && sqlite3_changes(s->db) != 1)
        r = error_set(err, -ENOENT, "%s: there is no transaction %lld", s->path, (long long)tx);
    return db_end(s, r, doing, err);
}
