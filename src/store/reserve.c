/* Room set aside for the way back: a file of its own beside the database, which goes when a run has to be
 * taken back, or ends. So a disk that fills up in between does not keep the journal from leading back. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_FILE "reserve"

/* The directory of the store, by its database's path. */
static int directory(const struct store *s, struct error *err)
{
    struct arena a = {0};
    const char *slash = strrchr(s->path, '/');
    const char *dir = arena_strndup(&a, s->path, (size_t)(slash - s->path));
    int fd = -1, r = statedir_open(dir, false, &fd, err);
    arena_free(&a);
    return r < 0 ? r : fd;
}

int store_reserve(struct store *s, int64_t bytes, struct error *err)
{
    if (s->mode != STORE_WRITE)
        return 0;
    int dirfd = directory(s, err);
    if (dirfd < 0)
        return dirfd;
    int fd = openat(dirfd, RESERVE_FILE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : -posix_fallocate(fd, 0, bytes);
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        if (fd >= 0)
            unlinkat(dirfd, RESERVE_FILE, 0);
        error_errno(err, r, "%s: cannot set %.1f MB aside for taking back what is begun", s->path,
                    (double)bytes / 1e6);
    }
    close(dirfd);
    return r;
}

void store_reserve_release(struct store *s)
{
    int dirfd = s->mode == STORE_WRITE ? directory(s, NULL) : -1;
    if (dirfd < 0)
        return;
    unlinkat(dirfd, RESERVE_FILE, 0);
    close(dirfd);
}
