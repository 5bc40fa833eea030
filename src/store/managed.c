/* What citrus manages: each resource as it was last promised. */
#include "storedb.h"
#include <errno.h>
#include <string.h>

#define COLUMNS "kind, id, site, spec, wanted, rank, generation, digest"

/* Its texts are the statement's. */
static struct store_managed row(sqlite3_stmt *st)
{
    return (struct store_managed){
        .kind = (const char *)sqlite3_column_text(st, 0),
        .id = (const char *)sqlite3_column_text(st, 1),
        .site = (const char *)sqlite3_column_text(st, 2),
        .spec = (const char *)sqlite3_column_text(st, 3),
        .wanted = db_hash(st, 4),
        .rank = sqlite3_column_int64(st, 5),
        .generation = sqlite3_column_int64(st, 6),
        .digest = db_hash(st, 7),
    };
}

static void row_own(struct store_managed *m, struct arena *a)
{
    m->id = arena_strdup(a, m->id);
    m->site = arena_strdup(a, m->site);
    m->spec = arena_strdup(a, m->spec);
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
    *ret = row(st);
    ret->kind = arena_strdup(a, ret->kind);
    row_own(ret, a);
    db_done(st);
    return 0;
}

int store_managed_each(struct store *s, void (*take)(void *self, const struct store_managed *lent),
                       void *self, struct error *err)
{
    static const char doing[] = "read what is managed";
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT " COLUMNS " FROM managed ORDER BY kind, id", "");
    if (r < 0)
        return r;
    db_scan_begin(s);
    while ((r = db_next(s, doing, st, err)) > 0) {
        const struct store_managed m = row(st);
        take(self, &m);
    }
    db_scan_end(s);
    return r;
}

struct listing {
    struct arena *arena, scratch; /* the list while it grows */
    VEC(struct store_managed) list;
};

static void list_take(void *self, const struct store_managed *lent)
{
    struct listing *l = self;
    struct store_managed m = *lent;
    const char *last = l->list.n ? l->list.at[l->list.n - 1].kind : NULL;
    m.kind = last && strcmp(last, m.kind) == 0 ? last : arena_strdup(l->arena, m.kind);
    row_own(&m, l->arena);
    vec_push(&l->scratch, &l->list, m);
}

int store_managed_list(struct store *s, struct arena *a, struct store_managed **ret, size_t *n,
                       struct error *err)
{
    struct listing l = {.arena = a};
    int r = store_managed_each(s, list_take, &l, err);
    if (r == 0) {
        *ret = arena_memdup(a, l.list.at, l.list.n * sizeof *l.list.at);
        *n = l.list.n;
    }
    arena_free(&l.scratch);
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
