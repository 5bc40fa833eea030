#include "diag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void errors_come_in_order_of_place_with_line_caret_and_hint(void **state)
{
    struct arena a = {0};
    struct diags d;
    struct buf out = {0};
    static const char text[] = "one: 1\nt\xc3\xb6wo: {versoin: x}\n";
    diags_init(&d, &a);
    diags_source(&d, "m.yaml", text, sizeof text - 1);
    diag_error(&d, (struct pos){"m.yaml", 2, 7}, "did you mean \"version\"?", "unknown key \"%s\"",
               "versoin");
    diag_warning(&d, (struct pos){"m.yaml", 1, 1}, NULL, "first");
    diags_render(&d, &out, false);
    assert_string_equal(out.at, "m.yaml:1:1: warning: first\n"
                                "     1 | one: 1\n"
                                "       | ^\n"
                                "m.yaml:2:7: error: unknown key \"versoin\"\n"
                                "     2 | t\xc3\xb6wo: {versoin: x}\n"
                                "       |       ^\n"
                                "  hint: did you mean \"version\"?\n"
                                "1 error\n");
    buf_free(&out);
    arena_free(&a);
}

static void hostile_bytes_do_not_reach_the_terminal(void **state)
{
    struct arena a = {0};
    struct diags d;
    struct buf out = {0};
    diags_init(&d, &a);
    diags_source(&d, "m\033[2J", "\033]0;x\007\n", 7);
    diag_error(&d, (struct pos){"m\033[2J", 1, 1}, "\033", "bad \033[31m");
    diags_render(&d, &out, false);
    assert_null(strchr(out.at, '\033'));
    assert_null(strchr(out.at, '\007'));
    buf_reset(&out);
    struct diags e;
    diags_init(&e, &a);
    diags_source(&e, "m", "a: \xc2\x9b 31m \xff z\r\n", 14);
    diag_error(&e, (struct pos){"m", 1, 1}, NULL, "bad");
    diags_render(&e, &out, false);
    assert_non_null(strstr(out.at, "| a: ? 31m ? z\n"));
    buf_free(&out);
    arena_free(&a);
}

static void too_many_are_counted_not_kept(void **state)
{
    struct arena a = {0};
    struct diags d;
    struct buf out = {0};
    diags_init(&d, &a);
    for (int i = 0; i < 1000; i++)
        diag_error(&d, (struct pos){"m", i + 1, 1}, NULL, "x");
    diags_render(&d, &out, false);
    assert_int_equal(d.errors, 1000);
    assert_non_null(strstr(out.at, "and 900 more\n1000 errors\n"));
    buf_free(&out);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_come_in_order_of_place_with_line_caret_and_hint),
        cmocka_unit_test(hostile_bytes_do_not_reach_the_terminal),
        cmocka_unit_test(too_many_are_counted_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
