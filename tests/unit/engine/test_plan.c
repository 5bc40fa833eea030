/* What a plan says: causes, order, refreshes, what is recorded without an action. */
#include "footprint.h"
#include "rig.h"

#define A "a.example.com"
#define B "b.example.com"

static void what_is_new_is_intentional_and_what_somebody_changed_is_corrective(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", NULL, "2");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create one (intentional)\ncreate two (intentional)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    probe_set("one", "x");
    probe_set("two", NULL);
    rig_plan(t);
    assert_string_equal(rig_actions(t), "update one (corrective)\ncreate two (corrective)\n");
    rig_free(t);
}

static void a_changed_manifest_is_the_cause_also_where_the_machine_moved_too(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "one", NULL, "2");
    probe_set("one", "x");
    t->bundle = "two";
    rig_plan(t);
    assert_string_equal(rig_actions(t), "update one (intentional)\n");
    rig_free(t);
}

static const char *mended(struct rig *t)
{
    struct plan_options o = {.bundle = &rig_texts, .bundle_digest = t->bundle, .corrective_only = true};
    if (engine_plan(&t->e, &t->cat, &o, &t->p, &t->err) < 0)
        fail_msg("plan: %s", t->err.text);
    const char *actions = rig_actions(t);
    rig_run(t);
    return actions;
}

/* A secret is there by its name: that its value is another shows in the promise alone. */
static void another_promise_is_no_drift_and_no_difference_by_itself(void **state)
{
    struct rig *t = rig_new("{}");
    struct probe_spec *one = rig_probe(t, "one", NULL, "1")->spec;
    one->promise = "this";
    rig_done(t);
    probe_set("one", "x");
    one->promise = "that";
    assert_string_equal(mended(t), "");
    assert_int_equal(t->p->pending, 1);
    assert_string_equal(probe_get("one"), "x");
    probe_set("one", "1");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "");
    rig_run(t);
    probe_set("one", "x");
    assert_string_equal(mended(t), "update one (corrective)\n");
    rig_free(t);
}

/* What was found as promised is as it was meant: mending notes the rest. Else nobody knows what is new. */
static void what_an_older_citrus_promised_is_noted_whole_where_it_is_so(void **state)
{
    struct rig *t = rig_new("{}");
    struct probe_spec *one = rig_probe(t, "one", NULL, "1")->spec;
    rig_done(t);
    one->promise = "this";
    probe_set("one", "x");
    assert_string_equal(mended(t), "");
    assert_int_equal(t->p->pending, 1);
    probe_set("one", "1");
    assert_string_equal(mended(t), "");
    probe_set("one", "x");
    assert_string_equal(mended(t), "update one (corrective)\n");
    assert_string_equal(probe_get("one"), "1");
    rig_free(t);
}

static void what_the_manifest_no_longer_names_is_removed(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", NULL, "2");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "one", NULL, "1");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "remove two (removed)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_null(probe_get("two"));
    assert_string_equal(rig_managed(t), "one");
    rig_free(t);
}

/* "packages: absent" names what it removes: it is no orphan. */
static void what_the_manifest_wants_absent_is_not_called_forgotten_by_it(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "one", NULL, "1")->absent = true;
    t->bundle = "two";
    rig_plan(t);
    assert_string_equal(rig_actions(t), "remove one (intentional)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    probe_set("one", "again");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "remove one (corrective)\n");
    rig_free(t);
}

/* nginx's package brings sites-enabled/default, which must be gone before nginx is told anything: nobody can
 * see it while the package is not there. */
static void bring_the_link(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "package") == 0)
        assert_int_equal(symlink("x", rig_path(t, "/default")), 0);
}

static void what_must_be_absent_goes_also_when_this_run_brings_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *package = rig_probe(t, "package", NULL, "1");
    struct resource *link = rig_link(t, "/default", NULL, NULL), *other = rig_link(t, "/other", NULL, NULL);
    link->absent = other->absent = true;
    rig_needs(t, link, package);
    rig_needs(t, other, package);
    t->hook = bring_the_link;
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create package (intentional)\nremove /default (intentional)\n"
                                        "remove /other (intentional)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_false(rig_there(t, "/default"));
    assert_string_equal(rig_states(t, t->res.transaction), "dds");
    rig_plan(t);
    assert_int_equal(t->p->actions.n, 0);
    rig_free(t);
}

static void what_must_be_absent_and_is_needs_nothing(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *package = rig_probe(t, "package", NULL, "1"),
                    *link = rig_link(t, "/default", NULL, NULL);
    link->absent = true;
    rig_needs(t, link, package);
    probe_set("package", "0"); /* there already: it brings nothing any more */
    rig_plan(t);
    assert_string_equal(rig_actions(t), "update package (intentional)\n");
    rig_free(t);
}

static void a_service_is_refreshed_once_as_strongly_as_the_strongest_asks(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "one", A, "1"), nginx);
    resource_notifies(&t->cat, rig_probe(t, "two", B, "1"), nginx, IMPACT_RESTART);
    rig_notifies(t, rig_probe(t, "three", B, "1"), nginx);
    rig_plan(t);
    assert_int_equal(t->p->refresh, 1);
    const struct action *last = &t->p->actions.at[t->p->actions.n - 1];
    assert_int_equal(last->change.op, OP_REFRESH);
    assert_int_equal(last->refresh, IMPACT_RESTART);
    assert_int_equal(last->sites_felt, 2);
    for (size_t i = 0; i + 1 < t->p->actions.n; i++) {
        assert_int_equal(t->p->actions.at[i].refreshes.n, 1);
        assert_int_equal(t->p->actions.at[i].refreshes.at[0], t->p->actions.n - 1);
    }
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_int_equal(rig_count(fake_log(t->h), "unit restart nginx.service"), 1);
    assert_int_equal(rig_count(fake_log(t->h), "unit reload nginx.service"), 0);
    rig_free(t);
}

