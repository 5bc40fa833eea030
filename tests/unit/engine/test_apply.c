/* An apply: what stands, what is taken back and by how much, and what is said of it. */
#include "rig.h"

#define A "a.example.com"
#define B "b.example.com"

static const struct failure *only_failure(struct rig *t)
{
    assert_int_equal(t->res.failures.n, 1);
    return &t->res.failures.at[0];
}

static bool undo_left(struct rig *t)
{
    return rig_there(t, arena_printf(&t->a, "/var/lib/citrus/undo/%lld", (long long)t->res.transaction));
}

/* Server, then two sites of two resources each. */
static void three_domains(struct rig *t)
{
    struct resource *server = rig_probe(t, "server", NULL, "1");
    for (int i = 0; i < 2; i++) {
        const char *site = i ? B : A;
        struct resource *one = rig_probe(t, i ? "b1" : "a1", site, "1");
        struct resource *two = rig_probe(t, i ? "b2" : "a2", site, "1");
        rig_needs(t, one, server);
        rig_needs(t, two, one);
    }
}

/* --- one site is one failure domain ----------------------------------------------------------------------
 */

static void all_is_journalled_as_done_and_leaves_nothing_behind(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    rig_done(t);
    assert_string_equal(rig_states(t, 1), "ddddd");
    assert_int_equal(rig_tx(t, 1), TX_DONE);
    assert_int_equal(t->res.generation, 1);
    assert_int_equal(t->res.done, 5);
    assert_int_equal(apply_exit(&t->res), 0);
    assert_false(undo_left(t));
    assert_int_equal(rig_apply(t), APPLY_NOTHING);
    assert_int_equal(apply_exit(&t->res), 0);
    rig_free(t);
}

static void a_failing_site_is_undone_and_the_others_stand(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a2", PROBE_APPLY_HALF);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(apply_exit(&t->res), 4);
    assert_string_equal(only_failure(t)->site, A);
    assert_string_equal(only_failure(t)->id, "a2");
    assert_true(only_failure(t)->undone);
    assert_string_equal(rig_states(t, 1), "duudd");
    assert_null(probe_get("a1"));
    assert_null(probe_get("a2"));
    assert_string_equal(probe_get("b2"), "1");
    assert_string_equal(rig_managed(t), "b1 b2 server");
    assert_int_equal(rig_tx(t, 1), TX_PARTIAL);
    assert_false(undo_left(t));
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create a1 (intentional)\ncreate a2 (intentional)\n");
    rig_free(t);
}

static void a_failing_site_gets_no_later_action(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a1", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_null(strstr(buf_str(&t->told), "start create a2"));
    assert_string_equal(rig_states(t, 1), "dusdd");
    rig_free(t);
}

static void a_failing_server_undoes_all(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "first", NULL, "new");
    rig_probe(t, "second", NULL, "1");
    rig_probe(t, "third", A, "1");
    probe_set("first", "old");
    probe_trouble("second", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_int_equal(apply_exit(&t->res), 3);
    assert_string_equal(probe_get("first"), "old");
    assert_null(probe_get("third"));
    assert_null(only_failure(t)->site);
    assert_int_equal(t->res.done, 0);
    assert_int_equal(t->res.generation, 0);
    assert_string_equal(rig_managed(t), "");
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    assert_string_equal(rig_states(t, 1), "uup");
    assert_false(undo_left(t));
    rig_free(t);
}

static void undo_all_takes_the_other_sites_back_too(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("b2", PROBE_APPLY);
    t->o.on_failure = ON_FAILURE_UNDO_ALL;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_null(probe_get("a1"));
    assert_null(probe_get("server"));
    assert_string_equal(only_failure(t)->site, B);
    rig_free(t);
}

static void stop_leaves_things_as_the_failure_left_them(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a2", PROBE_APPLY_HALF);
    t->o.on_failure = ON_FAILURE_STOP;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(probe_get("a2"), "1");
    assert_null(probe_get("b1"));
    assert_false(only_failure(t)->undone);
    assert_true(undo_left(t));
    assert_string_equal(rig_managed(t), "server");
    /* Kept for a person to look at, and not for ever. */
    int64_t first = t->res.transaction;
    probe_trouble("a2", 0);
    t->o.on_failure = ON_FAILURE_UNDO_SITE;
    rig_done(t);
    t->res.transaction = first;
    assert_false(undo_left(t));
    rig_free(t);
}

/* The tree stays with its site, so what lies in it is still known to be citrus's. */
static void stop_forgets_nothing_that_it_did_not_come_to(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *tree = rig_directory(t, "/srv/a", A, true);
    rig_needs(t, rig_file(t, "/srv/a/f", A, "f"), tree);
    rig_needs(t, tree, rig_directory(t, "/srv", NULL, false));
    rig_done(t);
    rig_again(t, "{}");
    rig_directory(t, "/srv", NULL, false);
    rig_probe(t, "server", NULL, "1");
    probe_trouble("server", PROBE_APPLY);
    t->o.on_failure = ON_FAILURE_STOP;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_managed(t), "/srv /srv/a /srv/a/f");
    rig_free(t);
}

