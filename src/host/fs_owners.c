/* Owners of whole trees by number, and how much a tree holds. */
#include "fs_path.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* One pass over a tree: what it does with each entry, directories after what is in them. */
struct walk {
    int (*entry)(struct walk *w, int dirfd, const char *name, const struct stat *st, const char *path);
    const char *doing;
    const struct fs_renumber *map;
    size_t n;
    int64_t bytes;
};

static int walk(struct walk *w, int parent, const char *name, const char *path, int depth, struct error *err)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_errno(err, errno, "cannot look at %s", path);
    int fd = !S_ISDIR(st.st_mode) ? -ENOTDIR : depth > FS_DEPTH_MAX ? -ELOOP : fs_enter(parent, name);
    if (fd == -EXDEV) /* another file system's files are not this tree's */
        return 0;
    if (fd < 0 && fd != -ENOTDIR)
        return error_errno(err, fd, "cannot enter %s", path);
    int r = 0;
    if (fd >= 0) {
        struct arena a = {0};
        const char **names = NULL;
        size_t n = 0;
        r = fs_names(fd, &a, &names, &n);
        if (r < 0)
            error_errno(err, r, "cannot list %s", path);
        for (size_t i = 0; r == 0 && i < n; i++)
            r = walk(w, fd, names[i], arena_printf(&a, "%s/%s", path, names[i]), depth + 1, err);
        arena_free(&a);
        close(fd);
    }
    if (r < 0)
        return r;
    r = w->entry(w, parent, name, &st, path);
    return r < 0 ? error_errno(err, r, "cannot %s %s", w->doing, path) : 0;
}

static int walk_from(struct host *h, const char *path, struct walk *w, struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r < 0)
        return r;
    r = walk(w, p.dirfd, p.name, path, 0, err);
    place_close(&p);
    return r;
}

static int64_t number_of(const struct walk *w, bool group, int64_t now)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->map[i].group == group && w->map[i].from == now)
            return w->map[i].to;
    return now;
}

static int renumber_entry(struct walk *w, int dirfd, const char *name, const struct stat *st,
                          const char *path)
{
    int64_t uid = number_of(w, false, st->st_uid), gid = number_of(w, true, st->st_gid);
    if (uid == st->st_uid && gid == st->st_gid)
        return 0;
    mode_t mode = S_ISLNK(st->st_mode) ? (mode_t)-1 : st->st_mode & 07777;
    return fs_set_at(dirfd, name, mode, (uid_t)uid, (gid_t)gid, path);
}

int fs_renumber(struct host *h, const char *path, const struct fs_renumber *map, size_t n, struct error *err)
{
    struct walk w = {.entry = renumber_entry, .doing = "give a new owner to", .map = map, .n = n};
    return n ? walk_from(h, path, &w, err) : 0;
}

static int count_entry(struct walk *w, int dirfd, const char *name, const struct stat *st, const char *path)
{
    if (S_ISREG(st->st_mode))
        w->bytes += st->st_size;
    return 0;
}

int fs_bytes(struct host *h, const char *path, int64_t *ret, struct error *err)
{
    struct walk w = {.entry = count_entry, .doing = "look at"};
    int r = walk_from(h, path, &w, err);
    if (r == 0)
        *ret = w.bytes;
    return r;
}
