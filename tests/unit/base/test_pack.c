#include "pack.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void what_was_packed_is_read_again(void **state)
{
    struct buf b = {0};
    struct hash128 h = hash_bytes("abc", 3);
    pack_number(&b, UINT64_MAX);
    pack_text(&b, "");
    pack_text(&b, "text");
    pack_hash(&b, h);
    struct unpack u = unpack_from(b.at, b.len);
    assert_true(unpack_number(&u) == UINT64_MAX);
    assert_string_equal(unpack_text(&u), "");
    assert_string_equal(unpack_text(&u), "text");
    assert_true(hash_equal(unpack_hash(&u), h));
    assert_false(u.bad);
    assert_ptr_equal(u.at, u.end);
    assert_int_equal(unpack_number(&u), 0);
    assert_true(u.bad);
    assert_string_equal(unpack_text(&u), "");
    buf_free(&b);
}

static size_t count_of(uint64_t n, size_t left, size_t each, bool *bad)
{
    static const char rest[64];
    struct buf b = {0};
    pack_number(&b, n);
    buf_add(&b, rest, left);
    struct unpack u = unpack_from(b.at, b.len);
    size_t count = unpack_count(&u, each);
    *bad = u.bad;
    buf_free(&b);
    return count;
}

/* Who reads it makes room for as many. */
static void a_count_of_more_than_is_left_is_none(void **state)
{
    static const struct {
        uint64_t n;
        size_t left, each, count;
    } rows[] = {{3, 24, 8, 3},  {3, 23, 8, 0},          {4, 24, 8, 0}, {24, 24, 1, 24},
                {25, 24, 1, 0}, {UINT64_MAX, 24, 8, 0}, {1, 0, 1, 0},  {UINT64_MAX / 8 + 2, 24, 8, 0}};
    bool bad;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(count_of(rows[i].n, rows[i].left, rows[i].each, &bad), rows[i].count);
        assert_int_equal(bad, rows[i].count == 0);
    }
    assert_int_equal(count_of(0, 0, 8, &bad), 0);
    assert_false(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_read_again),
        cmocka_unit_test(a_count_of_more_than_is_left_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
