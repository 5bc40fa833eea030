/* What a crash, or an undo that failed, leaves in the journal, and how recover goes back from there. */
#include "rig.h"

#define A "a.example.com"

static jmp_buf crash;
static const char *crash_at; /* right before the action of this id */

static void die(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, crash_at) == 0)
        longjmp(crash, 1);
}

/* The program is gone; journal and machine are as they are. */
static void crash_before(struct rig *t, const char *id)
{
    crash_at = id;
    t->hook = die;
    rig_plan(t);
    if (setjmp(crash) == 0) {
        rig_run(t);
        fail_msg("%s was never begun", id);
    }
}

static struct recover_item *recover(struct rig *t, size_t expected)
{
    struct recover_item *items;
    size_t n;
    if (engine_recover(&t->e, &t->a, &items, &n, &t->err) < 0)
        fail_msg("recover: %s", t->err.text);
    assert_int_equal(n, expected);
    return items;
}

static bool undo_left(struct rig *t)
{
    return rig_there(t, "/var/lib/citrus/undo/1");
}

static void intent(struct rig *t, int64_t seq, enum action_state st)
{
    assert_int_equal(store_action_state(t->s, 1, seq, st, NULL, &t->err), 0);
}

/* One is changed, two is made, three is never come to. */
static void one_two_three(struct rig *t)
{
    probe_set("one", "old");
    rig_probe(t, "one", NULL, "new");
    rig_probe(t, "two", NULL, "new");
    rig_probe(t, "three", NULL, "new");
}

static void nothing_to_recover_is_said(void **state)
{
    struct rig *t = rig_new("{}");
    recover(t, 0);
    rig_probe(t, "one", NULL, "1");
    rig_done(t);
    recover(t, 0);
    rig_free(t);
}

static void what_was_done_is_undone_in_reverse(void **state)
{
    struct rig *t = rig_new("{}");
    one_two_three(t);
    crash_before(t, "three");
    rig_again(t, "{}");
    struct recover_item *item = recover(t, 1);
    assert_int_equal(item->transaction, 1);
    assert_int_equal(item->undone, 2);
    assert_int_equal(item->torn + item->completed + item->never_ran, 0);
    assert_string_equal(probe_get("one"), "old");
    assert_null(probe_get("two"));
    assert_string_equal(rig_states(t, 1), "uup");
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    assert_false(undo_left(t));
    assert_string_equal(rig_managed(t), "");
    recover(t, 0);
    rig_free(t);
}

static void an_open_intent_is_told_as_what_it_came_to(void **state)
{
    static const struct {
        const char *left;
        size_t never_ran, completed, torn;
    } ways[] = {{NULL, 1, 0, 0}, {"new", 0, 1, 0}, {"half", 0, 0, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct rig *t = rig_new("{}");
        one_two_three(t);
        crash_before(t, "three");
        rig_again(t, "{}");
        intent(t, 2, ACTION_INTENT);
        probe_set("two", ways[i].left);
        struct recover_item *item = recover(t, 1);
        assert_int_equal(item->never_ran, ways[i].never_ran);
        assert_int_equal(item->completed, ways[i].completed);
        assert_int_equal(item->torn, ways[i].torn);
        assert_null(probe_get("two"));
        assert_string_equal(probe_get("one"), "old");
        rig_free(t);
    }
}

/* MariaDB may come up after citrus: the undo itself says whether it can do without. */
static void an_intent_that_cannot_be_looked_at_is_undone_all_the_same(void **state)
{
    struct rig *t = rig_new("{}");
    one_two_three(t);
    crash_before(t, "three");
    rig_again(t, "{}");
    intent(t, 2, ACTION_INTENT);
    probe_trouble("two", PROBE_OBSERVE);
    struct recover_item *item = recover(t, 1);
    assert_false(item->stuck);
    assert_int_equal(item->torn, 1);
    assert_null(probe_get("two"));
    rig_free(t);
}

static void a_removal_that_was_cut_off_comes_back(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "gone", NULL, "1");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "gone-too", NULL, "1");
    crash_before(t, "gone"); /* removals come last */
    rig_again(t, "{}");
    assert_int_equal(store_action_intent(t->s, 2, 2,
                                         "{\"op\":\"remove\",\"before\":\"\",\"saved\":{\"value\":\"1\"}}",
                                         &t->err),
                     0);
    probe_set("gone", NULL);
    struct recover_item *item = recover(t, 1);
    assert_int_equal(item->completed, 1);
    assert_string_equal(probe_get("gone"), "1");
    assert_string_equal(rig_managed(t), "gone");
    rig_free(t);
}

