/* A store that is missing or cut off from its log, where citrus was before. */
#include "world.h"

static const char *path(const char *name)
{
    static char at[4][256];
    static unsigned turn;
    char *p = at[turn++ % 4];
    snprintf(p, sizeof at[0], "%s/%s", dir, name);
    return p;
}

static void put(const char *name, const void *bytes, size_t n)
{
    int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static off_t size_of(const char *name)
{
    struct stat st;
    return stat(path(name), &st) < 0 ? -1 : st.st_size;
}

static void refused_and_left(const char *word)
{
    off_t db = size_of("store.db"), log = size_of("store.db-wal");
    static const enum store_mode modes[] = {STORE_WRITE, STORE_READ};
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        struct store *s = NULL;
        assert_int_equal(store_open(dir, modes[i], &s, &err), -EUCLEAN);
        assert_non_null(strstr(err.text, "store.db-wal"));
        assert_non_null(strstr(err.text, word));
        assert_non_null(strstr(err.hint, "backup"));
    }
    assert_int_equal(size_of("store.db"), db);
    assert_int_equal(size_of("store.db-wal"), log);
}

static void with_a_log(void)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    ok(store_run_note(s, "apply", 0, 0, &err));
    store_close(s);
    assert_true(size_of("store.db-wal") > 0);
}

static void a_damaged_log_is_refused_and_stays(void **state)
{
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    (void)state;
    with_a_log();
    put("store.db-wal", noise, sizeof noise);
    refused_and_left("is damaged");
    assert_int_equal(unlink(path("store.db-wal")), 0);
    store_close(open_store(STORE_WRITE));
}

/* SQLite would delete it. */
static void a_log_without_its_database_is_not_thrown_away(void **state)
{
    (void)state;
    with_a_log();
    put("store.db", "", 0);
    refused_and_left("without its store.db");
    assert_int_equal(unlink(path("store.db")), 0);
    refused_and_left("without its store.db");
}

static void a_log_of_zeros_is_what_a_power_cut_leaves(void **state)
{
    static const char zeros[4096];
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    (void)state;
    for (int i = 0; i < 200; i++) /* long enough to be folded into the database when it is closed */
        ok(store_run_note(s, "apply", 0, i, &err));
    store_close(s);
    assert_int_equal(size_of("store.db-wal"), 0);
    put("store.db-wal", zeros, sizeof zeros);
    store_close(open_store(STORE_WRITE));
}

static void lose_the_store(void)
{
    store_close(open_store(STORE_WRITE));
    unlink(path("store.db"));
    unlink(path("store.db-wal"));
    unlink(path("store.db-shm"));
}

static void a_new_store_where_citrus_was_says_so_until_something_is_applied(void **state)
{
    struct error err = {0};
    (void)state;
    struct store *s = open_store(STORE_WRITE);
    assert_false(store_anew(s));
    store_close(s);
    lose_the_store();
    assert_int_equal(mkdir(path("undo"), 0700), 0);
    for (int i = 0; i < 2; i++) {
        s = open_store(STORE_WRITE);
        assert_true(store_anew(s));
        store_close(s);
    }
    s = open_store(STORE_WRITE);
    struct store_generation g = {.bundle = texts("{}"), .digest = "d", .who = "root", .status = "applied"};
    ok(store_generation_add(s, &g, &err));
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_false(store_anew(s));
    store_close(s);
}

/* The trash's and undo's names begin with the transaction that made them. */
static void transactions_are_numbered_on_from_what_the_lost_ones_left(void **state)
{
    struct error err = {0};
    struct store_tx tx = {.why = "apply"};
    (void)state;
    lose_the_store();
    assert_int_equal(mkdir(path("undo"), 0700), 0);
    assert_int_equal(mkdir(path("undo/9"), 0700), 0);
    assert_int_equal(mkdir(path("trash"), 0700), 0);
    put("trash/12-3-blog.sql", "", 0);
    struct store *s = open_store(STORE_WRITE);
    ok(store_tx_begin(s, &tx, NULL, 0, &err));
    assert_int_equal(tx.id, 13);
    store_close(s);
}

static void a_first_run_that_was_killed_is_no_loss(void **state)
{
    (void)state;
    lose_the_store();
    assert_int_equal(access(path("secret.key"), F_OK), 0);
    struct store *s = open_store(STORE_WRITE);
    assert_false(store_anew(s));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_damaged_log_is_refused_and_stays),
        fixture(a_log_without_its_database_is_not_thrown_away),
        fixture(a_log_of_zeros_is_what_a_power_cut_leaves),
        fixture(a_new_store_where_citrus_was_says_so_until_something_is_applied),
        fixture(transactions_are_numbered_on_from_what_the_lost_ones_left),
        fixture(a_first_run_that_was_killed_is_no_loss),
    };
    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
