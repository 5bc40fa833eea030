#include "kit.h"
#include "wordpress_ahead.h"

#define TREE  WORDPRESS_CORE_DIR "/wordpress-1"
#define AHEAD WORDPRESS_CORE_DIR "/.ahead-"
static const char *const names[] = {"wp-admin", "index.php"};

static struct kit *world(void)
{
    struct kit *t = kit_new("{}");
    kit_put(t, TREE "/wp-admin/admin.php", "<?php admin", 0600);
    kit_put(t, TREE "/index.php", "<?php index", 0644);
    kit_put(t, TREE "/other.php", "<?php other", 0644);
    kit_mkdirs(t, "/site");
    return t;
}

static size_t left(struct kit *t)
{
    const char **list;
    size_t n, count = 0;
    assert_int_equal(fs_list(t->h, WORDPRESS_CORE_DIR, &t->a, &list, &n, &t->err), 0);
    for (size_t i = 0; i < n; i++)
        count += list[i][0] == '.';
    return count;
}

static void world_free(struct kit *t)
{
    wordpress_ahead_end();
    assert_int_equal(left(t), 0);
    kit_free(t);
}

/* The thread takes them in their order: when the last is begun the others are there. */
static void wait_for(struct kit *t, const char *path)
{
    for (int i = 0; i < 60000 && !kit_there(t, path); i++)
        usleep(1000);
    assert_true(kit_there(t, path));
}

static void a_copy_is_taken_once_and_holds_what_was_asked_for(void **state)
{
    struct kit *t = world();
    struct ahead *made[8];
    for (size_t i = 0; i < 8; i++)
        made[i] = wordpress_ahead_begin(t->h, TREE, names, 2);
    wait_for(t, AHEAD "7"); /* the program's first eight */
    for (size_t i = 0; i < 8; i++) {
        const char *to = arena_printf(&t->a, "/site/%zu", i);
        t->h->unsynced = false;
        assert_true(wordpress_ahead_take(t->h, made[i], to));
        assert_true(t->h->unsynced);
        assert_int_equal(kit_stat(t, to).st_mode & 07777, 0700);
        assert_string_equal(kit_read(t, arena_printf(&t->a, "%s/wp-admin/admin.php", to)), "<?php admin");
        assert_int_equal(kit_stat(t, arena_printf(&t->a, "%s/wp-admin/admin.php", to)).st_mode & 07777, 0644);
        assert_string_equal(kit_read(t, arena_printf(&t->a, "%s/index.php", to)), "<?php index");
        assert_false(kit_there(t, arena_printf(&t->a, "%s/other.php", to)));
    }
    world_free(t);
}

/* Waiting for the thread would cost more than the copy. */
static void a_copy_that_is_not_begun_is_left_to_who_needs_it(void **state)
{
    struct kit *t = world();
    size_t taken = 0;
    for (size_t i = 0; i < 200; i++) {
        struct ahead *a = wordpress_ahead_begin(t->h, TREE, names, 2);
        const char *to = arena_printf(&t->a, "/site/%zu", i);
        bool there = wordpress_ahead_take(t->h, a, to);
        assert_int_equal(kit_there(t, to), there);
        taken += there;
    }
    print_message("%zu of 200 were taken\n", taken);
    world_free(t);
}

static void what_nobody_took_is_gone_at_the_end_and_what_a_killed_run_left_when_the_next_begins(void **state)
{
    struct kit *t = world();
    kit_put(t, AHEAD "99/index.php", "left", 0644);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(wordpress_ahead_begin(t->h, TREE, names, 2));
    assert_false(kit_there(t, AHEAD "99"));
    world_free(t);
}

static void a_copy_that_cannot_be_made_is_not_there(void **state)
{
    struct kit *t = world();
    static const char *const absent[] = {"index.php", "absent.php"};
    struct ahead *a = wordpress_ahead_begin(t->h, TREE, absent, 2);
    assert_false(wordpress_ahead_take(t->h, a, "/site/a"));
    assert_false(kit_there(t, "/site/a"));
    assert_int_equal(left(t), 0);
    world_free(t);
}

static void a_copy_that_cannot_be_put_there_is_made_by_who_needs_it(void **state)
{
    struct kit *t = world();
    struct ahead *a = wordpress_ahead_begin(t->h, TREE, names, 2);
    assert_false(wordpress_ahead_take(t->h, a, "/no/such/site"));
    world_free(t);
}

static void no_copy_is_taken_where_none_was_begun(void **state)
{
    struct kit *t = world();
    assert_false(wordpress_ahead_take(t->h, NULL, "/site/a"));
    world_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_taken_once_and_holds_what_was_asked_for),
        cmocka_unit_test(a_copy_that_is_not_begun_is_left_to_who_needs_it),
        cmocka_unit_test(what_nobody_took_is_gone_at_the_end_and_what_a_killed_run_left_when_the_next_begins),
        cmocka_unit_test(a_copy_that_cannot_be_made_is_not_there),
        cmocka_unit_test(a_copy_that_cannot_be_put_there_is_made_by_who_needs_it),
        cmocka_unit_test(no_copy_is_taken_where_none_was_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
