#include "fs_graft.h"
#include "fs_path.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct graft {
    uid_t uid;
    gid_t gid;
    mode_t dirs, files;
};

static int set_attributes(int fd, mode_t mode, const struct graft *g, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    int r = st.st_uid == g->uid && st.st_gid == g->gid ? 0 : step_fchown(fd, g->uid, g->gid, path);
    return r < 0 ? r : step_fchmod(fd, mode, path);
}

static int copy_file(int in, int todir, const char *name, const char *path, const struct graft *g,
                     struct error *err)
{
    int out = step_create(todir, name, 0600, path);
    if (out < 0)
        return error_errno(err, out, "cannot make %s", path);
    int r = step_copy(in, out, path);
    if (r == 0)
        r = set_attributes(out, g->files, g, path);
    close(out);
    return r < 0 ? error_errno(err, r, "cannot write %s", path) : 0;
}

static int copy_entry(int fromdir, const char *from, int todir, const char *to, const char *path,
                      const struct graft *g, int depth, struct error *err);

static int copy_directory(int in, int todir, const char *name, const char *path, const struct graft *g,
                          int depth, struct error *err)
{
    struct arena a = {0};
    const char **names = NULL;
    size_t n = 0;
    int out = -1, r = depth > FS_DEPTH_MAX ? -ELOOP : fs_names(in, &a, &names, &n);
    if (r == 0)
        r = step_mkdir(todir, name, 0700, path);
    if (r == 0)
        r = out = fs_enter(todir, name);
    if (r < 0)
        error_errno(err, r, "cannot make the directory %s", path);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = copy_entry(in, names[i], out, names[i], arena_printf(&a, "%s/%s", path, names[i]), g, depth + 1,
                       err);
    if (r >= 0) {
        r = set_attributes(out, g->dirs, g, path);
        if (r < 0)
            error_errno(err, r, "cannot set mode and owner of %s", path);
    }
    if (out >= 0)
        close(out);
    arena_free(&a);
    return r;
}

static int copy_entry(int fromdir, const char *from, int todir, const char *to, const char *path,
                      const struct graft *g, int depth, struct error *err)
{
    struct stat st;
    int in = openat(fromdir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0) {
        int r = errno == ELOOP ? -EINVAL : -errno;
        if (in >= 0)
            close(in);
        return r == -EINVAL ? error_set(err, r, "not copied to %s: it is a symbolic link", path)
                            : error_errno(err, r, "cannot read what is to be %s", path);
    }
    int r;
    if (S_ISDIR(st.st_mode))
        r = copy_directory(in, todir, to, path, g, depth, err);
    else if (S_ISREG(st.st_mode))
        r = copy_file(in, todir, to, path, g, err);
    else
        r = error_set(err, -EINVAL, "not copied to %s: it is neither file nor directory", path);
    close(in);
    return r;
}

int fs_copy_tree(struct host *h, const char *from, const char *to, uid_t uid, gid_t gid, mode_t dirs,
                 mode_t files, struct error *err)
{
    const struct graft g = {uid, gid, dirs, files};
    struct fs_place source, target;
    int r = place_open(h, from, &source, err);
    if (r < 0)
        return r;
    h->unsynced = true;
    r = place_open(h, to, &target, err);
    if (r == 0) {
        r = copy_entry(source.dirfd, source.name, target.dirfd, target.name, to, &g, 0, err);
        place_close(&target);
    }
    place_close(&source);
    return r;
}

int fs_exchange(struct host *h, const char *one, const char *other, struct error *err)
{
    struct fs_place a, b;
    int r = place_open(h, one, &a, err);
    if (r < 0)
        return r;
    r = place_open(h, other, &b, err);
    if (r == 0) {
        r = step_rename(a.dirfd, a.name, b.dirfd, b.name, RENAME_EXCHANGE, one);
        if (r < 0)
            error_errno(err, r, "cannot swap %s and %s", one, other);
        else
            r = place_sync(&a, err);
        if (r == 0)
            r = place_sync(&b, err);
        place_close(&b);
    }
    place_close(&a);
    return r;
}

int fs_put_in(struct host *h, const char *from, const char *to, struct error *err)
{
    struct fs_place a, b;
    int r = place_open(h, from, &a, err);
    if (r < 0)
        return r;
    r = place_open(h, to, &b, err);
    if (r == 0) {
        bool there = faccessat(b.dirfd, b.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        h->unsynced = true;
        r = step_rename(a.dirfd, a.name, b.dirfd, b.name, there ? RENAME_EXCHANGE : 0, to);
        if (r < 0)
            error_errno(err, r, "cannot put %s in the place of %s", from, to);
        place_close(&b);
    }
    place_close(&a);
    return r;
}
