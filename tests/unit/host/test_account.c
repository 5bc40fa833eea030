/* Accounts of a root of its own: read by citrus, changed by shadow's real tools below it. */
#include "account.h"
#include "fs_group.h"
#include "root.h"
#include <sys/syscall.h>
#include <time.h>

/* The library's own calls come here, too. */
static int reads;
ssize_t read(int fd, void *bytes, size_t n)
{
    reads++;
    return syscall(SYS_read, fd, bytes, n);
}

static int accounts_setup(void **state)
{
    if (root_setup(state) < 0)
        return -1;
    struct test_root *t = *state;
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\n"
        "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
        "+nis::::::\nbroken line\nbad:x:-1:0:::\nhuge:x:4294967296:0:::\n"
        "last:x:900:33::/l:/bin/false",
        0644);
    put(AT("/etc/group"), "root:x:0:\nwww-data:x:33:last,root\nempty:x:77:\nbroken\n", 0644);
    put(AT("/etc/shadow"), "root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n", 0640);
    put(AT("/etc/gshadow"), "root:*::\nwww-data:!::last,root\nempty:!::\n", 0640);
    return 0;
}

/* The same without the broken lines, which shadow's tools would not like. */
static int tools_setup(void **state)
{
    if (accounts_setup(state) < 0)
        return -1;
    struct test_root *t = *state;
    put(AT("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n", 0644);
    put(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n", 0644);
    put(AT("/etc/gshadow"), "root:*::\nwww-data:!::\n", 0640);
    return 0;
}
#define READ_TEST(name) cmocka_unit_test_setup_teardown(name, accounts_setup, root_teardown)
#define TOOL_TEST(name) cmocka_unit_test_setup_teardown(name, tools_setup, root_teardown)

static void accounts_are_read_and_broken_lines_passed_over(void **state)
{
    struct test_root *t = *state;
    struct accounts all;
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_int_equal(all.n_users, 3);
    assert_int_equal(all.n_groups, 3);
    const struct account_user *u = accounts_user(&all, "last");
    assert_non_null(u);
    assert_int_equal(u->uid, 900);
    assert_int_equal(u->gid, 33);
    assert_string_equal(u->home, "/l");
    assert_string_equal(u->shell, "/bin/false");
    const struct account_group *g = accounts_group(&all, "www-data");
    assert_int_equal(g->n_members, 2);
    assert_string_equal(g->members[1], "root");
    assert_int_equal(accounts_group(&all, "empty")->n_members, 0);
    assert_null(accounts_user(&all, "www"));
    assert_null(accounts_group(&all, "broken"));
}

/* Read in the moment in which they were changed, they may have changed again with the same times. */
static void a_look_reads_again_what_it_read_right_after_a_change(void **state)
{
    struct test_root *t = *state;
    struct accounts all;
    int before;
    accounts_look_begin(&t->h);
    put(AT("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n", 0644);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    before = reads;
    usleep(150000);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_true(reads > before);
    before = reads;
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_int_equal(reads, before); /* settled when they were read */
    put(AT("/etc/passwd"), "one:x:1:1:one:/:/bin/bash\ntwo:x:2:2:two:/:/bin/bash\n", 0644);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_int_equal(all.n_users, 2);
    accounts_look_end(&t->h);
}

static void a_bare_root_has_no_accounts(void **state)
{
    struct test_root *t = *state;
    struct accounts all = {.n_users = 9};
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_int_equal(all.n_users, 0);
    assert_int_equal(all.n_groups, 0);
}

static void ids_are_found_or_the_name_is_told(void **state)
{
    struct test_root *t = *state;
    uid_t uid = 1;
    gid_t gid = 1;
    assert_int_equal(account_ids(&t->h, "last", "empty", &uid, &gid, &t->err), 0);
    assert_int_equal(uid, 900);
    assert_int_equal(gid, 77);
    assert_int_equal(unlink(AT("/etc/passwd")), 0);
    assert_int_equal(account_ids(&t->h, "root", "root", &uid, &gid, &t->err), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(gid, 0);
    uid = 5;
    assert_int_equal(account_ids(&t->h, "last", "empty", &uid, &gid, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "\"last\""));
    assert_int_equal(uid, 5);
    assert_int_equal(account_ids(&t->h, NULL, "none", NULL, &gid, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "\"none\""));
}

static void a_sites_account_comes_and_goes(void **state)
{
    struct test_root *t = *state;
    struct accounts all;
    const struct account_user *u;
    assert_int_equal(account_group_add(&t->h, "blog", -1, &t->err), 0);
    assert_int_equal(account_user_add(&t->h, "blog", "blog", "/srv/blog", "/usr/sbin/nologin", -1, &t->err),
                     0);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_non_null(u = accounts_user(&all, "blog"));
    assert_in_range(u->uid, 100, 999); /* a system account: SYS_UID_MAX of login.defs(5) */
    assert_int_equal(u->gid, accounts_group(&all, "blog")->gid);
    assert_string_equal(u->home, "/srv/blog");
    assert_string_equal(u->shell, "/usr/sbin/nologin");
    assert_gone(AT("/srv"));

    struct buf shadow = {0};
    assert_int_equal(fs_read(&t->h, "/etc/shadow", 0, &shadow, &t->err), 0);
    assert_non_null(strstr(buf_str(&shadow), "\nblog:!:")); /* no password works */
    buf_free(&shadow);

    assert_int_equal(account_user_change(&t->h, "blog", "www-data", "/srv/b", "/bin/false", &t->err), 0);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_non_null(u = accounts_user(&all, "blog"));
    assert_int_equal(u->gid, 33);
    assert_string_equal(u->home, "/srv/b");
    assert_string_equal(u->shell, "/bin/false");
    assert_int_equal(account_user_change(&t->h, "blog", NULL, NULL, NULL, &t->err), 0);

    assert_int_equal(account_user_remove(&t->h, "blog", &t->err), 0);
    assert_int_equal(account_user_remove(&t->h, "blog", &t->err), 0);
    assert_int_equal(account_group_remove(&t->h, "blog", &t->err), 0);
    assert_int_equal(account_group_remove(&t->h, "blog", &t->err), 0);
    assert_content(AT("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n"
                                      "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n");
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n");
}

static void numbers_can_be_given(void **state)
{
    struct test_root *t = *state;
    uid_t uid;
    gid_t gid;
    assert_int_equal(account_group_add(&t->h, "blog", 777, &t->err), 0);
    assert_int_equal(account_user_add(&t->h, "blog", "blog", NULL, NULL, 778, &t->err), 0);
    assert_int_equal(account_ids(&t->h, "blog", "blog", &uid, &gid, &t->err), 0);
    assert_int_equal(uid, 778);
    assert_int_equal(gid, 777);
    assert_int_equal(account_user_add(&t->h, "other", "blog", NULL, NULL, 778, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "778"));
}

static void more_sites_than_the_system_has_numbers_get_further_ones(void **state)
{
    struct test_root *t = *state;
    struct buf users = {0}, groups = {0};
    uid_t uid;
    gid_t gid;
    for (int i = 100; i <= 999; i++) {
        buf_addf(&users, "u%d:x:%d:%d::/:/bin/false\n", i, i, i);
        buf_addf(&groups, "u%d:x:%d:\n", i, i);
    }
    put(AT("/etc/passwd"), buf_str(&users), 0644);
    put(AT("/etc/group"), buf_str(&groups), 0644);
    assert_int_equal(account_group_add(&t->h, "blog", -1, &t->err), 0);
    assert_int_equal(account_user_add(&t->h, "blog", "blog", NULL, NULL, -1, &t->err), 0);
    assert_int_equal(account_ids(&t->h, "blog", "blog", &uid, &gid, &t->err), 0);
    assert_in_range(uid, 50000, 59999);
    assert_in_range(gid, 50000, 59999);
    assert_int_equal(t->err.code, 0);
    assert_int_equal(account_user_add(&t->h, "other", "blog", NULL, NULL, 999, &t->err), -EIO);
    buf_free(&users);
    buf_free(&groups);
}

static void many_are_made_in_one_go(void **state)
{
    struct test_root *t = *state;
    const char *const members[] = {"www-data"};
    const struct account_new list[] = {{"blog", "/srv/blog", "/usr/sbin/nologin", members, 1},
                                       {"shop", "/srv/shop", "/bin/false", NULL, 0}};
    struct accounts all;
    const struct account_user *u;
    struct buf shadow = {0};
    put(AT("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
        "taken:x:999:33::/:/bin/false\n",
        0644);
    assert_int_equal(account_add_many(&t->h, list, 2, &t->err), 0);
    assert_int_equal(accounts_read(&t->h, &all, &t->a, &t->err), 0);
    assert_non_null(u = accounts_user(&all, "blog"));
    assert_int_equal(u->uid, 998);
    assert_int_equal(u->gid, 998);
    assert_string_equal(u->home, "/srv/blog");
    assert_string_equal(u->shell, "/usr/sbin/nologin");
    assert_int_equal(accounts_group(&all, "blog")->n_members, 1);
    assert_string_equal(accounts_group(&all, "blog")->members[0], "www-data");
    assert_non_null(u = accounts_user(&all, "shop"));
    assert_int_equal(u->uid, 997);
    assert_int_equal(accounts_group(&all, "shop")->n_members, 0);
    assert_int_equal(fs_read(&t->h, "/etc/shadow", 0, &shadow, &t->err), 0);
    assert_non_null(strstr(buf_str(&shadow), "\nblog:!:")); /* no password works */
    buf_free(&shadow);
    assert_int_equal(account_user_remove(&t->h, "blog", &t->err), 0);
}

/* Without a process: citrus's own lines behind what is there, in files of the same mode and owner. */
static void below_an_offline_root_they_are_written_as_useradd_writes_them(void **state)
{
    struct test_root *t = *state;
    const char *const members[] = {"www-data"};
    const struct account_new list[] = {{"blog", "/srv/blog", "/usr/sbin/nologin", members, 1}};
    long long today = (long long)time(NULL) / 86400;
    assert_int_equal(chown(AT("/etc/shadow"), 0, 42), 0);
    assert_int_equal(account_add_many(&t->h, list, 1, &t->err), 0);
    assert_content(AT("/etc/passwd"),
                   "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
                   "blog:x:999:999::/srv/blog:/usr/sbin/nologin\n");
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nblog:x:999:www-data\n");
    assert_content(AT("/etc/gshadow"), "root:*::\nwww-data:!::\nblog:!::www-data\n");
    assert_content(AT("/etc/shadow"),
                   arena_printf(&t->a,
                                "root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n"
                                "blog:!:%lld::::::\n",
                                today));
    struct stat st;
    assert_int_equal(stat(AT("/etc/shadow"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_gid, 42);
}

static bool is_locked(struct test_root *t)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(AT("/etc/.pwd.lock"), O_WRONLY);
    assert_true(fd >= 0);
    bool locked = fcntl(fd, F_OFD_SETLK, &whole) < 0;
    close(fd);
    return locked;
}

/* They are there for who owns files by them; on the disk not before all of the group is. */
static void in_a_group_of_writes_they_wait_for_the_others(void **state)
{
    struct test_root *t = *state;
    const struct account_new list[] = {{"blog", "/srv", "/bin/false", NULL, 0},
                                       {"shop", "/srv", "/bin/false", NULL, 0}};
    uid_t uid;
    fs_group_begin(&t->h);
    assert_int_equal(account_ids(&t->h, "blog", NULL, &uid, NULL, &t->err), -ENOENT);
    fs_group_write(&t->h);
    assert_int_equal(account_add_many(&t->h, list, 2, NULL), 0);
    assert_int_equal(account_ids(&t->h, "shop", NULL, &uid, NULL, &t->err), 0);
    assert_int_equal(uid, 998);
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n");
    assert_true(is_locked(t)); /* nobody else changes them now */
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    assert_int_equal(fs_group_put(&t->h, 0, fs_group_size(&t->h), &t->err), 0);
    fs_group_end(&t->h);
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nblog:x:999:\nshop:x:998:\n");
    assert_false(is_locked(t));
}

static void an_account_that_somebody_made_meanwhile_is_not_written_over(void **state)
{
    struct test_root *t = *state;
    const struct account_new list[] = {{"blog", "/srv", "/bin/false", NULL, 0}};
    fs_group_begin(&t->h);
    fs_group_write(&t->h);
    assert_int_equal(account_add_many(&t->h, list, 1, NULL), 0);
    put(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nother:x:500:\n", 0644);
    assert_int_equal(fs_group_put(&t->h, 0, fs_group_size(&t->h), &t->err), -ESTALE);
    fs_group_end(&t->h);
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nother:x:500:\n");
    assert_gone(AT("/etc/.group.citrus~"));
    assert_gone(AT("/etc/.shadow.citrus~"));
    error_clear(&t->err);
}

static void what_is_not_plain_is_left_to_the_tools(void **state)
{
    struct test_root *t = *state;
    const struct account_new list[] = {{"blog", "/srv", "/bin/false", NULL, 0}};
    const int64_t number = 999;
    put(AT("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n+::::::\n", 0644);
    assert_int_equal(account_files_add(&t->h, list, &number, 1, &t->err), -EOPNOTSUPP);
    put(AT("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n", 0644);
    put(AT("/etc/shadow"), "root:*:19000:0:99999:7:::\nblog:!:1::::::\n", 0640); /* left by somebody */
    assert_int_equal(account_files_add(&t->h, list, &number, 1, &t->err), -EOPNOTSUPP);
    assert_int_equal(unlink(AT("/etc/shadow")), 0);
    assert_int_equal(account_files_add(&t->h, list, &number, 1, &t->err), -EOPNOTSUPP);
    assert_int_equal(t->err.code, 0);
    /* And one alone not to sysusers, which makes files that no undo knows of. */
    assert_int_equal(account_add_many(&t->h, list, 1, &t->err), -EOPNOTSUPP);
    assert_gone(AT("/etc/shadow"));
    assert_gone(AT("/etc/.pwd.lock"));
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n");
    error_clear(&t->err);
}

static void what_a_run_that_was_killed_left_of_them_goes(void **state)
{
    struct test_root *t = *state;
    put(AT("/etc/.passwd.citrus~"), "half", 0644);
    put(AT("/etc/.shadow.citrus~"), "half", 0640);
    assert_int_equal(account_leftovers_drop(&t->h, &t->err), 0);
    assert_gone(AT("/etc/.passwd.citrus~"));
    assert_gone(AT("/etc/.shadow.citrus~"));
    assert_int_equal(account_leftovers_drop(&t->h, &t->err), 0);
}

static void many_with_a_member_that_is_not_there_are_not_made(void **state)
{
    struct test_root *t = *state;
    const char *const members[] = {"nobody-here"};
    const struct account_new list[] = {{"blog", "/srv/blog", "/usr/sbin/nologin", members, 1}},
                             odd[] = {{"blog", "/srv/a b", "/usr/sbin/nologin", NULL, 0}};
    unsigned long before = host_steps();
    assert_int_equal(account_add_many(&t->h, list, 1, &t->err), -EOPNOTSUPP);
    assert_int_equal(account_add_many(&t->h, odd, 1, &t->err), -EOPNOTSUPP);
    assert_int_equal(host_steps(), before);
}

static void many_beyond_the_systems_numbers_get_further_ones(void **state)
{
    enum { MANY = 950 };
    struct test_root *t = *state;
    struct account_new *list = calloc(MANY, sizeof *list);
    uid_t uid;
    assert_non_null(list);
    for (int i = 0; i < MANY; i++)
        list[i] = (struct account_new){arena_printf(&t->a, "u%d", i), "/srv", "/bin/false", NULL, 0};
    assert_int_equal(account_add_many(&t->h, list, MANY, &t->err), 0);
    assert_int_equal(account_ids(&t->h, "u0", "u0", &uid, NULL, &t->err), 0);
    assert_int_equal(uid, 999);
    assert_int_equal(account_ids(&t->h, "u949", "u949", &uid, NULL, &t->err), 0);
    assert_in_range(uid, 50000, 59999);
    free(list);
}

static void a_lock_from_before_the_boot_is_nobodys(void **state)
{
    struct test_root *t = *state;
    const struct timespec long_ago[2] = {{.tv_sec = 86400}, {.tv_sec = 86400}};
    put(AT("/etc/group.lock"), "1", 0600); /* the tools find that process alive */
    assert_int_equal(utimensat(AT_FDCWD, AT("/etc/group.lock"), long_ago, 0), 0);
    assert_int_equal(account_group_add(&t->h, "blog", -1, &t->err), 0);
    assert_gone(AT("/etc/group.lock"));
    put(AT("/etc/group.lock"), "1", 0600); /* of now: somebody's */
    assert_int_equal(account_group_remove(&t->h, "blog", &t->err), -EIO);
    assert_content(AT("/etc/group.lock"), "1");
    unlink(AT("/etc/group.lock"));
}

static void members_are_added_and_taken_out(void **state)
{
    struct test_root *t = *state;
    assert_int_equal(account_group_add(&t->h, "blog", 777, &t->err), 0);
    assert_int_equal(account_member(&t->h, "www-data", "blog", true, &t->err), 0);
    assert_int_equal(account_member(&t->h, "www-data", "blog", true, &t->err), 0);
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nblog:x:777:www-data\n");
    assert_int_equal(account_member(&t->h, "www-data", "blog", false, &t->err), 0);
    assert_int_equal(account_member(&t->h, "www-data", "blog", false, &t->err), 0);
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\nblog:x:777:\n");
    assert_int_equal(account_member(&t->h, "nobody-here", "blog", true, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "nobody-here"));
}

static void names_that_could_be_something_else_reach_no_tool(void **state)
{
    struct test_root *t = *state;
    const char *const bad[] = {
        "", "-r", "a:b", "a b", "a\nroot", "..", "../x", "a,b", "a-name-that-is-longer-than-thirty-two"};
    unsigned long before = host_steps();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(account_group_add(&t->h, bad[i], -1, &t->err), -EINVAL);
        assert_int_equal(account_user_add(&t->h, bad[i], "root", "/", "/bin/sh", -1, &t->err), -EINVAL);
        assert_int_equal(account_user_add(&t->h, "a", bad[i], "/", "/bin/sh", -1, &t->err), -EINVAL);
        assert_int_equal(account_user_change(&t->h, "a", bad[i], NULL, NULL, &t->err), -EINVAL);
        assert_int_equal(account_member(&t->h, bad[i], "root", true, &t->err), -EINVAL);
        assert_int_equal(account_user_remove(&t->h, bad[i], &t->err), -EINVAL);
        assert_int_equal(account_group_remove(&t->h, bad[i], &t->err), -EINVAL);
    }
    assert_int_equal(account_user_add(&t->h, "a", "root", "/x:0:0", "/bin/sh", -1, &t->err), -EINVAL);
    assert_int_equal(account_user_change(&t->h, "a", NULL, NULL, "/bin/sh\nx", &t->err), -EINVAL);
    assert_int_equal(host_steps(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(accounts_are_read_and_broken_lines_passed_over),
        READ_TEST(a_look_reads_again_what_it_read_right_after_a_change),
        TEST(a_bare_root_has_no_accounts),
        READ_TEST(ids_are_found_or_the_name_is_told),
        TOOL_TEST(a_sites_account_comes_and_goes),
        TOOL_TEST(numbers_can_be_given),
        TOOL_TEST(more_sites_than_the_system_has_numbers_get_further_ones),
        TOOL_TEST(many_are_made_in_one_go),
        TOOL_TEST(below_an_offline_root_they_are_written_as_useradd_writes_them),
        TOOL_TEST(in_a_group_of_writes_they_wait_for_the_others),
        TOOL_TEST(an_account_that_somebody_made_meanwhile_is_not_written_over),
        TOOL_TEST(what_is_not_plain_is_left_to_the_tools),
        TOOL_TEST(what_a_run_that_was_killed_left_of_them_goes),
        TOOL_TEST(many_with_a_member_that_is_not_there_are_not_made),
        TOOL_TEST(many_beyond_the_systems_numbers_get_further_ones),
        TOOL_TEST(a_lock_from_before_the_boot_is_nobodys),
        TOOL_TEST(members_are_added_and_taken_out),
        TOOL_TEST(names_that_could_be_something_else_reach_no_tool),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
