/* Plans and results, as text for a person and as JSON for a program. */
#include "fake.h"
#include "report.h"
#include "specs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A "a.example.com"
#define B "b.example.com"

struct world {
    char dir[64];
    struct arena a;
    struct host *h;
    struct engine e;
    struct catalog cat;
    struct plan p;
    struct buf out;
    struct error err;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/citrus-report-XXXXXX");
    if (!mkdtemp(w->dir) || host_fake(w->dir, "{}", &w->h, &w->err) < 0)
        return -1;
    w->e = (struct engine){.host = w->h, .arena = &w->a};
    w->cat = (struct catalog){.arena = &w->a};
    w->p = (struct plan){.arena = &w->a, .server = "web-01", .bundle_digest = "abc", .unchanged = 3};
    *state = w;
    return 0;
}
static int teardown(void **state)
{
    struct world *w = *state;
    host_close(w->h);
    rmdir(w->dir);
    buf_free(&w->out);
    arena_free(&w->a);
    free(w);
    return 0;
}

static struct action *add(struct world *w, enum op op, const struct kind *k, const char *id, const char *site)
{
    struct action a = {.seq = (int64_t)w->p.actions.n + 1};
    a.change.op = op;
    a.change.res = catalog_add(&w->cat, k, id, site, (struct pos){"server.yaml", 12, 3});
    vec_push(&w->a, &w->p.actions, a);
    w->p.create += op == OP_CREATE;
    w->p.update += op == OP_UPDATE;
    w->p.remove += op == OP_REMOVE;
    w->p.refresh += op == OP_REFRESH;
    return &w->p.actions.at[w->p.actions.n - 1];
}

static void four_actions(struct world *w)
{
    static const struct field field = {.name = "mode", .type = FIELD_MODE};
    static struct field_change change = {&field, "0600", "0644"};
    add(w, OP_CREATE, &package_kind, "nginx", NULL)->change.reversal = COMPENSATED;
    struct action *update = add(w, OP_UPDATE, &file_kind, "/b", B);
    update->cause = CAUSE_CORRECTIVE;
    update->change.delta.at = &change;
    update->change.delta.n = 1;
    vec_push(&w->a, &update->refreshes, 3);
    struct action *gone = add(w, OP_REMOVE, &directory_kind, "/a", A);
    gone->cause = CAUSE_REMOVED;
    gone->change.summary = "to the trash";
    struct action *refresh = add(w, OP_REFRESH, &service_kind, "nginx.service", NULL);
    refresh->cause = CAUSE_REFRESH;
    refresh->refresh = IMPACT_RELOAD;
    refresh->sites_felt = 1;
}

static const char *plan_text(struct world *w, bool colour)
{
    struct report_style s = {.colour = colour};
    buf_reset(&w->out);
    report_plan(&w->e, &w->p, &s, NULL, "Plan for web-01", &w->out);
    return w->out.at;
}

static void a_plan_is_read_by_site_with_cause_impact_and_undo(void **state)
{
    struct world *w = *state;
    four_actions(w);
    assert_string_equal(
        plan_text(w, false),
        "Plan for web-01\n"
        "\nserver\n"
        "  + package nginx                                           server.yaml:12; compensated\n"
        "\na.example.com\n"
        "  - directory /a (to the trash)                             no longer in the manifest; "
        "reversible\n"
        "\nb.example.com\n"
        "  ~ file /b                                                 drift; reload nginx.service; "
        "reversible\n"
        "      mode: 0600 → 0644\n"
        "\nservices\n"
        "  ↻ reload nginx.service                                    1 site\n"
        "\n1 to create, 1 to change, 1 to remove; 1 service to refresh; 3 unchanged.\n"
        "Undo: 2 reversible, 1 compensated, 0 one-way.\n");
}

static void an_empty_plan_says_so(void **state)
{
    assert_string_equal(plan_text(*state, false),
                        "Nothing to do: all 3 resources are as the manifest says.\n");
}

static void colours_are_only_where_they_are_wanted(void **state)
{
    four_actions(*state);
    assert_null(strchr(plan_text(*state, false), '\033'));
    assert_non_null(strchr(plan_text(*state, true), '\033'));
}

static void what_waits_for_the_running_system_is_listed(void **state)
{
    struct world *w = *state;
    struct deferred d = {catalog_add(&w->cat, &database_kind, "blog", NULL, (struct pos){0})};
    vec_push(&w->a, &w->p.deferred, d);
    assert_non_null(
        strstr(plan_text(w, false), "deferred (these need the running system)\n  . database blog\n"));
}

static json_t *parsed(struct world *w)
{
    json_error_t je;
    json_t *root = json_loadb(w->out.at, w->out.len, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        fail_msg("line %d: %s\n%s", je.line, je.text, w->out.at);
    return root;
}
static json_t *at(json_t *list, size_t i)
{
    return json_array_get(list, i);
}
static const char *text_of(json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "(null)";
}

static void a_plan_is_json_for_programs(void **state)
{
    struct world *w = *state;
    four_actions(w);
    report_plan_json(&w->e, &w->p, NULL, &w->out);
    json_t *root = parsed(w), *actions = json_object_get(root, "actions");
    assert_string_equal(text_of(root, "server"), "web-01");
    assert_int_equal(json_array_size(actions), 4);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "counts"), "change")), 1);
    json_t *update = at(actions, 1), *change = at(json_object_get(update, "changes"), 0);
    assert_string_equal(text_of(update, "site"), B);
    assert_string_equal(text_of(update, "op"), "update");
    assert_string_equal(text_of(json_object_get(update, "cause"), "class"), "corrective");
    assert_string_equal(json_string_value(at(json_object_get(update, "refreshes"), 0)), "nginx.service");
    assert_string_equal(text_of(change, "before"), "0600");
    assert_string_equal(text_of(change, "after"), "0644");
    assert_true(json_is_null(json_object_get(at(actions, 0), "site")));
    assert_string_equal(text_of(at(actions, 0), "undo"), "compensated");
    assert_string_equal(text_of(at(actions, 3), "impact"), "reload");
    json_decref(root);
}

