#include "wordpress_ahead.h"
#include "arena.h"
#include "fs.h"
#include "fs_graft.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX ".ahead-"

enum ahead_state { AHEAD_WAITING, AHEAD_WORKING, AHEAD_READY, AHEAD_FAILED };
struct ahead {
    struct ahead *next;
    enum ahead_state state;
    const char *tree, *copy;
    const char **names;
    size_t n;
    struct arena arena; /* of its texts */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
/* Under the lock, but for `host`, which is the thread's while it runs. */
static struct {
    struct ahead *first;
    struct host *host;
    pthread_t thread;
    bool running, stop, registered;
    unsigned long made;
} crew;

static int copy_all(struct host *h, struct ahead *a)
{
    struct arena texts = {0};
    int r = fs_remove_tree(h, a->copy, NULL);
    if (r == 0)
        r = fs_mkdir(h, a->copy, 0700, 0, 0, NULL);
    for (size_t i = 0; i < a->n && r == 0; i++) {
        pthread_mutex_lock(&lock);
        r = crew.stop ? -EINTR : 0;
        pthread_mutex_unlock(&lock);
        if (r == 0)
            r = fs_copy_tree(h, arena_printf(&texts, "%s/%s", a->tree, a->names[i]),
                             arena_printf(&texts, "%s/%s", a->copy, a->names[i]), 0, 0, 0755, 0644, NULL);
    }
    if (r < 0)
        fs_remove_tree(h, a->copy, NULL);
    arena_free(&texts);
    return r;
}

static struct ahead *next_waiting(void)
{
    struct ahead *a = crew.first;
    while (a && a->state != AHEAD_WAITING)
        a = a->next;
    return crew.stop ? NULL : a;
}

static void *work(void *unused)
{
    struct ahead *a;
    pthread_mutex_lock(&lock);
    while ((a = next_waiting())) {
        a->state = AHEAD_WORKING;
        pthread_mutex_unlock(&lock);
        int r = copy_all(crew.host, a);
        pthread_mutex_lock(&lock);
        a->state = r == 0 ? AHEAD_READY : AHEAD_FAILED;
        pthread_cond_broadcast(&moved);
    }
    crew.running = false; /* from here on it touches nothing */
    pthread_mutex_unlock(&lock);
    return unused;
}

static void forget(struct ahead *a)
{
    struct ahead **at = &crew.first;
    while (*at && *at != a)
        at = &(*at)->next;
    if (*at)
        *at = a->next;
    arena_free(&a->arena);
    free(a);
}

void wordpress_ahead_end(void)
{
    pthread_mutex_lock(&lock);
    bool started = crew.host != NULL;
    crew.stop = true;
    pthread_mutex_unlock(&lock);
    if (!started)
        return;
    pthread_join(crew.thread, NULL);
    while (crew.first) {
        if (crew.first->state == AHEAD_READY)
            fs_remove_tree(crew.host, crew.first->copy, NULL);
        forget(crew.first);
    }
    crew.host = host_close(crew.host);
    crew.stop = false;
}

/* What a run left that was killed. */
static void sweep(struct host *h)
{
    struct arena a = {0};
    const char **names = NULL;
    size_t n = 0;
    if (fs_list(h, WORDPRESS_CORE_DIR, &a, &names, &n, NULL) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(names[i], PREFIX, strlen(PREFIX)) == 0)
            fs_remove_tree(h, arena_printf(&a, WORDPRESS_CORE_DIR "/%s", names[i]), NULL);
    arena_free(&a);
}

/* Signals are the first thread's. With the lock held. */
static int start(struct host *h)
{
    sigset_t all, before;
    if (crew.running)
        return 0;
    if (crew.host)
        pthread_join(crew.thread, NULL);
    else if (host_open(h->root, &crew.host, NULL) < 0)
        return -ENOMEM;
    if (!crew.registered)
        atexit(wordpress_ahead_end);
    crew.registered = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&crew.thread, NULL, work, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    crew.running = r == 0;
    if (r < 0)
        crew.host = host_close(crew.host);
    return r;
}

struct ahead *wordpress_ahead_begin(struct host *h, const char *tree, const char *const *names, size_t n)
{
#if CITRUS_FAULTS
    return NULL;
#endif
    if (!crew.host)
        sweep(h);
    struct ahead *a = xmalloc(sizeof *a);
    *a = (struct ahead){.n = n};
    a->tree = arena_strdup(&a->arena, tree);
    a->copy = arena_printf(&a->arena, WORDPRESS_CORE_DIR "/" PREFIX "%lu", crew.made++);
    a->names = arena_array(&a->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        a->names[i] = arena_strdup(&a->arena, names[i]);
    pthread_mutex_lock(&lock);
    struct ahead **end = &crew.first;
    while (*end)
        end = &(*end)->next;
    *end = a;
    if (start(h) < 0) {
        forget(a);
        a = NULL;
    }
    pthread_mutex_unlock(&lock);
    return a;
}

bool wordpress_ahead_take(struct host *h, struct ahead *a, const char *to)
{
    if (!a)
        return false;
    pthread_mutex_lock(&lock);
    while (a->state == AHEAD_WORKING)
        pthread_cond_wait(&moved, &lock);
    bool ready = a->state == AHEAD_READY, taken = false;
    if (ready)
        taken = fs_put_in(h, a->copy, to, NULL) == 0;
    if (ready && !taken)
        fs_remove_tree(h, a->copy, NULL);
    forget(a);
    pthread_mutex_unlock(&lock);
    return taken;
}
