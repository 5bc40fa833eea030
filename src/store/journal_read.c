/* What the journal says. */
#include "storedb.h"
#include <errno.h>
#include <string.h>

/* The index of the text in column `col`; a word that is not there is a damaged store. */
static int word(struct store *s, sqlite3_stmt *st, int col, const char *const *names, size_t n,
                const char *doing, int *ret, struct error *err)
{
    const char *t = (const char *)sqlite3_column_text(st, col);
    for (size_t i = 0; t && i < n; i++)
        if (strcmp(names[i], t) == 0) {
            *ret = (int)i;
            return 0;
        }
    return db_error(s, SQLITE_CORRUPT, doing, err);
}

/* Of actions that were done together one row says so. */
#define STATE                                                                                                \
    "iif(action.state = 'intent' AND EXISTS (SELECT 1 FROM done WHERE done.tx = action.tx"                   \
    " AND action.seq BETWEEN first AND last), 'done', action.state)"

static const char reading_tx[] = "read the journal";

static int tx_row(struct store *s, sqlite3_stmt *st, struct arena *a, struct store_tx *ret, struct error *err)
{
    int state = 0;
    int r = word(s, st, 3, tx_words, TX_STATES, reading_tx, &state, err);
    if (r < 0)
        return r;
    *ret = (struct store_tx){
        .id = sqlite3_column_int64(st, 0),
        .begun = sqlite3_column_int64(st, 1),
        .ended = sqlite3_column_int64(st, 2),
        .state = (enum tx_state)state,
        .why = db_text(st, 4, a),
        .who = db_text(st, 5, a),
        .bundle_id = sqlite3_column_int64(st, 6),
        .error = db_text(st, 7, a),
        .sites = db_text(st, 8, a),
        .reason = db_text(st, 9, a),
        .created = sqlite3_column_int64(st, 10),
        .changed = sqlite3_column_int64(st, 11),
        .removed = sqlite3_column_int64(st, 12),
    };
    return 0;
}

static int tx_rows(struct store *s, sqlite3_stmt *st, struct arena *a, struct store_tx **ret, size_t *n,
                   struct error *err)
{
    VEC(struct store_tx) list = {0};
    int r;
    while ((r = db_next(s, reading_tx, st, err)) > 0) {
        struct store_tx tx;
        r = tx_row(s, st, a, &tx, err);
        if (r < 0) {
            db_done(st);
            return r;
        }
        vec_push(a, &list, tx);
    }
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}

#define TX_COLUMNS                                                                                           \
    "SELECT id, begun, ended, state, why, who, bundle_id, error, sites, reason, created, changed, removed"   \
    " FROM tx "

int store_tx_get(struct store *s, int64_t id, struct arena *a, struct store_tx *ret, struct error *err)
{
    sqlite3_stmt *st;
    struct store_tx *list;
    size_t n;
    int r = db_query(s, reading_tx, &st, err, TX_COLUMNS "WHERE ?1 = 0 OR id = ?1 ORDER BY id DESC LIMIT 1",
                     "i", id);
    if (r == 0)
        r = tx_rows(s, st, a, &list, &n, err);
    if (r < 0)
        return r;
    if (n == 0) {
        r = id ? error_set(err, -ENOENT, "there is no transaction %lld", (long long)id)
               : error_set(err, -ENOENT, "no transaction was run on this server yet");
        error_hint(err, "\"citrus history\" lists those there are");
        return r;
    }
    *ret = list[0];
    return 0;
}

int store_tx_list(struct store *s, size_t limit, struct arena *a, struct store_tx **ret, size_t *n,
                  struct error *err)
{
    sqlite3_stmt *st;
    /* A negative LIMIT is none. */
    int64_t most = limit ? (int64_t)limit : -1;
    int r = db_query(s, reading_tx, &st, err, TX_COLUMNS "ORDER BY id DESC LIMIT ?", "i", most);
    return r < 0 ? r : tx_rows(s, st, a, ret, n, err);
}

int store_tx_open(struct store *s, struct arena *a, struct store_tx **ret, size_t *n, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading_tx, &st, err, TX_COLUMNS "WHERE state IN ('open', 'stuck') ORDER BY id", "");
    return r < 0 ? r : tx_rows(s, st, a, ret, n, err);
}

static int action_row(struct store *s, sqlite3_stmt *st, struct arena *a, struct store_action *ret,
                      struct error *err)
{
    int state = 0;
    int r = word(s, st, 2, action_words, ACTION_STATES, "read the journal's actions", &state, err);
    if (r < 0)
        return r;
    *ret = (struct store_action){
        .tx = sqlite3_column_int64(st, 0),
        .seq = sqlite3_column_int64(st, 1),
        .state = (enum action_state)state,
        .kind = db_text(st, 3, a),
        .id = db_text(st, 4, a),
        .site = db_text(st, 5, a),
        .op = db_text(st, 6, a),
        .spec = db_text(st, 7, a),
        .before = db_hash(st, 8),
        .after = db_hash(st, 9),
        .undo = db_text(st, 10, a),
        .error = db_text(st, 11, a),
    };
    return 0;
}

int store_actions(struct store *s, int64_t tx, struct arena *a, struct store_action **ret, size_t *n,
                  struct error *err)
{
    static const char doing[] = "read the journal's actions";
    VEC(struct store_action) list = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT tx, seq, " STATE ", kind, id, site, op, spec, before, after, undo, error"
                     " FROM action WHERE " OF_TX_1 " ORDER BY key",
                     "i", tx);
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0) {
        struct store_action c;
        r = action_row(s, st, a, &c, err);
        if (r < 0) {
            db_done(st);
            return r;
        }
        vec_push(a, &list, c);
    }
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}

static const char removals[] = "read what was removed";

/* A first apply asks for each thing that it makes, and nothing was ever removed. */
static int any_removal(struct store *s, struct error *err)
{
    sqlite3_stmt *st;
    if (s->removals != REMOVALS_UNKNOWN)
        return s->removals == REMOVALS_SOME;
    int r = db_query(s, removals, &st, err, "SELECT 1 FROM action WHERE op = 'remove' LIMIT 1", "");
    if (r == 0)
        r = db_next(s, removals, st, err);
    if (r > 0)
        db_done(st);
    if (r >= 0)
        s->removals = r ? REMOVALS_SOME : REMOVALS_NONE;
    return r;
}

int store_removals(struct store *s, const char *kind, const char *id, struct arena *a,
                   struct store_removal **ret, size_t *n, struct error *err)
{
    const char *doing = removals;
    VEC(struct store_removal) list = {0};
    sqlite3_stmt *st;
    int r = any_removal(s, err);
    if (r <= 0) {
        *ret = NULL;
        *n = 0;
        return r;
    }
    r = db_query(s, doing, &st, err,
                 "SELECT action.tx, tx.ended, action.undo FROM action JOIN tx ON tx.id = action.tx"
                 " WHERE action.kind = ? AND action.id = ? AND action.op = 'remove'"
                 " AND " STATE " = 'done' AND tx.state IN ('done', 'partial') ORDER BY action.tx",
                 "tt", kind, id);
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0) {
        struct store_removal row = {sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                    db_text(st, 2, a)};
        vec_push(a, &list, row);
    }
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}
