#include "field.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

struct part {
    const char *name;
    int64_t weight;
};
static const struct field part_fields[] = {
    {.name = "name", .type = FIELD_STRING, .flags = FIELD_KEY, .offset = offsetof(struct part, name)},
    {.name = "weight", .type = FIELD_INT, .offset = offsetof(struct part, weight)},
};
static const struct record part_record = {.name = "part", FIELDS(part_fields), .size = sizeof(struct part)};

static const char *const colours[] = {"red", "green", NULL};
struct thing {
    const char *path, *hidden, *stored;
    int8_t on;
    int64_t mode, size, colour;
    struct strings set;
    struct strmap map;
    struct part part;
    struct records parts;
    struct bytes payload;
};
#define F(n, t, ...)                                                                                         \
    {                                                                                                        \
        .name = #n, .type = t, .offset = offsetof(struct thing, n), __VA_ARGS__                              \
    }
static const struct field thing_fields[] = {
    F(path, FIELD_PATH),
    F(hidden, FIELD_STRING, .flags = FIELD_SENSITIVE),
    F(stored, FIELD_STRING, .flags = FIELD_STORED),
    F(on, FIELD_BOOL, .flags = FIELD_LAPSES),
    F(mode, FIELD_MODE),
    F(size, FIELD_SIZE),
    F(colour, FIELD_ENUM, .choices = colours),
    F(set, FIELD_STRINGS, .flags = FIELD_UNORDERED),
    F(map, FIELD_STRMAP),
    F(part, FIELD_STRUCT, .of = &part_record),
    F(parts, FIELD_LIST, .of = &part_record),
    F(payload, FIELD_BYTES),
};
static const struct record thing_record = {
    .name = "thing", FIELDS(thing_fields), .size = sizeof(struct thing)};

static struct thing full(void)
{
    static const char *words[] = {"b", "a"};
    static struct strmap_item items[] = {{"k", "v"}};
    static struct part parts[] = {{"p", 3}};
    struct thing t;
    record_clear(&thing_record, &t);
    t.path = "/etc/x";
    t.hidden = "hunter2";
    t.stored = "how";
    t.on = 1;
    t.mode = 0640;
    t.size = 64 << 20;
    t.colour = 1;
    t.set = (struct strings){words, 2};
    t.map = (struct strmap){items, 1};
    t.part.weight = 7;
    t.parts = (struct records){parts, 1};
    t.payload = (struct bytes){"xyz", 3};
    return t;
}

static void an_undeclared_field_is_not_compared(void **state)
{
    struct arena a = {0};
    struct thing want, have = full();
    record_clear(&thing_record, &want);
    assert_int_equal(record_diff(&thing_record, &want, &have, NULL, &a).n, 0);
    want.mode = 0600;
    struct delta d = record_diff(&thing_record, &want, &have, NULL, &a);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.at[0].before, "0640");
    assert_string_equal(d.at[0].after, "0600");
    arena_free(&a);
}

static void every_field_type_shows_its_difference(void **state)
{
    struct arena a = {0};
    struct thing want = full(), nothing;
    record_clear(&thing_record, &nothing);
    struct delta d = record_diff(&thing_record, &want, &nothing, NULL, &a);
    assert_int_equal(d.n, thing_record.n - 2); /* stored and payload are not compared */
    assert_int_equal(record_diff(&thing_record, &want, &want, NULL, &a).n, 0);
    assert_int_equal(record_diff(&thing_record, &want, NULL, NULL, &a).n, thing_record.n - 2);
    arena_free(&a);
}

static void a_set_has_no_order(void **state)
{
    static const char *other[] = {"a", "b"};
    struct arena a = {0};
    struct thing x = full(), y = full();
    y.set.at = other;
    assert_int_equal(record_diff(&thing_record, &x, &y, NULL, &a).n, 0);
    struct hash128 fx = record_fingerprint(&thing_record, &x), fy = record_fingerprint(&thing_record, &y);
    assert_true(hash_equal(fx, fy));
    y.set.n = 1;
    assert_int_equal(record_diff(&thing_record, &x, &y, NULL, &a).n, 1);
    arena_free(&a);
}