static void an_undo_that_was_cut_off_is_done_again(void **state)
{
    struct rig *t = rig_new("{}");
    one_two_three(t);
    crash_before(t, "three");
    rig_again(t, "{}");
    intent(t, 2, ACTION_UNDOING);
    struct recover_item *item = recover(t, 1);
    assert_int_equal(item->undone, 2);
    assert_null(probe_get("two"));
    assert_string_equal(rig_states(t, 1), "uup");
    rig_free(t);
}

/* --- stuck -----------------------------------------------------------------------------------------------
 */

static void an_undo_that_fails_is_stuck_and_keeps_what_undo_needs(void **state)
{
    struct rig *t = rig_new("{}");
    one_two_three(t);
    crash_before(t, "three");
    rig_again(t, "{}");
    probe_trouble("two", PROBE_UNDO);
    struct recover_item *item = recover(t, 1);
    assert_true(item->stuck);
    assert_string_equal(item->kind, "probe");
    assert_string_equal(item->id, "two");
    assert_in_text(item->err.text, "undoing probe two");
    assert_int_equal(rig_tx(t, 1), TX_STUCK);
    assert_string_equal(rig_states(t, 1), "dxp");
    assert_true(undo_left(t));
    /* Whatever was in its way is gone: recover goes on. */
    probe_trouble("two", 0);
    assert_false(recover(t, 1)->stuck);
    assert_string_equal(probe_get("one"), "old");
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    assert_false(undo_left(t));
    recover(t, 0);
    rig_free(t);
}

static void what_a_person_put_right_by_hand_is_not_undone_again(void **state)
{
    struct rig *t = rig_new("{}");
    one_two_three(t);
    crash_before(t, "three");
    rig_again(t, "{}");
    probe_trouble("one", PROBE_UNDO); /* and will never do */
    assert_true(recover(t, 1)->stuck);
    probe_set("one", "old");
    assert_false(recover(t, 1)->stuck);
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    recover(t, 0);
    rig_free(t);
}

static void an_apply_that_got_stuck_is_recovered_and_keeps_its_reason(void **state)
{
    struct rig *t = rig_new("{}");
    struct store_tx tx;
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", NULL, "1");
    probe_trouble("one", PROBE_UNDO);
    probe_trouble("two", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_STUCK);
    rig_again(t, "{}");
    probe_trouble("one", 0);
    assert_false(recover(t, 1)->stuck);
    assert_null(probe_get("one"));
    assert_int_equal(store_tx_get(t->s, 1, &t->a, &tx, &t->err), 0);
    assert_in_text(tx.error, "probe two does not want to");
    rig_free(t);
}

/* --- services --------------------------------------------------------------------------------------------
 */

static const char *const MARIADB =
    "{\"units\": {\"mariadb.service\": {\"active\": true, \"enabled\": true}}}";

static void with_a_service_until(struct rig *t, enum impact how, const char *crash_id)
{
    rig_again(t, MARIADB);
    struct resource *unit = rig_service(t, "mariadb.service");
    resource_notifies(&t->cat, rig_probe(t, "conf", NULL, "1"), unit, how);
    rig_probe(t, "old", NULL, "1");
    t->bundle = "first";
    rig_done(t); /* "old" is removed below, after the refresh */
    rig_again(t, MARIADB);
    unit = rig_service(t, "mariadb.service");
    resource_notifies(&t->cat, rig_probe(t, "conf", NULL, "2"), unit, how);
    crash_before(t, crash_id);
    rig_again(t, MARIADB);
}

static void with_a_service(struct rig *t, enum impact how)
{
    with_a_service_until(t, how, "old");
}

