/* Whether there is room, and whether it can be written to: asked before something large is begun. What is
 * told is of this moment; who writes still meets ENOSPC and EROFS. */
#include "footprint.h"
#include "fs_path.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

int fs_room_at(int fd, struct fs_room *ret)
{
    struct statvfs s;
    if (fstatvfs(fd, &s) < 0)
        return -errno;
    *ret = (struct fs_room){.free = (int64_t)s.f_bavail * (int64_t)s.f_frsize,
                            .read_only = (s.f_flag & ST_RDONLY) != 0};
    return 0;
}

/* Of what is there, which may be a mount of its own, or of the directory that it is to be made in. */
static int room_of(const struct fs_place *p, struct fs_room *ret)
{
    int fd = openat(p->dirfd, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? fs_room_at(p->dirfd, ret) : -errno;
    int r = fs_room_at(fd, ret);
    close(fd);
    return r;
}

int fs_room(struct host *h, const char *path, struct fs_room *ret, struct error *err)
{
    struct arena a = {0};
    struct fs_place p;
    char *at = arena_strdup(&a, path);
    int r;
    footprint_spoil(h);
    while ((r = place_look(h, at, &p, err)) == -ENOENT || r == -ENOTDIR) {
        char *slash = strrchr(at, '/');
        if (!slash || strcmp(at, "/") == 0)
            break;
        slash[slash == at] = '\0';
        error_clear(err);
    }
    if (r == 0) {
        r = room_of(&p, ret);
        if (r < 0)
            error_errno(err, r, "cannot ask for the room at %s", path);
        place_close(&p);
    }
    arena_free(&a);
    return r;
}

int fs_room_need(struct host *h, const char *path, int64_t bytes, const char *what, struct error *err)
{
    struct fs_room room;
    int r = fs_room(h, path, &room, err);
    return r < 0 ? r : fs_room_hold(&room, path, bytes, what, err);
}

int fs_room_hold(const struct fs_room *room, const char *path, int64_t bytes, const char *what,
                 struct error *err)
{
    if (bytes <= room->free)
        return 0;
    error_set(err, -ENOSPC, "%s needs %.1f MB at %s, and its file system has %.1f MB left", what,
              (double)bytes / 1e6, path, (double)room->free / 1e6);
    error_hint(err, "make room there (`df -h`), then run this again");
    return -ENOSPC;
}
