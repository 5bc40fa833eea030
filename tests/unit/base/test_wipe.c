/* What held a secret is overwritten before its memory is given back: seen from within free(), which the
 * linker leads here (meson.build). */
#include "buf.h"
#include "secret.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define VALUE "a value that nobody may find"

static const char *watched; /* where the value lies */
static char found[sizeof VALUE];

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    const char *at = p;
    if (watched && at && watched >= at && watched < at + 64) {
        memcpy(found, watched, sizeof found - 1);
        watched = NULL;
    }
    __real_free(p);
}

static void watch(const char *at)
{
    watched = at;
    assert_string_equal(at, VALUE);
    memcpy(found, VALUE, sizeof found);
}

static void assert_wiped(void)
{
    static const char zeros[sizeof VALUE - 1];
    assert_null(watched); /* it was freed */
    assert_memory_equal(found, zeros, sizeof zeros);
}

static void a_secret_is_wiped_when_it_is_freed(void **state)
{
    struct secret *s = secret_new(VALUE, strlen(VALUE));
    watch(secret_reveal(s));
    secret_free(s);
    assert_wiped();
}

static void a_text_that_grows_leaves_nothing_where_it_was(void **state)
{
    static char much[4096];
    struct buf b = {0};
    buf_adds(&b, VALUE);
    watch(b.at);
    buf_add(&b, much, sizeof much);
    assert_wiped();
    buf_reset(&b);
    buf_adds(&b, VALUE);
    watch(b.at);
    buf_wipe(&b);
    assert_wiped();
    assert_null(b.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_wiped_when_it_is_freed),
        cmocka_unit_test(a_text_that_grows_leaves_nothing_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
