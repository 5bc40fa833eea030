/* What a look that found nothing to do leaves for the next: one row for each way to ask. */
#include "storedb.h"
#include <errno.h>
#include <stdlib.h>

/* Ways to ask: for a person, for a program, by the timer, about another manifest. */
#define GLANCES_KEPT 8

/* Changes with each commit of another connection (sqlite.org, PRAGMA data_version). */
static int64_t version_now(struct store *s)
{
    sqlite3_stmt *st;
    int64_t n = -1;
    if (db_query(s, "ask for its version", &st, NULL, "PRAGMA data_version", "") == 0 &&
        db_next(s, "ask for its version", st, NULL) > 0) {
        n = sqlite3_column_int64(st, 0);
        db_done(st);
    }
    return n;
}

int store_glance_get(struct store *s, struct hash128 key, struct arena *a, struct store_glance *ret,
                     struct error *err)
{
    static const char doing[] = "read what the last look left";
    sqlite3_stmt *st;
    s->seen_version = version_now(s);
    int r = db_query(s, doing, &st, err,
                     "SELECT made, until, stamps, paths, kinds, output FROM glance WHERE key = ?", "h", &key);
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    size_t len = (size_t)sqlite3_column_bytes(st, 3);
    *ret = (struct store_glance){.made = sqlite3_column_int64(st, 0),
                                 .until = sqlite3_column_int64(st, 1),
                                 .stamps = db_hash(st, 2),
                                 .len = len,
                                 .kinds = db_text(st, 4, a),
                                 .output = db_text(st, 5, a)};
    ret->paths = arena_memdup(a, sqlite3_column_blob(st, 3), len);
    db_done(st);
    return 0;
}

int store_glance_put(struct store *s, struct hash128 key, const struct store_glance *g, struct error *err)
{
    static const char doing[] = "keep what this look saw";
    if (s->mode != STORE_WRITE)
        return 0;
    int r = db_begin(s, CHEAP, doing, err);
    if (r < 0)
        return r;
    /* Somebody else wrote while this run looked: what it saw may be of before. */
    if (s->seen_version == version_now(s) && s->seen_version >= 0) {
        r = db_run(s, doing, err,
                   "INSERT OR REPLACE INTO glance (key, made, until, stamps, paths, kinds, output)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?)",
                   "hiihbtt", &key, g->made, g->until, &g->stamps, (const void *)g->paths, g->len, g->kinds,
                   g->output);
        if (r == 0)
            r = db_run(s, doing, err,
                       "DELETE FROM glance WHERE made > ?1 OR key NOT IN"
                       " (SELECT key FROM glance ORDER BY made DESC LIMIT ?2)",
                       "ii", g->made, (int64_t)GLANCES_KEPT);
    }
    return db_end(s, r, doing, err);
}

int store_glance_drop(struct store *s, struct error *err)
{
    static const char doing[] = "forget what looks saw";
    if (s->mode != STORE_WRITE)
        return 0;
    int r = db_begin(s, CHEAP, doing, err);
    return r < 0 ? r : db_end(s, db_run(s, doing, err, "DELETE FROM glance", ""), doing, err);
}
