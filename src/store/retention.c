/* What is dropped of the store when its time is over. */
#include "storedb.h"

int store_generations_drop(struct store *s, int64_t below, struct error *err)
{
    static const char doing[] = "drop old generations";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM generation WHERE number < ?", "i", below);
    if (r == 0)
        r = bundles_drop_unused(s, err);
    return db_end(s, r, doing, err);
}

int store_trash_paths(struct store *s, struct arena *a, const char ***ret, size_t *n, struct error *err)
{
    static const char doing[] = "read what went to the trash";
    VEC(const char *) list = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT DISTINCT id FROM action WHERE trashed AND id >= '/' AND id < '0'", "");
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0)
        vec_push(a, &list, db_text(st, 0, a));
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}

int store_tx_old(struct store *s, int64_t before, int64_t oldest, struct arena *a, int64_t **ret, size_t *n,
                 struct error *err)
{
    static const char doing[] = "look for old transactions";
    VEC(int64_t) list = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT id FROM tx WHERE ended > 0 AND ended < ?1"
                     " AND (id < ?2 OR NOT EXISTS (SELECT 1 FROM action WHERE " OF_TX ")"
                     "  OR EXISTS (SELECT 1 FROM action WHERE " OF_TX " AND NOT trashed))"
                     " ORDER BY id",
                     "ii", before, oldest);
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0)
        vec_push(a, &list, sqlite3_column_int64(st, 0));
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}

int store_tx_drop(struct store *s, int64_t tx, bool whole, struct error *err)
{
    static const char doing[] = "drop an old transaction";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM action WHERE " OF_TX_1 " AND (?2 OR NOT trashed)", "ii", tx,
               (int64_t)whole);
    if (r == 0)
        r = db_run(s, doing, err, "UPDATE tx SET bundle_id = NULL WHERE id = ?", "i", tx);
    if (r == 0)
        r = db_run(s, doing, err,
                   "DELETE FROM tx WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM action WHERE " OF_TX_1 ")",
                   "i", tx);
    if (r == 0)
        r = bundles_drop_unused(s, err);
    return db_end(s, r, doing, err);
}
