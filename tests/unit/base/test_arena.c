#include "arena.h"
#include "buf.h"
#include "error.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void memory_is_zeroed_and_aligned_across_blocks(void **state)
{
    struct arena a = {0};
    for (size_t n = 1; n < 20000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    arena_free(&a);
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_free(&a);
}

/* Past half a megabyte, in huge pages; then the same memory once more, and beside it what is only copied. */
static void memory_is_zeroed_in_an_arena_that_grows_large(void **state)
{
    struct arena a = {0};
    char text[700];
    memset(text, 'x', sizeof text);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 7000; i++) {
            unsigned char *p = arena_alloc(&a, 500);
            for (size_t k = 0; k < 500; k++)
                assert_int_equal(p[k], 0);
            memset(p, 0xff, 500);
            if (i % 3 == 0)
                assert_memory_equal(arena_memdup(&a, text, sizeof text), text, sizeof text);
            if (i % 5 == 0)
                assert_int_equal(strlen(arena_printf(&a, "%*d", i, 7)), i ? i : 1);
        }
        assert_non_null(arena_alloc(&a, (size_t)5 << 20));
        arena_reset(&a);
    }
    arena_free(&a);
}

static void a_vector_keeps_its_items_when_it_grows(void **state)
{
    struct arena a = {0};
    VEC(int) v = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(&a, &v, i);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.at[i], i);
    arena_free(&a);
}

static void a_buf_holds_nul_bytes_and_long_formats(void **state)
{
    struct buf b = {0};
    assert_string_equal(buf_str(&b), "");
    buf_add(&b, "a\0b", 3);
    for (int i = 0; i < 500; i++)
        buf_addf(&b, "%d,", i);
    assert_memory_equal(b.at, "a\0b0,1,2,", 9);
    assert_int_equal(b.len, strlen(b.at + 3) + 3);
    buf_wipe(&b);
    assert_null(b.at);
}

static void a_prefix_goes_in_front_and_never_overflows(void **state)
{
    struct error e = {0};
    assert_int_equal(error_set(&e, -5, "%s", "low"), -5);
    assert_int_equal(error_prefix(&e, "vhost %s", "a.example"), -5);
    assert_string_equal(e.text, "vhost a.example: low");
    for (int i = 0; i < 400; i++)
        error_prefix(&e, "level %d", i);
    assert_true(strlen(e.text) < sizeof e.text);
    assert_int_equal(strncmp(e.text, "level 399: level 398", 20), 0);
}

/* What is formatted lies where the next allocation would, if there is room; and nothing of it is left there.
 */
static void formatted_texts_of_every_length_stand_side_by_side(void **state)
{
    struct arena a = {0};
    struct buf b = {0};
    const char *made[600];
    for (int i = 0; i < 600; i++) {
        made[i] = arena_printf(&a, "%0*d", i + 1, i);
        char *fresh = arena_alloc(&a, 24);
        for (int k = 0; k < 24; k++)
            assert_int_equal(fresh[k], 0);
        memset(fresh, 'x', 24);
        buf_addf(&b, "%0*d", i + 1, i);
    }
    size_t at = 0;
    for (int i = 0; i < 600; i++) {
        assert_int_equal(strlen(made[i]), (size_t)i + 1);
        assert_int_equal(atoi(made[i]), i);
        assert_memory_equal(buf_str(&b) + at, made[i], (size_t)i + 1);
        at += (size_t)i + 1;
    }
    assert_int_equal(b.len, at);
    assert_int_equal(strlen(buf_str(&b)), at);
    buf_free(&b);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_across_blocks),
        cmocka_unit_test(memory_is_zeroed_in_an_arena_that_grows_large),
        cmocka_unit_test(a_vector_keeps_its_items_when_it_grows),
        cmocka_unit_test(a_buf_holds_nul_bytes_and_long_formats),
        cmocka_unit_test(a_prefix_goes_in_front_and_never_overflows),
        cmocka_unit_test(formatted_texts_of_every_length_stand_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
