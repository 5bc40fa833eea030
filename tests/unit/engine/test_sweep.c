/* What earlier transactions left, and when it goes. */
#include "rig.h"
#include <time.h>

/* --- what is left ----------------------------------------------------------------------------------------
 */

static int64_t transaction(struct rig *t, enum tx_state st)
{
    struct store_tx tx = {.why = "apply"};
    assert_int_equal(store_tx_begin(t->s, &tx, NULL, 0, &t->err), 0);
    if (st != TX_OPEN)
        assert_int_equal(store_tx_end(t->s, tx.id, st, NULL, &t->err), 0);
    return tx.id;
}

static void what_was_in_the_trash_for_its_time_goes_and_nothing_else(void **state)
{
    struct rig *t = rig_new("{}");
    int64_t now = (int64_t)time(NULL);
    assert_int_equal(transaction(t, TX_DONE), 1);
    assert_int_equal(transaction(t, TX_STUCK), 2);
    rig_put(t, "/var/lib/citrus/trash/1-3-public/index.php", "x");
    rig_put(t, "/var/lib/citrus/trash/1-blog.sql", "dump");
    rig_put(t, "/var/lib/citrus/trash/2-1-public/index.php", "recover needs it");
    rig_put(t, "/var/lib/citrus/trash/77-1-public/index.php", "no transaction that this store knows");
    rig_put(t, "/var/lib/citrus/trash/mine", "not by citrus");
    engine_sweep(&t->e, 0, now + engine_retention(&t->e)->trash - 60);
    assert_true(rig_there(t, "/var/lib/citrus/trash/1-3-public"));
    assert_true(rig_there(t, "/var/lib/citrus/trash/1-blog.sql"));
    engine_sweep(&t->e, 0, now + engine_retention(&t->e)->trash + 60);
    assert_false(rig_there(t, "/var/lib/citrus/trash/1-3-public"));
    assert_false(rig_there(t, "/var/lib/citrus/trash/1-blog.sql"));
    assert_true(rig_there(t, "/var/lib/citrus/trash/2-1-public/index.php"));
    assert_true(rig_there(t, "/var/lib/citrus/trash/77-1-public/index.php"));
    assert_true(rig_there(t, "/var/lib/citrus/trash/mine"));
    rig_free(t);
}

static void undo_directories_stay_as_long_as_recover_may_need_them(void **state)
{
    struct rig *t = rig_new("{}");
    assert_int_equal(transaction(t, TX_PARTIAL), 1);
    assert_int_equal(transaction(t, TX_OPEN), 2);
    assert_int_equal(transaction(t, TX_STUCK), 3);
    assert_int_equal(transaction(t, TX_UNDONE), 4);
    for (int i = 1; i <= 4; i++)
        rig_put(t, arena_printf(&t->a, "/var/lib/citrus/undo/%d/1", i), "kept");
    engine_sweep(&t->e, 4, 0);
    assert_false(rig_there(t, "/var/lib/citrus/undo/1"));
    assert_true(rig_there(t, "/var/lib/citrus/undo/2/1"));
    assert_true(rig_there(t, "/var/lib/citrus/undo/3/1"));
    assert_true(rig_there(t, "/var/lib/citrus/undo/4/1"));
    rig_free(t);
}

/* --- by what runs did -------------------------------------------------------------------------------------
 */

static const struct retention none = {.trash = 0, .journal = 0, .cache = 0, .generations = 2};

/* A site's tree, as the machine had it before `rig_removed`. */
static void rig_site(struct rig *t)
{
    ((struct directory_spec *)rig_directory(t, "/var/www/a", "a", true)->spec)->mode = 0750;
    rig_done(t);
    rig_put(t, "/var/www/a/upload", "precious");
    rig_again(t, "{}");
}

static int64_t rig_removed(struct rig *t)
{
    t->bundle = "two";
    rig_probe(t, "other", NULL, "x");
    rig_done(t);
    return t->res.transaction;
}

