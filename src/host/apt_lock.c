#include "apt_lock.h"
#include "fs.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_SECONDS 300 /* an upgrade of a server takes minutes */
#define LOOK_NS      500000000L
#define NOTE_MS      15000 /* how often a log hears of it */
#define COMMAND_MOST 100

static const char *const locks[] = {"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock",
                                    "/var/cache/apt/archives/lock", "/var/lib/apt/lists/lock"};

static bool takes(enum apt_verb verb, size_t lock)
{
    switch (verb) {
    case APT_UPDATE:
        return lock == 3;
    case APT_HOLD:
    case APT_UNHOLD:
    case APT_CONFIGURE:
        return lock < 2;
    default:
        return lock < 3;
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct apt_wait apt_wait_start(const struct host *h, const struct progress *p)
{
    int seconds = h->lock_seconds > 0 ? h->lock_seconds : WAIT_SECONDS;
    return (struct apt_wait){
        .progress = p, .deadline_ms = now_ms() + seconds * INT64_C(1000), .seconds = seconds};
}

/* Who holds it: a process number, 0 for one that cannot be named (another namespace's), -1 for nobody. A lock
 * that cannot be looked at is nobody's: apt itself will say what is wrong with it. */
static pid_t holder(struct host *h, const char *path)
{
    int fd = fs_open(h, path, O_RDONLY, NULL);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0)
        return -1;
    bool held = fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
    close(fd);
    return !held ? -1 : l.l_pid > 0 ? l.l_pid : 0;
}

/* "process 12 (apt-get upgrade)"; the words of its command line as far as they are short. */
static void holder_name(pid_t pid, struct buf *out)
{
    char path[32], text[COMMAND_MOST];
    if (pid == 0) {
        buf_adds(out, "another program");
        return;
    }
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    while (n > 0 && text[n - 1] == '\0')
        n--;
    buf_addf(out, "process %ld", (long)pid);
    if (n > 0)
        buf_adds(out, " (");
    for (ssize_t i = 0; i < n; i++)
        buf_addc(out, isprint((unsigned char)text[i]) ? text[i] : ' ');
    if (n > 0)
        buf_adds(out, n == (ssize_t)sizeof text ? "...)" : ")");
}

static int gave_up(const struct apt_wait *w, const char *who, const char *path, struct error *err)
{
    error_set(err, -EBUSY, "%s is locked by %s, and was for %d s", path, who, w->seconds);
    error_hint(err,
               "run this again when it has finished; CITRUS_LOCK_TIMEOUT says how many seconds citrus waits."
               " The lock's file is never to be removed");
    return -EBUSY;
}

bool apt_wait_over(const struct apt_wait *w)
{
    return now_ms() >= w->deadline_ms;
}

int apt_wait(struct host *h, const struct apt_wait *w, enum apt_verb verb, struct error *err)
{
    struct buf who = {0}, line = {0};
    int64_t begun = now_ms(), noted = begun - NOTE_MS;
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof locks / sizeof *locks;) {
        pid_t pid = takes(verb, i) ? holder(h, locks[i]) : -1;
        if (pid < 0) {
            i++;
            continue;
        }
        int64_t now = now_ms();
        buf_reset(&who);
        buf_reset(&line);
        holder_name(pid, &who);
        buf_addf(&line, "waiting for %s, which holds %s: %lld of %d s", buf_str(&who), locks[i],
                 (long long)(now - (w->deadline_ms - w->seconds * INT64_C(1000))) / 1000, w->seconds);
        if (now >= w->deadline_ms)
            r = gave_up(w, buf_str(&who), locks[i], err);
        else if (now - noted >= NOTE_MS) {
            noted = now;
            progress_note(w->progress, buf_str(&line));
        } else if (w->progress)
            w->progress->say(w->progress->self, buf_str(&line));
        if (r == 0 && nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL) < 0)
            r = error_set(err, -EINTR, "interrupted while waiting for %s, which holds %s", buf_str(&who),
                          locks[i]);
    }
    buf_free(&who);
    buf_free(&line);
    return r;
}

bool apt_lock_missed(const char *output)
{
    static const char *const signs[] = {"Could not get lock", "was locked by another process",
                                        "Unable to acquire the dpkg frontend lock",
                                        "Unable to lock the administration directory"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(output, signs[i]))
            return true;
    return false;
}