static void a_fingerprint_moves_with_every_compared_field(void **state)
{
    struct thing x = full(), y = full();
    y.stored = "otherwise";
    assert_true(hash_equal(record_fingerprint(&thing_record, &x), record_fingerprint(&thing_record, &y)));
    y.on = 0;
    assert_false(hash_equal(record_fingerprint(&thing_record, &x), record_fingerprint(&thing_record, &y)));
    assert_false(hash_equal(record_fingerprint(&thing_record, &x), record_fingerprint(&thing_record, NULL)));
}

static char *json_of(const struct thing *t, struct arena *a)
{
    struct buf b = {0};
    struct jsonw j;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    record_to_json(&thing_record, t, &j, NULL);
    jw_end(&j);
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

static bool same_image(const struct thing *x, const struct thing *y)
{
    struct buf bx = {0}, by = {0};
    record_image(&thing_record, x, &bx);
    record_image(&thing_record, y, &by);
    bool same = bx.len == by.len && memcmp(bx.at, by.at, bx.len) == 0;
    buf_free(&bx);
    buf_free(&by);
    return same;
}

/* All things that differ in one place from the full one, each held against each. */
static void images_are_equal_where_the_stored_texts_are(void **state)
{
    static const char *words[] = {"b", "a"}, *turned[] = {"a", "b"}, *joined[] = {"b\", \"a"},
                      *other[] = {"b", "c"};
    static struct strmap_item item = {"k", "w"}, cut = {"kv", ""};
    static struct part part = {"p", 4}, unnamed = {NULL, 3}, two[] = {{"p", 3}, {"p", 3}};
    struct thing t[40];
    size_t n = 0;
#define LIKE(...)                                                                                            \
    do {                                                                                                     \
        t[n] = full();                                                                                       \
        struct thing *x = &t[n++];                                                                           \
        __VA_ARGS__;                                                                                         \
    } while (0)
    LIKE((void)x);
    LIKE((void)x);
    LIKE(x->path = "/etc/y");
    LIKE(x->path = NULL);
    LIKE(x->path = "");
    LIKE(x->hidden = NULL; x->stored = "hunter2");
    LIKE(x->stored = NULL);
    LIKE(x->on = 0);
    LIKE(x->on = -1);
    LIKE(x->mode = 0644);
    LIKE(x->mode = FIELD_UNSET; x->size = 0640);
    LIKE(x->size = FIELD_UNSET);
    LIKE(x->colour = 0);
    LIKE(x->colour = FIELD_UNSET);
    LIKE(x->set = ((struct strings){turned, 2}));
    LIKE(x->set = ((struct strings){joined, 1}));
    LIKE(x->set = ((struct strings){other, 2}));
    LIKE(x->set.n = 1);
    LIKE(x->set.n = 0);
    LIKE(x->set = ((struct strings){words, 2}));
    LIKE(x->set = ((struct strings){0}));
    LIKE(x->map.at = &item);
    LIKE(x->map.at = &cut);
    LIKE(x->map.n = 0);
    LIKE(x->map = ((struct strmap){0}));
    LIKE(x->part.weight = 8);
    LIKE(x->part.weight = FIELD_UNSET);
    LIKE(x->part.name = "weight");
    LIKE(x->parts.at = &part);
    LIKE(x->parts.at = &unnamed);
    LIKE(x->parts = ((struct records){two, 2}));
    LIKE(x->parts.n = 0);
    LIKE(x->parts = ((struct records){0}));
    LIKE(x->payload.len = 1);
#undef LIKE
    struct arena a = {0};
    size_t equal = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            bool texts = strcmp(json_of(&t[i], &a), json_of(&t[k], &a)) == 0;
            if (texts != same_image(&t[i], &t[k]))
                fail_msg("%zu and %zu: %s\n%s", k, i, json_of(&t[k], &a), json_of(&t[i], &a));
            equal += texts;
        }
    assert_int_equal(equal,
                     6); /* the full one, itself again, with the same words elsewhere, another payload */
    arena_free(&a);
    (void)state;
}

