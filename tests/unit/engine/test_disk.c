/* A disk that is full or read-only: said before anything is begun where that can be seen, and taken back
 * where it could not. In a mount namespace of its own. */
#include "rig.h"
#include <sched.h>
#include <sys/mount.h>

#define STATE "/var/lib/citrus"

static bool can_mount;

static int alone(void **state)
{
    can_mount = unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
    if (can_mount)
        return 0;
    int why = errno;
    print_message("no mounts can be made here (%s): what needs them is skipped\n", strerror(why));
    return why == EPERM || why == EACCES ? 0 : -1; /* anything else is no matter of permission */
}
#define NEEDS_MOUNTS                                                                                         \
    do {                                                                                                     \
        if (!can_mount)                                                                                      \
            skip();                                                                                          \
    } while (0)

static void mount_small(struct rig *t, const char *path, const char *size)
{
    assert_int_equal(fs_mkdirs(t->h, path, 0700, &t->err), 0);
    assert_int_equal(
        mount("tmpfs", rig_path(t, path), "tmpfs", 0, arena_printf(&t->a, "mode=700,size=%s", size)), 0);
}

/* The state directory on a file system of so many bytes; what was applied before is forgotten. */
static struct rig *rig_small(const char *size)
{
    struct rig *t = rig_new("{}");
    mount_small(t, STATE, size);
    rig_again(t, "{}");
    return t;
}

static void rig_unmount(struct rig *t, const char *path)
{
    assert_int_equal(umount2(rig_path(t, path), MNT_DETACH), 0);
    rig_free(t);
}

/* Fills it up, but for `left` bytes. */
static void fill(struct rig *t, size_t left)
{
    static const char block[4096];
    const char *path = rig_path(t, STATE "/filler");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t n = 0;
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        n += (off_t)sizeof block;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ftruncate(fd, n > (off_t)left ? n - (off_t)left : 0), 0);
    close(fd);
}

static size_t open_transactions(struct rig *t)
{
    struct store_tx *open;
    size_t n;
    assert_int_equal(store_tx_open(t->s, &t->a, &open, &n, &t->err), 0);
    return n;
}

static void some_files(struct rig *t)
{
    rig_put(t, "/etc/old", "old");
    rig_file(t, "/etc/a", NULL, "a");
    rig_file(t, "/etc/old", NULL, "new");
    rig_file(t, "/etc/z", NULL, "z");
}

/* --- full ------------------------------------------------------------------------------------------------
 */

static void without_room_for_the_way_back_nothing_is_begun(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_small("4m");
    some_files(t);
    char *before = rig_tree(t);
    fill(t, 300 << 10);
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_int_equal(apply_exit(&t->res), 1);
    assert_non_null(strstr(t->res.err.text, STATE "/store.db"));
    assert_non_null(strstr(t->res.err.hint, "make room"));
    assert_string_equal(rig_tree(t), before);
    assert_false(rig_there(t, STATE "/reserve"));
    assert_int_equal(open_transactions(t), 0);
    assert_int_equal(unlink(rig_path(t, STATE "/filler")), 0);
    rig_done(t);
    assert_false(rig_there(t, STATE "/reserve"));
    rig_unmount(t, STATE);
}

static void fills_up(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/z") == 0)
        fill(t, 0);
}

static void a_disk_that_fills_up_in_the_middle_leaves_the_old_state(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_small("6m");
    some_files(t);
    char *before = rig_tree(t);
    t->hook = fills_up;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_int_equal(apply_exit(&t->res), 3);
    assert_non_null(strstr(t->res.failures.at[0].err.text, "store.db"));
    assert_non_null(strstr(t->res.failures.at[0].err.hint, "make room"));
    assert_string_equal(rig_tree(t), before);
    assert_int_equal(open_transactions(t), 0);
    assert_int_equal(unlink(rig_path(t, STATE "/filler")), 0);
    rig_again(t, "{}");
    some_files(t);
    rig_done(t);
    rig_unmount(t, STATE);
}

/* What was set aside is eaten as well. */
static void fills_up_whole(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "/etc/z") != 0)
        return;
    store_reserve_release(t->s);
    fill(t, 0);
}

