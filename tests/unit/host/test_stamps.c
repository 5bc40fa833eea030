/* A tree that is told by its directories (fs_stamps.h): what shows at once, what within the hour, and what is
 * never believed. */
#include "../timely.h"
#include "root.h"
/* it needs cmocka.h */
#include "memory.h"

static bool core_only(const char *name, bool is_directory)
{
    return is_directory ? strcmp(name, "wp-includes") == 0 : strncmp(name, "wp-", 3) == 0;
}

/* --- the world -------------------------------------------------------------------------------------------
 */

enum { HOUR = 3600 };

static struct hash128 digest_at(struct test_root *t, const char *path, bool *walked)
{
    struct fs_tree tree = {.only_top = core_only, .within = HOUR, .guarded = true};
    struct hash128 digest = {0};
    assert_int_equal(fs_tree_digest(&t->h, path, &tree, &digest, &t->err), 0);
    *walked = tree.walked;
    return digest;
}

static void tree_at(struct test_root *t, const char *top)
{
    dir(AT(top), 0755, 0, 0);
    put(AT(arena_printf(&t->a, "%s/wp-load.php", top)), "load", 0644);
    put(AT(arena_printf(&t->a, "%s/robots.txt", top)), "mine", 0644);
    dir(AT(arena_printf(&t->a, "%s/wp-includes", top)), 0755, 0, 0);
    put(AT(arena_printf(&t->a, "%s/wp-includes/a.php", top)), "a", 0644);
    dir(AT(arena_printf(&t->a, "%s/wp-includes/js", top)), 0755, 0, 0);
    for (int i = 0; i < 25; i++) { /* so many that theirs is opened */
        const char *in = arena_printf(&t->a, "%s/wp-includes/js/b%02d", top, i);
        dir(AT(in), 0755, 0, 0);
        put(AT(arena_printf(&t->a, "%s/x.php", in)), "x", 0644);
        dir(AT(arena_printf(&t->a, "%s/deep", in)), 0755, 0, 0);
        put(AT(arena_printf(&t->a, "%s/deep/y.php", in)), "y", 0644);
    }
}

#define TOP  "/t"
#define DEEP TOP "/wp-includes/js/b07/deep"
#define ROW  TOP "//directories"

/* One tree, walked once, and told by its directories since. */
static struct hash128 arranged(struct test_root *t)
{
    bool walked;
    memset(&memory, 0, sizeof memory);
    t->h.cache = &cache;
    t->h.memo = &memo;
    tree_at(t, TOP);
    usleep(150000);
    struct hash128 one = digest_at(t, TOP, &walked);
    assert_true(walked);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(walked);
    return one;
}

static void assert_seen(struct test_root *t, struct hash128 before)
{
    bool walked;
    assert_false(hash_equal(before, digest_at(t, TOP, &walked)));
    assert_true(walked);
}

static struct fs_stat *row(void)
{
    return memory_row(ROW);
}

static int teardown(void **state)
{
    struct test_root *t = *state;
    fs_tree_forget(&t->h);
    return root_teardown(state);
}

/* --- what shows at once ----------------------------------------------------------------------------------
 */

static void a_file_that_is_added_deep_down_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    put(AT(DEEP "/shell.php"), "<?php evil();", 0644);
    assert_seen(t, one);
}

static void a_file_that_is_removed_deep_down_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    assert_int_equal(unlink(AT(DEEP "/y.php")), 0);
    assert_seen(t, one);
}

static void a_file_that_is_replaced_deep_down_shows_at_once_whatever_its_times(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    struct stat was = look(AT(DEEP "/y.php")), in = look(AT(DEEP));
    put(AT(TOP "/wp-includes/js/new"), "Y", 0644);
    assert_int_equal(rename(AT(TOP "/wp-includes/js/new"), AT(DEEP "/y.php")), 0);
    const struct timespec file[] = {was.st_atim, was.st_mtim}, parent[] = {in.st_atim, in.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, AT(DEEP "/y.php"), file, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, AT(DEEP), parent, 0), 0);
    assert_seen(t, one);
}

static void a_directory_of_the_same_name_in_the_place_of_another_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    assert_int_equal(rename(AT(DEEP), AT("/aside")), 0);
    dir(AT(DEEP), 0755, 0, 0);
    put(AT(DEEP "/y.php"), "Y", 0644);
    assert_seen(t, one);
}

static void a_link_to_a_directory_in_its_place_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    assert_int_equal(rename(AT(TOP "/wp-includes/js"), AT("/aside")), 0);
    assert_int_equal(symlink(AT("/aside"), AT(TOP "/wp-includes/js")), 0);
    assert_seen(t, one);
}

