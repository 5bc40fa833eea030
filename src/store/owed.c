/* What services are still to be told: a run that was told to stop left it. A row of `meta` each. */
#include "storedb.h"
#include <stdio.h>
#include <string.h>

/* A kind's name has no space in it. */
#define NAME "'owed ' || ?1 || ' ' || ?2"

int store_owed_list(struct store *s, struct arena *a, struct store_owed **ret, size_t *n, struct error *err)
{
    static const char doing[] = "read what services are still to be told";
    VEC(struct store_owed) list = {0};
    sqlite3_stmt *st;
    int r = db_query(
        s, doing, &st, err,
        "SELECT name, CAST(value AS TEXT) FROM meta WHERE name >= 'owed ' AND name < 'owed!' ORDER BY name",
        "");
    if (r < 0)
        return r;
    while ((r = db_next(s, doing, st, err)) > 0) {
        char *kind = db_text(st, 0, a) + strlen("owed "), *id = strchr(kind, ' ');
        const char *text = db_text(st, 1, a);
        char how[16];
        long long tx;
        /* A row that cannot be read is as good as none. */
        if (!id || !text || sscanf(text, "%15s %lld", how, &tx) != 2)
            continue;
        *id++ = '\0';
        struct store_owed o = {.kind = kind, .id = id, .how = arena_strdup(a, how), .tx = tx};
        vec_push(a, &list, o);
    }
    if (r < 0)
        return r;
    *ret = list.at;
    *n = list.n;
    return 0;
}

int store_owed_put(struct store *s, const struct store_owed *o, struct error *err)
{
    static const char doing[] = "note what a service is still to be told";
    struct buf b = {0};
    buf_addf(&b, "%s %lld", o->how, (long long)o->tx);
    int r = db_begin(s, DURABLE, doing, err);
    if (r == 0) {
        r = db_run(s, doing, err,
                   "INSERT INTO meta (name, value) VALUES (" NAME ", ?3) "
                   "ON CONFLICT (name) DO UPDATE SET value = ?3",
                   "ttb", o->kind, o->id, (const void *)b.at, b.len);
        r = db_end(s, r, doing, err);
    }
    buf_free(&b);
    return r;
}

int store_owed_drop(struct store *s, const char *kind, const char *id, struct error *err)
{
    static const char doing[] = "forget what a service was still to be told";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM meta WHERE name = " NAME, "tt", kind, id);
    return db_end(s, r, doing, err);
}
