/* Refreshes: who calls for one, who is blamed when it is refused, who hears of what was taken back. */
#include "rig.h"

#define A "a.example.com"

static const struct failure *only_failure(struct rig *t)
{
    assert_int_equal(t->res.failures.n, 1);
    return &t->res.failures.at[0];
}

/* --- refreshes -------------------------------------------------------------------------------------------
 */

#define REFUSES(text)                                                                                        \
    "{\"units\": {\"nginx.service\": {\"active\": true, \"enabled\": true}},"                                \
    " \"fail\": {\"unit reload nginx.service\": \"" text "\"}}"

static void a_refresh_that_nobody_calls_for_any_more_is_skipped(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "a1", A, "1"), nginx);
    probe_trouble("a1", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(fake_log(t->h), "");
    assert_string_equal(rig_states(t, 1), "us");
    rig_free(t);
}

static json_t *world_of(struct rig *t)
{
    return json_object_get(*(json_t **)t->h->ops_data, "fail") ? *(json_t **)t->h->ops_data : NULL;
}

/* The site is taken back, and from then on nginx takes the reload again. */
static void nginx_recovers(void *self, const struct action *a, const struct error *err)
{
    struct rig *t = self;
    rig_undone(self, a, err);
    if (world_of(t))
        json_object_clear(json_object_get(world_of(t), "fail"));
}

static void sites_of_one_nginx(struct rig *t)
{
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "one", "example.com", "1"), nginx);
    rig_notifies(t, rig_probe(t, "two", "shop.example.com", "1"), nginx);
    rig_notifies(t, rig_probe(t, "three", "example.com.au", "1"), nginx);
}

static void a_refused_refresh_takes_back_the_site_that_it_names_and_is_tried_again(void **state)
{
    struct rig *t = rig_new(REFUSES("unknown directive in /etc/nginx/sites-enabled/shop.example.com.conf:3"));
    sites_of_one_nginx(t);
    t->events.undone = nginx_recovers;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(only_failure(t)->site, "shop.example.com");
    assert_in_text(only_failure(t)->err.text, "reload nginx.service");
    assert_null(probe_get("two"));
    assert_non_null(probe_get("one"));
    assert_non_null(probe_get("three"));
    assert_string_equal(fake_log(t->h), "unit reload nginx.service (fails)\nunit reload nginx.service\n");
    rig_free(t);
}

static void a_site_whose_name_begins_another_is_not_blamed_for_it(void **state)
{
    struct rig *t = rig_new(REFUSES("[pool example.com.au] cannot get uid for user"));
    sites_of_one_nginx(t);
    t->events.undone = nginx_recovers;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(only_failure(t)->site, "example.com.au");
    assert_non_null(probe_get("one"));
    rig_free(t);
}

static void a_refused_refresh_that_names_nobody_takes_back_all_that_called(void **state)
{
    struct rig *t = rig_new(REFUSES("no memory"));
    sites_of_one_nginx(t);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.failures.n, 3);
    assert_null(probe_get("one"));
    assert_string_equal(rig_states(t, 1), "uuus");
    rig_free(t);
}

static void a_refused_refresh_of_the_servers_own_undoes_all(void **state)
{
    struct rig *t = rig_new(REFUSES("no memory"));
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "conf", NULL, "1"), nginx);
    rig_probe(t, "a1", A, "1");
    t->events.undone = nginx_recovers;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_null(probe_get("conf"));
    assert_null(probe_get("a1"));
    /* told again, of the old state */
    assert_string_equal(fake_log(t->h), "unit reload nginx.service (fails)\nunit reload nginx.service\n");
    rig_free(t);
}

static void what_was_told_of_the_new_state_is_told_of_the_old_one_again(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "a1", A, "1"), nginx);
    rig_done(t);
    rig_again(t, NGINX_RUNS);
    nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "a1", A, "2"), nginx);
    rig_probe(t, "gone", A, "1");
    rig_done(t); /* now one that is removed after the refresh, and fails */
    rig_again(t, NGINX_RUNS);
    nginx = rig_service(t, "nginx.service");
    rig_notifies(t, rig_probe(t, "a1", A, "3"), nginx);
    probe_trouble("gone", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(probe_get("a1"), "2");
    assert_string_equal(fake_log(t->h), "unit reload nginx.service\nunit reload nginx.service\n");
    rig_free(t);
}

/* --- what a run that stopped left ------------------------------------------------------------------------
 */

static struct resource *nginx_and_its_conf(struct rig *t, enum impact how)
{
    struct resource *nginx = rig_service(t, "nginx.service");
    resource_notifies(&t->cat, rig_probe(t, "conf", NULL, "1"), nginx, how);
    return nginx;
}

/* conf is written, and a1 fails before nginx is told. */
static void stop_before_nginx_is_told(struct rig *t, enum impact how)
{
    nginx_and_its_conf(t, how);
    rig_probe(t, "a1", A, "1");
    probe_trouble("a1", PROBE_APPLY);
    t->o.on_failure = ON_FAILURE_STOP;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(fake_log(t->h), "");
    probe_trouble("a1", 0);
}

