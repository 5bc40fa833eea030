#include "names.h"
#include "sites.h"
#include <errno.h>
#include <string.h>

#define BLOG "blog.example.com"
#define WORDPRESS                                                                                            \
    "citrus: 1\nserver: {name: s}\nsites:\n"                                                                 \
    "  blog.example.com:\n"                                                                                  \
    "    aliases: [www.blog.example.com]\n"                                                                  \
    "    type: wordpress\n"                                                                                  \
    "    wordpress: {version: \"7.1.1\", locale: de_DE, admin: {user: x, email: x@example.com}}\n"

static void each_site_has_a_user_a_database_and_names_of_its_own(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    const char *name = name_account(&f.arena, BLOG);
    const struct account_spec *a = fixture_find(&f, &account_kind, name)->spec;
    assert_string_equal(a->home, "/var/www/blog.example.com");
    assert_true(strings_has(&a->members, "www-data"));
    fixture_find(&f, &database_kind, name);
    const struct database_user_spec *u =
        fixture_find(&f, &database_user_kind, arena_printf(&f.arena, "%s@localhost", name))->spec;
    assert_string_equal(u->database, name);
    assert_string_equal(u->password, "site/blog.example.com/db_password");
    assert_string_equal(u->extra, "");
    fixture_free(&f);
}

static void directories_let_the_web_server_read_and_other_sites_not(void **state)
{
    static const struct {
        const char *below;
        int64_t mode;
        const char *owner;
        bool account; /* group */
    } want[] = {{NULL, 0750, "root", true},   {"public", 0750, "root", true},
                {"logs", 0750, "root", true}, {"custom.d", 0755, "root", false},
                {"tmp", 0700, NULL, true},    {"sessions", 0700, NULL, true}};
    struct fixture f;
    build(&f, WORDPRESS);
    const char *name = name_account(&f.arena, BLOG);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct directory_spec *s =
            fixture_find(&f, &directory_kind, path_site(&f.arena, BLOG, want[i].below))->spec;
        assert_int_equal(s->mode, want[i].mode);
        assert_string_equal(s->owner, want[i].owner ? want[i].owner : name);
        assert_string_equal(s->group, want[i].account ? name : "root");
    }
    const struct directory_spec *top =
        fixture_find(&f, &directory_kind, path_site(&f.arena, BLOG, NULL))->spec;
    assert_int_equal(top->data, 1);
    fixture_free(&f);
}

static void secrets_are_strong_and_stand_in_the_configuration_alone(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    assert_int_equal(f.n_secrets, 3);
    for (size_t i = 0; i < f.n_secrets; i++)
        assert_true((double)f.secret_chars[i] * 5.95 >= 128);
    const struct file_spec *config =
        fixture_find(&f, &file_kind, "/var/www/blog.example.com/wp-config.php")->spec;
    assert_int_equal(config->mode, 0640);
    assert_string_equal(config->owner, "root");
    assert_string_equal(config->group, name_account(&f.arena, BLOG));
    assert_null(config->digest);
    assert_non_null(config->secret_digest);
    assert_non_null(strstr(config->content.at, "'DB_PASSWORD', '(site/blog.example.com/db_password)'"));
    assert_null(strstr(config->content.at, "(site/blog.example.com/salts)"));
    for (size_t i = 0; i < f.catalog.list.n; i++) {
        const struct resource *r = f.catalog.list.at[i];
        struct buf json = {0};
        struct jsonw j;
        jw_init(&j, &json, false);
        jw_object(&j, NULL);
        record_to_json(r->kind->record, r->spec, &j, NULL);
        jw_end(&j);
        assert_null(strstr(json.at, "(site/"));
        buf_free(&json);
    }
    fixture_free(&f);
}

static void the_eight_salts_differ(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    const struct file_spec *config =
        fixture_find(&f, &file_kind, "/var/www/blog.example.com/wp-config.php")->spec;
    const char *at = strstr(config->content.at, "'AUTH_KEY', '");
    assert_non_null(at);
    assert_int_equal(count(at, "_KEY', '") + count(at, "_SALT', '"), 8);
    for (size_t i = 0; i < 8; i++) {
        const char *value = strstr(at, "', '") + 4;
        char one[65] = "";
        memcpy(one, value, 64);
        assert_int_equal(strspn(one, "0123456789abcdef"), 64);
        assert_int_equal(count(config->content.at, one), 1);
        at = value;
    }
    fixture_free(&f);
}

