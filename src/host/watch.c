#include "watch.h"
#include "arena.h"
#include "bus.h"
#include "clock.h"
#include "real.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define MANAGER_PATH "/org/freedesktop/systemd1"
#define SYSTEMD      "org.freedesktop.systemd1"
#define MANAGER      "org.freedesktop.systemd1.Manager"
/* A file that is written in place counts when its writer closes it. */
#define EVENTS                                                                                               \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |     \
     IN_MOVE_SELF | IN_ONLYDIR)
#define LOST (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

struct name {
    int wd;
    bool hit;
    const char *name;
    size_t what;
};
struct unit {
    const char *name;
    size_t what;
};
struct watch {
    struct arena arena, told; /* for as long as it watches; of what was told since watch_begin() */
    const char *root;         /* "" or a path without a slash at its end */
    int inotify, reader;      /* -1: none that can be told to be gone */
    VEC(struct name) names;   /* sorted by wd and name */
    VEC(const char *) missed; /* directories, sorted, that the kernel does not watch */
    int why;                  /* ... and the last error that it gave for it */
    VEC(struct unit) units;
    sd_bus *bus;               /* NULL: none answers */
    VEC(const char *) matched; /* units whose signals it was asked for */
    bool hit, unit_hit;
    size_t next; /* watch_hit(): where to go on */
};

static int name_order(const void *x, const void *y)
{
    const struct name *a = x, *b = y;
    return a->wd != b->wd ? (a->wd > b->wd) - (a->wd < b->wd) : strcmp(a->name, b->name);
}

/* ---- units ------------------------------------------------------------------------------------------- */

static int on_signal(sd_bus_message *m, void *self, sd_bus_error *e)
{
    struct watch *w = self;
    w->hit = w->unit_hit = true;
    return 0;
}

static void unit_match(struct watch *w, const char *unit)
{
    char *path = NULL;
    if (!w->bus || sd_bus_path_encode(UNIT_PATH, unit, &path) < 0)
        return;
    sd_bus_match_signal(w->bus, NULL, NULL, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                        on_signal, w);
    free(path);
}

/* systemd sends its signals to those who asked for them; unit files' own when one is enabled or disabled. */
static void bus_open(struct watch *w)
{
    if (real_bus_new(&w->bus, NULL) < 0) {
        w->bus = NULL;
        return;
    }
    sd_bus_match_signal(w->bus, NULL, NULL, MANAGER_PATH, MANAGER, "UnitFilesChanged", on_signal, w);
    for (size_t i = 0; i < w->matched.n; i++)
        unit_match(w, w->matched.at[i]);
    if (sd_bus_call_method(w->bus, SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, "") < 0)
        w->bus = sd_bus_flush_close_unref(w->bus);
}

void watch_unit(struct watch *w, const char *unit, size_t what)
{
    struct unit u = {arena_strdup(&w->told, unit), what};
    vec_push(&w->told, &w->units, u);
    for (size_t i = 0; i < w->matched.n; i++)
        if (strcmp(w->matched.at[i], unit) == 0)
            return;
    vec_push(&w->arena, &w->matched, arena_strdup(&w->arena, unit));
    unit_match(w, unit);
}

/* A bus that was restarted is opened anew; what it said meanwhile is lost, so look. */
static void bus_read(struct watch *w)
{
    int r = 1;
    while (w->bus && (r = sd_bus_process(w->bus, NULL)) > 0)
        ;
    if (!w->bus || r >= 0)
        return;
    w->bus = sd_bus_flush_close_unref(w->bus);
    bus_open(w);
    w->hit = w->unit_hit = true;
}

/* ---- paths ------------------------------------------------------------------------------------------- */

void watch_begin(struct watch *w)
{
    arena_free(&w->told);
    w->names.n = w->names.cap = w->units.n = w->units.cap = w->next = 0;
    w->missed.n = w->missed.cap = 0;
    w->why = 0;
}

static int text_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void watch_end(struct watch *w)
{
    if (w->names.n)
        qsort(w->names.at, w->names.n, sizeof *w->names.at, name_order);
    if (w->missed.n)
        qsort(w->missed.at, w->missed.n, sizeof *w->missed.at, text_order);
}

/* A directory is refused once for each path in it, and counts once. */
size_t watch_missed(const struct watch *w, size_t *ret_all, int *ret_why)
{
    size_t missed = 0, watched = 0;
    for (size_t i = 0; i < w->missed.n; i++)
        missed += i == 0 || strcmp(w->missed.at[i], w->missed.at[i - 1]) != 0;
    for (size_t i = 0; i < w->names.n; i++)
        watched += i == 0 || w->names.at[i].wd != w->names.at[i - 1].wd;
    *ret_all = watched + missed;
    *ret_why = w->why;
    return missed;
}

