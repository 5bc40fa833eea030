/* What was saved comes back exactly, also when the restore dies at any of its steps and is done again. The
 * test starts itself as "test_save --restore ROOT RECORD" with CITRUS_DIE_AT; its step.c is built with
 * fault points, whatever the library is. */
#include "root.h"
#include <limits.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define UNDO "/var/lib/citrus/undo/7"

static json_t *save(struct test_root *t, const char *path)
{
    struct buf b = {0};
    struct jsonw j;
    json_error_t why;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    assert_int_equal(fs_save(&t->h, path, UNDO, "1", &j, "it", NULL, &t->err), 0);
    jw_end(&j);
    json_t *o = json_loads(buf_str(&b), 0, &why), *it = json_incref(json_object_get(o, "it"));
    assert_non_null(it);
    json_decref(o);
    buf_free(&b);
    return it;
}

static char self[PATH_MAX]; /* this program; /proc/self/exe is another one below valgrind */

/* Restores in a process that kills itself at step n (0: never); true when it came to its end. */
static bool restore_dying(struct test_root *t, json_t *saved, unsigned n)
{
    char at[16], *record = json_dumps(saved, JSON_COMPACT);
    snprintf(at, sizeof at, "%u", n);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CITRUS_DIE_AT", at, 1);
        execl(self, "test_save", "--restore", t->dir, record, NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(record);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return false;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

/* --- what was there, and what became of it ---------------------------------------------------------------
 */

static const struct timespec then[2] = {{1500000000, 123456789}, {1600000000, 987654321}};

static void make_absent(struct test_root *t)
{
}

static ssize_t note; /* 1, or -1 where this file system has no such attributes (tmpfs before Linux 6.6) */

static void make_file(struct test_root *t)
{
    char value[8];
    put(AT("/etc/x"), "old", 0600);
    assert_int_equal(chown(AT("/etc/x"), USER, GROUP), 0);
    setxattr(AT("/etc/x"), "user.note", "n", 1, 0);
    note = getxattr(AT("/etc/x"), "user.note", value, sizeof value);
    assert_int_equal(chmod(AT("/etc/x"), 04750), 0);
    assert_int_equal(utimensat(AT_FDCWD, AT("/etc/x"), then, 0), 0);
}

static void make_link(struct test_root *t)
{
    assert_int_equal(symlink("../old", AT("/etc/x")), 0);
    assert_int_equal(lchown(AT("/etc/x"), USER, GROUP), 0);
    assert_int_equal(utimensat(AT_FDCWD, AT("/etc/x"), then, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_directory(struct test_root *t)
{
    dir(AT("/etc/x"), 02750, USER, GROUP);
    assert_int_equal(utimensat(AT_FDCWD, AT("/etc/x"), then, 0), 0);
}

static void change_not(struct test_root *t)
{
}

static void change_remove(struct test_root *t)
{
    remove(AT("/etc/x"));
}

static void change_to_file(struct test_root *t)
{
    rmdir(AT("/etc/x")); /* a file stays, and is replaced */
    assert_int_equal(fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err), 0);
    put(AT("/etc/.x.citrus~"), "leftover", 0600);
}

static void change_to_link(struct test_root *t)
{
    remove(AT("/etc/x"));
    assert_int_equal(symlink("/elsewhere", AT("/etc/x")), 0);
}

static void change_to_directory(struct test_root *t)
{
    remove(AT("/etc/x"));
    dir(AT("/etc/x"), 0755, 0, 0);
}

static void change_attributes(struct test_root *t)
{
    struct fs_stat st;
    assert_int_equal(fs_stat(&t->h, "/etc/x", &st, NULL), 0);
    if (st.type != FS_ABSENT)
        assert_int_equal(fs_attributes(&t->h, "/etc/x", 0711, 0, 0, &t->err), 0);
}

typedef void step_fn(struct test_root *t);
static step_fn *const befores[] = {make_absent, make_file, make_link, make_directory};
static step_fn *const changes[] = {change_not,     change_remove,       change_to_file,
                                   change_to_link, change_to_directory, change_attributes};

static void arrange(struct test_root *t)
{
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/outside"), "outside", 0644);
}

static void assert_as_before(struct test_root *t, size_t before, const struct stat *was)
{
    char target[64] = "";
    if (before == 0) {
        assert_gone(AT("/etc/x"));
    } else {
        struct stat st = look(AT("/etc/x"));
        assert_int_equal(st.st_mode, was->st_mode);
        assert_int_equal(st.st_uid, USER);
        assert_int_equal(st.st_gid, GROUP);
        assert_memory_equal(&st.st_mtim, &was->st_mtim, sizeof st.st_mtim);
        if (before == 1) {
            assert_int_equal(st.st_ino, was->st_ino);
            assert_int_equal(getxattr(AT("/etc/x"), "user.note", target, sizeof target), note);
            assert_content(AT("/etc/x"), "old");
        } else if (before == 2) {
            assert_int_equal(readlink(AT("/etc/x"), target, sizeof target - 1), 6);
            assert_string_equal(target, "../old");
        }
    }
    assert_int_equal(count(AT("/etc")), before != 0); /* no leftover either */
    assert_content(AT("/outside"), "outside");
}

/* One round in a fresh root; how the restore went on decides what to try next. */
static bool round_of(size_t before, size_t change, unsigned die)
{
    void *state = NULL;
    assert_int_equal(root_setup(&state), 0);
    struct test_root *t = state;
    struct stat was = {0};
    arrange(t);
    befores[before](t);
    if (before != 0)
        was = look(AT("/etc/x"));
    json_t *saved = save(t, "/etc/x");
    changes[change](t);
    bool ended = restore_dying(t, saved, die);
    if (!ended) { /* once more, as recover does */
        error_clear(&t->err);
        assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    }
    assert_as_before(t, before, &was);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0); /* and it can be repeated */
    assert_as_before(t, before, &was);
    json_decref(saved);
    root_teardown(&state);
    return ended;
}

static void whatever_became_of_it_comes_back_also_after_a_crash_at_any_step(void **state)
{
    size_t crashes = 0;
    for (size_t before = 0; before < sizeof befores / sizeof *befores; before++)
        for (size_t change = 0; change < sizeof changes / sizeof *changes; change++) {
            assert_true(round_of(before, change, 0));
            unsigned die = 1;
            while (!round_of(before, change, die))
                die++;
            crashes += die - 1;
        }
    assert_in_range(crashes, 100, 1000); /* the fault points are in this build */
}

/* --- single matters --------------------------------------------------------------------------------------
 */

static void a_save_can_be_repeated(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    make_file(t);
    json_decref(save(t, "/etc/x")); /* died before it was journalled */
    assert_int_equal(fs_write(&t->h, "/etc/x", "newer", 5, 0644, 0, 0, &t->err), 0);
    json_t *saved = save(t, "/etc/x");
    assert_int_equal(fs_write(&t->h, "/etc/x", "newest", 6, 0644, 0, 0, &t->err), 0);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    assert_content(AT("/etc/x"), "newer");
    assert_owned(AT(UNDO), 0700, 0, 0);
    json_decref(saved);
}

/* On an overlay a file of a lower layer gets another number when it is first touched. rename(2) of two names
 * of one file does nothing, and would leave the second. */
static void a_file_whose_number_moved_leaves_no_second_name(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    make_file(t);
    json_t *saved = save(t, "/etc/x");
    struct stat was = look(AT("/etc/x")), st;
    json_object_set_new(saved, "ino", json_integer((json_int_t)was.st_ino + 1));
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    assert_content(AT("/etc/x"), "old");
    assert_int_equal(lstat(AT("/etc/.x.citrus~"), &st), -1);
    json_decref(saved);
}

static void a_copy_on_another_file_system_is_exact_but_for_the_inode(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    make_file(t);
    json_t *saved = save(t, "/etc/x");
    /* the kept file as the other file system would have it */
    assert_int_equal(json_object_set_new(saved, "copied", json_true()), 0);
    struct stat was = look(AT("/etc/x"));
    assert_int_equal(fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err), 0);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    struct stat st = look(AT("/etc/x"));
    char value[8];
    assert_int_not_equal(st.st_ino, was.st_ino);
    assert_owned(AT("/etc/x"), 04750, USER, GROUP);
    assert_memory_equal(&st.st_mtim, &was.st_mtim, sizeof st.st_mtim);
    assert_int_equal(getxattr(AT("/etc/x"), "user.note", value, sizeof value), note);
    assert_content(AT("/etc/x"), "old");
    json_decref(saved);
}

static void an_undo_directory_on_another_file_system_keeps_a_copy(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    make_file(t);
    struct stat was = look(AT("/etc/x"));
    assert_int_equal(fs_mkdirs(&t->h, UNDO, 0700, &t->err), 0);
    needs_mount("tmpfs", AT(UNDO), "tmpfs", 0, "mode=0700");
    json_t *saved = save(t, "/etc/x");
    struct stat kept = look(AT(UNDO "/1"));
    assert_int_equal(fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err), 0);
    int r = fs_restore(&t->h, saved, &t->err);
    umount(AT(UNDO));
    assert_true(json_is_true(json_object_get(saved, "copied")));
    assert_int_equal(kept.st_mode, was.st_mode);
    assert_int_equal(kept.st_uid, USER);
    assert_int_equal(r, 0);
    struct stat st = look(AT("/etc/x"));
    assert_owned(AT("/etc/x"), 04750, USER, GROUP);
    assert_memory_equal(&st.st_mtim, &was.st_mtim, sizeof st.st_mtim);
    assert_content(AT("/etc/x"), "old");
    json_decref(saved);
}

/* Fills the file system of `path` to its end. */
static void fill(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void a_file_that_was_never_replaced_comes_back_on_a_full_disk(void **state)
{
    struct test_root *t = *state;
    dir(AT("/etc"), 0755, 0, 0);
    needs_mount("tmpfs", AT("/etc"), "tmpfs", 0, "mode=0755,size=64k");
    put(AT("/etc/x"), "old", 0644);
    json_t *saved = save(t, "/etc/x");
    bool copied = json_is_true(json_object_get(saved, "copied"));
    fill(AT("/etc/filler"));
    int wrote = fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err);
    int restored = fs_restore(&t->h, saved, &t->err);
    size_t left = count(AT("/etc"));
    /* and one that was, as soon as there is room; a try before that leaves nothing behind */
    unlink(AT("/etc/filler"));
    int replaced = fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err);
    fill(AT("/etc/filler"));
    int tried = fs_restore(&t->h, saved, &t->err);
    size_t left_then = count(AT("/etc"));
    unlink(AT("/etc/filler"));
    int again = fs_restore(&t->h, saved, &t->err);
    struct buf text = {0};
    fs_read(&t->h, "/etc/x", 0, &text, NULL);
    umount(AT("/etc"));
    assert_true(copied);
    assert_int_equal(wrote, -ENOSPC);
    assert_int_equal(restored, 0);
    assert_int_equal(left, 2);
    assert_int_equal(replaced, 0);
    assert_int_equal(tried, -ENOSPC);
    assert_int_equal(left_then, 2);
    assert_int_equal(again, 0);
    assert_string_equal(buf_str(&text), "old");
    buf_free(&text);
    json_decref(saved);
}

