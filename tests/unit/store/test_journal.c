#include "../timely.h"
#include "world.h"
#include <signal.h>
#include <sqlite3.h>

static const struct store_action three[] = {
    {.seq = 1,
     .kind = "package",
     .id = "nginx",
     .op = "create",
     .spec = "{}",
     .before = {1, 2},
     .after = {3, 4}},
    {.seq = 2, .kind = "vhost", .id = "a.example", .site = "a.example", .op = "update", .spec = "{\"x\":1}"},
    {.seq = 3, .kind = "service", .id = "nginx", .op = "refresh"},
};

static int64_t begin(struct store *s)
{
    struct error err = {0};
    struct store_tx tx = {.why = "apply", .who = "root", .bundle = texts("{}")};
    ok(store_tx_begin(s, &tx, three, 3, &err));
    assert_true(tx.id > 0 && tx.begun > 0);
    assert_int_equal(tx.state, TX_OPEN);
    return tx.id;
}

/* Taking back goes on without the journal, and writes to it twice an action. */
static void a_writer_that_stays_is_waited_for_once(void **state)
{
    struct error err = {0};
    sqlite3 *other;
    store_patience_ms = 2000;
    struct store *s = open_store(STORE_WRITE);
    int64_t id = begin(s);
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    double begun = seconds();
    assert_int_equal(store_action_intent(s, id, 1, "{}", &err), -EBUSY);
    assert_non_null(strstr(err.hint, "another process holds the store"));
    double first = seconds() - begun;
    assert_true(first >= 1.9);
    begun = seconds();
    for (int i = 0; i < 4; i++)
        assert_int_equal(store_action_state(s, id, 1, ACTION_UNDOING, NULL, NULL), -EBUSY);
    assert_true(timely(seconds() - begun < 4 * 1.9));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ok(store_action_state(s, id, 1, ACTION_UNDONE, NULL, &err));
    /* And the next one is waited for again. */
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    begun = seconds();
    assert_int_equal(store_action_state(s, id, 1, ACTION_UNDONE, NULL, NULL), -EBUSY);
    assert_true(seconds() - begun >= 1.9);
    sqlite3_close(other);
    store_close(s);
    store_patience_ms = 10000;
}

