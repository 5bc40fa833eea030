#include "fs_group.h"
#include "fs_path.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <unistd.h>

#define TRASH        "/var/lib/citrus/trash"
#define TRASH_BESIDE ".citrus-trash"

/* Into an open trash directory; one that was moved there before a crash counts as done. */
static int trash_move(const struct fs_place *p, int dir, const char *name, const char *where,
                      struct error *err)
{
    struct stat st;
    int r = step_rename(p->dirfd, p->name, dir, name, RENAME_NOREPLACE, p->path);
    if (r == -ENOENT && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (r == -EXDEV)
        return r;
    if (r < 0) {
        error_errno(err, r, "cannot move %s to the trash as %s/%s", p->path, where, name);
        if (r == -EEXIST)
            error_hint(err, "look at what is there and remove it");
        return r;
    }
    if (fsync(dir) < 0)
        return error_errno(err, errno, "cannot sync %s", where);
    return place_sync(p, err);
}

/* The trash of another file system lies beside the tree. A directory of that name that is not root's own
 * would hand the tree to somebody else. */
static int trash_beside(const struct fs_place *p, struct error *err)
{
    int r = step_mkdir(p->dirfd, TRASH_BESIDE, 0700, p->path);
    int fd = r < 0 && r != -EEXIST
                 ? r
                 : openat(p->dirfd, TRASH_BESIDE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, fd == -1 ? errno : fd, "cannot make the trash directory beside %s", p->path);
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077)) {
        close(fd);
        error_set(err, -EPERM, "the directory " TRASH_BESIDE " beside %s is not root's alone", p->path);
        error_hint(err, "move it away, or give it to root with mode 0700");
        return -EPERM;
    }
    return fd;
}

int fs_trash(struct host *h, const char *path, const char *name, struct arena *a, char **ret,
             struct error *err)
{
    struct fs_place p;
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(err, -EINVAL, "\"%s\" cannot name an entry of the trash", name);
    int r = fs_mkdirs(h, TRASH, 0700, err);
    if (r < 0)
        return r;
    int dir = fs_open(h, TRASH, O_RDONLY | O_DIRECTORY, err);
    if (dir < 0)
        return dir;
    r = place_open(h, path, &p, err);
    if (r < 0) {
        close(dir);
        return r;
    }
    char *where = arena_strdup(a, TRASH);
    r = trash_move(&p, dir, name, where, err);
    close(dir);
    if (r == -EXDEV) {
        size_t len = strlen(path);
        while (len > 1 && path[len - 1] == '/')
            len--;
        len -= strlen(p.name);
        where = arena_printf(a, "%.*s" TRASH_BESIDE, (int)len, path);
        dir = trash_beside(&p, err);
        r = dir < 0 ? dir : trash_move(&p, dir, name, where, err);
        if (dir >= 0)
            close(dir);
        if (r == -EXDEV)
            error_set(err, r, "cannot move %s: a file system is mounted there", path);
    }
    fs_group_moved(p.group, path);
    place_close(&p);
    if (r == 0)
        *ret = arena_printf(a, "%s/%s", where, name);
    return r;
}
