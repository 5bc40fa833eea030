/* No value of a known secret gets through, however it lies in the text. */
#include "redact.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct arena a;
    struct redactor *r;
    struct secret *secrets[8];
    size_t n;
    struct buf out;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->r = redactor_new(&w->a);
    *state = w;
    return 0;
}
static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->n; i++)
        secret_free(w->secrets[i]);
    buf_free(&w->out);
    arena_free(&w->a);
    free(w);
    return 0;
}
static void add(struct world *w, const char *name, const char *value)
{
    w->secrets[w->n] = secret_new(value, strlen(value));
    redactor_add(w->r, name, w->secrets[w->n++]);
}
static const char *shown(struct world *w, const char *text)
{
    buf_reset(&w->out);
    redact(w->r, text, strlen(text), &w->out);
    return buf_str(&w->out);
}

static void a_value_becomes_its_name_anywhere(void **state)
{
    add(*state, "db", "s3cretvalue");
    assert_string_equal(shown(*state, "s3cretvalue"), "«secret db»");
    assert_string_equal(shown(*state, "a s3cretvalue b"), "a «secret db» b");
    assert_string_equal(shown(*state, "s3cretvalues3cretvalue"), "«secret db»«secret db»");
    assert_string_equal(shown(*state, "xs3cretvalue"), "x«secret db»");
    assert_string_equal(shown(*state, "s3cretvalu"), "s3cretvalu");
    assert_string_equal(shown(*state, ""), "");
}

static void a_secret_that_begins_another_hides_no_less_of_it(void **state)
{
    add(*state, "short", "abcdef");
    add(*state, "long", "abcdefghijkl");
    assert_string_equal(shown(*state, "abcdefghijkl"), "«secret long»");
    assert_string_equal(shown(*state, "abcdefghij"), "«secret short»ghij");
}

static void secrets_that_overlap_leave_no_end_of_either(void **state)
{
    add(*state, "one", "abcdefgh");
    add(*state, "two", "efghijkl");
    add(*state, "three", "ijklmnop");
    assert_string_equal(shown(*state, "-abcdefghijkl-"), "-«secret one»-");
    assert_string_equal(shown(*state, "-abcdefghijklmnop-"), "-«secret one»-");
}

static void a_value_with_quotes_is_known_as_it_is_written_in_a_file(void **state)
{
    add(*state, "own", "pa'ss\"wo\\rd");
    add(*state, "early", "'quoted");
    assert_string_equal(shown(*state, "'pa'ss\"wo\\rd'"), "'«secret own»'");
    assert_string_equal(shown(*state, "'pa\\'ss\"wo\\\\rd'"), "'«secret own»'");
    assert_string_equal(shown(*state, "\"pa'ss\\\"wo\\\\rd\""), "\"«secret own»\"");
    assert_string_equal(shown(*state, "\\'quoted"), "«secret early»");
}

/* A word of five letters is no secret worth a hole in every text. */
static void short_values_are_left(void **state)
{
    add(*state, "short", "admin");
    assert_string_equal(shown(*state, "admin"), "admin");
}

static void without_a_redactor_texts_are_as_they_are(void **state)
{
    struct world *w = *state;
    redact(NULL, "text", 4, &w->out);
    assert_string_equal(w->out.at, "text");
}

static void what_was_found_behind_a_secrets_word_is_hidden(void **state)
{
    struct world *w = *state;
    struct buf found = {0}, wanted = {0};
    add(w, "db", "newvalue");
    buf_adds(&wanted, "define('DB_PASSWORD', 'newvalue');\nsame\n");
    buf_adds(&found, "define('DB_PASSWORD', 'oldvalue');\nsame\nmine\n");
    redact_found(w->r, &found, &wanted, &w->out);
    assert_string_equal(w->out.at, "define('DB_PASSWORD «hidden»\nsame\nmine\n");
    buf_free(&found);
    buf_free(&wanted);
}

/* Ten thousand sites have thirty thousand secrets, and their files megabytes. */
static void thousands_of_secrets_cost_no_more_than_a_few(void **state)
{
    enum { SECRETS = 30000 };
    struct world *w = *state;
    struct secret **many = calloc(SECRETS, sizeof *many);
    struct buf text = {0};
    for (unsigned i = 0; i < SECRETS; i++) {
        char value[32];
        snprintf(value, sizeof value, "%08x%08x", i * 2654435769u, i);
        many[i] = secret_new(value, strlen(value));
        redactor_add(w->r, "many", many[i]);
    }
    while (text.len < (size_t)2 << 20)
        buf_adds(&text, "    location ~ \\.php$ { include snippets/fastcgi.conf; }\n");
    size_t plain = text.len;
    buf_adds(&text, secret_reveal(many[12345]));
    redact(w->r, text.at, text.len, &w->out);
    assert_int_equal(w->out.len, plain + strlen("«secret many»"));
    for (unsigned i = 0; i < SECRETS; i++)
        secret_free(many[i]);
    free(many);
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_becomes_its_name_anywhere),
        TEST(a_secret_that_begins_another_hides_no_less_of_it),
        TEST(secrets_that_overlap_leave_no_end_of_either),
        TEST(a_value_with_quotes_is_known_as_it_is_written_in_a_file),
        TEST(short_values_are_left),
        TEST(without_a_redactor_texts_are_as_they_are),
        TEST(what_was_found_behind_a_secrets_word_is_hidden),
        TEST(thousands_of_secrets_cost_no_more_than_a_few),
    };
    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