/* That a directory is not there, or is none, is for a look to say, and nothing that the kernel lacks. */
static void refused(struct watch *w, const char *dir, int why)
{
    if (why == -ENOENT || why == -ENOTDIR || why == -EACCES)
        return;
    w->why = why;
    vec_push(&w->told, &w->missed, arena_strdup(&w->told, dir));
}

/* Many can have the same path (accounts, /etc/passwd). */
void watch_path(struct watch *w, const char *path, size_t what)
{
    const char *slash = strrchr(path, '/');
    struct arena a = {0};
    if (!slash || !slash[1])
        return;
    const char *dir = arena_printf(&a, "%s%.*s", w->root, slash == path ? 1 : (int)(slash - path), path);
    int wd = inotify_add_watch(w->inotify, dir, EVENTS);
    struct name n = {.wd = wd, .what = what};
    if (wd < 0)
        refused(w, dir, -errno);
    arena_free(&a);
    if (wd < 0)
        return;
    n.name = arena_strdup(&w->told, slash + 1);
    vec_push(&w->told, &w->names, n);
}

static size_t first_of(const struct watch *w, const struct name *key)
{
    size_t from = 0, to = w->names.n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (name_order(&w->names.at[mid], key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void mark(struct watch *w, const struct inotify_event *e)
{
    struct name key = {.wd = e->wd, .name = e->name};
    if (e->mask & LOST)
        w->hit = true;
    for (size_t i = e->len ? first_of(w, &key) : w->names.n;
         i < w->names.n && name_order(&w->names.at[i], &key) == 0; i++)
        w->hit = w->names.at[i].hit = true;
}

bool watch_hit(struct watch *w, size_t *ret_what)
{
    for (; w->next < w->names.n + w->units.n; w->next++) {
        struct name *n = w->next < w->names.n ? &w->names.at[w->next] : NULL;
        size_t what = n ? n->what : w->units.at[w->next - w->names.n].what;
        if (what == WATCH_ANY || !(n ? n->hit : w->unit_hit))
            continue;
        if (n)
            n->hit = false;
        w->next++;
        *ret_what = what;
        return true;
    }
    w->next = 0;
    w->unit_hit = false;
    return false;
}

static void inotify_read(struct watch *w)
{
    char piece[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    for (ssize_t n; (n = read(w->inotify, piece, sizeof piece)) > 0;)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(piece + at);
            mark(w, e);
            at += (ssize_t)sizeof *e + (ssize_t)e->len;
        }
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int watch_open(struct host *h, struct watch **ret, struct error *err)
{
    struct watch *w = xmalloc(sizeof *w);
    *w = (struct watch){.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .reader = -1};
    if (w->inotify < 0) {
        int r = error_errno(err, errno, "the kernel gives no inotify descriptor");
        error_hint(err, "see /proc/sys/fs/inotify/max_user_instances");
        free(w);
        return r;
    }
    w->root = strcmp(h->root, "/") == 0 ? "" : arena_strdup(&w->arena, h->root);
    if (!h->offline)
        bus_open(w);
    *ret = w;
    return 0;
}

struct watch *watch_close(struct watch *w)
{
    if (!w)
        return NULL;
    if (w->bus)
        sd_bus_flush_close_unref(w->bus);
    close(w->inotify);
    arena_free(&w->arena);
    arena_free(&w->told);
    free(w);
    return NULL;
}

void watch_reader(struct watch *w, int fd)
{
    w->reader = fd;
}

/* A signal between the look at *stop and the sleep must not be slept over: it comes in the sleep alone. */
static int sleep_once(struct watch *w, int64_t ms, const volatile sig_atomic_t *stop)
{
    struct pollfd fds[3] = {{.fd = w->inotify, .events = POLLIN},
                            {.fd = w->bus ? sd_bus_get_fd(w->bus) : -1, .events = POLLIN},
                            {.fd = w->reader}};
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigprocmask(SIG_BLOCK, &block, &before);
    int r = *stop ? 0 : ppoll(fds, 3, &t, &before), saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (r > 0 && fds[2].revents & POLLERR)
        return -EPIPE;
    if (r > 0 && fds[2].revents) /* closed, a terminal that is gone: it would say so without end */
        w->reader = -1;
    return r < 0 && saved != EINTR ? -saved : 0;
}

int watch_wait(struct watch *w, int timeout, const volatile sig_atomic_t *stop, struct error *err)
{
    int64_t end = clock_ms() + timeout;
    for (;;) {
        bus_read(w);
        inotify_read(w);
        int64_t left = end - clock_ms();
        if (w->hit || *stop || left <= 0)
            break;
        int r = sleep_once(w, left, stop);
        if (r < 0)
            return error_errno(err, r, "waiting for changes");
    }
    bool hit = w->hit;
    w->hit = false;
    return hit;
}