static void what_stop_left_untold_is_told_by_the_next_run_though_no_file_differs(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RELOAD);
    rig_again(t, NGINX_RUNS);
    nginx_and_its_conf(t, IMPACT_RELOAD);
    rig_plan(t);
    assert_string_equal(rig_actions(t), "refresh nginx.service (refresh)\n");
    assert_int_equal(t->p->actions.at[0].owed_by, 1);
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_string_equal(fake_log(t->h), "unit reload nginx.service\n");
    rig_plan(t);
    assert_string_equal(rig_actions(t), "");
    rig_free(t);
}

static void an_owed_restart_is_not_made_a_reload_by_a_later_run(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RESTART);
    rig_again(t, NGINX_RUNS);
    struct resource *nginx = nginx_and_its_conf(t, IMPACT_RESTART);
    rig_notifies(t, rig_probe(t, "more", NULL, "1"), nginx);
    rig_done(t);
    assert_in_text(fake_log(t->h), "unit restart nginx.service\n");
    rig_free(t);
}

/* The second stop wrote less, and forgets nothing of the first. */
static void what_is_owed_survives_runs_that_do_not_come_to_it(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RESTART);
    for (int i = 0; i < 2; i++) {
        rig_again(t, NGINX_RUNS);
        struct resource *nginx = nginx_and_its_conf(t, IMPACT_RESTART);
        rig_notifies(t, rig_probe(t, "more", NULL, "1"), nginx);
        rig_probe(t, "a1", A, "1");
        probe_trouble("a1", PROBE_APPLY);
        t->o.on_failure = i ? ON_FAILURE_UNDO_ALL : ON_FAILURE_STOP;
        assert_int_equal(rig_apply(t), i ? APPLY_UNDONE : APPLY_PARTIAL);
    }
    rig_again(t, NGINX_RUNS);
    nginx_and_its_conf(t, IMPACT_RESTART);
    rig_probe(t, "more", NULL, "1");
    rig_plan(t);
    assert_int_equal(t->p->actions.at[0].refresh, IMPACT_RESTART);
    assert_int_equal(t->p->actions.at[0].owed_by, 1);
    rig_free(t);
}

static void a_refused_owed_refresh_stays_owed(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RELOAD);
    rig_again(t, REFUSES("no memory"));
    nginx_and_its_conf(t, IMPACT_RELOAD);
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_in_text(only_failure(t)->err.text, "no memory");
    rig_again(t, NGINX_RUNS);
    nginx_and_its_conf(t, IMPACT_RELOAD);
    rig_done(t);
    assert_string_equal(fake_log(t->h), "unit reload nginx.service\n");
    rig_free(t);
}

static void mending_drift_does_not_end_what_somebody_stopped(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RESTART);
    rig_again(t, NGINX_RUNS);
    nginx_and_its_conf(t, IMPACT_RESTART);
    struct plan_options o = {.bundle = &rig_texts, .bundle_digest = t->bundle, .corrective_only = true};
    assert_int_equal(engine_plan(&t->e, &t->cat, &o, &t->p, &t->err), 0);
    assert_string_equal(rig_actions(t), "");
    assert_int_equal(t->p->pending, 1);
    rig_free(t);
}

static void nothing_is_owed_to_a_service_that_is_no_longer_wanted(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    stop_before_nginx_is_told(t, IMPACT_RELOAD);
    rig_again(t, NGINX_RUNS);
    rig_probe(t, "a1", A, "1");
    rig_done(t);
    rig_again(t, NGINX_RUNS);
    rig_service(t, "nginx.service");
    rig_probe(t, "a1", A, "1");
    rig_plan(t);
    assert_int_equal(t->p->refresh, 0);
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh_that_nobody_calls_for_any_more_is_skipped),
        cmocka_unit_test(a_refused_refresh_takes_back_the_site_that_it_names_and_is_tried_again),
        cmocka_unit_test(a_site_whose_name_begins_another_is_not_blamed_for_it),
        cmocka_unit_test(a_refused_refresh_that_names_nobody_takes_back_all_that_called),
        cmocka_unit_test(a_refused_refresh_of_the_servers_own_undoes_all),
        cmocka_unit_test(what_was_told_of_the_new_state_is_told_of_the_old_one_again),
        cmocka_unit_test(what_stop_left_untold_is_told_by_the_next_run_though_no_file_differs),
        cmocka_unit_test(an_owed_restart_is_not_made_a_reload_by_a_later_run),
        cmocka_unit_test(what_is_owed_survives_runs_that_do_not_come_to_it),
        cmocka_unit_test(a_refused_owed_refresh_stays_owed),
        cmocka_unit_test(mending_drift_does_not_end_what_somebody_stopped),
        cmocka_unit_test(nothing_is_owed_to_a_service_that_is_no_longer_wanted),
    };
    return cmocka_run_group_tests_name("refresh", tests, NULL, NULL);
}
