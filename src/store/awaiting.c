/* The apply that stands until somebody confirms it: one row of `meta`, and what was managed before, kept
 * whole.
 *
 * What the journal takes back on the machine, this takes back in the store: the rows of `managed` as they
 * were, byte for byte, and the generation that the apply made. */
#include "storedb.h"
#include <errno.h>
#include <stdio.h>

static int put(struct store *s, const struct store_awaiting *w, const char *doing, struct error *err)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%lld %lld %lld %d", (long long)w->tx, (long long)w->seconds,
                     (long long)w->until, w->partial);
    return db_run(s, doing, err,
                  "INSERT INTO meta (name, value) VALUES ('awaiting', ?1) "
                  "ON CONFLICT (name) DO UPDATE SET value = ?1",
                  "b", (const void *)text, (size_t)n);
}

int store_awaiting_get(struct store *s, struct store_awaiting *ret, struct error *err)
{
    static const char doing[] = "read which apply awaits confirmation";
    long long tx, seconds, until;
    int partial;
    sqlite3_stmt *st;
    *ret = (struct store_awaiting){0};
    int r = db_query(s, doing, &st, err, "SELECT CAST(value AS TEXT) FROM meta WHERE name = 'awaiting'", "");
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r;
    const char *text = (const char *)sqlite3_column_text(st, 0);
    bool good = text && sscanf(text, "%lld %lld %lld %d", &tx, &seconds, &until, &partial) == 4;
    db_done(st);
    if (!good)
        return db_error(s, SQLITE_CORRUPT, doing, err);
    *ret = (struct store_awaiting){.tx = tx, .seconds = seconds, .until = until, .partial = partial != 0};
    return 0;
}

int store_awaiting_begin(struct store *s, int64_t tx, int64_t seconds, struct error *err)
{
    static const char doing[] = "note that the apply asks for confirmation";
    int r = db_begin(s, DURABLE, doing, err);
    if (r == 0)
        r = db_end(s, put(s, &(struct store_awaiting){.tx = tx, .seconds = seconds}, doing, err), doing, err);
    return r;
}

int store_awaiting_keep(struct store *s, struct error *err)
{
    static const char doing[] = "keep what was managed before";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM managed_before", "");
    if (r == 0)
        r = db_run(s, doing, err, "INSERT INTO managed_before SELECT * FROM managed", "");
    return db_end(s, r, doing, err);
}

int store_awaiting_set(struct store *s, const struct store_awaiting *w, struct error *err)
{
    static const char doing[] = "note that the apply awaits confirmation";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = store_tx_end(s, w->tx, TX_AWAITING, NULL, err);
    if (r == 0)
        r = put(s, w, doing, err);
    return db_end(s, r, doing, err);
}

static int forget(struct store *s, const char *doing, struct error *err)
{
    int r = db_run(s, doing, err, "DELETE FROM meta WHERE name = 'awaiting'", "");
    return r < 0 ? r : db_run(s, doing, err, "DELETE FROM managed_before", "");
}

int store_awaiting_confirm(struct store *s, const struct store_awaiting *w, struct error *err)
{
    static const char doing[] = "confirm the apply";
    int r = store_begin(s, err);
    if (r < 0)
        return r;
    r = store_tx_end(s, w->tx, w->partial ? TX_PARTIAL : TX_DONE, NULL, err);
    if (r == 0)
        r = forget(s, doing, err);
    if (r == 0)
        return store_commit(s, err);
    store_rollback(s);
    return r;
}

int store_awaiting_revert(struct store *s, int64_t tx, struct error *err)
{
    static const char doing[] = "take back what the store knows of the apply";
    struct store_awaiting w;
    int r = store_awaiting_get(s, &w, err);
    if (r < 0 || w.tx != tx)
        return r;
    r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    if (w.until) {
        r = db_run(s, doing, err, "DELETE FROM managed", "");
        if (r == 0)
            r = db_run(s, doing, err, "INSERT INTO managed SELECT * FROM managed_before", "");
        if (r == 0)
            r = db_run(s, doing, err, "DELETE FROM generation WHERE tx = ?", "i", tx);
    }
    if (r == 0)
        r = forget(s, doing, err);
    return db_end(s, r, doing, err);
}
