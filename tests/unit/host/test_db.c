/* Against a real MariaDB (mariadb.h); without one installed only what is pure is tested, and the test says
 * so. */
#include "db_rows.h"
#include "mariadb.h"

/* --- pure --------------------------------------------------------------------------------------------------
 */

static void identifiers_and_texts_are_quoted(void **state)
{
    struct arena a = {0};
    assert_string_equal(db_identifier(&a, "blog"), "`blog`");
    assert_string_equal(db_identifier(&a, "a`; DROP"), "`a``; DROP`");
    assert_string_equal(db_identifier(&a, ""), "``");
    assert_string_equal(db_quote(&a, "it's"), "'it''s'");
    assert_string_equal(db_quote(&a, "\\' OR 1"), "'\\\\'' OR 1'");
    arena_free(&a);
}

/* MariaDB's manual, PASSWORD(): SELECT PASSWORD('notagoodpwd'). */
static void a_password_is_hashed_as_the_server_does(void **state)
{
    char hash[42];
    db_password_hash("notagoodpwd", hash);
    assert_string_equal(hash, "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937");
    db_password_hash("", hash);
    assert_string_equal(hash, "");
}

static void no_server_is_no_error_when_looking(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct host h = {.root = "/", .rootfd = -1, .db_socket = "/tmp/citrus-no-such-socket"};
    struct db_snapshot s = {.running = true};
    assert_int_equal(real_db_read(&h, &(struct db_scope){.parts = DB_USERS}, &s, &a, &err), 0);
    assert_false(s.running);
    assert_int_equal(real_db_exec(&h, "SELECT 1", NULL, 0, &err), -ENOTCONN);
    assert_non_null(strstr(err.text, "/tmp/citrus-no-such-socket"));
    assert_true(err.hint[0] != '\0');
    arena_free(&a);
}

/* --- with the server ---------------------------------------------------------------------------------------
 */

static const char *user_hash(const struct db_snapshot *s, const char *user)
{
    for (size_t i = 0; i < s->n_users; i++)
        if (strcmp(s->users[i].user, user) == 0 && strcmp(s->users[i].host, "localhost") == 0)
            return s->users[i].password_hash;
    return NULL;
}

static const char *grant(const struct db_snapshot *s, const char *user, const char *db)
{
    for (size_t i = 0; i < s->n_grants; i++)
        if (strcmp(s->grants[i].user, user) == 0 && strcmp(s->grants[i].database, db) == 0)
            return s->grants[i].privileges;
    return NULL;
}

static void a_fresh_server_shows_nothing_of_its_own(void **state)
{
    struct db_test *t = *state;
    struct db_snapshot s = snapshot(t);
    for (size_t i = 0; i < s.n_databases; i++)
        print_error("database %s\n", s.databases[i].name);
    for (size_t i = 0; i < s.n_users; i++)
        print_error("user %s@%s\n", s.users[i].user, s.users[i].host);
    for (size_t i = 0; i < s.n_grants; i++)
        print_error("grant %s %s\n", s.grants[i].user, s.grants[i].privileges);
    assert_int_equal(s.n_databases + s.n_users + s.n_grants + s.n_options_tables, 0);
}

static void databases_and_their_tables_are_seen(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE DATABASE `blog_a` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci");
    sql(t, "CREATE DATABASE `odd``name`");
    sql(t, "CREATE TABLE `blog_a`.`wp_options` (a INT PRIMARY KEY)");
    sql(t, "CREATE TABLE `blog_a`.`wp_posts` (a INT PRIMARY KEY)");
    struct db_snapshot s = snapshot(t);
    assert_int_equal(s.n_databases, 2);
    assert_string_equal(database(&s, "blog_a")->charset, "utf8mb4");
    assert_string_equal(database(&s, "blog_a")->collation, "utf8mb4_unicode_520_ci");
    assert_int_equal(database(&s, "blog_a")->tables, 2);
    assert_int_equal(database(&s, "odd`name")->tables, 0);
    assert_int_equal(s.n_options_tables, 1);
    assert_string_equal(s.options_tables[0].database, "blog_a");
    assert_string_equal(s.options_tables[0].name, "wp_options");
    sql(t, "DROP DATABASE `blog_a`");
    sql(t, "DROP DATABASE `odd``name`");
}

