/* What is refused is in tests/hostile/word-*.yaml; here is what must pass, and the edges. */
#include "testing.h"
#include "words.h"
#include <stdio.h>

static void passes(const char *(*check)(const char *), const char *const *words)
{
    for (; *words; words++)
        if (check(*words))
            fail_msg("\"%s\" %s", *words, check(*words));
}

#define PASSES(check, ...) passes(check, (const char *const[]){__VA_ARGS__, NULL})

static void good_words_pass(void **state)
{
    (void)state;
    PASSES(word_domain, "a.de", "blog.example.com", "xn--bcher-kva.example", "1.2.example.com", "4chan.org",
           "a-b.c-d.xn--p1ai");
    PASSES(word_host, "web-01", "localhost", "web-01.example.com");
    PASSES(word_path, "/", "/etc/ssl/a.pem", "/a/..b/c", "/a/...");
    PASSES(word_include, "sites/*.yaml", "a.yaml", "./a.yaml", "a..b.yaml", "sites/*/x?.yaml");
    PASSES(word_php_version, "8.2", "8.10", "7.4");
    PASSES(word_wordpress_version, "6.8", "7.1.1", "6.9-RC1", "6.9-beta2", "6.9.1-RC3");
    PASSES(word_email, "a@b.de", "first.last+tag@sub.example.com", "o'neil@example.com");
    PASSES(word_url, "https://example.com", "http://a.de/x?y=z&a=%20#f", "http://127.0.0.1:8080/",
           "https://[2001:db8::1]:8443/x");
    PASSES(word_url_version, "http://mirror/wordpress-{version}.tar.gz",
           "https://a.de/{locale}/{version}.zip");
    PASSES(word_upstream, "http://127.0.0.1:3000", "http://localhost:80", "https://[::1]:8443", "http://app");
    PASSES(word_package, "htop", "g++", "libc6", "php8.2-fpm", "0ad");
    PASSES(word_extension, "mysql", "bz2", "pdo-mysql");
    PASSES(word_ini_name, "memory_limit", "date.timezone", "opcache.jit", "xdebug.mode");
    PASSES(word_setting_name, "long_query_time", "innodb-io-capacity");
    PASSES(word_address, "127.0.0.1", "0.0.0.0", "::1");
    PASSES(word_budget, "1%", "80%", "100%", "3G", "512M", "64M", "65536K");
    PASSES(word_timezone, "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5");
    PASSES(word_locale, "en_US", "de_DE_formal", "pt_PT_ao90", "ca", "art_xemoji");
    PASSES(word_table_prefix, "wp_", "a1_b", "WP");
    PASSES(word_constant, "WP_DEBUG", "X1");
    PASSES(word_user, "editor", "first last", "me@example.com", "a-b_c.d");
    PASSES(word_title, "Blog", "Bücher & <b>");
    PASSES(word_secret, "db", "site/a.example.com/admin", "A_1");
}

static void a_domain_may_have_253_characters_and_labels_of_63(void **state)
{
    (void)state;
    char label[64], name[300];
    memset(label, 'a', 63);
    label[63] = '\0';
    snprintf(name, sizeof name, "%s.%s.%s.%.61s", label, label, label, label);
    assert_int_equal(strlen(name), 253);
    assert_null(word_domain(name));
    snprintf(name, sizeof name, "%s.%s.%s.%.62s", label, label, label, label);
    assert_non_null(word_domain(name));
    snprintf(name, sizeof name, "a%s.de", label);
    assert_non_null(word_domain(name));
}

static void every_refusal_is_a_sentence(void **state)
{
    (void)state;
    const char *(*const checks[])(const char *) = {word_domain,    word_host,         word_path,
                                                   word_include,   word_php_version,  word_wordpress_version,
                                                   word_email,     word_url,          word_url_version,
                                                   word_upstream,  word_sha256,       word_package,
                                                   word_extension, word_ini_name,     word_setting_name,
                                                   word_address,   word_budget,       word_timezone,
                                                   word_locale,    word_table_prefix, word_constant,
                                                   word_user,      word_title,        word_secret};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const char *why = checks[i]("");
        assert_non_null(why);
        assert_true(strncmp(why, "is ", 3) == 0 || strncmp(why, "has ", 4) == 0 ||
                    strncmp(why, "does ", 5) == 0);
        assert_non_null(word_pattern(checks[i]));
    }
}

static void what_would_break_out_of_a_configuration_file_never_passes(void **state)
{
    (void)state;
    const char *(*const checks[])(const char *) = {
        word_domain,    word_host,     word_php_version,  word_wordpress_version,
        word_email,     word_url,      word_upstream,     word_package,
        word_extension, word_ini_name, word_setting_name, word_address,
        word_budget,    word_timezone, word_locale,       word_table_prefix,
        word_constant,  word_user,     word_secret};
    const char *const texts[] = {"a;b.c",   "a\nb.c", "a\"b.c",  "a`b.c", "a\\b.c",
                                 "a{b}.c ", "a<b.c",  "a\x01.c", "a|b.c"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            assert_non_null(checks[i](texts[k]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_words_pass),
        cmocka_unit_test(a_domain_may_have_253_characters_and_labels_of_63),
        cmocka_unit_test(every_refusal_is_a_sentence),
        cmocka_unit_test(what_would_break_out_of_a_configuration_file_never_passes),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