static size_t pruned(struct rig *t, enum prunable what, bool plan_only)
{
    struct prune p;
    size_t n = 0;
    t->e.retention = &none;
    if (engine_prune(&t->e, plan_only, &p, &t->err) < 0)
        fail_msg("%s", t->err.text);
    assert_int_equal(p.failed, 0);
    for (size_t i = 0; i < p.list.n; i++)
        n += p.list.at[i].what == what;
    return n;
}

static void what_rolling_back_the_newest_generation_needs_stays_however_old(void **state)
{
    struct rig *t = rig_new("{}");
    rig_site(t);
    rig_removed(t);
    assert_int_equal(pruned(t, PRUNE_TRASH, false), 0);
    struct trash_list list = {0};
    assert_int_equal(engine_trash(&t->e, &t->a, &list, &t->err), 0);
    assert_int_equal(list.n, 1);
    assert_true(list.at[0].held);
    assert_int_equal(list.at[0].generation, 2);
    assert_int_equal(list.at[0].bytes, 8);
    assert_string_equal(list.at[0].kind, "directory");
    assert_string_equal(list.at[0].id, "/var/www/a");
    rig_again(t, "{}");
    t->bundle = "three";
    rig_probe(t, "other", NULL, "y");
    rig_done(t);
    assert_int_equal(pruned(t, PRUNE_TRASH, true), 1);
    assert_true(rig_there(t, "/var/lib/citrus/trash/2-2-a/upload"));
    assert_int_equal(pruned(t, PRUNE_TRASH, false), 1);
    assert_false(rig_there(t, "/var/lib/citrus/trash/2-2-a"));
    rig_free(t);
}

/* Where the tree lies on a file system of its own, its trash is beside it. */
static void the_trash_beside_a_tree_is_swept_and_goes_when_it_is_empty(void **state)
{
    struct rig *t = rig_new("{}");
    rig_site(t);
    rig_removed(t);
    assert_int_equal(fs_mkdirs(t->h, "/var/www/.citrus-trash", 0700, &t->err), 0);
    assert_int_equal(fs_rename(t->h, "/var/lib/citrus/trash/2-2-a", "/var/www/.citrus-trash/2-2-a", &t->err),
                     0);
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 31 * 86400);
    assert_true(rig_there(t, "/var/www/.citrus-trash/2-2-a/upload"));
    rig_again(t, "{}");
    t->bundle = "three";
    rig_probe(t, "other", NULL, "y");
    rig_done(t);
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 29 * 86400);
    assert_true(rig_there(t, "/var/www/.citrus-trash/2-2-a/upload"));
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 31 * 86400);
    assert_false(rig_there(t, "/var/www/.citrus-trash"));
    rig_free(t);
}

static void the_journal_keeps_what_generations_and_the_trash_need(void **state)
{
    struct rig *t = rig_new("{}");
    int64_t later = (int64_t)time(NULL) + 10;
    assert_int_equal(transaction(t, TX_UNDONE), 1);
    assert_int_equal(transaction(t, TX_OPEN), 2);
    assert_int_equal(transaction(t, TX_STUCK), 3);
    rig_probe(t, "a", NULL, "x");
    rig_done(t); /* 4, generation 1 */
    assert_int_equal(transaction(t, TX_UNDONE), 5);
    rig_put(t, "/var/lib/citrus/trash/5-1-x/y", "held by what is newest");
    t->e.retention = &none;
    engine_sweep(&t->e, 0, later);
    struct store_tx tx;
    assert_int_equal(store_tx_get(t->s, 1, &t->a, &tx, NULL), -ENOENT);
    for (int64_t id = 2; id <= 5; id++)
        assert_int_equal(store_tx_get(t->s, id, &t->a, &tx, NULL), 0);
    rig_free(t);
}

