#include "text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void sizes_are_read_and_written_without_loss(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"0", 0}, {"64M", 64ll << 20}, {"1T", 1ll << 40}, {"1500", 1500}, {"3k", 3072}};
    struct arena a = {0};
    int64_t v;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(size_parse(good[i].text, &v), 0);
        assert_int_equal(v, good[i].bytes);
        int64_t again;
        assert_int_equal(size_parse(size_text(&a, v), &again), 0);
        assert_int_equal(again, v);
    }
    static const char *const bad[] = {
        "", "M", "-1", "1X", "1MB", "9999999999999T", "1.5G", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(size_parse(bad[i], &v) < 0);
    arena_free(&a);
}

static void durations_add_up_and_refuse_nonsense(void **state)
{
    int64_t v;
    assert_int_equal(duration_parse("1h30m", &v), 0);
    assert_int_equal(v, 5400);
    assert_int_equal(duration_parse("2y", &v), 0);
    assert_int_equal(v, 63072000);
    static const char *const bad[] = {"", "5", "m", "1x", "-1m", "99999999999999y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(duration_parse(bad[i], &v) < 0);
    struct arena a = {0};
    assert_string_equal(duration_text(&a, 5400), "90m");
    assert_string_equal(duration_text(&a, 63072000), "2y");
    arena_free(&a);
}

static void versions_compare_by_number_not_by_letter(void **state)
{
    assert_true(version_compare("8.10", "8.2") > 0);
    assert_true(version_compare("1.25.1", "1.25") > 0);
    assert_true(version_compare("1.24.0", "1.25.1") < 0);
    assert_int_equal(version_compare("10.11.6", "10.11.6"), 0);
    assert_true(version_compare("8.alpha", "8.beta") < 0);
    assert_true(version_compare("8.rc", "8.beta") > 0);
    assert_int_equal(version_compare("8.rc", "8.rc"), 0);
    assert_true(version_compare("8.rc1", "8.rc2") < 0);
}

static void near_names_are_near(void **state)
{
    static const char *const names[] = {"version", "children", "memory_limit"};
    assert_string_equal(near_name("versoin", names, 3), "version");
    assert_string_equal(near_name("memory-limit", names, 3), "memory_limit");
    assert_null(near_name("zzz", names, 3));
    assert_null(near_name("x", names, 3));
}

static void bad_utf8_is_told_from_good(void **state)
{
    assert_int_equal(utf8_char("g", 1), 1);
    assert_int_equal(utf8_char("\xc3\xbc\xc3\x9f", 4), 2);
    assert_int_equal(utf8_char("\xf0\x9f\x8d\x8b", 4), 4);
    assert_int_equal(utf8_char("", 0), 0);
    static const char *const bad[] = {"\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                      "\x80",     "\xe2\x82",     "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(utf8_char(bad[i], strlen(bad[i])), 0);
}

static void whole_numbers_only(void **state)
{
    int64_t v;
    assert_int_equal(int_parse("-12", &v), 0);
    assert_int_equal(v, -12);
    assert_true(int_parse("1e3", &v) < 0);
    assert_true(int_parse(" 1", &v) < 0);
    assert_true(int_parse("99999999999999999999", &v) < 0);
}

static void below_is_strictly_below(void **state)
{
    assert_true(path_below("/var/www/a.example/public", "/var/www/a.example"));
    assert_false(path_below("/var/www/a.example", "/var/www/a.example"));
    assert_false(path_below("/var/www/a.example.com/public", "/var/www/a.example"));
    assert_false(path_below(NULL, "/var/www"));
}

static void a_terminal_gets_nothing_that_it_would_obey(void **state)
{
    static const char *const fine[] = {"", "plain", "d\u00fcr \u20ac \U0001f34b", "\u00a0"};
    static const struct {
        const char *text, *harmless;
    } bad[] = {{"a\tb\nc\033[2J\x7f", "a b?c?[2J?"},
               {"\xc2\x9b"
                "31m",
                "?31m"},
               {"\xff\xc2", "??"},
               {"\xe2\x82", "??"}};
    struct arena a = {0};
    assert_string_equal(harmless_text(&a, NULL), "");
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_ptr_equal(harmless_text(&a, fine[i]), fine[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(harmless_text(&a, bad[i].text), bad[i].harmless);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes_are_read_and_written_without_loss),
                                       cmocka_unit_test(durations_add_up_and_refuse_nonsense),
                                       cmocka_unit_test(versions_compare_by_number_not_by_letter),
                                       cmocka_unit_test(near_names_are_near),
                                       cmocka_unit_test(bad_utf8_is_told_from_good),
                                       cmocka_unit_test(whole_numbers_only),
                                       cmocka_unit_test(below_is_strictly_below),
                                       cmocka_unit_test(a_terminal_gets_nothing_that_it_would_obey)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
