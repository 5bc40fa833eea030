#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "specs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct package_spec *package(struct fixture *f, const char *name)
{
    struct resource *r = catalog_find(&f->catalog, &package_kind, name);
    return r ? r->spec : NULL;
}

static void build(struct fixture *f, const char *yaml)
{
    fixture_init(f, yaml);
    if (fixture_build(f) < 0)
        fail_msg("%s", f->err.text);
}

static const char *content(struct fixture *f, const char *path)
{
    return ((struct file_spec *)fixture_find(f, &file_kind, path)->spec)->content.at;
}

static void an_empty_server_has_nginx_and_nothing_that_nobody_needs(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    assert_int_equal(f.diags.errors, 0);
    assert_non_null(package(&f, "nginx"));
    assert_null(package(&f, "mariadb-server"));
    assert_null(package(&f, "php8.2-fpm"));
    assert_null(catalog_find(&f.catalog, &service_kind, "mariadb.service"));
    assert_string_equal(f.catalog.server, "s");
    fixture_free(&f);
}

static void mariadb_comes_with_the_first_wordpress_or_when_asked(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s, mariadb: {enabled: true}}\nsites: {}\n");
    assert_non_null(package(&f, "mariadb-server"));
    assert_non_null(package(&f, "mariadb-client"));
    struct resource *conf = fixture_find(&f, &file_kind, "/etc/mysql/mariadb.conf.d/90-citrus.cnf");
    assert_true(fixture_notifies(conf, "mariadb.service", IMPACT_RESTART));
    assert_true(fixture_needs(conf, &package_kind, "mariadb-server"));
    struct resource *service = fixture_find(&f, &service_kind, "mariadb.service");
    assert_true(fixture_needs(service, &file_kind, conf->id));
    fixture_free(&f);
}

