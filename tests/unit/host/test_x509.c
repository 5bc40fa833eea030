#include "x509.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

static struct strings names_of(const char **at, size_t n)
{
    return (struct strings){at, n};
}

static void made(const char **at, size_t n, int64_t days, struct buf *c, struct buf *k)
{
    struct strings names = names_of(at, n);
    struct error err = {0};
    int r = x509_self_signed(&names, days, c, k, NULL, NULL, &err);
    if (r < 0)
        print_error("%s\n", err.text);
    assert_int_equal(r, 0);
}

static void a_self_signed_certificate_is_read_back(void **state)
{
    const char *at[] = {"www.Example.com", "blog.example.com"};
    struct buf c = {0}, k = {0};
    made(at, 2, 30, &c, &k);
    struct arena a = {0};
    struct x509_info info;
    assert_int_equal(x509_parse(c.at, c.len, &info, &a, NULL), 0);
    assert_int_equal(info.names.n, 2);
    assert_string_equal(info.names.at[0], "blog.example.com");
    assert_string_equal(info.names.at[1], "www.example.com");
    assert_true(info.self_signed);
    assert_string_equal(info.issuer, "CN=www.Example.com");
    int64_t now = time(NULL);
    assert_true(info.not_before < now && info.not_before > now - 2 * 3600);
    assert_true(info.not_after > now + 29 * DAY && info.not_after <= now + 30 * DAY + 5);
    assert_int_equal(strlen(info.sha256), 64);
    assert_true(x509_key_matches(c.at, c.len, k.at, k.len));
    buf_free(&c);
    buf_wipe(&k);
    arena_free(&a);
}

/* Made with openssl(1), whose configuration takes any bytes for the names: "bank.example\0.evil.example" and
 * "blog.example.com". Who reads the first up to its NUL believes it to be the bank's (CVE-2009-2408). */
static const char two_names_in_one[] = "-----BEGIN CERTIFICATE-----\n"
                                       "MIIBijCCATCgAwIBAgIUUFjhAvYeUzB1gavGZBdyJ7FhFg0wCgYIKoZIzj0EAwIw\n"
                                       "FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcNMjYxMjAxMTc1MDAyWhgPMjEyNjEx\n"
                                       "MDcxNzUwMDJaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI\n"
                                       "KoZIzj0DAQcDQgAEaxD6wtKEXBU5yKnWUQEAWCdsbX+Sa9jHReF2j+SB0yKZAH7R\n"
                                       "yFhAGKXpvpVWraQ/jt1a1hmFybksDBXEeqLreaNaMFgwNwYDVR0RBDAwLoIaYmFu\n"
                                       "ay5leGFtcGxlAC5ldmlsLmV4YW1wbGWCEGJsb2cuZXhhbXBsZS5jb20wHQYDVR0O\n"
                                       "BBYEFG6bGHbngB4dR92zS5IAgM5UgUYOMAoGCCqGSM49BAMCA0gAMEUCIClp6Syw\n"
                                       "7kByCeeDgXlK3fmXB2X4gIPbQ7JHJZBGj3VdAiEAix5UUpFRHcgjqxR46It/RkqK\n"
                                       "6W7lXBm+Y2tYvJKVjGo=\n"
                                       "-----END CERTIFICATE-----\n";

static void a_name_with_a_nul_inside_names_nothing(void **state)
{
    struct arena a = {0};
    struct x509_info info;
    assert_int_equal(x509_parse(two_names_in_one, strlen(two_names_in_one), &info, &a, NULL), 0);
    assert_int_equal(info.names.n, 1);
    assert_string_equal(info.names.at[0], "blog.example.com");
    arena_free(&a);
}

static void two_certificates_differ_and_their_keys_do_not_fit_each_other(void **state)
{
    const char *at[] = {"example.com"};
    struct buf c1 = {0}, k1 = {0}, c2 = {0}, k2 = {0};
    made(at, 1, 10, &c1, &k1);
    made(at, 1, 10, &c2, &k2);
    struct arena a = {0};
    struct x509_info i1, i2;
    assert_int_equal(x509_parse(c1.at, c1.len, &i1, &a, NULL), 0);
    assert_int_equal(x509_parse(c2.at, c2.len, &i2, &a, NULL), 0);
    assert_string_not_equal(i1.sha256, i2.sha256);
    assert_false(x509_key_matches(c1.at, c1.len, k2.at, k2.len));
    assert_false(x509_key_matches(c1.at, c1.len, c1.at, c1.len));
    assert_false(x509_key_matches("", 0, k1.at, k1.len));
    buf_free(&c1);
    buf_free(&c2);
    buf_wipe(&k1);
    buf_wipe(&k2);
    arena_free(&a);
}

