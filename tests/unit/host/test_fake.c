#include "account.h"
#include "fake.h"
#include "root.h"

static struct host *world(struct test_root *t, const char *json)
{
    struct host *h = NULL;
    int r = host_fake(t->dir, json, &h, &t->err);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    return h;
}

static void etc(struct test_root *t)
{
    dir(AT("/etc"), 0755, 0, 0);
    put(AT("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n",
        0644);
    put(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n", 0644);
}

#define OK(call)                                                                                             \
    do {                                                                                                     \
        int ok_r = (call);                                                                                   \
        if (ok_r < 0)                                                                                        \
            print_error("%s\n", t->err.text);                                                                \
        assert_int_equal(ok_r, 0);                                                                           \
    } while (0)

static void units_change_as_they_are_told(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"units\": {\"nginx.service\": {\"active\": false, \"enabled\": false}}}");
    struct unit_state u[2] = {{.name = "nginx.service"}, {.name = "no.service"}};
    OK(host_units(h, u, 2, &t->a, &t->err));
    assert_true(u[0].loaded && !u[0].active && !u[0].enabled && !u[1].loaded);
    assert_int_equal(host_unit(h, "nginx.service", UNIT_RELOAD, &t->err), -EINVAL);
    OK(host_unit(h, "nginx.service", UNIT_START, &t->err));
    OK(host_unit(h, "nginx.service", UNIT_ENABLE, &t->err));
    OK(host_unit(h, "nginx.service", UNIT_RELOAD, &t->err));
    OK(host_units(h, u, 2, &t->a, &t->err));
    assert_true(u[0].active && u[0].enabled);
    assert_string_equal(u[0].sub, "running");
    assert_int_equal(host_unit(h, "no.service", UNIT_START, &t->err), -ENOENT);
    assert_string_equal(fake_log(h),
                        "unit reload nginx.service\nunit start nginx.service\n"
                        "unit enable nginx.service\nunit reload nginx.service\nunit start no.service\n");
    host_close(h);
}

static void what_is_to_fail_fails_and_changes_nothing(void **state)
{
    struct test_root *t = *state;
    struct host *h =
        world(t, "{\"units\": {\"a.service\": {\"active\": true}}, \"db\": {},"
                 "\"candidates\": {\"x\": \"1\", \"nginx\": \"2\"},"
                 "\"fail\": {\"unit stop a.service\": \"it hangs\", \"apt install nginx\": \"held\","
                 "\"db CREATE DATABASE\": \"disk full\", \"run /bin/x --bad\": \"no\"}}");
    assert_int_equal(host_unit(h, "a.service", UNIT_STOP, &t->err), -EIO);
    assert_string_equal(t->err.text, "unit stop a.service: it hangs");
    const char *names[] = {"x", "nginx"};
    assert_int_equal(host_apt(h, APT_INSTALL, names, 2, NULL, &t->err), -EIO);
    assert_int_equal(host_db_exec(h, "CREATE DATABASE `a`", NULL, 0, &t->err), -EIO);
    const char *argv[] = {"/bin/x", "--bad", NULL};
    struct exec_result res;
    assert_int_equal(host_run(h, &(struct exec){.argv = argv}, &res, &t->err), -EIO);
    struct unit_state u = {.name = "a.service"};
    OK(host_units(h, &u, 1, &t->a, &t->err));
    assert_true(u.active);
    struct dpkg_package *list;
    size_t n;
    OK(dpkg_read(h, &list, &n, &t->a, &t->err));
    assert_int_equal(n, 0);
    struct db_snapshot s;
    OK(host_db_read(h, NULL, &s, &t->a, &t->err));
    assert_int_equal(s.n_databases, 0);
    assert_non_null(strstr(fake_log(h), "db CREATE DATABASE `a` (fails)\n"));
    host_close(h);
}

static const struct dpkg_package *package(struct test_root *t, struct host *h, const char *name)
{
    struct dpkg_package *list;
    size_t n;
    OK(dpkg_read(h, &list, &n, &t->a, &t->err));
    return dpkg_find(list, n, name);
}

static void packages_come_and_go(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"candidates\": {\"nginx\": \"1.22.1-9\", \"htop\": \"3.2\"}}");
    const char *names[] = {"nginx", "htop"}, *candidate[3], *unknown[] = {"nope"};
    OK(host_apt_candidates(h, names, 2, candidate, &t->a, &t->err));
    assert_string_equal(candidate[0], "1.22.1-9");
    OK(host_apt_candidates(h, unknown, 1, candidate, &t->a, &t->err));
    assert_null(candidate[0]);
    assert_int_equal(host_apt(h, APT_INSTALL, unknown, 1, NULL, &t->err), -ENOENT);
    OK(host_apt(h, APT_DOWNLOAD, names, 2, NULL, &t->err));
    assert_null(package(t, h, "nginx"));
    OK(host_apt(h, APT_INSTALL, names, 2, NULL, &t->err));
    assert_string_equal(package(t, h, "nginx")->version, "1.22.1-9");
    struct unit_state u = {.name = "nginx.service"};
    OK(host_units(h, &u, 1, &t->a, &t->err));
    assert_true(u.active && u.enabled);
    OK(host_apt(h, APT_HOLD, names, 1, NULL, &t->err));
    assert_true(package(t, h, "nginx")->held);
    OK(host_apt(h, APT_UNHOLD, names, 1, NULL, &t->err));
    OK(host_apt(h, APT_REMOVE, names, 1, NULL, &t->err));
    assert_int_equal(package(t, h, "nginx")->state, DPKG_CONFIG_FILES);
    assert_int_equal(package(t, h, "htop")->state, DPKG_INSTALLED);
    OK(host_apt(h, APT_PURGE, names, 2, NULL, &t->err));
    assert_null(package(t, h, "htop"));
    assert_non_null(strstr(fake_log(h), "apt install nginx htop\napt hold nginx\n"));
    host_close(h);
}

