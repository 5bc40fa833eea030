/* An apply: what stands, what is taken back and by how much, and what is said of it. */
#include "rig.h"
#include <time.h>

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
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_int_equal(t->res.transaction, 0);
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

/* --- looking again, and after ----------------------------------------------------------------------------
 */

static void somebody_changes_it(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "target") == 0)
        probe_set("target", "somebody's");
}

static void a_target_that_somebody_moved_since_the_plan_is_stale(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "target", NULL, "new");
    probe_set("target", "old");
    t->hook = somebody_changes_it;
    assert_int_equal(rig_apply(t), APPLY_STALE);
    assert_int_equal(apply_exit(&t->res), 6);
    assert_in_text(t->res.err.text, "value was \"old\" when the plan was made and is \"somebody's\" now");
    assert_string_equal(probe_get("target"), "somebody's");
    rig_free(t);
}

static void a_stale_target_after_others_were_changed_undoes_them(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "first", NULL, "1");
    rig_probe(t, "target", NULL, "new");
    probe_set("target", "old");
    t->hook = somebody_changes_it;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_null(probe_get("first"));
    assert_string_equal(probe_get("target"), "somebody's");
    rig_free(t);
}

static void package_brings_it(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "package") == 0)
        probe_set("target", "as packaged");
}

static void a_target_that_this_transaction_moved_is_planned_anew(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *target = rig_probe(t, "target", NULL, "new"),
                    *middle = rig_probe(t, "middle", NULL, "1");
    rig_needs(t, middle, rig_probe(t, "package", NULL, "1"));
    rig_needs(t, target, middle);
    t->hook = package_brings_it;
    rig_done(t);
    assert_string_equal(probe_get("target"), "new");
    rig_free(t);
}

static void package_is_enough(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "package") == 0)
        probe_set("target", "new");
}

static void what_this_transaction_brought_as_wanted_is_managed_and_not_undone_by_itself(void **state)
{
    struct rig *t = rig_new("{}");
    rig_needs(t, rig_probe(t, "target", NULL, "new"), rig_probe(t, "package", NULL, "1"));
    t->hook = package_is_enough;
    rig_done(t);
    assert_string_equal(rig_states(t, 1), "ds");
    assert_string_equal(rig_managed(t), "package target");
    rig_free(t);
}

static void what_was_undone_with_a_plan_anew_is_as_this_transaction_found_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *target = rig_probe(t, "target", NULL, "new");
    rig_needs(t, target, rig_probe(t, "package", NULL, "1"));
    rig_needs(t, rig_probe(t, "zlast", NULL, "1"), target);
    probe_trouble("zlast", PROBE_APPLY);
    t->hook = package_brings_it;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_string_equal(probe_get("target"), "as packaged");
    rig_free(t);
}

static void created_and_not_there_is_a_failure(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "1");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "probe liar was made, and is not there");
    rig_free(t);
}

static void changed_and_as_before_is_a_failure_that_names_the_field(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "new");
    probe_set("liar", "old");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "its value is \"old\" and not \"new\"");
    rig_free(t);
}

static void removed_and_still_there_is_a_failure(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "1");
    rig_done(t);
    rig_again(t, "{}");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "was removed, and is still there");
    assert_string_equal(rig_managed(t), "liar");
    rig_free(t);
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

/* --- files: what verifying reads -------------------------------------------------------------------------
 */

/* One row of a cache of digests. */
struct row {
    char path[128];
    struct fs_stat st;
    struct hash128 digest;
};

static bool row_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    const struct row *row = self;
    if (strcmp(row->path, path) != 0 || row->st.ino != st->ino || row->st.ctime_ns != st->ctime_ns)
        return false;
    *ret = row->digest;
    return true;
}

static void row_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct row *row = self;
    snprintf(row->path, sizeof row->path, "%s", path);
    row->st = *st;
    row->digest = digest;
}

/* Written over in place, same size, within the clock's tick: the cache must not have taken the first. */
static void a_file_changed_twice_in_one_tick_is_read_again(void **state)
{
    struct rig *t = rig_new("{}");
    struct row row = {.path = ""};
    struct digest_cache cache = {row_get, row_put, &row};
    t->h->cache = &cache;
    rig_file(t, "/f", NULL, "new");
    for (int i = 0; i < 50; i++) {
        rig_put(t, "/f", "new");
        rig_plan(t);
        assert_int_equal(t->p->actions.n, 0);
        rig_put(t, "/f", "old");
        rig_plan(t);
        assert_int_equal(t->p->actions.n, 1);
    }
    rig_free(t);
}

static void somebody_writes_the_file(struct rig *t, const struct action *a)
{
    rig_put(t, "/f", "mine");
}

