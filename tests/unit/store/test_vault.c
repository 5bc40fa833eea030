/* Secrets at rest: what lies on the disk, and what happens when it is not as it was. */
#include "world.h"
#include <glob.h>
#include <sqlite3.h>

#define NEEDLE "needle-in-the-store-0123456789"

static char key[180];

/* Whether any file of the state directory holds `needle`. */
static bool on_disk(const char *needle)
{
    char pattern[192];
    glob_t g;
    bool found = false;
    snprintf(pattern, sizeof pattern, "%s/*", dir);
    assert_int_equal(glob(pattern, 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        int fd = open(g.gl_pathv[i], O_RDONLY);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        char *all = malloc((size_t)st.st_size + 1);
        assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
        found = found || memmem(all, (size_t)st.st_size, needle, strlen(needle));
        free(all);
        close(fd);
    }
    globfree(&g);
    return found;
}

static void sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void put_secret(struct store *s, const char *name, const char *value)
{
    struct error err = {0};
    struct secret *v = secret_new(value, strlen(value));
    ok(store_secret_set(s, name, v, &err));
    secret_free(v);
}

static void is_secret(struct store *s, const char *name, const char *value)
{
    const struct secret *v = store_secret_get(s, name);
    assert_non_null(v);
    assert_string_equal(secret_reveal(v), value);
}

/* A store with one secret. */
static void with_needle(void)
{
    struct store *s = open_store(STORE_WRITE);
    put_secret(s, "site/a/db_password", NEEDLE);
    store_close(s);
    snprintf(key, sizeof key, "%s/secret.key", dir);
}

static void no_value_is_on_the_disk_in_plain_text(void **state)
{
    struct error err = {0};
    const struct secret *made;
    struct store *s = open_store(STORE_WRITE);
    put_secret(s, "mine", NEEDLE);
    ok(store_secret_need(s, "made", 32, &made, &err));
    ok(store_secrets_keep(s, &err));
    assert_false(on_disk(NEEDLE));
    assert_false(on_disk(secret_reveal(made)));
    assert_true(on_disk("made")); /* the search finds what is there */
    store_close(s);
    assert_false(on_disk(NEEDLE));
    s = open_store(STORE_READ);
    is_secret(s, "mine", NEEDLE);
    store_close(s);
    (void)state;
}

static void one_value_is_sealed_differently_each_time(void **state)
{
    with_needle();
    struct store *s = open_store(STORE_WRITE);
    put_secret(s, "twice", NEEDLE);
    store_close(s);
    sql("CREATE TABLE probe (x INTEGER CHECK (x = 0));"
        "INSERT INTO probe SELECT a.value = b.value OR substr(a.value, 2, 12) = substr(b.value, 2, 12)"
        "  FROM secret a, secret b WHERE a.name < b.name");
    (void)state;
}

/* Sealed by another implementation (Python's cryptography, AESGCM): a store outlives the citrus that wrote
 * it. */
static void a_value_that_another_implementation_sealed_is_opened(void **state)
{
    with_needle();
    FILE *f = fopen(key, "we");
    assert_non_null(f);
    fputs("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", f);
    fclose(f);
    sql("DELETE FROM secret;"
        "UPDATE meta SET value = CAST('516f4e467af696519b34e21609f1ea9332a02d8635f3a966f620f01b6f3cb5f1' AS "
        "BLOB)"
        "  WHERE name = 'secret_check';"
        "INSERT INTO secret VALUES ('site/x.example/db_password',"
        "  x'016465666768696a6b6c6d6e6f2b74ac141c8a22be560d2d9bbf45089c36b66378f24c8006c6a1c02dd783c426f0"
        "c973f76c7ff47698f0beb074abbeabe75ccadf02b4dd8ae4', 0, 0)");
    struct store *s = open_store(STORE_WRITE);
    is_secret(s, "site/x.example/db_password", "correct horse battery staple, and 37 more");
    store_close(s);
    (void)state;
}

static void the_key_is_for_root_alone(void **state)
{
    with_needle();
    assert_int_equal(mode_of(key), 0600);
    assert_int_equal(chmod(key, 0644), 0);
    store_close(open_store(STORE_WRITE));
    assert_int_equal(mode_of(key), 0600);
    (void)state;
}

static void a_lost_key_is_named_and_nothing_is_made_in_its_place(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    with_needle();
    assert_int_equal(unlink(key), 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -ENOKEY);
    assert_non_null(strstr(err.text, key));
    assert_non_null(strstr(err.hint, "backup"));
    assert_int_equal(access(key, F_OK), -1);
    /* Who needs no secret may still look. */
    s = open_store(STORE_READ);
    assert_int_equal(store_secrets_load(s, &err), -ENOKEY);
    assert_null(store_secret_get(s, "site/a/db_password"));
    store_close(s);
    (void)state;
}

static void another_key_is_told_from_the_right_one(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    with_needle();
    int fd = open(key, O_WRONLY);
    assert_int_equal(pwrite(fd, "00000000", 8, 0), 8);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, key));
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "64 hex digits"));
    close(fd);
    (void)state;
}

