/* The schemas of plans and reports against the program's own words: what it can print, and not only what some
 * test made it print. The plan tests hold all that is printed against them. */
#include "report.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

static json_t *schema(const char *name)
{
    struct arena a = {0};
    json_error_t je;
    json_t *root = json_load_file(arena_printf(&a, SOURCE_ROOT "/schemas/%s.schema.json", name), 0, &je);
    if (!root)
        print_error("%s.schema.json:%d: %s\n", name, je.line, je.text);
    arena_free(&a);
    assert_non_null(root);
    return root;
}

/* The list of values at a way of names, such as "$defs action properties impact". */
static json_t *values_at(json_t *v, const char *way)
{
    struct arena a = {0};
    char *rest = arena_strdup(&a, way);
    for (char *name; v && (name = strsep(&rest, " "));)
        v = json_object_get(v, name);
    arena_free(&a);
    return json_object_get(v, "enum");
}

static bool has(json_t *values, const char *word)
{
    for (size_t i = 0; i < json_array_size(values); i++)
        if (strcmp(json_string_value(json_array_get(values, i)), word) == 0)
            return true;
    return false;
}

static void are(json_t *root, const char *way, const char *const *words, size_t n)
{
    json_t *values = values_at(root, way);
    for (size_t i = 0; i < n; i++)
        if (!has(values, words[i]))
            fail_msg("%s does not have \"%s\"", way, words[i]);
    assert_int_equal(json_array_size(values), n);
}

static void words_are_those_that_the_program_has(void **state)
{
    json_t *plan = schema("plan"), *report = schema("report");
    are(plan, "$defs op", op_names, OP_REFRESH + 1);
    are(report, "$defs op", op_names, OP_REFRESH + 1);
    are(plan, "$defs action properties cause properties class", cause_names, CAUSE_REFRESH + 1);
    are(plan, "$defs action properties impact", impact_names, IMPACT_RESTART + 1);
    are(plan, "$defs action properties undo", reversal_names, ONE_WAY + 1);
    are(plan, "$defs left properties cause properties policy", drift_policy_names, DRIFT_IGNORE + 1);
    are(report, "$defs result properties health items properties state", health_names, HEALTH_UNKNOWN + 1);
    json_decref(plan);
    json_decref(report);
}

static void each_outcome_of_an_apply_is_in_the_schema(void **state)
{
    json_t *report = schema("report"), *values = values_at(report, "$defs result properties outcome");
    const struct plan p = {.server = "web-01"};
    for (int i = APPLY_DONE; i <= APPLY_STALE; i++) {
        const struct apply_result r = {.outcome = (enum apply_outcome)i};
        struct buf b = {0};
        report_result_json(&p, &r, &b);
        json_t *v = json_loads(buf_str(&b), 0, NULL);
        assert_true(has(values, json_string_value(json_object_get(v, "outcome"))));
        json_decref(v);
        buf_free(&b);
    }
    assert_int_equal(json_array_size(values), APPLY_STALE + 1);
    json_decref(report);
}

/* A schema of an object that takes any key would hold nothing. */
static void look(json_t *root, json_t *v)
{
    const char *name, *ref = json_string_value(json_object_get(v, "$ref"));
    json_t *one;
    size_t i;
    if (json_object_get(v, "properties"))
        assert_true(json_is_false(json_object_get(v, "additionalProperties")));
    if (ref) {
        assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
        assert_non_null(json_object_get(json_object_get(root, "$defs"), ref + 8));
    }
    json_object_foreach(v, name, one) look(root, one);
    json_array_foreach(v, i, one) look(root, one);
}

static void no_object_takes_keys_that_are_not_named(void **state)
{
    static const char *const names[] = {"plan", "report"};
    for (size_t i = 0; i < 2; i++) {
        json_t *root = schema(names[i]);
        look(root, root);
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_that_the_program_has),
        cmocka_unit_test(each_outcome_of_an_apply_is_in_the_schema),
        cmocka_unit_test(no_object_takes_keys_that_are_not_named),
    };
    return cmocka_run_group_tests_name("report/schemas", tests, NULL, NULL);
}
