#include "name_index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

struct item {
    const char *name;
    int number;
};

static void each_item_is_found_by_its_name_and_no_other(void **state)
{
    enum { MANY = 5000 };
    struct arena a = {0};
    struct item *list = arena_array(&a, struct item, MANY);
    struct name_index x;
    for (int i = 0; i < MANY; i++)
        list[i] = (struct item){arena_printf(&a, "item%d", i), i};
    name_index_make(&x, list, MANY, sizeof *list, &a);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(name_index_find(&x, arena_printf(&a, "item%d", i)), &list[i]);
    assert_null(name_index_find(&x, "item5000"));
    assert_null(name_index_find(&x, ""));
    arena_free(&a);
    (void)state;
}

static void of_items_of_one_name_the_first_is_found(void **state)
{
    struct arena a = {0};
    const struct item list[] = {{"x", 1}, {"y", 2}, {"x", 3}};
    struct name_index x;
    name_index_make(&x, list, 3, sizeof *list, &a);
    assert_ptr_equal(name_index_find(&x, "x"), &list[0]);
    assert_ptr_equal(name_index_find(&x, "y"), &list[1]);
    arena_free(&a);
    (void)state;
}

static void an_index_of_nothing_finds_nothing(void **state)
{
    struct arena a = {0};
    struct name_index none = {0}, x;
    assert_null(name_index_find(&none, "x"));
    name_index_make(&x, NULL, 0, sizeof(struct item), &a);
    assert_null(name_index_find(&x, "x"));
    arena_free(&a);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_found_by_its_name_and_no_other),
        cmocka_unit_test(of_items_of_one_name_the_first_is_found),
        cmocka_unit_test(an_index_of_nothing_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