static void broken_packages_are_mended_by_configure(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{}");
    dir(AT("/var"), 0755, 0, 0);
    dir(AT("/var/lib"), 0755, 0, 0);
    dir(AT("/var/lib/dpkg"), 0755, 0, 0);
    put(AT("/var/lib/dpkg/status"), "Package: a\nStatus: install ok half-configured\nVersion: 1\n\n", 0644);
    assert_int_equal(package(t, h, "a")->state, DPKG_BROKEN);
    OK(host_apt(h, APT_CONFIGURE, NULL, 0, NULL, &t->err));
    assert_int_equal(package(t, h, "a")->state, DPKG_INSTALLED);
    host_close(h);
}

static struct db_snapshot snapshot(struct test_root *t, struct host *h)
{
    struct db_snapshot s;
    OK(host_db_read(h, NULL, &s, &t->a, &t->err));
    return s;
}

static void sql(struct test_root *t, struct host *h, const char *text)
{
    OK(host_db_exec(h, text, NULL, 0, &t->err));
}

static void databases_users_and_grants_follow_the_statements(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"db\": {}}");
    sql(t, h, "CREATE DATABASE `blog_x` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    sql(t, h, "CREATE DATABASE IF NOT EXISTS `blog_x`");
    sql(t, h, "CREATE USER IF NOT EXISTS 'u''1'@'localhost' IDENTIFIED BY 'geheim'");
    sql(t, h, "GRANT SELECT, INSERT ON `blog\\_x`.* TO 'u''1'@'localhost'");
    struct db_snapshot s = snapshot(t, h);
    assert_true(s.running);
    assert_int_equal(s.n_databases, 1);
    assert_string_equal(s.databases[0].collation, "utf8mb4_bin");
    assert_string_equal(s.users[0].user, "u'1");
    char hash[42];
    db_password_hash("geheim", hash);
    assert_string_equal(s.users[0].password_hash, hash);
    assert_string_equal(s.grants[0].database, "blog_x");
    assert_string_equal(s.grants[0].privileges, "INSERT, SELECT");
    sql(t, h, "GRANT ALL PRIVILEGES ON `blog\\_x`.* TO 'u''1'@'localhost'");
    assert_string_equal(snapshot(t, h).grants[0].privileges, "ALL PRIVILEGES");
    sql(t, h, "REVOKE DROP ON `blog\\_x`.* FROM 'u''1'@'localhost'");
    assert_null(strstr(snapshot(t, h).grants[0].privileges, "DROP"));
    sql(t, h, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'u''1'@'localhost'");
    assert_int_equal(snapshot(t, h).n_grants, 0);
    sql(t, h, "GRANT SELECT ON *.* TO 'u''1'@'localhost' WITH GRANT OPTION");
    assert_string_equal(snapshot(t, h).grants[0].privileges, "SELECT, GRANT OPTION");
    assert_string_equal(snapshot(t, h).grants[0].database, "*");
    sql(t, h, "ALTER USER 'u''1'@'localhost' IDENTIFIED VIA unix_socket");
    assert_string_equal(snapshot(t, h).users[0].password_hash, "");
    sql(t, h, "DROP USER IF EXISTS 'u''1'@'localhost'");
    sql(t, h, "DROP DATABASE `blog_x`");
    s = snapshot(t, h);
    assert_int_equal(s.n_databases + s.n_users + s.n_grants, 0);
    host_close(h);
}

static void no_password_is_in_the_log(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"db\": {}}");
    const char *value = "hush-bound";
    sql(t, h, "CREATE USER 'a'@'localhost' IDENTIFIED BY 'hush''1'");
    sql(t, h, "ALTER USER 'a'@'localhost' IDENTIFIED BY PASSWORD '*HUSH'");
    sql(t, h, "ALTER USER 'a'@'localhost' IDENTIFIED VIA mysql_native_password USING '*HUSH'");
    sql(t, h, "SET PASSWORD FOR 'a'@'localhost' = PASSWORD('hush')");
    OK(host_db_exec(h, "ALTER USER 'a'@'localhost' IDENTIFIED BY ?", &value, 1, &t->err));
    assert_null(strcasestr(fake_log(h), "hush"));
    assert_non_null(strstr(fake_log(h), "db CREATE USER 'a'@'localhost' IDENTIFIED BY '***'\n"));
    host_close(h);
}