static void a_file_that_somebody_wrote_after_the_plan_is_stale(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/f", "olds");
    rig_file(t, "/f", NULL, "news");
    t->hook = somebody_writes_the_file;
    assert_int_equal(rig_apply(t), APPLY_STALE);
    assert_string_equal(rig_read(t, "/f"), "mine");
    rig_free(t);
}

static void a_site_of_files_comes_back_byte_for_byte(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/srv/a/f", "old");
    rig_put(t, "/srv/a/tree/x", "x");
    assert_int_equal(symlink("elsewhere", rig_path(t, "/srv/a/l")), 0);
    char *before = rig_tree(t);
    struct resource *f = rig_file(t, "/srv/a/f", A, "new");
    struct resource *l = rig_link(t, "/srv/a/l", A, "here"), *d = rig_directory(t, "/srv/a/d/e", A, false);
    struct resource *tree = rig_link(t, "/srv/a/tree", A, "no-tree"), *last = rig_probe(t, "z", A, "1");
    struct resource *all[] = {f, l, d, tree};
    for (size_t i = 0; i < 4; i++)
        rig_needs(t, last, all[i]);
    probe_trouble("z", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_states(t, 1), "uuuuu");
    assert_string_equal(rig_tree(t), before);
    rig_free(t);
}

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
        cmocka_unit_test(all_is_journalled_as_done_and_leaves_nothing_behind),
        cmocka_unit_test(a_failing_site_is_undone_and_the_others_stand),
        cmocka_unit_test(a_failing_site_gets_no_later_action),
        cmocka_unit_test(a_failing_server_undoes_all),
        cmocka_unit_test(undo_all_takes_the_other_sites_back_too),
        cmocka_unit_test(stop_leaves_things_as_the_failure_left_them),
        cmocka_unit_test(stop_forgets_nothing_that_it_did_not_come_to),
        cmocka_unit_test(an_undo_that_fails_is_stuck_and_names_the_resource),
        cmocka_unit_test(a_site_that_cannot_be_prepared_is_left_alone),
        cmocka_unit_test(where_no_site_can_be_prepared_no_transaction_is_opened),
        cmocka_unit_test(a_server_that_cannot_be_prepared_is_refused),
        cmocka_unit_test(with_undo_all_a_site_that_cannot_be_prepared_refuses_the_run),
        cmocka_unit_test(a_capture_that_fails_changes_nothing_of_its_action),
        cmocka_unit_test(what_cannot_be_taken_back_needs_the_operators_word),
        cmocka_unit_test(a_saved_plan_is_applied_once),
        cmocka_unit_test(a_saved_plan_that_was_refused_can_be_tried_again),
        cmocka_unit_test(an_apply_that_cannot_begin_is_refused_and_leaves_no_open_transaction),
        cmocka_unit_test(interrupted_the_action_ends_and_all_is_undone),
        cmocka_unit_test(interrupted_before_anything_was_begun_is_refused),
        cmocka_unit_test(a_target_that_somebody_moved_since_the_plan_is_stale),
        cmocka_unit_test(a_stale_target_after_others_were_changed_undoes_them),
        cmocka_unit_test(a_target_that_this_transaction_moved_is_planned_anew),
        cmocka_unit_test(what_this_transaction_brought_as_wanted_is_managed_and_not_undone_by_itself),
        cmocka_unit_test(what_was_undone_with_a_plan_anew_is_as_this_transaction_found_it),
        cmocka_unit_test(created_and_not_there_is_a_failure),
        cmocka_unit_test(changed_and_as_before_is_a_failure_that_names_the_field),
        cmocka_unit_test(removed_and_still_there_is_a_failure),
        cmocka_unit_test(a_refresh_that_nobody_calls_for_any_more_is_skipped),
        cmocka_unit_test(a_refused_refresh_takes_back_the_site_that_it_names_and_is_tried_again),
        cmocka_unit_test(a_site_whose_name_begins_another_is_not_blamed_for_it),
        cmocka_unit_test(a_refused_refresh_that_names_nobody_takes_back_all_that_called),
        cmocka_unit_test(a_refused_refresh_of_the_servers_own_undoes_all),
        cmocka_unit_test(what_was_told_of_the_new_state_is_told_of_the_old_one_again),
        cmocka_unit_test(a_file_changed_twice_in_one_tick_is_read_again),
        cmocka_unit_test(a_file_that_somebody_wrote_after_the_plan_is_stale),
        cmocka_unit_test(a_site_of_files_comes_back_byte_for_byte),
        cmocka_unit_test(what_was_in_the_trash_for_its_time_goes_and_nothing_else),
        cmocka_unit_test(undo_directories_stay_as_long_as_recover_may_need_them),
    };
    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
