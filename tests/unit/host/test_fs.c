#include "root.h"

/* --- resolving ------------------------------------------------------------------------------------------ */

static void a_link_of_root_on_the_way_is_followed_inside_the_root(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    dir(AT("/etc"), 0755, 0, 0);
    dir(AT("/etc/real"), 0755, 0, 0);
    put(AT("/etc/real/a"), "inside", 0644);
    assert_int_equal(symlink("/etc/real", AT("/absolute")), 0);
    assert_int_equal(symlink("../etc/./real", AT("/etc/relative")), 0);
    assert_int_equal(fs_read(&t->h, "/absolute/a", 0, &b, &t->err), 0);
    assert_string_equal(buf_str(&b), "inside");
    buf_free(&b);
    assert_int_equal(fs_read(&t->h, "/etc/relative/a", 0, &b, &t->err), 0);
    buf_free(&b);
}

static void a_link_that_a_user_made_is_refused_by_name(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    struct fs_stat st;
    dir(AT("/site"), 0755, USER, GROUP);
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/shadow"), "secret", 0600);
    assert_int_equal(symlink("/etc", AT("/site/logs")), 0);
    assert_int_equal(lchown(AT("/site/logs"), USER, GROUP), 0);
    assert_int_equal(fs_read(&t->h, "/site/logs/shadow", 0, &b, &t->err), -ELOOP);
    assert_non_null(strstr(t->err.text, "\"logs\""));
    assert_int_equal(fs_stat(&t->h, "/site/logs/shadow", &st, &t->err), -ELOOP);
    assert_int_equal(fs_write(&t->h, "/site/logs/shadow", "x", 1, 0600, 0, 0, &t->err), -ELOOP);
    assert_int_equal(fs_remove_tree(&t->h, "/site/logs/shadow", &t->err), -ELOOP);
    assert_content(AT("/etc/shadow"), "secret");
}

static void a_link_of_root_in_a_directory_that_others_write_is_refused(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    dir(AT("/etc"), 0755, 0, 0);
    dir(AT("/tmp"), 01777, 0, 0);
    dir(AT("/group"), 0775, 0, GROUP);
    dir(AT("/wheel"), 0775, 0, 0); /* group root is root */
    put(AT("/etc/a"), "", 0644);
    assert_int_equal(symlink("/etc", AT("/tmp/l")), 0);
    assert_int_equal(symlink("/etc", AT("/group/l")), 0);
    assert_int_equal(symlink("/etc", AT("/wheel/l")), 0);
    assert_int_equal(fs_stat(&t->h, "/tmp/l/a", &st, &t->err), -ELOOP);
    assert_int_equal(fs_stat(&t->h, "/group/l/a", &st, &t->err), -ELOOP);
    assert_int_equal(fs_stat(&t->h, "/wheel/l/a", &st, &t->err), 0);
    assert_int_equal(st.type, FS_FILE);
}

static void nothing_leads_out_of_the_root(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st, top;
    dir(AT("/etc"), 0755, 0, 0);
    assert_int_equal(symlink("../../../../../..", AT("/etc/up")), 0);
    assert_int_equal(fs_stat(&t->h, "/", &top, &t->err), 0);
    assert_int_equal(top.ino, look(t->dir).st_ino);
    assert_int_equal(fs_stat(&t->h, "/../../../etc/up/etc", &st, &t->err), 0);
    assert_int_equal(st.ino, look(AT("/etc")).st_ino);
    assert_int_equal(fs_stat(&t->h, "/etc/up/proc", &st, &t->err), 0);
    assert_int_equal(st.type, FS_ABSENT);
}

static void links_in_a_circle_end(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    assert_int_equal(symlink("/b", AT("/a")), 0);
    assert_int_equal(symlink("/a", AT("/b")), 0);
    assert_int_equal(fs_stat(&t->h, "/a/x", &st, &t->err), -ELOOP);
    assert_non_null(strstr(t->err.text, "too many"));
}

