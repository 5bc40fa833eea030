/* The core's files: altered, fetched, exchanged, and a crash at each rename and removal. */
#include "wordpress_world.h"
/* it needs cmocka.h */
#include "../host/memory.h"
#include <sys/wait.h>

static void an_altered_core_is_seen_and_only_the_core_is_put_back(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    w.refuse_install = true; /* nobody asks for it again */
    kit_put(t, HTDOCS "/wp-content/plugins/mine.php", "mine\n", 0644);
    kit_put(t, HTDOCS "/robots.txt", "mine\n", 0644);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php evil();\n", 0640);
    kit_put(t, HTDOCS "/wp-includes/evil.php", "<?php evil();\n", 0644);
    kit_put(t, HTDOCS "/wp-evil.php", "<?php evil();\n", 0644);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "core: altered -> intact");
    there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_false(kit_there(t, HTDOCS "/wp-evil.php"));
    assert_false(kit_there(t, HTDOCS "/wp-includes/evil.php"));
    assert_string_equal(kit_read(t, HTDOCS "/wp-admin/admin.php"), "<?php // admin\n");
    assert_string_equal(kit_read(t, HTDOCS "/wp-content/plugins/mine.php"), "mine\n");
    assert_string_equal(kit_read(t, HTDOCS "/robots.txt"), "mine\n");
    assert_false(kit_there(t, HTDOCS "/.citrus-core~"));
    world_free(t);
}

/* Its own PHP could change it, whatever it holds now. */
static void a_core_that_others_may_write_to_is_seen_and_put_back(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    for (int i = 0; i < 4; i++) {
        const char *path = i % 2 ? HTDOCS "/wp-admin/css" : HTDOCS "/wp-admin/css/a.css";
        if (i < 2)
            assert_int_equal(chown(kit_path(t, path), 1000, 1000), 0);
        else
            assert_int_equal(chmod(kit_path(t, path), i % 2 ? 0775 : 0646), 0);
        struct change *c = prepared(t, r);
        assert_string_equal(kit_delta(t, c), "core: writable -> intact");
        assert_string_equal(c->summary, "core files put back");
        there_and_back(t, r, OP_UPDATE);
        json_decref(kit_apply(t, prepared(t, r)));
        assert_int_equal(kit_stat(t, path).st_uid, 0);
        assert_int_equal(kit_stat(t, path).st_mode & 0777, i % 2 ? 0755 : 0644);
    }
    assert_int_equal(chown(kit_path(t, HTDOCS "/wp-content/themes"), 1000, 1000), 0);
    assert_int_equal(kit_change(t, r)->op, OP_NONE); /* the site's own */
    world_free(t);
}

/* Told by its directories: host/fs_stamps.h. */
static void a_core_that_was_put_right_in_place_is_not_put_right_again(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    const char *deep = HTDOCS "/wp-admin/admin.php";
    memset(&memory, 0, sizeof memory);
    t->h->cache = &cache;
    t->h->memo = &memo;
    json_decref(kit_apply(t, prepared(t, r)));
    usleep(150000);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_put(t, deep, "<?php evil();\n", 0644);
    assert_int_equal(kit_change(t, r)->op, OP_NONE); /* within the hour, and a put in place */
    usleep(150000);
    memory_row(HTDOCS "//directories")->ctime_ns = 0;
    assert_string_equal(kit_delta(t, kit_change(t, r)), "core: altered -> intact");
    assert_true(memory_row(HTDOCS "//directories")->ctime_ns > 0);
    kit_put(t, deep, "<?php // admin\n", 0644);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    world_free(t);
}

static void a_lost_cache_does_not_make_a_core_unknown_and_comes_back_when_needed(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(fs_remove_tree(t->h, "/var/cache/citrus", &t->err), 0);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_put(t, HTDOCS "/wp-login.php", "<?php evil();\n", 0644);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(w.unpacked, 2);
    world_free(t);
}

