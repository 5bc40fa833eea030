#include "decode.h"
#include "testing.h"

struct item {
    struct origin origin;
    const char *key;
    int64_t n;
};
struct thing {
    struct origin origin;
    const char *name;
    int64_t mode, size, count;
    int8_t on;
    int64_t colour;
    struct strings words;
    struct strmap pairs;
    const char *password;
    struct item one;
    struct records list, map;
};

static const char *short_word(const char *t)
{
    return strlen(t) <= 3 ? NULL : "is too long\nmake it shorter";
}

static const struct field item_fields[] = {
    {.name = "key",
     .type = FIELD_STRING,
     .flags = FIELD_KEY,
     .offset = offsetof(struct item, key),
     .check = short_word},
    {.name = "n",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct item, n),
     .doc = "A number."},
};
static const struct record item_record = {
    .name = "item", .size = sizeof(struct item), .has_origin = true, FIELDS(item_fields)};
static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct field thing_fields[] = {
    {.name = "name", .type = FIELD_STRING, .offset = offsetof(struct thing, name), .def = "nobody"},
    {.name = "mode", .type = FIELD_MODE, .offset = offsetof(struct thing, mode), .def = "0640"},
    {.name = "size", .type = FIELD_SIZE, .offset = offsetof(struct thing, size), .def = "64M"},
    {.name = "count", .type = FIELD_INT, .offset = offsetof(struct thing, count), .min = -5, .max = 5},
    {.name = "on", .type = FIELD_BOOL, .offset = offsetof(struct thing, on)},
    {.name = "colour",
     .type = FIELD_ENUM,
     .offset = offsetof(struct thing, colour),
     .choices = colours,
     .def = "green"},
    {.name = "words",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct thing, words),
     .choices = colours,
     .def = "[red, blue]"},
    {.name = "pairs", .type = FIELD_STRMAP, .offset = offsetof(struct thing, pairs), .check = short_word},
    {.name = "password",
     .type = FIELD_SECRET,
     .offset = offsetof(struct thing, password),
     .check = short_word},
    {.name = "one", .type = FIELD_STRUCT, .offset = offsetof(struct thing, one), .of = &item_record},
    {.name = "list", .type = FIELD_LIST, .offset = offsetof(struct thing, list), .of = &item_record},
    {.name = "map", .type = FIELD_MAP, .offset = offsetof(struct thing, map), .of = &item_record},
    {.name = "soon", .type = FIELD_STRING, .flags = FIELD_LATER | FIELD_PAYLOAD},
};
static const struct record thing_record = {
    .name = "thing", .size = sizeof(struct thing), .has_origin = true, FIELDS(thing_fields)};

static struct thing *decode(struct world *w, const char *text)
{
    diags_source(&w->diags, "t.yaml", text, strlen(text));
    struct thing *t = arena_new(&w->arena, struct thing);
    const struct node *n = tree_parse("t.yaml", text, strlen(text), &w->arena, &w->arena, &w->diags);
    assert_true(n || w->diags.errors == 0);
    decode_record(&thing_record, n, t, &w->arena, &w->diags);
    return t;
}

static void without_a_tree_there_are_defaults_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct thing *t = decode(w, "");
    assert_int_equal(w->diags.errors, 0);
    assert_string_equal(t->name, "nobody");
    assert_int_equal(t->mode, 0640);
    assert_int_equal(t->size, 64 << 20);
    assert_true(t->count == FIELD_UNSET);
    assert_int_equal(t->on, -1);
    assert_int_equal(t->colour, 1);
    assert_int_equal(t->words.n, 2);
    assert_string_equal(t->words.at[1], "blue");
    assert_null(t->pairs.at);
    assert_null(t->list.at);
    assert_true(t->one.n == FIELD_UNSET);
    assert_null(t->origin.pos.file);
    assert_null(origin_of(&thing_record, t, "name").file);
}

