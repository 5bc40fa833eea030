/* What a site's pool says, and which of several values holds. */
#include "sites.h"

/* The pool's text of a site with this `php`, on a server with this `php.ini`. */
static const char *pool_of(struct fixture *f, struct arena *a, const char *ini, const char *php)
{
    build(f, arena_printf(a,
                          "citrus: 1\nserver: {name: s, php: {ini: %s}}\nsites:\n"
                          "  a.example.com: {type: php, php: %s}\n",
                          ini, php));
    return ((struct php_pool_spec *)fixture_find(f, &php_pool_kind, "a.example.com")->spec)->content.at;
}

static void the_operators_ini_replaces_a_pools_line_and_never_doubles_it(void **state)
{
    struct fixture f;
    build(&f, "citrus: 1\nserver: {name: s, php: {ini: {max_execution_time: \"90\"}}}\nsites:\n"
              "  a.example.com:\n    type: php\n    nginx: {client_max_body_size: 8M}\n"
              "    php: {memory_limit: 128M, ini: {memory_limit: 300M, session.save_path: /x, "
              "upload_max_filesize: 1M}}\n"
              "  b.example.com: {type: php, php: {max_execution_time: 40s}}\n");
    const char *a =
        ((struct php_pool_spec *)fixture_find(&f, &php_pool_kind, "a.example.com")->spec)->content.at;
    const char *b =
        ((struct php_pool_spec *)fixture_find(&f, &php_pool_kind, "b.example.com")->spec)->content.at;
    assert_int_equal(count(a, "[memory_limit]"), 1);
    assert_int_equal(count(a, "[memory_limit] = 300M"), 1);
    assert_int_equal(count(a, "[session.save_path]"), 1);
    assert_int_equal(count(a, "[session.save_path] = /x"), 1);
    assert_int_equal(count(a, "[upload_max_filesize] = 1M"), 1);
    assert_int_equal(count(a, "[upload_max_filesize]"), 1);
    assert_int_equal(count(a, "[post_max_size] = 8M"), 1);
    assert_int_equal(count(a, "[max_execution_time]"), 0);
    assert_int_equal(count(b, "[max_execution_time] = 40"), 1);
    fixture_free(&f);
}

static void what_the_servers_ini_says_of_sessions_and_logs_holds_in_every_pool(void **state)
{
    static const struct {
        const char *server, *site, *absent, *present;
    } cases[] = {
        {"{session.save_path: /s}", "{}", "[session.save_path]", "[session.gc_probability] = 1"},
        {"{session.save_handler: redis, session.save_path: 'tcp://127.0.0.1:6379'}", "{}",
         "[session.save_path]", "[session.gc_probability] = 1"},
        {"{session.save_handler: redis}", "{}", "[session.save_path]", "[log_errors] = 1"},
        {"{session.save_handler: redis}", "{session.save_handler: files}", "save_handler] = redis",
         "[session.save_path] = /var/www/a.example.com/sessions"},
        {"{session.save_handler: files}", "{}", "[session.save_handler]",
         "[session.save_path] = /var/www/a.example.com/sessions"},
        {"{}", "{session.save_handler: redis}", "[session.save_path]", "[session.save_handler] = redis"},
        {"{session.save_path: /s}", "{session.save_path: /own}", "save_path] = /var",
         "[session.save_path] = /own"},
        {"{session.gc_probability: 0}", "{}", "[session.gc_probability]", "[log_errors] = 1"},
        {"{log_errors: Off}", "{}", "[log_errors]", "[session.gc_probability] = 1"},
        {"{sys_temp_dir: /t, upload_tmp_dir: /u}", "{}", "_dir]", "[log_errors] = 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        const char *pool = pool_of(&f, &a, cases[i].server, arena_printf(&a, "{ini: %s}", cases[i].site));
        if (count(pool, cases[i].absent) != 0 || count(pool, cases[i].present) != 1 ||
            count(pool, "[open_basedir]") != 1)
            fail_msg("case %zu: %s", i, pool);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_request_may_take_as_long_as_the_limit_that_holds(void **state)
{
    static const struct {
        const char *server, *site;
        int seconds;
    } cases[] = {{"{}", "{}", 90},
                 {"{max_execution_time: 300}", "{}", 330},
                 {"{max_execution_time: 300}", "{max_execution_time: 40s}", 70},
                 {"{max_execution_time: 300}", "{ini: {max_execution_time: \"600\"}}", 630},
                 {"{}", "{max_execution_time: 40s, ini: {max_execution_time: 20}}", 50},
                 {"{max_execution_time: 0}", "{}", 86430}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct arena a = {0};
        const char *pool = pool_of(&f, &a, cases[i].server, cases[i].site);
        assert_int_equal(count(pool, arena_printf(&a, "request_terminate_timeout = %ds\n", cases[i].seconds)),
                         1);
        assert_true(count(vhost(&f, "a.example.com"),
                          arena_printf(&a, "fastcgi_read_timeout %ds;", cases[i].seconds)) > 0);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_pool_that_changes_its_version_is_let_go_by_the_old_master(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s, php: {versions: [\"8.2\", \"8.3\"]}}\nsites:\n"
                     "  a.example.com: {type: php, php: {version: \"8.3\"}}\n"
                     "  b.example.com: {type: php, php: {version: \"8.3\"}}\n");
    fixture_file(&f, "/etc/php/8.2/fpm/pool.d/a.example.com.conf", "[a]\n");
    assert_int_equal(fixture_build(&f), 0);
    struct resource *a = fixture_find(&f, &php_pool_kind, "a.example.com");
    struct resource *b = fixture_find(&f, &php_pool_kind, "b.example.com");
    assert_true(fixture_notifies(a, "php8.3-fpm.service", IMPACT_RELOAD));
    assert_true(fixture_notifies(a, "php8.2-fpm.service", IMPACT_RELOAD));
    assert_true(fixture_notifies(b, "php8.3-fpm.service", IMPACT_RELOAD));
    assert_false(fixture_notifies(b, "php8.2-fpm.service", IMPACT_RELOAD));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operators_ini_replaces_a_pools_line_and_never_doubles_it),
        cmocka_unit_test(what_the_servers_ini_says_of_sessions_and_logs_holds_in_every_pool),
        cmocka_unit_test(a_request_may_take_as_long_as_the_limit_that_holds),
        cmocka_unit_test(a_pool_that_changes_its_version_is_let_go_by_the_old_master),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
