/* A footprint sees every change of what a look saw, and no other. */
#include "footprint.h"
#include "root.h"
#include <time.h>

static struct footprint kept;

static void wait_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* One look of each sort. */
static bool see(struct test_root *t)
{
    struct fs_stat st;
    struct buf b = {0};
    struct hash128 digest;
    const char **names;
    size_t n;
    char *target;
    footprint_begin(&t->h);
    assert_int_equal(fs_stat(&t->h, "/etc/dir", &st, &t->err), 0);
    assert_int_equal(fs_stat(&t->h, "/etc/none", &st, &t->err), 0);
    assert_int_equal(fs_stat(&t->h, "/nowhere/none", &st, &t->err), 0);
    assert_int_equal(fs_read(&t->h, "/etc/read", 0, &b, &t->err), 0);
    buf_free(&b);
    assert_int_equal(fs_read_linked(&t->h, "/etc/linked", 0, &b, &t->err), 0);
    buf_free(&b);
    assert_int_equal(fs_digest(&t->h, "/etc/digest", NULL, &digest, &t->err), 0);
    assert_int_equal(fs_list(&t->h, "/etc/list", &t->a, &names, &n, &t->err), 0);
    assert_int_equal(fs_readlink(&t->h, "/etc/link", &t->a, &target, &t->err), 0);
    assert_int_equal(fs_read_machine(&t->h, AT("/machine"), 0, &b, &t->err), 0);
    buf_free(&b);
    return footprint_end(&t->h, &kept, &t->a);
}

static void world(struct test_root *t)
{
    dir(AT("/etc"), 0755, 0, 0);
    dir(AT("/etc/dir"), 0755, 0, 0);
    dir(AT("/etc/list"), 0755, 0, 0);
    put(AT("/etc/list/a"), "a", 0644);
    put(AT("/etc/read"), "read", 0644);
    put(AT("/etc/digest"), "digest", 0644);
    put(AT("/machine"), "machine", 0644);
    put(AT("/etc/one"), "one", 0644);
    put(AT("/etc/two"), "two", 0644);
    assert_int_equal(symlink("read", AT("/etc/link")), 0);
    assert_int_equal(symlink("one", AT("/etc/hop")), 0);
    assert_int_equal(symlink("/etc/hop", AT("/etc/linked")), 0);
    wait_ms(150);
}

static bool same(struct test_root *t)
{
    struct hash128 now;
    assert_int_equal(footprint_stamps(&t->h, kept.paths, kept.len, &now, NULL), 0);
    return hash_equal(now, kept.stamps);
}

static void what_nobody_touched_is_the_same(void **state)
{
    struct test_root *t = *state;
    world(t);
    assert_true(see(t));
    assert_int_equal(kept.until, INT64_MAX);
    assert_true(same(t));
    put(AT("/etc/dir/new"), "", 0644); /* its entries are others' matter: it was not listed */
    put(AT("/etc/else"), "", 0644);
    assert_true(same(t));
}

#define SEEN(what)                                                                                           \
    do {                                                                                                     \
        wait_ms(150);                                                                                        \
        assert_true(see(t));                                                                                 \
        assert_true(same(t));                                                                                \
        what;                                                                                                \
        assert_false(same(t));                                                                               \
    } while (0)

static void every_change_is_seen(void **state)
{
    struct test_root *t = *state;
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    world(t);
    SEEN(assert_int_equal(chmod(AT("/etc/dir"), 0700), 0));
    SEEN(assert_int_equal(chown(AT("/etc/dir"), USER, GROUP), 0));
    SEEN(assert_int_equal(rename(AT("/etc/dir"), AT("/etc/gone")), 0);
         dir(AT("/etc/dir"), 0700, USER, GROUP));
    SEEN(put(AT("/etc/none"), "", 0644));
    assert_int_equal(unlink(AT("/etc/none")), 0);
    SEEN(dir(AT("/nowhere"), 0755, 0, 0); put(AT("/nowhere/none"), "", 0644));
    SEEN(put(AT("/etc/read"), "more", 0644));
    SEEN(assert_int_equal(unlink(AT("/etc/digest")), 0); put(AT("/etc/digest"), "digest", 0644));
    /* What hides its change from mtime and size does not hide it from ctime. */
    SEEN(put(AT("/etc/read"), "less", 0644); utimensat(AT_FDCWD, AT("/etc/read"), times, 0));
    SEEN(put(AT("/etc/list/b"), "", 0644));
    SEEN(assert_int_equal(unlink(AT("/etc/list/a")), 0));
    SEEN(assert_int_equal(unlink(AT("/etc/link")), 0);
         assert_int_equal(symlink("digest", AT("/etc/link")), 0));
    SEEN(put(AT("/etc/one"), "more", 0644));
    SEEN(assert_int_equal(unlink(AT("/etc/hop")), 0); assert_int_equal(symlink("two", AT("/etc/hop")), 0));
    SEEN(assert_int_equal(unlink(AT("/etc/linked")), 0);
         assert_int_equal(symlink("one", AT("/etc/linked")), 0));
    SEEN(put(AT("/machine"), "another", 0644));
    SEEN(assert_int_equal(rename(AT("/etc"), AT("/old")), 0); dir(AT("/etc"), 0755, 0, 0));
}

static void a_directory_that_became_a_link_of_a_user_is_seen(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    struct hash128 now;
    dir(AT("/site"), 0755, USER, GROUP);
    dir(AT("/site/logs"), 0755, USER, GROUP);
    put(AT("/site/logs/a"), "", 0644);
    wait_ms(150);
    footprint_begin(&t->h);
    assert_int_equal(fs_stat(&t->h, "/site/logs/a", &st, &t->err), 0);
    assert_true(footprint_end(&t->h, &kept, &t->a));
    assert_true(same(t));
    assert_int_equal(rename(AT("/site/logs"), AT("/site/moved")), 0);
    assert_int_equal(symlink("moved", AT("/site/logs")), 0);
    assert_int_equal(lchown(AT("/site/logs"), USER, GROUP), 0);
    assert_int_equal(footprint_stamps(&t->h, kept.paths, kept.len, &now, NULL), -ELOOP);
}

