#include "fs_writer.h"
#include "step.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For fewer a thread is not worth what it costs: they are written at once. So many are handed over at once,
 * which costs a call. Each takes some at a time, so that all end together, and who is so far ahead of the
 * threads had better write himself. */
enum { WORTH_A_THREAD = 8, AT_ONCE = 16, A_BITE = 8, AHEAD_MOST = 128 };

struct list {
    struct fs_writing *first, **end;
};
struct fs_writer {
    struct list collected; /* the caller's, of n */
    size_t n, added;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t wanted, n_threads;
    pthread_t threads[FS_WRITER_THREADS];
    enum { NONE, RUNNING, REFUSED } state; /* the threads'; the caller's to know */
    /* under the lock: */
    struct list waiting;
    size_t unwritten; /* waiting, or in somebody's hands */
    bool stop;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void write_some(struct fs_writing *x, size_t n)
{
    for (size_t i = 0; i < n; i++, x = x->next) {
        x->result = fs_writing_do(x);
        if (x->bytes)
            explicit_bzero(x->bytes, x->n); /* a wp-config.php has secrets */
        free(x->bytes);
        x->bytes = NULL;
    }
}

/* Takes a bite of what waits, and writes it. False: nothing waits. Under the lock, which is let go meanwhile.
 */
static bool bite(struct fs_writer *w)
{
    struct fs_writing *first = w->waiting.first, *x = first;
    size_t n = 0;
    for (; x && n < A_BITE; x = x->next)
        n++;
    w->waiting.first = x;
    if (!x)
        w->waiting.end = &w->waiting.first;
    if (n == 0)
        return false;
    pthread_mutex_unlock(&w->lock);
    write_some(first, n);
    pthread_mutex_lock(&w->lock);
    w->unwritten -= n;
    if (!w->unwritten)
        pthread_cond_broadcast(&w->moved);
    return true;
}

static void *work(void *self)
{
    struct fs_writer *w = self;
    pthread_mutex_lock(&w->lock);
    while (!w->stop)
        if (!bite(w))
            pthread_cond_wait(&w->moved, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct fs_writer *fs_writer_begin(size_t threads)
{
    struct fs_writer *w = xmalloc(sizeof *w);
    *w = (struct fs_writer){
        .wanted = threads, .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    list_init(&w->collected);
    list_init(&w->waiting);
    return w;
}

/* Signals are the main thread's. */
static void start(struct fs_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (w->n_threads < w->wanted && pthread_create(&w->threads[w->n_threads], NULL, work, w) == 0)
        w->n_threads++;
    w->state = w->n_threads ? RUNNING : REFUSED;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void hand_over(struct fs_writer *w)
{
    if (w->n == 0)
        return;
    *w->waiting.end = w->collected.first;
    w->waiting.end = w->collected.end;
    w->unwritten += w->n;
    list_init(&w->collected);
    w->n = 0;
}

void fs_writer_add(struct fs_writer *w, struct fs_writing *x)
{
    x->next = NULL;
    if (w->state == NONE && ++w->added > WORTH_A_THREAD)
        start(w);
    if (w->state != RUNNING) {
        write_some(x, 1);
        return;
    }
    *w->collected.end = x;
    w->collected.end = &x->next;
    if (++w->n < AT_ONCE)
        return;
    pthread_mutex_lock(&w->lock);
    hand_over(w);
    pthread_cond_broadcast(&w->moved);
    while (w->unwritten > AHEAD_MOST && bite(w))
        ;
    pthread_mutex_unlock(&w->lock);
}

void fs_writer_wait(struct fs_writer *w)
{
    pthread_mutex_lock(&w->lock);
    hand_over(w);
    while (bite(w))
        ;
    while (w->unwritten)
        pthread_cond_wait(&w->moved, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

struct fs_writer *fs_writer_end(struct fs_writer *w)
{
    if (!w)
        return NULL;
    fs_writer_wait(w);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    free(w);
    return NULL;
}
