#include "fs_group.h"
#include "fs_path.h"
#include "fs_writer.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where a recursion is: the path of the entry for messages, shortened when it is very long. */
static int tree_error(struct error *err, int r, const char *doing, const char *path, const char *name)
{
    error_errno(err, r, "cannot %s %s/%s", doing, path, name);
    if (r == -EXDEV)
        error_hint(err, "a file system is mounted there: unmount it first");
    else if (r == -EBUSY)
        error_hint(err, "something is mounted there or uses it: unmount it first");
    else if (r == -EPERM)
        error_hint(err, "look for the immutable attribute: lsattr -d");
    else if (r == -ELOOP)
        error_hint(err, "the tree is deeper than %d directories", FS_DEPTH_MAX);
    return r;
}

static int remove_content(int fd, const char *path, int depth, struct fs_writer *w, struct error *err);

static int remove_directory(int fd, const char *path, const char *name, int depth, struct fs_writer *w,
                            struct error *err)
{
    int sub = fs_enter(fd, name);
    if (sub < 0)
        return tree_error(err, sub, "enter", path, name);
    struct buf below = {0};
    buf_addf(&below, "%s/%s", path, name);
    int r = remove_content(sub, below.at, depth + 1, w, err);
    close(sub);
    if (r == 0) {
        r = step_unlink(fd, name, AT_REMOVEDIR, below.at);
        if (r < 0)
            tree_error(err, r, "remove", path, name);
    }
    buf_free(&below);
    return r;
}

/* Some at a time, however many they are: further threads take what is no directory. */
static int remove_content(int fd, const char *path, int depth, struct fs_writer *w, struct error *err)
{
    enum { AT_A_TIME = 256 };
    struct arena a = {0};
    const char **names = NULL;
    size_t n = 0;
    int r = depth > FS_DEPTH_MAX ? -ELOOP : fs_names(fd, &a, &names, &n);
    if (r < 0)
        tree_error(err, r, "empty", path, "");
    struct fs_writing *some = arena_array(&a, struct fs_writing, AT_A_TIME);
    for (size_t at = 0, end; at < n && r == 0; at = end) {
        for (end = at; end < n && end < at + AT_A_TIME; end++) {
            struct fs_writing *x = &some[end - at];
            *x = (struct fs_writing){.what = WRITING_REMOVAL, .dirfd = fd, .name = names[end], .path = path};
            fs_writer_add(w, x);
        }
        fs_writer_wait(w);
        for (size_t i = at; i < end && r == 0; i++) {
            r = some[i - at].result;
            if (r == -EISDIR)
                r = remove_directory(fd, path, names[i], depth, w, err);
            else if (r == -ENOENT)
                r = 0;
            else if (r < 0)
                tree_error(err, r, "remove", path, names[i]);
        }
    }
    arena_free(&a);
    return r;
}

int fs_remove_at(int dirfd, const char *name, const char *path, struct error *err)
{
    int r = step_unlink(dirfd, name, 0, path);
    if (r == 0 || r == -ENOENT)
        return 0;
    if (r != -EISDIR)
        return error_errno(err, r, "cannot remove %s", path);
    int fd = fs_enter(dirfd, name);
    if (fd == -EXDEV) {
        error_set(err, fd, "cannot remove %s: a file system is mounted there", path);
        error_hint(err, "unmount it first");
        return fd;
    }
    if (fd < 0)
        return error_errno(err, fd, "cannot remove %s", path);
    struct fs_writer *w = fs_writer_begin(FS_WRITER_THREADS);
    r = remove_content(fd, path, 0, w, err);
    fs_writer_end(w);
    close(fd);
    if (r < 0)
        return r;
    r = step_unlink(dirfd, name, AT_REMOVEDIR, path);
    return r < 0 && r != -ENOENT ? error_errno(err, r, "cannot remove %s", path) : 0;
}

static int remove_tree(struct host *h, const char *path, bool synced, struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    if (strcmp(p.name, ".") == 0)
        r = error_set(err, -EINVAL, "refusing to remove the root directory");
    else
        r = fs_remove_at(p.dirfd, p.name, path, err);
    fs_group_moved(p.group, path);
    if (r == 0 && synced)
        r = place_sync(&p, err);
    place_close(&p);
    return r;
}

int fs_remove_tree(struct host *h, const char *path, struct error *err)
{
    return remove_tree(h, path, true, err);
}

int fs_forget_tree(struct host *h, const char *path, struct error *err)
{
    return remove_tree(h, path, false, err);
}

struct own {
    uid_t uid;
    gid_t gid;
    mode_t dirs, files;
};

/* Children first: a directory is its new owner's only when all below it is done. */
static int own_entry(int parent, const char *name, const char *path, const struct own *o, int depth,
                     struct error *err)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && depth > 0 ? 0 : error_errno(err, errno, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode)) {
        int r = fs_set_at(parent, name, o->files, o->uid, o->gid, path);
        return r < 0 ? error_errno(err, r, "cannot set mode and owner of %s", path) : 0;
    }
    int fd = depth > FS_DEPTH_MAX ? -ELOOP : fs_enter(parent, name);
    if (fd == -EXDEV) /* another file system's files are not this tree's */
        return 0;
    if (fd < 0)
        return error_errno(err, fd, "cannot enter %s", path);
    struct arena a = {0};
    const char **names = NULL;
    size_t n = 0;
    int r = fs_names(fd, &a, &names, &n);
    if (r < 0)
        error_errno(err, r, "cannot list %s", path);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = own_entry(fd, names[i], arena_printf(&a, "%s/%s", path, names[i]), o, depth + 1, err);
    if (r == 0) {
        r = fs_set_at(fd, ".", o->dirs, o->uid, o->gid, path);
        if (r < 0)
            error_errno(err, r, "cannot set mode and owner of %s", path);
    }
    arena_free(&a);
    close(fd);
    return r;
}

int fs_own_tree(struct host *h, const char *path, uid_t uid, gid_t gid, mode_t dirs, mode_t files,
                struct error *err)
{
    struct fs_place p;
    int r = place_open(h, path, &p, err);
    if (r < 0)
        return r;
    const struct own o = {uid, gid, dirs, files};
    r = own_entry(p.dirfd, p.name, path, &o, 0, err);
    place_close(&p);
    return r;
}
