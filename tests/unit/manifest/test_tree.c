#include "testing.h"
#include "tree.h"
#include <time.h>

static const struct node *parse(struct world *w, const char *text)
{
    diags_source(&w->diags, "t.yaml", text, strlen(text));
    return tree_parse("t.yaml", text, strlen(text), &w->arena, &w->arena, &w->diags);
}

static void places_count_lines_and_characters(void **state)
{
    struct world *w = *state;
    const struct node *n = parse(w, "# über\nä: [\"ö\", x]\nb:\r\n  c: d\n");
    assert_non_null(n);
    const struct node *list = tree_get(n, "ä");
    assert_int_equal(list->pos.line, 2);
    assert_int_equal(list->pos.col, 4);
    assert_int_equal(list->items[1]->pos.col, 10); /* in bytes it would be 12 */
    const struct node *d = tree_get(tree_get(n, "b"), "c");
    assert_string_equal(d->text, "d");
    assert_int_equal(d->pos.line, 4);
    assert_int_equal(d->pos.col, 6);
    assert_string_equal(d->pos.file, "t.yaml");
}

static void plain_and_quoted_scalars_are_told_apart(void **state)
{
    struct world *w = *state;
    const struct node *n = parse(w, "[true, \"true\", 'true', !!str true, |\n true\n]");
    assert_null(n); /* a block scalar does not belong into brackets */
    diags_init(&w->diags, &w->arena);
    n = parse(w, "- true\n- \"true\"\n- 'true'\n- !!str true\n- |\n  true\n");
    assert_non_null(n);
    assert_true(n->items[0]->plain);
    for (size_t i = 1; i < 5; i++)
        assert_false(n->items[i]->plain);
}

static void nothing_is_no_error(void **state)
{
    struct world *w = *state;
    assert_null(parse(w, ""));
    assert_null(parse(w, "# a comment\n"));
    assert_null(parse(w, "\xef\xbb\xbf"));
    assert_int_equal(w->diags.errors, 0);
}

static void an_alias_stands_where_it_was_written(void **state)
{
    struct world *w = *state;
    const struct node *n = parse(w, "a: &x {k: v}\nb: *x\n");
    assert_non_null(n);
    assert_int_equal(tree_get(n, "b")->pos.line, 2);
    assert_string_equal(tree_get(tree_get(n, "b"), "k")->text, "v");
}

static void a_later_anchor_of_a_name_counts(void **state)
{
    struct world *w = *state;
    const struct node *n = parse(w, "[&x a, *x, &x b, *x]");
    assert_non_null(n);
    assert_string_equal(n->items[1]->text, "a");
    assert_string_equal(n->items[3]->text, "b");
}

/* `n` times `piece` between two ends. */
static char *many(struct world *w, const char *head, const char *piece, size_t n, const char *tail)
{
    buf_reset(&w->out);
    buf_adds(&w->out, head);
    for (size_t i = 0; i < n; i++)
        buf_adds(&w->out, piece);
    buf_adds(&w->out, tail);
    return arena_strdup(&w->arena, buf_str(&w->out));
}

static void sixty_four_levels_are_read_and_no_more(void **state)
{
    struct world *w = *state;
    assert_non_null(parse(w, many(w, many(w, "", "[", 63, "x"), "]", 63, "")));
    assert_null(parse(w, many(w, many(w, "", "[", 64, "x"), "]", 64, "")));
    assert_says(w, "more than 64 levels");
}

static void a_hundred_thousand_brackets_are_refused_at_once(void **state)
{
    struct world *w = *state;
    clock_t start = clock();
    assert_null(parse(w, many(w, "", "[", 100000, "")));
    assert_null(parse(w, many(w, "", "{a: ", 100000, "")));
    assert_null(parse(w, many(w, "", "- ", 100000, "")));
    assert_true((clock() - start) / CLOCKS_PER_SEC < 120);
}

static void a_hundred_aliases_are_read_and_no_more(void **state)
{
    struct world *w = *state;
    assert_non_null(parse(w, many(w, "- &a x\n", "- *a\n", 100, "")));
    assert_null(parse(w, many(w, "- &a x\n", "- *a\n", 101, "")));
    assert_says(w, "more than 100 aliases");
}

static void a_million_values_are_read_and_no_more(void **state)
{
    struct world *w = *state;
    assert_non_null(parse(w, many(w, "[", "1,", 999999, "]")));
    assert_null(parse(w, many(w, "[", "1,", 1000000, "]")));
    assert_says(w, "more than 1000000 values");
}

static void a_scalar_of_a_mebibyte_is_read_and_no_more(void **state)
{
    struct world *w = *state;
    const struct node *n = parse(w, many(w, "[\"", "x", 1 << 20, "\"]"));
    assert_non_null(n);
    assert_int_equal(n->items[0]->len, 1 << 20);
    assert_null(parse(w, many(w, "[\"", "x", (1 << 20) + 1, "\"]")));
    assert_says(w, "a value of 1048577 bytes; 1048576 are allowed");
}

static void ten_megabytes_are_refused_before_they_are_read(void **state)
{
    struct world *w = *state;
    assert_null(parse(w, many(w, "a: \"", "0123456789", 1000000, "\"\n")));
    assert_says(w, "the file has 10000006 bytes; 8388608 are allowed");
}

static void half_a_million_keys_are_compared_in_no_time(void **state)
{
    struct world *w = *state;
    clock_t start = clock();
    for (int i = 0; i < 400000; i++)
        buf_addf(&w->out, "k%d: 1\n", i);
    buf_adds(&w->out, "k77: 2\n");
    const char *text = arena_strdup(&w->arena, buf_str(&w->out));
    assert_null(parse(w, text));
    assert_says(w, "t.yaml:400001:1: error: key \"k77\" stands twice");
    assert_says(w, "the first is in line 78");
    assert_true((clock() - start) / CLOCKS_PER_SEC < 120);
}

static void all_keys_that_stand_twice_are_told(void **state)
{
    struct world *w = *state;
    assert_null(parse(w, "a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n"));
    assert_int_equal(w->diags.errors, 3);
}

static void a_key_is_looked_up_in_maps_alone(void **state)
{
    struct world *w = *state;
    assert_null(tree_get(NULL, "a"));
    assert_null(tree_get(parse(w, "[a]"), "a"));
    assert_null(tree_get(parse(w, "{b: 1}"), "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places_count_lines_and_characters),
        TEST(plain_and_quoted_scalars_are_told_apart),
        TEST(nothing_is_no_error),
        TEST(an_alias_stands_where_it_was_written),
        TEST(a_later_anchor_of_a_name_counts),
        TEST(sixty_four_levels_are_read_and_no_more),
        TEST(a_hundred_thousand_brackets_are_refused_at_once),
        TEST(a_hundred_aliases_are_read_and_no_more),
        TEST(a_million_values_are_read_and_no_more),
        TEST(a_scalar_of_a_mebibyte_is_read_and_no_more),
        TEST(ten_megabytes_are_refused_before_they_are_read),
        TEST(half_a_million_keys_are_compared_in_no_time),
        TEST(all_keys_that_stand_twice_are_told),
        TEST(a_key_is_looked_up_in_maps_alone),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