static void what_has_just_changed_is_not_trusted(void **state)
{
    struct test_root *t = *state;
    world(t);
    put(AT("/etc/read"), "now", 0644);
    assert_false(see(t));
    wait_ms(150);
    assert_true(see(t));
}

static void what_changes_while_it_is_looked_at_shows_the_next_time(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    struct buf b = {0};
    world(t);
    footprint_begin(&t->h);
    assert_int_equal(fs_stat(&t->h, "/etc/read", &st, &t->err), 0);
    put(AT("/etc/read"), "meanwhile", 0644);
    assert_int_equal(fs_read(&t->h, "/etc/read", 0, &b, &t->err), 0);
    buf_free(&b);
    if (footprint_end(&t->h, &kept, &t->a))
        assert_false(same(t));
}

static void a_part_that_asked_the_machine_leaves_no_paths(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    world(t);
    footprint_begin(&t->h);
    footprint_part(&t->h);
    assert_int_equal(fs_stat(&t->h, "/etc/dir", &st, &t->err), 0);
    assert_false(footprint_part_end(&t->h));
    footprint_part(&t->h);
    assert_int_equal(fs_stat(&t->h, "/etc/read", &st, &t->err), 0);
    footprint_asked(&t->h);
    assert_true(footprint_part_end(&t->h));
    assert_true(footprint_end(&t->h, &kept, &t->a));
    assert_int_equal(chmod(AT("/etc/read"), 0600), 0);
    assert_true(same(t));
    assert_int_equal(chmod(AT("/etc/dir"), 0700), 0);
    assert_false(same(t));
}

/* The next change within the same tick would leave the same times. What is looked at again by its kind needs
 * no stamp. */
static void what_a_part_saw_fresh_spoils_it_unless_it_asked_the_machine(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    world(t);
    for (int asked = 0; asked < 2; asked++) {
        bool kept_one = !asked, within;
        do {
            double began = seconds();
            put(AT("/etc/read"), "fresh", 0644);
            footprint_begin(&t->h);
            footprint_part(&t->h);
            assert_int_equal(fs_stat(&t->h, "/etc/read", &st, &t->err), 0);
            if (asked)
                footprint_asked(&t->h);
            assert_int_equal(footprint_part_end(&t->h), asked);
            kept_one = footprint_end(&t->h, &kept, &t->a);
            within = within_the_instant(began);
        } while (!within && kept_one != asked);
        assert_int_equal(kept_one, asked);
    }
}

static void what_is_no_path_spoils_it(void **state)
{
    struct test_root *t = *state;
    struct fs_room room;
    world(t);
    footprint_begin(&t->h);
    footprint_asked(&t->h); /* outside of a part */
    assert_false(footprint_end(&t->h, &kept, &t->a));
    footprint_begin(&t->h);
    assert_int_equal(fs_room(&t->h, "/etc", &room, &t->err), 0);
    assert_false(footprint_end(&t->h, &kept, &t->a));
    footprint_begin(&t->h);
    footprint_until(&t->h, 70);
    footprint_until(&t->h, 90);
    assert_true(footprint_end(&t->h, &kept, &t->a));
    assert_int_equal(kept.until, 70);
    assert_false(footprint_end(&t->h, &kept, &t->a));
}

static struct hash128 contents(struct test_root *t)
{
    struct hash128 stamps, read;
    assert_int_equal(footprint_stamps(&t->h, kept.paths, kept.len, &stamps, &read), 0);
    return read;
}

/* As it would be where somebody wrote past the file system: the stamps are not asked. */
static void the_content_of_each_file_that_was_read_is_told_apart_from_its_stamp(void **state)
{
    struct test_root *t = *state;
    static const char *const read[] = {"/etc/read", "/etc/digest", "/machine"};
    world(t);
    assert_true(see(t));
    struct hash128 before = contents(t);
    assert_true(hash_equal(contents(t), before));
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        struct stat st;
        char byte, other;
        const char *path = AT(read[i]);
        int fd = open(path, O_RDWR);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(pread(fd, &byte, 1, 1), 1);
        other = (char)(byte + 1);
        assert_int_equal(pwrite(fd, &other, 1, 1), 1);
        assert_false(hash_equal(contents(t), before));
        assert_int_equal(pwrite(fd, &byte, 1, 1), 1);
        assert_true(hash_equal(contents(t), before));
        close(fd);
    }
    put(AT("/etc/list/a"), "b", 0644); /* it was not read */
    assert_true(hash_equal(contents(t), before));
}

static void a_record_that_is_none_is_refused(void **state)
{
    struct test_root *t = *state;
    struct hash128 now;
    assert_int_equal(footprint_stamps(&t->h, "x/\0eetc\0\0", 9, &now, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_touched_is_the_same),
        TEST(every_change_is_seen),
        TEST(a_directory_that_became_a_link_of_a_user_is_seen),
        TEST(what_has_just_changed_is_not_trusted),
        TEST(what_changes_while_it_is_looked_at_shows_the_next_time),
        TEST(a_part_that_asked_the_machine_leaves_no_paths),
        TEST(what_a_part_saw_fresh_spoils_it_unless_it_asked_the_machine),
        TEST(what_is_no_path_spoils_it),
        TEST(the_content_of_each_file_that_was_read_is_told_apart_from_its_stamp),
        TEST(a_record_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
