/* A temporary directory as a system's root, and short ways to arrange and look at it from outside (by plain
 * calls with plain paths, so that a test does not believe what it tests). The tests run as root. */
#ifndef CITRUS_TEST_ROOT_H
#define CITRUS_TEST_ROOT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include "../timely.h"
#include "fs.h"
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { USER = 4711, GROUP = 4712 }; /* numbers that nobody has */

struct test_root {
    char dir[64];
    struct host h;
    struct error err;
    struct arena a;
};

/* What changed this instant is not remembered: a second change could look the same. On a busy machine the
 * instant may be over before a test has looked; it tries again as long as this is false of when it began, and
 * says so if it never was true. */
static inline bool within_the_instant(double began)
{
    return seconds() - began < 0.01;
}

/* A machine that permits no mounts skips the test, and says so; whatever else a mount fails with fails it. */
static inline void needs_mount(const char *what, const char *at, const char *type, unsigned long flags,
                               const char *how)
{
    if (mount(what, at, type, flags, how) == 0)
        return;
    if (errno != EPERM && errno != EACCES)
        fail_msg("%s cannot be mounted at %s: %s", what, at, strerror(errno));
    print_message("skipped: mounting is not permitted here\n");
    skip();
}

static inline int root_setup(void **state)
{
    struct test_root *t = calloc(1, sizeof *t);
    if (!t)
        return -1;
    strcpy(t->dir, "/tmp/citrus-test-XXXXXX");
    if (!mkdtemp(t->dir) || chmod(t->dir, 0755) < 0)
        return -1;
    t->h.root = t->dir;
    t->h.rootfd = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    t->h.offline = true;
    t->h.ops = &host_offline_ops;
    *state = t;
    return t->h.rootfd < 0 ? -1 : 0;
}

static inline int root_forget(const char *path, const struct stat *st, int type, struct FTW *f)
{
    return remove(path);
}

static inline int root_teardown(void **state)
{
    struct test_root *t = *state;
    nftw(t->dir, root_forget, 16, FTW_DEPTH | FTW_PHYS);
    close(t->h.rootfd);
    arena_free(&t->a);
    free(t);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, root_setup, root_teardown)
#define AT(path)   arena_printf(&t->a, "%s%s", t->dir, path)

static inline void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static inline void dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, uid, gid), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void assert_content(const char *path, const char *text)
{
    char got[4096] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    assert_true(fd >= 0);
    ssize_t n = read(fd, got, sizeof got - 1);
    close(fd);
    assert_true(n >= 0);
    assert_string_equal(got, text);
}

static inline struct stat look(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st;
}

static inline void assert_gone(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), -1);
    assert_int_equal(errno, ENOENT);
}

static inline void assert_owned(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat st = look(path);
    assert_int_equal(st.st_mode & 07777, mode);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
}

static inline size_t count(const char *path) /* entries of a directory */
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, NULL);
    assert_true(n >= 2);
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return (size_t)n - 2;
}

#endif
