/* Every case of the specification's core modules, in the dialect text. */
#include "template.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

#define FIRST_LINE "{{! dialect: text }}\n"

/* Where citrus differs: values are escaped for the template's dialect and never for HTML, and `text` has no
 * escapes. What is expected instead is data here, so that these cases are run as well. */
static const struct {
    const char *module, *name, *expected;
} differs[] = {
    {"interpolation", "HTML Escaping", "These characters should be HTML escaped: & \" < >\n"},
};

static struct value *to_value(struct arena *a, json_t *j);

static void set_member(struct arena *a, struct value *map, const char *name, json_t *j)
{
    if (json_is_boolean(j))
        value_set_flag(map, name, json_is_true(j));
    else if (json_is_integer(j))
        value_set_int(map, name, json_integer_value(j));
    else if (json_is_real(j))
        value_set(map, name, arena_printf(a, "%.15g", json_real_value(j)));
    else if (json_is_string(j))
        value_set(map, name, json_string_value(j));
    else if (!json_is_null(j))
        value_set_value(map, name, to_value(a, j));
}

static struct value *to_value(struct arena *a, json_t *j)
{
    const char *name;
    json_t *item;
    size_t i;
    if (json_is_object(j)) {
        struct value *map = value_map(a);
        json_object_foreach(j, name, item) set_member(a, map, name, item);
        return map;
    }
    assert_true(json_is_array(j));
    struct value *list = value_list(a);
    json_array_foreach(j, i, item)
    {
        if (json_is_string(item))
            value_push_text(list, json_string_value(item));
        else if (json_is_integer(item))
            value_push_text(list, arena_printf(a, "%lld", (long long)json_integer_value(item)));
        else if (json_is_real(item))
            value_push_text(list, arena_printf(a, "%.15g", json_real_value(item)));
        else
            value_push(list, to_value(a, item));
    }
    return list;
}

static const char *load(void *self, const char *name, size_t *len)
{
    const char *text = json_string_value(json_object_get(self, name));
    *len = text ? strlen(text) : 0;
    return text;
}

static bool run_case(const char *module, json_t *test)
{
    struct arena a = {0};
    struct error err = {0};
    struct buf source = {0}, out = {0};
    struct template_loader loader = {load, json_object_get(test, "partials")};
    struct template *t = NULL;
    const char *name = json_string_value(json_object_get(test, "name"));
    const char *expected = json_string_value(json_object_get(test, "expected"));
    for (size_t i = 0; i < sizeof differs / sizeof *differs; i++)
        if (strcmp(differs[i].module, module) == 0 && strcmp(differs[i].name, name) == 0)
            expected = differs[i].expected;
    buf_adds(&source, FIRST_LINE);
    buf_adds(&source, json_string_value(json_object_get(test, "template")));
    int r = template_parse(name, source.at, source.len, &loader, &a, &t, &err);
    if (r == 0)
        r = template_render(t, to_value(&a, json_object_get(test, "data")), &out, &err);
    bool same = r == 0 && strcmp(buf_str(&out), expected) == 0;
    if (!same)
        print_error("%s: %s: %s\nexpected: >%s<\nfound:    >%s<\n", module, name, r < 0 ? err.text : "",
                    expected, buf_str(&out));
    buf_free(&source);
    buf_free(&out);
    arena_free(&a);
    return same;
}

static void run_module(const char *module, size_t cases)
{
    char path[512];
    json_error_t why;
    json_t *test;
    size_t i, failed = 0;
    snprintf(path, sizeof path, "%s/%s.json", SPEC_DIR, module);
    json_t *all = json_load_file(path, 0, &why);
    if (!all)
        fail_msg("%s: %s", path, why.text);
    json_t *tests = json_object_get(all, "tests");
    assert_int_equal(json_array_size(tests), cases);
    json_array_foreach(tests, i, test) failed += !run_case(module, test);
    json_decref(all);
    assert_int_equal(failed, 0);
}

#define MODULE(name, cases)                                                                                  \
    static void name##_are_as_the_specification_says(void **state)                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        run_module(#name, cases);                                                                            \
    }

MODULE(comments, 11)
MODULE(delimiters, 14)
MODULE(interpolation, 30)
MODULE(inverted, 21)
MODULE(partials, 11)
MODULE(sections, 25)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_are_as_the_specification_says),
        cmocka_unit_test(delimiters_are_as_the_specification_says),
        cmocka_unit_test(interpolation_are_as_the_specification_says),
        cmocka_unit_test(inverted_are_as_the_specification_says),
        cmocka_unit_test(partials_are_as_the_specification_says),
        cmocka_unit_test(sections_are_as_the_specification_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