static void as_many_generations_are_kept_as_the_manifest_says(void **state)
{
    static const char *const bundles[] = {"1", "2", "3", "4"};
    struct rig *t = rig_new("{}");
    struct store_generation g;
    for (size_t i = 0; i < 4; i++) {
        rig_again(t, "{}");
        t->e.retention = i < 3 ? NULL : &none;
        t->bundle = bundles[i];
        rig_probe(t, "a", NULL, bundles[i]);
        rig_done(t);
    }
    assert_int_equal(store_generation_get(t->s, 2, &t->a, &g, NULL), -ENOENT);
    assert_int_equal(store_generation_get(t->s, 3, &t->a, &g, &t->err), 0);
    assert_int_equal(store_generation_get(t->s, 4, &t->a, &g, &t->err), 0);
    rig_free(t);
}

static void downloads_that_a_kept_generation_names_stay(void **state)
{
    struct rig *t = rig_new("{}");
    struct bundle_file file = {"server.yaml", "version: \"7.1.1\"", 16};
    struct store_generation g = {
        .bundle = &(struct bundle){&file, 1}, .digest = "x", .who = "root", .status = "applied"};
    const char *dir = "/var/cache/probe";
    assert_int_equal(store_generation_add(t->s, &g, &t->err), 0);
    rig_put(t, arena_printf(&t->a, "%s/7.1.1-new", dir), "x");
    rig_put(t, arena_printf(&t->a, "%s/6.8-old", dir), "x");
    rig_put(t, arena_printf(&t->a, "%s/nobodys", dir), "x");
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 29 * 86400);
    assert_true(rig_there(t, arena_printf(&t->a, "%s/6.8-old", dir)));
    engine_sweep(&t->e, 0, (int64_t)time(NULL) + 31 * 86400);
    assert_false(rig_there(t, arena_printf(&t->a, "%s/6.8-old", dir)));
    assert_true(rig_there(t, arena_printf(&t->a, "%s/7.1.1-new", dir)));
    assert_true(rig_there(t, arena_printf(&t->a, "%s/nobodys", dir)));
    rig_free(t);
}

static void a_run_that_fails_after_a_restore_puts_it_into_the_trash_again(void **state)
{
    struct rig *t = rig_new("{}");
    rig_site(t);
    rig_removed(t);
    rig_again(t, "{}");
    t->bundle = "three";
    ((struct directory_spec *)rig_directory(t, "/var/www/a", "a", true)->spec)->mode = 0750;
    rig_probe(t, "last", "a", "v");
    probe_trouble("last", PROBE_APPLY);
    rig_plan(t);
    assert_int_equal(t->p->restored, 1);
    assert_int_equal(rig_run(t), APPLY_PARTIAL);
    assert_false(rig_there(t, "/var/www/a"));
    assert_string_equal(rig_read(t, "/var/lib/citrus/trash/2-2-a/upload"), "precious");
    rig_again(t, "{}");
    ((struct directory_spec *)rig_directory(t, "/var/www/a", "a", true)->spec)->mode = 0750;
    t->bundle = "four";
    rig_done(t);
    assert_string_equal(rig_read(t, "/var/www/a/upload"), "precious");
    assert_false(rig_there(t, "/var/lib/citrus/trash/2-2-a"));
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_in_the_trash_for_its_time_goes_and_nothing_else),
        cmocka_unit_test(undo_directories_stay_as_long_as_recover_may_need_them),
        cmocka_unit_test(what_rolling_back_the_newest_generation_needs_stays_however_old),
        cmocka_unit_test(the_trash_beside_a_tree_is_swept_and_goes_when_it_is_empty),
        cmocka_unit_test(the_journal_keeps_what_generations_and_the_trash_need),
        cmocka_unit_test(as_many_generations_are_kept_as_the_manifest_says),
        cmocka_unit_test(downloads_that_a_kept_generation_names_stay),
        cmocka_unit_test(a_run_that_fails_after_a_restore_puts_it_into_the_trash_again),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
