/* A group of writes: nobody sees it before it is put, and what came meanwhile stays. */
#include "fs.h"
#include "fs_group.h"
#include "root.h"

static void text_is(const char *path, const char *text)
{
    char bytes[256];
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
    close(fd);
    assert_true(n >= 0);
    bytes[n] = '\0';
    assert_string_equal(bytes, text);
}

static bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static size_t names_in(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

/* As capture does before a group writes. */
static void look_at(struct test_root *t, const char *path)
{
    struct buf b = {0};
    struct jsonw j;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    assert_int_equal(fs_save(&t->h, path, "/undo", "1", &j, "was", NULL, &t->err), 0);
    buf_free(&b);
}

static void write_to(struct test_root *t, const char *path, const char *text)
{
    assert_int_equal(fs_write(&t->h, path, text, strlen(text), 0640, 0, 33, &t->err), 0);
}

static void nobody_sees_it_before_it_is_put(void **state)
{
    struct test_root *t = *state;
    struct stat st;
    char target[64];
    dir(AT("/d"), 0755, 0, 0);
    put(AT("/d/old"), "old", 0644);
    fs_group_begin(&t->h);
    look_at(t, "/d/old");
    look_at(t, "/d/new");
    fs_group_write(&t->h);
    write_to(t, "/d/old", "newer");
    write_to(t, "/d/new", "new");
    assert_int_equal(fs_symlink(&t->h, "new", "/d/link", &t->err), 0);
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    text_is(AT("/d/old"), "old");
    assert_false(there(AT("/d/new")));
    assert_int_equal(fs_group_size(&t->h), 3);
    assert_int_equal(fs_group_put(&t->h, 0, 3, &t->err), 0);
    fs_group_end(&t->h);
    text_is(AT("/d/old"), "newer");
    text_is(AT("/d/new"), "new");
    assert_int_equal(stat(AT("/d/new"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_gid, 33);
    ssize_t n = readlink(AT("/d/link"), target, sizeof target - 1);
    assert_int_equal(n, 3);
    assert_memory_equal(target, "new", 3);
    assert_int_equal(names_in(AT("/d")), 3);
}

static void what_was_not_put_is_gone(void **state)
{
    struct test_root *t = *state;
    dir(AT("/d"), 0755, 0, 0);
    fs_group_begin(&t->h);
    fs_group_write(&t->h);
    write_to(t, "/d/a", "a");
    write_to(t, "/d/b", "b");
    fs_group_drop(&t->h, 1);
    assert_int_equal(fs_group_size(&t->h), 1);
    fs_group_end(&t->h);
    assert_int_equal(names_in(AT("/d")), 0);
}

static void what_somebody_wrote_meanwhile_stays(void **state)
{
    struct test_root *t = *state;
    static const char *const paths[] = {"/d/replaced", "/d/absent", "/d/written"};
    dir(AT("/d"), 0755, 0, 0);
    put(AT("/d/replaced"), "old", 0644);
    put(AT("/d/written"), "old", 0644);
    fs_group_begin(&t->h);
    for (size_t i = 0; i < 3; i++)
        look_at(t, paths[i]);
    fs_group_write(&t->h);
    for (size_t i = 0; i < 3; i++)
        write_to(t, paths[i], "ours");
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    put(AT("/d/theirs"), "theirs", 0644);
    assert_int_equal(rename(AT("/d/theirs"), AT("/d/replaced")), 0);
    put(AT("/d/absent"), "theirs", 0644);
    put(AT("/d/written"), "theirs", 0644);
    for (size_t i = 0; i < 3; i++) {
        error_clear(&t->err);
        assert_int_equal(fs_group_put(&t->h, i, i + 1, &t->err), -ESTALE);
        assert_non_null(strstr(t->err.text, paths[i]));
        text_is(AT(paths[i]), "theirs");
    }
    fs_group_end(&t->h);
    assert_int_equal(names_in(AT("/d")), 3);
}

/* A vhost and its link: where the second cannot be put, the first is not. */
static void of_some_that_belong_together_none_is_put_where_one_cannot_be(void **state)
{
    struct test_root *t = *state;
    dir(AT("/d"), 0755, 0, 0);
    fs_group_begin(&t->h);
    look_at(t, "/d/file");
    look_at(t, "/d/link");
    fs_group_write(&t->h);
    write_to(t, "/d/file", "ours");
    assert_int_equal(fs_symlink(&t->h, "file", "/d/link", &t->err), 0);
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    put(AT("/d/link"), "theirs", 0644);
    assert_int_equal(fs_group_put(&t->h, 0, 2, &t->err), -ESTALE);
    fs_group_end(&t->h);
    assert_false(there(AT("/d/file")));
    text_is(AT("/d/link"), "theirs");
    assert_int_equal(names_in(AT("/d")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_sees_it_before_it_is_put),
        TEST(what_was_not_put_is_gone),
        TEST(what_somebody_wrote_meanwhile_stays),
        TEST(of_some_that_belong_together_none_is_put_where_one_cannot_be),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
