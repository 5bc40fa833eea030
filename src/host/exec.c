#include "exec.h"
#include "account.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 * 1024,
    TERM_GRACE_MS = 5000, /* from TERM to KILL */
    DRAIN_MS = 200,       /* a daemon that it started may hold its output open for ever */
    TICK_MS = 50          /* how often to look for its end where there is no pidfd (before Linux 5.3) */
};

struct run {
    const struct host *host;
    const struct exec *x;
    pid_t pid;
    int pidfd, in, out; /* -1: not or no longer */
    size_t written;
    struct buf *tail;
    char line[512], last[512];
    size_t line_len;
    int64_t deadline, moved; /* moved: when a line came that was not the last again */
    bool timed_out, stalled;
    bool ended;
    int status;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void exec_result_free(struct exec_result *r)
{
    buf_wipe(&r->out);
}

/* --- before the fork ------------------------------------------------------------------------------------ */

static char **exec_env(const struct exec *x, struct arena *a)
{
    static const char *const base[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                       "HOME=/root", "LANG=C.UTF-8"};
    VEC(char *) env = {0};
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        size_t name = strcspn(base[i], "=") + 1;
        bool own = false; /* of two entries with one name, programs take either */
        for (const char *const *e = x->env; e && *e; e++)
            own |= strncmp(*e, base[i], name) == 0;
        if (!own)
            vec_push(a, &env, arena_strdup(a, base[i]));
    }
    for (const char *const *e = x->env; e && *e; e++)
        vec_push(a, &env, arena_strdup(a, *e));
    vec_push(a, &env, NULL);
    return env.at;
}

/* As initgroups(3), but from the managed system's own files and before the fork. */
static int exec_groups(struct host *h, const struct exec *x, struct exec_child *c, struct arena *a,
                       struct error *err)
{
    struct accounts all;
    VEC(gid_t) groups = {0};
    if (x->uid == 0)
        return 0;
    int r = accounts_read(h, &all, a, err);
    if (r < 0)
        return r;
    const char *user = NULL;
    for (size_t i = 0; i < all.n_users && !user; i++)
        if (all.users[i].uid == x->uid)
            user = all.users[i].name;
    vec_push(a, &groups, x->gid);
    for (size_t i = 0; user && i < all.n_groups; i++)
        for (size_t k = 0; k < all.groups[i].n_members; k++)
            if (strcmp(all.groups[i].members[k], user) == 0 && all.groups[i].gid != x->gid) {
                vec_push(a, &groups, all.groups[i].gid);
                break;
            }
    c->groups = groups.at;
    c->n_groups = groups.n;
    return 0;
}

/* Both ends above 3, so that the child can put them where they belong without a clash. */
static int high_pipe(int ret[2])
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        ret[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 4);
    int r = ret[0] < 0 || ret[1] < 0 ? -errno : 0;
    close(fd[0]);
    close(fd[1]);
    if (r < 0) {
        close_fd(&ret[0]);
        close_fd(&ret[1]);
    }
    return r;
}

static int input_pipe(const struct exec *x, int ret[2])
{
    if (x->input && x->input_fd <= 0) {
        int r = high_pipe(ret);
        if (r == 0)
            fcntl(ret[1], F_SETFL, O_NONBLOCK);
        return r;
    }
    int fd = x->input_fd > 0 ? x->input_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
    ret[0] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 4);
    int r = ret[0] < 0 ? -errno : 0;
    if (fd != x->input_fd)
        close_fd(&fd);
    return r;
}

static int start_error(const struct exec *x, const struct exec_failure *f, struct error *err)
{
    if (f->bind >= 0)
        return error_errno(err, f->code, "cannot start %s: cannot bind %s to %s", x->argv[0],
                           x->binds[f->bind].source, x->binds[f->bind].target);
    error_errno(err, f->code, "cannot start %s: cannot %s", x->argv[0], f->what);
    if (f->code == ENOENT)
        error_hint(err, "is the package that has it installed?");
    return err ? err->code : -f->code;
}

/* Starts the child; an error when it does not come as far as execve. */
static int exec_start(struct run *run, struct exec_child *c, struct error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, report[2] = {-1, -1};
    struct exec_failure f;
    sigset_t all, old;
    int r = input_pipe(run->x, in);
    if (r == 0)
        r = high_pipe(out);
    if (r == 0)
        r = high_pipe(report);
    if (r == 0) {
        c->in = in[0];
        c->out = out[1];
        c->report = report[1];
        c->parent = getpid();
        sigfillset(&all); /* no handler of ours may run in the child */
        pthread_sigmask(SIG_SETMASK, &all, &old);
        run->pid = fork();
        if (run->pid == 0)
            exec_child(c);
        r = run->pid < 0 ? -errno : 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&report[1]);
    if (r < 0)
        error_errno(err, r, "cannot start %s", run->x->argv[0]);
    else {
        ssize_t n;
        do
            n = read(report[0], &f, sizeof f);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)sizeof f) {
            waitpid(run->pid, NULL, 0);
            r = start_error(run->x, &f, err);
        }
    }
    close_fd(&report[0]);
    if (r < 0) {
        close_fd(&in[1]);
        close_fd(&out[0]);
        return r;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    run->in = in[1];
    run->out = out[0];
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    return 0;
}

/* --- while it runs ------------------------------------------------------------------------------------- */

static void say_lines(struct run *run, const char *p, size_t n)
{
    const struct progress *say = run->x->progress;
    for (size_t i = 0; i < n; i++) {
        bool end = p[i] == '\n' || p[i] == '\r';
        if (!end && run->line_len + 1 < sizeof run->line)
            run->line[run->line_len++] = p[i];
        if (end && run->line_len > 0) {
            run->line[run->line_len] = '\0';
            run->line_len = 0;
            if (strcmp(run->line, run->last) != 0)
                run->moved = now_ms();
            memcpy(run->last, run->line, sizeof run->last);
            if (say)
                say->say(say->self, run->line);
        }
    }
}

