/* What is dropped of the store when its time is over, and what a store of before learns. */
#include "world.h"
#include <sqlite3.h>

static const struct store_action rows[] = {
    {.seq = 1, .kind = "vhost", .id = "a.example", .site = "a.example", .op = "remove"},
    {.seq = 2, .kind = "directory", .id = "/var/www/a.example", .site = "a.example", .op = "remove"},
    {.seq = 3, .kind = "file", .id = "/etc/a", .op = "create"},
    {.seq = 4, .kind = "file", .id = "/etc/b", .op = "update"},
};
#define TO_TRASH "{\"op\":\"remove\",\"saved\":{\"trash\":\"1-2-a.example\"}}"

/* With the row that put something into the trash, or without. */
static int64_t transaction(struct store *s, bool trash, enum tx_state st)
{
    struct error err = {0};
    struct store_tx tx = {.why = "apply", .who = "root", .reason = "for once", .bundle = texts("{}")};
    ok(store_tx_begin(s, &tx, rows, 4, &err));
    for (int i = 1; i <= 4; i++) {
        ok(store_action_intent(s, tx.id, i, i == 2 && trash ? TO_TRASH : "{}", &err));
        ok(store_action_state(s, tx.id, i, i == 4 ? ACTION_UNDONE : ACTION_DONE, NULL, &err));
    }
    if (st != TX_OPEN)
        ok(store_tx_end(s, tx.id, st, NULL, &err));
    return tx.id;
}

static size_t count_actions(struct store *s, int64_t tx)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_action *list;
    size_t n;
    ok(store_actions(s, tx, &a, &list, &n, &err));
    arena_free(&a);
    return n;
}

static bool there(struct store *s, int64_t id)
{
    struct arena a = {0};
    struct store_tx tx;
    bool yes = store_tx_get(s, id, &a, &tx, NULL) == 0;
    arena_free(&a);
    return yes;
}

static void a_transaction_says_why_it_was_and_what_stands_of_it(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx;
    ok(store_tx_get(s, transaction(s, true, TX_PARTIAL), &a, &tx, &err));
    assert_string_equal(tx.reason, "for once");
    assert_int_equal(tx.created, 1);
    assert_int_equal(tx.changed, 0); /* its action was taken back */
    assert_int_equal(tx.removed, 2);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void what_was_removed_under_a_name_is_found_oldest_first(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    int64_t one = transaction(s, true, TX_DONE);
    transaction(s, true, TX_UNDONE);
    transaction(s, true, TX_OPEN);
    int64_t two = transaction(s, true, TX_PARTIAL);
    struct store_removal *list;
    const char **paths;
    size_t n;
    ok(store_removals(s, "directory", "/var/www/a.example", &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].tx, one);
    assert_int_equal(list[1].tx, two);
    assert_string_equal(list[0].undo, TO_TRASH);
    assert_true(list[0].time > 0);
    ok(store_removals(s, "file", "/etc/a", &a, &list, &n, &err));
    assert_int_equal(n, 0);
    ok(store_trash_paths(s, &a, &paths, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(paths[0], "/var/www/a.example");
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void that_something_went_to_the_trash_is_remembered_longer_than_the_rest(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    int64_t one = transaction(s, true, TX_DONE), two = transaction(s, false, TX_UNDONE), *old;
    size_t n;
    ok(store_tx_old(s, INT64_MAX, 1, &a, &old, &n, &err));
    assert_int_equal(n, 2);
    ok(store_tx_old(s, 1000, 1, &a, &old, &n, &err)); /* they are newer than 1970 */
    assert_int_equal(n, 0);
    ok(store_tx_drop(s, one, false, &err));
    ok(store_tx_drop(s, two, false, &err));
    assert_int_equal(count_actions(s, one), 1);
    assert_false(there(s, two));
    ok(store_tx_old(s, INT64_MAX, 1, &a, &old, &n, &err)); /* no more of it can go while it is asked for */
    assert_int_equal(n, 0);
    ok(store_tx_old(s, INT64_MAX, one + 1, &a, &old, &n, &err));
    assert_int_equal(n, 1);
    ok(store_tx_drop(s, one, true, &err));
    assert_false(there(s, one));
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void old_generations_go_and_numbers_are_not_used_again(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_generation *list,
        g = {.bundle = texts("{}"), .digest = "x", .who = "root", .status = "applied"};
    size_t n;
    for (int i = 0; i < 4; i++)
        ok(store_generation_add(s, &g, &err));
    ok(store_generations_drop(s, 3, &err));
    ok(store_generation_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(list[1].number, 3);
    ok(store_generation_add(s, &g, &err));
    assert_int_equal(g.number, 5);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_store_of_before_learns_what_its_transactions_did(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx;
    struct store_generation *list, g = {.bundle = texts("{}"),
                                        .digest = "x",
                                        .who = "root",
                                        .reason = "larger uploads",
                                        .status = "applied",
                                        .transaction = transaction(s, true, TX_DONE)};
    size_t n;
    ok(store_generation_add(s, &g, &err));
    store_close(s);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, TO_VERSION_2, 0, 0, 0), SQLITE_OK);
    sqlite3_close(db);
    s = open_store(STORE_WRITE);
    ok(store_tx_get(s, g.transaction, &a, &tx, &err));
    assert_string_equal(tx.reason, "larger uploads");
    ok(store_generation_list(s, &a, &list, &n, &err));
    assert_int_equal(list[0].created, 1);
    assert_int_equal(list[0].removed, 2);
    struct store_removal *removals;
    ok(store_removals(s, "directory", "/var/www/a.example", &a, &removals, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(removals[0].undo, TO_TRASH);
    const char **paths;
    ok(store_trash_paths(s, &a, &paths, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(paths[0], "/var/www/a.example");
    struct store_action *acts;
    ok(store_actions(s, g.transaction, &a, &acts, &n, &err));
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(acts[i].tx, g.transaction);
        assert_int_equal(acts[i].seq, i + 1);
        assert_string_equal(acts[i].id, rows[i].id);
        assert_int_equal(acts[i].state, i == 3 ? ACTION_UNDONE : ACTION_DONE);
    }
    arena_free(&a);
    store_close(s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_transaction_says_why_it_was_and_what_stands_of_it),
        fixture(what_was_removed_under_a_name_is_found_oldest_first),
        fixture(that_something_went_to_the_trash_is_remembered_longer_than_the_rest),
        fixture(old_generations_go_and_numbers_are_not_used_again),
        fixture(a_store_of_before_learns_what_its_transactions_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
