/* What a look leaves for the next: it must be gone as soon as anything else could make the answer another. */
#include "world.h"
#include <sqlite3.h>

static const struct hash128 key = {.high = 1, .low = 2};
static const struct store_glance said = {.made = 100,
                                         .until = 200,
                                         .paths = "r/\0eetc\0\0",
                                         .len = 9,
                                         .stamps = {.high = 3, .low = 4},
                                         .kinds = "service",
                                         .output = "Nothing to do\n"};

static bool there(struct store *s, struct hash128 k)
{
    struct arena a = {0};
    struct store_glance g;
    struct error err = {0};
    int r = store_glance_get(s, k, &a, &g, &err);
    if (r == 0) {
        assert_int_equal(g.made, said.made);
        assert_int_equal(g.until, said.until);
        assert_int_equal(g.len, said.len);
        assert_memory_equal(g.paths, said.paths, said.len);
        assert_true(hash_equal(g.stamps, said.stamps));
        assert_string_equal(g.kinds, said.kinds);
        assert_string_equal(g.output, said.output);
    } else {
        assert_int_equal(r, -ENOENT);
    }
    arena_free(&a);
    return r == 0;
}

static void keep(struct store *s)
{
    struct error err = {0};
    there(s, key); /* as a look does: it reads before it keeps */
    ok(store_glance_put(s, key, &said, &err));
    assert_true(there(s, key));
}

static void what_is_kept_comes_back_and_is_asked_for_by_its_key(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    struct hash128 other = {.high = 1, .low = 3};
    assert_false(there(s, key));
    keep(s);
    assert_false(there(s, other));
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_true(there(s, key));
    store_close(s);
}

static void every_durable_write_drops_it_and_a_cheap_one_does_not(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    struct error err = {0};
    struct secret *v = secret_new("x", 1);
    struct store_managed m = {.kind = "file", .id = "/a", .spec = "{}"};
    struct store_owed o = {.kind = "service", .id = "nginx.service", .how = "reload", .tx = 1};
    struct store_drift d = {.generation = 1};
    keep(s);
    ok(store_run_note(s, "plan", 0, 0, &err));
    store_cache_put(s, "/x", &(struct store_file){.ino = 1});
    ok(store_cache_flush(s, &err));
    assert_true(there(s, key));

    ok(store_managed_put(s, &m, &err));
    assert_false(there(s, key));
    keep(s);
    ok(store_managed_drop(s, "file", "/a", &err));
    assert_false(there(s, key));
    keep(s);
    ok(store_secret_set(s, "a", v, &err));
    assert_false(there(s, key));
    keep(s);
    ok(store_owed_put(s, &o, &err));
    assert_false(there(s, key));
    keep(s);
    ok(store_drift_put(s, &d, &err));
    assert_false(there(s, key));
    keep(s);
    ok(store_begin(s, &err));
    ok(store_commit(s, &err));
    assert_false(there(s, key));
    secret_free(v);
    store_close(s);
}

static void a_write_that_is_taken_back_drops_nothing(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    struct error err = {0};
    keep(s);
    ok(store_begin(s, &err));
    store_rollback(s);
    assert_true(there(s, key));
    store_close(s);
}

static void nothing_is_kept_over_what_another_wrote_meanwhile(void **state)
{
    struct store *look = open_store(STORE_WRITE), *other = open_store(STORE_WRITE);
    struct error err = {0};
    assert_false(there(look, key));
    ok(store_managed_put(other, &(struct store_managed){.kind = "file", .id = "/a", .spec = "{}"}, &err));
    ok(store_glance_put(look, key, &said, &err));
    assert_false(there(look, key));
    ok(store_glance_put(look, key, &said, &err)); /* this one looked after the other had written */
    assert_true(there(look, key));
    store_close(other);
    store_close(look);
}

static void the_oldest_go_and_those_of_a_clock_that_was_ahead(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    struct error err = {0};
    struct store_glance g = said;
    assert_false(there(s, key));
    for (uint64_t i = 0; i < 12; i++) {
        g.made = (int64_t)(1000 + i);
        ok(store_glance_put(s, (struct hash128){.low = 10 + i}, &g, &err));
    }
    struct arena a = {0};
    assert_int_equal(store_glance_get(s, (struct hash128){.low = 13}, &a, &g, &err), -ENOENT);
    assert_int_equal(store_glance_get(s, (struct hash128){.low = 14}, &a, &g, &err), 0);
    keep(s); /* made at 100 */
    assert_int_equal(store_glance_get(s, (struct hash128){.low = 21}, &a, &g, &err), -ENOENT);
    ok(store_glance_drop(s, &err));
    assert_false(there(s, key));
    arena_free(&a);
    store_close(s);
}

static void a_store_that_may_not_be_written_keeps_nothing(void **state)
{
    struct store *s = open_store(STORE_MEMORY);
    struct error err = {0};
    assert_false(there(s, key));
    ok(store_glance_put(s, key, &said, &err));
    assert_false(there(s, key));
    store_close(s);
}

/* The key may be gone: who only takes a glance does not need it, and who goes on is told. */
static void a_glance_needs_no_key_and_what_follows_does(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    struct error err = {0};
    char path[4200];
    store_close(s);
    snprintf(path, sizeof path, "%s/secret.key", dir);
    assert_int_equal(unlink(path), 0);
    ok(store_open_glance(dir, &s, &err));
    assert_false(there(s, key));
    assert_int_equal(store_ready(s, &err), -ENOKEY);
    store_close(s);
}

/* The database's bytes, with all that the log holds. */
static bool bytes_have(const char *word)
{
    sqlite3 *db;
    char text[1 << 19];
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    assert_true(n > 0 && n < sizeof text);
    return memmem(text, n, word, strlen(word)) != NULL;
}

/* A glance is dropped without being overwritten; in the same transaction, all else is. */
static void what_is_dropped_with_a_glance_is_overwritten_all_the_same(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{\"word\":\"Tr0ub4dor&3\"}"};
    ok(store_managed_put(s, &m, &err));
    assert_true(bytes_have("Tr0ub4dor&3"));
    keep(s);
    ok(store_managed_drop(s, "file", "/etc/a", &err));
    assert_false(there(s, key));
    store_close(s);
    assert_false(bytes_have("Tr0ub4dor&3"));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(what_is_kept_comes_back_and_is_asked_for_by_its_key),
        fixture(every_durable_write_drops_it_and_a_cheap_one_does_not),
        fixture(a_write_that_is_taken_back_drops_nothing),
        fixture(nothing_is_kept_over_what_another_wrote_meanwhile),
        fixture(the_oldest_go_and_those_of_a_clock_that_was_ahead),
        fixture(a_store_that_may_not_be_written_keeps_nothing),
        fixture(a_glance_needs_no_key_and_what_follows_does),
        fixture(what_is_dropped_with_a_glance_is_overwritten_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
