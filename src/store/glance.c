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

static const char reading[] = "read what the last look left";

static int one(struct store *s, sqlite3_stmt *st, struct arena *a, struct store_glance *ret,
               struct error *err)
{
    int r = db_next(s, reading, st, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *ret = (struct store_glance){.made = sqlite3_column_int64(st, 0),
                                 .until = sqlite3_column_int64(st, 1),
                                 .stamps = db_hash(st, 2),
                                 .len = (size_t)sqlite3_column_bytes(st, 3),
                                 .kinds = db_text(st, 4, a),
                                 .output = db_text(st, 5, a),
                                 .contents = db_hash(st, 6),
                                 .base = db_hash(st, 7),
                                 .whole_len = (size_t)sqlite3_column_bytes(st, 8)};
    ret->paths = arena_memdup(a, sqlite3_column_blob(st, 3), ret->len);
    if (ret->whole_len)
        ret->whole = arena_memdup(a, sqlite3_column_blob(st, 8), ret->whole_len);
    db_done(st);
    return 0;
}

int store_glance_get(struct store *s, struct hash128 key, struct arena *a, struct store_glance *ret,
                     struct error *err)
{
    sqlite3_stmt *st;
    s->seen_version = version_now(s);
    int r = db_query(s, reading, &st, err,
                     "SELECT made, until, stamps, paths, kinds, output, contents, base, NULL FROM glance"
                     " WHERE key = ?",
                     "h", &key);
    return r < 0 ? r : one(s, st, a, ret, err);
}

int store_glance_base(struct store *s, struct hash128 base, struct arena *a, struct store_glance *ret,
                      struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err,
                     "SELECT made, until, stamps, paths, kinds, '', contents, base, whole FROM glance"
                     " WHERE base = ? AND whole IS NOT NULL ORDER BY made DESC LIMIT 1",
                     "h", &base);
    return r < 0 ? r : one(s, st, a, ret, err);
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
        r = db_run(
            s, doing, err,
            "INSERT OR REPLACE INTO glance (key, made, until, stamps, paths, kinds, output, contents, base,"
            " whole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "hiihbtthhb", &key, g->made, g->until, &g->stamps, (const void *)g->paths, g->len, g->kinds,
            g->output, &g->contents, &g->base, g->whole, g->whole_len);
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
