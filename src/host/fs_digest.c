#include "footprint.h"
#include "fs_path.h"
#include "fs_stamps.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK ((size_t)64 * 1024)
#define SMALL 4096 /* needs no memory from the heap */

/* Up to `n` bytes; how many came, fewer only where the file ends. -errno. */
static ssize_t read_full(int fd, char *to, size_t n)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = read(fd, to + have, n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

int fs_hash_fd(int fd, uint64_t size, struct hash128 *ret)
{
    /* Most files are small: read in one, and hashed in one. What says that it is empty may be /proc's. */
    size_t want = size > 0 && size < BLOCK ? (size_t)size : BLOCK;
    struct hash_stream *s = want == BLOCK ? hash_stream_new() : NULL;
    char small[SMALL], *block = want <= sizeof small ? small : xmalloc(want);
    ssize_t n = read_full(fd, block, want);
    size_t used = n > 0 ? (size_t)n : 0;
    struct hash128 digest = hash_bytes(block, s ? 0 : used);
    for (; s && n > 0; n = read_full(fd, block, want))
        hash_stream_add(s, block, (size_t)n);
    if (s)
        digest = hash_stream_end(s);
    explicit_bzero(block, used); /* not all of it: that would cost more than the hash */
    if (block != small)
        free(block);
    if (n < 0)
        return (int)n;
    *ret = digest;
    return 0;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return fs_ns(now);
}

#define SECOND INT64_C(1000000000)
/* Linux stamps files with the time of the last tick, at most 10 ms ago (CONFIG_HZ=100), and some more where a
 * guest's processor was not let run: two changes within one tick look alike. Git calls such an entry "racily
 * clean". Of file systems without nanoseconds (ext4 and ext3 with inodes of 128 bytes) FAT's, with two
 * seconds, is the coarsest. */
#define TICK_NS   (SECOND / 10)
#define COARSE_NS (2 * SECOND)

bool fs_settled_at(int64_t time_ns, int64_t now)
{
    return now - time_ns > (time_ns % SECOND ? TICK_NS : COARSE_NS);
}

bool fs_settled(int64_t ctime_ns)
{
    return fs_settled_at(ctime_ns, now_ns());
}

/* One walk makes the identity (what fstat says of all entries) and, when asked, the content digest. */
struct tree_walk {
    struct fs_tree *t;
    struct arena *a;
    struct hash_stream *identity, *content; /* content NULL: identity only */
    char path[PATH_MAX];                    /* relative; for the digest and for messages */
    size_t len;
    size_t files, writable;
    int64_t began, newest; /* when the walk did; the latest ctime of a file */
    struct tree_stamps stamps;
};

/* A link has no mode, and is replaced by who can write to its directory. */
static bool others_write(const struct stat *st)
{
    return !S_ISLNK(st->st_mode) && (st->st_uid != 0 || (st->st_mode & 022));
}

static void tree_entry(struct tree_walk *w, char type, const struct stat *st)
{
    bool open = w->t->guarded && others_write(st);
    w->writable += open;
    uint64_t id[6] = {(uint64_t)type,
                      st->st_dev,
                      st->st_ino,
                      (uint64_t)st->st_size,
                      (uint64_t)fs_ns(st->st_mtim),
                      (uint64_t)fs_ns(st->st_ctim)};
    if (type == 'd') /* its names are in the walk already; its times move with entries that do not count */
        id[3] = id[4] = id[5] = 0;
    else if (fs_ns(st->st_ctim) > w->newest)
        w->newest = fs_ns(st->st_ctim);
    if (open) /* in both: what is remembered of the one is not the other's */
        type = (char)toupper(type);
    id[0] = (uint64_t)type;
    hash_stream_add(w->identity, w->path, w->len + 1);
    hash_stream_add(w->identity, id, sizeof id);
    if (w->content) {
        hash_stream_add(w->content, &type, 1);
        hash_stream_add(w->content, w->path, w->len + 1);
    }
}

static int tree_file(struct tree_walk *w, int dir, const char *name, const struct stat *seen)
{
    w->files++;
    if (!w->content) {
        tree_entry(w, 'f', seen);
        return 0;
    }
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat st;
    struct hash128 digest;
    int r = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -ESTALE : 0;
    if (r == 0) {
        tree_entry(w, 'f', &st);
        r = fs_hash_fd(fd, (uint64_t)st.st_size, &digest);
    }
    close(fd);
    if (r < 0)
        return r;
    uint64_t parts[2] = {digest.high, digest.low};
    hash_stream_add(w->content, parts, sizeof parts);
    return 0;
}

static int tree_link(struct tree_walk *w, int dir, const char *name, const struct stat *st)
{
    tree_entry(w, 'l', st);
    if (!w->content)
        return 0;
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
    if (n < 0)
        return -errno;
    target[n] = '\0';
    hash_stream_add(w->content, target, (size_t)n + 1);
    return 0;
}

bool fs_tree_counts(const struct fs_tree *t, const char *name, bool is_directory)
{
    for (const char *const *s = t->skip; s && *s; s++)
        if (strcmp(*s, name) == 0)
            return false;
    return !t->only_top || t->only_top(name, is_directory);
}

static int tree_directory(struct tree_walk *w, int fd, int depth)
{
    if (depth > FS_DEPTH_MAX)
        return -ELOOP;
    const char **names;
    size_t n, len = w->len;
    int r = fs_names(fd, w->a, &names, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct stat st;
        size_t name_len = strlen(names[i]);
        if (len + name_len + 2 > sizeof w->path)
            return -ENAMETOOLONG;
        if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            return -errno;
        if (depth == 0 && !fs_tree_counts(w->t, names[i], S_ISDIR(st.st_mode)))
            continue;
        if (len > 0)
            w->path[len] = '/';
        w->len = len + (len > 0);
        memcpy(w->path + w->len, names[i], name_len + 1);
        w->len += name_len;
        tree_stamps_add(&w->stamps, w->path, depth == 0, &st);
        if (S_ISREG(st.st_mode))
            r = tree_file(w, fd, names[i], &st);
        else if (S_ISLNK(st.st_mode))
            r = tree_link(w, fd, names[i], &st);
        else
            tree_entry(w, S_ISDIR(st.st_mode) ? 'd' : 'o', &st);
        if (S_ISDIR(st.st_mode)) {
            int sub = fs_enter(fd, names[i]);
            if (sub >= 0) {
                r = tree_directory(w, sub, depth + 1);
                close(sub);
            } else if (sub != -EXDEV) /* what is mounted there is not of this tree */
                r = sub;
        }
        if (r == 0) {
            w->len = len;
            w->path[len] = '\0';
        }
    }
    return r;
}

static int tree_run(struct tree_walk *w, int fd, bool content, struct hash128 *identity,
                    struct hash128 *digest)
{
    struct arena a = {0};
    w->a = &a;
    w->identity = hash_stream_new();
    w->content = content ? hash_stream_new() : NULL;
    w->len = w->files = w->writable = 0;
    w->path[0] = '\0';
    w->newest = 0;
    w->began = now_ns();
    tree_stamps_free(&w->stamps);
    w->stamps = (struct tree_stamps){0};
    int r = tree_directory(w, fd, 0);
    *identity = hash_stream_end(w->identity);
    if (content)
        *digest = hash_stream_end(w->content);
    arena_free(&a);
    return r;
}

/* The row of the cache that stands for a whole tree: the identity in place of an inode's number and size. */
static struct fs_stat tree_key(const struct stat *top, struct hash128 identity)
{
    return (struct fs_stat){
        .type = FS_DIRECTORY, .dev = top->st_dev, .ino = identity.high, .size = identity.low};
}

/* Of all entries, and of their contents where one is another than the last time. */
static int tree_whole(struct host *h, const char *path, int fd, struct tree_walk *w, struct hash128 *ret)
{
    struct buf row = {0};
    struct stat top;
    struct fs_stat key;
    struct hash128 identity;
    bool known = false;
    buf_addf(&row, "%s//tree", path);
    int r = fstat(fd, &top) < 0 ? -errno : 0;
    if (r == 0 && h->cache && !h->verify) {
        r = tree_run(w, fd, false, &identity, NULL);
        key = tree_key(&top, identity);
        known = r == 0 && h->cache->get(h->cache->self, row.at, &key, ret);
    }
    if (r == 0 && !known)
        r = tree_run(w, fd, true, &identity, ret);
    bool settled = fs_settled_at(w->newest, w->began);
    if (r == 0 && !known && h->cache && settled) {
        key = tree_key(&top, identity);
        h->cache->put(h->cache->self, row.at, &key, *ret);
    }
    if (r == 0)
        tree_stamps_keep(h, path, &top, &w->stamps, settled, w->began, *ret);
    buf_free(&row);
    tree_stamps_free(&w->stamps);
    return r;
}

int fs_tree_digest(struct host *h, const char *path, struct fs_tree *t, struct hash128 *ret,
                   struct error *err)
{
    struct hash128 digest;
    int fd = fs_open(h, path, O_RDONLY | O_DIRECTORY, err);
    if (fd < 0)
        return fd;
    footprint_asked(h); /* thousands of paths, to be walked each time */
    struct tree_walk w = {.t = t};
    t->walked = !tree_stamps_same(h, path, fd, t, &digest);
    int r = t->walked ? tree_whole(h, path, fd, &w, &digest) : 0;
    close(fd);
    if (r < 0)
        return error_errno(err, r, "cannot read the tree %s, at \"%s\"", path, w.path);
    t->files = w.files;
    t->writable = w.writable;
    *ret = digest;
    return 0;
}
