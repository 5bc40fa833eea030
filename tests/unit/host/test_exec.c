#include "../timely.h"
#include "root.h"
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* host_run() on this machine; the helper programs are coreutils and the shell as a test's own tool. */
static int machine_setup(void **state)
{
    if (root_setup(state) < 0)
        return -1;
    struct test_root *t = *state;
    close(t->h.rootfd);
    t->h.root = "/";
    t->h.rootfd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    t->h.offline = false;
    t->h.ops = &host_real_ops;
    return 0;
}
#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, root_teardown)
#define ARGV(...)                                                                                            \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static char *output_of(struct test_root *t, struct exec x, int status)
{
    struct exec_result result;
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), 0);
    char *out = arena_strndup(&t->a, result.out.at, result.out.len);
    if (result.status != status)
        print_message("%s", out);
    assert_int_equal(result.status, status);
    exec_result_free(&result);
    return out;
}

static void the_environment_is_clean(void **state)
{
    struct test_root *t = *state;
    setenv("LEAK", "1", 1);
    char *out = output_of(t, (struct exec){.argv = ARGV("/usr/bin/env")}, 0);
    assert_string_equal(out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                             "HOME=/root\nLANG=C.UTF-8\n");
    out = output_of(t, (struct exec){.argv = ARGV("/usr/bin/env"), .env = ARGV("HOME=/srv", "A=b")}, 0);
    assert_string_equal(out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                             "LANG=C.UTF-8\nHOME=/srv\nA=b\n");
    unsetenv("LEAK");
}

/* What a program writes is readable by who has to read it, whatever the operator's shell has. */
static void the_umask_is_not_inherited(void **state)
{
    struct test_root *t = *state;
    mode_t mask = umask(077);
    char *out = output_of(t, (struct exec){.argv = ARGV("/bin/sh", "-c", "umask")}, 0);
    umask(mask);
    assert_string_equal(out, "0022\n");
}

static void no_descriptor_signal_or_group_of_ours_is_inherited(void **state)
{
    struct test_root *t = *state;
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    signal(SIGUSR1, SIG_IGN);
    char *out = output_of(t, (struct exec){.argv = ARGV("/bin/ls", "/proc/self/fd")}, 0);
    assert_string_equal(out, "0\n1\n2\n3\n"); /* 3 is its own, of the directory */
    out =
        output_of(t, (struct exec){.argv = ARGV("/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")}, 0);
    assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    out =
        output_of(t, (struct exec){.argv = ARGV("/bin/sh", "-c", "echo $$; cut -d' ' -f5 /proc/$$/stat")}, 0);
    char *group = strchr(out, '\n') + 1;
    assert_int_equal(strncmp(out, group, (size_t)(group - out)), 0);
    signal(SIGUSR1, SIG_DFL);
    close(leak);
}

/* 0: a program that it runs cannot open its terminal. */
static int look_for_the_terminal(struct test_root *t, const char *terminal)
{
    const struct exec x = {.argv = ARGV("/bin/sh", "-c", "exec </dev/tty")};
    struct exec_result result;
    int fd = setsid() < 0 ? -1 : open(terminal, O_RDWR | O_NOCTTY);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || open("/dev/tty", O_RDWR) < 0)
        return 2;
    if (host_run(&t->h, &x, &result, &t->err) < 0)
        return 3;
    int r = result.status == 0 || !strstr(result.out.at, "/dev/tty");
    exec_result_free(&result);
    return r;
}

/* Who runs as a site's user and has root's terminal pushes keys into it (TIOCSTI), which root's shell reads.
 */
static void no_terminal_of_ours_is_inherited(void **state)
{
    struct test_root *t = *state;
    int status, pty = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
    const char *terminal = arena_strdup(&t->a, ptsname(pty));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(look_for_the_terminal(t, terminal));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(pty);
}

static void input_of_any_size_arrives_and_output_keeps_its_end(void **state)
{
    struct test_root *t = *state;
    size_t n = 1000000;
    char *big = malloc(n);
    memset(big, 'x', n);
    memcpy(big + n - 4, "end\n", 4);
    struct exec_result result;
    struct exec x = {.argv = ARGV("/bin/cat"), .input = big, .input_len = n};
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), 0);
    assert_int_equal(result.status, 0);
    assert_int_equal(result.out.len, 65536);
    assert_memory_equal(result.out.at, big + n - 65536, 65536);
    exec_result_free(&result);
    char *out =
        output_of(t, (struct exec){.argv = ARGV("/usr/bin/wc", "-c"), .input = big, .input_len = n}, 0);
    assert_string_equal(out, "1000000\n");
    free(big);
}

