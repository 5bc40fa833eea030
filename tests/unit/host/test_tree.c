#include "root.h"
#include <sys/mount.h>

static void a_tree_is_removed_and_nothing_beside_it(void **state)
{
    struct test_root *t = *state;
    dir(AT("/keep"), 0755, 0, 0);
    put(AT("/keep/a"), "kept", 0644);
    dir(AT("/site"), 0755, USER, GROUP);
    dir(AT("/site/d"), 0000, USER, GROUP);
    put(AT("/site/d/f"), "", 0000);
    assert_int_equal(symlink("../keep", AT("/site/l")), 0);
    assert_int_equal(symlink("/keep", AT("/site/d/l")), 0);
    assert_int_equal(mkfifo(AT("/site/fifo"), 0600), 0);
    assert_int_equal(fs_remove_tree(&t->h, "/site", &t->err), 0);
    assert_gone(AT("/site"));
    assert_content(AT("/keep/a"), "kept");
    assert_int_equal(fs_remove_tree(&t->h, "/site", &t->err), 0);
    assert_int_equal(fs_remove_tree(&t->h, "/no/site", &t->err), 0);
    assert_int_equal(symlink("/keep", AT("/l")), 0);
    assert_int_equal(fs_remove_tree(&t->h, "/l", &t->err), 0);
    assert_content(AT("/keep/a"), "kept");
}

/* More than are taken away at a time, by some threads, with directories among them. */
static void many(struct test_root *t, char *name)
{
    dir(AT("/keep"), 0755, 0, 0);
    put(AT("/keep/a"), "kept", 0644);
    dir(AT("/many"), 0755, 0, 0);
    for (int i = 0; i < 700; i++) {
        sprintf(name, "/many/%d", i);
        if (i % 50) {
            put(AT(name), "x", 0644);
            continue;
        }
        dir(AT(name), 0755, 0, 0);
        for (int k = 0; k < 20; k++) {
            sprintf(name, "/many/%d/%d", i, k);
            put(AT(name), "y", 0644);
        }
        sprintf(name, "/many/%d/link", i);
        assert_int_equal(symlink("../../keep", AT(name)), 0);
    }
}

static void a_tree_of_many_is_removed_by_threads(void **state)
{
    struct test_root *t = *state;
    char name[64];
    many(t, name);
    assert_int_equal(fs_remove_tree(&t->h, "/many", &t->err), 0);
    assert_gone(AT("/many"));
    assert_content(AT("/keep/a"), "kept");
}

static void what_cannot_go_is_named_among_many(void **state)
{
    struct test_root *t = *state;
    char name[64];
    many(t, name);
    needs_mount(AT("/keep/a"), AT("/many/321"), "none", MS_BIND, NULL);
    int removed = fs_remove_tree(&t->h, "/many", &t->err);
    assert_int_equal(umount(AT("/many/321")), 0);
    assert_int_equal(removed, -EBUSY);
    assert_non_null(strstr(t->err.text, "/many/321"));
    assert_non_null(strstr(t->err.hint, "unmount"));
    assert_content(AT("/many/321"), "x");
    assert_content(AT("/keep/a"), "kept");
}

static void what_is_mounted_in_a_tree_is_not_emptied(void **state)
{
    struct test_root *t = *state;
    struct fs_tree tree = {0};
    struct hash128 digest;
    dir(AT("/data"), 0755, 0, 0);
    put(AT("/data/a"), "kept", 0644);
    dir(AT("/site"), 0755, 0, 0);
    dir(AT("/site/uploads"), 0755, 0, 0);
    /* a bind mount of the same file system: its st_dev is the same */
    needs_mount(AT("/data"), AT("/site/uploads"), "none", MS_BIND, NULL);
    int removed = fs_remove_tree(&t->h, "/site", &t->err);
    struct error own_err = {0};
    int owned = fs_own_tree(&t->h, "/site", USER, GROUP, 0700, 0600, &own_err);
    int digested = fs_tree_digest(&t->h, "/site", &tree, &digest, NULL);
    assert_int_equal(umount(AT("/site/uploads")), 0);
    assert_int_equal(removed, -EXDEV);
    assert_non_null(strstr(t->err.text, "/site/uploads"));
    assert_non_null(strstr(t->err.hint, "unmount"));
    assert_content(AT("/data/a"), "kept");
    assert_int_equal(owned, 0);
    assert_owned(AT("/data/a"), 0644, 0, 0);
    assert_int_equal(digested, 0);
    assert_int_equal(tree.files, 0);
}

