/* Values, contexts, partials, limits. */
#include "../timely.h"
#include "world.h"
#include <time.h>

#define TEXT  "{{! dialect: text }}\n"
#define NGINX "{{! dialect: nginx }}\n"

static void values_of_each_type_are_shown(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a), *in = value_map(&a);
    value_set(v, "text", "first");
    value_set(v, "text", "second");
    value_set(v, "unset", NULL);
    value_set_int(v, "n", -7);
    value_set_flag(v, "yes", true);
    value_set_flag(v, "no", false);
    value_set(in, "deep", "down");
    value_set_value(v, "in", in);
    expect_text(TEXT "{{text}} {{n}} {{yes}} {{no}} {{in.deep}} [{{unset}}]", NULL, &a, v,
                "second -7 true false down []");
    arena_free(&a);
    (void)state;
}

static void what_is_false_in_a_section(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a), *list = value_list(&a);
    value_set(v, "empty", "");
    value_set(v, "zero", "0");
    value_set_flag(v, "no", false);
    value_set_value(v, "none", value_list(&a));
    value_set_value(v, "map", value_map(&a));
    value_push_text(list, "");
    value_set_value(v, "list", list);
    expect_text(TEXT "{{#empty}}1{{/empty}}{{#no}}2{{/no}}{{#none}}3{{/none}}{{#absent}}4{{/absent}}"
                     "{{#zero}}5{{/zero}}{{#map}}6{{/map}}{{#list}}7{{/list}}",
                NULL, &a, v, "567");
    expect_text(TEXT "{{^empty}}1{{/empty}}{{^no}}2{{/no}}{{^none}}3{{/none}}{{^absent}}4{{/absent}}"
                     "{{^zero}}5{{/zero}}{{^map}}6{{/map}}{{^list}}7{{/list}}",
                NULL, &a, v, "1234");
    arena_free(&a);
    (void)state;
}

static void inner_names_hide_outer_ones(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a), *one = value_map(&a), *two = value_map(&a), *list = value_list(&a);
    value_set(v, "name", "outer");
    value_set(v, "only", "here");
    value_set(one, "name", "inner");
    value_push(list, one);
    value_push(list, two);
    value_set_value(v, "list", list);
    value_set_value(v, "one", one);
    expect_text(TEXT "{{#list}}{{name}}/{{only}} {{/list}}", NULL, &a, v, "inner/here outer/here ");
    /* A dotted name whose first part was found does not fall back. */
    expect_text(TEXT "[{{#one}}{{one.only}}{{/one}}]", NULL, &a, v, "[]");
    arena_free(&a);
    (void)state;
}

static void lists_in_lists_are_walked(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a), *outer = value_list(&a);
    for (int i = 0; i < 2; i++) {
        struct value *inner = value_list(&a);
        value_push_text(inner, "x");
        value_push_text(inner, "y");
        value_push(outer, inner);
    }
    value_set_value(v, "l", outer);
    expect_text(TEXT "{{#l}}<{{#.}}{{.}}{{/.}}>{{/l}}", NULL, &a, v, "<xy><xy>");
    arena_free(&a);
    (void)state;
}

static void a_name_without_a_value_is_no_silence(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a);
    value_set_value(v, "list", value_list(&a));
    value_set(v, "text", "t");
    expect_error(NGINX "root a;\n  root {{rot}};", NULL, &a, v, -ENOENT,
                 "site.conf:3:8: {{rot}} has no value");
    expect_error(NGINX "root {{text.x}};", NULL, &a, v, -ENOENT, "{{text.x}} has no value");
    expect_error(NGINX "root {{list}};", NULL, &a, v, -EPROTO, "{{list}} is a list");
    expect_error(NGINX "root {{.}};", NULL, &a, v, -EPROTO, "{{.}} is a map");
    expect_text(NGINX "a;{{#rot}} {{rot}};{{/rot}}", NULL, &a, v, "a;");
    arena_free(&a);
    (void)state;
}

static void an_error_names_template_hole_and_value_but_shows_no_value(void **state)
{
    static const char *const partials[] = {"tls", NGINX "\n  key {{key}};\n", NULL};
    struct arena a = {0};
    struct error err = {0};
    struct buf out = {0};
    struct value *v = value_map(&a);
    buf_adds(&out, "kept");
    value_set_at(v, "key", "hunter2\n", (struct pos){"sites/a.yaml", 7, 11});
    assert_int_equal(run(&a, NGINX "word;\n{{> tls}}\n", partials, v, &out, &err), -EINVAL);
    assert_non_null(strstr(err.text, "tls:3:7: {{key}} (from sites/a.yaml:7:11) holds a newline"));
    assert_non_null(strstr(err.text, "an nginx file"));
    assert_non_null(strstr(err.hint, "sites/a.yaml:7:11"));
    assert_null(strstr(err.text, "hunter2"));
    /* What stood in the buffer before stands there still, and nothing else. */
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.at, "kept", 5);
    buf_free(&out);
    arena_free(&a);
    (void)state;
}

