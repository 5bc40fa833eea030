#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write(int fd, const void *p, size_t n)
{
    for (const char *at = p; n > 0;) {
        ssize_t w = write(fd, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

static int fill(int fd, const void *p, size_t n, mode_t mode, uid_t uid, gid_t gid)
{
    int r = file_write(fd, p, n);
    if (r < 0)
        return r;
    return fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A new name is on the disk when its directory is; some file systems know no such thing. */
static int directory_sync(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash + 1 - path) : 1, slash ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

int file_replace(const char *path, const void *p, size_t n, mode_t mode, uid_t uid, gid_t gid)
{
    char part[PATH_MAX];
    int length = snprintf(part, sizeof part, "%s.citrus~", path);
    if (length < 0 || (size_t)length >= sizeof part)
        return -ENAMETOOLONG;
    unlink(part);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = fill(fd, p, n, mode, uid, gid);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(part, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(part);
        return r;
    }
    return directory_sync(path);
}
