/* Changes that are durable together: each is journalled before any is made, none is there before all are
 * written, and what goes wrong with one is that one's. */
#include "rig.h"
#include <sys/resource.h>

#define A "a.example.com"
#define B "b.example.com"
#define C "c.example.com"

static void three_sites(struct rig *t)
{
    rig_file(t, "/etc/a1", A, "a1");
    rig_file(t, "/etc/a2", A, "a2");
    rig_file(t, "/etc/b1", B, "b1");
    rig_file(t, "/etc/b2", B, "b2");
    rig_file(t, "/etc/c1", C, "c1");
    rig_link(t, "/etc/c2", C, "c1");
}

/* --- together ------------------------------------------------------------------------------------------- */

static void at_the_last_all_have_intents_and_none_is_there(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/c2") != 0)
        return;
    assert_string_equal(rig_states(t, 1), "iiiiii");
    assert_false(rig_there(t, "/etc/a1"));
    assert_string_equal(rig_read(t, "/etc/b1"), "old");
    buf_adds(&t->told, "looked\n");
}

static void none_is_there_before_all_are_written_and_journalled(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    three_sites(t);
    t->hook = at_the_last_all_have_intents_and_none_is_there;
    rig_done(t);
    assert_non_null(strstr(buf_str(&t->told), "looked"));
    assert_string_equal(rig_states(t, 1), "dddddd");
    assert_string_equal(rig_read(t, "/etc/a1"), "a1");
    assert_string_equal(rig_read(t, "/etc/b1"), "b1");
    assert_true(rig_there(t, "/etc/c2"));
    rig_free(t);
}

static void told(void *self, const struct action *a)
{
    struct rig *t = self;
    buf_addf(&t->told, "%s\n", a ? a->change.res->id : "waits");
}

static void who_listens_hears_of_each_and_when_the_disk_is_waited_for(void **state)
{
    struct rig *t = rig_new("{}");
    three_sites(t);
    t->events.grouped = told;
    rig_done(t);
    assert_non_null(
        strstr(buf_str(&t->told), "/etc/a1\n/etc/a2\n/etc/b1\n/etc/b2\n/etc/c1\n/etc/c2\nwaits\n"));
    assert_null(strstr(buf_str(&t->told), "start"));
    rig_free(t);
}

static struct rig *counted;
static int commits, before_the_first;

static void count(bool after, const char *path)
{
    commits += after;
}

static void the_first_begins(struct rig *t, const struct action *a)
{
    if (a->seq == 1)
        before_the_first = commits;
}

static void what_the_plan_begins_with_is_journalled_in_the_transactions_own_commit(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    three_sites(t);
    commits = before_the_first = 0;
    store_step = count;
    t->hook = the_first_begins;
    rig_done(t);
    store_step = NULL;
    assert_int_equal(before_the_first, 1);
    rig_free(t);
}

static void a_signal_after_it(bool after, const char *path)
{
    counted->interrupted = after;
}

/* The transaction is there with its intents, and nothing of it is done. */
static void a_signal_before_the_first_step_leaves_all_as_it_was(void **state)
{
    struct rig *t = counted = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    char *before = rig_tree(t);
    three_sites(t);
    rig_plan(t);
    store_step = a_signal_after_it;
    rig_run(t);
    store_step = NULL;
    assert_int_equal(t->res.outcome, APPLY_UNDONE);
    assert_null(strstr(buf_str(&t->told), "start create"));
    assert_string_equal(rig_tree(t), before);
    assert_string_equal(rig_read(t, "/etc/b1"), "old");
    rig_free(t);
}

static void a_group_ends_where_something_else_comes(void **state)
{
    struct rig *t = rig_new("{}");
    rig_file(t, "/etc/a", NULL, "a");
    rig_needs(t, rig_probe(t, "middle", NULL, "1"), rig_file(t, "/etc/b", NULL, "b"));
    rig_file(t, "/etc/c", NULL, "c");
    rig_done(t);
    assert_string_equal(strstr(buf_str(&t->told), "start"), "start create /etc/a\nstart create /etc/b\n"
                                                            "done create /etc/a\ndone create /etc/b\n"
                                                            "start create middle\ndone create middle\n"
                                                            "start create /etc/c\ndone create /etc/c\n");
    rig_free(t);
}

