#include "exec.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REPORT_FD = 3, FIRST_FOREIGN_FD = 4 };

static _Noreturn void fail(const char *what, int bind)
{
    struct exec_failure f = {.code = errno, .bind = bind};
    for (size_t i = 0; i + 1 < sizeof f.what && what[i]; i++)
        f.what[i] = what[i];
    ssize_t n = write(REPORT_FD, &f, sizeof f);
    _exit(n == (ssize_t)sizeof f ? 127 : 126);
}

/* Moves what is needed to 0..3 and closes the rest. Descriptors below 4 were kept free of ours (exec.c), so
 * no dup2 overwrites one that is still needed. */
static void take_descriptors(const struct exec_child *c)
{
    dup2(c->report, REPORT_FD);
    if (dup2(c->in, 0) < 0 || dup2(c->out, 1) < 0 || dup2(c->out, 2) < 0)
        fail("use the pipes", -1);
    fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
    if (syscall(SYS_close_range, FIRST_FOREIGN_FD, ~0U, 0) == 0)
        return;
    struct rlimit limit = {0}; /* before Linux 5.9 */
    getrlimit(RLIMIT_NOFILE, &limit);
    int last = limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int fd = FIRST_FOREIGN_FD; fd < last; fd++)
        close(fd);
}

static void reset_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &plain, NULL); /* KILL, STOP and the C library's own refuse, rightly */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* where it is refused, the program says what it could not open */
}

static void mount_binds(const struct exec *x)
{
    if (x->n_binds == 0)
        return;
    if (unshare(CLONE_NEWNS) < 0)
        fail("make a mount namespace", -1);
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
        fail("make mounts private", -1);
    for (size_t i = 0; i < x->n_binds; i++)
        if (mount(x->binds[i].source, x->binds[i].target, "none", MS_BIND | MS_REC, NULL) < 0)
            fail("bind", (int)i);
}

static void become(const struct exec_child *c)
{
    const struct exec *x = c->x;
    if (x->uid == 0)
        return;
    if (setgroups(c->n_groups, c->groups) < 0)
        fail("set its groups", -1);
    if (setresgid(x->gid, x->gid, x->gid) < 0)
        fail("set its group", -1);
    if (setresuid(x->uid, x->uid, x->uid) < 0)
        fail("set its user", -1);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        fail("give up privileges", -1);
}

_Noreturn void exec_child(const struct exec_child *c)
{
    const struct exec *x = c->x;
    take_descriptors(c);
    /* A group of its own, which can be ended as a whole, and no terminal: whoever has root's can push keys
     * into it (TIOCSTI, ioctl_tty(2)), and not all that is started is root's. */
    if (setsid() < 0)
        fail("make a session", -1);
    umask(022);
    if (x->input) { /* it may be a secret, and a core file would hold it */
        const struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
    }
    if (x->many_files)
        allow_many_files();
    mount_binds(x);
    become(c);
    /* After the change of user, which clears it. What changes the machine is asked to end, and may leave
     * things in order; what only looks is ended. */
    prctl(PR_SET_PDEATHSIG, x->mutates ? SIGTERM : SIGKILL, 0, 0, 0);
    if (getppid() != c->parent)
        _exit(126);
    if (chdir(x->cwd ? x->cwd : "/") < 0)
        fail("enter its directory", -1);
    reset_signals();
    /* execve does not write to the strings; its prototype is older than const. */
    execve(x->argv[0], (char *const *)(uintptr_t)x->argv, c->env);
    fail("execute", -1);
}