/* As certbot keeps what it has: live/NAME/cert.pem leads to ../../archive/NAME/cert1.pem. */
static void a_file_that_the_operator_names_may_be_a_link_of_root(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    dir(AT("/live"), 0700, 0, 0);
    dir(AT("/live/a"), 0755, 0, 0);
    dir(AT("/archive"), 0700, 0, 0);
    put(AT("/archive/cert1.pem"), "one", 0644);
    assert_int_equal(symlink("../../archive/cert1.pem", AT("/live/a/cert.pem")), 0);
    assert_int_equal(symlink("/live/a/cert.pem", AT("/l")), 0);
    assert_int_equal(symlink("/gone.pem", AT("/live/a/gone.pem")), 0);
    assert_int_equal(symlink("/circle", AT("/circle")), 0);
    const char *const good[] = {"/archive/cert1.pem", "/live/a/cert.pem", "/l"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(fs_read_linked(&t->h, good[i], 0, &b, &t->err), 0);
        assert_string_equal(buf_str(&b), "one");
        buf_free(&b);
    }
    assert_int_equal(fs_read_linked(&t->h, "/live/a/gone.pem", 0, &b, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/live/a/gone.pem: "));
    assert_non_null(strstr(t->err.text, " /gone.pem: No such"));
    assert_int_equal(fs_read_linked(&t->h, "/live/a/none.pem", 0, &b, &t->err), -ENOENT);
    assert_int_equal(fs_read_linked(&t->h, "/live/a", 0, &b, &t->err), -EISDIR);
    assert_int_equal(fs_read_linked(&t->h, NULL, 0, &b, &t->err), -EINVAL);
    assert_int_equal(fs_read_linked(&t->h, "/circle", 0, &b, &t->err), -ELOOP);
    assert_non_null(strstr(t->err.text, "too many"));
}

static void a_file_that_the_operator_names_is_no_link_that_others_can_make(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    dir(AT("/open"), 0777, 0, 0);
    dir(AT("/site"), 0755, USER, GROUP);
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/shadow"), "secret", 0600);
    assert_int_equal(symlink("/etc/shadow", AT("/open/l")), 0);
    assert_int_equal(symlink("/etc/shadow", AT("/site/l")), 0);
    assert_int_equal(symlink("/etc/shadow", AT("/etc/l")), 0);
    assert_int_equal(lchown(AT("/etc/l"), USER, GROUP), 0);
    assert_int_equal(symlink("/open/l", AT("/etc/further")), 0);
    const char *const bad[] = {"/open/l", "/site/l", "/etc/l", "/etc/further"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(fs_read_linked(&t->h, bad[i], 0, &b, &t->err), -ELOOP);
        assert_non_null(strstr(t->err.text, "\"l\" is a symbolic link that others than root can make"));
        assert_non_null(strstr(t->err.hint, "remove the link"));
    }
}

static void the_last_component_is_never_followed(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    struct fs_stat st;
    put(AT("/target"), "target", 0600);
    assert_int_equal(symlink("/target", AT("/l")), 0);
    assert_int_equal(fs_stat(&t->h, "/l", &st, &t->err), 0);
    assert_int_equal(st.type, FS_LINK);
    assert_int_equal(fs_read(&t->h, "/l", 0, &b, &t->err), -ELOOP);
    assert_int_equal(fs_attributes(&t->h, "/l", 0777, USER, GROUP, &t->err), 0);
    assert_owned(AT("/target"), 0600, 0, 0);
    assert_int_equal(look(AT("/l")).st_uid, USER);
}

static void paths_that_are_none_are_refused(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    char long_path[5000] = "/", long_name[400] = "/";
    memset(long_path + 1, 'a', sizeof long_path - 2);
    memset(long_name + 1, 'a', sizeof long_name - 2);
    assert_int_equal(fs_stat(&t->h, "", &st, &t->err), -EINVAL);
    assert_int_equal(fs_stat(&t->h, "etc/a", &st, &t->err), -EINVAL);
    assert_int_equal(fs_stat(&t->h, "/etc/..", &st, &t->err), -EINVAL);
    assert_int_equal(fs_stat(&t->h, "/.", &st, &t->err), -EINVAL);
    assert_int_equal(fs_stat(&t->h, long_path, &st, &t->err), -ENAMETOOLONG);
    assert_int_equal(fs_stat(&t->h, long_name, &st, &t->err), -ENAMETOOLONG);
    assert_int_equal(fs_remove_tree(&t->h, "/", &t->err), -EINVAL);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void absent_is_told_from_an_error(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st = {.type = FS_OTHER};
    struct buf b = {0};
    put(AT("/file"), "", 0644);
    assert_int_equal(fs_stat(&t->h, "/no/such/file", &st, &t->err), 0);
    assert_int_equal(st.type, FS_ABSENT);
    st.type = FS_OTHER;
    assert_int_equal(fs_stat(&t->h, "/file/below", &st, &t->err), 0);
    assert_int_equal(st.type, FS_ABSENT);
    assert_int_equal(t->err.code, 0);
    assert_int_equal(fs_read(&t->h, "/none", 0, &b, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/none"));
}

static void reading_is_bounded_and_never_hangs(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    put(AT("/five"), "12345", 0644);
    assert_int_equal(fs_read(&t->h, "/five", 5, &b, &t->err), 0);
    assert_int_equal(b.len, 5);
    buf_free(&b);
    assert_int_equal(fs_read(&t->h, "/five", 4, &b, &t->err), -EFBIG);
    assert_int_equal(mkfifo(AT("/fifo"), 0600), 0);
    assert_int_equal(fs_read(&t->h, "/fifo", 0, &b, &t->err), -EINVAL);
    assert_int_equal(fs_read(&t->h, "/", 0, &b, &t->err), -EISDIR);
    assert_null(b.at);
    put(AT("/empty"), "", 0644);
    assert_int_equal(fs_read(&t->h, "/empty", 0, &b, &t->err), 0);
    assert_non_null(b.at);
    buf_free(&b);
}

static void a_listing_is_sorted_and_whole(void **state)
{
    struct test_root *t = *state;
    const char **names;
    size_t n = 99;
    dir(AT("/d"), 0755, 0, 0);
    assert_int_equal(fs_list(&t->h, "/d", &t->a, &names, &n, &t->err), 0);
    assert_int_equal(n, 0);
    put(AT("/d/b"), "", 0644);
    put(AT("/d/.hidden"), "", 0644);
    put(AT("/d/B"), "", 0644);
    assert_int_equal(fs_list(&t->h, "/d", &t->a, &names, &n, &t->err), 0);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], ".hidden");
    assert_string_equal(names[1], "B");
    assert_string_equal(names[2], "b");
    assert_int_equal(fs_list(&t->h, "/none", &t->a, &names, &n, &t->err), -ENOENT);
}

static void a_directory_of_more_than_a_block_is_listed_whole(void **state)
{
    struct test_root *t = *state;
    const char **names;
    char name[160];
    size_t n = 0;
    dir(AT("/many"), 0755, 0, 0);
    for (int i = 0; i < 700; i++) { /* a hundred bytes each: more than is asked for at once */
        snprintf(name, sizeof name, "/many/%0100d", i);
        put(AT(name), "", 0644);
    }
    assert_int_equal(fs_list(&t->h, "/many", &t->a, &names, &n, &t->err), 0);
    assert_int_equal(n, 700);
    for (int i = 0; i < 700; i++) {
        snprintf(name, sizeof name, "%0100d", i);
        assert_string_equal(names[i], name);
    }
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void a_write_replaces_the_file_whole_with_mode_and_owner(void **state)
{
    struct test_root *t = *state;
    dir(AT("/d"), 0755, 0, 0);
    put(AT("/d/a"), "old", 0644);
    int before = open(AT("/d/a"), O_RDONLY);
    assert_int_equal(fs_write(&t->h, "/d/a", "new", 3, 04640, USER, GROUP, &t->err), 0);
    assert_content(AT("/d/a"), "new");
    assert_owned(AT("/d/a"), 04640, USER, GROUP);
    char text[4] = "";
    assert_int_equal(read(before, text, 3), 3); /* who has it open still reads the old one */
    assert_string_equal(text, "old");
    close(before);
    assert_int_equal(count(AT("/d")), 1);
}

static void a_temporary_name_that_somebody_made_is_not_written_through(void **state)
{
    struct test_root *t = *state;
    put(AT("/victim"), "victim", 0600);
    dir(AT("/site"), 0755, USER, GROUP);
    assert_int_equal(symlink("../victim", AT("/site/.a.citrus~")), 0);
    assert_int_equal(fs_write(&t->h, "/site/a", "new", 3, 0666, USER, GROUP, &t->err), 0);
    assert_content(AT("/victim"), "victim");
    assert_owned(AT("/victim"), 0600, 0, 0);
    assert_content(AT("/site/a"), "new");
    assert_int_equal(symlink("../victim", AT("/site/.b.citrus~")), 0);
    assert_int_equal(fs_copy(&t->h, "/site/a", "/site/b", 0666, USER, GROUP, &t->err), 0);
    assert_int_equal(symlink("../victim", AT("/site/.c.citrus~")), 0);
    assert_int_equal(fs_symlink(&t->h, "a", "/site/c", &t->err), 0);
    assert_content(AT("/victim"), "victim");
    assert_int_equal(count(AT("/site")), 3);
}

static void a_write_that_cannot_be_leaves_nothing(void **state)
{
    struct test_root *t = *state;
    dir(AT("/d"), 0755, 0, 0);
    dir(AT("/d/sub"), 0755, 0, 0);
    assert_int_equal(fs_write(&t->h, "/d/sub", "x", 1, 0644, 0, 0, &t->err), -EISDIR);
    assert_non_null(strstr(t->err.text, "/d/sub"));
    assert_true(t->err.hint[0] != '\0');
    assert_int_equal(count(AT("/d")), 1);
    assert_int_equal(fs_write(&t->h, "/none/a", "x", 1, 0644, 0, 0, &t->err), -ENOENT);
    assert_int_equal(fs_copy(&t->h, "/d/sub", "/d/b", 0644, 0, 0, &t->err), -EINVAL);
    assert_int_equal(count(AT("/d")), 1);
}

static void the_longest_name_can_be_written(void **state)
{
    struct test_root *t = *state;
    char path[258] = "/";
    memset(path + 1, 'n', 255);
    assert_int_equal(fs_write(&t->h, path, "x", 1, 0644, 0, 0, &t->err), 0);
    assert_content(AT(path), "x");
    assert_int_equal(count(t->dir), 1);
}

static void a_copy_is_complete(void **state)
{
    struct test_root *t = *state;
    size_t n = 3000000;
    char *big = malloc(n);
    struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(fs_write(&t->h, "/big", big, n, 0600, 0, 0, &t->err), 0);
    assert_int_equal(fs_copy(&t->h, "/big", "/copy", 0640, USER, GROUP, &t->err), 0);
    assert_owned(AT("/copy"), 0640, USER, GROUP);
    assert_int_equal(fs_read(&t->h, "/copy", 0, &b, &t->err), 0);
    assert_int_equal(b.len, n);
    assert_memory_equal(b.at, big, n);
    buf_free(&b);
    free(big);
}

static void directories_are_made_with_their_parents(void **state)
{
    struct test_root *t = *state;
    put(AT("/file"), "", 0644);
    assert_int_equal(fs_mkdirs(&t->h, "/a//b/c/", 0750, &t->err), 0);
    assert_owned(AT("/a/b/c"), 0750, 0, 0);
    assert_int_equal(chmod(AT("/a/b"), 0711), 0);
    assert_int_equal(fs_mkdirs(&t->h, "/a/b/c", 0700, &t->err), 0);
    assert_owned(AT("/a/b"), 0711, 0, 0);
    assert_owned(AT("/a/b/c"), 0750, 0, 0);
    assert_int_equal(symlink("/a/b", AT("/l")), 0);
    assert_int_equal(fs_mkdirs(&t->h, "/l/d", 0755, &t->err), 0);
    assert_owned(AT("/a/b/d"), 0755, 0, 0);
    assert_int_equal(fs_mkdirs(&t->h, "/file/d", 0755, &t->err), -ENOTDIR);
    assert_int_equal(fs_mkdirs(&t->h, "/file", 0755, &t->err), -ENOTDIR);
}

static void a_directory_gets_mode_and_owner_and_a_link_is_none(void **state)
{
    struct test_root *t = *state;
    assert_int_equal(fs_mkdir(&t->h, "/d", 02750, USER, GROUP, &t->err), 0);
    assert_owned(AT("/d"), 02750, USER, GROUP);
    assert_int_equal(fs_mkdir(&t->h, "/d", 0700, 0, 0, &t->err), 0);
    assert_owned(AT("/d"), 0700, 0, 0);
    assert_int_equal(symlink("/d", AT("/l")), 0);
    assert_int_equal(fs_mkdir(&t->h, "/l", 0777, USER, GROUP, &t->err), -ENOTDIR);
    assert_owned(AT("/d"), 0700, 0, 0);
    assert_int_equal(fs_mkdir(&t->h, "/no/d", 0755, 0, 0, &t->err), -ENOENT);
}

static void a_link_is_replaced_at_one_stroke(void **state)
{
    struct test_root *t = *state;
    char *target;
    assert_int_equal(fs_symlink(&t->h, "one", "/l", &t->err), 0);
    assert_int_equal(fs_symlink(&t->h, "two", "/l", &t->err), 0);
    assert_int_equal(fs_readlink(&t->h, "/l", &t->a, &target, &t->err), 0);
    assert_string_equal(target, "two");
    assert_int_equal(count(t->dir), 1);
    put(AT("/file"), "", 0644);
    assert_int_equal(fs_readlink(&t->h, "/file", &t->a, &target, &t->err), -EINVAL);
    dir(AT("/d"), 0755, 0, 0);
    assert_int_equal(fs_symlink(&t->h, "one", "/d", &t->err), -EISDIR);
    assert_int_equal(count(t->dir), 3);
}

static void attributes_keep_what_is_not_asked_and_set_bits_survive(void **state)
{
    struct test_root *t = *state;
    put(AT("/a"), "", 04755);
    assert_int_equal(fs_attributes(&t->h, "/a", (mode_t)-1, USER, (gid_t)-1, &t->err), 0);
    assert_owned(AT("/a"), 04755, USER, 0);
    assert_int_equal(fs_attributes(&t->h, "/a", 06711, (uid_t)-1, GROUP, &t->err), 0);
    assert_owned(AT("/a"), 06711, USER, GROUP);
    assert_int_equal(fs_attributes(&t->h, "/none", 0644, 0, 0, &t->err), -ENOENT);
}

static void removing_what_is_absent_is_fine(void **state)
{
    struct test_root *t = *state;
    put(AT("/a"), "", 0644);
    dir(AT("/d"), 0755, 0, 0);
    put(AT("/d/x"), "", 0644);
    assert_int_equal(fs_unlink(&t->h, "/a", &t->err), 0);
    assert_gone(AT("/a"));
    assert_int_equal(fs_unlink(&t->h, "/a", &t->err), 0);
    assert_int_equal(fs_unlink(&t->h, "/no/a", &t->err), 0);
    assert_int_equal(fs_unlink(&t->h, "/d", &t->err), -EISDIR);
    assert_int_equal(fs_rmdir(&t->h, "/d", &t->err), -ENOTEMPTY);
    assert_int_equal(fs_rename(&t->h, "/d/x", "/x", &t->err), 0);
    assert_int_equal(fs_rmdir(&t->h, "/d", &t->err), 0);
    assert_int_equal(fs_rmdir(&t->h, "/d", &t->err), 0);
    assert_gone(AT("/d"));
    assert_int_equal(fs_rename(&t->h, "/d/x", "/x", &t->err), -ENOENT);
    assert_int_equal(fs_sync(&t->h, "/x", &t->err), 0);
}

static void every_change_passes_the_fault_points(void **state)
{
    struct test_root *t = *state;
    unsigned long before = host_steps();
    assert_int_equal(fs_write(&t->h, "/a", "x", 1, 0644, USER, GROUP, &t->err), 0);
    /* create, write, chown, chmod, rename: each before and after */
    assert_int_equal(host_steps() - before, 10);
    before = host_steps();
    assert_int_equal(fs_attributes(&t->h, "/a", 0644, USER, GROUP, &t->err), 0);
    assert_int_equal(host_steps() - before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_of_root_on_the_way_is_followed_inside_the_root),
        TEST(a_link_that_a_user_made_is_refused_by_name),
        TEST(a_link_of_root_in_a_directory_that_others_write_is_refused),
        TEST(nothing_leads_out_of_the_root),
        TEST(links_in_a_circle_end),
        TEST(a_file_that_the_operator_names_may_be_a_link_of_root),
        TEST(a_file_that_the_operator_names_is_no_link_that_others_can_make),
        TEST(the_last_component_is_never_followed),
        TEST(paths_that_are_none_are_refused),
        TEST(absent_is_told_from_an_error),
        TEST(reading_is_bounded_and_never_hangs),
        TEST(a_listing_is_sorted_and_whole),
        TEST(a_directory_of_more_than_a_block_is_listed_whole),
        TEST(a_write_replaces_the_file_whole_with_mode_and_owner),
        TEST(a_temporary_name_that_somebody_made_is_not_written_through),
        TEST(a_write_that_cannot_be_leaves_nothing),
        TEST(the_longest_name_can_be_written),
        TEST(a_copy_is_complete),
        TEST(directories_are_made_with_their_parents),
        TEST(a_directory_gets_mode_and_owner_and_a_link_is_none),
        TEST(a_link_is_replaced_at_one_stroke),
        TEST(attributes_keep_what_is_not_asked_and_set_bits_survive),
        TEST(removing_what_is_absent_is_fine),
        TEST(every_change_passes_the_fault_points),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