static void a_link_in_the_place_of_the_key_is_refused(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    with_needle();
    char real[200];
    snprintf(real, sizeof real, "%s.real", key);
    assert_int_equal(rename(key, real), 0);
    assert_int_equal(symlink(real, key), 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -ELOOP);
    (void)state;
}

static void a_changed_value_is_detected(void **state)
{
    static const char *const changes[] = {
        "UPDATE secret SET value = CAST(substr(value, 1, 20) ||"
        " CASE substr(value, 21, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(value, 22) AS BLOB)",
        "UPDATE secret SET value = substr(value, 1, length(value) - 1)",
        "UPDATE secret SET value = x''",
        "UPDATE secret SET value = CAST('" NEEDLE "' AS BLOB)",
        "UPDATE secret SET name = 'site/b/db_password'", /* another's row */
    };
    struct error err = {0};
    with_needle();
    sql("CREATE TABLE before AS SELECT * FROM secret");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sql(changes[i]);
        struct store *s = open_store(STORE_WRITE);
        assert_int_equal(store_secrets_load(s, &err), -EBADMSG);
        assert_non_null(strstr(err.text, "db_password"));
        store_close(s);
        sql("DELETE FROM secret; INSERT INTO secret SELECT * FROM before");
    }
    struct store *s = open_store(STORE_WRITE);
    is_secret(s, "site/a/db_password", NEEDLE);
    store_close(s);
    (void)state;
}

/* As version 1 left it: values in plain text, in the database and in the log. */
static void make_old(void)
{
    with_needle();
    assert_int_equal(unlink(key), 0);
    sql("UPDATE secret SET value = CAST('" NEEDLE "' AS BLOB), time = 77, generated = 1;"
        "DELETE FROM meta WHERE name = 'secret_check';" TO_VERSION_2 "PRAGMA user_version = 1;"
        "PRAGMA wal_checkpoint(PASSIVE)");
    assert_true(on_disk(NEEDLE));
}

static void an_older_stores_values_are_sealed_and_no_plain_text_is_left(void **state)
{
    make_old();
    struct store *s = open_store(STORE_WRITE);
    assert_false(on_disk(NEEDLE));
    is_secret(s, "site/a/db_password", NEEDLE);
    store_close(s);
    assert_false(on_disk(NEEDLE));
    assert_int_equal(mode_of(key), 0600);
    sql("CREATE TABLE probe (x INTEGER CHECK (x = 77)); INSERT INTO probe SELECT time FROM secret");
    (void)state;
}

