#include "world.h"
#include <signal.h>

static pid_t child_with_lock(int *ret_pipe)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t kid = fork();
    if (kid == 0) {
        int fd;
        char c = store_lock(dir, &fd, NULL) == 0 ? 'y' : 'n';
        if (write(ends[1], &c, 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    close(ends[1]);
    char c;
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    *ret_pipe = ends[0];
    return kid;
}

static void a_second_run_is_told_who_holds_the_lock(void **state)
{
    struct error err = {0};
    int end, fd = -7;
    pid_t kid = child_with_lock(&end);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)kid);
    assert_int_equal(store_lock(dir, &fd, &err), -EWOULDBLOCK);
    assert_int_equal(fd, -7);
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, dir));
    assert_true(*err.hint);
    kill(kid, SIGKILL);
    waitpid(kid, NULL, 0);
    close(end);
    (void)state;
}

static void a_killed_holder_holds_nothing(void **state)
{
    struct error err = {0};
    int end, fd;
    pid_t kid = child_with_lock(&end);
    kill(kid, SIGKILL);
    waitpid(kid, NULL, 0);
    close(end);
    ok(store_lock(dir, &fd, &err));
    store_unlock(fd);
    (void)state;
}

static void the_lock_can_be_taken_again_and_is_private(void **state)
{
    struct error err = {0};
    int fd, other;
    char path[160];
    snprintf(path, sizeof path, "%s/lock", dir);
    ok(store_lock(dir, &fd, &err));
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(store_lock(dir, &other, &err), -EWOULDBLOCK);
    store_unlock(fd);
    ok(store_lock(dir, &fd, &err));
    store_unlock(fd);
    (void)state;
}

static void who_asks_is_told_who_holds_it_and_takes_nothing(void **state)
{
    struct store_holder by = {.pid = -1};
    int end;
    assert_false(store_lock_holder(dir, &by)); /* there is no directory, and none is made */
    assert_int_equal(access(dir, F_OK), -1);
    pid_t kid = child_with_lock(&end);
    assert_true(store_lock_holder(dir, &by));
    assert_int_equal(by.pid, kid);
    assert_true(by.since > 1000000000);
    kill(kid, SIGKILL);
    waitpid(kid, NULL, 0);
    close(end);
    by.pid = -1;
    assert_false(store_lock_holder(dir, &by));
    assert_int_equal(by.pid, -1);
    (void)state;
}

static void a_link_in_place_of_the_lock_is_not_followed(void **state)
{
    struct error err = {0};
    int fd;
    char path[160];
    store_close(open_store(STORE_WRITE));
    snprintf(path, sizeof path, "%s/lock", dir);
    assert_int_equal(symlink("/tmp/elsewhere", path), 0);
    assert_int_equal(store_lock(dir, &fd, &err), -ELOOP);
    assert_non_null(strstr(err.text, path));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_second_run_is_told_who_holds_the_lock),
        fixture(a_killed_holder_holds_nothing),
        fixture(the_lock_can_be_taken_again_and_is_private),
        fixture(who_asks_is_told_who_holds_it_and_takes_nothing),
        fixture(a_link_in_place_of_the_lock_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