/* Of a directory only its attributes are in the record: what is in it is somebody's. */
static void a_directory_with_something_in_it_makes_no_room(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    for (size_t i = 0; i < 3; i++) {
        befores[i](t);
        json_t *saved = save(t, "/etc/x");
        unlink(AT("/etc/x"));
        mkdir(AT("/etc/x"), 0755);
        put(AT("/etc/x/theirs"), "theirs", 0644);
        assert_int_equal(fs_restore(&t->h, saved, &t->err), -ENOTEMPTY);
        assert_non_null(strstr(t->err.text, "/etc/x is not empty"));
        assert_content(AT("/etc/x/theirs"), "theirs");
        error_clear(&t->err);
        unlink(AT("/etc/x/theirs"));
        assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
        unlink(AT("/etc/x"));
        json_decref(saved);
    }
}

static void what_was_below_a_missing_directory_is_absent(void **state)
{
    struct test_root *t = *state;
    json_t *saved = save(t, "/no/such/file");
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    assert_int_equal(fs_mkdirs(&t->h, "/no/such", 0755, &t->err), 0);
    put(AT("/no/such/file"), "", 0644);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), 0);
    assert_gone(AT("/no/such/file"));
    json_decref(saved);
}

static void a_socket_is_not_saved(void **state)
{
    struct test_root *t = *state;
    struct buf b = {0};
    struct jsonw j;
    assert_int_equal(mkfifo(AT("/fifo"), 0600), 0);
    jw_init(&j, &b, false);
    assert_int_equal(fs_save(&t->h, "/fifo", UNDO, "1", &j, NULL, NULL, &t->err), -EOPNOTSUPP);
    assert_non_null(strstr(t->err.text, "/fifo"));
    assert_int_equal(b.len, 0);
}

