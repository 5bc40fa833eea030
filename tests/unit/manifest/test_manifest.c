#include "testing.h"
#include <stdio.h>

static const char *source_root;

#define HEAD "citrus: 1\nserver: {name: web-01}\n"

static void the_smallest_manifest_has_every_default(void **state)
{
    struct world *w = *state;
    struct manifest *m = world_parse(w, HEAD "sites:\n  a.example.com: {type: html}\n");
    assert_string_equal(world_says(w), "");
    assert_int_equal(m->version, 1);
    const struct manifest_server *s = &m->server;
    assert_string_equal(s->name, "web-01");
    assert_null(s->timezone);
    assert_int_equal(s->nginx.worker_connections, 4096);
    assert_int_equal(s->nginx.client_max_body_size, 64 << 20);
    assert_int_equal(s->nginx.keepalive_timeout, 65);
    assert_null(s->php.versions.at);
    assert_null(s->php.dfault);
    assert_int_equal(s->php.extensions.n, 7);
    assert_string_equal(s->php.extensions.at[0], "mysql");
    assert_string_equal(s->php.extensions.at[6], "intl");
    assert_int_equal(s->mariadb.enabled, -1);
    assert_string_equal(s->mariadb.bind_address, "127.0.0.1");
    assert_true(s->mariadb.buffer_pool == FIELD_UNSET);
    assert_string_equal(s->memory.budget, "80%");
    assert_non_null(strstr(s->sources.wordpress, "{version}"));
    assert_int_equal(strlen(s->sources.wp_cli.sha256), 64);
    const struct manifest_site *site = m->sites.at;
    assert_int_equal(m->sites.n, 1);
    assert_string_equal(site->domain, "a.example.com");
    assert_int_equal(site->type, SITE_HTML);
    assert_int_equal(site->cache, CACHE_NONE);
    assert_int_equal(site->tls.issuer, TLS_SELF_SIGNED);
    assert_int_equal(site->tls.days, 365);
    assert_int_equal(site->tls.redirect, 1);
    assert_int_equal(site->tls.hsts.max_age, 0);
    assert_int_equal(site->php.children, 4);
    assert_int_equal(site->php.memory_limit, 256 << 20);
    assert_int_equal(site->php.max_execution_time, 60);
    assert_int_equal(site->php.process_manager, 0);
    assert_string_equal(site->wordpress.title, "WordPress");
    assert_string_equal(site->wordpress.locale, "en_US");
    assert_string_equal(site->wordpress.table_prefix, "wp_");
    assert_null(site->wordpress.admin.password);
    assert_true(site->nginx.client_max_body_size == FIELD_UNSET);
    assert_int_equal(site->origin.pos.line, 4);
    assert_null(site->php.origin.pos.file); /* a default */
}

static void enums_and_choices_have_the_same_order(void **state)
{
    struct world *w = *state;
    struct manifest *m = world_parse(
        w,
        HEAD "sites:\n"
             "  a.example.com: {type: html, tls: {issuer: none}}\n"
             "  b.example.com: {type: php, cache: fastcgi, php: {process_manager: dynamic}}\n"
             "  c.example.com: {type: wordpress, cache: none, wordpress: {version: 6.8, admin: {user: u, "
             "email: u@a.de}}}\n"
             "  d.example.com: {type: proxy, upstream: 'http://127.0.0.1:80', tls: {issuer: self-signed}}\n"
             "  e.example.com: {type: redirect, target: 'https://a.de/', tls: {issuer: files, certificate: "
             "/c, key: /k}}\n");
    assert_string_equal(world_says(w), "");
    const struct manifest_site *s = m->sites.at;
    assert_int_equal(s[0].type, SITE_HTML);
    assert_int_equal(s[1].type, SITE_PHP);
    assert_int_equal(s[2].type, SITE_WORDPRESS);
    assert_int_equal(s[3].type, SITE_PROXY);
    assert_int_equal(s[4].type, SITE_REDIRECT);
    assert_int_equal(s[1].cache, CACHE_FASTCGI);
    assert_int_equal(s[2].cache, CACHE_NONE);
    assert_int_equal(s[0].tls.issuer, TLS_NONE);
    assert_int_equal(s[3].tls.issuer, TLS_SELF_SIGNED);
    assert_int_equal(s[4].tls.issuer, TLS_FILES);
    assert_int_equal(s[1].php.process_manager, 1);
}

static struct manifest *parse_files(struct world *w, const char *const *texts, size_t n)
{
    struct bundle b = {.at = arena_array(&w->arena, struct bundle_file, n), .n = n};
    for (size_t i = 0; i < n; i++)
        b.at[i] = (struct bundle_file){arena_printf(&w->arena, "%zu.yaml", i), texts[i], strlen(texts[i])};
    return manifest_parse(&b, &w->arena, &w->diags);
}

