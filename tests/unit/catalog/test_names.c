#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "names.h"
#include <stdio.h>
#include <string.h>

static void a_name_never_changes_between_versions(void **state)
{
    struct arena a = {0};
    assert_string_equal(name_account(&a, "blog.example.com"), "blog_example_com_62bccb");
    assert_string_equal(name_account(&a, "1and1.example"), "s1and1_example_83c3d3");
    assert_string_equal(name_account(&a, "xn--bcher-kva.example"), "xn__bcher_kva_exampl_22f2b4");
    arena_free(&a);
}

static void domains_that_collapse_to_one_stem_keep_different_names(void **state)
{
    static const char *const domains[] = {"a-b.com",
                                          "a.b.com",
                                          "a.b-com",
                                          "subdomain-of-a-long-name.example.com",
                                          "subdomain-of-a-long-name.example.org",
                                          "subdomain-of-a-long-namf.example.com"};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name_account(&a, domains[i]), name_account(&a, domains[j]));
    assert_memory_equal(name_account(&a, "a-b.com"), name_account(&a, "a.b.com"), strlen("a_b_com_"));
    arena_free(&a);
}

static void a_name_fits_accounts_databases_and_their_grammar(void **state)
{
    struct arena a = {0};
    char longest[254];
    memset(longest, 'a', sizeof longest - 1);
    longest[63] = longest[127] = longest[191] = '.';
    longest[253] = '\0';
    const char *domains[] = {longest, "a.b", "9.example", "UPPER.example", "x"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        const char *n = name_account(&a, domains[i]);
        assert_true(strlen(n) <= 32);
        assert_true(n[0] >= 'a' && n[0] <= 'z');
        assert_int_equal(strspn(n, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(n));
    }
    arena_free(&a);
}

static void a_socket_path_fits_its_address(void **state)
{
    struct arena a = {0};
    char domain[200];
    for (size_t n = 3; n < sizeof domain; n++) {
        memset(domain, 'd', n);
        domain[n] = '\0';
        assert_true(strlen(path_socket(&a, domain)) <= 107);
    }
    assert_string_equal(path_socket(&a, "blog.example.com"), "/run/php/blog.example.com.sock");
    arena_free(&a);
}

static void paths_are_where_the_site_is_documented_to_be(void **state)
{
    struct arena a = {0};
    assert_string_equal(path_site(&a, "a.example", NULL), "/var/www/a.example");
    assert_string_equal(path_site(&a, "a.example", "public"), "/var/www/a.example/public");
    assert_string_equal(path_tls(&a, "a.example", "privkey.pem"), "/etc/citrus/tls/a.example/privkey.pem");
    assert_string_equal(name_secret(&a, "a.example", "salts"), "site/a.example/salts");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_never_changes_between_versions),
        cmocka_unit_test(domains_that_collapse_to_one_stem_keep_different_names),
        cmocka_unit_test(a_name_fits_accounts_databases_and_their_grammar),
        cmocka_unit_test(a_socket_path_fits_its_address),
        cmocka_unit_test(paths_are_where_the_site_is_documented_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
