#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static char top[64], place[96], part[112], large[64 * 1024];

static int setup(void **state)
{
    strcpy(top, "/tmp/citrus-test-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(place, sizeof place, "%s/plan", top);
    snprintf(part, sizeof part, "%s.citrus~", place);
    memset(large, 'x', sizeof large);
    return 0;
}

static int teardown(void **state)
{
    unlink(place);
    unlink(part);
    return rmdir(top);
}

static void assert_there(const char *text, size_t n, mode_t mode)
{
    static char got[sizeof large + 1];
    struct stat st;
    int fd = open(place, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got), (ssize_t)n);
    assert_memory_equal(got, text, n);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
    close(fd);
    assert_int_equal(access(part, F_OK), -1);
}

static void a_file_is_made_and_replaced_as_a_whole(void **state)
{
    mode_t mask = umask(077);
    assert_int_equal(file_replace(place, "one", 3, 0600, (uid_t)-1, (gid_t)-1), 0);
    assert_there("one", 3, 0600);
    assert_int_equal(symlink("/etc/passwd", part), 0); /* what somebody left there is nobody's to write to */
    assert_int_equal(file_replace(place, large, sizeof large, 0644, (uid_t)-1, (gid_t)-1), 0);
    umask(mask);
    assert_there(large, sizeof large, 0644);
    assert_int_equal(file_replace("/tmp/citrus-test-none/plan", "one", 3, 0600, (uid_t)-1, (gid_t)-1),
                     -ENOENT);
}

/* The first write takes what there is room for, and says so with no errno; the next one has the reason. */
static void a_disk_that_becomes_full_is_said_as_that(void **state)
{
    struct rlimit before, small;
    assert_int_equal(file_replace(place, "one", 3, 0600, (uid_t)-1, (gid_t)-1), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){8192, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = file_replace(place, large, sizeof large, 0600, (uid_t)-1, (gid_t)-1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_there("one", 3, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_made_and_replaced_as_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_becomes_full_is_said_as_that, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
