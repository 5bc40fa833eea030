#include "hash.h"
#include "library.h"
#include "secret.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void generated_secrets_are_long_plain_and_different(void **state)
{
    struct secret *a = NULL, *b = NULL;
    assert_int_equal(secret_generate(32, &a, NULL), 0);
    assert_int_equal(secret_generate(32, &b, NULL), 0);
    assert_int_equal(secret_len(a), 32);
    assert_int_equal(
        strspn(secret_reveal(a), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 32);
    assert_false(secret_equal(a, b));
    struct secret *c = secret_new(secret_reveal(a), 32);
    assert_true(secret_equal(a, c));
    secret_free(a);
    secret_free(b);
    assert_null(secret_free(c));
    assert_null(secret_free(NULL));
}

static void hashes_are_the_published_ones(void **state)
{
    char hex[SHA256_HEX];
    hash_sha256_hex("abc", 3, hex); /* FIPS 180-4 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_keyed_hex("Jefe", 4, "what do ya want for nothing?", 28, hex); /* RFC 4231, case 2 */
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    struct hash_stream *s = hash_stream_new();
    hash_stream_add(s, "ab", 2);
    hash_stream_add(s, "c", 1);
    assert_true(hash_equal(hash_stream_end(s), hash_bytes("abc", 3)));
}

static void a_key_is_set_up_once_and_may_be_longer_than_a_block(void **state)
{
    static const char text[] =
        "Test Using Larger Than Block-Size Key - Hash Key First"; /* RFC 4231, case 6 */
    static const char expected[] = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
    char key[131], hex[SHA256_HEX];
    struct hash_key k;
    memset(key, 0xaa, sizeof key);
    hash_key_init(&k, key, sizeof key);
    for (int i = 0; i < 2; i++) {
        hash_key_hex(&k, text, strlen(text), hex);
        assert_string_equal(hex, expected);
    }
    hash_key_wipe(&k);
}

static void bytes_differ_wherever_they_do(void **state)
{
    assert_true(bytes_equal("abc", "abc", 3) && bytes_equal("", "x", 0));
    assert_false(bytes_equal("xbc", "abc", 3) || bytes_equal("abx", "abc", 3));
}

static void a_library_that_is_missing_or_another_says_so(void **state)
{
    struct error err = {0};
    void *table[1];
    static const char *const names[] = {"citrus_has_no_such_function"};
    assert_int_equal(library_load("libcitrus-none.so.1", "libcitrus-none", names, table, 1, &err), -ELIBACC);
    assert_non_null(strstr(err.text, "libcitrus-none.so.1"));
    assert_non_null(strstr(err.hint, "apt-get install libcitrus-none"));
    assert_int_equal(library_load("libc.so.6", "libc6", names, table, 1, &err), -ELIBBAD);
    assert_non_null(strstr(err.text, names[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_secrets_are_long_plain_and_different),
        cmocka_unit_test(hashes_are_the_published_ones),
        cmocka_unit_test(a_key_is_set_up_once_and_may_be_longer_than_a_block),
        cmocka_unit_test(bytes_differ_wherever_they_do),
        cmocka_unit_test(a_library_that_is_missing_or_another_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