static void plain_text_that_a_reader_kept_in_the_log_goes_at_the_next_opening(void **state)
{
    make_old();
    sqlite3 *reader;
    assert_int_equal(sqlite3_open(file, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM secret", NULL, NULL, NULL), SQLITE_OK);
    struct store *s = open_store(STORE_WRITE);
    is_secret(s, "site/a/db_password", NEEDLE);
    store_close(s);
    assert_true(on_disk(NEEDLE));
    sqlite3_close(reader);
    store_close(open_store(STORE_WRITE));
    assert_false(on_disk(NEEDLE));
    (void)state;
}

static void memory_needs_no_key(void **state)
{
    struct store *s = NULL;
    struct error err = {0};
    ok(store_open(NULL, STORE_MEMORY, &s, &err));
    put_secret(s, "a", NEEDLE);
    is_secret(s, "a", NEEDLE);
    store_close(s);
    (void)state;
}

static void what_is_forgotten_leaves_a_store_that_works(void **state)
{
    struct error err = {0};
    char aside[200];
    with_needle();
    snprintf(aside, sizeof aside, "%s.old", key);
    ok(store_secrets_forget(dir, &err));
    assert_int_equal(access(aside, F_OK), 0);
    struct store *s = open_store(STORE_WRITE);
    assert_null(store_secret_get(s, "site/a/db_password"));
    put_secret(s, "b", NEEDLE);
    store_close(s);
    /* Also where the key is gone, which is what it is for. */
    assert_int_equal(unlink(key), 0);
    ok(store_secrets_forget(dir, &err));
    s = open_store(STORE_WRITE);
    assert_null(store_secret_get(s, "b"));
    store_close(s);
    (void)state;
}

static void a_rotation_keeps_the_value_before_and_is_written_whole_or_not(void **state)
{
    struct error err = {0};
    with_needle();
    struct store *s = open_store(STORE_WRITE);
    ok(store_secret_rotate(s, "site/a/db_password", 32, true, &err));
    is_secret(s, "site/a/db_password.previous", NEEDLE);
    assert_string_not_equal(secret_reveal(store_secret_get(s, "site/a/db_password")), NEEDLE);
    store_close(s); /* not kept */

    s = open_store(STORE_WRITE);
    is_secret(s, "site/a/db_password", NEEDLE);
    assert_null(store_secret_get(s, "site/a/db_password.previous"));
    ok(store_secret_rotate(s, "site/a/db_password", 32, true, &err));
    ok(store_secrets_keep(s, &err));
    store_close(s);

    s = open_store(STORE_WRITE);
    is_secret(s, "site/a/db_password.previous", NEEDLE);
    ok(store_secret_drop(s, "site/a/db_password.previous", &err));
    ok(store_secret_drop(s, "site/a/db_password.previous", &err));
    assert_null(store_secret_get(s, "site/a/db_password.previous"));
    assert_int_equal(store_secret_rotate(s, "nobody's", 32, true, &err), -ENOENT);
    store_close(s);
    s = open_store(STORE_READ);
    assert_null(store_secret_get(s, "site/a/db_password.previous"));
    assert_non_null(store_secret_get(s, "site/a/db_password"));
    store_close(s);
    (void)state;
}

static void a_rotation_can_be_taken_back(void **state)
{
    struct error err = {0};
    with_needle();
    struct store *s = open_store(STORE_WRITE);
    const struct secret *before = store_secret_get(s, "site/a/db_password");
    ok(store_secret_rotate(s, "site/a/db_password", 32, true, &err));
    ok(store_secrets_keep(s, &err));
    ok(store_secret_revert(s, "site/a/db_password", before, &err));
    is_secret(s, "site/a/db_password", NEEDLE);
    store_close(s);
    s = open_store(STORE_WRITE);
    is_secret(s, "site/a/db_password", NEEDLE);
    assert_null(store_secret_get(s, "site/a/db_password.previous"));
    store_close(s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(no_value_is_on_the_disk_in_plain_text),
        fixture(one_value_is_sealed_differently_each_time),
        fixture(a_value_that_another_implementation_sealed_is_opened),
        fixture(the_key_is_for_root_alone),
        fixture(a_lost_key_is_named_and_nothing_is_made_in_its_place),
        fixture(another_key_is_told_from_the_right_one),
        fixture(a_link_in_the_place_of_the_key_is_refused),
        fixture(a_changed_value_is_detected),
        fixture(an_older_stores_values_are_sealed_and_no_plain_text_is_left),
        fixture(plain_text_that_a_reader_kept_in_the_log_goes_at_the_next_opening),
        fixture(memory_needs_no_key),
        fixture(what_is_forgotten_leaves_a_store_that_works),
        fixture(a_rotation_keeps_the_value_before_and_is_written_whole_or_not),
        fixture(a_rotation_can_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
