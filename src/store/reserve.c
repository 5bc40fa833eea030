/* Room set aside for the way back: files of their own beside the database, which go when a run has to be
 * taken back, or ends. So a disk that fills up in between, or has no inodes left, does not keep the journal
 * from leading back. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

static const char *part_name(size_t i, char buf[24])
{
    snprintf(buf, 24, RESERVE_FILE ".%zu", i);
    return buf;
}

static int part_make(int dirfd, const char *name, int64_t bytes)
{
    int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : bytes ? -posix_fallocate(fd, 0, bytes) : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* The first stands for all: without it there are no others. */
static void release(int dirfd)
{
    char name[24];
    for (size_t i = 0; i < STORE_RESERVE_FILES; i++)
        if (unlinkat(dirfd, part_name(i, name), 0) < 0)
            break;
    unlinkat(dirfd, RESERVE_FILE, 0);
}

int store_reserve(struct store *s, int64_t bytes, size_t files, struct error *err)
{
    char name[24];
    if (s->mode != STORE_WRITE)
        return 0;
    int dirfd = directory(s, err);
    if (dirfd < 0)
        return dirfd;
    int r = part_make(dirfd, RESERVE_FILE, bytes);
    if (r < 0)
        error_errno(err, r, "%s: cannot set %.1f MB aside for taking back what is begun", s->path,
                    (double)bytes / 1e6);
    for (size_t i = 0; i < files && i < STORE_RESERVE_FILES && r == 0; i++)
        if ((r = part_make(dirfd, part_name(i, name), 0)) < 0)
            error_errno(err, r, "%s: cannot set %zu files aside for taking back what is begun", s->path,
                        files);
    if (r < 0)
        release(dirfd);
    close(dirfd);
    return r;
}

void store_reserve_release(struct store *s)
{
    int dirfd = s->mode == STORE_WRITE ? directory(s, NULL) : -1;
    if (dirfd < 0)
        return;
    release(dirfd);
    close(dirfd);
}