static void users_show_how_they_prove_themselves(void **state)
{
    struct db_test *t = *state;
    char hash[42];
    db_password_hash("it's \\ secret", hash);
    sql(t, arena_printf(&t->a, "CREATE USER plain@localhost IDENTIFIED BY %s",
                        db_quote(&t->a, "it's \\ secret")));
    sql(t,
        arena_printf(&t->a, "CREATE USER hashed@localhost IDENTIFIED BY PASSWORD %s", db_quote(&t->a, hash)));
    sql(t, "CREATE USER socket@localhost IDENTIFIED VIA unix_socket");
    sql(t, "CREATE ROLE a_role");
    struct db_snapshot s = snapshot(t);
    assert_int_equal(s.n_users, 3);
    assert_string_equal(user_hash(&s, "plain"), hash);
    assert_string_equal(user_hash(&s, "hashed"), hash);
    assert_string_equal(user_hash(&s, "socket"), "");
    sql(t, "DROP USER plain@localhost, hashed@localhost, socket@localhost");
    sql(t, "DROP ROLE a_role");
}

static void a_user_with_two_passwords_shows_both_in_order(void **state)
{
    struct db_test *t = *state;
    char one[42], two[42];
    db_password_hash("one", one);
    db_password_hash("two", two);
    sql(t, arena_printf(&t->a,
                        "CREATE USER u@localhost IDENTIFIED VIA mysql_native_password USING '%s'"
                        " OR mysql_native_password USING '%s'",
                        one, two));
    struct db_snapshot s = snapshot(t);
    assert_string_equal(s.users[0].password_hash, one);
    assert_int_equal(s.users[0].n_others, 1);
    assert_string_equal(s.users[0].others[0], two);
    sql(t,
        "ALTER USER u@localhost IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('two')");
    s = snapshot(t);
    assert_string_equal(s.users[0].password_hash, "");
    assert_string_equal(s.users[0].others[0], two);
    /* A user that had two is left with "auth_or": [{}]. */
    sql(t, arena_printf(&t->a, "ALTER USER u@localhost IDENTIFIED BY PASSWORD '%s'", one));
    s = snapshot(t);
    assert_string_equal(s.users[0].password_hash, one);
    assert_int_equal(s.users[0].n_others, 0);
    sql(t, "DROP USER u@localhost");
}

static void roles_a_lock_and_what_is_demanded_of_tls_are_seen(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE USER u@localhost");
    sql(t, "CREATE USER v@localhost");
    struct db_snapshot s = snapshot(t);
    assert_int_equal(s.n_users, 2);
    for (size_t i = 0; i < s.n_users; i++) {
        const struct db_user *none = &s.users[i];
        assert_false(none->locked);
        assert_int_equal(none->n_roles, 0);
        assert_string_equal(none->default_role, "");
        assert_string_equal(none->tls, "");
    }
    sql(t, "DROP USER v@localhost");
    sql(t, "CREATE ROLE dba");
    sql(t, "CREATE ROLE `b\"c`");
    sql(t, "GRANT dba TO u@localhost");
    sql(t, "GRANT `b\"c` TO u@localhost WITH ADMIN OPTION");
    sql(t, "SET DEFAULT ROLE dba FOR u@localhost");
    sql(t, "ALTER USER u@localhost REQUIRE ISSUER '/CN=a' AND SUBJECT '/CN=b' AND CIPHER 'AES' ACCOUNT LOCK");
    s = snapshot(t);
    assert_int_equal(s.n_users, 1);
    const struct db_user *u = &s.users[0];
    assert_true(u->locked);
    assert_string_equal(u->tls, "SPECIFIED");
    assert_string_equal(u->tls_issuer, "/CN=a");
    assert_string_equal(u->tls_subject, "/CN=b");
    assert_string_equal(u->tls_cipher, "AES");
    assert_string_equal(u->default_role, "dba");
    assert_int_equal(u->n_roles, 2);
    assert_string_equal(u->roles[0].name, "b\"c");
    assert_true(u->roles[0].admin);
    assert_string_equal(u->roles[1].name, "dba");
    assert_false(u->roles[1].admin);
    sql(t, "ALTER USER u@localhost REQUIRE SSL ACCOUNT UNLOCK");
    sql(t, "SET DEFAULT ROLE NONE FOR u@localhost");
    sql(t, "REVOKE `dba` FROM u@localhost");
    s = snapshot(t);
    assert_false(s.users[0].locked);
    assert_string_equal(s.users[0].tls, "SSL");
    assert_string_equal(s.users[0].default_role, "");
    assert_int_equal(s.users[0].n_roles, 1);
    sql(t, "ALTER USER u@localhost REQUIRE X509");
    assert_string_equal(snapshot(t).users[0].tls, "X509");
    sql(t, "ALTER USER u@localhost REQUIRE NONE");
    assert_string_equal(snapshot(t).users[0].tls, "");
    sql(t, "DROP USER u@localhost");
    sql(t, "DROP ROLE dba, `b\"c`");
}

