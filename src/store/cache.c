/* The cache of file digests. At first use it is read whole, in one ordered scan, into a hash table; a lookup
 * asks no database. Who asks for few of many asks for each. Puts stay in memory until the flush. */
#include "storedb.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *path; /* NULL: a free slot */
    struct store_file file;
    bool dirty;
};

/* A scan of ten thousand rows costs as much as a thousand rows that are asked for one by one. */
enum { ONE_BY_ONE = 32 };

struct store_cache {
    struct arena arena; /* the paths */
    struct arena table; /* the slots: in huge pages where there are many */
    bool whole;
    size_t asked; /* one by one */
    struct entry *slots;
    size_t n, cap; /* cap is a power of two, at most three quarters are taken */
    int load_result;
    struct error load_error;
};

static struct entry *slot_of(const struct store_cache *c, const char *path)
{
    size_t i = (size_t)hash_bytes(path, strlen(path)).low & (c->cap - 1);
    while (c->slots[i].path && strcmp(c->slots[i].path, path) != 0)
        i = (i + 1) & (c->cap - 1);
    return &c->slots[i];
}

static void resize(struct store_cache *c, size_t cap)
{
    struct entry *old = c->slots;
    struct arena before = c->table;
    size_t n = c->cap;
    c->cap = cap;
    c->table = (struct arena){0};
    c->slots = arena_array(&c->table, struct entry, cap);
    for (size_t i = 0; i < n; i++)
        if (old[i].path)
            *slot_of(c, old[i].path) = old[i];
    arena_free(&before);
}

/* The slot of `path`, taken for it when it had none. */
static struct entry *take(struct store_cache *c, const char *path)
{
    if ((c->n + 1) * 4 > c->cap * 3)
        resize(c, c->cap * 2);
    struct entry *e = slot_of(c, path);
    if (!e->path) {
        e->path = arena_strdup(&c->arena, path);
        c->n++;
    }
    return e;
}

static const char reading[] = "read the cache of file digests";
#define COLUMNS "path, dev, ino, size, mtime_ns, ctime_ns, digest"

/* Into the table, where nothing newer is. */
static void row(struct store_cache *c, sqlite3_stmt *st)
{
    struct entry *e = take(c, (const char *)sqlite3_column_text(st, 0));
    if (e->dirty)
        return;
    e->file = (struct store_file){
        .dev = (uint64_t)sqlite3_column_int64(st, 1),
        .ino = (uint64_t)sqlite3_column_int64(st, 2),
        .size = (uint64_t)sqlite3_column_int64(st, 3),
        .mtime_ns = sqlite3_column_int64(st, 4),
        .ctime_ns = sqlite3_column_int64(st, 5),
        .digest = db_hash(st, 6),
    };
}

static int load(struct store *s, struct store_cache *c, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err, "SELECT " COLUMNS " FROM file_cache ORDER BY path", "");
    if (r < 0)
        return r;
    db_scan_begin(s);
    while ((r = db_next(s, reading, st, err)) > 0)
        row(c, st);
    db_scan_end(s);
    return r;
}

static int load_one(struct store *s, struct store_cache *c, const char *path, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err, "SELECT " COLUMNS " FROM file_cache WHERE path = ?", "t", path);
    if (r == 0)
        r = db_next(s, reading, st, err);
    if (r > 0) {
        row(c, st);
        db_done(st);
    }
    return r < 0 ? r : 0;
}

static struct store_cache *cache(struct store *s)
{
    if (!s->cache) {
        s->cache = xmalloc(sizeof *s->cache);
        memset(s->cache, 0, sizeof *s->cache);
        resize(s->cache, 256);
    }
    return s->cache;
}

/* A cache that cannot be read is an empty one; the next flush says why. */
static struct entry *find(struct store *s, const char *path)
{
    struct store_cache *c = cache(s);
    struct entry *e = slot_of(c, path);
    if (e->path || c->whole || c->load_result < 0)
        return e;
    if (s->few && c->asked++ < ONE_BY_ONE) {
        c->load_result = load_one(s, c, path, &c->load_error);
    } else {
        c->whole = true;
        c->load_result = load(s, c, &c->load_error);
    }
    return slot_of(c, path);
}

void store_few(struct store *s)
{
    s->few = true;
}

void cache_free(struct store *s)
{
    if (!s->cache)
        return;
    arena_free(&s->cache->arena);
    arena_free(&s->cache->table);
    free(s->cache);
    s->cache = NULL;
}

bool store_cache_get(struct store *s, const char *path, struct store_file *ret)
{
    const struct entry *e = find(s, path);
    if (!e->path)
        return false;
    *ret = e->file;
    return true;
}

static bool same(const struct store_file *a, const struct store_file *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns && hash_equal(a->digest, b->digest);
}

void store_cache_put(struct store *s, const char *path, const struct store_file *f)
{
    struct store_cache *c = cache(s);
    const struct entry *old = find(s, path);
    if (old->path && same(&old->file, f))
        return;
    struct entry *e = take(c, path);
    e->file = *f;
    e->dirty = true;
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->path, (*(struct entry *const *)b)->path);
}

static int write_entry(struct store *s, const struct entry *e, struct error *err)
{
    const struct store_file *f = &e->file;
    return db_run(s, "write the cache of file digests", err,
                  "INSERT INTO file_cache (path, dev, ino, size, mtime_ns, ctime_ns, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (path) DO UPDATE SET"
                  " dev = ?2, ino = ?3, size = ?4, mtime_ns = ?5, ctime_ns = ?6, digest = ?7",
                  "tiiiiih", e->path, (int64_t)f->dev, (int64_t)f->ino, (int64_t)f->size, f->mtime_ns,
                  f->ctime_ns, &f->digest);
}

int store_cache_flush(struct store *s, struct error *err)
{
    static const char doing[] = "write the cache of file digests";
    struct store_cache *c = s->cache;
    if (!c || s->mode == STORE_READ)
        return 0;
    if (c->load_result < 0) {
        if (err)
            *err = c->load_error;
        return c->load_result;
    }
    struct entry **dirty = xmalloc((c->n + 1) * sizeof(struct entry *));
    size_t n = 0;
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i].dirty)
            dirty[n++] = &c->slots[i];
    int r = 0;
    if (n) {
        qsort(dirty, n, sizeof *dirty, by_path); /* pages are written in their order */
        r = db_begin(s, CHEAP, doing, err);
        if (r == 0) {
            for (size_t i = 0; i < n && r == 0; i++)
                r = write_entry(s, dirty[i], err);
            r = db_end(s, r, doing, err);
        }
    }
    for (size_t i = 0; i < n && r == 0; i++)
        dirty[i]->dirty = false;
    free(dirty);
    return r;
}

/* What SQLite cannot write takes the whole transaction back; anything else is the cache's own trouble. */
int store_collected_keep(struct store *s, struct error *err)
{
    assert(s->in_tx);
    struct error own = {0};
    int r = store_cache_flush(s, &own);
    if (r == 0)
        r = store_memo_flush(s, &own);
    if (r == 0 || !sqlite3_get_autocommit(s->db))
        return 0;
    if (err)
        *err = own;
    return r;
}