static void what_is_dropped_or_edited_at_the_top_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    put(AT(TOP "/wp-load.php"), "LOAD", 0644);
    assert_seen(t, one);
    put(AT(TOP "/wp-load.php"), "load", 0644);
    put(AT(TOP "/wp-x.php"), "<?php evil();", 0644);
    assert_seen(t, one);
}

static void what_does_not_count_at_the_top_costs_no_walk(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    int puts = memory.puts;
    put(AT(TOP "/robots.txt"), "changed", 0644);
    dir(AT(TOP "/uploads"), 0755, USER, GROUP);
    put(AT(TOP "/uploads/cat.jpg"), "cat", 0644);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(walked);
    assert_int_equal(memory.puts, puts); /* nor is anything written for the next look */
}

static void a_directory_that_is_given_away_or_opened_shows_at_once(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t), opened;
    bool walked;
    assert_int_equal(chmod(AT(DEEP), 0775), 0);
    assert_seen(t, one);
    usleep(150000);
    opened = digest_at(t, TOP, &walked);
    assert_true(hash_equal(opened, digest_at(t, TOP, &walked))); /* which is remembered, too */
    assert_false(walked);
    assert_int_equal(chmod(AT(DEEP), 0755), 0);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_int_equal(chown(AT(DEEP), USER, GROUP), 0);
    assert_seen(t, one);
    assert_int_equal(chown(AT(DEEP), 0, GROUP), 0);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked))); /* a group that may only read */
    assert_int_equal(chmod(AT(TOP "/wp-load.php"), 0666), 0);
    assert_seen(t, one);
}

static void who_may_write_counts_only_for_who_asks(void **state)
{
    struct test_root *t = *state;
    struct fs_tree all = {.only_top = core_only}, guarded = {.only_top = core_only, .guarded = true};
    struct hash128 one = arranged(t), two;
    assert_int_equal(fs_tree_digest(&t->h, TOP, &all, &two, &t->err), 0);
    assert_true(hash_equal(one, two)); /* where only root may */
    assert_int_equal(chown(AT(DEEP "/y.php"), USER, GROUP), 0);
    assert_int_equal(chmod(AT(TOP "/wp-includes/js"), 0777), 0);
    assert_int_equal(fs_tree_digest(&t->h, TOP, &all, &two, &t->err), 0);
    assert_true(hash_equal(one, two));
    assert_int_equal(all.writable, 0);
    assert_int_equal(fs_tree_digest(&t->h, TOP, &guarded, &two, &t->err), 0);
    assert_false(hash_equal(one, two));
    assert_int_equal(guarded.writable, 2);
}

/* --- what shows within the hour --------------------------------------------------------------------------
 */

static void a_file_that_is_written_in_place_shows_after_the_hour(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    put(AT(DEEP "/y.php"), "Y", 0644);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(walked);
    row()->ctime_ns -= (HOUR - 60) * INT64_C(1000000000);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    row()->ctime_ns -= 61 * INT64_C(1000000000);
    assert_seen(t, one);
}