static void who_does_not_read_its_input_does_not_end_citrus(void **state)
{
    struct test_root *t = *state;
    static char big[300000];
    memset(big, 'x', sizeof big);
    struct exec x = {.argv = ARGV("/bin/true"), .input = big, .input_len = sizeof big};
    output_of(t, x, 0);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    assert_string_equal(output_of(t, (struct exec){.argv = ARGV("/bin/cat")}, 0), ""); /* none is /dev/null */
    assert_string_equal(output_of(t, (struct exec){.argv = ARGV("/bin/cat"), .input = ""}, 0), "");
}

static void what_gets_a_secret_dumps_no_core(void **state)
{
    struct test_root *t = *state;
    const char *const argv[] = {"/bin/grep", "core", "/proc/self/limits", NULL};
    char *out = output_of(t, (struct exec){.argv = argv, .input = "secret", .input_len = 6}, 0);
    int64_t soft = -1, hard = -1;
    assert_int_equal(sscanf(out, "Max core file size %ld %ld", &soft, &hard), 2);
    assert_int_equal(soft, 0);
    assert_int_equal(hard, 0);
}

/* The shell that citrus is started from has 1024, as a rule, and may have more. */
static void who_opens_many_files_gets_the_hard_limit(void **state)
{
    struct test_root *t = *state;
    const char *const argv[] = {"/bin/grep", "open files", "/proc/self/limits", NULL};
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, was.rlim_max}), 0);
    char *few = output_of(t, (struct exec){.argv = argv}, 0);
    char *many = output_of(t, (struct exec){.argv = argv, .many_files = true}, 0);
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    setrlimit(RLIMIT_NOFILE, &was);
    assert_int_equal(now.rlim_cur, 256);
    int64_t soft = -1, hard = -1;
    assert_int_equal(sscanf(few, "Max open files %ld %ld", &soft, &hard), 2);
    if (soft != 256) {
        print_message("skipped: the limit of descriptors cannot be lowered here (valgrind keeps its own)\n");
        skip();
    }
    assert_int_equal(sscanf(many, "Max open files %ld %ld", &soft, &hard), 2);
    assert_int_equal(soft, was.rlim_max);
    assert_int_equal(hard, was.rlim_max);
}

static void both_outputs_come_in_order_and_the_status_is_told(void **state)
{
    struct test_root *t = *state;
    char *out =
        output_of(t, (struct exec){.argv = ARGV("/bin/sh", "-c", "echo a; echo b >&2; echo c; exit 7")}, 7);
    assert_string_equal(out, "a\nb\nc\n");
    output_of(t, (struct exec){.argv = ARGV("/bin/sh", "-c", "kill -SEGV $$")}, 128 + SIGSEGV);
}

static void what_cannot_be_started_says_why(void **state)
{
    struct test_root *t = *state;
    struct exec_result result;
    struct exec x = {.argv = ARGV("/no/such/program")};
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/no/such/program"));
    assert_non_null(strstr(t->err.hint, "package"));
    x.argv = ARGV("true");
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -EINVAL);
    x.argv = ARGV("/bin/true");
    x.cwd = "/no/such";
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "directory"));
}

static void an_error_has_the_last_lines_and_never_the_input(void **state)
{
    struct test_root *t = *state;
    const char *const argv[] = {"/bin/sh", "-c", "cat >/dev/null; seq 1000; echo why it is so; exit 3", NULL};
    struct exec x = {.argv = argv, .input = "hunter2", .input_len = 7};
    assert_int_equal(host_run_ok(&t->h, &x, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "status 3"));
    assert_non_null(strstr(t->err.text, "999\n1000\nwhy it is so"));
    assert_null(strstr(t->err.text, "\n1\n2\n"));
    assert_null(strstr(t->err.text, "hunter2"));
    x = (struct exec){.argv = ARGV("/bin/true")};
    assert_int_equal(host_run_ok(&t->h, &x, &t->err), 0);
}

static void time_runs_out_for_the_whole_group(void **state)
{
    struct test_root *t = *state;
    double start = seconds();
    const char *const argv[] = {"/bin/sh", "-c", "sleep 300 & echo $!; wait", NULL};
    char *out = output_of(t, (struct exec){.argv = argv, .timeout = 3}, -1);
    assert_true(timely(seconds() - start < 6));
    pid_t left = (pid_t)strtol(out, NULL, 10);
    assert_true(left > 0);
    for (int i = 0; i < 500 && kill(left, 0) == 0; i++)
        usleep(20000); /* until init has taken it */
    char state_of[64] = "", path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", left);
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        assert_true(read(fd, state_of, sizeof state_of - 1) > 0);
        close(fd);
        assert_non_null(strstr(state_of, ") Z")); /* nobody reaps here: dead all the same */
    }
    struct exec x = {.argv = ARGV("/bin/sleep", "300"), .timeout = 1};
    assert_int_equal(host_run_ok(&t->h, &x, &t->err), -ETIMEDOUT);
    assert_non_null(strstr(t->err.text, "1 seconds"));
}

