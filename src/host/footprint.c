#include "footprint.h"
#include "fs_path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct note {
    const char *path; /* "r" or "m" and the path */
    size_t dir;       /* how much of it is the directory, with the letter and the last slash */
    bool listed;
    size_t order;
    struct hash128 stamp;
};

struct taking {
    struct arena arena;
    VEC(struct note) notes;
    size_t part; /* where it began */
    bool asked, in_part, part_fresh, spoilt;
    int64_t until;
};

/* Of a directory's own entry: what it is and whose, but not when something was made in it. */
static struct hash128 stamp_of(const struct stat *st, bool listed)
{
    uint64_t s[9] = {0};
    if (st) {
        bool times = listed || !S_ISDIR(st->st_mode);
        s[0] = 1;
        s[1] = st->st_mode;
        s[2] = st->st_uid;
        s[3] = st->st_gid;
        s[4] = st->st_dev;
        s[5] = st->st_ino;
        s[6] = times ? (uint64_t)st->st_size : 0;
        s[7] = times ? (uint64_t)fs_ns(st->st_mtim) : 0;
        s[8] = times ? (uint64_t)fs_ns(st->st_ctim) : 0;
    }
    return hash_bytes(s, sizeof s);
}

static void note(struct taking *t, char where, const char *path, const struct stat *st, bool listed)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (st && (listed || !S_ISDIR(st->st_mode)) &&
        (!fs_settled_at(fs_ns(st->st_ctim), fs_ns(now)) || !fs_settled_at(fs_ns(st->st_mtim), fs_ns(now))))
        *(t->in_part ? &t->part_fresh : &t->spoilt) = true;
    size_t len = strlen(path);
    char *copy = arena_alloc(&t->arena, len + 2);
    copy[0] = where;
    memcpy(copy + 1, path, len + 1);
    while (len > 1 && copy[len] == '/')
        copy[len--] = '\0';
    const char *slash = strrchr(copy, '/');
    struct note n = {.path = copy,
                     .dir = slash ? (size_t)(slash - copy) + 1 : 1,
                     .listed = listed,
                     .order = t->notes.n,
                     .stamp = stamp_of(st, listed)};
    vec_push(&t->arena, &t->notes, n);
}

void footprint_note(struct host *h, const char *path, int dirfd, const char *name, bool listed)
{
    struct stat st;
    if (!h->footprint)
        return;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        note(h->footprint, 'r', path, &st, listed);
    else if (errno == ENOENT)
        note(h->footprint, 'r', path, NULL, listed);
    else
        footprint_spoil(h);
}

void footprint_note_seen(struct host *h, const char *path, const struct stat *st)
{
    if (h->footprint)
        note(h->footprint, 'r', path, st, false);
}

void footprint_note_absent(struct host *h, const char *path)
{
    if (h->footprint)
        note(h->footprint, 'r', path, NULL, false);
}

void footprint_note_machine(struct host *h, const char *path)
{
    struct stat st;
    if (!h->footprint)
        return;
    if (path[0] == '/' && stat(path, &st) == 0)
        note(h->footprint, 'm', path, &st, false);
    else
        footprint_spoil(h);
}

void footprint_asked(struct host *h)
{
    struct taking *t = h->footprint;
    if (t && t->in_part)
        t->asked = true;
    else
        footprint_spoil(h);
}

void footprint_spoil(struct host *h)
{
    if (h->footprint)
        h->footprint->spoilt = true;
}

void footprint_until(struct host *h, int64_t time)
{
    if (h->footprint && time < h->footprint->until)
        h->footprint->until = time;
}

void footprint_part(struct host *h)
{
    struct taking *t = h->footprint;
    if (!t)
        return;
    t->part = t->notes.n;
    t->asked = t->part_fresh = false;
    t->in_part = true;
}

bool footprint_part_end(struct host *h)
{
    struct taking *t = h->footprint;
    if (!t)
        return false;
    t->in_part = false;
    if (t->asked)
        t->notes.n = t->part;
    else
        t->spoilt = t->spoilt || t->part_fresh;
    return t->asked;
}

void footprint_begin(struct host *h)
{
    struct taking *t = xmalloc(sizeof *t);
    *t = (struct taking){.until = INT64_MAX};
    footprint_end(h, NULL, NULL); /* of a look that came to no end */
    h->footprint = t;
}

/* --- the paths, in order -----------------------------------------------------------------------------------
 */

/* By directory, so that each is opened once, then by name; the first stamp of an entry is the one that
 * counts. */
static int note_order(const void *x, const void *y)
{
    const struct note *a = x, *b = y;
    size_t common = a->dir < b->dir ? a->dir : b->dir;
    int r = memcmp(a->path, b->path, common);
    if (r == 0 && a->dir != b->dir)
        r = a->dir < b->dir ? -1 : 1;
    if (r == 0)
        r = strcmp(a->path + a->dir, b->path + b->dir);
    if (r == 0)
        r = (int)a->listed - (int)b->listed;
    return r ? r : a->order < b->order ? -1 : 1;
}

