/* An apply that awaits its confirmation: dies at each of its steps, on the way back at each of those, and
 * when it is confirmed at each of those. The machine and what the store knows are then wholly old or wholly
 * new. The program runs itself, so that each run is a process of its own. */
#include "rig.h"
#include <limits.h>
#include <signal.h>
#include <time.h>

#define A       "a.example.com"
#define SECONDS 600
static char self[PATH_MAX]; /* /proc/self/exe is another one below valgrind */

/* ---- what is applied
 * ---------------------------------------------------------------------------------------- */

static void first(struct rig *t)
{
    struct resource *tree = rig_directory(t, "/srv/a/gone", A, true);
    rig_needs(t, rig_file(t, "/srv/a/gone/page", A, "page"), tree);
    rig_file(t, "/etc/changed", NULL, "old");
    rig_file(t, "/etc/stays", NULL, "stays");
}

static void second(struct rig *t)
{
    rig_file(t, "/etc/changed", NULL, "new");
    rig_file(t, "/etc/stays", NULL, "stays");
    rig_needs(t, rig_file(t, "/srv/a/new/file", A, "file"), rig_directory(t, "/srv/a/new", A, false));
    t->bundle = "two";
}

static struct store_awaiting awaiting(struct rig *t)
{
    struct store_awaiting w;
    if (store_awaiting_get(t->s, &w, &t->err) < 0)
        fail_msg("%s", t->err.text);
    return w;
}

/* All that the store says of what stands. */
static const char *known(struct rig *t)
{
    struct store_managed *m;
    struct store_generation *g;
    size_t n, k;
    struct buf b = {0};
    char hex[HASH_HEX];
    assert_int_equal(store_managed_list(t->s, &t->a, &m, &n, &t->err), 0);
    for (size_t i = 0; i < n; i++) {
        hash_hex(m[i].wanted, hex);
        buf_addf(&b, "%s %s %s %s %s %lld %lld\n", m[i].kind, m[i].id, m[i].site ? m[i].site : "", m[i].spec,
                 hex, (long long)m[i].rank, (long long)m[i].generation);
    }
    assert_int_equal(store_generation_list(t->s, &t->a, &g, &k, &t->err), 0);
    for (size_t i = 0; i < k; i++)
        buf_addf(&b, "generation %lld %s %s\n", (long long)g[i].number, g[i].digest, g[i].status);
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return text;
}

/* In the process that may die. */
static int run(const char *dir, const char *what)
{
    struct rig *t = calloc(1, sizeof *t);
    struct recover_item *items, item = {0};
    size_t n;
    int r = 0;
    assert_non_null(t);
    snprintf(t->dir, sizeof t->dir, "%s", dir);
    rig_open(t, "{}");
    struct store_awaiting w = awaiting(t);
    if (strcmp(what, "apply") == 0) {
        second(t);
        t->o.confirm = SECONDS;
        rig_done(t);
    } else if (strcmp(what, "recover") == 0) {
        r = engine_recover(&t->e, &t->a, &items, &n, &t->err);
    } else if (strcmp(what, "confirm") == 0) {
        r = engine_confirm(&t->e, &w, &t->err);
    } else {
        r = engine_unconfirmed(&t->e, &t->a, &w, "not confirmed in time", &item, &t->err);
    }
    store_close(t->s);
    host_close(t->h);
    arena_free(&t->a);
    buf_free(&t->told);
    free(t);
    return r < 0 || item.stuck ? 50 : 0;
}

