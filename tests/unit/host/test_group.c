/* A group of writes: nobody sees it before it is put, and what came meanwhile stays. */
#include "fs.h"
#include "fs_group.h"
#include "root.h"
#include <dlfcn.h>
#include <pthread.h>

/* The library's own calls come here, too. */
static int threads;
static bool no_threads;
int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &symbol, sizeof real);
    threads++;
    return no_threads ? EAGAIN : real(ret, attr, start, arg);
}

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

/* --- made by and by ------------------------------------------------------------------------------------- */

enum { SITES = 300 };
static const char *const below[] = {"custom.d", "logs", "public", "sessions", "tmp"};

static void make_site(struct test_root *t, int i)
{
    const char *site = arena_printf(&t->a, "/www/%03d", i);
    assert_int_equal(fs_mkdir(&t->h, site, 0750, 0, 33, &t->err), 0);
    for (size_t k = 0; k < 5; k++)
        assert_int_equal(fs_mkdir(&t->h, arena_printf(&t->a, "%s/%s", site, below[k]), 0710, 33, 33, &t->err),
                         0);
    write_to(t, arena_printf(&t->a, "%s/config", site), arena_printf(&t->a, "site %d", i));
    write_to(t, arena_printf(&t->a, "/available/%03d", i), "vhost");
    assert_int_equal(fs_symlink(&t->h, arena_printf(&t->a, "../available/%03d", i),
                                arena_printf(&t->a, "/enabled/%03d", i), &t->err),
                     0);
}

static void made(struct test_root *t)
{
    dir(AT("/www"), 0755, 0, 0);
    dir(AT("/available"), 0755, 0, 0);
    dir(AT("/enabled"), 0755, 0, 0);
    fs_group_begin(&t->h);
    fs_group_write(&t->h);
}

static void many_are_all_made_once(void **state)
{
    struct test_root *t = *state;
    struct stat st;
    made(t);
    unsigned long before = host_steps();
    for (int i = 0; i < SITES; i++)
        make_site(t, i);
    size_t n = fs_group_size(&t->h);
    assert_int_equal(n, SITES * 8); /* all but the directory that the others lie in */
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    /* Two a call: six directories are made and given away, two files are made, written, given away and get
     * their mode, and a link is made. */
    assert_int_equal(host_steps() - before, SITES * 2 * (6 * 2 + 2 * 4 + 1));
    assert_int_equal(names_in(AT("/available")), SITES);
    assert_int_equal(fs_group_put(&t->h, 0, n, &t->err), 0);
    fs_group_end(&t->h);
    for (int i = 0; i < SITES; i++) {
        char *site = AT(arena_printf(&t->a, "/www/%03d", i));
        assert_int_equal(names_in(site), 6);
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(lstat(arena_printf(&t->a, "%s/%s", site, below[k]), &st), 0);
            assert_int_equal(st.st_mode, S_IFDIR | 0710);
            assert_int_equal(st.st_uid, 33);
        }
        text_is(arena_printf(&t->a, "%s/config", site), arena_printf(&t->a, "site %d", i));
        text_is(AT(arena_printf(&t->a, "/available/%03d", i)), "vhost");
        assert_int_equal(lstat(AT(arena_printf(&t->a, "/enabled/%03d", i)), &st), 0);
        assert_true(S_ISLNK(st.st_mode));
    }
}

static void without_a_second_thread_they_are_made_as_well(void **state)
{
    threads = 0;
    no_threads = true;
    many_are_all_made_once(state);
    no_threads = false;
    assert_int_equal(threads, 1); /* and it is not asked for again */
}

/* Large ones, so that the other thread is in the middle of them. */
static void who_puts_waits_until_all_are_written(void **state)
{
    enum { LARGE = 240, SIZE = 128 << 10 };
    struct test_root *t = *state;
    struct stat st;
    char *bytes = calloc(1, SIZE);
    made(t);
    for (int i = 0; i < LARGE; i++)
        assert_int_equal(fs_write(&t->h, arena_printf(&t->a, "/www/%d", i), bytes, SIZE, 0600, 0, 0, &t->err),
                         0);
    assert_int_equal(fs_group_put(&t->h, 0, LARGE, &t->err), 0);
    fs_group_end(&t->h);
    for (int i = 0; i < LARGE; i++) {
        assert_int_equal(stat(AT(arena_printf(&t->a, "/www/%d", i)), &st), 0);
        assert_int_equal(st.st_size, SIZE);
    }
    free(bytes);
}