static void a_tree_that_is_too_deep_is_refused(void **state)
{
    struct test_root *t = *state;
    struct fs_tree tree = {0};
    struct hash128 digest;
    dir(AT("/t"), 0755, 0, 0);
    int at = open(AT("/t"), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mkdirat(at, "d", 0755), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    close(at);
    assert_int_equal(fs_remove_tree(&t->h, "/t", &t->err), -ELOOP);
    assert_int_equal(fs_own_tree(&t->h, "/t", USER, GROUP, 0755, 0644, &t->err), -ELOOP);
    assert_int_equal(fs_tree_digest(&t->h, "/t", &tree, &digest, &t->err), -ELOOP);
}

static void a_tree_gets_its_owner_and_links_do_not_lead_away(void **state)
{
    struct test_root *t = *state;
    put(AT("/etc"), "etc", 0600);
    dir(AT("/site"), 0700, 0, 0);
    dir(AT("/site/d"), 0777, 0, 0);
    put(AT("/site/d/suid"), "", 04755);
    put(AT("/site/a"), "", 0600);
    assert_int_equal(symlink("../etc", AT("/site/l")), 0);
    assert_int_equal(fs_own_tree(&t->h, "/site", USER, GROUP, 0750, 0640, &t->err), 0);
    assert_owned(AT("/site"), 0750, USER, GROUP);
    assert_owned(AT("/site/d"), 0750, USER, GROUP);
    assert_owned(AT("/site/d/suid"), 0640, USER, GROUP);
    assert_owned(AT("/site/a"), 0640, USER, GROUP);
    assert_int_equal(look(AT("/site/l")).st_uid, USER);
    assert_owned(AT("/etc"), 0600, 0, 0);
    unsigned long before = host_steps(); /* a second time there is nothing to do */
    assert_int_equal(fs_own_tree(&t->h, "/site", USER, GROUP, 0750, 0640, &t->err), 0);
    assert_int_equal(host_steps(), before);
    assert_int_equal(fs_own_tree(&t->h, "/none", USER, GROUP, 0750, 0640, &t->err), -ENOENT);
}

/* --- digests -------------------------------------------------------------------------------------------- */

static struct hash128 digest_of(struct test_root *t, struct fs_tree *tree)
{
    struct hash128 digest = {0};
    assert_int_equal(fs_tree_digest(&t->h, "/t", tree, &digest, &t->err), 0);
    return digest;
}

static void arrange(struct test_root *t)
{
    dir(AT("/t"), 0755, 0, 0);
    dir(AT("/t/wp-includes"), 0755, 0, 0);
    put(AT("/t/index.php"), "<?php", 0644);
    put(AT("/t/wp-includes/a.php"), "a", 0644);
    put(AT("/t/wp-includes/b.php"), "b", 0644);
    assert_int_equal(symlink("index.php", AT("/t/link")), 0);
}

static void a_digest_tells_contents_names_and_types(void **state)
{
    struct test_root *t = *state;
    struct fs_tree tree = {0};
    arrange(t);
    struct hash128 one = digest_of(t, &tree);
    assert_int_equal(tree.files, 3);
    assert_int_equal(chmod(AT("/t/index.php"), 0600), 0);
    assert_int_equal(chown(AT("/t/wp-includes"), USER, GROUP), 0);
    put(AT("/t/index.php"), "<?php", 0644); /* another time, the same content */
    assert_true(hash_equal(one, digest_of(t, &tree)));
    put(AT("/t/wp-includes/a.php"), "A", 0644);
    assert_false(hash_equal(one, digest_of(t, &tree)));
    put(AT("/t/wp-includes/a.php"), "a", 0644);
    assert_true(hash_equal(one, digest_of(t, &tree)));
    assert_int_equal(rename(AT("/t/wp-includes/b.php"), AT("/t/b.php")), 0);
    assert_false(hash_equal(one, digest_of(t, &tree)));
    assert_int_equal(rename(AT("/t/b.php"), AT("/t/wp-includes/b.php")), 0);
    dir(AT("/t/empty"), 0755, 0, 0);
    assert_false(hash_equal(one, digest_of(t, &tree)));
    assert_int_equal(rmdir(AT("/t/empty")), 0);
    assert_int_equal(unlink(AT("/t/link")), 0);
    assert_int_equal(symlink("wp-includes", AT("/t/link")), 0);
    assert_false(hash_equal(one, digest_of(t, &tree)));
}

static bool core_only(const char *name, bool is_directory)
{
    return is_directory ? strcmp(name, "wp-includes") == 0 : strstr(name, ".php") != NULL;
}

static void a_digest_leaves_out_what_does_not_count(void **state)
{
    struct test_root *t = *state;
    const char *const skip[] = {"wp-content", "wp-config.php", NULL};
    struct fs_tree all = {0}, some = {.skip = skip}, core = {.only_top = core_only};
    arrange(t);
    struct hash128 one = digest_of(t, &all), two = digest_of(t, &core);
    dir(AT("/t/wp-content"), 0755, 0, 0);
    put(AT("/t/wp-content/x"), "x", 0644);
    put(AT("/t/wp-config.php"), "x", 0644);
    assert_true(hash_equal(one, digest_of(t, &some)));
    assert_false(hash_equal(one, digest_of(t, &all)));
    assert_int_equal(all.files, 5);
    assert_int_equal(some.files, 3);
    assert_int_equal(unlink(AT("/t/wp-config.php")), 0);
    assert_true(hash_equal(two, digest_of(t, &core)));
    /* skip and only_top are about the top alone */
    put(AT("/t/wp-includes/wp-config.php"), "x", 0644);
    assert_false(hash_equal(one, digest_of(t, &some)));
}

struct cache {
    char path[128];
    struct fs_stat st;
    struct hash128 digest;
    int puts;
};

static bool cache_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    struct cache *c = self;
    if (strcmp(c->path, path) != 0 || memcmp(&c->st, st, sizeof *st) != 0)
        return false;
    *ret = c->digest;
    return true;
}

