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
    engine_sweep(&t->e, 0, now + TRASH_RETENTION - 60);
    assert_true(rig_there(t, "/var/lib/citrus/trash/1-3-public"));
    assert_true(rig_there(t, "/var/lib/citrus/trash/1-blog.sql"));
    engine_sweep(&t->e, 0, now + TRASH_RETENTION + 60);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_in_the_trash_for_its_time_goes_and_nothing_else),
        cmocka_unit_test(undo_directories_stay_as_long_as_recover_may_need_them),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
