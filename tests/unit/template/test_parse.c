/* What a template's author did wrong is said with its place. */
#include "world.h"

static void expect_refused(const char *source, const char *words)
{
    struct arena a = {0};
    struct error err = {0};
    struct template *t = NULL;
    int r = template_parse("site.conf", source, strlen(source), NULL, &a, &t, &err);
    if (r != -EINVAL || t || !strstr(err.text, words) || !*err.hint)
        fail_msg("%s\ngave %d \"%s\", not \"%s\"", source, r, err.text, words);
    arena_free(&a);
}

#define NGINX "{{! dialect: nginx }}\n"

static void a_template_names_its_dialect(void **state)
{
    expect_refused("", "site.conf:1:1: the template does not name its dialect");
    expect_refused("root {{x}};", "does not name its dialect");
    expect_refused("{{! of nginx }}", "does not name its dialect");
    expect_refused("{{! dialect: ngnix }}", "there is no dialect \"ngnix\"");
    expect_refused("{{! dialect: }}", "there is no dialect \"\"");
    struct arena a = {0};
    struct error err = {0};
    struct template *t;
    assert_int_equal(template_parse("x", "{{! dialect: ngnix }}", 21, NULL, &a, &t, &err), -EINVAL);
    assert_non_null(strstr(err.hint, "\"nginx\""));
    arena_free(&a);
    (void)state;
}

static void sections_are_balanced(void **state)
{
    expect_refused(NGINX "a\n  {{#x}}b", "site.conf:3:3: {{#x}} is never closed");
    expect_refused(NGINX "{{/x}}", "site.conf:2:1: {{/x}} closes nothing");
    expect_refused(NGINX "{{#x}}\n{{^y}}\n{{/x}}{{/y}}",
                   "site.conf:4:1: {{/x}} comes where {{/y}} is due (opened in line 3)");
    struct buf deep = {0};
    buf_adds(&deep, NGINX);
    for (int i = 0; i < 65; i++)
        buf_adds(&deep, "{{#x}}");
    expect_refused(deep.at, "nest deeper than 64");
    buf_free(&deep);
    (void)state;
}

static void tags_are_whole(void **state)
{
    expect_refused(NGINX "\xc3\xbc {{x", "site.conf:2:3: this tag is never closed");
    expect_refused(NGINX "{{", "never closed");
    expect_refused(NGINX "{{!", "never closed");
    expect_refused(NGINX "{{=", "never closed");
    expect_refused(NGINX "{{{x}}", "never closed");
    expect_refused(NGINX "{{x}\n}", "never closed");
    expect_refused(NGINX "{{}}", "\"\" is no name");
    expect_refused(NGINX "{{#}}{{/}}", "\"\" is no name");
    expect_refused(NGINX "{{a..b}}", "\"a..b\" is no name");
    expect_refused(NGINX "{{.a}}", "\".a\" is no name");
    expect_refused(NGINX "{{a b}}", "it holds a space");
    expect_refused(NGINX "{{> }}", "a partial without a name");
    expect_refused(NGINX "{{=<% %}}", "never closed");
    expect_refused(NGINX "{{=<%=}}", "new delimiters");
    expect_refused(NGINX "{{=a b c=}}", "new delimiters");
    (void)state;
}

static void unescaped_values_are_for_text_alone(void **state)
{
    static const char *const dialects[] = {"nginx", "ini", "php", "mysql"};
    for (size_t i = 0; i < 4; i++) {
        char source[64];
        snprintf(source, sizeof source, "{{! dialect: %s }}\n a {{{x}}}", dialects[i]);
        expect_refused(source, "site.conf:2:4: a value that is not escaped");
        snprintf(source, sizeof source, "{{! dialect: %s }}\n{{& x}}", dialects[i]);
        expect_refused(source, "site.conf:2:1: a value that is not escaped");
    }
    (void)state;
}

static void partials_are_there_and_of_the_same_dialect(void **state)
{
    static const char *const partials[] = {"good",  NGINX "b {{x}};\n",         "plain",  "c;\n",
                                           "other", "{{! dialect: ini }}\nb\n", "broken", NGINX "\n{{#x}}",
                                           NULL};
    struct arena a = {0};
    struct value *v = value_map(&a);
    value_set(v, "x", "1");
    expect_text(NGINX "{{> good}}\n{{> plain}}\n", partials, &a, v, "b 1;\nc;\n");
    expect_error(NGINX "a;\n {{> missing}}", partials, &a, v, -ENOENT,
                 "site.conf:3:2: there is no partial \"missing\"");
    expect_error(NGINX "{{> other}}", partials, &a, v, -EINVAL, "other:1:1: this partial is of dialect ini");
    expect_error(NGINX "{{> broken}}", partials, &a, v, -EINVAL, "broken:3:1: {{#x}} is never closed");
    expect_text("{{! dialect: text }}\n<{{> missing}}>", partials, &a, v, "<>");
    arena_free(&a);
    (void)state;
}

static void the_text_may_go_after_parsing(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct template *t;
    char source[] = NGINX "root {{x}};\n";
    assert_int_equal(template_parse("x", source, strlen(source), NULL, &a, &t, &err), 0);
    memset(source, '#', sizeof source);
    struct value *v = value_map(&a);
    value_set(v, "x", "/srv");
    struct buf out = {0};
    assert_int_equal(template_render(t, v, &out, &err), 0);
    assert_string_equal(out.at, "root /srv;\n");
    buf_free(&out);
    arena_free(&a);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_names_its_dialect),
        cmocka_unit_test(sections_are_balanced),
        cmocka_unit_test(tags_are_whole),
        cmocka_unit_test(unescaped_values_are_for_text_alone),
        cmocka_unit_test(partials_are_there_and_of_the_same_dialect),
        cmocka_unit_test(the_text_may_go_after_parsing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