static void grants_are_named_and_sorted(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE DATABASE `site_a`");
    sql(t, "CREATE USER u@localhost");
    sql(t, "GRANT ALL PRIVILEGES ON `site\\_a`.* TO u@localhost");
    struct db_snapshot s = snapshot(t);
    assert_string_equal(grant(&s, "u", "site_a"), "ALL PRIVILEGES");
    assert_null(grant(&s, "u", "*"));
    sql(t, "GRANT ALL PRIVILEGES ON `site\\_a`.* TO u@localhost WITH GRANT OPTION");
    s = snapshot(t);
    assert_string_equal(grant(&s, "u", "site_a"), "ALL PRIVILEGES, GRANT OPTION");
    sql(t, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM u@localhost");
    s = snapshot(t);
    assert_int_equal(s.n_grants, 0);
    sql(t, "GRANT UPDATE, SELECT, CREATE TEMPORARY TABLES ON `site\\_a`.* TO u@localhost");
    sql(t, "GRANT PROCESS, FILE ON *.* TO u@localhost");
    s = snapshot(t);
    assert_string_equal(grant(&s, "u", "site_a"), "CREATE TEMPORARY TABLES, SELECT, UPDATE");
    assert_string_equal(grant(&s, "u", "*"), "FILE, PROCESS");
    sql(t, "DROP USER u@localhost");
    sql(t, "DROP DATABASE `site_a`");
}

/* The grant on `database`, and on a table of it where one is named; of user u. */
static const struct db_grant *grant_on(const struct db_snapshot *s, const char *database, const char *table,
                                       const char *column)
{
    for (size_t i = 0; i < s->n_grants; i++) {
        const struct db_grant *g = &s->grants[i];
        if (!strcmp(g->user, "u") && !strcmp(g->database, database) && !g->table == !table &&
            (!table || !strcmp(g->table, table)) && !g->column == !column &&
            (!column || !strcmp(g->column, column)))
            return g;
    }
    return NULL;
}

static void a_pattern_is_told_from_the_name_that_it_looks_like(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE USER u@localhost");
    sql(t, "GRANT SELECT ON `site_a`.* TO u@localhost");
    struct db_snapshot s = snapshot(t);
    assert_int_equal(s.n_grants, 1);
    assert_true(s.grants[0].wild);
    sql(t, "GRANT INSERT ON `site\\_a`.* TO u@localhost");
    sql(t, "GRANT UPDATE ON `site%`.* TO u@localhost");
    s = snapshot(t);
    assert_int_equal(s.n_grants, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(s.grants[i].wild, strcmp(s.grants[i].privileges, "INSERT") != 0);
    sql(t, "DROP USER u@localhost");
}

static void grants_on_tables_columns_and_routines_are_seen(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE DATABASE `site_a`");
    sql(t, "CREATE TABLE `site_a`.`wp_users` (`id` INT, `user_pass` TEXT)");
    sql(t, "CREATE PROCEDURE `site_a`.`tidy`() SELECT 1");
    sql(t, "CREATE USER u@localhost");
    sql(t, "GRANT UPDATE, SELECT, SHOW VIEW, DELETE HISTORY ON `site_a`.`wp_users` TO u@localhost WITH GRANT "
           "OPTION");
    sql(t, "GRANT SELECT (`user_pass`), UPDATE (`user_pass`) ON `site_a`.`wp_users` TO u@localhost");
    sql(t, "GRANT EXECUTE, ALTER ROUTINE ON PROCEDURE `site_a`.`tidy` TO u@localhost");
    struct db_snapshot s = snapshot(t);
    assert_int_equal(s.n_grants, 3);
    const struct db_grant *g = grant_on(&s, "site_a", "wp_users", NULL);
    assert_non_null(g);
    assert_string_equal(g->privileges, "DELETE HISTORY, SELECT, SHOW VIEW, UPDATE, GRANT OPTION");
    g = grant_on(&s, "site_a", "wp_users", "user_pass");
    assert_non_null(g);
    assert_string_equal(g->privileges, "SELECT, UPDATE");
    g = grant_on(&s, "site_a", "tidy", NULL);
    assert_non_null(g);
    assert_string_equal(g->routine, "PROCEDURE");
    assert_string_equal(g->privileges, "ALTER ROUTINE, EXECUTE");
    sql(t, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM u@localhost");
    assert_int_equal(snapshot(t).n_grants, 0);
    sql(t, "DROP USER u@localhost");
    sql(t, "DROP DATABASE `site_a`");
}

/* One action looks at its own database or user, however many there are. */
static void no_more_is_read_than_was_asked_for(void **state)
{
    struct db_test *t = *state;
    const struct db_scope one = {.parts = DB_DATABASES | DB_TABLES, .database = "a_1"},
                          names = {.parts = DB_DATABASES},
                          user = {.parts = DB_USERS, .user = "u", .host = "localhost"};
    struct db_snapshot s;
    sql(t, "CREATE DATABASE `a_1`");
    sql(t, "CREATE DATABASE `ab1`");
    sql(t, "CREATE TABLE `a_1`.`wp_options` (`id` INT)");
    sql(t, "CREATE TABLE `ab1`.`wp_options` (`id` INT)");
    sql(t, "CREATE USER u@localhost");
    sql(t, "CREATE USER u@127.0.0.1");
    sql(t, "CREATE USER v@localhost");
    sql(t, "GRANT SELECT ON `a\\_1`.* TO u@localhost");
    sql(t, "GRANT PROCESS ON *.* TO u@localhost");
    sql(t, "GRANT SELECT ON `a_1`.`wp_options` TO v@localhost");
    OK(host_db_read(t->h, &one, &s, &t->a, &t->err));
    assert_true(s.running);
    assert_int_equal(s.n_databases, 1);
    assert_int_equal(s.databases[0].tables, 1);
    assert_int_equal(s.n_options_tables, 1);
    assert_string_equal(s.options_tables[0].database, "a_1");
    assert_int_equal(s.n_users + s.n_grants, 0);
    OK(host_db_read(t->h, &names, &s, &t->a, &t->err));
    assert_int_equal(s.n_databases, 2);
    assert_int_equal(s.databases[0].tables + (int64_t)s.n_options_tables, 0);
    OK(host_db_read(t->h, &user, &s, &t->a, &t->err));
    assert_int_equal(s.n_users, 1);
    assert_int_equal(s.n_grants, 2);
    assert_non_null(grant_on(&s, "a_1", NULL, NULL));
    assert_non_null(grant_on(&s, "*", NULL, NULL));
    assert_int_equal(s.n_databases, 0);
    sql(t, "DROP USER u@localhost, u@127.0.0.1, v@localhost");
    sql(t, "DROP DATABASE `a_1`");
    sql(t, "DROP DATABASE `ab1`");
}

static void values_are_bound(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE DATABASE v");
    sql(t, "CREATE TABLE v.x (a VARCHAR(50), b VARCHAR(50))");
    const char *const values[] = {"'); DROP TABLE v.x; --", NULL}, *const one[] = {"a"};
    OK(host_db_exec(t->h, "INSERT INTO v.x VALUES (?, ?)", values, 2, &t->err));
    OK(host_db_exec(t->h, "INSERT INTO v.x SELECT a, ? FROM v.x WHERE b IS NULL", one, 1, &t->err));
    assert_int_equal(host_db_exec(t->h, "INSERT INTO v.x VALUES (?, ?)", one, 1, &t->err), -EINVAL);
    struct db_snapshot s = snapshot(t);
    assert_int_equal(database(&s, "v")->tables, 1);
    sql(t, "DROP DATABASE v");
}

static void errors_name_the_statement_and_never_a_value(void **state)
{
    struct db_test *t = *state;
    assert_int_equal(host_db_exec(t->h, "CREATE USR x IDENTIFIED BY 'geheim'", NULL, 0, &t->err), -EIO);
    assert_null(strstr(t->err.text, "geheim"));
    assert_non_null(strstr(t->err.text, "CREATE USR x IDENTIFIED BY"));
    assert_int_equal(
        host_db_exec(t->h, "CREATE USER y@localhost IDENTIFIED BY PASSWORD 'geheim'", NULL, 0, &t->err),
        -EIO);
    assert_null(strstr(t->err.text, "geheim"));
    assert_int_equal(host_db_exec(t->h, "DROP DATABASE nope", NULL, 0, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "nope"));
    sql(t, "CREATE DATABASE twice");
    assert_int_equal(host_db_exec(t->h, "CREATE DATABASE twice", NULL, 0, &t->err), -EEXIST);
    sql(t, "DROP DATABASE twice");
}

/* As a restart of the server does between two statements of an apply. */
static void a_lost_connection_is_made_again(void **state)
{
    struct db_test *t = *state;
    sql(t, "CREATE DATABASE before_loss");
    host_db_exec(t->h, "KILL CONNECTION_ID()", NULL, 0, &t->err);
    struct db_snapshot s = snapshot(t);
    assert_non_null(database(&s, "before_loss"));
    host_db_exec(t->h, "KILL CONNECTION_ID()", NULL, 0, &t->err);
    sql(t, "DROP DATABASE before_loss");
}

#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, db_setup, db_teardown)

int main(void)
{
    const struct CMUnitTest pure[] = {
        cmocka_unit_test(identifiers_and_texts_are_quoted),
        cmocka_unit_test(a_password_is_hashed_as_the_server_does),
        cmocka_unit_test(no_server_is_no_error_when_looking),
    };
    const struct CMUnitTest live[] = {
        DB_TEST(a_fresh_server_shows_nothing_of_its_own),
        DB_TEST(databases_and_their_tables_are_seen),
        DB_TEST(users_show_how_they_prove_themselves),
        DB_TEST(a_user_with_two_passwords_shows_both_in_order),
        DB_TEST(roles_a_lock_and_what_is_demanded_of_tls_are_seen),
        DB_TEST(grants_are_named_and_sorted),
        DB_TEST(a_pattern_is_told_from_the_name_that_it_looks_like),
        DB_TEST(grants_on_tables_columns_and_routines_are_seen),
        DB_TEST(no_more_is_read_than_was_asked_for),
        DB_TEST(values_are_bound),
        DB_TEST(errors_name_the_statement_and_never_a_value),
        DB_TEST(a_lost_connection_is_made_again),
    };
    int r = cmocka_run_group_tests(pure, NULL, NULL);
    if (!server_there())
        return r ? r : 77; /* meson: skipped */
    return r + cmocka_run_group_tests(live, server_start, server_end);
}