/* --- stuck -----------------------------------------------------------------------------------------------
 */

static void an_undo_that_fails_is_stuck_and_names_the_resource(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a1", PROBE_UNDO);
    probe_trouble("a2", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_STUCK);
    assert_int_equal(apply_exit(&t->res), 5);
    const struct failure *f = only_failure(t);
    assert_false(f->undone);
    assert_in_text(f->err.text, "probe a2");
    assert_in_text(f->undo_err.text, "undoing probe a1");
    assert_in_text(f->undo_err.hint, "citrus recover");
    assert_int_equal(rig_tx(t, 1), TX_STUCK);
    assert_string_equal(rig_states(t, 1), "dxupp");
    assert_true(undo_left(t));
    assert_string_equal(rig_managed(t), "");
    rig_free(t);
}

/* A database server that died is started again by systemd. */
static void an_undo_waits_a_while_for_what_it_needs(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a1", PROBE_AWAY);
    probe_trouble("a2", PROBE_APPLY);
    t->e.undo_patience = 60;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_null(probe_get("a1"));
    rig_free(t);
}

static void an_undo_that_waited_in_vain_is_stuck_and_recovered_later(void **state)
{
    struct rig *t = rig_new("{}");
    struct recover_item *items;
    size_t n;
    three_domains(t);
    probe_trouble("a1", PROBE_AWAY);
    probe_trouble("a2", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_STUCK);
    assert_in_text(only_failure(t)->undo_err.text, "nobody answers for probe a1");
    assert_in_text(only_failure(t)->undo_err.hint, "when it answers again, `citrus recover`");
    t->e.undo_patience = 60;
    assert_int_equal(engine_recover(&t->e, &t->a, &items, &n, &t->err), 0);
    assert_false(items[0].stuck);
    assert_null(probe_get("a1"));
    assert_int_equal(rig_tx(t, 1), TX_UNDONE);
    rig_free(t);
}

/* --- prepare ---------------------------------------------------------------------------------------------
 */

static void a_site_that_cannot_be_prepared_is_left_alone(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a2", PROBE_PREPARE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_null(strstr(buf_str(&t->told), "start create a"));
    assert_string_equal(rig_states(t, 1), "dssdd");
    assert_string_equal(rig_managed(t), "b1 b2 server");
    assert_true(only_failure(t)->undone);
    rig_free(t);
}

static void where_no_site_can_be_prepared_no_transaction_is_opened(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "a1", A, "1");
    probe_trouble("a1", PROBE_PREPARE);
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_int_equal(apply_exit(&t->res), 1);
    assert_int_equal(t->res.transaction, 0);
    assert_int_equal(t->res.generation, 0);
    assert_null(strstr(buf_str(&t->told), "start"));
    rig_free(t);
}

static void a_server_that_cannot_be_prepared_is_refused(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("server", PROBE_PREPARE);
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_int_equal(apply_exit(&t->res), 1);
    assert_int_equal(t->res.transaction, 0);
    assert_null(strstr(buf_str(&t->told), "start"));
    assert_in_text(t->res.err.text, "server");
    rig_free(t);
}

static void with_undo_all_a_site_that_cannot_be_prepared_refuses_the_run(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("b2", PROBE_PREPARE);
    t->o.on_failure = ON_FAILURE_UNDO_ALL;
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_null(strstr(buf_str(&t->told), "start"));
    rig_free(t);
}

static void a_capture_that_fails_changes_nothing_of_its_action(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    probe_trouble("a2", PROBE_CAPTURE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_states(t, 1), "dupdd");
    assert_null(probe_get("a2"));
    rig_free(t);
}

/* --- the health gate -------------------------------------------------------------------------------------
 */

/* The sites answer worse than before, and then nobody can be asked any more. */
static int asked_after;
static int fine_before(void *self, const struct health *sites, size_t n, struct error *err)
{
    return 0;
}
static int worse_then_silent(void *self, struct health *sites, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        sites[i].state = HEALTH_WORSE;
        sites[i].text = "worse than before";
        sites[i].ms = 7;
    }
    return asked_after++ ? error_set(err, -ELIBACC, "libcurl cannot be loaded") : 0;
}

static void what_cannot_be_asked_after_the_undo_is_said_to_be_unknown(void **state)
{
    struct rig *t = rig_new("{}");
    struct engine_health health = {.before = fine_before, .after = worse_then_silent};
    three_domains(t);
    rig_done(t);
    probe_set("server", "2");
    t->e.health = &health;
    asked_after = 0;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_int_equal(asked_after, 2);
    assert_in_text(only_failure(t)->err.text, A ": worse than before");
    assert_int_equal(t->res.health.n, 2);
    for (size_t i = 0; i < t->res.health.n; i++) {
        const struct health *h = &t->res.health.at[i];
        assert_string_equal(h->site, i ? B : A);
        assert_int_equal(h->state, HEALTH_UNKNOWN);
        assert_string_equal(h->text, "asking the sites: libcurl cannot be loaded");
        assert_int_equal(h->ms, 0);
    }
    rig_free(t);
}