static void partials_that_stand_alone_are_indented_with_all_they_include(void **state)
{
    static const char *const partials[] = {
        "outer", NGINX "location / {\n    {{> inner}}\n\n    {{#on}}\n    {{x}} 1;\n    {{/on}}\n}\n",
        "inner", NGINX "{{x}} a;\n{{#on}}b{{/on}};\n",
        "line",  "p;\nq;",
        NULL};
    struct arena a = {0};
    struct value *v = value_map(&a);
    value_set(v, "x", "set");
    value_set_flag(v, "on", true);
    expect_text(NGINX "server {\n    {{> outer}}\n}\n", partials, &a, v,
                "server {\n    location / {\n        set a;\n        b;\n\n        set 1;\n    }\n}\n");
    /* In a line with other things it is put as it is. */
    expect_text(NGINX "  x {{> line}}\n", partials, &a, v, "  x p;\nq;\n");
    arena_free(&a);
    (void)state;
}

static void values_of_many_lines_are_not_indented(void **state)
{
    static const char *const partials[] = {"p", "{{x}}\nz", NULL};
    struct arena a = {0};
    struct value *v = value_map(&a);
    value_set(v, "x", "a\nb");
    expect_text(TEXT "  {{> p}}\n", partials, &a, v, "  a\nb\n  z");
    arena_free(&a);
    (void)state;
}

static void partials_end_at_a_depth_of_32(void **state)
{
    static const char *const partials[] = {"self", "x{{> self}}", "tree", "{{#more}}{{> tree}}{{/more}};",
                                           NULL};
    struct arena a = {0};
    struct value *v = value_map(&a), *at = v;
    expect_error(TEXT "{{> self}}", partials, &a, v, -ELOOP, "deeper than 32");
    /* As deep as it may be, with a context each. */
    value_set_flag(v, "more", false);
    expect_text(TEXT "{{> tree}}", partials, &a, v, ";");
    for (int i = 0; i < 31; i++) {
        struct value *next = value_map(&a);
        value_set_flag(next, "more", false);
        value_set_value(at, "more", next);
        at = next;
    }
    expect_text(TEXT "{{> tree}}", partials, &a, v, ";;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;");
    struct value *next = value_map(&a);
    value_set_flag(next, "more", false);
    value_set_value(at, "more", next);
    expect_error(TEXT "{{> tree}}", partials, &a, v, -ELOOP, "deeper than 32");
    arena_free(&a);
    (void)state;
}

/* Two at each level would be 2^32 without a word of output. */
static void a_template_that_multiplies_ends(void **state)
{
    static const char *const partials[] = {"twice", "{{#n}}{{> twice}}{{/n}}{{#n}}{{> twice}}{{/n}}", NULL};
    struct arena a = {0};
    struct value *v = value_map(&a), *at = v;
    for (int i = 0; i < 31; i++) {
        struct value *next = value_map(&a);
        value_set_value(at, "n", next);
        at = next;
    }
    value_set_flag(at, "n", false);
    expect_error(TEXT "{{> twice}}", partials, &a, v, -EFBIG, "grows past all measure");
    arena_free(&a);
    (void)state;
}

static void rendering_again_gives_the_same(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct template *t;
    static const char source[] = NGINX "a \"{{x}}\"; {{#l}}{{.}} {{/l}};";
    struct value *v = value_map(&a), *list = value_list(&a);
    struct buf one = {0}, two = {0};
    value_set(v, "x", "\"");
    value_push_text(list, "b c");
    value_set_value(v, "l", list);
    assert_int_equal(template_parse("x", source, sizeof source - 1, NULL, &a, &t, &err), 0);
    assert_int_equal(template_render(t, v, &one, &err), 0);
    assert_int_equal(template_render(t, v, &two, &err), 0);
    assert_string_equal(one.at, two.at);
    buf_free(&one);
    buf_free(&two);
    arena_free(&a);
    (void)state;
}

/* Far above what it takes, and far below what parsing at each rendering would. */
static void a_thousand_vhosts_are_quick(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct template *t;
    struct buf source = {0}, out = {0};
    struct value *v = value_map(&a);
    struct timespec t0, t1;
    value_set(v, "domain", "blog.example.com");
    value_set(v, "root", "/srv/www/blog.example.com");
    value_set_flag(v, "tls", true);
    buf_adds(&source, NGINX);
    for (int i = 0; i < 60; i++)
        buf_adds(&source,
                 "    {{#tls}}\n    add_header X \"of {{domain}}\" always; # {{root}}\n    {{/tls}}\n"
                 "    access_log {{root}}/logs/access.log;\n");
    assert_int_equal(template_parse("x", source.at, source.len, NULL, &a, &t, &err), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
    for (int i = 0; i < 1000; i++) {
        buf_reset(&out);
        assert_int_equal(template_render(t, v, &out, &err), 0);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
    double ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
    print_message("1000 renderings of %zu bytes: %.1f ms\n", out.len, ms);
    assert_true(timely(ms < 1000));
    buf_free(&source);
    buf_free(&out);
    arena_free(&a);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_each_type_are_shown),
        cmocka_unit_test(what_is_false_in_a_section),
        cmocka_unit_test(inner_names_hide_outer_ones),
        cmocka_unit_test(lists_in_lists_are_walked),
        cmocka_unit_test(a_name_without_a_value_is_no_silence),
        cmocka_unit_test(an_error_names_template_hole_and_value_but_shows_no_value),
        cmocka_unit_test(partials_that_stand_alone_are_indented_with_all_they_include),
        cmocka_unit_test(values_of_many_lines_are_not_indented),
        cmocka_unit_test(partials_end_at_a_depth_of_32),
        cmocka_unit_test(a_template_that_multiplies_ends),
        cmocka_unit_test(rendering_again_gives_the_same),
        cmocka_unit_test(a_thousand_vhosts_are_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