static void one_that_cannot_be_written_is_told_by_its_place(void **state)
{
    struct test_root *t = *state;
    made(t);
    dir(AT("/available/.150.citrus~"), 0755, 0, 0); /* where its temporary file goes */
    for (int i = 0; i < SITES; i++)
        make_site(t, i);
    size_t n = fs_group_size(&t->h);
    assert_int_equal(fs_group_made(&t->h, 0, 150 * 8, &t->err), 0);
    assert_int_equal(fs_group_made(&t->h, 151 * 8, n, &t->err), 0);
    assert_true(fs_group_made(&t->h, 0, n, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/available/150"));
    error_clear(&t->err);
    assert_int_equal(fs_group_put(&t->h, 0, 150 * 8, &t->err), 0);
    assert_true(fs_group_put(&t->h, 150 * 8, 151 * 8, &t->err) < 0);
    fs_group_drop(&t->h, 151 * 8);
    fs_group_end(&t->h);
    assert_int_equal(names_in(AT("/available")), 151);
    assert_int_equal(names_in(AT("/enabled")), 150);
    assert_false(there(AT("/www/150/config")));
    assert_true(there(AT("/www/299/tmp"))); /* directories are undo's */
}

static void what_waits_is_there_for_who_looks_and_for_who_makes_something_in_it(void **state)
{
    struct test_root *t = *state;
    struct fs_stat st;
    made(t);
    for (int i = 0; i < 40; i++)
        make_site(t, i);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(fs_stat(&t->h, arena_printf(&t->a, "/www/%03d/tmp", i), &st, &t->err), 0);
        assert_int_equal(st.type, FS_DIRECTORY);
        assert_int_equal(st.mode, 0710);
    }
    for (int i = 40; i < 80; i++) {
        make_site(t, i);
        const char *tmp = arena_printf(&t->a, "/www/%03d/tmp", i);
        if (i % 2)
            write_to(t, arena_printf(&t->a, "%s/in-it", tmp), "deep");
        else
            assert_int_equal(fs_mkdir(&t->h, arena_printf(&t->a, "%s/in-it", tmp), 0700, 0, 0, &t->err), 0);
    }
    assert_int_equal(fs_group_sync(&t->h, &t->err), 0);
    assert_int_equal(fs_group_put(&t->h, 0, fs_group_size(&t->h), &t->err), 0);
    fs_group_end(&t->h);
    for (int i = 40; i < 80; i++)
        assert_true(there(AT(arena_printf(&t->a, "/www/%03d/tmp/in-it", i))));
}

static void a_new_directory_is_put_with_what_was_made_with_it(void **state)
{
    struct test_root *t = *state;
    dir(AT("/www"), 0755, 0, 0);
    fs_group_begin(&t->h);
    look_at(t, "/www/s/d");
    look_at(t, "/www/s/f");
    fs_group_write(&t->h);
    assert_int_equal(fs_mkdir(&t->h, "/www/s", 0755, 0, 0, &t->err), 0);
    assert_int_equal(fs_mkdir(&t->h, "/www/s/d", 0700, 0, 0, &t->err), 0);
    write_to(t, "/www/s/f", "text");
    assert_int_equal(fs_group_size(&t->h), 2);
    assert_int_equal(fs_group_put(&t->h, 0, 2, &t->err), 0);
    fs_group_end(&t->h);
    assert_true(there(AT("/www/s/d")));
    text_is(AT("/www/s/f"), "text");
}

static void a_directory_that_another_made_is_taken_over_and_anything_else_is_not(void **state)
{
    struct test_root *t = *state;
    struct stat st;
    made(t);
    for (int i = 0; i < 40; i++)
        make_site(t, i);
    assert_int_equal(fs_mkdir(&t->h, "/www/s", 0755, 0, 0, &t->err), 0);
    dir(AT("/www/s/theirs"), 0700, 1, 1);
    put(AT("/www/s/file"), "theirs", 0600);
    size_t n = fs_group_size(&t->h);
    assert_int_equal(fs_mkdir(&t->h, "/www/s/theirs", 0751, 33, 33, &t->err), 0);
    assert_int_equal(fs_mkdir(&t->h, "/www/s/file", 0751, 33, 33, &t->err), 0);
    assert_int_equal(fs_group_size(&t->h), n + 2);
    assert_int_equal(fs_group_made(&t->h, n, n + 1, &t->err), 0);
    assert_int_equal(stat(AT("/www/s/theirs"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0751);
    assert_int_equal(st.st_uid, 33);
    assert_int_equal(fs_group_made(&t->h, n + 1, n + 2, &t->err), -ENOTDIR);
    assert_non_null(strstr(t->err.text, "/www/s/file"));
    assert_non_null(strstr(t->err.hint, "move it away"));
    fs_group_end(&t->h);
    text_is(AT("/www/s/file"), "theirs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_sees_it_before_it_is_put),
        TEST(what_was_not_put_is_gone),
        TEST(what_somebody_wrote_meanwhile_stays),
        TEST(of_some_that_belong_together_none_is_put_where_one_cannot_be),
        TEST(many_are_all_made_once),
        TEST(without_a_second_thread_they_are_made_as_well),
        TEST(who_puts_waits_until_all_are_written),
        TEST(one_that_cannot_be_written_is_told_by_its_place),
        TEST(what_waits_is_there_for_who_looks_and_for_who_makes_something_in_it),
        TEST(a_new_directory_is_put_with_what_was_made_with_it),
        TEST(a_directory_that_another_made_is_taken_over_and_anything_else_is_not),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