/* --- what goes wrong ------------------------------------------------------------------------------------ */

static void no_directory_any_more(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/srv/b/2") != 0)
        return;
    assert_int_equal(rename(rig_path(t, "/srv/b"), rig_path(t, "/srv/moved")), 0);
    rig_put(t, "/srv/b", "a file now");
}

static void what_cannot_be_written_takes_its_own_site_back_and_no_other(void **state)
{
    struct rig *t = rig_new("{}");
    rig_file(t, "/etc/a", A, "a");
    rig_file(t, "/etc/b", B, "b");
    rig_file(t, "/srv/b/2", B, "b");
    rig_file(t, "/etc/b3", B, "b");
    rig_file(t, "/etc/c", C, "c");
    rig_put(t, "/srv/b/other", "");
    t->hook = no_directory_any_more;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].site, B);
    assert_string_equal(t->res.failures.at[0].id, "/srv/b/2");
    assert_string_equal(rig_read(t, "/etc/a"), "a");
    assert_false(rig_there(t, "/etc/b"));
    assert_false(rig_there(t, "/etc/b3"));
    assert_string_equal(rig_read(t, "/etc/c"), "c");
    assert_string_equal(rig_states(t, 1), "duuud");
    assert_false(rig_there(t, "/srv/moved/.2.citrus~"));
    rig_free(t);
}

/* What is written by the second thread is told when all is: what its site did besides was begun, and goes
 * with it, down to the directories that something had to lie in. */
static void what_cannot_be_written_among_many_takes_its_own_site_back_and_no_other(void **state)
{
    static const char *const sites[] = {A, B, C};
    struct rig *t = rig_new("{}");
    for (int i = 0; i < 90; i++)
        rig_file(t, arena_printf(&t->a, "/etc/f%02d", i), sites[i / 30], "text");
    rig_file(t, "/srv/new/deep/file", B, "text");
    rig_put(t, "/etc/.f45.citrus~/in-the-way", "");
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].site, B);
    assert_string_equal(t->res.failures.at[0].id, "/etc/f45");
    assert_non_null(strstr(t->res.failures.at[0].err.text, "/etc/f45"));
    for (int i = 0; i < 90; i++) {
        const char *path = arena_printf(&t->a, "/etc/f%02d", i);
        assert_int_equal(rig_there(t, path), i / 30 != 1);
        assert_false(rig_there(t, arena_printf(&t->a, "/etc/.f%02d.citrus~", i)) && i != 45);
    }
    assert_false(rig_there(t, "/srv/new"));
    assert_string_equal(rig_states(t, 1), "dddddddddddddddddddddddddddddduuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
                                          "dddddddddddddddddddddddddddddd");
    rig_free(t);
}

static void its_temporary_goes(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/c") != 0)
        return;
    /* What was written is not there when it is to be put. */
    assert_int_equal(unlink(rig_path(t, "/etc/.b.citrus~")), 0);
}

static void what_cannot_be_put_takes_its_own_site_back_and_no_other(void **state)
{
    struct rig *t = rig_new("{}");
    rig_file(t, "/etc/a", A, "a");
    rig_file(t, "/etc/b", B, "b");
    rig_file(t, "/etc/b2", B, "b");
    rig_file(t, "/etc/c", C, "c");
    t->hook = its_temporary_goes;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].id, "/etc/b");
    assert_string_equal(rig_read(t, "/etc/a"), "a");
    assert_false(rig_there(t, "/etc/b"));
    assert_false(rig_there(t, "/etc/b2"));
    assert_string_equal(rig_read(t, "/etc/c"), "c");
    assert_string_equal(rig_states(t, 1), "duud");
    rig_free(t);
}

static void an_editor_saves(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/c") != 0)
        return;
    rig_put(t, "/etc/b.new", "by hand");
    assert_int_equal(rename(rig_path(t, "/etc/b.new"), rig_path(t, "/etc/b")), 0);
}