static void who_ignores_term_is_killed(void **state)
{
    struct test_root *t = *state;
    double start = seconds();
    const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done", NULL};
    output_of(t, (struct exec){.argv = argv, .timeout = 1}, -1);
    assert_true(timely(seconds() - start < 10));
}

/* While nothing is changed yet; who runs in a change is let alone (host.h). */
static void a_signal_ends_what_is_waited_for(void **state)
{
    static volatile sig_atomic_t signalled = 1;
    struct test_root *t = *state;
    struct exec_result result;
    double start = seconds();
    struct exec x = {.argv = ARGV("/bin/sleep", "300")};
    t->h.interrupted = &signalled;
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -EINTR);
    assert_non_null(strstr(t->err.text, "/bin/sleep"));
    assert_true(timely(seconds() - start < 10));
    t->h.interrupted = NULL;
    x = (struct exec){.argv = ARGV("/bin/true")};
    assert_int_equal(host_run_ok(&t->h, &x, &t->err), 0);
}

static void endless_output_does_not_outrun_the_time_limit(void **state)
{
    struct test_root *t = *state;
    double start = seconds();
    output_of(t, (struct exec){.argv = ARGV("/usr/bin/yes"), .timeout = 1}, -1);
    assert_true(timely(seconds() - start < 5));
}

static void a_daemon_that_keeps_the_output_open_is_not_waited_for(void **state)
{
    struct test_root *t = *state;
    double start = seconds();
    const char *const argv[] = {"/bin/sh", "-c", "sleep 20 & echo $!", NULL};
    char *out = output_of(t, (struct exec){.argv = argv, .timeout = 15}, 0);
    assert_true(timely(seconds() - start < 5));
    assert_int_equal(kill((pid_t)strtol(out, NULL, 10), SIGKILL), 0); /* it lives, and is ours */
}

static void another_user_has_its_groups_and_no_way_back(void **state)
{
    struct test_root *t = *state;
    const char *const argv[] = {"/bin/grep", "-E", "^(Uid|Gid|Groups|NoNewPrivs|CapEff)", "/proc/self/status",
                                NULL};
    char *out = output_of(t, (struct exec){.argv = argv, .uid = USER, .gid = GROUP}, 0);
    assert_non_null(strstr(out, "Uid:\t4711\t4711\t4711\t4711\n"));
    assert_non_null(strstr(out, "Gid:\t4712\t4712\t4712\t4712\n"));
    assert_non_null(strstr(out, "Groups:\t4712 \n"));
    assert_non_null(strstr(out, "CapEff:\t0000000000000000\n"));
    assert_non_null(strstr(out, "NoNewPrivs:\t1\n"));
}

static void groups_come_from_the_managed_systems_own_files(void **state)
{
    struct test_root *t = *state;
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/passwd"), "root:x:0:0::/root:/bin/sh\nblog:x:4711:4712::/srv:/bin/false\n", 0644);
    put(AT("/etc/group"), "root:x:0:\nblog:x:4712:blog\nmail:x:4713:other,blog\nadm:x:4:blogger\n", 0644);
    close(t->h.rootfd);
    t->h.rootfd = open(t->dir, O_PATH | O_DIRECTORY);
    const char *const argv[] = {"/bin/grep", "^Groups", "/proc/self/status", NULL};
    char *out = output_of(t, (struct exec){.argv = argv, .uid = USER, .gid = GROUP}, 0);
    assert_string_equal(out, "Groups:\t4712 4713 \n");
}

/* Asked of the kernel, and not of what is tested: a refusal of host_run()'s own would be a failure. */
static bool private_mounts_are_refused(void)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno
                                                                                                  : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES;
}

static void binds_are_the_childs_alone(void **state)
{
    struct test_root *t = *state;
    if (private_mounts_are_refused()) {
        print_message("skipped: private mounts are not permitted here\n");
        skip();
    }
    put(AT("/one"), "one", 0644);
    put(AT("/two"), "two", 0644);
    const struct exec_bind bind = {AT("/one"), AT("/two")};
    const char *const argv[] = {"/bin/cat", bind.target, NULL};
    struct exec x = {.argv = argv, .binds = &bind, .n_binds = 1};
    struct exec_result result;
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), 0);
    assert_string_equal(result.out.at, "one");
    exec_result_free(&result);
    assert_content(bind.target, "two");
    const struct exec_bind missing = {AT("/none"), AT("/two")};
    x.binds = &missing;
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/none"));
}

