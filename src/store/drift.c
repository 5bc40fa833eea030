/* How often mending drift failed for a generation: one row of `meta`, so that a timer can give up. */
#include "buf.h"
#include "storedb.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int store_drift_get(struct store *s, struct arena *a, struct store_drift *ret, struct error *err)
{
    static const char doing[] = "read how mending drift went";
    long long generation, failures, when;
    int at = 0;
    sqlite3_stmt *st;
    *ret = (struct store_drift){0};
    int r = db_query(s, doing, &st, err, "SELECT CAST(value AS TEXT) FROM meta WHERE name = 'drift'", "");
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r;
    const char *text = db_text(st, 0, a);
    db_done(st);
    /* A row that cannot be read is as good as none: the next failure writes it anew. */
    if (text && sscanf(text, "%lld %lld %lld %n", &generation, &failures, &when, &at) == 3 && at)
        *ret = (struct store_drift){generation, failures, when, text[at] ? text + at : NULL};
    return 0;
}

int store_drift_put(struct store *s, const struct store_drift *d, struct error *err)
{
    static const char doing[] = "note how mending drift went";
    struct buf b = {0};
    buf_addf(&b, "%lld %lld %lld %s", (long long)d->generation, (long long)d->failures, (long long)d->time,
             d->error ? d->error : "");
    int r = db_begin(s, DURABLE, doing, err);
    if (r == 0) {
        r = db_run(s, doing, err,
                   "INSERT INTO meta (name, value) VALUES ('drift', ?1) "
                   "ON CONFLICT (name) DO UPDATE SET value = ?1",
                   "b", (const void *)b.at, b.len);
        r = db_end(s, r, doing, err);
    }
    buf_free(&b);
    return r;
}