static void cache_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct cache *c = self;
    snprintf(c->path, sizeof c->path, "%s", path);
    c->st = *st;
    c->digest = digest;
    c->puts++;
}

static void a_tree_is_one_row_of_the_cache_until_a_file_moves(void **state)
{
    struct test_root *t = *state;
    struct cache c = {0};
    struct digest_cache dc = {cache_get, cache_put, &c};
    struct fs_tree tree = {0};
    t->h.cache = &dc;
    arrange(t);
    bool within = false;
    for (int i = 0; i < 50 && !within; i++) {
        memset(&c, 0, sizeof c);
        double began = seconds();
        put(AT("/t/wp-includes/b.php"), "b", 0644);
        digest_of(t, &tree);
        within = within_the_instant(began);
    }
    if (within)
        assert_int_equal(c.puts, 0);
    else
        print_message("too slow here to look within 10 ms of a change: not tested\n");
    memset(&c, 0, sizeof c);
    usleep(150000);
    struct hash128 one = digest_of(t, &tree);
    assert_int_equal(c.puts, 1);
    assert_string_equal(c.path, "/t//tree");
    c.digest.low = 7; /* so that an answer from the cache can be told */
    tree.files = 0;
    assert_int_equal(digest_of(t, &tree).low, 7);
    assert_int_equal(tree.files, 3);
    t->h.verify = true;
    assert_true(hash_equal(one, digest_of(t, &tree)));
    t->h.verify = false;
    c.digest.low = 7;
    put(AT("/t/wp-includes/b.php"), "B", 0644);
    struct hash128 two = digest_of(t, &tree);
    assert_false(hash_equal(one, two));
    assert_int_not_equal(two.low, 7);
}

