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
        cmocka_unit_test(what_is_stored_comes_back_equal),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(what_lapses_is_turned_off_where_it_is_no_longer_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