static void services_that_were_told_are_told_of_the_old_state(void **state)
{
    struct rig *t = rig_new(MARIADB);
    with_a_service(t, IMPACT_RELOAD);
    recover(t, 1);
    assert_string_equal(probe_get("conf"), "1");
    assert_string_equal(fake_log(t->h), "unit reload mariadb.service\n");
    rig_free(t);
}

static void a_service_that_was_restarted_for_the_new_state_is_restarted_for_the_old(void **state)
{
    struct rig *t = rig_new(MARIADB);
    with_a_service(t, IMPACT_RESTART);
    recover(t, 1);
    assert_int_equal(rig_count(fake_log(t->h), "unit restart mariadb.service"), 1);
    rig_free(t);
}

static void a_recover_that_died_before_it_told_the_services_is_finished(void **state)
{
    struct rig *t = rig_new(MARIADB);
    with_a_service(t, IMPACT_RELOAD);
    probe_set("conf", "1");
    assert_int_equal(store_action_state(t->s, 2, 1, ACTION_UNDONE, NULL, &t->err), 0);
    recover(t, 1);
    assert_string_equal(fake_log(t->h), "unit reload mariadb.service\n");
    rig_free(t);
}

static void a_service_that_refuses_the_old_state_is_named(void **state)
{
    struct rig *t = rig_new(MARIADB);
    with_a_service(t, IMPACT_RELOAD);
    rig_again(t,
              "{\"units\": {\"mariadb.service\": {\"active\": true}}, \"fail\": {\"unit reload\": \"no\"}}");
    struct recover_item *item = recover(t, 1);
    assert_true(item->stuck);
    assert_string_equal(item->kind, "service");
    assert_string_equal(item->id, "mariadb.service");
    rig_free(t);
}

/* MariaDB knows no reload: one that was to be restarted, and was not yet, has nothing to be taken back. */
static void a_service_that_was_not_told_yet_and_cannot_reload_is_no_obstacle(void **state)
{
    struct rig *t = rig_new(MARIADB);
    with_a_service_until(t, IMPACT_RESTART, "mariadb.service");
    rig_again(t, "{\"units\": {\"mariadb.service\": {\"active\": true}}, \"fail\": {\"unit reload\": \"not "
                 "applicable\"}}");
    struct recover_item *item = recover(t, 1);
    assert_false(item->stuck);
    assert_string_equal(probe_get("conf"), "1");
    assert_int_equal(rig_count(fake_log(t->h), "unit restart"), 0);
    rig_free(t);
}

static void what_changed_nothing_tells_no_service(void **state)
{
    struct rig *t = rig_new(MARIADB);
    resource_notifies(&t->cat, rig_probe(t, "conf", NULL, "1"), rig_service(t, "mariadb.service"),
                      IMPACT_RELOAD);
    crash_before(t, "conf");
    rig_again(t, MARIADB);
    assert_int_equal(recover(t, 1)->undone, 0);
    assert_string_equal(fake_log(t->h), "");
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_recover_is_said),
        cmocka_unit_test(what_was_done_is_undone_in_reverse),
        cmocka_unit_test(an_open_intent_is_told_as_what_it_came_to),
        cmocka_unit_test(an_intent_that_cannot_be_looked_at_is_undone_all_the_same),
        cmocka_unit_test(a_removal_that_was_cut_off_comes_back),
        cmocka_unit_test(an_undo_that_was_cut_off_is_done_again),
        cmocka_unit_test(an_undo_that_fails_is_stuck_and_keeps_what_undo_needs),
        cmocka_unit_test(what_a_person_put_right_by_hand_is_not_undone_again),
        cmocka_unit_test(an_apply_that_got_stuck_is_recovered_and_keeps_its_reason),
        cmocka_unit_test(services_that_were_told_are_told_of_the_old_state),
        cmocka_unit_test(a_service_that_was_restarted_for_the_new_state_is_restarted_for_the_old),
        cmocka_unit_test(a_recover_that_died_before_it_told_the_services_is_finished),
        cmocka_unit_test(a_service_that_refuses_the_old_state_is_named),
        cmocka_unit_test(a_service_that_was_not_told_yet_and_cannot_reload_is_no_obstacle),
        cmocka_unit_test(what_changed_nothing_tells_no_service),
    };
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
