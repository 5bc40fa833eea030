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

/* What grows with the sites is read to where it stays: a column's value would be made whole in SQLite's
 * memory first, and that memory costs more than the reading. */
static int take(struct store *s, int64_t row, const char *column, struct arena *a, const char **ret,
                size_t *ret_len, struct error *err)
{
    sqlite3_blob *blob;
    int rc = sqlite3_blob_open(s->db, "main", "glance", column, row, 0, &blob);
    int len = rc == SQLITE_OK ? sqlite3_blob_bytes(blob) : 0;
    char *p = arena_alloc(a, (size_t)len + 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_read(blob, p, len, 0);
    sqlite3_blob_close(blob);
    *ret = p;
    *ret_len = (size_t)len;
    return rc == SQLITE_OK ? 0 : db_error(s, rc, reading, err);
}

/* `whole`: with that, and without what it said. */
static int one(struct store *s, const struct hash128 *key, bool whole, struct arena *a,
               struct store_glance *ret, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err,
                     "SELECT rowid, made, until, stamps, kinds, contents, base FROM glance WHERE key = ?",
                     "h", key);
    if (r == 0)
        r = db_next(s, reading, st, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    int64_t row = sqlite3_column_int64(st, 0);
    const char *rest;
    size_t len;
    *ret = (struct store_glance){.made = sqlite3_column_int64(st, 1),
                                 .until = sqlite3_column_int64(st, 2),
                                 .stamps = db_hash(st, 3),
                                 .kinds = db_text(st, 4, a),
                                 .contents = db_hash(st, 5),
                                 .base = db_hash(st, 6)};
    r = take(s, row, "paths", a, &ret->paths, &ret->len, err);
    if (r == 0)
        r = take(s, row, whole ? "whole" : "output", a, &rest, &len, err);
    db_done(st); /* until here, what is read is of one commit */
    if (r < 0)
        return r;
    if (whole) {
        ret->whole = rest;
        ret->whole_len = len;
    } else {
        ret->output = rest;
    }
    return 0;
}

int store_glance_get(struct store *s, struct hash128 key, struct arena *a, struct store_glance *ret,
                     struct error *err)
{
    s->seen_version = version_now(s);
    return one(s, &key, false, a, ret, err);
}

int store_glance_base(struct store *s, struct hash128 base, struct arena *a, struct store_glance *ret,
                      struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err,
                     "SELECT key FROM glance WHERE base = ? AND whole IS NOT NULL ORDER BY made DESC LIMIT 1",
                     "h", &base);
    if (r == 0)
        r = db_next(s, reading, st, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    struct hash128 key = db_hash(st, 0);
    db_done(st);
    return one(s, &key, true, a, ret, err);
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
