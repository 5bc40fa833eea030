/* Databases to and from files, by a real MariaDB (mariadb.h) and its tools; without one installed the test
 * says so. */
#include "db_rows.h"
#include "mariadb.h"

static void a_database_comes_back_from_its_dump(void **state)
{
    struct db_test *t = *state;
    char *path = arena_printf(&t->a, "%s/dump.sql", server.dir);
    sql(t, "CREATE DATABASE d");
    sql(t, "CREATE TABLE d.x (a INT PRIMARY KEY, b VARBINARY(20))");
    sql(t, "INSERT INTO d.x VALUES (1, x'00FF27')");
    sql(t, "CREATE TRIGGER d.trg BEFORE INSERT ON d.x FOR EACH ROW SET NEW.b = x'AA'");
    OK(host_db_dump(t->h, "d", path, &t->err));
    assert_owned(path, 0600, 0, 0);
    assert_int_equal(host_db_dump(t->h, "d", path, &t->err), -EEXIST);
    sql(t, "DROP DATABASE d");
    assert_int_equal(host_db_load(t->h, "d", path, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "d"));
    sql(t, "CREATE DATABASE d");
    OK(host_db_load(t->h, "d", path, &t->err));
    struct db_snapshot s = snapshot(t);
    assert_int_equal(database(&s, "d")->tables, 1);
    /* The row is back as it was, or this divides by zero, which strict mode makes an error. */
    sql(t, "SET sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'");
    sql(t, "UPDATE d.x SET a = 1 / (SELECT COUNT(*) FROM (SELECT * FROM d.x WHERE b = x'00FF27') AS y)");
    sql(t, "DROP DATABASE d");
}

static const char *answer(struct db_test *t, const char *question)
{
    struct db_conn *c;
    struct rows rows;
    OK(db_connect(t->h, db_patience.look, &c, &t->err));
    OK(rows_query(c, question, &rows, &t->err));
    assert_true(rows_next(&rows));
    const char *text = rows_cell(&rows, 0, &t->a);
    rows_end(&rows);
    return text;
}

/* What a connection may send is settled when it is made. */
static void packets_may_have(struct db_test *t, const char *bytes)
{
    sql(t, arena_printf(&t->a, "SET GLOBAL max_allowed_packet = %s", bytes));
    real_db_close(t->h);
}

/* Twice as long in a dump, and longer than server and client take as they come. */
static void a_value_as_large_as_the_server_takes_comes_back_from_its_dump(void **state)
{
    struct db_test *t = *state;
    const char *path = arena_printf(&t->a, "%s/large.sql", server.dir), *sum = "SELECT MD5(b) FROM d.x";
    const char *usual = answer(t, "SELECT @@GLOBAL.max_allowed_packet");
    sql(t, "CREATE DATABASE d");
    sql(t, "CREATE TABLE d.x (b LONGBLOB)");
    packets_may_have(t, "67108864");
    sql(t, "INSERT INTO d.x VALUES (REPEAT(x'00FF', 15000000))");
    const char *before = answer(t, sum);
    packets_may_have(t, usual);
    OK(host_db_dump(t->h, "d", path, &t->err));
    sql(t, "DROP DATABASE d");
    sql(t, "CREATE DATABASE d");
    OK(host_db_load(t->h, "d", path, &t->err));
    assert_string_equal(answer(t, "SELECT LENGTH(b) FROM d.x"), "30000000");
    assert_string_equal(answer(t, sum), before);
    assert_string_equal(answer(t, "SELECT @@GLOBAL.max_allowed_packet"), usual);
    sql(t, "DROP DATABASE d");
    assert_int_equal(host_db_load(t->h, "d", path, &t->err), -EIO);
    assert_string_equal(answer(t, "SELECT @@GLOBAL.max_allowed_packet"), usual);
}