static bool same_entry(const struct note *a, const struct note *b)
{
    return a->dir == b->dir && a->listed == b->listed && strcmp(a->path, b->path) == 0;
}

static void write_out(struct taking *t, struct footprint *ret, struct arena *a)
{
    struct buf out = {0};
    struct hash_stream *s = hash_stream_new();
    const struct note *dir = NULL, *last = NULL;
    if (t->notes.n)
        qsort(t->notes.at, t->notes.n, sizeof *t->notes.at, note_order);
    for (size_t i = 0; i < t->notes.n; i++) {
        const struct note *n = &t->notes.at[i];
        if (last && same_entry(last, n))
            continue;
        last = n;
        if (!dir || dir->dir != n->dir || memcmp(dir->path, n->path, n->dir) != 0) {
            if (dir)
                buf_addc(&out, '\0');
            dir = n;
            buf_add(&out, n->path, n->dir);
            buf_addc(&out, '\0');
        }
        buf_addc(&out, n->listed ? 'l' : 'e');
        buf_add(&out, n->path + n->dir, strlen(n->path + n->dir) + 1);
        hash_stream_add(s, &n->stamp, sizeof n->stamp);
    }
    buf_addc(&out, '\0');
    ret->paths = arena_memdup(a, out.at, out.len);
    ret->len = out.len;
    ret->stamps = hash_stream_end(s);
    ret->until = t->until;
    buf_free(&out);
}

bool footprint_end(struct host *h, struct footprint *ret, struct arena *a)
{
    struct taking *t = h->footprint;
    if (!t)
        return false;
    bool whole = !t->spoilt;
    h->footprint = NULL;
    if (whole && ret)
        write_out(t, ret, a);
    arena_free(&t->arena);
    free(t);
    return whole;
}

/* --- the stamps as they are now
 * ------------------------------------------------------------------------------ */

/* -ENOENT, -ENOTDIR: not there, and so nothing in it. */
static int open_above(struct host *h, const char *dir)
{
    if (dir[0] == 'r')
        return fs_open_directory(h, dir + 1);
    int fd = open(dir + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* What the stamps of all paths make, and the contents of those that were read; `contents` NULL: those do not
 * matter. */
struct sums {
    struct hash_stream *stamps, *contents;
};

static int add_content(struct sums *s, int dirfd, const char *name, int follow)
{
    struct hash128 digest;
    struct stat st;
    int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ESTALE;
    if (r == 0)
        r = fs_hash_fd(fd, (uint64_t)st.st_size, &digest);
    close(fd);
    if (r == 0)
        hash_stream_add(s->contents, &digest, sizeof digest);
    return r;
}

/* `read`: where it is a file, the look read it. */
static int add_entry(struct sums *s, int dirfd, const char *name, bool listed, bool read, int flags)
{
    struct stat st;
    bool there = dirfd >= 0;
    if (there && fstatat(dirfd, *name ? name : ".", &st, flags) < 0) {
        if (errno != ENOENT)
            return -errno;
        there = false;
    }
    struct hash128 stamp = stamp_of(there ? &st : NULL, listed);
    hash_stream_add(s->stamps, &stamp, sizeof stamp);
    if (!s->contents || !read || !there || !S_ISREG(st.st_mode))
        return 0;
    return add_content(s, dirfd, name, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
}

static int add_all(struct host *h, struct sums *s, const char *paths, size_t len)
{
    const char *at = paths, *end = paths + len;
    int r = 0;
    while (r == 0 && at < end && (*at == 'm' || *at == 'r')) {
        bool machine = *at == 'm';
        int fd = open_above(h, at);
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
            r = fd;
        at += strlen(at) + 1;
        for (; r == 0 && at < end && *at; at += strlen(at) + 1)
            r = add_entry(s, fd, at + 1, *at == 'l', machine || *at == 'l',
                          machine ? 0 : AT_SYMLINK_NOFOLLOW);
        at++;
        if (fd >= 0)
            close(fd);
    }
    return r == 0 && at < end ? -EINVAL : r;
}

int footprint_stamps(struct host *h, const char *paths, size_t len, struct hash128 *ret,
                     struct hash128 *contents)
{
    struct sums s = {.stamps = hash_stream_new(), .contents = contents ? hash_stream_new() : NULL};
    int r = add_all(h, &s, paths, len);
    struct hash128 stamps = hash_stream_end(s.stamps), read = {0};
    if (s.contents)
        read = hash_stream_end(s.contents);
    if (r < 0)
        return r;
    *ret = stamps;
    if (contents)
        *contents = read;
    return 0;
}