static void a_transaction_is_read_as_it_was_written(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    int64_t id = begin(s);
    ok(store_action_intent(s, id, 1, "{\"deb\":\"x\"}", &err));
    ok(store_action_state(s, id, 1, ACTION_DONE, NULL, &err));
    ok(store_action_intent(s, id, 2, NULL, &err));
    ok(store_action_state(s, id, 2, ACTION_UNDOING, "nginx -t says no", &err));
    ok(store_action_state(s, id, 2, ACTION_UNDONE, NULL, &err));
    ok(store_action_state(s, id, 3, ACTION_SKIPPED, NULL, &err));
    ok(store_tx_end(s, id, TX_PARTIAL, "a.example: nginx -t says no", &err));
    store_close(s);

    s = open_store(STORE_READ);
    struct store_tx tx;
    struct store_action *c;
    size_t n;
    ok(store_tx_get(s, 0, &a, &tx, &err));
    assert_int_equal(tx.id, id);
    assert_int_equal(tx.state, TX_PARTIAL);
    assert_true(tx.ended >= tx.begun);
    assert_string_equal(tx.why, "apply");
    assert_string_equal(tx.who, "root");
    const struct bundle *manifest;
    ok(store_bundle_get(s, tx.bundle_id, &a, &manifest, &err));
    assert_texts(manifest, "{}");
    assert_string_equal(tx.error, "a.example: nginx -t says no");
    ok(store_actions(s, id, &a, &c, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(c[0].state, ACTION_DONE);
    assert_string_equal(c[0].undo, "{\"deb\":\"x\"}");
    assert_true(hash_equal(c[0].before, three[0].before) && hash_equal(c[0].after, three[0].after));
    assert_null(c[0].site);
    assert_int_equal(c[1].state, ACTION_UNDONE);
    assert_string_equal(c[1].site, "a.example");
    assert_string_equal(c[1].op, "update");
    assert_string_equal(c[1].error, "nginx -t says no");
    assert_int_equal(c[2].state, ACTION_SKIPPED);
    assert_null(c[2].spec);
    assert_null(c[2].undo);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void transactions_that_are_not_settled_are_found_again(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx *list;
    size_t n;
    int64_t one = begin(s), two = begin(s), stuck = begin(s);
    ok(store_tx_end(s, one, TX_DONE, NULL, &err));
    ok(store_tx_end(s, stuck, TX_STUCK, "no", &err));
    ok(store_tx_open(s, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, two);
    assert_int_equal(list[0].ended, 0);
    assert_int_equal(list[1].id, stuck); /* a person put it right; `recover` tries again */
    ok(store_tx_list(s, 2, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, stuck);
    assert_int_equal(list[1].id, two);
    ok(store_tx_list(s, 0, &a, &list, &n, &err));
    assert_int_equal(n, 3);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void an_action_that_is_not_there_is_an_error(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    int64_t id = begin(s);
    struct store_tx tx;
    assert_int_equal(store_action_intent(s, id, 4, "{}", &err), -ENOENT);
    assert_int_equal(store_action_state(s, id + 1, 1, ACTION_DONE, NULL, &err), -ENOENT);
    assert_int_equal(store_tx_end(s, id + 1, TX_DONE, NULL, &err), -ENOENT);
    assert_int_equal(store_tx_get(s, id + 1, &a, &tx, &err), -ENOENT);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_transaction_that_cannot_be_written_is_not_there(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_action twice[2] = {three[0], three[0]};
    struct store_tx tx = {.why = "apply"}, *list;
    size_t n;
    assert_int_equal(store_tx_begin(s, &tx, twice, 2, &err), -EEXIST);
    assert_int_equal(tx.id, 0);
    ok(store_tx_list(s, 0, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void many_steps_are_one_commit(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE), *reader = open_store(STORE_READ);
    struct store_action *c;
    size_t n;
    int64_t id = begin(s);
    ok(store_begin(s, &err));
    ok(store_action_intent(s, id, 1, "{}", &err));
    ok(store_action_intent(s, id, 2, "{}", &err));
    ok(store_actions(reader, id, &a, &c, &n, &err));
    assert_int_equal(c[0].state, ACTION_PLANNED);
    ok(store_commit(s, &err));
    ok(store_actions(reader, id, &a, &c, &n, &err));
    assert_int_equal(c[0].state, ACTION_INTENT);
    assert_int_equal(c[1].state, ACTION_INTENT);
    assert_int_equal(c[2].state, ACTION_PLANNED);
    arena_free(&a);
    store_close(reader);
    store_close(s);
    (void)state;
}

/* A run that dies between intent and done: the next one reads what was meant, and its undo record. */
static void a_killed_run_leaves_a_readable_intent(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t kid = fork();
    if (kid == 0) {
        struct store *s = NULL;
        struct store_tx tx = {.why = "apply"};
        int r = store_open(dir, STORE_WRITE, &s, NULL);
        if (r == 0)
            r = store_tx_begin(s, &tx, three, 3, NULL);
        if (r == 0)
            r = store_action_intent(s, tx.id, 1, "{}", NULL);
        if (r == 0)
            r = store_action_state(s, tx.id, 1, ACTION_DONE, NULL, NULL);
        if (r == 0)
            r = store_action_intent(s, tx.id, 2, "{\"inode\":7}", NULL);
        if (r == 0) /* begun and never committed: must not be seen */
            r = store_begin(s, NULL);
        if (r == 0)
            r = store_action_state(s, tx.id, 2, ACTION_DONE, NULL, NULL);
        if (write(ends[1], r == 0 ? "y" : "n", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char answer;
    assert_int_equal(read(ends[0], &answer, 1), 1);
    kill(kid, SIGKILL);
    waitpid(kid, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(answer, 'y');

    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx *list;
    struct store_action *c;
    size_t n;
    ok(store_tx_open(s, &a, &list, &n, &err));
    assert_int_equal(n, 1);
    ok(store_actions(s, list[0].id, &a, &c, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(c[0].state, ACTION_DONE);
    assert_int_equal(c[1].state, ACTION_INTENT);
    assert_string_equal(c[1].undo, "{\"inode\":7}");
    assert_int_equal(c[2].state, ACTION_PLANNED);
    ok(store_action_state(s, list[0].id, 2, ACTION_UNDONE, NULL, &err));
    ok(store_tx_end(s, list[0].id, TX_UNDONE, "the run was killed", &err));
    ok(store_tx_open(s, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void an_unknown_state_in_the_journal_is_damage(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    int64_t id = begin(s);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE action SET state = 'perhaps' WHERE seq = 2", 0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    struct store_action *c;
    size_t n;
    assert_int_equal(store_actions(s, id, &a, &c, &n, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, file));
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void actions_can_come_with_their_intents_and_are_done_together(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx = {.why = "apply"};
    struct store_action rows[3], *list;
    size_t n;
    memcpy(rows, three, sizeof rows);
    rows[0].state = rows[1].state = ACTION_INTENT;
    rows[0].undo = rows[1].undo = "{\"op\":\"create\"}";
    ok(store_begin(s, &err));
    ok(store_tx_begin(s, &tx, NULL, 0, &err));
    ok(store_actions_add(s, tx.id, rows, 3, &err));
    ok(store_commit(s, &err));
    ok(store_actions(s, tx.id, &a, &list, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(list[1].state, ACTION_INTENT);
    assert_string_equal(list[1].undo, "{\"op\":\"create\"}");
    assert_int_equal(list[2].state, ACTION_PLANNED);
    assert_null(list[2].undo);
    assert_int_equal(store_actions_done(s, tx.id, 1, 3, &err), -ENOENT); /* the third is no intent */
    error_clear(&err);
    ok(store_actions_done(s, tx.id, 1, 2, &err));
    ok(store_actions(s, tx.id, &a, &list, &n, &err));
    assert_int_equal(list[0].state, ACTION_DONE);
    assert_int_equal(list[1].state, ACTION_DONE);
    assert_string_equal(list[0].undo, "{\"op\":\"create\"}");
    arena_free(&a);
    store_close(s);
}

/* Which of them were done together is written once, and what becomes of one later counts. */
static void what_was_done_together_is_taken_back_one_by_one(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx[2] = {{.why = "apply"}, {.why = "apply"}}, ended;
    struct store_action rows[3], *list;
    size_t n;
    memcpy(rows, three, sizeof rows);
    for (size_t i = 0; i < 3; i++) {
        rows[i].state = ACTION_INTENT;
        rows[i].undo = "{}";
        rows[i].op = i < 2 ? "create" : "update";
    }
    for (size_t i = 0; i < 2; i++)
        ok(store_tx_begin(s, &tx[i], rows, 3, &err));
    ok(store_actions_done(s, tx[0].id, 2, 2, &err));
    ok(store_actions_done(s, tx[0].id, 1, 1, &err));
    ok(store_action_state(s, tx[0].id, 2, ACTION_UNDOING, NULL, &err));
    ok(store_actions(s, tx[0].id, &a, &list, &n, &err));
    assert_int_equal(list[0].state, ACTION_DONE);
    assert_int_equal(list[1].state, ACTION_UNDOING);
    assert_int_equal(list[2].state, ACTION_DONE);
    ok(store_action_state(s, tx[0].id, 2, ACTION_UNDONE, NULL, &err));
    ok(store_tx_end(s, tx[0].id, TX_PARTIAL, NULL, &err));
    ok(store_tx_get(s, tx[0].id, &a, &ended, &err));
    assert_int_equal(ended.created, 1);
    assert_int_equal(ended.changed, 1);
    /* Nothing of it is the next one's, and it goes with its transaction. */
    ok(store_actions(s, tx[1].id, &a, &list, &n, &err));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(list[i].state, ACTION_INTENT);
    ok(store_tx_drop(s, tx[0].id, true, &err));
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM done", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    arena_free(&a);
    store_close(s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_writer_that_stays_is_waited_for_once),
        fixture(a_transaction_is_read_as_it_was_written),
        fixture(actions_can_come_with_their_intents_and_are_done_together),
        fixture(what_was_done_together_is_taken_back_one_by_one),
        fixture(transactions_that_are_not_settled_are_found_again),
        fixture(an_action_that_is_not_there_is_an_error),
        fixture(a_transaction_that_cannot_be_written_is_not_there),
        fixture(many_steps_are_one_commit),
        fixture(a_killed_run_leaves_a_readable_intent),
        fixture(an_unknown_state_in_the_journal_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
