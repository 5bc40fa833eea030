/* The state directory: ours, closed to everybody else, whatever the umask. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *dir, struct error *err)
{
    int code = -errno;
    error_errno(err, code, "%s", dir);
    if (code == -EACCES || code == -EPERM)
        error_hint(err, "citrus keeps its memory there: run it as root");
    return code;
}

/* Makes the directories above the last name (0755) and the last one (0700). */
static int make(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path)
        return error_set(err, -ENAMETOOLONG, "the state directory's name is longer than %d bytes", PATH_MAX);
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return refuse(path, err);
        *at = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return refuse(path, err);
    return 0;
}

int statedir_open(const char *dir, bool create, int *ret_fd, struct error *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = open(dir, flags);
    if (fd < 0 && errno == ENOENT && create) {
        int r = make(dir, err);
        if (r < 0)
            return r;
        fd = open(dir, flags);
    }
    if (fd < 0)
        return refuse(dir, err);

    struct stat st;
    int r = 0;
    if (fstat(fd, &st) < 0) {
        r = refuse(dir, err);
    } else if (st.st_uid != geteuid()) {
        r = error_set(err, -EPERM, "%s belongs to user %u, not to the user who runs citrus (%u)", dir,
                      (unsigned)st.st_uid, (unsigned)geteuid());
        error_hint(err,
                   "it holds secrets: run citrus as its owner, or give it to root if nobody could change it");
    } else if (create && (st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0) {
        r = refuse(dir, err);
    }
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}
