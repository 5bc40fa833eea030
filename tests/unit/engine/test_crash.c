/* An apply of files that dies at each of its steps in turn, and a recover that dies at each of its own: the
 * machine is then as it was before. The program runs itself, so that each run is a process of its own. */
#include "rig.h"
#include <limits.h>
#include <signal.h>

#define A "a.example.com"
static char self[PATH_MAX]; /* /proc/self/exe is another one below valgrind */

static void machine_before(struct rig *t)
{
    rig_put(t, "/etc/changed", "old");
    rig_put(t, "/srv/a/gone/deep/file", "data");
    assert_int_equal(symlink("old", rig_path(t, "/etc/link")), 0);
}

/* What the first generation had, and what the second one wants. */
static void first(struct rig *t)
{
    struct resource *tree = rig_directory(t, "/srv/a/gone", A, true);
    rig_needs(t, rig_file(t, "/srv/a/gone/page", A, "page"), tree);
    rig_file(t, "/srv/a/removed", A, "removed");
}

static void second(struct rig *t)
{
    struct resource *tree = rig_directory(t, "/srv/a/new/deeper", A, false);
    rig_file(t, "/etc/changed", NULL, "new");
    rig_link(t, "/etc/link", NULL, "new");
    rig_needs(t, rig_file(t, "/srv/a/new/deeper/file", A, "file"), tree);
    rig_probe(t, "zz", A, "1");
}

/* In the process that may die. */
static int run(const char *dir, const char *what)
{
    struct rig *t = calloc(1, sizeof *t);
    struct recover_item *items;
    size_t n;
    int status;
    snprintf(t->dir, sizeof t->dir, "%s", dir);
    rig_open(t, "{}");
    if (strcmp(what, "recover") == 0) {
        status = engine_recover(&t->e, &t->a, &items, &n, &t->err) < 0 || (n && items[0].stuck) ? 50 : 0;
    } else {
        if (strcmp(what, "undone") == 0) { /* an apply that fails at its end, and takes all back */
            probe_trouble("zz", PROBE_APPLY);
            t->o.on_failure = ON_FAILURE_UNDO_ALL;
        }
        second(t);
        status = apply_exit((rig_apply(t), &t->res));
    }
    store_close(t->s);
    host_close(t->h);
    arena_free(&t->a);
    buf_free(&t->told);
    free(t);
    return status;
}

/* The exit status, or -1: it died at step n (0: never). */
static int run_dying(const char *dir, const char *what, unsigned n)
{
    char at[16];
    snprintf(at, sizeof at, "%u", n);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CITRUS_DIE_AT", at, 1);
        execl(self, "test_crash", dir, what, NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return -1;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static struct rig *arranged(char **before)
{
    struct rig *t = rig_new("{}");
    machine_before(t);
    first(t);
    rig_done(t);
    *before = rig_tree(t);
    return t;
}

static void shut(struct rig *t)
{
    store_close(t->s);
    host_close(t->h);
    t->s = NULL;
    t->h = NULL;
}

static void finish(struct rig *t)
{
    struct error err = {0};
    if (host_fake(t->dir, "{}", &t->h, &err) < 0 ||
        store_open(rig_path(t, "/var/lib/citrus"), STORE_WRITE, &t->s, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_old(struct rig *t, const char *before)
{
    const char *after = rig_tree(t);
    if (strcmp(after, before) != 0)
        fail_msg("%s\nis not\n%s", after, before);
    assert_string_equal(rig_managed(t), "/srv/a/gone /srv/a/gone/page /srv/a/removed");
}

/* Dead after the transaction was closed: it was only tidying up. */
static void assert_new(struct rig *t)
{
    assert_string_equal(rig_read(t, "/etc/changed"), "new");
    assert_string_equal(rig_read(t, "/srv/a/new/deeper/file"), "file");
    assert_false(rig_there(t, "/srv/a/gone"));
    assert_string_equal(rig_managed(t), "/srv/a/new/deeper /etc/changed /srv/a/new/deeper/file /etc/link zz");
}

enum came_to { ENDED, OLD, NEW };

/* Dies at step `apply`, and in recover at step `recover` (0: it does not); ENDED: there is no such step. */
static enum came_to round_of(const char *what, int expected, unsigned apply, unsigned recover)
{
    char *before;
    struct rig *t = arranged(&before);
    struct store_tx newest;
    shut(t);
    int status = run_dying(t->dir, what, apply);
    enum came_to to = status >= 0 ? ENDED : OLD;
    if (status >= 0) {
        assert_int_equal(status, expected);
    } else if (recover) {
        status = run_dying(t->dir, "recover", recover);
        assert_true(status <= 0);
        to = status == 0 ? ENDED : OLD;
    }
    assert_int_equal(run_dying(t->dir, "recover", 0), 0);
    finish(t);
    assert_int_equal(store_tx_get(t->s, 0, &t->a, &newest, &t->err), 0);
    if (newest.id == 2 && newest.state == TX_DONE) {
        assert_new(t);
        to = to == ENDED ? ENDED : NEW;
    } else {
        assert_old(t, before);
    }
    rig_free(t);
    return to;
}

static void dead_at_any_step_of_an_apply_the_state_is_the_old_one_or_the_new(void **state)
{
    unsigned n = 1, old = 0;
    for (enum came_to to; (to = round_of("apply", 0, n, 0)) != ENDED; n++)
        old += to == OLD;
    assert_in_range(old, 30, 300); /* the fault points are in this build */
}

static void dead_at_any_step_of_an_undo_the_old_state_comes_back(void **state)
{
    unsigned n = 38; /* about where the undo begins */
    for (enum came_to to; (to = round_of("undone", 3, n, 0)) != ENDED; n++)
        assert_int_equal(to, OLD);
    assert_in_range(n, 50, 400);
}

static void dead_again_at_any_step_of_recover_the_old_state_comes_back(void **state)
{
    unsigned apply = 5, n = 1;
    while (round_of("apply", 0, apply + 5, 0) == OLD)
        apply += 5;
    while (round_of("apply", 0, apply, n) != ENDED) /* the most to take back */
        n++;
    assert_in_range(n, 10, 200);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return run(argv[1], argv[2]);
    if (!realpath(argv[0], self))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_at_any_step_of_an_apply_the_state_is_the_old_one_or_the_new),
        cmocka_unit_test(dead_at_any_step_of_an_undo_the_old_state_comes_back),
        cmocka_unit_test(dead_again_at_any_step_of_recover_the_old_state_comes_back),
    };
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
