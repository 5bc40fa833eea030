/* The lock against a second run. The kernel drops it with the process; the text inside is for people. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Who signed it; pid 0: it took the lock this instant and has not signed yet. */
static struct store_holder signed_by(int fd)
{
    char text[64] = "";
    long pid = 0;
    long long since = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%ld %lld", &pid, &since) != 2 || pid <= 0)
        return (struct store_holder){0};
    return (struct store_holder){.pid = pid, .since = since};
}

static int held(int fd, const char *dir, struct error *err)
{
    struct store_holder by = signed_by(fd);
    if (by.pid == 0) {
        error_set(err, -EWOULDBLOCK, "another citrus run holds %s/lock", dir);
    } else {
        char when[32] = "";
        time_t t = (time_t)by.since;
        struct tm tm;
        if (localtime_r(&t, &tm))
            strftime(when, sizeof when, "%F %T", &tm);
        error_set(err, -EWOULDBLOCK, "another citrus run (process %ld, since %s) holds %s/lock", by.pid, when,
                  dir);
    }
    error_hint(err, "wait until it ends and try again");
    return -EWOULDBLOCK;
}

static int sign(int fd)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%ld %lld\n", (long)getpid(), (long long)time(NULL));
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return -errno;
    return 0;
}

/* Asking holds the lock for as long as it takes to let go of it: microseconds. */
#define ASKING_NS 20000000

bool store_lock_holder(const char *dir, struct store_holder *ret)
{
    int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dirfd < 0 ? -1 : openat(dirfd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (held)
        *ret = signed_by(fd);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return held;
}

bool store_locked(const char *dir)
{
    struct store_holder by;
    return store_lock_holder(dir, &by);
}

int store_lock(const char *dir, int *ret_fd, struct error *err)
{
    int dirfd;
    int r = statedir_open(dir, true, &dirfd, err);
    if (r < 0)
        return r;
    int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    close(dirfd);
    if (fd < 0)
        return error_errno(err, errno, "%s/lock", dir);
    int got = flock(fd, LOCK_EX | LOCK_NB);
    if (got < 0 && errno == EWOULDBLOCK) { /* perhaps only somebody who asks: store_lock_holder() */
        nanosleep(&(struct timespec){.tv_nsec = ASKING_NS}, NULL);
        got = flock(fd, LOCK_EX | LOCK_NB);
    }
    if (got < 0) {
        r = errno == EWOULDBLOCK ? held(fd, dir, err) : error_errno(err, errno, "locking %s/lock", dir);
    } else {
        r = fchmod(fd, 0600) < 0 ? -errno : sign(fd);
        if (r < 0)
            error_errno(err, r, "%s/lock", dir);
    }
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void store_unlock(int fd)
{
    /* An empty file names nobody; the descriptor's end is what unlocks. */
    if (ftruncate(fd, 0) < 0) {
        /* The next holder signs over it. */
    }
    close(fd);
}