static void a_digest_of_what_is_no_directory_is_an_error(void **state)
{
    struct test_root *t = *state;
    struct fs_tree tree = {0};
    struct hash128 digest;
    put(AT("/file"), "", 0644);
    assert_int_equal(fs_tree_digest(&t->h, "/none", &tree, &digest, &t->err), -ENOENT);
    assert_int_equal(fs_tree_digest(&t->h, "/file", &tree, &digest, &t->err), -ENOTDIR);
}

/* --- the trash ------------------------------------------------------------------------------------------ */

static void a_tree_goes_to_the_trash_once(void **state)
{
    struct test_root *t = *state;
    char *where;
    arrange(t);
    assert_int_equal(fs_trash(&t->h, "/t", "7-blog", &t->a, &where, &t->err), 0);
    assert_string_equal(where, "/var/lib/citrus/trash/7-blog");
    assert_owned(AT("/var/lib/citrus/trash"), 0700, 0, 0);
    assert_content(AT("/var/lib/citrus/trash/7-blog/index.php"), "<?php");
    assert_gone(AT("/t"));
    /* again after a crash */
    assert_int_equal(fs_trash(&t->h, "/t", "7-blog", &t->a, &where, &t->err), 0);
    assert_string_equal(where, "/var/lib/citrus/trash/7-blog");
    put(AT("/t"), "another", 0644);
    assert_int_equal(fs_trash(&t->h, "/t", "7-blog", &t->a, &where, &t->err), -EEXIST);
    assert_content(AT("/t"), "another");
    assert_int_equal(fs_trash(&t->h, "/none", "8", &t->a, &where, &t->err), -ENOENT);
    assert_int_equal(fs_trash(&t->h, "/t", "../8", &t->a, &where, &t->err), -EINVAL);
}

static void another_file_system_has_its_trash_beside_the_tree(void **state)
{
    struct test_root *t = *state;
    char *where;
    dir(AT("/srv"), 0755, 0, 0);
    needs_mount("tmpfs", AT("/srv"), "tmpfs", 0, "mode=0755");
    dir(AT("/srv/blog"), 0755, USER, GROUP);
    put(AT("/srv/blog/a"), "a", 0644);
    int first = fs_trash(&t->h, "/srv/blog", "9", &t->a, &where, &t->err);
    int again = fs_trash(&t->h, "/srv/blog", "9", &t->a, &where, &t->err);
    struct stat st = {0}, beside = {0};
    int moved = lstat(AT("/srv/.citrus-trash/9/a"), &st);
    lstat(AT("/srv/.citrus-trash"), &beside);
    /* a directory that somebody put there to receive a tree */
    int given = chown(AT("/srv/.citrus-trash"), USER, GROUP);
    mkdir(AT("/srv/next"), 0755);
    int refused = fs_trash(&t->h, "/srv/next", "10", &t->a, &where, &t->err);
    umount(AT("/srv"));
    assert_int_equal(first, 0);
    assert_int_equal(again, 0);
    assert_string_equal(where, "/srv/.citrus-trash/9");
    assert_int_equal(moved, 0);
    assert_int_equal(beside.st_mode & 07777, 0700);
    assert_int_equal(given, 0);
    assert_int_equal(refused, -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_removed_and_nothing_beside_it),
        TEST(a_tree_of_many_is_removed_by_threads),
        TEST(what_cannot_go_is_named_among_many),
        TEST(what_is_mounted_in_a_tree_is_not_emptied),
        TEST(a_tree_that_is_too_deep_is_refused),
        TEST(a_tree_gets_its_owner_and_links_do_not_lead_away),
        TEST(a_digest_tells_contents_names_and_types),
        TEST(a_digest_leaves_out_what_does_not_count),
        TEST(a_tree_is_one_row_of_the_cache_until_a_file_moves),
        TEST(a_digest_of_what_is_no_directory_is_an_error),
        TEST(a_tree_goes_to_the_trash_once),
        TEST(another_file_system_has_its_trash_beside_the_tree),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