static void a_file_that_is_given_away_shows_after_the_hour_or_where_all_is_verified(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    assert_int_equal(chown(AT(DEEP "/y.php"), USER, GROUP), 0);
    assert_true(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(walked);
    t->h.verify = true;
    assert_seen(t, one);
    t->h.verify = false;
    row()->ctime_ns -= HOUR * INT64_C(1000000000);
    assert_seen(t, one);
}

static void a_file_that_is_written_in_place_shows_at_once_where_all_is_verified(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    put(AT(DEEP "/y.php"), "Y", 0644);
    t->h.verify = true;
    assert_seen(t, one);
}

static void what_was_seen_by_verifying_is_not_forgotten_by_the_next(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    put(AT(DEEP "/y.php"), "Y", 0644); /* so lately that the walk leaves nothing */
    t->h.verify = true;
    assert_seen(t, one);
    t->h.verify = false;
    assert_false(hash_equal(one, digest_at(t, TOP, &walked))); /* walked, unless this machine is slow */
    usleep(150000);
    assert_false(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(hash_equal(one, digest_at(t, TOP, &walked)));
    assert_false(walked);
}

static void who_does_not_say_how_old_a_walk_may_be_gets_one(void **state)
{
    struct test_root *t = *state;
    struct fs_tree tree = {.only_top = core_only};
    struct hash128 one = arranged(t), two;
    put(AT(DEEP "/y.php"), "Y", 0644);
    assert_int_equal(fs_tree_digest(&t->h, TOP, &tree, &two, &t->err), 0);
    assert_true(tree.walked);
    assert_false(hash_equal(one, two));
}

/* --- what is not believed --------------------------------------------------------------------------------
 */

static void what_changed_a_moment_ago_is_walked_again(void **state)
{
    struct test_root *t = *state;
    bool walked = false, seen = false;
    arranged(t);
    for (int i = 0; i < 20 && !seen; i++) { /* a moment is short on a machine that has other things to do */
        const char *new = AT(arena_printf(&t->a, DEEP "/new%d.php", i));
        put(new, "new", 0644);
        struct hash128 two = digest_at(t, TOP, &walked);
        put(new, "NEW", 0644); /* perhaps within the same tick of the clock */
        seen = !hash_equal(two, digest_at(t, TOP, &walked)) && walked;
    }
    if (!seen)
        print_message("too slow here to look within a moment of a change: not tested\n");
    assert_true(timely(seen));
}

static void a_walk_of_a_time_to_come_is_none(void **state)
{
    struct test_root *t = *state;
    bool walked;
    arranged(t);
    row()->ctime_ns += 60 * INT64_C(1000000000);
    digest_at(t, TOP, &walked);
    assert_true(walked);
    digest_at(t, TOP, &walked); /* it left its own time */
    assert_false(walked);
}

static void what_is_known_of_another_tree_is_not_believed(void **state)
{
    struct test_root *t = *state;
    struct hash128 one = arranged(t);
    assert_int_equal(rename(AT(TOP), AT("/before")), 0);
    tree_at(t, TOP);
    put(AT(DEEP "/y.php"), "Y", 0644);
    usleep(150000);
    assert_seen(t, one);
}

static void trees_of_one_content_share_a_list_and_nothing_else(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    tree_at(t, "/u");
    usleep(150000);
    assert_true(hash_equal(one, digest_at(t, "/u", &walked)));
    assert_true(walked);
    digest_at(t, "/u", &walked);
    assert_false(walked);
    assert_int_equal(memory.n_memos, 1);
    put(AT(DEEP "/shell.php"), "", 0644);
    assert_true(hash_equal(one, digest_at(t, "/u", &walked)));
    assert_false(walked);
    assert_seen(t, one);
}

static void a_list_that_was_forgotten_costs_a_walk(void **state)
{
    struct test_root *t = *state;
    bool walked;
    arranged(t);
    fs_tree_forget(&t->h);
    memory.n_memos = 0;
    digest_at(t, TOP, &walked);
    assert_true(walked);
    digest_at(t, TOP, &walked);
    assert_false(walked);
}

static void a_name_with_a_line_end_is_walked_each_time(void **state)
{
    struct test_root *t = *state;
    bool walked;
    struct hash128 one = arranged(t);
    dir(AT(DEEP "/a\nwp-includes"), 0755, 0, 0);
    usleep(150000);
    assert_seen(t, one);
    digest_at(t, TOP, &walked);
    assert_true(walked);
}

#define STAMPS(name) cmocka_unit_test_setup_teardown(name, root_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAMPS(a_file_that_is_added_deep_down_shows_at_once),
        STAMPS(a_file_that_is_removed_deep_down_shows_at_once),
        STAMPS(a_file_that_is_replaced_deep_down_shows_at_once_whatever_its_times),
        STAMPS(a_directory_of_the_same_name_in_the_place_of_another_shows_at_once),
        STAMPS(a_link_to_a_directory_in_its_place_shows_at_once),
        STAMPS(what_is_dropped_or_edited_at_the_top_shows_at_once),
        STAMPS(what_does_not_count_at_the_top_costs_no_walk),
        STAMPS(a_directory_that_is_given_away_or_opened_shows_at_once),
        STAMPS(who_may_write_counts_only_for_who_asks),
        STAMPS(a_file_that_is_written_in_place_shows_after_the_hour),
        STAMPS(a_file_that_is_given_away_shows_after_the_hour_or_where_all_is_verified),
        STAMPS(a_file_that_is_written_in_place_shows_at_once_where_all_is_verified),
        STAMPS(what_was_seen_by_verifying_is_not_forgotten_by_the_next),
        STAMPS(who_does_not_say_how_old_a_walk_may_be_gets_one),
        STAMPS(what_changed_a_moment_ago_is_walked_again),
        STAMPS(a_walk_of_a_time_to_come_is_none),
        STAMPS(what_is_known_of_another_tree_is_not_believed),
        STAMPS(trees_of_one_content_share_a_list_and_nothing_else),
        STAMPS(a_list_that_was_forgotten_costs_a_walk),
        STAMPS(a_name_with_a_line_end_is_walked_each_time),
    };
    return cmocka_run_group_tests_name("stamps", tests, NULL, NULL);
}
