#include "../timely.h"
#include "world.h"
#include <sqlite3.h>

static struct store_file sample(uint64_t i)
{
    return (struct store_file){
        .dev = 0xfffffffffffffff0ull + i % 7,
        .ino = i,
        .size = i * 3,
        .mtime_ns = -5 + (int64_t)i,
        .ctime_ns = (int64_t)i << 20,
        .digest = {~i, i << 1},
    };
}

static void assert_file(const struct store_file *f, uint64_t i)
{
    struct store_file want = sample(i);
    assert_true(f->dev == want.dev && f->ino == want.ino && f->size == want.size);
    assert_true(f->mtime_ns == want.mtime_ns && f->ctime_ns == want.ctime_ns);
    assert_true(hash_equal(f->digest, want.digest));
}

static void what_was_put_is_found_now_and_after_a_reopen(void **state)
{
    struct error err = {0};
    struct store_file f, want = sample(42);
    struct store *s = open_store(STORE_WRITE);
    assert_false(store_cache_get(s, "/etc/nginx/nginx.conf", &f));
    store_cache_put(s, "/etc/nginx/nginx.conf", &want);
    assert_true(store_cache_get(s, "/etc/nginx/nginx.conf", &f));
    assert_file(&f, 42);
    ok(store_cache_flush(s, &err));
    store_close(s);
    s = open_store(STORE_READ);
    assert_true(store_cache_get(s, "/etc/nginx/nginx.conf", &f));
    assert_file(&f, 42);
    assert_false(store_cache_get(s, "/etc/nginx/nginx.con", &f));
    store_close(s);
    (void)state;
}

static void what_was_not_flushed_is_gone(void **state)
{
    struct store_file f = sample(1);
    struct store *s = open_store(STORE_WRITE);
    store_cache_put(s, "/a", &f);
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_false(store_cache_get(s, "/a", &f));
    store_close(s);
    (void)state;
}

static void the_last_put_wins(void **state)
{
    struct error err = {0};
    struct store_file f = sample(1);
    struct store *s = open_store(STORE_WRITE);
    store_cache_put(s, "/a", &f);
    ok(store_cache_flush(s, &err));
    f = sample(2);
    store_cache_put(s, "/a", &f);
    ok(store_cache_flush(s, &err));
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_true(store_cache_get(s, "/a", &f));
    assert_file(&f, 2);
    store_close(s);
    (void)state;
}

static void a_flush_of_what_did_not_change_writes_nothing(void **state)
{
    struct error err = {0};
    struct store_file f = sample(1);
    char wal[200];
    struct stat before, after;
    snprintf(wal, sizeof wal, "%s-wal", file);
    struct store *s = open_store(STORE_WRITE);
    store_cache_put(s, "/a", &f);
    ok(store_cache_flush(s, &err));
    assert_int_equal(stat(wal, &before), 0);
    store_cache_put(s, "/a", &f);
    ok(store_cache_flush(s, &err));
    assert_int_equal(stat(wal, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    store_close(s);
    (void)state;
}

/* The limit is far above what a loaded machine needs, and far below one query a path with its commit. */
static void ten_thousand_paths_are_quick(void **state)
{
    struct error err = {0};
    char path[96];
    struct store_file f;
    struct store *s = open_store(STORE_WRITE);
    for (uint64_t i = 0; i < 10000; i++) {
        f = sample(i);
        snprintf(path, sizeof path, "/srv/www/site-%u/wp-includes/file-%u.php", (unsigned)(i % 100),
                 (unsigned)i);
        store_cache_put(s, path, &f);
    }
    ok(store_cache_flush(s, &err));
    store_close(s);
    s = open_store(STORE_READ);
    double began = seconds();
    for (uint64_t i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "/srv/www/site-%u/wp-includes/file-%u.php", (unsigned)(i % 100),
                 (unsigned)i);
        assert_true(store_cache_get(s, path, &f));
        assert_file(&f, i);
    }
    double ms = (seconds() - began) * 1e3;
    print_message("10000 lookups with the load: %.1f ms\n", ms);
    assert_true(timely(ms < 2000));
    store_close(s);
    (void)state;
}

static void what_was_collected_goes_with_a_commit(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_file f = sample(1);
    const char *text = NULL;
    struct store *s = open_store(STORE_WRITE);
    store_cache_put(s, "/a", &f);
    store_memo_put(s, "x509 1", "{}");
    ok(store_begin(s, &err));
    ok(store_collected_keep(s, &err));
    ok(store_commit(s, &err));
    const off_t size = log_length();
    ok(store_cache_flush(s, &err));
    ok(store_memo_flush(s, &err));
    assert_int_equal(log_length(), size); /* there was nothing left to be written */
    store_close(s);
    s = open_store(STORE_READ);
    assert_true(store_cache_get(s, "/a", &f));
    assert_true(store_memo_get(s, "x509 1", &a, &text));
    store_close(s);
    arena_free(&a);
    (void)state;
}

/* What cannot be read or written of the cache costs a look at files, and no transaction. */
static void a_broken_cache_does_not_hold_up_what_it_goes_with(void **state)
{
    struct error err = {0};
    struct store_file f = sample(1);
    sqlite3 *db;
    store_close(open_store(STORE_WRITE));
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE file_cache; DROP TABLE memo", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int twice = 0; twice < 2; twice++) { /* it was kept: a plan is used once */
        struct store *s = open_store(STORE_WRITE);
        store_cache_put(s, "/a", &f);
        store_memo_put(s, "x509 1", "{}");
        ok(store_begin(s, &err));
        assert_int_equal(store_plan_use(s, "digest", &err), twice ? -EEXIST : 0);
        ok(store_collected_keep(s, &err));
        ok(store_commit(s, &err));
        store_close(s);
    }
    (void)state;
}

static void what_is_known_of_contents_is_kept_for_a_time(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    const char *text = NULL;
    struct store *s = open_store(STORE_WRITE);
    assert_false(store_memo_get(s, "x509 1", &a, &text));
    store_memo_put(s, "x509 1", "{}");
    store_memo_put(s, "x509 1", "{\"a\":1}");
    assert_true(store_memo_get(s, "x509 1", &a, &text)); /* also before it is written */
    assert_string_equal(text, "{\"a\":1}");
    ok(store_memo_flush(s, &err));
    ok(store_memo_flush(s, &err)); /* nothing is left to be written */
    store_close(s);
    s = open_store(STORE_READ);
    assert_true(store_memo_get(s, "x509 1", &a, &text));
    assert_string_equal(text, "{\"a\":1}");
    assert_false(store_memo_get(s, "x509 2", &a, &text));
    store_memo_put(s, "x509 2", "{}");
    ok(store_memo_flush(s, &err)); /* writes nothing */
    store_close(s);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE memo SET time = time - 91 * 86400", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    s = open_store(STORE_WRITE);
    assert_false(store_memo_get(s, "x509 2", &a, &text));
    store_memo_put(s, "x509 3", "{}");
    ok(store_memo_flush(s, &err));
    assert_false(store_memo_get(s, "x509 1", &a, &text));
    assert_true(store_memo_get(s, "x509 3", &a, &text));
    store_close(s);
    arena_free(&a);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(what_was_put_is_found_now_and_after_a_reopen),
        fixture(what_was_not_flushed_is_gone),
        fixture(the_last_put_wins),
        fixture(a_flush_of_what_did_not_change_writes_nothing),
        fixture(ten_thousand_paths_are_quick),
        fixture(what_was_collected_goes_with_a_commit),
        fixture(a_broken_cache_does_not_hold_up_what_it_goes_with),
        fixture(what_is_known_of_contents_is_kept_for_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
