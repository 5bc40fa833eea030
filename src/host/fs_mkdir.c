/* Directories: made, or taken as they are to be. */
#include "fs_group.h"
#include "fs_path.h"
#include "fs_writer.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int open_directory(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int fs_directory_new(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, const char *path)
{
    /* Nobody's but root's, and its group's, until it is its owner's. What stays root's has its mode from the
     * beginning: a crash before the next step leaves no directory of another mode behind, which later runs
     * would take as it is. */
    bool roots = uid == 0 && gid == 0;
    mode_t first = mode == (mode_t)-1 ? 0700 : roots ? mode : mode & 0770;
    int r = step_mkdir(dirfd, name, first, path);
    int fd = r < 0 ? r : open_directory(dirfd, name);
    r = fd < 0 ? fd : fs_new_attributes(fd, mode, uid, gid, path);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

int place_mkdir_there(const struct fs_place *p, mode_t mode, uid_t uid, gid_t gid, struct error *err)
{
    int fd = open_directory(p->dirfd, p->name);
    if (fd < 0) {
        error_errno(err, fd, "cannot make the directory %s", p->path);
        error_hint(err, "something else of this name is there; move it away");
        return fd;
    }
    int r = fs_new_attributes(fd, mode, uid, gid, p->path);
    if (r == 0)
        r = p->group ? fs_group_touch(p->group, fd) : place_fsync(p, fd);
    close(fd);
    return r < 0 ? error_errno(err, r, "cannot set mode and owner of the directory %s", p->path) : 0;
}

static int place_mkdir(const struct fs_place *p, mode_t mode, uid_t uid, gid_t gid, struct error *err)
{
    int fd = fs_directory_new(p->dirfd, p->name, mode, uid, gid, p->path);
    if (fd == -EEXIST)
        return place_mkdir_there(p, mode, uid, gid, err);
    if (fd < 0)
        return error_errno(err, fd, "cannot make the directory %s", p->path);
    /* One that has its attributes from the beginning comes with its name, which is synced below; a group's
     * lies where its directory does, which is touched below. */
    int r = uid == 0 && gid == 0 && mode != (mode_t)-1 ? 0 : place_fsync(p, fd);
    close(fd);
    return r < 0 ? error_errno(err, r, "cannot make the directory %s", p->path) : place_sync(p, err);
}

int fs_mkdir(struct host *h, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *err)
{
    struct fs_place p;
    int r = place_make(h, path, &p, err);
    if (r < 0)
        return r;
    struct fs_writing x = {.what = WRITING_DIRECTORY, .mode = mode, .uid = uid, .gid = gid};
    bool defers = fs_group_defers(p.group, path);
    r = defers ? fs_group_later(p.group, &p, p.name, &x) : place_mkdir(&p, mode, uid, gid, err);
    place_close(&p);
    return defers && r < 0 ? error_errno(err, r, "cannot make the directory %s", path) : r;
}

int fs_mkdirs(struct host *h, const char *path, mode_t mode, struct error *err)
{
    size_t len = path ? strlen(path) : 0;
    char part[PATH_MAX];
    if (len == 0 || len >= sizeof part || path[0] != '/')
        return error_set(err, -EINVAL, "\"%.200s\" is no absolute path", path ? path : "");
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        struct fs_place p;
        struct stat st;
        bool there;
        int r = place_open(h, part, &p, err);
        if (r < 0)
            return r;
        r = place_stat(&p, &st, &there, err);
        /* What is there stays as it is; a link to a directory is judged when the next part is resolved. */
        if (r == 0 && !there)
            r = place_mkdir(&p, mode, 0, 0, err);
        else if (r == 0 && !S_ISDIR(st.st_mode) && (path[i] == '\0' || !S_ISLNK(st.st_mode)))
            r = error_set(err, -ENOTDIR, "%s is no directory", part);
        place_close(&p);
        if (r < 0)
            return r;
    }
    return 0;
}
