#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "tuning.h"
#include <string.h>

#define MB ((int64_t)1 << 20)

#define WORDPRESS(php)                                                                                       \
    "  a.example.com:\n"                                                                                     \
    "    type: wordpress\n"                                                                                  \
    "    php: " php "\n"                                                                                     \
    "    wordpress: {version: \"7.1.1\", admin: {user: x, email: x@example.com}}\n"

static struct tuning tune(struct fixture *f, int64_t memory)
{
    struct tuning t;
    f->facts.memory = memory;
    tuning_make(f->manifest, &f->facts, &t, &f->diags);
    return t;
}

static void mariadb_and_the_pools_never_exceed_the_budget(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS("{children: 4}"));
    for (int64_t memory = 700 * MB; memory < 70000 * MB; memory += 517 * MB) {
        struct tuning t = tune(&f, memory);
        assert_int_equal(f.diags.errors, 0);
        assert_true(t.pools + t.mariadb_total <= t.budget);
        assert_true(t.buffer_pool >= 128 * MB);
        assert_int_equal(t.buffer_pool % (128 * MB), 0);
        assert_true(t.buffer_pool <= t.budget / 100 * 40 || t.buffer_pool == 128 * MB);
        assert_true(t.redo_log * 2 <= t.buffer_pool);
        assert_int_equal(t.max_connections, 100);
    }
    fixture_free(&f);
}

static void the_buffer_pool_takes_a_quarter_to_two_fifths_of_a_shared_server(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS("{children: 8}"));
    struct tuning t = tune(&f, 8192 * MB);
    assert_true(t.buffer_pool * 100 >= t.budget * 35 && t.buffer_pool * 100 <= t.budget * 40);
    fixture_free(&f);
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS("{children: 72}"));
    t = tune(&f, 8192 * MB);
    assert_int_equal(f.diags.errors, 0);
    assert_true(t.buffer_pool * 100 >= t.budget * 23 && t.buffer_pool * 100 <= t.budget * 30);
    fixture_free(&f);
}

static void what_does_not_fit_is_said_with_figures_at_the_budget(void **state)
{
    struct fixture f;
    fixture_init(
        &f, "citrus: 1\nserver:\n  name: s\n  memory: {budget: 50%}\nsites:\n" WORDPRESS("{children: 40}"));
    tune(&f, 2048 * MB);
    const char *said = fixture_said(&f);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(said, "server.yaml:4:20: error: the memory budget of 1024 MB does not hold"));
    assert_non_null(strstr(said, "2560 MB for 40 PHP processes, most for a.example.com"));
    assert_non_null(strstr(said, "MB for MariaDB"));
    assert_non_null(strstr(said, "hint: "));
    fixture_free(&f);
}

static void without_a_written_budget_the_largest_site_is_named(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n"
                     "  z.example.com: {type: php, php: {children: 2}}\n" WORDPRESS("{children: 40}"));
    tune(&f, 2048 * MB);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "server.yaml:5:3: error: "));
    fixture_free(&f);
}

static void a_machine_of_unknown_memory_is_not_refused(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS("{children: 400}"));
    struct tuning t = tune(&f, 0);
    assert_int_equal(t.budget, 0);
    assert_int_equal(f.diags.errors, 0);
    assert_int_equal(t.buffer_pool, 128 * MB);
    assert_int_equal(t.max_connections, 500);
    fixture_free(&f);
}

/* A change of its configuration restarts MariaDB, which all sites feel. */
static void one_more_site_does_not_restart_mariadb(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS("{children: 4}"));
    struct tuning before = tune(&f, 8192 * MB);
    fixture_free(&f);
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n" WORDPRESS(
                         "{children: 4}") "  b.example.com: {type: php, php: {children: 8}}\n");
    struct tuning after = tune(&f, 8192 * MB);
    assert_int_equal(before.max_connections, after.max_connections);
    assert_int_equal(before.buffer_pool, after.buffer_pool);
    assert_int_equal(before.redo_log, after.redo_log);
    fixture_free(&f);
}

