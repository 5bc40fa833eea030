/* A store that is made is whole or is not there, wherever its making is broken off. */
#include "world.h"
#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/* What the kernel was asked for while a store was made, as far as it bears on what a loss of power leaves. */
struct calls {
    int all, syncs_before, syncs_after; /* the rename that makes it visible */
    bool renamed, ended;
};

static void make_a_store_traced(void)
{
    struct store *s = NULL;
    struct error err = {0};
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0) /* what is not permitted is skipped, and nothing else */
        _exit(errno == EPERM || errno == EACCES ? 77 : 2);
    raise(SIGSTOP);
    _exit(store_open(dir, STORE_WRITE, &s, &err) < 0 ? 1 : 0);
}

/* What changes the disk, or what of it survives. */
static bool bears_on_the_disk(uint64_t nr)
{
    static const uint64_t calls[] = {
        SYS_openat, SYS_write,    SYS_pwrite64, SYS_fsync,    SYS_fdatasync, SYS_ftruncate,  SYS_syncfs,
        SYS_fchmod, SYS_renameat, SYS_linkat,   SYS_unlinkat, SYS_mkdirat,   SYS_exit_group,
#ifdef SYS_open
        SYS_open,   SYS_link,     SYS_unlink,   SYS_mkdir,    SYS_rename,
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (nr == calls[i])
            return true;
    return false;
}

/* Before a call; what there is on the disk after it is what there is before the next. */
static void note_call(pid_t pid, struct calls *c)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    uint64_t nr = info.entry.nr;
    if (nr == SYS_fsync || nr == SYS_fdatasync || nr == SYS_syncfs)
        c->renamed ? c->syncs_after++ : c->syncs_before++;
    c->renamed = c->renamed || nr == SYS_renameat;
    c->all += bears_on_the_disk(nr);
}

/* In a process that is killed before its `last`th call that bears on the disk; 0: it comes to its end.
 * False: this machine lets nobody be traced. */
static bool make_until(int last, struct calls *c)
{
    int status;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload")) /* what is seen below valgrind is its own */
        return false;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        make_a_store_traced();
    *c = (struct calls){0};
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return false;
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    for (;;) {
        if (last && c->all >= last)
            kill(pid, SIGKILL);
        else
            ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status))
            break;
        note_call(pid, c);
    }
    c->ended = WIFEXITED(status);
    if (c->ended)
        assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static void skip_untraced(void)
{
    print_message("skipped: no process can be traced here (ptrace), or only valgrind's own calls\n");
    skip();
}

static void is_no_trouble(int at)
{
    struct error err = {0};
    struct store *s = NULL;
    int r = store_open(dir, STORE_READ, &s, &err);
    if (r < 0 && r != -ENOENT)
        fail_msg("a reader, after stop %d: %s", at, err.text);
    store_close(s);
    error_clear(&err);
    if (store_open(dir, STORE_WRITE, &s, &err) < 0)
        fail_msg("after stop %d: %s", at, err.text);
    assert_false(store_anew(s));
    struct secret *v = secret_new("of the first", 12);
    ok(store_secret_set(s, "mine", v, &err));
    secret_free(v);
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_string_equal(secret_reveal(store_secret_get(s, "mine")), "of the first");
    store_close(s);
}

/* Nothing of an attempt stays but what a store consists of. */
static void nothing_else_is_there(int at)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, "store.db~", 9) == 0)
            fail_msg("after stop %d there is %s", at, e->d_name);
    closedir(d);
    assert_int_equal(mode_of(file), 0600);
}

static void a_store_that_was_killed_while_it_was_made_is_no_trouble(void **state)
{
    struct calls c = {0};
    int at = 1;
    for (; !c.ended; at++) {
        assert_true(at < 1000);
        if (!make_until(at, &c))
            skip_untraced();
        is_no_trouble(at);
        nothing_else_is_there(at);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
    assert_true(at > 30); /* it was broken off in between */
}

/* On the disk before it is there: its content, the key's, and the key's name. And its name before that of a
 * log. */
static void a_new_store_is_visible_when_it_is_durable_and_takes_two_syncs(void **state)
{
    struct calls c;
    (void)state;
    if (!make_until(0, &c))
        skip_untraced();
    assert_true(c.ended && c.renamed);
    assert_int_equal(c.syncs_before, 1);
    assert_int_equal(c.syncs_after, 1);
}

/* What was left behind by who was killed holds no key that fits, and is no store. */
static void what_an_interrupted_making_left_is_made_anew(void **state)
{
    static const char *const left[] = {"store.db~", "store.db~-wal", "store.db~-shm", "store.db~-journal"};
    char path[200];
    (void)state;
    store_close(open_store(STORE_WRITE));
    unlink(file);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, left[i]);
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        assert_int_equal(write(fd, "half", 4), 4);
        close(fd);
    }
    is_no_trouble(0);
    nothing_else_is_there(0);
}

static void write_key(const char *bytes, size_t n)
{
    char path[200];
    snprintf(path, sizeof path, "%s/secret.key", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

/* As after a loss of power before the store had its name. */
static void key_alone(const char *bytes, size_t n)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[200];
    store_close(open_store(STORE_WRITE));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", file, ends[i]);
        unlink(path);
    }
    write_key(bytes, n);
}

/* A loss of power before the one sync leaves names without bytes, or with zeros. */
static void a_key_that_lost_its_bytes_before_its_store_came_to_be_is_made_anew(void **state)
{
    static const char zeros[65];
    (void)state;
    for (size_t n = 0; n <= sizeof zeros; n += sizeof zeros) {
        key_alone(zeros, n);
        is_no_trouble(0);
        nothing_else_is_there(0);
    }
}

static void a_key_that_says_something_else_is_left_alone(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    (void)state;
    key_alone("something else\n", 15);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "is no key"));
    assert_int_equal(access(file, F_OK), -1);
}

static void a_key_that_lost_its_bytes_is_no_new_one_where_a_store_is(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    (void)state;
    store_close(open_store(STORE_WRITE));
    write_key("", 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "is no key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_store_that_was_killed_while_it_was_made_is_no_trouble),
        fixture(a_new_store_is_visible_when_it_is_durable_and_takes_two_syncs),
        fixture(what_an_interrupted_making_left_is_made_anew),
        fixture(a_key_that_lost_its_bytes_before_its_store_came_to_be_is_made_anew),
        fixture(a_key_that_says_something_else_is_left_alone),
        fixture(a_key_that_lost_its_bytes_is_no_new_one_where_a_store_is),
    };
    return cmocka_run_group_tests_name("make", tests, NULL, NULL);
}