/* The last OUTPUT_MAX bytes; cut only when twice that came together, so that bytes move seldom. */
static void keep_tail(struct buf *b, size_t max)
{
    if (b->len <= max)
        return;
    size_t drop = b->len - OUTPUT_MAX;
    memmove(b->at, b->at + drop, OUTPUT_MAX + 1);
    b->len = OUTPUT_MAX;
}

static void read_output(struct run *run)
{
    char block[8192];
    for (;;) {
        ssize_t n = read(run->out, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_fd(&run->out);
            return;
        }
        buf_add(run->tail, block, (size_t)n);
        keep_tail(run->tail, (size_t)2 * OUTPUT_MAX);
        say_lines(run, block, (size_t)n);
        if (now_ms() >= run->deadline) /* one that writes without end must not outrun its time limit */
            return;
    }
}

static void write_input(struct run *run)
{
    while (run->written < run->x->input_len) {
        ssize_t n = write(run->in, run->x->input + run->written, run->x->input_len - run->written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* EPIPE: it does not want the rest; its exit status tells whether that is right */
        run->written += (size_t)n;
    }
    close_fd(&run->in);
}

static void check_end(struct run *run)
{
    int status;
    if (run->ended || waitpid(run->pid, &status, WNOHANG) != run->pid)
        return;
    run->ended = true;
    run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (!run->timed_out)
        run->deadline = now_ms() + DRAIN_MS;
    close_fd(&run->pidfd);
}

/* When it is to be ended as things are. */
static int64_t run_deadline(const struct run *run)
{
    int64_t stall = run->moved + run->x->stall * INT64_C(1000);
    return run->x->stall > 0 && !run->timed_out && !run->ended && stall < run->deadline ? stall
                                                                                        : run->deadline;
}

static void check_deadline(struct run *run)
{
    if (run->ended)
        return;
    if (host_interrupted(run->host) && !run->timed_out)
        run->deadline = now_ms();
    if (!run->timed_out && run->x->stall > 0 && now_ms() < run->deadline && now_ms() >= run_deadline(run)) {
        run->stalled = true;
        run->deadline = 0;
    }
    if (now_ms() < run->deadline)
        return;
    kill(-run->pid, run->timed_out ? SIGKILL : SIGTERM);
    run->timed_out = true;
    run->deadline = now_ms() + TERM_GRACE_MS;
}

static void exec_wait(struct run *run)
{
    while (!run->ended || (run->out >= 0 && !run->timed_out && now_ms() < run->deadline)) {
        struct pollfd p[3];
        nfds_t n = 0;
        if (run->out >= 0)
            p[n++] = (struct pollfd){.fd = run->out, .events = POLLIN};
        if (run->in >= 0)
            p[n++] = (struct pollfd){.fd = run->in, .events = POLLOUT};
        if (run->pidfd >= 0)
            p[n++] = (struct pollfd){.fd = run->pidfd, .events = POLLIN};
        int64_t left = run_deadline(run) - now_ms();
        int wait = left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
        /* A signal that came between the look and the wait wakes nobody. */
        if (((run->pidfd < 0 && !run->ended) || run->host->interrupted) && wait > TICK_MS)
            wait = TICK_MS;
        poll(p, n, wait);
        check_end(run);
        if (run->in >= 0)
            write_input(run);
        if (run->out >= 0)
            read_output(run);
        check_deadline(run);
    }
    if (run->timed_out) {
        kill(-run->pid, SIGKILL); /* what it started and left behind */
        if (run->out >= 0)
            read_output(run);
    }
    say_lines(run, "\n", 1);
    keep_tail(run->tail, OUTPUT_MAX);
    close_fd(&run->in);
    close_fd(&run->out);
    close_fd(&run->pidfd);
}

int real_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    struct arena a = {0};
    struct exec_child c = {.x = x};
    struct exec_result result = {0};
    struct run run = {.host = h, .x = x, .pidfd = -1, .in = -1, .out = -1, .tail = &result.out};
    sigset_t pipe_signal, old;
    if (!x->argv || !x->argv[0] || x->argv[0][0] != '/')
        return error_set(err, -EINVAL, "a program is started by its absolute path, not as \"%s\"",
                         x->argv && x->argv[0] ? x->argv[0] : "");
    int r = exec_groups(h, x, &c, &a, err);
    if (r < 0)
        goto out;
    c.env = exec_env(x, &a);
    /* A child that stops reading must not end citrus: SIGPIPE is held back here, and taken away after. */
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    h->unsynced = h->unsynced || x->mutates;
    r = exec_start(&run, &c, err);
    if (r == 0) {
        run.moved = now_ms();
        run.deadline = now_ms() + (int64_t)(x->timeout > 0 ? x->timeout : 60) * 1000;
        exec_wait(&run);
        result.status = run.timed_out ? -1 : run.status;
        result.stalled = run.stalled;
        buf_add(&result.out, "", 0);
        if (run.timed_out && host_interrupted(h)) {
            r = error_set(err, -EINTR, "%s: interrupted by a signal", x->argv[0]);
            exec_result_free(&result);
        } else {
            *ret = result;
        }
        const struct timespec none = {0};
        if (!sigismember(&old, SIGPIPE))
            while (sigtimedwait(&pipe_signal, NULL, &none) == SIGPIPE)
                ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
out:
    arena_free(&a);
    return r;
}