static void somebody_writes_into_it(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/c") == 0)
        rig_put(t, "/etc/b", "by hand");
}

/* Between the look and the rename: whether there was a file, or none. */
static void what_a_person_wrote_meanwhile_stays(void **state)
{
    static void (*const ways[])(struct rig *, const struct action *) = {an_editor_saves,
                                                                        somebody_writes_into_it};
    for (size_t i = 0; i < 4; i++) {
        struct rig *t = rig_new("{}");
        if (i < 2)
            rig_put(t, "/etc/b", "old");
        rig_file(t, "/etc/a", A, "a");
        rig_file(t, "/etc/b", B, "new");
        rig_file(t, "/etc/b2", B, "new");
        rig_file(t, "/etc/c", C, "c");
        t->hook = ways[i % 2];
        assert_int_equal(rig_apply(t), APPLY_PARTIAL);
        assert_int_equal(t->res.failures.n, 1);
        assert_int_equal(t->res.failures.at[0].err.code, -ESTALE);
        assert_non_null(strstr(t->res.failures.at[0].err.text, "/etc/b"));
        assert_string_equal(rig_read(t, "/etc/b"), "by hand");
        assert_false(rig_there(t, "/etc/b2"));
        assert_false(rig_there(t, "/etc/.b.citrus~"));
        assert_string_equal(rig_read(t, "/etc/c"), "c");
        rig_free(t);
    }
}

static void a_signal(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/b1") == 0)
        t->interrupted = 1;
}

static void a_signal_ends_it_before_the_next_and_all_is_taken_back(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    char *before = rig_tree(t);
    three_sites(t);
    t->hook = a_signal;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_string_equal(rig_tree(t), before);
    assert_null(strstr(buf_str(&t->told), "start create /etc/b2"));
    rig_free(t);
}

static void a_signal_at_the_last(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/c2") == 0)
        t->interrupted = 1;
}

static void a_signal_while_the_last_is_at_hand_takes_all_back_too(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    char *before = rig_tree(t);
    three_sites(t);
    t->hook = a_signal_at_the_last;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_string_equal(rig_tree(t), before);
    assert_string_equal(rig_states(t, 1), "uuuuuu");
    rig_free(t);
}

static void somebody_was_faster(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "first") == 0)
        rig_put(t, "/etc/b1", "by hand");
}

static void a_target_that_moved_since_the_plan_ends_the_group_before_it(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/b1", "old");
    rig_probe(t, "first", NULL, "1");
    three_sites(t);
    t->hook = somebody_was_faster;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].id, "/etc/b1");
    assert_string_equal(rig_read(t, "/etc/b1"), "by hand");
    assert_false(rig_there(t, "/etc/b2"));
    assert_string_equal(rig_read(t, "/etc/a2"), "a2");
    assert_string_equal(rig_read(t, "/etc/c1"), "c1");
    rig_free(t);
}

/* --- accounts: made ahead ------------------------------------------------------------------------------- */

static void account(struct rig *t, const char *name, const char *site)
{
    if (!rig_there(t, "/etc/passwd")) {
        rig_put(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
        rig_put(t, "/etc/group", "root:x:0:\n");
    }
    rig_add(t, &account_kind, name, site);
    struct resource *r = rig_directory(t, arena_printf(&t->a, "/srv/%s", name), site, false);
    ((struct directory_spec *)r->spec)->owner = arena_strdup(&t->a, name);
}

static unsigned lines_with(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        n++;
    return n;
}

static void accounts_of_many_sites_are_made_in_one_go(void **state)
{
    struct rig *t = rig_new("{}");
    account(t, "usera", A);
    account(t, "userb", B);
    account(t, "userc", C);
    rig_done(t);
    assert_int_equal(lines_with(fake_log(t->h), "run /usr/bin/systemd-sysusers"), 1);
    assert_int_equal(lines_with(fake_log(t->h), "useradd"), 0);
    assert_string_equal(rig_states(t, 1), "dddddd");
    assert_non_null(strstr(rig_read(t, "/etc/passwd"), "userc:x:997:997:"));
    rig_free(t);
}

static void where_that_fails_they_are_made_one_by_one_and_one_site_fails_alone(void **state)
{
    struct rig *t = rig_new("{\"run\": {\"/usr/bin/systemd-sysusers\": {\"status\": 1},"
                            " \"/usr/sbin/useradd --system --no-create-home --gid userb\": {\"status\": 1,"
                            " \"out\": \"no room\"}}}");
    account(t, "usera", A);
    account(t, "userb", B);
    account(t, "userc", C);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].id, "userb");
    assert_non_null(strstr(t->res.failures.at[0].err.text, "no room"));
    assert_true(rig_there(t, "/srv/usera"));
    assert_false(rig_there(t, "/srv/userb"));
    assert_true(rig_there(t, "/srv/userc"));
    assert_null(strstr(rig_read(t, "/etc/group"), "userb"));
    assert_string_equal(rig_states(t, 1), "ddusdd");
    rig_free(t);
}

