#include "error.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void an_errno_is_said_behind_what_it_is_about(void **state)
{
    struct error err = {.hint = "of an error before"};
    assert_int_equal(error_errno(&err, ENOENT, "%s", "/etc/a"), -ENOENT);
    assert_int_equal(err.code, -ENOENT);
    assert_string_equal(err.text, "/etc/a: No such file or directory");
    assert_string_equal(err.hint, "");
    assert_int_equal(error_errno(&err, -EACCES, "cannot open %s in %s", "a", "/etc"), -EACCES);
    assert_string_equal(err.text, "cannot open a in /etc: Permission denied");
    assert_int_equal(error_errno(NULL, ENOENT, "%s", "/etc/a"), -ENOENT);
    (void)state;
}

static void a_full_and_a_read_only_disk_have_a_hint(void **state)
{
    struct error err = {0};
    error_errno(&err, ENOSPC, "%s", "/etc/a");
    assert_non_null(strstr(err.hint, "make room"));
    error_errno(&err, EROFS, "cannot write %s", "/etc/a");
    assert_non_null(strstr(err.hint, "remount,rw"));
    (void)state;
}

static void what_does_not_fit_is_cut_off(void **state)
{
    char longest[4096];
    struct error err = {0};
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    error_errno(&err, ENOENT, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strspn(err.text, "x"), sizeof err.text - 1);
    error_errno(&err, ENOENT, "cannot open %s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    longest[sizeof err.text - 6] = '\0'; /* room for the half of what follows */
    error_errno(&err, ENOENT, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + sizeof err.text - 6, ": No ");
    (void)state;
}

static void words_in_front_that_do_not_fit_cut_off_the_end(void **state)
{
    char longest[4096];
    struct error err = {0};
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    error_set(&err, -ENOENT, "%s", longest);
    error_hint(&err, "the next step");
    assert_int_equal(error_prefix(&err, "%s", "saving"), -ENOENT);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strncmp(err.text, "saving: xxx", 11), 0);
    assert_string_equal(err.hint, "the next step"); /* it lies behind the text */
    error_set(&err, -ENOENT, "the end");
    error_hint(&err, "the next step");
    assert_int_equal(error_prefix(&err, "%s", longest), -ENOENT);
    assert_string_equal(err.text + strspn(err.text, "x"), ": the end");
    assert_string_equal(err.hint, "the next step");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errno_is_said_behind_what_it_is_about),
        cmocka_unit_test(a_full_and_a_read_only_disk_have_a_hint),
        cmocka_unit_test(what_does_not_fit_is_cut_off),
        cmocka_unit_test(words_in_front_that_do_not_fit_cut_off_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
