/* Generations: the manifests that were applied, numbered, never changed afterwards. */
#include "storedb.h"
#include <errno.h>
#include <time.h>

static struct store_generation row(sqlite3_stmt *st, struct arena *a)
{
    return (struct store_generation){
        .number = sqlite3_column_int64(st, 0),
        .time = sqlite3_column_int64(st, 1),
        .transaction = sqlite3_column_int64(st, 2),
        .rollback_of = sqlite3_column_int64(st, 3),
        .digest = db_text(st, 4, a),
        .who = db_text(st, 5, a),
        .reason = db_text(st, 6, a),
        .status = db_text(st, 7, a),
        .created = sqlite3_column_int64(st, 8),
        .changed = sqlite3_column_int64(st, 9),
        .removed = sqlite3_column_int64(st, 10),
        .sites = db_text(st, 12, a),
    };
}

#define COLUMNS                                                                                              \
    "SELECT number, time, tx, rollback_of, digest, g.who, g.reason, status,"                                 \
    " coalesce(created, 0), coalesce(changed, 0), coalesce(removed, 0), g.bundle_id, tx.sites"               \
    " FROM generation AS g LEFT JOIN tx ON tx.id = g.tx"

int store_generation_add(struct store *s, struct store_generation *g, struct error *err)
{
    static const char doing[] = "record the generation";
    int64_t at = g->time ? g->time : (int64_t)time(NULL);
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    int64_t bundle = 0;
    r = bundle_put(s, g->bundle, &bundle, err);
    if (r == 0)
        r = db_run(s, doing, err,
                   "INSERT INTO generation (time, tx, rollback_of, bundle_id, digest, who, reason, status)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   "iiiitttt", at, g->transaction, g->rollback_of, bundle, g->digest, g->who, g->reason,
                   g->status);
    int64_t number = sqlite3_last_insert_rowid(s->db);
    if (r == 0)
        r = lost_over(s, err);
    r = db_end(s, r, doing, err);
    if (r == 0) {
        g->number = number;
        g->time = at;
    }
    return r;
}

static int read_one(struct store *s, int64_t number, struct arena *a, struct store_generation *ret,
                    int64_t *bundle, struct error *err)
{
    static const char doing[] = "read the generation";
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, COLUMNS " WHERE ?1 = 0 OR number = ?1 ORDER BY number DESC LIMIT 1",
                     "i", number);
    if (r < 0)
        return r;
    r = db_next(s, doing, st, err);
    if (r < 0)
        return r;
    if (r == 0 && number == 0) {
        error_set(err, -ENOENT, "nothing was applied on this server yet");
        error_hint(err, "\"citrus apply\" makes the first generation");
        return -ENOENT;
    }
    if (r == 0) {
        error_set(err, -ENOENT, "there is no generation %lld", (long long)number);
        error_hint(err, "\"citrus history\" lists those there are");
        return -ENOENT;
    }
    *ret = row(st, a);
    *bundle = sqlite3_column_int64(st, 11);
    db_done(st);
    return 0;
}

int store_generation_get(struct store *s, int64_t number, struct arena *a, struct store_generation *ret,
                         struct error *err)
{
    int64_t bundle;
    int r = read_one(s, number, a, ret, &bundle, err);
    return r < 0 ? r : store_bundle_get(s, bundle, a, &ret->bundle, err);
}

int store_generation_newest(struct store *s, struct arena *a, struct store_generation *ret, struct error *err)
{
    int64_t bundle;
    return read_one(s, 0, a, ret, &bundle, err);
}

int store_generation_list(struct store *s, struct arena *a, struct store_generation **ret, size_t *n,
                          struct error *err)
{
    static const char doing[] = "read the generations";
    VEC(struct store_generation) list = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, COLUMNS " ORDER BY number DESC", "");
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0)
        vec_push(a, &list, row(st, a));
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}