static void every_type_is_read(void **state)
{
    struct world *w = *state;
    struct thing *t =
        decode(w, "name: 12\nmode: 0750\nsize: 1K\ncount: -5\non: false\ncolour: blue\nwords: []\n"
                  "pairs: {b: 1, a: true}\npassword: {secret: abc}\none: {n: 3}\n"
                  "list: [{n: 1}, {n: 2}]\nmap: {z: {n: 1}, a: {n: 2}}\n");
    assert_string_equal(world_says(w), "");
    assert_string_equal(t->name, "12");
    assert_int_equal(t->mode, 0750);
    assert_int_equal(t->size, 1024);
    assert_int_equal(t->count, -5);
    assert_int_equal(t->on, 0);
    assert_int_equal(t->colour, 2);
    assert_non_null(t->words.at); /* declared, and empty */
    assert_int_equal(t->words.n, 0);
    assert_string_equal(t->pairs.at[0].name, "b"); /* in order of the file */
    assert_string_equal(t->pairs.at[1].value, "true");
    assert_string_equal(t->password, "abc");
    assert_int_equal(t->one.n, 3);
    const struct item *list = t->list.at, *map = t->map.at;
    assert_int_equal(t->list.n, 2);
    assert_int_equal(list[1].n, 2);
    assert_string_equal(map[0].key, "a"); /* sorted by key */
    assert_int_equal(map[0].n, 2);
    assert_string_equal(map[1].key, "z");
}

static void places_are_those_of_values_and_of_the_keys_of_parts(void **state)
{
    struct world *w = *state;
    struct thing *t = decode(w, "name: x\none:\n  n: 3\nmap:\n  b:\n    n: 4\n");
    assert_int_equal(origin_of(&thing_record, t, "name").col, 7);
    assert_int_equal(origin_of(&thing_record, t, "one").line, 2);
    assert_int_equal(t->one.origin.pos.line, 2);
    const struct item *map = t->map.at;
    assert_int_equal(map[0].origin.pos.line, 5);
    assert_int_equal(map[0].origin.pos.col, 3);
    assert_int_equal(origin_of(&item_record, &map[0], "n").line, 6);
    assert_int_equal(origin_of(&thing_record, t, "count").line, 1); /* not there: that of the struct */
}

static void all_errors_are_collected(void **state)
{
    struct world *w = *state;
    decode(
        w,
        "mode: 999\nsize: x\ncount: 6\non: yes\ncolour: gren\nwords: [rde]\npairs: {long: 1}\npassword: abc\n"
        "one: {}\nlist: [{m: 1}]\nmap: {long: {n: 1}}\nsoon: 1\nnmae: x\n");
    assert_says(w, "t.yaml:1:7: error: \"mode\" must be a mode, not \"999\"");
    assert_says(w, "t.yaml:2:7: error: \"size\" must be a size");
    assert_says(w, "t.yaml:3:8: error: \"count\" must be between -5 and 5, not 6");
    assert_says(w, "t.yaml:4:5: error: \"on\" must be true or false");
    assert_says(w, "t.yaml:5:9: error: \"colour\" must be red, green or blue, not \"gren\"");
    assert_says(w, "did you mean \"green\"?");
    assert_says(w, "t.yaml:6:9: error: \"words\" must be red, green or blue, not \"rde\"");
    assert_says(w, "t.yaml:7:9: error: \"long\" is too long");
    assert_says(w, "hint: make it shorter");
    assert_says(w, "t.yaml:8:11: error: \"password\" is a secret");
    assert_says(w, "t.yaml:9:1: error: item: \"n\" is missing");
    assert_says(w, "t.yaml:10:9: error: unknown key \"m\" in item");
    assert_says(w, "t.yaml:11:7: error: \"long\" is too long");
    assert_says(w, "t.yaml:12:1: error: \"soon\" is not supported by this version of citrus yet");
    assert_says(w, "t.yaml:13:1: error: unknown key \"nmae\" in thing");
    assert_says(w, "did you mean \"name\"?");
}

static void a_secret_in_plain_text_is_never_shown(void **state)
{
    struct world *w = *state;
    decode(w, "name: ü\npassword: 'hunter2 hunter3'\nsize: x\n");
    assert_says(w, "password: *****************\n");
    assert_says(w, "size: x\n");
    assert_null(strstr(world_says(w), "hunter"));
}

static void half_a_million_unknown_keys_cost_nothing(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 300000; i++)
        buf_addf(&w->out, "key%d: 1\n", i);
    const char *text = arena_strdup(&w->arena, buf_str(&w->out));
    decode(w, text);
    assert_int_equal(w->diags.errors, 300000);
    assert_says(w, "and 299900 more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_tree_there_are_defaults_and_nothing_else),
        TEST(every_type_is_read),
        TEST(places_are_those_of_values_and_of_the_keys_of_parts),
        TEST(all_errors_are_collected),
        TEST(a_secret_in_plain_text_is_never_shown),
        TEST(half_a_million_unknown_keys_cost_nothing),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
