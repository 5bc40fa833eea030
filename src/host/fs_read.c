#include "footprint.h"
#include "fs_path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fs_stat(struct host *h, const char *path, struct fs_stat *ret, struct error *err)
{
    struct fs_place p;
    int r = place_seek(h, path, &p, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        *ret = (struct fs_stat){.type = FS_ABSENT};
        return 0;
    }
    if (r < 0)
        return r;
    struct stat st;
    bool there;
    r = place_stat(&p, &st, &there, err);
    place_close(&p);
    if (r < 0) {
        footprint_spoil(h);
        return r;
    }
    footprint_note_seen(h, path, there ? &st : NULL);
    if (there)
        fs_stat_from(&st, ret);
    else
        *ret = (struct fs_stat){.type = FS_ABSENT};
    return 0;
}

bool fs_parent_there(struct host *h, const char *path)
{
    struct fs_place p;
    int r = h->group ? place_make(h, path, &p, NULL) : place_seek(h, path, &p, NULL);
    if (r == 0)
        place_close(&p);
    return r != -ENOENT;
}

int fs_open(struct host *h, const char *path, int flags, struct error *err)
{
    struct fs_place p;
    int r = place_seek(h, path, &p, err);
    if (r < 0)
        return r;
    footprint_note(h, path, p.dirfd, p.name, !(flags & O_PATH));
    int fd = openat(p.dirfd, p.name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        fd = error_errno(err, errno, "cannot open %s", path);
    place_close(&p);
    return fd;
}

/* A regular file for reading. O_NONBLOCK: a fifo that somebody put there must not hold citrus up. */
static int open_regular(struct host *h, const char *path, struct stat *st, struct error *err)
{
    int fd = fs_open(h, path, O_RDONLY | O_NONBLOCK, err);
    if (fd < 0)
        return fd;
    int r = 0;
    if (fstat(fd, st) < 0)
        r = error_errno(err, errno, "cannot look at %s", path);
    else if (!S_ISREG(st->st_mode))
        r = error_set(err, S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL, "%s is no regular file", path);
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

/* At once where the size is true, and a byte more to see the end; what says 0 (below /proc) or grows comes in
 * pieces. */
static int read_all(int fd, size_t size, const char *path, size_t max, struct buf *ret, struct error *err)
{
    struct buf b = {0};
    int r = 0;
    if (max == 0)
        max = (size_t)16 << 20;
    size_t want = size > 0 && size <= max ? size + 1 : 16384;
    for (;;) {
        char *at = buf_room(&b, want);
        ssize_t n = read(fd, at, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = error_errno(err, errno, "cannot read %s", path);
        if (n <= 0)
            break;
        buf_grown(&b, (size_t)n);
        if (b.len > max) {
            r = error_set(err, -EFBIG, "%s is larger than %zu bytes", path, max);
            break;
        }
        want = b.cap - b.len > 1 ? b.cap - b.len - 1 : 16384;
    }
    if (r < 0) {
        buf_wipe(&b); /* it may have been a wp-config.php or a key */
        return r;
    }
    *ret = b;
    return 0;
}

int fs_read(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err)
{
    struct stat st;
    int fd = open_regular(h, path, &st, err);
    if (fd < 0)
        return fd;
    int r = read_all(fd, st.st_size > 0 ? (size_t)st.st_size : 0, path, max, ret, err);
    close(fd);
    return r;
}

enum { HOPS_MAX = 8 };

/* `at` becomes the path that the link there leads to; *ret_link says whether there is one. Each is noted, so
 * that it shows when it leads elsewhere. */
static int hop(struct host *h, const char *path, char at[static PATH_MAX], bool *ret_link, struct error *err)
{
    struct fs_place p;
    struct stat st;
    bool there;
    char target[PATH_MAX];
    int r = place_look(h, at, &p, err);
    if (r < 0)
        return r;
    r = place_stat(&p, &st, &there, err);
    bool link = r == 0 && there && S_ISLNK(st.st_mode);
    if (link)
        r = fs_link_target(p.dirfd, p.name, &st, path, target, err);
    place_close(&p);
    if (r < 0)
        footprint_spoil(h);
    if (r == 0 && link) {
        size_t dir = target[0] == '/' ? 0 : (size_t)(strrchr(at, '/') - at) + 1, len = strlen(target);
        if (dir + len >= PATH_MAX)
            return error_set(err, -ENAMETOOLONG, "%s: where its links lead is too long a path", path);
        memcpy(at + dir, target, len + 1);
    }
    *ret_link = link;
    return r;
}

int fs_read_linked(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err)
{
    char at[PATH_MAX];
    bool link = true;
    int r = 0, hops = 0;
    if (!path || strlen(path) >= sizeof at)
        return fs_read(h, path, max, ret, err); /* it says what is wrong with it */
    memcpy(at, path, strlen(path) + 1);
    for (; r == 0 && link && hops <= HOPS_MAX; hops++)
        r = hop(h, path, at, &link, err);
    if (r == 0 && link) {
        error_set(err, -ELOOP, "%s: too many symbolic links", path);
        error_hint(err, "name the path that they lead to");
        return -ELOOP;
    }
    if (r == 0)
        r = fs_read(h, at, max, ret, err);
    return r < 0 && strcmp(at, path) != 0 && r != -ELOOP ? error_prefix(err, "%s", path) : r;
}

int fs_read_machine(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err)
{
    footprint_note_machine(h, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    int r = fd < 0 || fstat(fd, &st) < 0 ? error_errno(err, errno, "cannot read %s", path) : 0;
    if (r == 0)
        r = read_all(fd, (size_t)st.st_size, path, max, ret, err);
    if (fd >= 0)
        close(fd);
    return r;
}

int fs_readlink(struct host *h, const char *path, struct arena *a, char **ret, struct error *err)
{
    struct fs_place p;
    int r = place_look(h, path, &p, err);
    if (r < 0)
        return r;
    char target[PATH_MAX];
    ssize_t n = readlinkat(p.dirfd, p.name, target, sizeof target);
    if (n < 0)
        r = errno == EINVAL ? error_set(err, -EINVAL, "%s is no symbolic link", path)
                            : error_errno(err, errno, "cannot read the link %s", path);
    else if ((size_t)n == sizeof target)
        r = error_set(err, -ENAMETOOLONG, "the target of the link %s is too long", path);
    else
        *ret = arena_strndup(a, target, (size_t)n);
    place_close(&p);
    return r;
}

int fs_list(struct host *h, const char *path, struct arena *a, const char ***ret, size_t *n,
            struct error *err)
{
    int fd = fs_open(h, path, O_RDONLY | O_DIRECTORY, err);
    if (fd < 0)
        return fd;
    int r = fs_names(fd, a, ret, n);
    close(fd);
    return r < 0 ? error_errno(err, r, "cannot list the directory %s", path) : 0;
}

/* With --verify: read, and found to be what is remembered of the file that was looked at a moment ago. Then
 * there is nothing to remember anew, and it need not be looked at once more between opening and reading. */
static bool reads_as_remembered(struct host *h, const char *path, const struct fs_stat *known,
                                struct hash128 *ret)
{
    struct hash128 remembered, digest;
    if (!known || known->type != FS_FILE || !h->cache ||
        !h->cache->get(h->cache->self, path, known, &remembered))
        return false;
    int fd = fs_open(h, path, O_RDONLY | O_NONBLOCK, NULL);
    if (fd < 0)
        return false;
    bool same = fs_hash_fd(fd, known->size, &digest) == 0 && hash_equal(digest, remembered);
    close(fd);
    if (same)
        *ret = digest;
    return same;
}

int fs_digest(struct host *h, const char *path, const struct fs_stat *known, struct hash128 *ret,
              struct error *err)
{
    if (known && h->cache && !h->verify && h->cache->get(h->cache->self, path, known, ret))
        return 0;
    if (h->verify && reads_as_remembered(h, path, known, ret))
        return 0;
    struct stat st;
    int fd = open_regular(h, path, &st, err);
    if (fd < 0)
        return fd;
    struct fs_stat before;
    fs_stat_from(&st, &before);
    /* Asked before the reading: however long that takes, a change meanwhile may have the same times. */
    bool settled = fs_settled(before.ctime_ns);
    struct hash128 digest;
    int r = fs_hash_fd(fd, before.size, &digest);
    close(fd);
    if (r < 0)
        return error_errno(err, r, "cannot read %s", path);
    /* The identity is that from before the reading: what changes meanwhile differs from it next time. */
    if (h->cache && settled)
        h->cache->put(h->cache->self, path, &before, digest);
    *ret = digest;
    return 0;
}
