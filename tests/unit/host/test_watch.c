/* A watch wakes for what it was told of, says whose it is, and for nothing else. */
#include "root.h"
#include "watch.h"
#include <sys/inotify.h>
#include <sys/syscall.h>

/* The kernel's, with room for so many more; and with an error of its own for what lies in `sealed`. */
static int room;
static const char *sealed;
static int sealed_with;

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (sealed && strstr(path, sealed)) {
        errno = sealed_with;
        return -1;
    }
    if (room-- <= 0) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static const volatile sig_atomic_t never;

static struct watch *opened(struct test_root *t)
{
    struct watch *w;
    room = 100;
    sealed = NULL;
    t->h.offline = true;
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/passwd"), "x", 0644);
    put(AT("/etc/conf"), "x", 0644);
    assert_int_equal(watch_open(&t->h, &w, &t->err), 0);
    watch_begin(w);
    watch_path(w, "/etc/passwd", 7);
    watch_path(w, "/etc/passwd", 8); /* another's, too */
    watch_path(w, "/etc/conf", 9);
    watch_path(w, "/etc/any", WATCH_ANY);
    watch_path(w, "/nowhere/file", 10);
    watch_end(w);
    return w;
}

static int waited(struct test_root *t, struct watch *w)
{
    return watch_wait(w, 50, &never, &t->err);
}

static void a_change_says_whose_path_it_was_of(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    size_t what, sum = 0, n = 0;
    assert_int_equal(waited(t, w), 0);
    assert_false(watch_hit(w, &what));
    put(AT("/etc/passwd"), "y", 0644);
    assert_int_equal(waited(t, w), 1);
    for (; watch_hit(w, &what); n++)
        sum += what;
    assert_int_equal(n, 2);
    assert_int_equal(sum, 7 + 8);
    assert_false(watch_hit(w, &what)); /* once */
    put(AT("/etc/conf"), "y", 0644);
    assert_int_equal(waited(t, w), 1);
    assert_true(watch_hit(w, &what));
    assert_int_equal(what, 9);
    assert_false(watch_hit(w, &what));
    watch_close(w);
}

static void a_path_of_nobody_in_particular_only_wakes(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    size_t what;
    put(AT("/etc/any"), "y", 0644);
    assert_int_equal(waited(t, w), 1);
    assert_false(watch_hit(w, &what));
    watch_close(w);
}

static void a_neighbour_does_not_wake(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    put(AT("/etc/neighbour"), "y", 0644);
    assert_int_equal(waited(t, w), 0);
    watch_close(w);
}

static void a_directory_that_is_gone_wakes(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    unlink(AT("/etc/conf"));
    unlink(AT("/etc/passwd"));
    assert_int_equal(waited(t, w), 1);
    for (size_t what; watch_hit(w, &what);)
        ;
    assert_int_equal(rmdir(AT("/etc")), 0);
    assert_int_equal(waited(t, w), 1);
    watch_close(w);
}

static void what_is_not_told_again_is_not_heard_of(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    size_t what;
    watch_begin(w);
    watch_path(w, "/etc/conf", 1);
    watch_end(w);
    put(AT("/etc/passwd"), "y", 0644);
    assert_int_equal(waited(t, w), 0);
    put(AT("/etc/conf"), "y", 0644);
    assert_int_equal(waited(t, w), 1);
    assert_true(watch_hit(w, &what));
    assert_int_equal(what, 1);
    watch_close(w);
}

static void a_reader_that_is_gone_ends_the_waiting(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    watch_reader(w, ends[1]);
    assert_int_equal(waited(t, w), 0);
    close(ends[0]);
    double began = seconds();
    assert_int_equal(watch_wait(w, 60000, &never, &t->err), -EPIPE);
    assert_true(seconds() - began < 30);
    close(ends[1]);
    watch_close(w);
}

/* What a poll says of it at once, each time, is no reason to go round and round. */
static void an_output_that_is_closed_is_waited_for_no_more(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    struct timespec before, after;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    close(ends[1]);
    watch_reader(w, ends[1]);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_int_equal(watch_wait(w, 500, &never, &t->err), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 200);
    watch_close(w);
}

static void directories_that_the_kernel_does_not_watch_are_counted(void **state)
{
    struct test_root *t = *state;
    struct watch *w = opened(t);
    size_t all;
    int why;
    assert_int_equal(watch_missed(w, &all, &why), 0); /* one that is not there is nothing that is missed */
    assert_int_equal(all, 1);
    dir(AT("/b"), 0755, 0, 0);
    dir(AT("/c"), 0755, 0, 0);
    room = 2;
    watch_begin(w);
    watch_path(w, "/etc/passwd", 0);
    watch_path(w, "/etc/conf", 1);
    watch_path(w, "/c/1", 2);
    watch_path(w, "/b/1", 3);
    watch_path(w, "/c/2", 4);
    watch_end(w);
    assert_int_equal(watch_missed(w, &all, &why), 2);
    assert_int_equal(all, 3);
    assert_int_equal(why, -ENOSPC);
    put(AT("/etc/conf"), "y", 0644); /* the rest is */
    assert_int_equal(waited(t, w), 1);
    watch_begin(w);
    watch_end(w);
    assert_int_equal(watch_missed(w, &all, &why), 0);
    assert_int_equal(all, 0);
    watch_close(w);
}

static void what_is_not_there_is_not_for_want_of_room(void **state)
{
    static const struct {
        int code;
        size_t missed;
    } cases[] = {{ENOENT, 0}, {ENOTDIR, 0}, {EACCES, 0}, {ENOSPC, 1}, {ENOMEM, 1}};
    struct test_root *t = *state;
    struct watch *w = opened(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t all;
        int why;
        sealed = "/etc";
        sealed_with = cases[i].code;
        watch_begin(w);
        watch_path(w, "/etc/conf", 0);
        watch_end(w);
        assert_int_equal(watch_missed(w, &all, &why), cases[i].missed);
        assert_int_equal(all, cases[i].missed);
        assert_int_equal(why, cases[i].missed ? -cases[i].code : 0);
    }
    watch_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_says_whose_path_it_was_of),
        TEST(a_path_of_nobody_in_particular_only_wakes),
        TEST(a_neighbour_does_not_wake),
        TEST(a_directory_that_is_gone_wakes),
        TEST(what_is_not_told_again_is_not_heard_of),
        TEST(directories_that_the_kernel_does_not_watch_are_counted),
        TEST(what_is_not_there_is_not_for_want_of_room),
        TEST(a_reader_that_is_gone_ends_the_waiting),
        TEST(an_output_that_is_closed_is_waited_for_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
