#include "fs_graft.h"
#include "root.h"

static void a_tree_is_copied_with_its_own_owner_and_modes(void **state)
{
    struct test_root *t = *state;
    dir(AT("/from"), 0700, USER, GROUP);
    dir(AT("/from/below"), 0777, USER, GROUP);
    put(AT("/from/below/a"), "one", 0777);
    put(AT("/from/b"), "", 0600);
    assert_int_equal(fs_copy_tree(&t->h, "/from", "/to", USER, GROUP, 0755, 0644, &t->err), 0);
    assert_owned(AT("/to"), 0755, USER, GROUP);
    assert_owned(AT("/to/below"), 0755, USER, GROUP);
    assert_owned(AT("/to/below/a"), 0644, USER, GROUP);
    assert_content(AT("/to/below/a"), "one");
    assert_content(AT("/to/b"), "");
    assert_int_equal(count(AT("/to")), 2);
}

static void a_single_file_is_copied_too(void **state)
{
    struct test_root *t = *state;
    put(AT("/a"), "one", 0600);
    assert_int_equal(fs_copy_tree(&t->h, "/a", "/b", 0, 0, 0755, 0644, &t->err), 0);
    assert_content(AT("/b"), "one");
    assert_owned(AT("/b"), 0644, 0, 0);
}

static void a_link_or_a_pipe_in_a_tree_is_refused_by_name(void **state)
{
    struct test_root *t = *state;
    dir(AT("/from"), 0755, 0, 0);
    assert_int_equal(symlink("/etc/shadow", AT("/from/link")), 0);
    assert_int_equal(fs_copy_tree(&t->h, "/from", "/to", 0, 0, 0755, 0644, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "/to/link"));
    assert_int_equal(unlink(AT("/from/link")), 0);
    assert_int_equal(mkfifo(AT("/from/pipe"), 0600), 0);
    assert_int_equal(fs_copy_tree(&t->h, "/from", "/other", 0, 0, 0755, 0644, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "/other/pipe"));
}

static void what_is_there_is_never_written_into(void **state)
{
    struct test_root *t = *state;
    dir(AT("/from"), 0755, 0, 0);
    put(AT("/from/a"), "new", 0644);
    dir(AT("/to"), 0755, USER, GROUP);
    assert_int_equal(fs_copy_tree(&t->h, "/from", "/to", 0, 0, 0755, 0644, &t->err), -EEXIST);
    assert_int_equal(count(AT("/to")), 0);
    assert_int_equal(symlink("/from/a", AT("/link")), 0);
    assert_int_equal(fs_copy_tree(&t->h, "/from/a", "/link", 0, 0, 0755, 0644, &t->err), -EEXIST);
    assert_int_equal(fs_copy_tree(&t->h, "/absent", "/new", 0, 0, 0755, 0644, &t->err), -ENOENT);
    assert_gone(AT("/new"));
}

static void two_entries_change_places(void **state)
{
    struct test_root *t = *state;
    dir(AT("/stage"), 0700, 0, 0);
    dir(AT("/stage/a"), 0755, 0, 0);
    put(AT("/stage/a/new"), "", 0644);
    put(AT("/a"), "old", 0644);
    assert_int_equal(fs_exchange(&t->h, "/stage/a", "/a", &t->err), 0);
    assert_content(AT("/stage/a"), "old");
    assert_content(AT("/a/new"), "");
    assert_int_equal(fs_exchange(&t->h, "/stage/a", "/absent", &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/absent"));
}

/* Until it is synced, whoever closes a transaction has to know of it. */
static void what_is_put_in_takes_the_place_of_what_is_there_and_is_synced_later(void **state)
{
    struct test_root *t = *state;
    dir(AT("/stage"), 0700, 0, 0);
    put(AT("/stage/a"), "new a", 0644);
    put(AT("/stage/b"), "new b", 0644);
    put(AT("/a"), "old a", 0644);
    t->h.unsynced = false;
    assert_int_equal(fs_put_in(&t->h, "/stage/a", "/a", &t->err), 0);
    assert_true(t->h.unsynced);
    assert_content(AT("/a"), "new a");
    assert_content(AT("/stage/a"), "old a");
    assert_int_equal(fs_put_in(&t->h, "/stage/b", "/b", &t->err), 0);
    assert_content(AT("/b"), "new b");
    assert_gone(AT("/stage/b"));
    assert_int_equal(fs_put_in(&t->h, "/absent", "/b", &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/absent"));
    assert_content(AT("/b"), "new b");
    t->h.unsynced = false;
    assert_int_equal(fs_copy_tree(&t->h, "/a", "/copy", 0, 0, 0755, 0644, &t->err), 0);
    assert_true(t->h.unsynced);
}

static void another_users_link_on_the_way_is_not_followed(void **state)
{
    struct test_root *t = *state;
    dir(AT("/site"), 0755, USER, GROUP);
    dir(AT("/secret"), 0700, 0, 0);
    put(AT("/file"), "x", 0644);
    assert_int_equal(symlink("/secret", AT("/site/way")), 0);
    assert_int_equal(lchown(AT("/site/way"), USER, GROUP), 0);
    assert_int_equal(fs_copy_tree(&t->h, "/file", "/site/way/a", 0, 0, 0755, 0644, &t->err), -ELOOP);
    assert_int_equal(fs_exchange(&t->h, "/file", "/site/way/a", &t->err), -ELOOP);
    assert_int_equal(fs_put_in(&t->h, "/file", "/site/way/a", &t->err), -ELOOP);
    assert_int_equal(count(AT("/secret")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_copied_with_its_own_owner_and_modes),
        TEST(a_single_file_is_copied_too),
        TEST(a_link_or_a_pipe_in_a_tree_is_refused_by_name),
        TEST(what_is_there_is_never_written_into),
        TEST(two_entries_change_places),
        TEST(what_is_put_in_takes_the_place_of_what_is_there_and_is_synced_later),
        TEST(another_users_link_on_the_way_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