static void a_record_that_is_none_touches_nothing(void **state)
{
    struct test_root *t = *state;
    const char *const bad[] = {"{}",
                               "[]",
                               "{\"path\": \"/a\", \"type\": \"file\"}",
                               "{\"path\": \"/a\", \"type\": \"link\"}",
                               "{\"path\": \"/a\", \"type\": \"moon\"}",
                               "{\"path\": \"a\", \"type\": \"absent\"}"};
    put(AT("/a"), "a", 0644);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *o = json_loads(bad[i], 0, NULL);
        assert_int_equal(fs_restore(&t->h, o, &t->err), -EINVAL);
        assert_int_equal(fs_restore(&t->h, o, NULL), -EINVAL);
        json_decref(o);
    }
    assert_content(AT("/a"), "a");
}

static void a_kept_file_that_is_gone_is_named(void **state)
{
    struct test_root *t = *state;
    arrange(t);
    make_file(t);
    json_t *saved = save(t, "/etc/x");
    assert_int_equal(fs_write(&t->h, "/etc/x", "new", 3, 0644, 0, 0, &t->err), 0);
    assert_int_equal(unlink(AT(UNDO "/1")), 0);
    assert_int_equal(fs_restore(&t->h, saved, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/etc/x"));
    assert_content(AT("/etc/x"), "new");
    json_decref(saved);
}

static int restore_here(const char *root, const char *record)
{
    struct host h = {.root = root, .rootfd = open(root, O_PATH | O_DIRECTORY), .offline = true};
    struct error err = {0};
    json_t *o = json_loads(record, 0, NULL);
    int r = fs_restore(&h, o, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err.text);
    json_decref(o);
    close(h.rootfd);
    return r < 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--restore") == 0)
        return restore_here(argv[2], argv[3]);
    if (!realpath(argv[0], self))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_became_of_it_comes_back_also_after_a_crash_at_any_step),
        TEST(a_save_can_be_repeated),
        TEST(a_file_whose_number_moved_leaves_no_second_name),
        TEST(a_copy_on_another_file_system_is_exact_but_for_the_inode),
        TEST(an_undo_directory_on_another_file_system_keeps_a_copy),
        TEST(a_file_that_was_never_replaced_comes_back_on_a_full_disk),
        TEST(a_directory_with_something_in_it_makes_no_room),
        TEST(what_was_below_a_missing_directory_is_absent),
        TEST(a_socket_is_not_saved),
        TEST(a_record_that_is_none_touches_nothing),
        TEST(a_kept_file_that_is_gone_is_named),
    };
    return cmocka_run_group_tests_name("save", tests, NULL, NULL);
}
