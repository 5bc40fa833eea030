#include "fs_group.h"
#include "fs_path.h"
#include "fs_writer.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Owner first: chown(2) clears the set-id bits. (uid_t)-1 and (mode_t)-1 leave what is there. */
static int fd_attributes(int fd, const struct stat *st, mode_t mode, uid_t uid, gid_t gid, const char *path)
{
    bool own = (uid != (uid_t)-1 && uid != st->st_uid) || (gid != (gid_t)-1 && gid != st->st_gid);
    int r = own ? step_fchown(fd, uid, gid, path) : 0;
    if (r == 0 && mode == (mode_t)-1)
        mode = st->st_mode & 07777;
    if (r == 0 && ((own && (mode & 06000)) || (st->st_mode & 07777) != mode))
        r = step_fchmod(fd, mode, path);
    return r;
}

int fs_new_attributes(int fd, mode_t mode, uid_t uid, gid_t gid, const char *path)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? -errno : fd_attributes(fd, &st, mode, uid, gid, path);
}

/* The temporary file of a writer, made exclusively: a leftover of a crash, or what somebody put there, goes.
 */
static int temporary_create(int dirfd, const char *temporary, mode_t mode, uid_t uid, gid_t gid,
                            const char *path)
{
    /* What stays root's has its mode from the beginning; what does not is root's alone till then. */
    mode_t first = uid == 0 && gid == 0 && mode != (mode_t)-1 ? mode : 0600;
    int fd = step_create(dirfd, temporary, first, path);
    if (fd != -EEXIST)
        return fd;
    int r = step_unlink(dirfd, temporary, 0, path);
    return r < 0 && r != -ENOENT ? r : step_create(dirfd, temporary, first, path);
}

/* Its group puts all of its own later. */
static int temporary_put(const struct fs_place *p, const char *temporary)
{
    return p->group ? fs_group_add(p->group, p, temporary)
                    : step_rename(p->dirfd, temporary, p->dirfd, p->name, 0, p->path);
}

static int write_new(const struct fs_writing *x)
{
    int fd = temporary_create(x->dirfd, x->name, x->mode, x->uid, x->gid, x->path);
    if (fd < 0)
        return fd;
    int r = step_write(fd, x->bytes, x->n, x->path);
    if (r == 0)
        r = fs_new_attributes(fd, x->mode, x->uid, x->gid, x->path);
    close(fd);
    return r;
}

static int link_new(const struct fs_writing *x)
{
    int r = step_symlink(x->target, x->dirfd, x->name, x->path);
    if (r != -EEXIST)
        return r;
    r = step_unlink(x->dirfd, x->name, 0, x->path);
    return r < 0 ? r : step_symlink(x->target, x->dirfd, x->name, x->path);
}

/* From a written temporary file to the target, safe from a loss of power at any point. Ends `fd`. */
static int temporary_commit(const struct fs_place *p, const char *temporary, int fd, int r, struct error *err)
{
    if (r == 0)
        r = place_fsync(p, fd);
    close(fd);
    if (r == 0)
        r = temporary_put(p, temporary);
    if (r < 0) {
        step_unlink(p->dirfd, temporary, 0, p->path);
        error_errno(err, r, "cannot write %s", p->path);
        if (r == -EISDIR)
            error_hint(err, "a directory of this name is there; move it away");
        return r;
    }
    return place_sync(p, err);
}

int fs_write(struct host *h, const char *path, const void *bytes, size_t n, mode_t mode, uid_t uid, gid_t gid,
             struct error *err)
{
    struct fs_place p;
    char temporary[NAME_MAX + 1];
    int r = place_make(h, path, &p, err);
    if (r < 0)
        return r;
    place_temporary(&p, temporary);
    if (p.group) {
        struct fs_writing x = {
            .bytes = (void *)(uintptr_t)bytes, .n = n, .mode = mode, .uid = uid, .gid = gid};
        r = fs_group_later(p.group, &p, temporary, &x);
        place_close(&p);
        return r < 0 ? error_errno(err, r, "cannot write %s", path) : 0;
    }
    int fd = temporary_create(p.dirfd, temporary, mode, uid, gid, p.path);
    if (fd < 0) {
        r = error_errno(err, fd, "cannot make the temporary file for %s", path);
    } else {
        r = step_write(fd, bytes, n, path);
        if (r == 0)
            r = fs_new_attributes(fd, mode, uid, gid, path);
        r = temporary_commit(&p, temporary, fd, r, err);
    }
    place_close(&p);
    return r;
}