/* True: it died at step n (0: never); else it has to end well. */
static bool dies(struct rig *t, const char *what, unsigned n)
{
    char at[16];
    int status;
    snprintf(at, sizeof at, "%u", n);
    store_close(t->s);
    host_close(t->h);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CITRUS_DIE_AT", at, 1);
        execl(self, "test_confirm", t->dir, what, NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    arena_free(&t->a);
    buf_reset(&t->told);
    rig_open(t, "{}");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* ---- what has to hold
 * --------------------------------------------------------------------------------------- */

struct shape {
    char *tree, *known; /* heap */
};

static struct shape shape_of(struct rig *t)
{
    return (struct shape){strdup(rig_tree(t)), strdup(known(t))};
}

static void shape_free(struct shape *s)
{
    free(s->tree);
    free(s->known);
}

static void is(struct rig *t, const struct shape *s, const char *when, unsigned n)
{
    if (strcmp(rig_tree(t), s->tree) != 0 || strcmp(known(t), s->known) != 0)
        fail_msg("%s, step %u: it is\n%s%s\nand should be\n%s%s", when, n, rig_tree(t), known(t), s->tree,
                 s->known);
}

static struct rig *arranged(struct shape *old)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/changed", "older");
    rig_put(t, "/srv/a/mine", "an operator's");
    first(t);
    rig_done(t);
    *old = shape_of(t);
    return t;
}

static bool awaits(struct rig *t)
{
    struct store_awaiting w = awaiting(t);
    return w.tx && rig_tx(t, w.tx) == TX_AWAITING;
}

/* Whatever opened the store next takes the open one back. */
static void recovered(struct rig *t)
{
    assert_false(dies(t, "recover", 0));
    assert_int_equal(awaiting(t).tx, 0);
}

static void killed_anywhere_it_is_old_or_awaits(void **state)
{
    bool died = true;
    unsigned old_ends = 0, new_ends = 0;
    for (unsigned n = 1; died; n++) {
        struct shape old;
        struct rig *t = arranged(&old);
        died = dies(t, "apply", n);
        if (awaits(t)) {
            struct store_awaiting w = awaiting(t);
            assert_true(w.until >= (int64_t)time(NULL) + SECONDS - 60 && w.seconds == SECONDS);
            assert_string_equal(rig_read(t, "/etc/changed"), "new");
            assert_false(dies(t, "recover", 0)); /* no crash left it */
            assert_true(awaits(t));
            assert_false(dies(t, "back", 0));
            new_ends++;
        } else {
            recovered(t);
            old_ends++;
        }
        is(t, &old, "apply", n);
        assert_false(awaits(t));
        shape_free(&old);
        rig_free(t);
    }
    assert_true(old_ends > 20 && new_ends > 0);
}

static void killed_on_the_way_back_it_goes_on(void **state)
{
    bool died = true;
    unsigned n = 0;
    while (died) {
        struct shape old;
        struct rig *t = arranged(&old);
        assert_false(dies(t, "apply", 0));
        struct shape new = shape_of(t);
        died = dies(t, "back", ++n);
        if (awaits(t)) /* nothing was begun */
            is(t, &new, "before the way back", n);
        else
            recovered(t);
        if (awaits(t))
            assert_false(dies(t, "back", 0));
        is(t, &old, "on the way back", n);
        assert_int_equal(rig_tx(t, 2), TX_UNDONE);
        assert_false(rig_there(t, "/var/lib/citrus/undo/2") && !died);
        shape_free(&new);
        shape_free(&old);
        rig_free(t);
    }
    assert_true(n > 20);
}

static void confirmed_it_stands_wherever_that_is_killed(void **state)
{
    bool died = true;
    unsigned n = 0;
    while (died) {
        struct shape old;
        struct rig *t = arranged(&old);
        assert_false(dies(t, "apply", 0));
        struct shape new = shape_of(t);
        died = dies(t, "confirm", ++n);
        if (awaits(t))
            assert_false(dies(t, "confirm", 0));
        is(t, &new, "confirmed", n);
        assert_int_equal(rig_tx(t, 2), TX_DONE);
        assert_false(dies(t, "recover", 0));
        is(t, &new, "confirmed, and recovered", n);
        assert_int_equal(awaiting(t).tx, 0);
        second(t);
        rig_plan(t);
        assert_string_equal(rig_actions(t), "");
        shape_free(&new);
        shape_free(&old);
        rig_free(t);
    }
    assert_true(n > 2);
}

/* ---- what may not happen meanwhile
 * ------------------------------------------------------------------------- */

static void what_it_may_need_to_go_back_is_kept(void **state)
{
    struct shape old;
    struct rig *t = arranged(&old);
    assert_false(dies(t, "apply", 0));
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 2 * engine_retention(&t->e)->trash);
    assert_true(rig_there(t, "/var/lib/citrus/undo/2"));
    assert_false(dies(t, "back", 0));
    is(t, &old, "after a sweep", 0);
    assert_string_equal(rig_read(t, "/srv/a/gone/page"), "page");
    shape_free(&old);
    rig_free(t);
}