static void an_unknown_statement_is_an_error(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"db\": {}}");
    assert_int_equal(host_db_exec(h, "OPTIMIZE TABLE x", NULL, 0, &t->err), -ENOTSUP);
    assert_int_equal(host_db_exec(h, "CREATE DATABASE `a` ENGINE x", NULL, 0, &t->err), -ENOTSUP);
    assert_int_equal(host_db_exec(h, "DROP DATABASE `a`", NULL, 0, &t->err), -ENOENT);
    assert_int_equal(host_db_exec(h, "GRANT NONSENSE ON `a`.* TO 'u'@'h'", NULL, 0, &t->err), -ENOTSUP);
    host_close(h);
}

static void a_database_comes_back_from_its_dump(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"db\": {\"databases\": [{\"name\": \"a\", \"tables\": 12}]}}");
    OK(host_db_dump(h, "a", "/a.sql", &t->err));
    assert_owned(AT("/a.sql"), 0600, 0, 0);
    sql(t, h, "DROP DATABASE `a`");
    sql(t, h, "CREATE DATABASE `a`");
    assert_int_equal(snapshot(t, h).databases[0].tables, 0);
    OK(host_db_load(h, "a", "/a.sql", &t->err));
    assert_int_equal(snapshot(t, h).databases[0].tables, 12);
    assert_int_equal(host_db_dump(h, "b", "/b.sql", &t->err), -ENOENT);
    assert_gone(AT("/b.sql"));
    host_close(h);
}

static void without_a_db_part_no_server_runs(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "");
    assert_false(snapshot(t, h).running);
    assert_int_equal(host_db_exec(h, "CREATE DATABASE `a`", NULL, 0, &t->err), -ENOTCONN);
    host_close(h);
}