static void a_sensitive_value_never_shows(void **state)
{
    struct arena a = {0};
    struct thing x = full(), y = full();
    struct redaction red = {"0123456789abcdef", 16};
    y.hidden = "other";
    struct delta d = record_diff(&thing_record, &x, &y, &red, &a);
    assert_int_equal(d.n, 1);
    assert_null(strstr(d.at[0].after, "hunter2"));
    assert_string_not_equal(d.at[0].before, d.at[0].after);
    struct buf b = {0};
    struct jsonw j;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    record_to_json(&thing_record, &x, &j, &red);
    jw_end(&j);
    assert_null(strstr(b.at, "hunter2"));
    buf_free(&b);
    arena_free(&a);
}

static void what_is_stored_comes_back_equal(void **state)
{
    struct arena a = {0};
    struct thing x = full(), y;
    struct buf b = {0};
    struct jsonw j;
    jw_init(&j, &b, true);
    jw_object(&j, NULL);
    record_to_json(&thing_record, &x, &j, NULL);
    jw_end(&j);
    json_t *obj = json_loads(b.at, 0, NULL);
    struct error err = {0};
    assert_int_equal(record_from_json(&thing_record, &y, obj, &a, &err), 0);
    assert_int_equal(record_diff(&thing_record, &x, &y, NULL, &a).n, 0);
    assert_int_equal(record_diff(&thing_record, &y, &x, NULL, &a).n, 0);
    assert_string_equal(y.stored, "how");
    assert_null(y.payload.at);
    json_object_set_new(obj, "on", json_string("yes"));
    assert_true(record_from_json(&thing_record, &y, obj, &a, &err) < 0);
    assert_non_null(strstr(err.text, "\"on\""));
    json_decref(obj);
    buf_free(&b);
    arena_free(&a);
}

static void a_copy_shares_nothing(void **state)
{
    struct arena a = {0};
    struct thing x = full(), *y = record_copy(&thing_record, &a, &x);
    assert_ptr_not_equal(x.path, y->path);
    assert_ptr_not_equal(x.set.at, y->set.at);
    assert_ptr_not_equal(((struct part *)x.parts.at)->name, ((struct part *)y->parts.at)->name);
    assert_int_equal(record_diff(&thing_record, &x, y, NULL, &a).n, 0);
    assert_null(y->payload.at);
    arena_free(&a);
}

static void what_lapses_is_turned_off_where_it_is_no_longer_declared(void **state)
{
    struct thing was = full(), want;
    record_clear(&thing_record, &want);
    assert_true(record_lapse(&thing_record, &was, &want));
    assert_int_equal(want.on, 0);
    assert_false(record_lapse(&thing_record, &was, &want)); /* it is declared now */
    want.on = 1;
    assert_false(record_lapse(&thing_record, &was, &want));
    assert_int_equal(want.on, 1);
    record_clear(&thing_record, &want);
    was.on = 0;
    assert_false(record_lapse(&thing_record, &was, &want));
    assert_int_equal(want.on, -1);
    assert_int_equal(want.mode, FIELD_UNSET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_undeclared_field_is_not_compared),
        cmocka_unit_test(every_field_type_shows_its_difference),
        cmocka_unit_test(a_set_has_no_order),
        cmocka_unit_test(a_fingerprint_moves_with_every_compared_field),
        cmocka_unit_test(a_sensitive_value_never_shows),
        cmocka_unit_test(images_are_equal_where_the_stored_texts_are),
        cmocka_unit_test(what_is_stored_comes_back_equal),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(what_lapses_is_turned_off_where_it_is_no_longer_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
