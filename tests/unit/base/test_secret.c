#include "hash.h"
#include "secret.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(generated_secrets_are_long_plain_and_different),
                                       cmocka_unit_test(hashes_are_the_published_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
