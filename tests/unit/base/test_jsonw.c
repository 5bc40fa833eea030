#include "jsonw.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void what_is_written_is_json_whatever_the_bytes(void **state)
{
    static const char nasty[] = "a\"\\\n\t\x01\x7f\xff\xc3\xbc\xed\xa0\x80\xf0\x9f\x8d\x8bz";
    for (int pretty = 0; pretty < 2; pretty++) {
        struct buf b = {0};
        struct jsonw j;
        jw_init(&j, &b, pretty);
        jw_object(&j, NULL);
        jw_str(&j, nasty, nasty);
        jw_array(&j, "list");
        jw_int(&j, NULL, -5);
        jw_bool(&j, NULL, true);
        jw_null(&j, NULL);
        jw_object(&j, NULL);
        jw_end(&j);
        jw_end(&j);
        jw_raw(&j, "raw", "{\"x\":[1]}");
        jw_end(&j);
        json_t *root = json_loads(b.at, 0, NULL);
        assert_non_null(root);
        assert_int_equal(json_array_size(json_object_get(root, "list")), 4);
        assert_int_equal(json_object_size(root), 3);
        json_decref(root);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_json_whatever_the_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