/* --- refused, interrupted --------------------------------------------------------------------------------
 */

static void what_cannot_be_taken_back_needs_the_operators_word(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    probe_trouble("one", PROBE_ONE_WAY);
    rig_plan(t);
    assert_int_equal(t->p->one_way, 1);
    assert_int_equal(rig_run(t), APPLY_REFUSED);
    assert_in_text(t->res.err.hint, "--allow-one-way");
    assert_null(probe_get("one"));
    t->o.allow_one_way = true;
    assert_int_equal(rig_apply(t), APPLY_DONE);
    rig_free(t);
}

static void a_saved_plan_is_applied_once(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    t->o.plan_digest = "abc";
    assert_int_equal(rig_apply(t), APPLY_DONE);
    probe_set("one", "2");
    assert_int_equal(rig_apply(t), APPLY_STALE);
    assert_int_equal(apply_exit(&t->res), 6);
    assert_string_equal(probe_get("one"), "2");
    rig_free(t);
}

static void a_saved_plan_that_was_refused_can_be_tried_again(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    probe_trouble("one", PROBE_PREPARE);
    t->o.plan_digest = "abc";
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    probe_trouble("one", 0);
    assert_int_equal(rig_apply(t), APPLY_DONE);
    rig_free(t);
}

static void an_apply_that_cannot_begin_is_refused_and_leaves_no_open_transaction(void **state)
{
    struct rig *t = rig_new("{}");
    struct store_tx *open;
    size_t n;
    rig_probe(t, "one", NULL, "1");
    rig_put(t, "/var/lib/citrus/undo", "a file where the directory belongs");
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_in_text(t->res.err.text, "/var/lib/citrus/undo");
    assert_null(probe_get("one"));
    assert_int_equal(store_tx_open(t->s, &t->a, &open, &n, &t->err), 0);
    assert_int_equal(n, 0);
    rig_free(t);
}

static void press_control_c(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "a1") == 0)
        t->interrupted = 1;
}

static void interrupted_the_action_ends_and_all_is_undone(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    t->hook = press_control_c;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_int_equal(apply_exit(&t->res), 3);
    assert_string_equal(rig_states(t, 1), "uuppp");
    assert_null(probe_get("server"));
    assert_in_text(only_failure(t)->err.text, "interrupted");
    rig_free(t);
}

static void interrupted_before_anything_was_begun_is_refused(void **state)
{
    struct rig *t = rig_new("{}");
    three_domains(t);
    t->interrupted = 1;
    assert_int_equal(rig_apply(t), APPLY_REFUSED);
    assert_int_equal(t->res.transaction, 0);
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_journalled_as_done_and_leaves_nothing_behind),
        cmocka_unit_test(a_failing_site_is_undone_and_the_others_stand),
        cmocka_unit_test(a_failing_site_gets_no_later_action),
        cmocka_unit_test(a_failing_server_undoes_all),
        cmocka_unit_test(undo_all_takes_the_other_sites_back_too),
        cmocka_unit_test(stop_leaves_things_as_the_failure_left_them),
        cmocka_unit_test(stop_forgets_nothing_that_it_did_not_come_to),
        cmocka_unit_test(an_undo_that_fails_is_stuck_and_names_the_resource),
        cmocka_unit_test(an_undo_waits_a_while_for_what_it_needs),
        cmocka_unit_test(an_undo_that_waited_in_vain_is_stuck_and_recovered_later),
        cmocka_unit_test(a_site_that_cannot_be_prepared_is_left_alone),
        cmocka_unit_test(where_no_site_can_be_prepared_no_transaction_is_opened),
        cmocka_unit_test(a_server_that_cannot_be_prepared_is_refused),
        cmocka_unit_test(with_undo_all_a_site_that_cannot_be_prepared_refuses_the_run),
        cmocka_unit_test(a_capture_that_fails_changes_nothing_of_its_action),
        cmocka_unit_test(what_cannot_be_taken_back_needs_the_operators_word),
        cmocka_unit_test(a_saved_plan_is_applied_once),
        cmocka_unit_test(a_saved_plan_that_was_refused_can_be_tried_again),
        cmocka_unit_test(an_apply_that_cannot_begin_is_refused_and_leaves_no_open_transaction),
        cmocka_unit_test(what_cannot_be_asked_after_the_undo_is_said_to_be_unknown),
        cmocka_unit_test(interrupted_the_action_ends_and_all_is_undone),
        cmocka_unit_test(interrupted_before_anything_was_begun_is_refused),
    };
    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
