/* What is worse than before, and what is not: each answer against each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include "verdict.h"
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static struct arena a;
static const struct site_health any = {.path = "/"};

static struct seen answer(int status)
{
    return (struct seen){.answer = {.status = status}};
}

static enum health_state judged(const struct site_health *want, struct seen before, struct seen now,
                                const char **text)
{
    return verdict(want, &before, &now, &a, text);
}

static void a_worse_class_of_status_is_worse(void **state)
{
    static const struct {
        int before, now;
        enum health_state state;
    } pairs[] = {
        {200, 200, HEALTH_FINE},   {200, 301, HEALTH_FINE},  {301, 200, HEALTH_FINE},
        {404, 200, HEALTH_FINE},   {403, 404, HEALTH_FINE},  {502, 200, HEALTH_FINE},
        {502, 404, HEALTH_FINE},   {200, 404, HEALTH_WORSE}, {301, 403, HEALTH_WORSE},
        {200, 500, HEALTH_WORSE},  {404, 502, HEALTH_WORSE}, {500, 502, HEALTH_BROKEN},
        {502, 502, HEALTH_BROKEN},
    };
    const char *text;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (judged(&any, answer(pairs[i].before), answer(pairs[i].now), &text) != pairs[i].state)
            fail_msg("%d -> %d", pairs[i].before, pairs[i].now);
    judged(&any, answer(200), answer(502), &text);
    assert_string_equal(text, "worse than before: HTTP 200 -> HTTP 502");
    judged(&any, answer(500), answer(502), &text);
    assert_string_equal(text, "HTTP 502; before: HTTP 500");
}

static void no_answer_is_worse_than_any(void **state)
{
    struct seen silent = {.answer = {.code = -ETIMEDOUT, .reason = "no whole answer within 10 s"}};
    const char *text;
    assert_int_equal(judged(&any, answer(404), silent, &text), HEALTH_WORSE);
    assert_string_equal(text, "worse than before: HTTP 404 -> no whole answer within 10 s");
    assert_int_equal(judged(&any, answer(500), silent, &text), HEALTH_BROKEN);
    assert_int_equal(judged(&any, silent, answer(200), &text), HEALTH_FINE);
    assert_int_equal(judged(&any, silent, silent, &text), HEALTH_BROKEN);
}

static void slow_gets_three_times_what_it_took(void **state)
{
    static const struct site_health three = {.timeout = 3};
    assert_int_equal(verdict_seconds(&any, 0, 0), PROBE_TIMEOUT);
    assert_int_equal(verdict_seconds(&three, 0, 0), 3);
    assert_int_equal(verdict_seconds(&three, 900, 0), 3); /* never less than the manifest says */
    assert_int_equal(verdict_seconds(&three, 2000, 0), 6);
    assert_int_equal(verdict_seconds(&three, 2000, 5001), 16);
    assert_int_equal(verdict_seconds(&three, 2001, 5), 7);
}

static void a_fault_in_the_page_counts_as_5xx(void **state)
{
    struct seen fault = answer(200);
    const char *text;
    fault.answer.fault = "PHP ended with a fatal error";
    assert_int_equal(judged(&any, answer(200), fault, &text), HEALTH_WORSE);
    assert_string_equal(text, "worse than before: HTTP 200 -> HTTP 200, PHP ended with a fatal error");
    assert_int_equal(judged(&any, fault, answer(500), &text), HEALTH_BROKEN);
}

static void a_lost_title_is_worse(void **state)
{
    struct seen titled = answer(200);
    const char *text;
    titled.answer.title = "Blog";
    assert_int_equal(judged(&any, titled, answer(200), &text), HEALTH_WORSE);
    assert_int_equal(judged(&any, titled, answer(301), &text), HEALTH_FINE);
    assert_int_equal(judged(&any, answer(200), titled, &text), HEALTH_FINE);
}

static void the_manifest_goes_before_the_usual(void **state)
{
    const char *one[] = {"401"};
    const struct site_health login = {.path = "/", .status = {one, 1}};
    const struct site_health marked = {.path = "/", .contains = "ready"};
    struct seen with = answer(200);
    const char *text;
    with.answer.contains = true;
    assert_int_equal(judged(&login, answer(401), answer(401), &text), HEALTH_FINE);
    assert_int_equal(judged(&login, answer(401), answer(200), &text), HEALTH_WORSE);
    assert_int_equal(judged(&login, answer(200), answer(200), &text), HEALTH_BROKEN);
    assert_int_equal(judged(&marked, with, with, &text), HEALTH_FINE);
    assert_int_equal(judged(&marked, with, answer(200), &text), HEALTH_WORSE);
    assert_string_equal(text, "worse than before: HTTP 200 -> HTTP 200 without \"ready\" in the page");
}

static void another_certificate_than_the_one_on_the_disk_is_wrong(void **state)
{
    struct seen right = answer(200), wrong = answer(200);
    const char *text;
    right.certificate = wrong.certificate = "aaaaaaaaaaaaaaaa";
    strcpy(right.answer.certificate, "aaaaaaaaaaaaaaaa");
    strcpy(wrong.answer.certificate, "bbbbbbbbbbbbbbbb");
    assert_int_equal(judged(&any, right, right, &text), HEALTH_FINE);
    assert_int_equal(judged(&any, right, wrong, &text), HEALTH_WORSE);
    assert_non_null(strstr(text, "bbbbbbbbbbbb..."));
    assert_int_equal(judged(&any, wrong, right, &text), HEALTH_FINE);
    assert_int_equal(judged(&any, wrong, wrong, &text), HEALTH_BROKEN);
}

static void a_new_site_is_held_against_its_manifest_alone(void **state)
{
    struct seen now = answer(403);
    const char *text;
    assert_int_equal(verdict(&any, NULL, &now, &a, &text), HEALTH_FINE);
    now = answer(502);
    assert_int_equal(verdict(&any, NULL, &now, &a, &text), HEALTH_WORSE);
    assert_string_equal(text, "it does not work: HTTP 502");
}

static void who_was_not_asked_is_not_judged(void **state)
{
    struct seen none = {.answer = {.code = -ECANCELED, .reason = "it was not asked"}};
    const char *text;
    assert_int_equal(judged(&any, answer(200), none, &text), HEALTH_UNKNOWN);
    assert_int_equal(judged(&any, none, answer(500), &text), HEALTH_UNKNOWN);
    assert_int_equal(judged(&any, none, answer(200), &text), HEALTH_FINE);
    assert_int_equal(verdict(&any, NULL, &none, &a, &text), HEALTH_UNKNOWN);
}

static int end(void **state)
{
    arena_free(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worse_class_of_status_is_worse),
        cmocka_unit_test(no_answer_is_worse_than_any),
        cmocka_unit_test(slow_gets_three_times_what_it_took),
        cmocka_unit_test(a_fault_in_the_page_counts_as_5xx),
        cmocka_unit_test(a_lost_title_is_worse),
        cmocka_unit_test(the_manifest_goes_before_the_usual),
        cmocka_unit_test(another_certificate_than_the_one_on_the_disk_is_wrong),
        cmocka_unit_test(a_new_site_is_held_against_its_manifest_alone),
        cmocka_unit_test(who_was_not_asked_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