static void an_altered_cache_never_reaches_a_site(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    struct wordpress_artifact names;
    prepared(t, r);
    wordpress_artifact_names(&t->a, r->spec, &names);
    kit_put(t, arena_printf(&t->a, "%s/wp-login.php", names.tree), "<?php evil();\n", 0644);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_string_equal(kit_read(t, HTDOCS "/wp-login.php"), "<?php // login\n");
    world_free(t);
}

static void what_was_fetched_first_must_come_again(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    struct wordpress_artifact names;
    prepared(t, r);
    wordpress_artifact_names(&t->a, r->spec, &names);
    kit_put(t, names.sha256_file, "0000000000000000000000000000000000000000000000000000000000000000\n", 0600);
    assert_int_equal(fs_remove_tree(t->h, "/var/cache/citrus", &t->err), 0);
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, URL));
    assert_non_null(strstr(t->err.hint, names.sha256_file));
    world_free(t);
}

static void a_source_that_is_not_there_fails_in_prepare_and_names_site_and_address(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    ((struct wordpress_spec *)r->spec)->source = "https://example.org/none.tar.gz";
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "a.example"));
    assert_non_null(strstr(t->err.text, "https://example.org/none.tar.gz"));
    assert_non_null(strstr(t->err.text, "404"));
    world_free(t);
}

static void an_archive_of_another_version_is_refused(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    w.version = "6.8";
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "holds WordPress 6.8, not WordPress 7.1.1"));
    world_free(t);
}

/* Set in a child alone: how many more renames and removals it lives, and whether the last one still happens.
 */
static int lives = -1;
static bool last_happens;

int __real_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_renameat2(int, const char *, int, const char *, unsigned);
int __real_unlinkat(int, const char *, int);
int __wrap_unlinkat(int, const char *, int);

int __wrap_renameat2(int fromfd, const char *from, int tofd, const char *to, unsigned flags)
{
    bool dies = lives > 0 && --lives == 0;
    int r = dies && !last_happens ? 0 : __real_renameat2(fromfd, from, tofd, to, flags);
    if (dies)
        _exit(42);
    return r;
}

int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
    bool dies = lives > 0 && --lives == 0;
    int r = dies && !last_happens ? 0 : __real_unlinkat(dirfd, name, flags);
    if (dies)
        _exit(42);
    return r;
}

/* Runs apply, or undo where `undo` is given, in a child that dies at its `n`th rename or removal. False when
 * it came to its end before. */
static bool dies_at(struct kit *t, struct change *c, int n, bool happens, json_t *undo)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        lives = n;
        last_happens = happens;
        if (undo)
            wordpress_kind.undo(&t->ctx, c->res, c->op, undo, &t->err);
        else
            wordpress_kind.apply(&t->ctx, c, &t->err);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

/* The machine booted between apply and undo, and has numbered its devices anew. */
static void after_a_boot(json_t *undo)
{
    json_t *old;
    size_t i;
    assert_true(json_array_size(json_object_get(undo, "old")) > 3);
    json_array_foreach(json_object_get(undo, "old"), i, old)
    {
        if (json_object_get(old, "dev"))
            json_object_set_new(old, "dev", json_integer(4711));
    }
}

static void a_core_change_that_dies_anywhere_is_undone(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    bool died = true;
    int n = 0;
    json_decref(kit_apply(t, prepared(t, r)));
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php edited();\n", 0644);
    kit_put(t, HTDOCS "/wp-more.php", "<?php more();\n", 0600);
    char *before = kit_tree(t);
    for (; died; n++) {
        struct change *c = prepared(t, r);
        json_t *undo = kit_capture(t, c);
        died = dies_at(t, c, n / 2 + 1, n % 2, NULL);
        after_a_boot(undo);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
    }
    assert_in_range(n, 10, 200); /* it did die, at more places than a few */
    world_free(t);
}