static void a_certificate_for_a_name_longer_than_a_common_name_is_made(void **state)
{
    const char *at[] = {"a-very-long-label-that-is-still-fine.and-another-one-of-that-sort.example.com"};
    struct buf c = {0}, k = {0};
    made(at, 1, 10, &c, &k);
    struct arena a = {0};
    struct x509_info info;
    assert_int_equal(x509_parse(c.at, c.len, &info, &a, NULL), 0);
    struct strings names = names_of(at, 1);
    assert_true(x509_covers(&info, &names));
    buf_free(&c);
    buf_wipe(&k);
    arena_free(&a);
}

static void garbage_is_no_certificate(void **state)
{
    static const char *const bad[] = {"", "hello",
                                      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                      "-----BEGIN CERTIFICATE-----\nMIIB"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = {0};
        struct x509_info info;
        struct error err = {0};
        assert_int_equal(x509_parse(bad[i], strlen(bad[i]), &info, &a, &err), -EINVAL);
        assert_non_null(strstr(err.text, "no certificate"));
        arena_free(&a);
    }
}

static void no_name_or_no_days_is_refused(void **state)
{
    const char *at[] = {"example.com"};
    struct buf c = {0}, k = {0};
    struct strings none = {0}, one = names_of(at, 1);
    assert_int_equal(x509_self_signed(&none, 10, &c, &k, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(x509_self_signed(&one, 0, &c, &k, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(c.len, 0);
    assert_int_equal(k.len, 0);
}

static bool covers(const char *held, const char *wanted)
{
    struct x509_info info = {.names = {&held, 1}};
    struct strings names = {&wanted, 1};
    return x509_covers(&info, &names);
}

static void a_wildcard_stands_for_one_label(void **state)
{
    assert_true(covers("example.com", "EXAMPLE.com"));
    assert_true(covers("*.example.com", "www.example.com"));
    assert_true(covers("*.example.com", "*.example.com"));
    assert_false(covers("*.example.com", "example.com"));
    assert_false(covers("*.example.com", "a.b.example.com"));
    assert_false(covers("*.example.com", ".example.com"));
    assert_false(covers("*.com", "example.com"));
    assert_false(covers("www*.example.com", "www1.example.com"));
    assert_false(covers("xexample.com", "example.com"));
}

static void every_name_must_be_covered(void **state)
{
    const char *held[] = {"*.example.com", "example.org"};
    const char *wanted[] = {"example.org", "www.example.com", "example.com"};
    struct x509_info info = {.names = {held, 2}};
    struct strings two = {wanted, 2}, three = {wanted, 3};
    assert_true(x509_covers(&info, &two));
    assert_false(x509_covers(&info, &three));
}

static void a_certificate_is_due_by_its_own_lifetime(void **state)
{
    struct x509_info ninety = {.not_before = 0, .not_after = 90 * DAY};
    assert_false(x509_due(&ninety, 59 * DAY));
    assert_true(x509_due(&ninety, 60 * DAY));
    assert_true(x509_due(&ninety, 91 * DAY));
    struct x509_info six = {.not_before = 0, .not_after = 6 * DAY};
    assert_false(x509_due(&six, 3 * DAY - 1));
    assert_true(x509_due(&six, 3 * DAY));
}

/* A memory of one. */
struct remembered {
    char name[X509_PAIR_KEY], text[1024];
    int gets, hits, puts;
};

static bool recall(void *self, const char *name, struct arena *a, const char **ret)
{
    struct remembered *m = self;
    m->gets++;
    if (strcmp(m->name, name) != 0)
        return false;
    m->hits++;
    *ret = arena_strdup(a, m->text);
    return true;
}

static void remember(void *self, const char *name, const char *text)
{
    struct remembered *m = self;
    m->puts++;
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->text, sizeof m->text, "%s", text);
}

static void a_pair_that_was_seen_is_remembered_by_its_content(void **state)
{
    const char *at[] = {"a.example.com", "b.example.com"};
    struct remembered m = {0};
    struct content_memo memo = {recall, remember, &m};
    struct host h = {.memo = &memo};
    struct buf c = {0}, k = {0}, c2 = {0}, k2 = {0};
    struct x509_info first, again;
    struct arena a = {0};
    bool fits, fits_again = false;
    made(at, 2, 90, &c, &k);
    made(at, 1, 90, &c2, &k2);
    assert_int_equal(x509_pair(&h, &c, &k, &first, &fits, &a, NULL), 0);
    assert_true(fits);
    assert_int_equal(m.puts, 1);
    assert_null(strstr(m.text, "PRIVATE"));
    assert_int_equal(x509_pair(&h, &c, &k, &again, &fits_again, &a, NULL), 0);
    assert_int_equal(m.hits, 1);
    assert_true(fits_again);
    assert_int_equal(again.names.n, 2);
    assert_string_equal(again.names.at[1], "b.example.com");
    assert_string_equal(again.issuer, first.issuer);
    assert_string_equal(again.sha256, first.sha256);
    assert_true(again.self_signed == first.self_signed && again.not_before == first.not_before &&
                again.not_after == first.not_after);

    /* Another key or certificate is another pair. */
    assert_int_equal(x509_pair(&h, &c, &k2, &again, &fits, &a, NULL), 0);
    assert_false(fits);
    assert_int_equal(x509_pair(&h, &c2, &k2, &again, &fits, &a, NULL), 0);
    assert_true(fits);
    assert_int_equal(m.hits, 1);
    assert_int_equal(m.puts, 3);

    h.verify = true; /* trusts nothing that is remembered */
    assert_int_equal(x509_pair(&h, &c2, &k2, &again, &fits, &a, NULL), 0);
    assert_int_equal(m.hits, 1);
    h.verify = false;
    snprintf(m.text, sizeof m.text, "{\"names\":[\"evil\"]}");
    assert_int_equal(x509_pair(&h, &c2, &k2, &again, &fits, &a, NULL), 0);
    assert_int_equal(m.hits, 2);
    assert_string_equal(again.names.at[0], "a.example.com");
    buf_free(&c);
    buf_free(&c2);
    buf_wipe(&k);
    buf_wipe(&k2);
    arena_free(&a);
}

/* What is said of one that was just made, and not read, is what is read. */
static void a_pair_that_was_just_made_is_known(void **state)
{
    const char *at[] = {"b.Example.com", "a.example.com"};
    const struct strings names = names_of(at, 2);
    struct remembered m = {0};
    struct content_memo memo = {recall, remember, &m};
    struct host h = {.memo = &memo};
    struct buf c = {0}, k = {0};
    struct x509_info said, info, read;
    struct arena a = {0};
    bool fits = false;
    assert_int_equal(x509_self_signed(&names, 90, &c, &k, &said, &a, NULL), 0);
    x509_pair_made(&h, &c, &k, &said);
    assert_int_equal(m.puts, 1);
    assert_int_equal(x509_pair(&h, &c, &k, &info, &fits, &a, NULL), 0);
    assert_int_equal(m.hits, 1);
    assert_true(fits);
    h.verify = true;
    fits = false;
    assert_int_equal(x509_pair(&h, &c, &k, &read, &fits, &a, NULL), 0);
    assert_int_equal(m.hits, 1);
    assert_true(fits && read.self_signed && info.self_signed);
    assert_int_equal(info.names.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(info.names.at[i], read.names.at[i]);
    assert_string_equal(info.issuer, read.issuer);
    assert_string_equal(info.sha256, read.sha256);
    assert_int_equal(info.not_before, read.not_before);
    assert_int_equal(info.not_after, read.not_after);
    buf_free(&c);
    buf_wipe(&k);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_self_signed_certificate_is_read_back),
        cmocka_unit_test(a_name_with_a_nul_inside_names_nothing),
        cmocka_unit_test(two_certificates_differ_and_their_keys_do_not_fit_each_other),
        cmocka_unit_test(a_certificate_for_a_name_longer_than_a_common_name_is_made),
        cmocka_unit_test(garbage_is_no_certificate),
        cmocka_unit_test(no_name_or_no_days_is_refused),
        cmocka_unit_test(a_wildcard_stands_for_one_label),
        cmocka_unit_test(every_name_must_be_covered),
        cmocka_unit_test(a_certificate_is_due_by_its_own_lifetime),
        cmocka_unit_test(a_pair_that_was_seen_is_remembered_by_its_content),
        cmocka_unit_test(a_pair_that_was_just_made_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
