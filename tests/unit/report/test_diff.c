/* The difference of two texts, as a person sees it. */
#include "diff.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* What is shown, or NULL where the texts are equal; valid until the next call. */
static const char *diff_n(const char *x, size_t nx, const char *y, size_t ny, int context)
{
    static char shown[4096];
    struct buf a = {0}, b = {0}, out = {0};
    struct diff_style style = {.indent = "", .context = context};
    buf_add(&a, x, nx);
    buf_add(&b, y, ny);
    bool differs = diff_text(&a, &b, &style, &out);
    assert_true(out.len < sizeof shown);
    strcpy(shown, buf_str(&out));
    buf_free(&a);
    buf_free(&b);
    buf_free(&out);
    return differs ? shown : NULL;
}
static const char *diff(const char *x, const char *y)
{
    return diff_n(x, strlen(x), y, strlen(y), 2);
}

static void equal_texts_show_nothing(void **state)
{
    struct buf none = {0}, out = {0};
    assert_null(diff("", ""));
    assert_null(diff("a\nb\n", "a\nb\n"));
    assert_false(diff_text(&none, &none, &(struct diff_style){.indent = ""}, &out));
    buf_free(&out);
}

static void an_empty_side_shows_all_of_the_other(void **state)
{
    assert_string_equal(diff("", "a\nb\n"), "+ a\n+ b\n");
    assert_string_equal(diff("a\nb\n", ""), "- a\n- b\n");
    assert_string_equal(diff("", "\n"), "+ \n");
}

static void changes_are_shown_with_their_neighbours(void **state)
{
    assert_string_equal(diff("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nx\n5\n6\n7\n"),
                        "  ...\n  2\n  3\n- 4\n+ x\n  5\n  6\n");
    assert_string_equal(diff("a\nc\n", "a\nb\nc\n"), "  a\n+ b\n  c\n");
    assert_string_equal(diff("a\nb\nc\n", "a\nc\n"), "  a\n- b\n  c\n");
}

static void changes_far_apart_have_a_gap_between_them(void **state)
{
    assert_string_equal(diff_n("a\n1\n2\n3\nb\n", 10, "x\n1\n2\n3\ny\n", 10, 1),
                        "- a\n+ x\n  1\n  ...\n  3\n- b\n+ y\n");
    assert_string_equal(diff_n("a\n1\nb\n", 6, "x\n1\ny\n", 6, 0), "- a\n+ x\n  ...\n- b\n+ y\n");
}

static void a_missing_newline_at_the_end_is_a_difference_and_is_said(void **state)
{
    assert_string_equal(diff("a\n", "a"), "- a\n+ a (no newline at the end)\n");
    assert_string_equal(diff("a", "a\n"), "- a (no newline at the end)\n+ a\n");
    assert_string_equal(diff("a\nz", "b\nz"), "- a\n+ b\n  z\n");
}

static void nothing_that_a_terminal_obeys_is_shown(void **state)
{
    assert_string_equal(diff("", "a\033[31mb\rc\x7f\n"), "+ a?[31mb?c?\n");
    assert_string_equal(diff("", "a\tb\n"), "+ a b\n");
    assert_string_equal(diff("", "\xc2\x9b"
                                 "31m \xc2\xa0 \xc3\xa9\n"),
                        "+ ?31m \xc2\xa0 \xc3\xa9\n");
    assert_string_equal(diff("", "\xff\xfe \xc2\n"), "+ ?? ?\n");
    assert_string_equal(diff_n("", 0, "a\0b\n", 4, 2), "+ a?b\n");
}

static void what_is_moved_is_taken_out_once_and_put_in_once(void **state)
{
    assert_string_equal(diff("a\nb\nc\n", "c\na\nb\n"), "+ c\n  a\n  b\n- c\n");
}

static void texts_of_thousands_of_lines_are_counted_and_not_compared(void **state)
{
    struct buf x = {0}, y = {0}, out = {0};
    for (int i = 0; i < 4001; i++) {
        buf_addf(&x, "%d\n", i);
        buf_addf(&y, "%d\n", i + (i == 2000));
    }
    assert_true(diff_text(&x, &y, &(struct diff_style){.indent = "  "}, &out));
    assert_string_equal(out.at, "  (4001 lines before, 4001 after: too long to compare here)\n");
    buf_free(&x);
    buf_free(&y);
    buf_free(&out);
}

static void the_longest_that_are_compared_all_different(void **state)
{
    struct buf x = {0}, y = {0}, out = {0};
    size_t lines = 0;
    for (int i = 0; i < 4000; i++) {
        buf_addf(&x, "x%d\n", i);
        buf_addf(&y, "y%d\n", i);
    }
    assert_true(diff_text(&x, &y, &(struct diff_style){.indent = ""}, &out));
    for (size_t i = 0; i < out.len; i++)
        lines += out.at[i] == '\n';
    assert_int_equal(lines, 8000);
    buf_free(&x);
    buf_free(&y);
    buf_free(&out);
}

static void colours_end_where_their_line_does(void **state)
{
    struct buf x = {0}, y = {0}, out = {0};
    buf_adds(&x, "a\n");
    buf_adds(&y, "b\n");
    assert_true(diff_text(&x, &y, &(struct diff_style){.indent = " ", .colour = true}, &out));
    assert_string_equal(out.at, " \033[31m- a\033[0m\n \033[32m+ b\033[0m\n");
    buf_free(&x);
    buf_free(&y);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_show_nothing),
        cmocka_unit_test(an_empty_side_shows_all_of_the_other),
        cmocka_unit_test(changes_are_shown_with_their_neighbours),
        cmocka_unit_test(changes_far_apart_have_a_gap_between_them),
        cmocka_unit_test(a_missing_newline_at_the_end_is_a_difference_and_is_said),
        cmocka_unit_test(nothing_that_a_terminal_obeys_is_shown),
        cmocka_unit_test(what_is_moved_is_taken_out_once_and_put_in_once),
        cmocka_unit_test(texts_of_thousands_of_lines_are_counted_and_not_compared),
        cmocka_unit_test(the_longest_that_are_compared_all_different),
        cmocka_unit_test(colours_end_where_their_line_does),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