static void a_journal_that_cannot_be_written_keeps_nobody_from_taking_back(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_small("6m");
    struct recover_item *items;
    size_t n;
    some_files(t);
    char *before = rig_tree(t);
    t->hook = fills_up_whole;
    rig_plan(t);
    assert_int_equal(engine_apply(&t->e, t->p, &t->o, &t->res, &t->err), -ENOSPC);
    assert_string_equal(rig_tree(t), before);
    assert_int_equal(open_transactions(t), 1);
    assert_int_equal(unlink(rig_path(t, STATE "/filler")), 0);
    before = strdup(before);
    rig_again(t, "{}");
    assert_int_equal(engine_recover(&t->e, &t->a, &items, &n, &t->err), 0);
    assert_int_equal(n, 1);
    assert_false(items[0].stuck);
    assert_string_equal(rig_tree(t), before);
    assert_int_equal(open_transactions(t), 0);
    some_files(t);
    rig_done(t);
    free(before);
    rig_unmount(t, STATE);
}

/* --- read-only -------------------------------------------------------------------------------------------
 */

static void read_only(struct rig *t, const char *path, bool on)
{
    assert_int_equal(
        mount("tmpfs", rig_path(t, path), "tmpfs", MS_REMOUNT | (on ? MS_RDONLY : 0), "mode=755"), 0);
}

static void on_a_read_only_file_system_nothing_of_the_server_is_begun(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/there", "it is");
    mount_small(t, "/srv", "1m");
    read_only(t, "/srv", true);
    rig_file(t, "/etc/a", NULL, "a");
    rig_file(t, "/srv/b", NULL, "b");
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_int_equal(apply_exit(&t->res), 1);
    assert_non_null(strstr(t->res.err.text, "/srv/b cannot be changed: Read-only file system"));
    assert_non_null(strstr(t->res.err.hint, "remount,rw"));
    assert_false(rig_there(t, "/etc/a"));
    assert_null(strstr(buf_str(&t->told), "start"));
    read_only(t, "/srv", false);
    rig_done(t);
    rig_unmount(t, "/srv");
}

/* Among so many directories that those that were asked before are forgotten, and asked again. */
static void a_read_only_file_system_is_met_among_many_directories(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_new("{}");
    char path[64];
    rig_put(t, "/etc/there", "it is");
    mount_small(t, "/srv", "1m");
    read_only(t, "/srv", true);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20; i++) {
            snprintf(path, sizeof path, "/etc/d%d/%d", i, round);
            rig_file(t, arena_strdup(&t->a, path), NULL, "a");
        }
    rig_file(t, "/srv/b", NULL, "b");
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_non_null(strstr(t->res.err.text, "/srv/b cannot be changed: Read-only file system"));
    assert_false(rig_there(t, "/etc/d0"));
    read_only(t, "/srv", false);
    rig_done(t);
    assert_string_equal(rig_read(t, "/etc/d19/1"), "a");
    rig_unmount(t, "/srv");
}

static void a_site_on_a_read_only_file_system_is_left_alone(void **state)
{
    NEEDS_MOUNTS;
    struct rig *t = rig_new("{}");
    rig_put(t, "/etc/there", "it is");
    mount_small(t, "/srv", "1m");
    read_only(t, "/srv", true);
    rig_file(t, "/etc/a", "a.example.com", "a");
    rig_directory(t, "/srv/b", "b.example.com", false);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_true(rig_there(t, "/etc/a"));
    assert_string_equal(t->res.failures.at[0].site, "b.example.com");
    read_only(t, "/srv", false);
    rig_done(t);
    assert_true(rig_there(t, "/srv/b"));
    rig_unmount(t, "/srv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_room_for_the_way_back_nothing_is_begun),
        cmocka_unit_test(a_disk_that_fills_up_in_the_middle_leaves_the_old_state),
        cmocka_unit_test(a_journal_that_cannot_be_written_keeps_nobody_from_taking_back),
        cmocka_unit_test(on_a_read_only_file_system_nothing_of_the_server_is_begun),
        cmocka_unit_test(a_read_only_file_system_is_met_among_many_directories),
        cmocka_unit_test(a_site_on_a_read_only_file_system_is_left_alone),
    };
    return cmocka_run_group_tests_name("disk", tests, alone, NULL);
}