static void a_process_counts_by_its_memory_limit(void **state)
{
    static const struct {
        const char *yaml;
        int64_t mb;
    } cases[] = {{"32M", 32}, {"64M", 64}, {"256M", 64}, {"512M", 96}, {"2G", 96}};
    struct fixture f;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        fixture_init(&f, arena_printf(&a,
                                      "citrus: 1\nserver: {name: s}\nsites:\n"
                                      "  a.example.com: {type: php, php: {children: 3, memory_limit: %s}}\n",
                                      cases[i].yaml));
        struct tuning t = tune(&f, 4096 * MB);
        assert_int_equal(t.pools, 3 * cases[i].mb * MB);
        assert_int_equal(t.mariadb_total, 0);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void a_memory_limit_counts_wherever_it_is_said(void **state)
{
    static const struct {
        const char *server, *site;
        int64_t mb;
    } cases[] = {{"{}", "{ini: {memory_limit: 1G}}", 96},
                 {"{}", "{ini: {memory_limit: -1}}", 96},
                 {"{}", "{memory_limit: 1G, ini: {memory_limit: 32M}}", 32},
                 {"{memory_limit: 512M}", "{}", 96},
                 {"{memory_limit: 512M}", "{memory_limit: 256M}", 64},
                 {"{memory_limit: 512M}", "{ini: {memory_limit: 33554432}}", 32}};
    struct fixture f;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        fixture_init(&f, arena_printf(&a,
                                      "citrus: 1\nserver: {name: s, php: {ini: %s}}\nsites:\n"
                                      "  a.example.com: {type: php, php: %s}\n",
                                      cases[i].server, cases[i].site));
        assert_int_equal(tune(&f, 4096 * MB).pools, 4 * cases[i].mb * MB);
        fixture_free(&f);
        arena_free(&a);
    }
}

static void sites_without_php_take_nothing(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s}\nsites:\n"
                     "  a.example.com: {type: html}\n"
                     "  b.example.com: {type: proxy, upstream: \"http://127.0.0.1:1\"}\n");
    struct tuning t = tune(&f, 4096 * MB);
    assert_int_equal(t.pools, 0);
    assert_int_equal(t.children, 0);
    fixture_free(&f);
}

static void what_the_operator_sets_is_taken_as_it_is(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s, memory: {budget: 3G}, mariadb: {buffer_pool: 200M, "
                     "max_connections: 77}}\nsites:\n" WORDPRESS("{children: 4}"));
    struct tuning t = tune(&f, 4096 * MB);
    assert_int_equal(t.budget, 3072 * MB);
    assert_int_equal(t.buffer_pool, 200 * MB);
    assert_int_equal(t.max_connections, 77);
    fixture_free(&f);
}

static void a_budget_above_the_machines_memory_is_refused(void **state)
{
    struct fixture f;
    fixture_init(&f, "citrus: 1\nserver: {name: s, memory: {budget: 3G}}\nsites: {}\n");
    tune(&f, 2048 * MB);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(fixture_said(&f), "memory.budget 3G is more than this machine has (2048 MB)"));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mariadb_and_the_pools_never_exceed_the_budget),
        cmocka_unit_test(the_buffer_pool_takes_a_quarter_to_two_fifths_of_a_shared_server),
        cmocka_unit_test(what_does_not_fit_is_said_with_figures_at_the_budget),
        cmocka_unit_test(without_a_written_budget_the_largest_site_is_named),
        cmocka_unit_test(a_machine_of_unknown_memory_is_not_refused),
        cmocka_unit_test(one_more_site_does_not_restart_mariadb),
        cmocka_unit_test(a_process_counts_by_its_memory_limit),
        cmocka_unit_test(a_memory_limit_counts_wherever_it_is_said),
        cmocka_unit_test(sites_without_php_take_nothing),
        cmocka_unit_test(what_the_operator_sets_is_taken_as_it_is),
        cmocka_unit_test(a_budget_above_the_machines_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
