#include "fs_stamps.h"
#include "fs_path.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
/* Opening a directory and closing it again costs what twenty paths through it cost more than twenty names in
 * it (measured on ext4); WordPress has four such. */
#define OPEN_FROM 20
#define OPEN_MOST 16

/* The directories of a list. */
struct tree_directory {
    const char *path; /* below that of `above` */
    int above;        /* the nearest one above it that is opened; -1: the top */
    int opened;       /* its place among those; -1: it is not */
};
struct tree_list {
    struct hash128 digest;
    struct arena arena;
    struct tree_directory *at;
    size_t n;
};

static void stamp_add(struct buf *b, const struct stat *st)
{
    uint64_t s[6] = {st->st_mode,
                     st->st_dev,
                     st->st_ino,
                     (uint64_t)st->st_size,
                     (uint64_t)fs_ns(st->st_mtim),
                     (uint64_t)fs_ns(st->st_ctim)};
    buf_add(b, s, sizeof s);
}

void tree_stamps_add(struct tree_stamps *s, const char *path, bool top, const struct stat *st)
{
    if (!top && !S_ISDIR(st->st_mode))
        return;
    if (fs_ns(st->st_ctim) > s->newest)
        s->newest = fs_ns(st->st_ctim);
    buf_add(top ? &s->top : &s->list, path, strlen(path) + 1);
    stamp_add(top ? &s->top : &s->below, st);
}

void tree_stamps_free(struct tree_stamps *s)
{
    buf_free(&s->top);
    buf_free(&s->below);
    buf_free(&s->list);
}

/* The row of the cache: the hash in place of an inode's number and size, and when the walk was. */
static struct fs_stat row_of(const struct stat *top, const struct tree_stamps *s, int64_t walked_ns)
{
    uint64_t self[2] = {top->st_dev, top->st_ino};
    struct hash_stream *h = hash_stream_new();
    hash_stream_add(h, self, sizeof self);
    hash_stream_add(h, buf_str(&s->top), s->top.len);
    hash_stream_add(h, buf_str(&s->below), s->below.len);
    struct hash128 stamps = hash_stream_end(h);
    return (struct fs_stat){.type = FS_DIRECTORY,
                            .dev = top->st_dev,
                            .ino = stamps.high,
                            .size = stamps.low,
                            .ctime_ns = walked_ns};
}

static const char *row_name(struct buf *b, const char *path)
{
    buf_addf(b, "%s//directories", path);
    return buf_str(b);
}

/* --- the list ------------------------------------------------------------------------------------------ */

static const char *list_name(struct buf *b, struct hash128 digest)
{
    char hex[HASH_HEX];
    hash_hex(digest, hex);
    buf_addf(b, "tree %s", hex);
    return buf_str(b);
}

/* Who of them is opened: whatever has many directories in it. */
static void list_arrange(struct tree_list *l)
{
    size_t *inside = arena_array(&l->arena, size_t, l->n + 1);
    int *parent = arena_array(&l->arena, int, l->n + 1);
    int opened = 0;
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->at[i].path, *slash = strrchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : 0;
        parent[i] = (int)i - 1; /* what is above comes before, and is among the last one's own */
        while (parent[i] >= 0 &&
               (strncmp(l->at[parent[i]].path, path, len) != 0 || l->at[parent[i]].path[len]))
            parent[i] = parent[parent[i]];
        if (parent[i] >= 0)
            inside[parent[i]]++;
    }
    for (size_t i = 0; i < l->n; i++)
        l->at[i].opened = inside[i] >= OPEN_FROM && opened < OPEN_MOST ? opened++ : -1;
    for (size_t i = l->n; i-- > 0;) { /* from below, while paths are whole */
        int above = parent[i];
        while (above >= 0 && l->at[above].opened < 0)
            above = parent[above];
        if (above >= 0)
            l->at[i].path += strlen(l->at[above].path) + 1;
        l->at[i].above = above;
    }
}

/* Trees of one content follow each other: the last one's list is kept. */
static const struct tree_list *list_known(struct host *h, struct hash128 digest)
{
    if (h->tree_list && hash_equal(h->tree_list->digest, digest))
        return h->tree_list;
    const char *text;
    struct buf name = {0};
    struct tree_list l = {.digest = digest};
    bool known = h->memo->get(h->memo->self, list_name(&name, digest), &l.arena, &text);
    buf_free(&name);
    if (!known) {
        arena_free(&l.arena);
        return NULL;
    }
    size_t len = strlen(text);
    char *paths = arena_memdup(&l.arena, text, len + 1);
    l.at = arena_array(&l.arena, struct tree_directory, len / 2 + 1);
    for (char *at = paths, *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        l.at[l.n++].path = at;
    }
    list_arrange(&l);
    fs_tree_forget(h);
    h->tree_list = xmalloc(sizeof l);
    *h->tree_list = l;
    return h->tree_list;
}

