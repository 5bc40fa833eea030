#include "step.h"
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static atomic_ulong steps;

/* Every name that host_step() is called with. A name that is not here ends a fault build at once, so that the
 * sweep (tests/server/sweep.sh), which holds what it reached against this list, can't miss one. */
const char *const host_step_names[] = {
    /* files: below */
    "create", "write", "copy", "rename", "link", "symlink", "unlink", "mkdir", "chown", "chmod", "xattr",
    "times",
    /* operations: host.c */
    "run", "unit start", "unit stop", "unit reload", "unit restart", "unit enable", "unit disable",
    "units reload", "timer", "apt update", "apt download", "apt install", "apt reinstall", "apt remove",
    "apt purge", "apt hold", "apt unhold", "apt configure", "sql", "dump", "load", "fetch",
    /* the journal: store/db.c */
    "commit", NULL};

unsigned long host_steps(void)
{
    return atomic_load(&steps);
}

#if CITRUS_FAULTS
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned long die_at;
static int log_fd = -1;

/* The log's first lines, numbered 0, are the names that there are. */
static void step_open(void)
{
    const char *at = getenv("CITRUS_DIE_AT"), *log = getenv("CITRUS_STEPS_LOG");
    if (at)
        die_at = strtoul(at, NULL, 10);
    if (log)
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    for (const char *const *name = host_step_names; log_fd >= 0 && *name; name++)
        dprintf(log_fd, "0\t%s\n", *name);
}

static bool known(const char *what)
{
    for (const char *const *name = host_step_names; *name; name++)
        if (strcmp(*name, what) == 0)
            return true;
    return false;
}

void host_step(enum step_side side, const char *what, const char *object)
{
    pthread_once(&once, step_open);
    if (!known(what))
        abort();
    unsigned long n = atomic_fetch_add(&steps, 1) + 1;
    if (log_fd >= 0)
        dprintf(log_fd, "%lu\t%s\t%s\t%s\n", n, what, side == STEP_BEFORE ? "before" : "after",
                object ? object : "");
    if (die_at && n == die_at)
        raise(SIGKILL);
}
#else
void host_step(enum step_side side, const char *what, const char *object)
{
    (void)side;
    (void)what;
    (void)object;
    atomic_fetch_add(&steps, 1);
}
#endif

/* `call` is evaluated once, between the two points; its negative result becomes -errno. */
#define STEP(what, object, call)                                                                             \
    ({                                                                                                       \
        host_step(STEP_BEFORE, what, object);                                                                \
        int step_r = (call);                                                                                 \
        step_r = step_r < 0 ? -errno : step_r;                                                               \
        host_step(STEP_AFTER, what, object);                                                                 \
        step_r;                                                                                              \
    })

int step_create(int dirfd, const char *name, mode_t mode, const char *object)
{
    return STEP("create", object,
                openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
}

int step_write(int fd, const void *p, size_t n, const char *object)
{
    return STEP("write", object, file_write(fd, p, n));
}

/* copy_file_range() keeps the copy in the kernel and shares blocks where the file system can; some file
 * systems and kernels refuse it (its manual: EXDEV, EINVAL, ENOSYS, EOPNOTSUPP), then plain reads do. */
static int copy_all(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
        if (n < 0 && errno != EINTR)
            break;
        if (n == 0)
            break; /* the end, or a file whose size is not known: the reads below find out */
    }
    static const size_t size = (size_t)128 * 1024;
    char *block = xmalloc(size);
    int r = 0;
    for (;;) {
        ssize_t n = read(from, block, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r = n < 0 ? -1 : 0;
            break;
        }
        if (file_write(to, block, (size_t)n) < 0) {
            r = -1;
            break;
        }
    }
    int saved = errno;
    free(block);
    errno = saved;
    return r;
}

int step_copy(int from, int to, const char *object)
{
    return STEP("copy", object, copy_all(from, to));
}

int step_rename(int fromfd, const char *from, int tofd, const char *to, unsigned flags, const char *object)
{
    return STEP("rename", object, renameat2(fromfd, from, tofd, to, flags));
}

int step_link(int fromfd, const char *from, int tofd, const char *to, const char *object)
{
    return STEP("link", object, linkat(fromfd, from, tofd, to, 0));
}

int step_symlink(const char *target, int dirfd, const char *name, const char *object)
{
    return STEP("symlink", object, symlinkat(target, dirfd, name));
}

int step_unlink(int dirfd, const char *name, int flags, const char *object)
{
    return STEP("unlink", object, unlinkat(dirfd, name, flags));
}

int step_mkdir(int dirfd, const char *name, mode_t mode, const char *object)
{
    return STEP("mkdir", object, mkdirat(dirfd, name, mode));
}

int step_chown(int dirfd, const char *name, uid_t uid, gid_t gid, const char *object)
{
    return STEP("chown", object, fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW));
}

int step_fchown(int fd, uid_t uid, gid_t gid, const char *object)
{
    return STEP("chown", object, fchown(fd, uid, gid));
}

int step_fchmod(int fd, mode_t mode, const char *object)
{
    return STEP("chmod", object, fchmod(fd, mode));
}

int step_xattr(int fd, const char *name, const void *value, size_t n, const char *object)
{
    return STEP("xattr", object, fsetxattr(fd, name, value, n, 0));
}

int step_times(int fd, const struct timespec times[2], const char *object)
{
    return STEP("times", object, futimens(fd, times));
}

int step_link_times(int dirfd, const char *name, const struct timespec times[2], const char *object)
{
    return STEP("times", object, utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW));
}
