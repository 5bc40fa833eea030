#include "fs_writer.h"
#include "step.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* A thread costs as much as two files; handing over costs a call for each so many; and who is so far ahead of
 * the thread had better write himself. */
enum { WORTH_A_THREAD = 16, AT_ONCE = 16, AHEAD_MOST = 128 };

struct list {
    struct fs_writing *first, **end;
    size_t n;
};
struct fs_writer {
    struct list collected; /* the caller's */
    size_t added;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_t thread;
    enum { NONE, RUNNING, REFUSED } state; /* the thread's; the caller's to know */
    /* under the lock: */
    struct list waiting;
    size_t unwritten; /* waiting, or in the thread's hands */
    bool stop;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
    l->n = 0;
}

static void list_move(struct list *from, struct list *to)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    to->n += from->n;
    list_init(from);
}

static void write_list(struct fs_writing *x)
{
    for (; x; x = x->next) {
        x->result = fs_writing_do(x);
        free(x->bytes);
        x->bytes = NULL;
    }
}

static void *work(void *self)
{
    struct fs_writer *w = self;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct list mine;
        list_init(&mine);
        list_move(&w->waiting, &mine);
        if (!mine.first && w->stop)
            break;
        if (!mine.first) {
            pthread_cond_wait(&w->moved, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        write_list(mine.first);
        pthread_mutex_lock(&w->lock);
        w->unwritten -= mine.n;
        if (!w->unwritten)
            pthread_cond_signal(&w->moved);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct fs_writer *fs_writer_begin(void)
{
    struct fs_writer *w = xmalloc(sizeof *w);
    *w = (struct fs_writer){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
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
    w->state = pthread_create(&w->thread, NULL, work, w) == 0 ? RUNNING : REFUSED;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void hand_over(struct fs_writer *w)
{
    if (!w->collected.n)
        return;
    pthread_mutex_lock(&w->lock);
    w->unwritten += w->collected.n;
    list_move(&w->collected, &w->waiting);
    pthread_cond_signal(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

void fs_writer_add(struct fs_writer *w, struct fs_writing *x)
{
    x->next = NULL;
    if (w->state == NONE && ++w->added > WORTH_A_THREAD)
        start(w);
    if (w->state != RUNNING) {
        write_list(x);
        return;
    }
    *w->collected.end = x;
    w->collected.end = &x->next;
    if (++w->collected.n < AT_ONCE)
        return;
    pthread_mutex_lock(&w->lock);
    size_t ahead = w->unwritten;
    pthread_mutex_unlock(&w->lock);
    if (ahead < AHEAD_MOST) {
        hand_over(w);
        return;
    }
    write_list(w->collected.first);
    list_init(&w->collected);
}

void fs_writer_wait(struct fs_writer *w)
{
    write_list(w->collected.first);
    list_init(&w->collected);
    if (w->state != RUNNING)
        return;
    pthread_mutex_lock(&w->lock);
    struct list rest;
    list_init(&rest);
    list_move(&w->waiting, &rest);
    pthread_mutex_unlock(&w->lock);
    write_list(rest.first);
    pthread_mutex_lock(&w->lock);
    w->unwritten -= rest.n;
    while (w->unwritten)
        pthread_cond_wait(&w->moved, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

struct fs_writer *fs_writer_end(struct fs_writer *w)
{
    if (!w)
        return NULL;
    fs_writer_wait(w);
    if (w->state == RUNNING) {
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_signal(&w->moved);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    free(w);
    return NULL;
}