static void an_administrators_password_may_be_the_operators_secret(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com:\n    type: wordpress\n    wordpress: "
              "{version: \"7.1.1\", admin: {user: x, email: x@example.com, password: {secret: mine}}}\n");
    const struct wordpress_spec *s = fixture_find(&f, &wordpress_kind, "a.example.com")->spec;
    assert_string_equal(s->admin_password, "mine");
    fixture_free(&f);
}

static void wordpress_waits_for_all_that_it_uses(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    struct resource *r = fixture_find(&f, &wordpress_kind, BLOG);
    const char *name = name_account(&f.arena, BLOG);
    assert_true(fixture_needs(r, &database_user_kind, arena_printf(&f.arena, "%s@localhost", name)));
    assert_true(fixture_needs(r, &file_kind, "/var/www/blog.example.com/wp-config.php"));
    assert_true(fixture_needs(r, &directory_kind, "/var/www/blog.example.com/public"));
    assert_true(fixture_needs(r, &package_kind, "php8.2-cli"));
    assert_true(fixture_needs(r, &package_kind, "php8.2-mysql"));
    assert_true(fixture_needs(r, &service_kind, "mariadb.service"));
    const struct wordpress_spec *s = r->spec;
    assert_string_equal(s->source, "https://downloads.wordpress.org/release/de_DE/wordpress-7.1.1.tar.gz");
    assert_string_equal(s->url, "https://blog.example.com");
    assert_string_equal(s->php, "/usr/bin/php8.2");
    assert_string_equal(s->core, "intact");
    fixture_free(&f);
}

static void a_source_is_found_by_version_and_locale(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver:\n  name: s\n  sources:\n"
              "    wordpress: \"http://127.0.0.1/{locale}/wordpress-{version}-{locale}.tgz\"\n"
              "    wordpress_sha256: {\"7.1.1\": "
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n"
              "sites:\n  a.example.com:\n    type: wordpress\n    wordpress: "
              "{version: \"7.1.1\", locale: de_DE, admin: {user: x, email: x@example.com}}\n");
    const struct wordpress_spec *s = fixture_find(&f, &wordpress_kind, "a.example.com")->spec;
    assert_string_equal(s->source, "http://127.0.0.1/de_DE/wordpress-7.1.1-de_DE.tgz");
    assert_int_equal(strlen(s->source_sha256), 64);
    fixture_free(&f);
}

static void a_locale_is_never_ignored(void **state)
{
    static const char site[] =
        "sites:\n  " BLOG ":\n    type: wordpress\n    wordpress: {version: \"7.1.1\", "
        "locale: de_DE, admin: {user: e, email: e@example.com}}\n";
    struct fixture f;
    char yaml[512];
    snprintf(yaml, sizeof yaml, "citrus: 1\nserver: {name: s}\n%s", site);
    build(&f, yaml);
    struct wordpress_spec *s = fixture_find(&f, &wordpress_kind, BLOG)->spec;
    assert_string_equal(s->source, "https://downloads.wordpress.org/release/de_DE/wordpress-7.1.1.tar.gz");
    fixture_free(&f);
    snprintf(yaml, sizeof yaml,
             "citrus: 1\nserver: {name: s, sources: {wordpress: "
             "\"http://127.0.0.1/wordpress-{version}.tgz\"}}\n%s",
             site);
    fixture_init(&f, yaml);
    assert_int_equal(fixture_build(&f), 0);
    assert_non_null(strstr(fixture_said(&f), "wants WordPress in de_DE"));
    fixture_free(&f);
    (void)state;
}

/* www-data is in every site's group: without this, a link in one site's uploads shows another's
 * wp-config.php. */
