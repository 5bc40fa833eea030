#include "apart.h"
#include "arena.h"
#include "cli.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 8192

static void work_in_child(int fd, int (*work)(void *self, FILE *out), void *self)
{
    FILE *out = fdopen(fd, "w");
    progress_signals_apart();
    int status = out ? work(self, out) : EXIT_ERROR;
    if (out && fclose(out) != 0)
        status = EXIT_ERROR;
    fflush(stdout);
    fflush(stderr);
    _exit(status); /* what the parent has open and buffered is the parent's */
}

int apart_begin(struct apart *a, int (*work)(void *self, FILE *out), void *self, struct error *err)
{
    int ends[2];
    *a = (struct apart){.fd = -1, .pid = -1};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, errno, "cannot make a pipe to look through");
    fflush(stdout);
    fflush(stderr);
    a->pid = fork();
    if (a->pid == 0) {
        close(ends[0]);
        work_in_child(ends[1], work, self);
    }
    int r = a->pid < 0 ? error_errno(err, errno, "cannot start a process to look with") : 0;
    close(ends[1]);
    if (r < 0)
        close(ends[0]);
    else
        a->fd = ends[0];
    return r;
}

/* A signal between the look at the flag and the wait must not be slept over: it comes in the wait alone. */
static void wait_for_more(struct apart *a)
{
    struct pollfd p = {.fd = a->fd, .events = POLLIN};
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigprocmask(SIG_BLOCK, &block, &before);
    if (*interrupt_flag() && !a->told) {
        kill(a->pid, SIGUSR1);
        a->told = true;
    }
    ppoll(&p, 1, NULL, a->told ? NULL : &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static bool more(struct apart *a)
{
    if (a->at)
        memmove(a->piece, a->piece + a->at, a->n - a->at);
    a->n -= a->at;
    a->at = 0;
    if (a->room - a->n < PIECE)
        a->piece = xrealloc(a->piece, a->room = a->n + 2 * PIECE);
    for (;;) {
        wait_for_more(a);
        ssize_t n = read(a->fd, a->piece + a->n, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        a->n += n > 0 ? (size_t)n : 0;
        return n > 0;
    }
}

const char *apart_next(struct apart *a)
{
    char *end;
    while (a->n == a->at || !(end = memchr(a->piece + a->at, '\0', a->n - a->at)))
        if (!more(a))
            return NULL;
    const char *text = a->piece + a->at;
    a->at = (size_t)(end - a->piece) + 1;
    return text;
}

const char *apart_text(struct apart *a, struct arena *arena)
{
    const char *text = apart_next(a);
    return arena_strdup(arena, text ? text : "");
}

int apart_end(struct apart *a)
{
    int status = 0;
    while (apart_next(a)) /* it ends when it has said all */
        ;
    close(a->fd);
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
        ;
    free(a->piece);
    *a = (struct apart){.fd = -1, .pid = -1};
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ERROR;
}

void apart_say(FILE *out, const char *text)
{
    fputs(text ? text : "", out);
    putc('\0', out);
}