static void an_undo_that_dies_anywhere_is_undone_by_the_next(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    bool died = true;
    int n = 0;
    json_decref(kit_apply(t, prepared(t, r)));
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php edited();\n", 0644);
    kit_put(t, HTDOCS "/wp-more.php", "<?php more();\n", 0600);
    char *before = kit_tree(t);
    for (; died; n++) {
        struct change *c = prepared(t, r);
        json_t *undo = kit_apply(t, c);
        died = dies_at(t, c, n / 2 + 1, n % 2, undo);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
    }
    assert_in_range(n, 8, 200);
    world_free(t);
}

/* A link that a site was moved with, a directory where a script belongs; a directory of the site's own stays.
 */
static void whatever_lies_in_a_core_parts_place_comes_back(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(fs_rename(t->h, HTDOCS "/wp-admin", HTDOCS "/admin", &t->err), 0);
    kit_link(t, "admin", HTDOCS "/wp-admin");
    there_and_back(t, r, OP_UPDATE);
    assert_int_equal(fs_unlink(t->h, HTDOCS "/index.php", &t->err), 0);
    kit_put(t, HTDOCS "/index.php/page.html", "a page\n", 0644);
    kit_put(t, HTDOCS "/wp-own.php/page.html", "a page\n", 0644);
    there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_string_equal(kit_read(t, HTDOCS "/wp-own.php/page.html"), "a page\n");
    world_free(t);
}

static void what_was_put_into_new_content_is_kept_when_the_core_is_undone(void **state)
{
    static const char *const theirs[] = {"/wp-content/uploads/2026/12/cat.jpg",
                                         "/wp-content/themes/twenty/style.css",
                                         "/wp-content/plugins/shop/shop.php"};
    for (size_t i = 0; i < 6; i++) {
        const char *path = theirs[i % 3];
        struct kit *t = world(0);
        if (i >= 3) { /* a site that had content: only uploads is new */
            kit_put(t, HTDOCS "/wp-content/index.php", "<?php // the site's own\n", 0644);
            kit_put(t, HTDOCS "/wp-content/themes/twenty/style.css", "c {}\n", 0644);
            kit_put(t, HTDOCS "/wp-content/plugins/shop/shop.php", "<?php // shop\n", 0644);
        }
        char *before = kit_tree(t);
        struct change *c = prepared(t, wordpress(t, "7.1.1"));
        json_t *undo = kit_apply(t, c);
        kit_mkdirs(t, HTDOCS "/wp-content/uploads/2026/12");
        if (i < 4)
            kit_put(t, arena_printf(&t->a, HTDOCS "%s", path), "theirs\n", 0644);
        kit_undo(t, c, undo);
        char *after = kit_tree(t);
        assert_string_equal(strstr(after, HTDOCS), strstr(before, HTDOCS));
        if (i < 4)
            assert_string_equal(kit_read(t, arena_printf(&t->a, "/var/lib/citrus/trash/7-kept-1-%s",
                                                         i < 3 ? path + 1 : strstr(path, "uploads"))),
                                "theirs\n");
        assert_int_equal(t->kept, i < 4);
        world_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_altered_core_is_seen_and_only_the_core_is_put_back),
        cmocka_unit_test(a_core_that_others_may_write_to_is_seen_and_put_back),
        cmocka_unit_test(a_core_that_was_put_right_in_place_is_not_put_right_again),
        cmocka_unit_test(a_lost_cache_does_not_make_a_core_unknown_and_comes_back_when_needed),
        cmocka_unit_test(an_altered_cache_never_reaches_a_site),
        cmocka_unit_test(what_was_fetched_first_must_come_again),
        cmocka_unit_test(a_source_that_is_not_there_fails_in_prepare_and_names_site_and_address),
        cmocka_unit_test(an_archive_of_another_version_is_refused),
        cmocka_unit_test(a_core_change_that_dies_anywhere_is_undone),
        cmocka_unit_test(an_undo_that_dies_anywhere_is_undone_by_the_next),
        cmocka_unit_test(whatever_lies_in_a_core_parts_place_comes_back),
        cmocka_unit_test(what_was_put_into_new_content_is_kept_when_the_core_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