static void sites_of_all_files_are_one_sorted_list(void **state)
{
    struct world *w = *state;
    const char *const texts[] = {HEAD "sites:\n  b.de: {type: html}\n",
                                 "sites: {c.de: {type: html}}",
                                 "sites: {a.de: {type: html}}",
                                 "",
                                 "# nothing\n",
                                 "sites:\n"};
    struct manifest *m = parse_files(w, texts, 6);
    assert_string_equal(world_says(w), "");
    const struct manifest_site *s = m->sites.at;
    assert_int_equal(m->sites.n, 3);
    assert_string_equal(s[0].domain, "a.de");
    assert_string_equal(s[2].domain, "c.de");
    assert_string_equal(s[2].origin.pos.file, "1.yaml");
}

static void sites_may_all_be_included(void **state)
{
    struct world *w = *state;
    const char *const texts[] = {HEAD, "sites: {c.de: {type: html}}"};
    struct manifest *m = parse_files(w, texts, 2);
    assert_non_null(m);
    assert_int_equal(m->sites.n, 1);
}

static void an_included_file_holds_sites_alone(void **state)
{
    struct world *w = *state;
    const char *const texts[] = {HEAD, "server: {name: x}\nsites: {a.de: {type: html}}\n", "- a\n",
                                 "sites: [a]\n"};
    assert_null(parse_files(w, texts, 4));
    assert_says(w, "1.yaml:1:1: error: key \"server\" is not allowed in an included file");
    assert_says(w, "2.yaml:1:1: error: an included file must be a map");
    assert_says(w, "3.yaml:1:8: error: \"sites\" must be a map");
    assert_int_equal(w->diags.errors, 3);
}

static void a_site_in_two_files_is_an_error_that_names_both(void **state)
{
    struct world *w = *state;
    const char *const texts[] = {HEAD, "sites: {a.de: {type: html}}\n", "\nsites: {a.de: {type: html}}\n"};
    assert_null(parse_files(w, texts, 3));
    assert_says(w, "2.yaml:2:9: error: \"a.de\" is the domain of a site already, in 1.yaml line 1");
}

static void errors_of_all_files_come_at_once(void **state)
{
    struct world *w = *state;
    const char *const texts[] = {"citrus: 1\nserver: {nam: x}\n", "sites: {a.de: {typ: html}}\n",
                                 "sites: [\n"};
    assert_null(parse_files(w, texts, 3));
    assert_says(w, "0.yaml:2:10: error: unknown key");
    assert_says(w, "1.yaml:1:16: error: unknown key");
    assert_says(w, "2.yaml:2:1: error: ");
}

static void a_thousand_sites_with_errors_are_cut_short(void **state)
{
    struct world *w = *state;
    buf_adds(&w->out, HEAD "sites:\n");
    for (int i = 0; i < 1000; i++)
        buf_addf(&w->out, "  s%d.de: {type: htm}\n", i);
    assert_null(world_parse(w, arena_strdup(&w->arena, buf_str(&w->out))));
    assert_int_equal(w->diags.errors, 1000);
    assert_says(w, "and 900 more");
}

static void examples_are_manifests(void **state)
{
    struct world *w = *state;
    static const char *const files[] = {"wordpress", "three-sites", "all-types"};
    static const size_t sites[] = {1, 3, 5};
    for (size_t i = 0; i < 3; i++) {
        struct bundle b;
        struct error err = {0};
        const char *path = arena_printf(&w->arena, "%s/examples/%s.yaml", source_root, files[i]);
        assert_int_equal(bundle_read(path, &b, &w->arena, &w->diags, &err), 0);
        struct manifest *m = manifest_parse(&b, &w->arena, &w->diags);
        assert_string_equal(world_says(w), "");
        assert_int_equal(m->sites.n, sites[i]);
    }
}

static void the_first_example_is_the_one_that_the_demo_shows(void **state)
{
    struct world *w = *state;
    struct bundle b;
    const char *path = arena_printf(&w->arena, "%s/examples/wordpress.yaml", source_root);
    assert_int_equal(bundle_read(path, &b, &w->arena, &w->diags, NULL), 0);
    struct manifest *m = manifest_parse(&b, &w->arena, &w->diags);
    assert_non_null(m);
    const struct manifest_site *s = m->sites.at;
    assert_string_equal(m->server.name, "web-01");
    assert_string_equal(s->domain, "blog.example.com");
    assert_string_equal(s->aliases.at[0], "www.blog.example.com");
    assert_string_equal(s->wordpress.version, "7.1.1");
    assert_string_equal(s->wordpress.title, "Blog");
    assert_int_equal(s->tls.issuer, TLS_SELF_SIGNED);
}

int main(int argc, char **argv)
{
    source_root = argc > 1 ? argv[1] : ".";
    const struct CMUnitTest tests[] = {
        TEST(the_smallest_manifest_has_every_default),
        TEST(enums_and_choices_have_the_same_order),
        TEST(sites_of_all_files_are_one_sorted_list),
        TEST(sites_may_all_be_included),
        TEST(an_included_file_holds_sites_alone),
        TEST(a_site_in_two_files_is_an_error_that_names_both),
        TEST(errors_of_all_files_come_at_once),
        TEST(a_thousand_sites_with_errors_are_cut_short),
        TEST(examples_are_manifests),
        TEST(the_first_example_is_the_one_that_the_demo_shows),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