static void a_link_is_served_to_what_its_own_owner_owns_alone(void **state)
{
    static const struct {
        const char *site;
        size_t lines;
    } cases[] = {
        {"type: html", 1},
        {"type: php", 1},
        {"type: wordpress, wordpress: {version: \"7.1.1\", admin: {user: x, email: x@example.com}}", 1},
        {"type: proxy, upstream: \"http://127.0.0.1:3000\"", 0},
        {"type: redirect, target: \"https://b.example.com\"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        build(&f, arena_printf(&a, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com: {%s}\n",
                               cases[i].site));
        assert_int_equal(
            count(vhost(&f, "a.example.com"), "    disable_symlinks if_not_owner from=$document_root;\n"),
            cases[i].lines);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void the_vhost_comes_after_what_its_text_names(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    struct resource *r = fixture_find(&f, &vhost_kind, BLOG);
    assert_true(fixture_needs(r, &certificate_kind, BLOG));
    assert_true(fixture_needs(r, &php_pool_kind, BLOG));
    assert_true(fixture_needs(r, &directory_kind, "/var/www/blog.example.com/logs"));
    assert_true(fixture_needs(r, &directory_kind, "/var/www/blog.example.com/custom.d"));
    assert_true(fixture_notifies(r, "nginx.service", IMPACT_RELOAD));
    assert_true(fixture_notifies(fixture_find(&f, &certificate_kind, BLOG), "nginx.service", IMPACT_RELOAD));
    assert_true(
        fixture_notifies(fixture_find(&f, &php_pool_kind, BLOG), "php8.2-fpm.service", IMPACT_RELOAD));
    fixture_free(&f);
}

static void nothing_in_the_list_comes_before_what_it_needs(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS "  p.example.com: {type: proxy, upstream: \"http://127.0.0.1:1\"}\n"
                        "  q.example.com: {type: php, cache: fastcgi}\n");
    for (size_t i = 0; i < f.catalog.list.n; i++)
        for (size_t k = 0; k < f.catalog.list.at[i]->needs.n; k++) {
            size_t at = 0;
            while (f.catalog.list.at[at] != f.catalog.list.at[i]->needs.at[k])
                at++;
            if (at >= i)
                fail_msg("%s %s comes before %s %s", f.catalog.list.at[i]->kind->name,
                         f.catalog.list.at[i]->id, f.catalog.list.at[at]->kind->name,
                         f.catalog.list.at[at]->id);
        }
    fixture_free(&f);
}

