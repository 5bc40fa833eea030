/* What citrus manages: each resource as it was last promised. */
#include "storedb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "kind, id, site, spec, wanted, rank, generation, digest"

/* `last`: of the row before, which has the same kind most times; NULL. */
static struct store_managed row(sqlite3_stmt *st, const char *last, struct arena *a)
{
    const char *kind = (const char *)sqlite3_column_text(st, 0);
    return (struct store_managed){
        .kind = last && strcmp(last, kind) == 0 ? last : db_text(st, 0, a),
        .id = db_text(st, 1, a),
        .site = db_text(st, 2, a),
        .spec = db_text(st, 3, a),
        .wanted = db_hash(st, 4),
        .rank = sqlite3_column_int64(st, 5),
        .generation = sqlite3_column_int64(st, 6),
        .digest = db_hash(st, 7),
    };
}

int store_managed_get(struct store *s, const char *kind, const char *id, struct arena *a,
                      struct store_managed *ret, struct error *err)
{
    static const char doing[] = "read what is managed";
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT " COLUMNS " FROM managed WHERE kind = ? AND id = ?", "tt",
                     kind, id);
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *ret = row(st, NULL, a);
    db_done(st);
    return 0;
}

int store_managed_list(struct store *s, struct arena *a, struct store_managed **ret, size_t *n,
                       struct error *err)
{
    static const char doing[] = "read what is managed";
    struct store_managed *list = NULL; /* on the heap while it grows */
    size_t count = 0, cap = 0;
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT " COLUMNS " FROM managed ORDER BY kind, id", "");
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0) {
        if (count == cap) {
            cap = cap ? 2 * cap : 64;
            list = xrealloc(list, cap * sizeof *list);
        }
        list[count] = row(st, count ? list[count - 1].kind : NULL, a);
        count++;
    }
    sqlite3_db_release_memory(s->db); /* its pages, which are not read again */
    if (r == 0) {
        *ret = arena_memdup(a, list, count * sizeof *list);
        *n = count;
    }
    free(list);
    return r;
}

int store_managed_put(struct store *s, const struct store_managed *m, struct error *err)
{
    static const char doing[] = "remember what is managed";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err,
               "INSERT INTO managed (" COLUMNS ")"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (kind, id) DO UPDATE SET"
               " site = ?3, spec = ?4, wanted = ?5, rank = ?6, generation = ?7, digest = ?8",
               "tttthiih", m->kind, m->id, m->site, m->spec, &m->wanted, m->rank, m->generation, &m->digest);
    return db_end(s, r, doing, err);
}

int store_managed_drop(struct store *s, const char *kind, const char *id, struct error *err)
{
    static const char doing[] = "forget what is no longer managed";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM managed WHERE kind = ? AND id = ?", "tt", kind, id);
    return db_end(s, r, doing, err);
}