static void programs_answer_by_the_longest_key(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"run\": {\"/usr/sbin/nginx\": {\"status\": 0, \"out\": \"fine\"},"
                              "\"/usr/sbin/nginx -t -c /bad\": {\"status\": 1, \"out\": \"emerg\"}}}");
    const char *good[] = {"/usr/sbin/nginx", "-t", NULL},
               *bad[] = {"/usr/sbin/nginx", "-t", "-c", "/bad", NULL};
    struct exec_result r;
    OK(host_run(h, &(struct exec){.argv = good}, &r, &t->err));
    assert_int_equal(r.status, 0);
    assert_string_equal(buf_str(&r.out), "fine");
    exec_result_free(&r);
    OK(host_run(h, &(struct exec){.argv = bad}, &r, &t->err));
    assert_int_equal(r.status, 1);
    exec_result_free(&r);
    assert_int_equal(host_run_ok(h, &(struct exec){.argv = bad}, &t->err), -EIO);
    assert_string_equal(fake_log(h), "");
    host_close(h);
}

static void accounts_change_in_the_root_alone(void **state)
{
    struct test_root *t = *state;
    etc(t);
    struct host *h = world(t, "{}");
    uid_t uid = 0;
    gid_t gid = 0;
    OK(account_group_add(h, "site_a", -1, &t->err));
    OK(account_user_add(h, "site_a", "site_a", "/var/www/a", "/usr/sbin/nologin", -1, &t->err));
    OK(account_ids(h, "site_a", "site_a", &uid, &gid, &t->err));
    assert_true(uid >= 100 && uid < 1000 && gid >= 100 && gid < 1000);
    OK(account_member(h, "www-data", "site_a", true, &t->err));
    OK(account_user_change(h, "site_a", NULL, "/srv/a", NULL, &t->err));
    struct accounts all;
    OK(accounts_read(h, &all, &t->a, &t->err));
    assert_string_equal(accounts_user(&all, "site_a")->home, "/srv/a");
    assert_string_equal(accounts_user(&all, "site_a")->shell, "/usr/sbin/nologin");
    assert_string_equal(accounts_group(&all, "site_a")->members[0], "www-data");
    OK(account_member(h, "www-data", "site_a", false, &t->err));
    OK(account_user_remove(h, "site_a", &t->err));
    OK(account_group_remove(h, "site_a", &t->err));
    assert_content(AT("/etc/passwd"),
                   "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n");
    assert_content(AT("/etc/group"), "root:x:0:\nwww-data:x:33:\n");
    assert_non_null(strstr(fake_log(h), "run /usr/sbin/groupadd --system site_a\n"));
    assert_null(strstr(fake_log(h), t->dir));
    host_close(h);
}

static void what_is_fetched_is_checked(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"fetch\": {\"https://x.org/a\": \"abc\"}}");
    static const char sum[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char got[SHA256_HEX];
    OK(host_fetch(h, &(struct fetch){.url = "https://x.org/a", .path = "/a", .sha256 = sum}, got, &t->err));
    assert_string_equal(got, sum);
    assert_content(AT("/a"), "abc");
    struct fetch bad = {.url = "https://x.org/a", .path = "/b", .sha256 = "00"};
    assert_int_equal(host_fetch(h, &bad, NULL, &t->err), -EBADMSG);
    assert_gone(AT("/b"));
    struct fetch none = {.url = "https://x.org/none", .path = "/b"};
    assert_int_equal(host_fetch(h, &none, NULL, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "404"));
    host_close(h);
}

static void a_world_that_is_no_json_is_refused(void **state)
{
    struct test_root *t = *state;
    struct host *h = NULL;
    assert_int_equal(host_fake(t->dir, "{\"a\": }", &h, &t->err), -EINVAL);
    assert_int_equal(host_fake(t->dir, "[]", &h, &t->err), -EINVAL);
    assert_null(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(units_change_as_they_are_told),
        TEST(what_is_to_fail_fails_and_changes_nothing),
        TEST(packages_come_and_go),
        TEST(broken_packages_are_mended_by_configure),
        TEST(databases_users_and_grants_follow_the_statements),
        TEST(no_password_is_in_the_log),
        TEST(an_unknown_statement_is_an_error),
        TEST(a_database_comes_back_from_its_dump),
        TEST(without_a_db_part_no_server_runs),
        TEST(programs_answer_by_the_longest_key),
        TEST(accounts_change_in_the_root_alone),
        TEST(what_is_fetched_is_checked),
        TEST(a_world_that_is_no_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
