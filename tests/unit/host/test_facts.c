#include "facts.h"
#include "fake.h"
#include "root.h"

static struct facts facts(struct test_root *t, const char *json)
{
    struct host *h = NULL;
    struct facts f = {0};
    int r = host_fake(t->dir, json, &h, &t->err);
    if (r == 0)
        r = facts_read(h, &f, &t->a, &t->err);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    host_close(h);
    return f;
}

static void files(struct test_root *t, const char *passwd, const char *status)
{
    static const char *const dirs[] = {"/etc", "/usr", "/usr/lib", "/var", "/var/lib", "/var/lib/dpkg"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        dir(AT(dirs[i]), 0755, 0, 0);
    put(AT("/etc/passwd"), passwd, 0644);
    put(AT("/var/lib/dpkg/status"), status, 0644);
}

#define INSTALLED(name, version)                                                                             \
    "Package: " name "\nStatus: install ok installed\nArchitecture: all\nVersion: " version "\n\n"

static void versions_lose_epoch_and_revision(void **state)
{
    struct arena a = {0};
    assert_string_equal(version_upstream(&a, "1:10.11.6-0+deb12u1"), "10.11.6");
    assert_string_equal(version_upstream(&a, "1.22.1-9+deb12u1"), "1.22.1");
    assert_string_equal(version_upstream(&a, "3.0.2-0ubuntu1.15"), "3.0.2");
    assert_string_equal(version_upstream(&a, "2:8.2+93"), "8.2+93");
    assert_string_equal(version_upstream(&a, "1.0-rc1-2"), "1.0-rc1");
    assert_string_equal(version_upstream(&a, ""), "");
    arena_free(&a);
}

static void what_is_installed_counts_and_no_process_starts(void **state)
{
    struct test_root *t = *state;
    files(t, "www-data:x:33:33::/var/www:/bin/sh\n",
          INSTALLED("nginx", "1.22.1-9") INSTALLED("mariadb-server", "1:10.11.6-0+deb12u1")
              INSTALLED("openssl", "3.0.11-1") INSTALLED("php-fpm", "2:8.2+93"));
    put(AT("/etc/os-release"), "PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n", 0644);
    struct facts f =
        facts(t, "{\"candidates\": {\"nginx\": \"9\", \"php-fpm\": \"9\"}, \"memory\": 4096, \"cpus\": 3}");
    assert_string_equal(f.nginx, "1.22.1");
    assert_string_equal(f.mariadb, "10.11.6");
    assert_string_equal(f.openssl, "3.0.11");
    assert_string_equal(f.php, "8.2");
    assert_string_equal(f.os_id, "debian");
    assert_string_equal(f.os_version, "12");
    assert_string_equal(f.web_user, "www-data");
    assert_int_equal(f.memory, 4096);
    assert_int_equal(f.cpus, 3);
    assert_int_equal(f.n_packages, 4);
}

static void candidates_stand_in_on_a_fresh_machine(void **state)
{
    struct test_root *t = *state;
    files(t, "nginx:x:33:33::/:/bin/sh\n", INSTALLED("openssl", "3.0.11-1"));
    struct facts f = facts(t, "{\"candidates\": {\"nginx\": \"1.26.3-3\", \"php-fpm\": \"2:8.4+96\"}}");
    assert_string_equal(f.nginx, "1.26.3");
    assert_null(f.mariadb);
    assert_string_equal(f.php, "8.4");
    assert_string_equal(f.web_user, "nginx");
    assert_int_equal(f.memory, INT64_C(2) << 30);
    assert_int_equal(f.cpus, 2);
}

/* A second PHP that somebody adds must not move the sites that run. */
static void without_php_fpm_the_lowest_installed_php_counts(void **state)
{
    struct test_root *t = *state;
    files(t, "",
          INSTALLED("php8.10-fpm", "8.10") INSTALLED("php8.4-fpm", "8.4") INSTALLED("php8.4-cli", "8.4")
              INSTALLED("phpunit-fpm",
                        "1") "Package: php7.4-fpm\nStatus: deinstall ok config-files\nVersion: 7.4\n\n");
    struct facts f = facts(t, "{\"candidates\": {\"php-fpm\": \"2:9.0+1\"}}");
    assert_string_equal(f.php, "8.4");
}

static void the_vendors_os_release_is_read_through_debians_link(void **state)
{
    struct test_root *t = *state;
    files(t, "", "");
    put(AT("/usr/lib/os-release"), "ID='ubuntu'\nVERSION_ID=22.04\n", 0644);
    assert_int_equal(symlink("../usr/lib/os-release", AT("/etc/os-release")), 0);
    struct facts f = facts(t, "{}");
    assert_string_equal(f.os_id, "ubuntu");
    assert_string_equal(f.os_version, "22.04");
}

static void an_empty_root_has_facts_too(void **state)
{
    struct test_root *t = *state;
    struct facts f;
    assert_int_equal(facts_read(&t->h, &f, &t->a, &t->err), 0); /* offline: candidates cannot be asked for */
    assert_null(f.os_id);
    assert_null(f.nginx);
    assert_null(f.php);
    assert_string_equal(f.web_user, "www-data");
    assert_int_equal(f.memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_lose_epoch_and_revision),
        TEST(what_is_installed_counts_and_no_process_starts),
        TEST(candidates_stand_in_on_a_fresh_machine),
        TEST(without_php_fpm_the_lowest_installed_php_counts),
        TEST(the_vendors_os_release_is_read_through_debians_link),
        TEST(an_empty_root_has_facts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