/* The last test: not every root may raise the limit again. */
static void more_directories_than_a_process_may_hold_open_take_more_groups(void **state)
{
    enum { MANY = 700 };
    struct rig *t = rig_new("{}");
    for (int i = 0; i < MANY; i++) {
        struct resource *dir = rig_directory(t, arena_printf(&t->a, "/srv/%d", i), NULL, false);
        rig_needs(t, rig_file(t, arena_printf(&t->a, "/srv/%d/file", i), NULL, "text"), dir);
    }
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){600, 600}) < 0) {
        assert_int_equal(errno, EPERM);
        print_message("not run: the limit of descriptors cannot be lowered here (valgrind keeps some)\n");
        rig_free(t);
        skip();
    }
    rig_done(t);
    for (int i = 0; i < MANY; i++)
        assert_string_equal(rig_read(t, arena_printf(&t->a, "/srv/%d/file", i)), "text");
    rig_free(t);
}

static void accounts_cannot_be_read(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "first") != 0)
        return;
    assert_int_equal(unlink(rig_path(t, "/etc/passwd")), 0);
    assert_int_equal(mkdir(rig_path(t, "/etc/passwd"), 0755), 0);
}

static void what_cannot_be_looked_at_is_no_fault_of_its_neighbours(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "first", NULL, "1");
    rig_file(t, "/etc/a", A, "a");
    account(t, "userb", B);
    rig_file(t, "/etc/c", C, "c");
    t->hook = accounts_cannot_be_read;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 1);
    assert_string_equal(t->res.failures.at[0].site, B);
    assert_string_equal(rig_read(t, "/etc/a"), "a");
    assert_string_equal(rig_read(t, "/etc/c"), "c");
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_listens_hears_of_each_and_when_the_disk_is_waited_for),
        cmocka_unit_test(none_is_there_before_all_are_written_and_journalled),
        cmocka_unit_test(what_the_plan_begins_with_is_journalled_in_the_transactions_own_commit),
        cmocka_unit_test(a_signal_before_the_first_step_leaves_all_as_it_was),
        cmocka_unit_test(a_group_ends_where_something_else_comes),
        cmocka_unit_test(what_cannot_be_written_takes_its_own_site_back_and_no_other),
        cmocka_unit_test(what_cannot_be_written_among_many_takes_its_own_site_back_and_no_other),
        cmocka_unit_test(what_cannot_be_put_takes_its_own_site_back_and_no_other),
        cmocka_unit_test(what_a_person_wrote_meanwhile_stays),
        cmocka_unit_test(a_signal_ends_it_before_the_next_and_all_is_taken_back),
        cmocka_unit_test(a_signal_while_the_last_is_at_hand_takes_all_back_too),
        cmocka_unit_test(a_target_that_moved_since_the_plan_ends_the_group_before_it),
        cmocka_unit_test(what_cannot_be_looked_at_is_no_fault_of_its_neighbours),
        cmocka_unit_test(accounts_of_many_sites_are_made_in_one_go),
        cmocka_unit_test(where_that_fails_they_are_made_one_by_one_and_one_site_fails_alone),
        cmocka_unit_test(more_directories_than_a_process_may_hold_open_take_more_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