static void what_does_not_change_asks_for_no_refresh(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "one", A, "1"), nginx);
    rig_done(t);
    rig_probe(t, "two", B, "1");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create two (intentional)\n");
    rig_free(t);
}

static void one_site_alone_leaves_server_and_other_sites(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "old-a", A, "1");
    rig_probe(t, "old-b", B, "1");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "server", NULL, "1");
    rig_probe(t, "new-a", A, "1");
    rig_probe(t, "new-b", B, "1");
    t->sites[0] = A;
    t->bundle = "another manifest";
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create new-a (intentional)\nremove old-a (removed)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_string_equal(rig_managed(t), "new-a old-b");
    struct store_generation g;
    assert_int_equal(store_generation_get(t->s, 0, &t->a, &g, &t->err), 0);
    assert_string_equal(g.status, "partial");
    rig_free(t);
}

static void what_is_so_already_becomes_managed_without_a_change(void **state)
{
    struct rig *t = rig_new("{}");
    probe_set("one", "1");
    rig_probe(t, "one", NULL, "1");
    assert_int_equal(rig_apply(t), APPLY_NOTHING);
    assert_int_equal(t->res.generation, 1);
    assert_int_equal(t->res.transaction, 0);
    assert_string_equal(rig_managed(t), "one");
    assert_int_equal(rig_apply(t), APPLY_NOTHING);
    assert_int_equal(t->res.generation, 0);
    rig_free(t);
}

static void what_is_gone_already_is_forgotten_without_a_change(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", NULL, "1");
    rig_done(t);
    rig_again(t, "{}");
    rig_probe(t, "one", NULL, "1");
    probe_set("two", NULL);
    assert_int_equal(rig_apply(t), APPLY_NOTHING);
    assert_string_equal(rig_managed(t), "one");
    rig_free(t);
}

static void offline_a_refresh_is_deferred_and_not_pretended(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "one", A, "1"), nginx);
    t->h->offline = true;
    rig_plan(t);
    assert_string_equal(rig_actions(t), "create one (intentional)\n");
    assert_int_equal(t->p->deferred.n, 1);
    assert_ptr_equal(t->p->deferred.at[0].res, nginx);
    rig_free(t);
}

static void what_cannot_be_looked_at_is_an_error_that_names_the_kind(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    probe_trouble("one", PROBE_OBSERVE);
    struct plan_options o = {0};
    assert_int_equal(engine_plan(&t->e, &t->cat, &o, &t->p, &t->err), -EIO);
    assert_in_text(t->err.text, "looking at probe");
    rig_free(t);
}

/* --- what is kept of a look ------------------------------------------------------------------------------
 */

/* The next look goes by what is managed; what is as wanted and not managed yet would not be seen to go. */
static void a_look_at_what_is_not_managed_yet_is_not_gone_by(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct buf noted = {0};
    ((struct service_spec *)rig_service(t, "nginx.service")->spec)->enabled = 1; /* nothing is foreign */
    footprint_begin(t->h);
    rig_plan(t);
    assert_int_equal(t->p->actions.n, 0);
    assert_int_equal(t->e.asked.n, 1);
    assert_null(engine_glance_kinds(&t->e, t->p, &t->cat));
    assert_false(engine_narrow_note(t->p, &t->cat, &noted));
    assert_int_equal(rig_run(t), APPLY_NOTHING);
    t->e.asked.n = 0;
    rig_plan(t);
    assert_string_equal(engine_glance_kinds(&t->e, t->p, &t->cat), "service");
    assert_true(engine_narrow_note(t->p, &t->cat, &noted));
    footprint_end(t->h, NULL, NULL);
    buf_free(&noted);
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_at_what_is_not_managed_yet_is_not_gone_by),
        cmocka_unit_test(what_is_new_is_intentional_and_what_somebody_changed_is_corrective),
        cmocka_unit_test(a_changed_manifest_is_the_cause_also_where_the_machine_moved_too),
        cmocka_unit_test(another_promise_is_no_drift_and_no_difference_by_itself),
        cmocka_unit_test(what_an_older_citrus_promised_is_noted_whole_where_it_is_so),
        cmocka_unit_test(what_the_manifest_no_longer_names_is_removed),
        cmocka_unit_test(what_the_manifest_wants_absent_is_not_called_forgotten_by_it),
        cmocka_unit_test(what_must_be_absent_goes_also_when_this_run_brings_it),
        cmocka_unit_test(what_must_be_absent_and_is_needs_nothing),
        cmocka_unit_test(a_service_is_refreshed_once_as_strongly_as_the_strongest_asks),
        cmocka_unit_test(what_does_not_change_asks_for_no_refresh),
        cmocka_unit_test(one_site_alone_leaves_server_and_other_sites),
        cmocka_unit_test(what_is_so_already_becomes_managed_without_a_change),
        cmocka_unit_test(what_is_gone_already_is_forgotten_without_a_change),
        cmocka_unit_test(offline_a_refresh_is_deferred_and_not_pretended),
        cmocka_unit_test(what_cannot_be_looked_at_is_an_error_that_names_the_kind),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