/* --- results ---------------------------------------------------------------------------------------------
 */

static const char *result_text(struct world *w, const struct apply_result *r)
{
    buf_reset(&w->out);
    report_result(&w->p, r, &(struct report_style){0}, &w->out);
    return buf_str(&w->out);
}
static struct failure failure(const char *site, bool undone)
{
    struct failure f = {.site = site, .kind = "vhost", .id = "x", .undone = undone};
    error_set(&f.err, -EIO, "it broke");
    error_hint(&f.err, "mend it");
    if (!undone) {
        error_set(&f.undo_err, -EIO, "undoing vhost x: it stays");
        error_hint(&f.undo_err, "by hand");
    }
    return f;
}

static void every_outcome_says_what_became_of_the_machine(void **state)
{
    struct world *w = *state;
    struct apply_result r = {.outcome = APPLY_DONE, .done = 1, .generation = 4};
    assert_string_equal(result_text(w, &r), "Applied 1 change to web-01 as generation 4.\n");
    r.done = 2;
    r.generation = 0;
    assert_string_equal(result_text(w, &r), "Applied 2 changes to web-01.\n");
    r = (struct apply_result){.outcome = APPLY_NOTHING};
    assert_string_equal(result_text(w, &r), "");
    r.generation = 2;
    assert_string_equal(result_text(w, &r), "Recorded as generation 2.\n");
    r = (struct apply_result){.outcome = APPLY_REFUSED};
    error_set(&r.err, -EPERM, "it cannot be");
    error_hint(&r.err, "let it");
    assert_string_equal(result_text(w, &r), "citrus: it cannot be\n  hint: let it\nNothing was changed.\n");
    r.outcome = APPLY_STALE;
    assert_string_equal(result_text(w, &r),
                        "citrus: it cannot be\n  hint: let it\nThe plan is stale. Nothing was "
                        "changed; plan again.\n");
}

static void a_failure_names_site_resource_and_what_to_do(void **state)
{
    struct world *w = *state;
    struct apply_result r = {.outcome = APPLY_PARTIAL, .done = 3, .generation = 5};
    vec_push(&w->a, &r.failures, failure(A, true));
    assert_string_equal(result_text(w, &r),
                        "a.example.com: vhost x: it broke\n  hint: mend it\n"
                        "Partly applied: 3 changes stand as generation 5; what belongs to the "
                        "site above is as it was.\n");
    r.failures.at[0].site = NULL;
    r.outcome = APPLY_UNDONE;
    assert_string_equal(result_text(w, &r), "server: vhost x: it broke\n  hint: mend it\n"
                                            "Failed and undone: the server is as it was before.\n");
}

static void what_could_not_be_taken_back_is_told_with_both_reasons(void **state)
{
    struct world *w = *state;
    struct apply_result r = {.outcome = APPLY_STUCK, .transaction = 7};
    vec_push(&w->a, &r.failures, failure(A, false));
    assert_string_equal(
        result_text(w, &r),
        "a.example.com: vhost x: it broke\n  hint: mend it\n"
        "  and it could not be taken back: undoing vhost x: it stays\n  hint: by hand\n"
        "Stuck: transaction 7 could not be taken back whole. A person is needed; then run `citrus "
        "recover`.\n");
}

static void a_result_is_json_for_programs(void **state)
{
    static const struct {
        enum apply_outcome outcome;
        const char *word;
        int exit;
    } all[] = {{APPLY_DONE, "applied", 0},    {APPLY_NOTHING, "nothing-to-do", 0},
               {APPLY_REFUSED, "refused", 1}, {APPLY_UNDONE, "undone", 3},
               {APPLY_PARTIAL, "partial", 4}, {APPLY_STUCK, "stuck", 5},
               {APPLY_STALE, "stale", 6}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct apply_result r = {.outcome = all[i].outcome};
        vec_push(&w->a, &r.failures, failure(NULL, false));
        error_set(&r.failures.at[0].err, -EIO, "with \"quotes\"\nand \033 bytes \xff");
        buf_reset(&w->out);
        report_result_json(&w->p, &r, &w->out);
        json_t *root = parsed(w), *f = at(json_object_get(root, "failures"), 0);
        assert_string_equal(text_of(root, "outcome"), all[i].word);
        assert_int_equal(json_integer_value(json_object_get(root, "exit")), all[i].exit);
        assert_true(json_is_null(json_object_get(f, "site")));
        assert_true(json_is_false(json_object_get(f, "undone")));
        assert_string_equal(text_of(f, "undo_error"), "undoing vhost x: it stays");
        json_decref(root);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_is_read_by_site_with_cause_impact_and_undo),
        TEST(an_empty_plan_says_so),
        TEST(colours_are_only_where_they_are_wanted),
        TEST(what_waits_for_the_running_system_is_listed),
        TEST(a_plan_is_json_for_programs),
        TEST(every_outcome_says_what_became_of_the_machine),
        TEST(a_failure_names_site_resource_and_what_to_do),
        TEST(what_could_not_be_taken_back_is_told_with_both_reasons),
        TEST(a_result_is_json_for_programs),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