static void how_much_a_database_holds_is_told_where_it_is_asked_for(void **state)
{
    struct db_test *t = *state;
    const struct db_scope sizes = {.parts = DB_DATABASES | DB_SIZES, .database = "d"},
                          names = {.parts = DB_DATABASES, .database = "d"};
    struct db_snapshot s;
    sql(t, "CREATE DATABASE d");
    OK(host_db_read(t->h, &sizes, &s, &t->a, &t->err));
    assert_int_equal(s.databases[0].bytes, 0);
    sql(t, "CREATE TABLE d.x (b LONGBLOB) ENGINE=MyISAM");
    sql(t, "CREATE TABLE d.y (b LONGBLOB) ENGINE=MyISAM");
    sql(t, "CREATE VIEW d.z AS SELECT b FROM d.x");
    sql(t, "INSERT INTO d.x VALUES (REPEAT('x', 3000000))");
    sql(t, "INSERT INTO d.y VALUES (REPEAT('x', 2000000))");
    OK(host_db_read(t->h, &sizes, &s, &t->a, &t->err));
    assert_in_range(s.databases[0].bytes, 5000000, 5001000);
    OK(host_db_read(t->h, &names, &s, &t->a, &t->err));
    assert_int_equal(s.databases[0].bytes, 0);
    sql(t, "DROP DATABASE d");
}

/* The client would print the statement, and with it whole rows. */
static void a_load_that_fails_does_not_show_what_is_loaded(void **state)
{
    struct db_test *t = *state;
    char *path = arena_printf(&t->a, "%s/rows.sql", server.dir);
    const char text[] = "INSERT INTO wp_users VALUES (1, 'hunter2');\n";
    OK(fs_write(t->h, path, text, strlen(text), 0600, 0, 0, &t->err));
    sql(t, "CREATE DATABASE d");
    assert_int_equal(host_db_load(t->h, "d", path, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "Table 'd.wp_users' doesn't exist"));
    assert_null(strstr(t->err.text, "hunter2"));
    sql(t, "DROP DATABASE d");
}

static void a_dump_that_fails_leaves_no_file(void **state)
{
    struct db_test *t = *state;
    char *path = arena_printf(&t->a, "%s/none.sql", server.dir);
    assert_int_equal(host_db_dump(t->h, "no_such_database", path, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "no_such_database"));
    assert_gone(path);
}
/* As a server that goes away may leave it, or a disk that is full and a program that does not look: a status
 * of 0 is not believed, for what was dumped is dropped next. */
static int half_a_dump(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    *ret = (struct exec_result){0};
    for (const char *const *a = x->argv; *a; a++)
        if (strncmp(*a, "--result-file=", 14) == 0)
            put(*a + 14, "-- MariaDB dump\nCREATE TABLE `x` (\n", 0600);
    return 0;
}

static void a_dump_without_its_last_line_is_refused(void **state)
{
    struct db_test *t = *state;
    const struct host_ops *real = t->h->ops;
    struct host_ops ops = *real;
    char *path = arena_printf(&t->a, "%s/half.sql", server.dir);
    ops.run = half_a_dump;
    t->h->ops = &ops;
    int r = host_db_dump(t->h, "d", path, &t->err);
    t->h->ops = real;
    assert_int_equal(r, -EIO);
    assert_non_null(strstr(t->err.text, "half.sql: the dump is not complete"));
    assert_gone(path);
}
#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, db_setup, db_teardown)

int main(void)
{
    const struct CMUnitTest live[] = {
        DB_TEST(a_database_comes_back_from_its_dump),
        DB_TEST(a_value_as_large_as_the_server_takes_comes_back_from_its_dump),
        DB_TEST(how_much_a_database_holds_is_told_where_it_is_asked_for),
        DB_TEST(a_load_that_fails_does_not_show_what_is_loaded),
        DB_TEST(a_dump_that_fails_leaves_no_file),
        DB_TEST(a_dump_without_its_last_line_is_refused),
    };
    if (!server_there())
        return 77; /* meson: skipped */
    return cmocka_run_group_tests(live, server_start, server_end);
}