static void the_default_php_is_default_then_first_version_then_the_systems(void **state)
{
    static const struct {
        const char *php, *version;
    } cases[] = {{"{versions: [\"8.1\", \"8.3\"], default: \"8.3\"}", "8.3"},
                 {"{versions: [\"8.3\", \"8.1\"]}", "8.3"},
                 {"{}", "8.2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        build(&f, arena_printf(
                      &a, "citrus: 1\nserver: {name: s, php: %s}\nsites:\n  a.example.com: {type: php}\n",
                      cases[i].php));
        assert_int_equal(f.diags.errors, 0);
        const struct php_pool_spec *p = fixture_find(&f, &php_pool_kind, "a.example.com")->spec;
        assert_string_equal(p->version, cases[i].version);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_site_that_needs_php_where_there_is_none_is_told_at_its_line(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n  a.example.com: {type: php}\n");
    f.facts.php = NULL;
    assert_int_equal(fixture_build(&f), 0);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:4:3: error: a.example.com needs PHP"));
    fixture_free(&f);
}

static void each_version_gets_its_packages_and_a_pool_that_serves_nobody(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s, php: {versions: [\"8.2\", \"8.5\"], extensions: [gd, mysqli, "
              "json, opcache]}}\nsites: {}\n");
    assert_non_null(package(&f, "php8.2-fpm"));
    assert_non_null(package(&f, "php8.5-cli"));
    assert_non_null(package(&f, "php8.5-gd"));
    assert_non_null(package(&f, "php8.2-mysql"));
    assert_null(package(&f, "php8.2-mysqli"));
    assert_null(package(&f, "php8.2-json"));
    assert_non_null(package(&f, "php8.2-opcache"));
    assert_null(package(&f, "php8.5-opcache"));
    assert_non_null(strstr(content(&f, "/etc/php/8.5/fpm/pool.d/www.conf"), "user = nobody"));
    assert_null(strstr(content(&f, "/etc/php/8.5/fpm/pool.d/www.conf"), "www-data"));
    struct resource *gd = fixture_find(&f, &package_kind, "php8.2-gd");
    assert_true(fixture_notifies(gd, "php8.2-fpm.service", IMPACT_RELOAD));
    struct resource *service = fixture_find(&f, &service_kind, "php8.5-fpm.service");
    assert_string_equal(((struct service_spec *)service->spec)->check, "php-fpm:8.5");
    assert_true(fixture_needs(service, &package_kind, "php8.5-fpm"));
    assert_true(fixture_needs(service, &file_kind, "/etc/php/8.5/fpm/pool.d/www.conf"));
    fixture_free(&f);
}

static void packages_lie_side_by_side_so_that_apt_runs_once(void **state)
{
    struct fixture f;
    build(&f,
          "citrus: 1\nserver: {name: s, timezone: UTC, packages: {present: [htop], absent: [apache2]}, php: "
          "{versions: [\"8.2\"]}, mariadb: {enabled: true}}\nsites: {}\n");
    size_t first = 0, last = 0, n = 0;
    for (size_t i = 0; i < f.catalog.list.n; i++)
        if (f.catalog.list.at[i]->kind == &package_kind) {
            first = n++ ? first : i;
            last = i;
        }
    assert_int_equal(last - first + 1, n);
    assert_non_null(package(&f, "tzdata"));
    assert_true(fixture_find(&f, &package_kind, "apache2")->absent);
    fixture_free(&f);
}

static void holds_are_citruss_matter_only_where_they_are_written(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    assert_int_equal(package(&f, "nginx")->held, -1);
    fixture_free(&f);
    build(&f, "citrus: 1\nserver: {name: s, packages: {present: [htop], hold: [nginx, git]}}\nsites: {}\n");
    assert_int_equal(package(&f, "nginx")->held, 1);
    assert_int_equal(package(&f, "git")->held, 1);
    assert_string_equal(package(&f, "git")->installed, "yes");
    assert_int_equal(package(&f, "htop")->held, 0);
    fixture_free(&f);
    build(&f, "citrus: 1\nserver: {name: s, packages: {hold: []}}\nsites: {}\n");
    assert_int_equal(package(&f, "nginx")->held, 0);
    fixture_free(&f);
}

static void a_package_that_is_needed_cannot_be_absent(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver:\n  name: s\n  packages:\n    absent: [nginx]\nsites: {}\n");
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:5:5: error: the package nginx cannot be absent"));
    assert_false(fixture_find(&f, &package_kind, "nginx")->absent);
    fixture_free(&f);
}

static void debians_default_server_goes_before_ours_comes(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    struct resource *debian = fixture_find(&f, &link_kind, "/etc/nginx/sites-enabled/default");
    struct resource *ours = fixture_find(&f, &link_kind, "/etc/nginx/sites-enabled/000-default.conf");
    assert_true(debian->absent);
    assert_true(fixture_needs(ours, &link_kind, debian->id));
    assert_true(fixture_needs(ours, &file_kind, "/etc/nginx/sites-available/000-default.conf"));
    assert_true(fixture_notifies(ours, "nginx.service", IMPACT_RELOAD));
    fixture_free(&f);
}

static void nginx_without_reject_handshake_gets_a_certificate_of_no_site(void **state)
{
    static const char *const versions[] = {"1.18.0", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
        f.facts.nginx = versions[i];
        assert_int_equal(fixture_build(&f), 0);
        fixture_find(&f, &certificate_kind, "default.invalid");
        const char *text = content(&f, "/etc/nginx/sites-available/000-default.conf");
        assert_non_null(strstr(text, "ssl_certificate /etc/citrus/tls/default.invalid/fullchain.pem;"));
        assert_null(strstr(text, "ssl_reject_handshake"));
        fixture_free(&f);
    }
}

/* ngx_hash_init(): a bucket holds a pointer, the name with two bytes of length, aligned to pointers, and a
 * last pointer.
 */
static void nginxs_table_of_names_holds_the_longest_domain(void **state)
{
    static const char setting[] = "server_names_hash_bucket_size ";
    size_t longest = 253, word = 8, needed = word + (longest + 2 + word - 1) / word * word + word;
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    const char *at = strstr(content(&f, "/etc/nginx/nginx.conf"), setting);
    assert_non_null(at);
    assert_true(strtoul(at + strlen(setting), NULL, 10) >= needed);
    fixture_free(&f);
}

static void build_many(struct fixture *f, int sites)
{
    struct buf yaml = {0};
    buf_adds(&yaml, "citrus: 1\nserver: {name: s}\nsites:\n");
    for (int i = 0; i < sites; i++)
        buf_addf(
            &yaml,
            "  s%d.example.com: {type: redirect, target: \"https://example.com\", tls: {issuer: none}}\n", i);
    build(f, buf_str(&yaml));
    buf_free(&yaml);
}

/* nginx opens two logs a site, and at a reload the new ones before it closes the old ones: systemd's 1024 do
 * not hold that. A limit is taken by a restart alone, so there is none where it is not needed. */
static void nginx_may_open_all_its_logs_twice(void **state)
{
    static const char path[] = "/etc/systemd/system/nginx.service.d/open-files.conf";
    struct fixture f;
    build_many(&f, 128);
    assert_null(catalog_find(&f.catalog, &file_kind, path));
    fixture_free(&f);
    build_many(&f, 129);
    struct resource *file = fixture_find(&f, &file_kind, path);
    assert_non_null(strstr(content(&f, path), "[Service]\nLimitNOFILE=524288\n"));
    assert_true(fixture_needs(file, &directory_kind, "/etc/systemd/system/nginx.service.d"));
    assert_true(fixture_notifies(file, "nginx.service", IMPACT_RESTART));
    /* Before the first of the sites, also where one site alone is applied. */
    struct resource *link = fixture_find(&f, &link_kind, "/etc/nginx/sites-enabled/000-default.conf");
    assert_true(fixture_needs(link, &file_kind, path));
    fixture_free(&f);
}

static void a_worker_may_open_all_logs_beside_its_connections(void **state)
{
    static const struct {
        int sites;
        const char *line;
    } cases[] = {{0, "worker_rlimit_nofile 9216;"},
                 {256, "worker_rlimit_nofile 9216;"},
                 {257, "worker_rlimit_nofile 10240;"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        if (cases[i].sites)
            build_many(&f, cases[i].sites);
        else
            build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
        assert_non_null(strstr(content(&f, "/etc/nginx/nginx.conf"), cases[i].line));
        fixture_free(&f);
    }
}

static void the_time_zone_is_left_alone_unless_it_is_written(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    assert_null(catalog_find(&f.catalog, &link_kind, "/etc/localtime"));
    fixture_free(&f);
    build(&f, "citrus: 1\nserver: {name: s, timezone: Europe/Berlin}\nsites: {}\n");
    const struct link_spec *s = fixture_find(&f, &link_kind, "/etc/localtime")->spec;
    assert_string_equal(s->target, "/usr/share/zoneinfo/Europe/Berlin");
    assert_string_equal(content(&f, "/etc/timezone"), "Europe/Berlin\n");
    fixture_free(&f);
}

/* systemd.timer(5): an empty assignment resets the list of all monotonic timers, and OnUnitActiveSec= alone
 * waits for a first start that nothing gives. */
static void the_drift_timer_fires_before_its_service_ever_ran(void **state)
{
    static const struct {
        const char *interval, *timers;
    } cases[] = {{"30m", "[Timer]\nOnUnitActiveSec=\nOnActiveSec=300s\nOnUnitActiveSec=1800s\n"},
                 {"1m", "[Timer]\nOnUnitActiveSec=\nOnActiveSec=60s\nOnUnitActiveSec=60s\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        build(&f, arena_printf(&a, "citrus: 1\nserver: {name: s, drift: {interval: %s}}\nsites: {}\n",
                               cases[i].interval));
        assert_non_null(
            strstr(content(&f, "/etc/systemd/system/citrus-drift.timer.d/interval.conf"), cases[i].timers));
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_template_that_is_missing_is_an_error_that_names_it(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    strcpy(f.share, "/nonexistent");
    assert_int_equal(fixture_build(&f), -ENOENT);
    assert_non_null(strstr(f.err.text, "/nonexistent/configs/nginx.conf"));
    assert_non_null(strstr(f.err.hint, "install it again"));
    struct catalog_input in = fixture_input(&f);
    in.share_from = "CITRUS_SHARE";
    assert_int_equal(catalog_build(&in, &f.catalog, &f.arena, &f.diags, &f.err), -ENOENT);
    assert_non_null(strstr(f.err.hint, "CITRUS_SHARE has /nonexistent in place"));
    fixture_free(&f);
}

static void the_operators_template_wins_and_its_mistakes_are_named(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    fixture_file(&f, "/etc/citrus/templates/nginx.conf",
                 "{{! dialect: nginx }}\n# mine {{worker_connections}}\n");
    assert_int_equal(fixture_build(&f), 0);
    assert_string_equal(content(&f, "/etc/nginx/nginx.conf"), "# mine 4096\n");
    fixture_free(&f);
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites: {}\n");
    fixture_file(&f, "/etc/citrus/templates/acme.mustache", "{{! dialect: nginx }}\n{{#open}}\n");
    assert_true(fixture_build(&f) < 0);
    assert_non_null(strstr(f.err.text, "acme"));
    fixture_free(&f);
}

static void a_time_zone_that_the_system_does_not_have_is_refused(void **state)
{
    static const struct {
        const char *zone, *packages, *said; /* NULL: it is fine */
    } cases[] = {{"Europe/Berlin", "{}", NULL},
                 {"UTC", "{}", NULL},
                 {"Europe/Berlinn", "{}", "hint: did you mean \"Europe/Berlin\"?"},
                 {"UTCC", "{}", "hint: did you mean \"UTC\"?"},
                 {"Europe", "{}", "server.yaml:2:29: error: there is no time zone \"Europe\""},
                 {"US/Eastern", "{}", "tzdata-legacy"},
                 {"US/Eastern", "{present: [tzdata-legacy]}", NULL}};
    for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
        bool bare = i == sizeof cases / sizeof *cases; /* nothing is known of zones */
        const char *zone = bare ? "Europe/Berlinn" : cases[i].zone;
        struct fixture f;
        struct arena a = {0};
        fixture_init(&f,
                     arena_printf(&a, "citrus: 1\nserver: {name: s, timezone: %s, packages: %s}\nsites: {}\n",
                                  zone, bare ? "{}" : cases[i].packages));
        if (!bare) {
            fixture_file(&f, "/usr/share/zoneinfo/Europe/Berlin", "TZif");
            fixture_file(&f, "/usr/share/zoneinfo/UTC", "TZif");
        }
        assert_int_equal(fixture_build(&f), 0);
        if (bare || !cases[i].said)
            assert_string_equal(fixture_said(&f), "");
        else if (f.diags.errors != 1 || !strstr(fixture_said(&f), cases[i].said))
            fail_msg("%s: %s", zone, fixture_said(&f));
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_setting_that_its_file_cannot_hold_is_told_at_its_line(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver:\n  name: s\n  php:\n    versions: [\"8.2\"]\n"
              "    ini: {error_prepend_string: 'a \"quoted\" word'}\nsites: {}\n");
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:6:33: error: "));
    assert_null(catalog_find(&f.catalog, &file_kind, "/etc/php/8.2/fpm/conf.d/90-citrus.ini"));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_server_has_nginx_and_nothing_that_nobody_needs),
        cmocka_unit_test(mariadb_comes_with_the_first_wordpress_or_when_asked),
        cmocka_unit_test(the_default_php_is_default_then_first_version_then_the_systems),
        cmocka_unit_test(a_site_that_needs_php_where_there_is_none_is_told_at_its_line),
        cmocka_unit_test(each_version_gets_its_packages_and_a_pool_that_serves_nobody),
        cmocka_unit_test(packages_lie_side_by_side_so_that_apt_runs_once),
        cmocka_unit_test(holds_are_citruss_matter_only_where_they_are_written),
        cmocka_unit_test(a_package_that_is_needed_cannot_be_absent),
        cmocka_unit_test(debians_default_server_goes_before_ours_comes),
        cmocka_unit_test(nginx_without_reject_handshake_gets_a_certificate_of_no_site),
        cmocka_unit_test(nginxs_table_of_names_holds_the_longest_domain),
        cmocka_unit_test(nginx_may_open_all_its_logs_twice),
        cmocka_unit_test(a_worker_may_open_all_logs_beside_its_connections),
        cmocka_unit_test(the_time_zone_is_left_alone_unless_it_is_written),
        cmocka_unit_test(the_drift_timer_fires_before_its_service_ever_ran),
        cmocka_unit_test(a_template_that_is_missing_is_an_error_that_names_it),
        cmocka_unit_test(the_operators_template_wins_and_its_mistakes_are_named),
        cmocka_unit_test(a_time_zone_that_the_system_does_not_have_is_refused),
        cmocka_unit_test(a_setting_that_its_file_cannot_hold_is_told_at_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