void fs_tree_forget(struct host *h)
{
    if (h->tree_list)
        arena_free(&h->tree_list->arena);
    free(h->tree_list);
    h->tree_list = NULL;
}

/* False where a name has a line's end in it: such a tree is walked each time. */
static bool list_keep(struct host *h, const struct tree_stamps *s, struct hash128 digest)
{
    struct buf name = {0}, text = {0};
    bool fits = !memchr(buf_str(&s->list), '\n', s->list.len);
    if (fits && !list_known(h, digest)) {
        buf_add(&text, s->list.at, s->list.len);
        for (size_t i = 0; i < text.len; i++)
            if (text.at[i] == '\0')
                text.at[i] = '\n';
        h->memo->put(h->memo->self, list_name(&name, digest), buf_str(&text));
    }
    buf_free(&name);
    buf_free(&text);
    return fits;
}

void tree_stamps_keep(struct host *h, const char *path, const struct stat *top, const struct tree_stamps *s,
                      bool settled, int64_t began_ns, struct hash128 digest)
{
    struct buf name = {0};
    struct fs_stat row, was;
    struct hash128 of;
    if (!h->cache || !h->cache->recall || !h->memo)
        return;
    row_name(&name, path);
    if (settled && fs_settled_at(s->newest, began_ns) && list_keep(h, s, digest)) {
        row = row_of(top, s, began_ns);
        h->cache->put(h->cache->self, name.at, &row, digest);
    } else if (h->cache->recall(h->cache->self, name.at, &was, &of)) {
        /* What the walk before found is not true any more: an edit in place would be forgotten again. */
        row = (struct fs_stat){.type = FS_DIRECTORY};
        h->cache->put(h->cache->self, name.at, &row, of);
    }
    buf_free(&name);
}

/* --- the stamps as they are now --------------------------------------------------------------------------
 */

static bool top_now(int fd, const struct fs_tree *t, struct tree_stamps *s)
{
    struct arena a = {0};
    const char **names;
    size_t n;
    bool ok = fs_names(fd, &a, &names, &n) == 0;
    for (size_t i = 0; ok && i < n; i++) {
        struct stat st;
        ok = fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (ok && fs_tree_counts(t, names[i], S_ISDIR(st.st_mode)))
            tree_stamps_add(s, names[i], true, &st);
    }
    arena_free(&a);
    return ok;
}

/* A link in the place of a directory shows as one: every directory of the list is looked at itself. */
static bool below_now(int top, const struct tree_list *l, struct tree_stamps *s)
{
    int fds[OPEN_MOST], n = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < l->n; i++) {
        const struct tree_directory *d = &l->at[i];
        struct stat st;
        int at = d->above < 0 ? top : fds[l->at[d->above].opened];
        if (d->opened >= 0) {
            int fd = openat(at, d->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            ok = fd >= 0 && fstat(fd, &st) == 0;
            if (fd >= 0)
                fds[n++] = fd;
        } else {
            ok = fstatat(at, d->path, &st, AT_SYMLINK_NOFOLLOW) == 0;
        }
        if (ok)
            stamp_add(&s->below, &st);
    }
    while (n > 0)
        close(fds[--n]);
    return ok;
}

/* Not of a time to come either: then the clock went back, and says nothing. */
static bool lately(int64_t walked_ns, int64_t within)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return walked_ns <= fs_ns(now) && fs_ns(now) - walked_ns < within * SECOND;
}

bool tree_stamps_same(struct host *h, const char *path, int fd, const struct fs_tree *t, struct hash128 *ret)
{
    struct tree_stamps s = {0};
    struct buf name = {0};
    struct fs_stat row;
    struct hash128 digest;
    struct stat top;
    bool same = t->within > 0 && !h->verify && h->cache && h->cache->recall && h->memo &&
                h->cache->recall(h->cache->self, row_name(&name, path), &row, &digest) &&
                lately(row.ctime_ns, t->within) && fstat(fd, &top) == 0;
    buf_free(&name);
    const struct tree_list *l = same ? list_known(h, digest) : NULL;
    same = l && top_now(fd, t, &s) && below_now(fd, l, &s);
    if (same) {
        struct fs_stat now = row_of(&top, &s, row.ctime_ns);
        same = now.dev == row.dev && now.ino == row.ino && now.size == row.size;
    }
    tree_stamps_free(&s);
    if (same)
        *ret = digest;
    return same;
}