static void every_type_answers_challenges_before_it_redirects(void **state)
{
    static const char *const sites[] = {"{type: html}",
                                        "{type: php}",
                                        "{type: php, tls: {redirect: false}}",
                                        "{type: html, tls: {issuer: none}, aliases: [b.example.com]}",
                                        "{type: proxy, upstream: \"http://127.0.0.1:3000\"}",
                                        "{type: redirect, target: \"https://example.com\"}"};
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        struct fixture f;
        struct arena a = {0};
        build(&f, arena_printf(&a, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com: %s\n", sites[i]));
        const char *text = vhost(&f, "a.example.com");
        assert_int_equal(count(text, "listen 80;"), count(text, "/.well-known/acme-challenge/"));
        assert_int_equal(count(text, "listen 80;"), count(text, "listen [::]:80;"));
        assert_true(count(text, "listen 80;") > 0);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void the_form_of_http2_follows_the_version_of_nginx(void **state)
{
    static const struct {
        const char *version;
        size_t old, new;
    } cases[] = {{"1.18.0", 1, 0}, {"1.25.0", 1, 0}, {"1.25.1", 0, 1}, {"1.26.3", 0, 1}, {NULL, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com: {type: html}\n");
        f.facts.nginx = cases[i].version;
        assert_int_equal(fixture_build(&f), 0);
        assert_int_equal(count(vhost(&f, "a.example.com"), "listen 443 ssl http2;"), cases[i].old);
        assert_int_equal(count(vhost(&f, "a.example.com"), "http2 on;"), cases[i].new);
        fixture_free(&f);
    }
}

static void strict_transport_is_never_sent_unasked(void **state)
{
    struct fixture f;
    build(&f, WORDPRESS);
    assert_int_equal(count(vhost(&f, BLOG), "Strict-Transport-Security"), 0);
    fixture_free(&f);
    build(&f, "citrus: 1\nserver: {name: s}\nsites:\n"
              "  a.example.com: {type: html, tls: {hsts: {max_age: 2y, include_subdomains: true, preload: "
              "true}}}\n");
    assert_int_equal(
        count(
            vhost(&f, "a.example.com"),
            "add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains; preload\" always;"),
        1);
    fixture_free(&f);
}

static void a_redirect_to_a_host_keeps_the_path_and_one_to_a_page_does_not(void **state)
{
    static const struct {
        const char *target, *line;
    } cases[] = {{"https://example.com", "return 301 \"https://example.com$request_uri\";"},
                 {"https://example.com/", "return 301 \"https://example.com$request_uri\";"},
                 {"https://example.com/new?a=b&c", "return 301 \"https://example.com/new?a=b&c\";"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        build(&f, arena_printf(&a,
                               "citrus: 1\nserver: {name: s}\nsites:\n"
                               "  a.example.com: {type: redirect, target: \"%s\"}\n",
                               cases[i].target));
        assert_int_equal(count(vhost(&f, "a.example.com"), cases[i].line), 1);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_value_that_nginx_would_expand_is_refused_at_its_line(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com:\n    type: redirect\n"
                     "    target: https://example.com/$host\n");
    assert_int_equal(fixture_build(&f), 0);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:6:13: error: "));
    assert_null(catalog_find(&f.catalog, &vhost_kind, "a.example.com"));
    fixture_free(&f);
}

static void a_proxy_or_redirect_has_no_account_and_no_files(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites:\n"
              "  a.example.com: {type: proxy, upstream: \"http://127.0.0.1:1\"}\n");
    assert_null(catalog_find(&f.catalog, &account_kind, name_account(&f.arena, "a.example.com")));
    assert_null(catalog_find(&f.catalog, &directory_kind, "/var/www/a.example.com/public"));
    const struct directory_spec *logs =
        fixture_find(&f, &directory_kind, "/var/www/a.example.com/logs")->spec;
    assert_string_equal(logs->group, "www-data");
    assert_null(strstr(vhost(&f, "a.example.com"), "root /var/www/"));
    fixture_free(&f);
}

static void a_certificate_from_files_is_named_by_its_source(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com:\n    type: html\n    aliases: "
              "[b.example.com]\n"
              "    tls: {issuer: files, certificate: /etc/ssl/a.pem, key: /etc/ssl/a.key}\n");
    const struct certificate_spec *s = fixture_find(&f, &certificate_kind, "a.example.com")->spec;
    assert_string_equal(s->issuer, "files");
    assert_string_equal(s->source_certificate, "/etc/ssl/a.pem");
    assert_string_equal(s->source_key, "/etc/ssl/a.key");
    assert_string_equal(s->state, "valid");
    assert_int_equal(s->names.n, 2);
    assert_true(s->days == FIELD_UNSET);
    fixture_free(&f);
}

static void positions_are_those_of_the_field_that_caused_it(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com:\n    type: php\n    php:\n"
              "      version: \"8.2\"\n    tls:\n      days: 30\n");
    assert_int_equal(fixture_find(&f, &php_pool_kind, "a.example.com")->pos.line, 7);
    assert_int_equal(fixture_find(&f, &certificate_kind, "a.example.com")->pos.line, 8);
    assert_int_equal(fixture_find(&f, &vhost_kind, "a.example.com")->pos.line, 4);
    assert_int_equal(fixture_find(&f, &package_kind, "nginx")->pos.line, 2);
    fixture_free(&f);
}

static void a_domain_too_long_for_file_names_is_refused(void **state)
{
    struct fixture f;
    struct arena a = {0};
    char label[61];
    memset(label, 'a', 60);
    label[60] = '\0';
    fixture_init(&f,
                 arena_printf(&a, "citrus: 1\nserver: {name: s}\nsites:\n  %s.%s.%s.%s.com: {type: html}\n",
                              label, label, label, label));
    assert_int_equal(fixture_build(&f), 0);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:4:3: error: the domain is longer than"));
    fixture_free(&f);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_site_has_a_user_a_database_and_names_of_its_own),
        cmocka_unit_test(directories_let_the_web_server_read_and_other_sites_not),
        cmocka_unit_test(secrets_are_strong_and_stand_in_the_configuration_alone),
        cmocka_unit_test(the_eight_salts_differ),
        cmocka_unit_test(an_administrators_password_may_be_the_operators_secret),
        cmocka_unit_test(wordpress_waits_for_all_that_it_uses),
        cmocka_unit_test(a_source_is_found_by_version_and_locale),
        cmocka_unit_test(a_locale_is_never_ignored),
        cmocka_unit_test(a_link_is_served_to_what_its_own_owner_owns_alone),
        cmocka_unit_test(the_vhost_comes_after_what_its_text_names),
        cmocka_unit_test(nothing_in_the_list_comes_before_what_it_needs),
        cmocka_unit_test(every_type_answers_challenges_before_it_redirects),
        cmocka_unit_test(the_form_of_http2_follows_the_version_of_nginx),
        cmocka_unit_test(strict_transport_is_never_sent_unasked),
        cmocka_unit_test(a_redirect_to_a_host_keeps_the_path_and_one_to_a_page_does_not),
        cmocka_unit_test(a_value_that_nginx_would_expand_is_refused_at_its_line),
        cmocka_unit_test(a_proxy_or_redirect_has_no_account_and_no_files),
        cmocka_unit_test(a_certificate_from_files_is_named_by_its_source),
        cmocka_unit_test(positions_are_those_of_the_field_that_caused_it),
        cmocka_unit_test(a_domain_too_long_for_file_names_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