static void take_line(void *self, const char *line)
{
    struct buf *b = self;
    buf_addf(b, "[%s]", line);
}

static void progress_gets_lines(void **state)
{
    struct test_root *t = *state;
    struct buf lines = {0};
    struct progress p = {.say = take_line, .self = &lines};
    const char *const argv[] = {"/usr/bin/printf", "a\\n10%%\\r20%%\\r\\n\\nlast", NULL};
    output_of(t, (struct exec){.argv = argv, .progress = &p}, 0);
    assert_string_equal(buf_str(&lines), "[a][10%][20%][last]");
    buf_free(&lines);
}

static void what_comes_no_further_is_ended(void **state)
{
    struct test_root *t = *state;
    struct exec_result result;
    const char *const again[] = {"/bin/sh", "-c", "while :; do echo 33%; sleep 0.1; done", NULL};
    time_t begun = time(NULL);
    struct exec x = {.argv = again, .timeout = 600, .stall = 1};
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), 0);
    assert_int_equal(result.status, -1);
    assert_true(result.stalled);
    assert_true(timely(time(NULL) - begun < 120));
    exec_result_free(&result);
    const char *const on[] = {"/bin/sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done", NULL};
    x = (struct exec){.argv = on, .timeout = 600, .stall = 20};
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), 0);
    assert_int_equal(result.status, 0);
    assert_false(result.stalled);
    exec_result_free(&result);
}

static void only_what_mutates_is_a_step(void **state)
{
    struct test_root *t = *state;
    unsigned long before = host_steps();
    output_of(t, (struct exec){.argv = ARGV("/bin/true")}, 0);
    assert_int_equal(host_steps(), before);
    output_of(t, (struct exec){.argv = ARGV("/bin/true"), .mutates = true}, 0);
    assert_int_equal(host_steps(), before + 2);
}

static void an_offline_root_starts_nothing_that_could_touch_this_machine(void **state)
{
    struct test_root *t = *state;
    struct exec_result result;
    t->h.root = t->dir;
    t->h.ops = &host_offline_ops;
    struct exec x = {.argv = ARGV("/bin/true")};
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -EOPNOTSUPP);
    x.argv = ARGV("/usr/sbin/userdel", "nobody");
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -EOPNOTSUPP);
    x.argv = ARGV("/usr/sbin/userdel", "--prefix", "/", "nobody");
    assert_int_equal(host_run(&t->h, &x, &result, &t->err), -EOPNOTSUPP);
    assert_int_equal(host_unit(&t->h, "nginx.service", UNIT_RELOAD, &t->err), -EOPNOTSUPP);
    assert_int_equal(host_db_exec(&t->h, "SELECT 1", NULL, 0, &t->err), -EOPNOTSUPP);
    assert_non_null(strstr(t->err.text, t->dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(the_environment_is_clean),
        MACHINE_TEST(the_umask_is_not_inherited),
        MACHINE_TEST(no_descriptor_signal_or_group_of_ours_is_inherited),
        MACHINE_TEST(no_terminal_of_ours_is_inherited),
        MACHINE_TEST(input_of_any_size_arrives_and_output_keeps_its_end),
        MACHINE_TEST(who_does_not_read_its_input_does_not_end_citrus),
        MACHINE_TEST(what_gets_a_secret_dumps_no_core),
        MACHINE_TEST(who_opens_many_files_gets_the_hard_limit),
        MACHINE_TEST(both_outputs_come_in_order_and_the_status_is_told),
        MACHINE_TEST(what_cannot_be_started_says_why),
        MACHINE_TEST(an_error_has_the_last_lines_and_never_the_input),
        MACHINE_TEST(time_runs_out_for_the_whole_group),
        MACHINE_TEST(who_ignores_term_is_killed),
        MACHINE_TEST(a_signal_ends_what_is_waited_for),
        MACHINE_TEST(endless_output_does_not_outrun_the_time_limit),
        MACHINE_TEST(a_daemon_that_keeps_the_output_open_is_not_waited_for),
        MACHINE_TEST(another_user_has_its_groups_and_no_way_back),
        MACHINE_TEST(groups_come_from_the_managed_systems_own_files),
        MACHINE_TEST(binds_are_the_childs_alone),
        MACHINE_TEST(progress_gets_lines),
        MACHINE_TEST(what_comes_no_further_is_ended),
        MACHINE_TEST(only_what_mutates_is_a_step),
        MACHINE_TEST(an_offline_root_starts_nothing_that_could_touch_this_machine),
    };
    return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