int fs_copy(struct host *h, const char *from, const char *to, mode_t mode, uid_t uid, gid_t gid,
            struct error *err)
{
    struct fs_place p;
    struct stat st;
    char temporary[NAME_MAX + 1];
    int in = fs_open(h, from, O_RDONLY | O_NONBLOCK, err);
    if (in < 0)
        return in;
    int r = fstat(in, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : 0;
    if (r < 0)
        error_errno(err, r, "cannot copy %s: it is no regular file", from);
    else
        r = place_open(h, to, &p, err);
    if (r < 0) {
        close(in);
        return r;
    }
    place_temporary(&p, temporary);
    int fd = temporary_create(p.dirfd, temporary, mode, uid, gid, p.path);
    if (fd < 0) {
        r = error_errno(err, fd, "cannot make the temporary file for %s", to);
    } else {
        r = step_copy(in, fd, to);
        if (r == 0)
            r = fs_new_attributes(fd, mode, uid, gid, to);
        r = temporary_commit(&p, temporary, fd, r, err);
    }
    place_close(&p);
    close(in);
    return r;
}

int fs_writing_do(const struct fs_writing *x)
{
    if (x->what == WRITING_REMOVAL)
        return step_unlink(x->dirfd, x->name, 0, x->path);
    if (x->what != WRITING_DIRECTORY)
        return x->what == WRITING_LINK ? link_new(x) : write_new(x);
    int fd = fs_directory_new(x->dirfd, x->name, x->mode, x->uid, x->gid, x->path);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

int fs_symlink(struct host *h, const char *target, const char *path, struct error *err)
{
    struct fs_place p;
    char temporary[NAME_MAX + 1];
    int r = place_make(h, path, &p, err);
    if (r < 0)
        return r;
    place_temporary(&p, temporary);
    struct fs_writing x = {
        .what = WRITING_LINK, .dirfd = p.dirfd, .name = temporary, .path = path, .target = target};
    r = p.group ? fs_group_later(p.group, &p, temporary, &x) : fs_writing_do(&x);
    if (r == 0 && !p.group) {
        r = temporary_put(&p, temporary);
        if (r < 0)
            step_unlink(p.dirfd, temporary, 0, path);
    }
    r = r < 0 ? error_errno(err, r, "cannot make the link %s to %s", path, target) : place_sync(&p, err);
    place_close(&p);
    return r;
}

int fs_set_at(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, const char *path)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    bool own = (uid != (uid_t)-1 && uid != st.st_uid) || (gid != (gid_t)-1 && gid != st.st_gid);
    bool has_mode = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
    if (!own && (!has_mode || mode == (mode_t)-1 || (st.st_mode & 07777) == mode))
        return 0;
    if (own && fs_foreign_link(&st))
        return -EMLINK;
    if (!has_mode) /* a link has no mode; a socket's or fifo's is its maker's */
        return step_chown(dirfd, name, uid, gid, path);
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0                             ? -errno
            : !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) ? -ESTALE
            : own && fs_foreign_link(&st)                  ? -EMLINK
                                                           : fd_attributes(fd, &st, mode, uid, gid, path);
    close(fd);
    return r;
}

int fs_attributes(struct host *h, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r < 0)
        return r;
    r = fs_set_at(p.dirfd, p.name, mode, uid, gid, path);
    if (r == 0 && p.group)
        r = fs_group_touch_place(p.group, &p);
    if (r < 0) {
        error_errno(err, r, "cannot set mode and owner of %s", path);
        if (r == -EMLINK)
            error_hint(err, "the file has other names (hard links) and fs.protected_hardlinks is off");
    }
    place_close(&p);
    return r;
}

static int place_unlink(struct host *h, const char *path, int flags, struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    r = step_unlink(p.dirfd, p.name, flags, path);
    fs_group_moved(p.group, path);
    if (r == 0)
        r = place_sync(&p, err);
    else if (r == -ENOENT)
        r = 0;
    else
        error_errno(err, r, "cannot remove %s", path);
    place_close(&p);
    return r;
}

int fs_unlink(struct host *h, const char *path, struct error *err)
{
    return place_unlink(h, path, 0, err);
}

int fs_rmdir(struct host *h, const char *path, struct error *err)
{
    return place_unlink(h, path, AT_REMOVEDIR, err);
}

int fs_rename(struct host *h, const char *from, const char *to, struct error *err)
{
    struct fs_place a, b;
    int r = place_open(h, from, &a, err);
    if (r < 0)
        return r;
    r = place_open(h, to, &b, err);
    if (r == 0) {
        r = step_rename(a.dirfd, a.name, b.dirfd, b.name, 0, to);
        fs_group_moved(h->group, from);
        if (r < 0)
            error_errno(err, r, "cannot rename %s to %s", from, to);
        if (r == 0)
            r = place_sync(&b, err);
        if (r == 0)
            r = place_sync(&a, err);
        place_close(&b);
    }
    place_close(&a);
    return r;
}

int fs_sync(struct host *h, const char *path, struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r < 0)
        return r;
    int fd = openat(p.dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0)
        r = error_errno(err, errno, "cannot sync the file system of %s", path);
    if (fd >= 0)
        close(fd);
    place_close(&p);
    return r;
}

int host_sync(struct host *h, struct error *err)
{
    static const char *const trees[] = {"/", "/etc", "/usr", "/var", "/var/lib", "/var/www"};
    dev_t synced[sizeof trees / sizeof *trees];
    size_t n = 0;
    for (size_t i = 0; h->unsynced && i < sizeof trees / sizeof *trees; i++) {
        struct stat st;
        int fd = fs_open(h, trees[i], O_RDONLY | O_DIRECTORY, NULL);
        size_t k = 0;
        if (fd < 0)
            continue;
        int r = fstat(fd, &st) < 0 ? -errno : fs_group_touch(h->group, fd);
        while (r == 0 && k < n && synced[k] != st.st_dev)
            k++;
        if (r == 0 && k == n && !h->group) {
            synced[n++] = st.st_dev;
            r = syncfs(fd) < 0 ? -errno : 0;
        }
        close(fd);
        if (r < 0)
            return error_errno(err, r, "cannot sync the file system of %s", trees[i]);
    }
    h->unsynced = h->unsynced && h->group;
    return 0;
}