static void what_fails_or_changes_nothing_awaits_nothing(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    t->o.confirm = SECONDS;
    probe_trouble("one", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_int_equal(t->res.until, 0);
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    probe_trouble("one", 0);
    t->o.confirm = 0;
    rig_done(t);
    t->o.confirm = SECONDS;
    assert_int_equal(rig_apply(t), APPLY_NOTHING);
    assert_int_equal(t->res.until, 0);
    rig_free(t);
}

static void a_part_of_it_is_a_part_once_it_is_confirmed(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", A, "2");
    t->o.confirm = SECONDS;
    probe_trouble("two", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_true(t->res.until > 0);
    struct store_awaiting w = awaiting(t);
    assert_int_equal(engine_confirm(&t->e, &w, &t->err), 0);
    assert_int_equal(rig_tx(t, 1), TX_PARTIAL);
    rig_free(t);
}

/* What cannot be taken back is a person's matter, and then it is whole. */
static void stuck_on_the_way_back_it_is_tried_again(void **state)
{
    struct rig *t = rig_new("{}");
    struct recover_item item, *items;
    size_t n;
    probe_set("one", "old");
    rig_probe(t, "one", NULL, "new");
    t->o.confirm = SECONDS;
    rig_done(t);
    struct store_awaiting w = awaiting(t);
    probe_trouble("one", PROBE_UNDO);
    assert_int_equal(engine_unconfirmed(&t->e, &t->a, &w, "not confirmed in time", &item, &t->err), 0);
    assert_true(item.stuck);
    assert_int_equal(rig_tx(t, 1), TX_STUCK);
    assert_string_equal(rig_managed(t), "one");
    probe_trouble("one", 0);
    assert_int_equal(engine_recover(&t->e, &t->a, &items, &n, &t->err), 0);
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    assert_string_equal(rig_managed(t), "");
    assert_string_equal(probe_get("one"), "old");
    assert_int_equal(awaiting(t).tx, 0);
    rig_free(t);
}

/* ---- who asks for it
 * ---------------------------------------------------------------------------------------- */

static void what_can_shut_out_is_counted_and_what_is_like_it_is_not(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    rig_put(t, "/etc/ssh/sshd_config", "old");
    rig_put(t, "/etc/nftables.conf", "old");
    rig_file(t, "/etc/ssh/sshd_config", NULL, "new");
    rig_file(t, "/etc/nftables.conf", NULL, "new");
    rig_file(t, "/etc/sshd_config", NULL, "another one");
    rig_file(t, "/etc/ssh2", NULL, "another one");
    rig_directory(t, "/etc/ssh/sshd_config.d", NULL, false);
    assert_int_equal(rig_plan(t)->lockouts, 3);
    for (size_t i = 0; i < t->p->actions.n; i++)
        assert_int_equal(t->p->actions.at[i].lockout,
                         strncmp(t->p->actions.at[i].change.res->id, "/etc/ssh/", 9) == 0 ||
                             strcmp(t->p->actions.at[i].change.res->id, "/etc/nftables.conf") == 0);
    rig_free(t);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return run(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere_it_is_old_or_awaits),
        cmocka_unit_test(killed_on_the_way_back_it_goes_on),
        cmocka_unit_test(confirmed_it_stands_wherever_that_is_killed),
        cmocka_unit_test(what_it_may_need_to_go_back_is_kept),
        cmocka_unit_test(what_fails_or_changes_nothing_awaits_nothing),
        cmocka_unit_test(a_part_of_it_is_a_part_once_it_is_confirmed),
        cmocka_unit_test(stuck_on_the_way_back_it_is_tried_again),
        cmocka_unit_test(what_can_shut_out_is_counted_and_what_is_like_it_is_not),
    };
    if (!realpath(argv[0], self))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
