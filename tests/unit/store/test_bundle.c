/* The manifests' texts in pieces (bundle.c): what comes back, what a change costs, what goes, and a store
 * that held them whole. */
#include "world.h"
/* it needs cmocka.h */
#include "tables.h"

/* --- the world -------------------------------------------------------------------------------------------
 */

static int64_t ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    int rc = sqlite3_step(st);
    int64_t n = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static int64_t add(struct store *s, const struct bundle *b, int64_t tx)
{
    struct error err = {0};
    struct store_generation g = {
        .transaction = tx, .bundle = b, .digest = "d", .who = "root", .status = "applied"};
    ok(store_generation_add(s, &g, &err));
    return g.number;
}

static void assert_same(struct store *s, int64_t number, const struct bundle *b)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_generation g;
    ok(store_generation_get(s, number, &a, &g, &err));
    assert_int_equal(g.bundle->n, b->n);
    for (size_t i = 0; i < b->n; i++) {
        assert_string_equal(g.bundle->at[i].name, b->at[i].name);
        assert_int_equal(g.bundle->at[i].len, b->at[i].len);
        assert_memory_equal(g.bundle->at[i].text, b->at[i].text, b->at[i].len);
    }
    arena_free(&a);
}

/* So many sites, one of which has another value. */
static char *sites(size_t n, size_t other)
{
    char *text = malloc(n * 128), *at = text;
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "  site%05zu.example.com:\n    title: Site %zu\n    limit: %s\n", i, i,
                      i == other ? "48M" : "32M");
    return text;
}

/* --- what is kept ----------------------------------------------------------------------------------------
 */

static void what_is_put_comes_back(void **state)
{
    char *large = sites(20000, 7), *line = malloc(300000);
    memset(line, 'x', 299999);
    line[299999] = '\0';
    struct bundle_file files[] = {
        {"server.yaml", "citrus: 1\n", 10},          {"sites/empty.yaml", "", 0},
        {"sites/no-newline.yaml", "a: \xc3\xa9", 5}, {"sites/large.yaml", large, strlen(large)},
        {"sites/a \"line\".yaml", line, 299999},
    };
    const struct bundle b = {files, 5};
    struct store *s = open_store(STORE_WRITE);
    assert_same(s, add(s, &b, 0), &b);
    store_close(s);
    assert_true(ask("SELECT max(length(text)) FROM piece") <= 65536);
    assert_true(ask("SELECT count(*) FROM piece") > 50);
    free(large);
    free(line);
    (void)state;
}

static void a_change_writes_the_pieces_it_is_in(void **state)
{
    const size_t n = 10000;
    char *texts_of[] = {sites(n, n), sites(n, 5000), sites(n, 0), sites(n, n - 1)};
    struct store *s = open_store(STORE_WRITE);
    add(s, texts(texts_of[0]), 0);
    int64_t before = ask("SELECT count(*) FROM piece");
    assert_true(before > 20);
    for (int i = 1; i < 4; i++) {
        int64_t number = add(s, texts(texts_of[i]), 0), now = ask("SELECT count(*) FROM piece");
        assert_true(now > before && now <= before + 2);
        before = now;
        assert_same(s, number, texts(texts_of[i]));
    }
    /* A site that goes, and all behind it moves. */
    const char *less = strstr(texts_of[0], "  site00100");
    struct bundle_file file_of = {"server.yaml", less, strlen(less)};
    assert_same(s, add(s, &(struct bundle){&file_of, 1}, 0), &(struct bundle){&file_of, 1});
    assert_true(ask("SELECT count(*) FROM piece") <= before + 2);
    for (int i = 0; i < 4; i++)
        free(texts_of[i]);
    store_close(s);
    (void)state;
}

static void a_transaction_and_its_generation_share_one(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx = {.why = "apply", .who = "root", .bundle = texts("one\n")};
    ok(store_tx_begin(s, &tx, NULL, 0, &err));
    add(s, texts("one\n"), tx.id);
    assert_int_equal(ask("SELECT count(*) FROM bundle"), 1);
    add(s, texts("two\n"), tx.id);
    assert_int_equal(ask("SELECT count(*) FROM bundle"), 2);
    store_close(s);
    (void)state;
}

static void what_was_rolled_back_is_put_again(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    ok(store_begin(s, &err));
    add(s, texts("one\n"), 0);
    store_rollback(s);
    assert_int_equal(ask("SELECT count(*) FROM bundle"), 0);
    assert_same(s, add(s, texts("one\n"), 0), texts("one\n"));
    store_close(s);
    (void)state;
}

/* --- what goes -------------------------------------------------------------------------------------------
 */

static void what_nothing_needs_goes_and_what_is_shared_stays(void **state)
{
    struct error err = {0};
    const size_t n = 2000;
    char *one = sites(n, n), *two = sites(n, 1000);
    struct store *s = open_store(STORE_WRITE);
    struct store_tx tx = {.why = "apply", .who = "root", .bundle = texts("of the transaction\n")};
    ok(store_tx_begin(s, &tx, NULL, 0, &err));
    add(s, texts(one), tx.id);
    int64_t pieces = ask("SELECT count(*) FROM piece");
    add(s, texts(two), 0);
    ok(store_generations_drop(s, 2, &err));
    assert_int_equal(ask("SELECT count(*) FROM bundle"), 2);
    assert_int_equal(ask("SELECT count(*) FROM piece"), pieces);
    assert_same(s, 2, texts(two));
    ok(store_tx_end(s, tx.id, TX_DONE, NULL, &err));
    ok(store_tx_drop(s, tx.id, true, &err));
    assert_int_equal(ask("SELECT count(*) FROM bundle"), 1);
    assert_int_equal(ask("SELECT count(*) FROM piece"), pieces - 1);
    assert_same(s, 2, texts(two));
    /* It is not believed to be there: what was put last is put again. */
    ok(store_generations_drop(s, 3, &err));
    assert_int_equal(ask("SELECT count(*) FROM piece"), 0);
    assert_same(s, add(s, texts(two), 0), texts(two));
    store_close(s);
    free(one);
    free(two);
    (void)state;
}

static void a_piece_that_is_gone_is_a_damaged_store(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_generation g;
    struct store *s = open_store(STORE_WRITE);
    int64_t number = add(s, texts("one\n"), 0);
    ask("DELETE FROM piece");
    assert_int_equal(store_generation_get(s, number, &a, &g, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, "store.db"));
    assert_non_null(strstr(err.text, "the manifest's texts"));
    ok(store_generation_newest(s, &a, &g, &err));
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_word_is_found_in_the_generations_that_are_asked_for(void **state)
{
    struct error err = {0};
    bool found;
    struct store *s = open_store(STORE_WRITE);
    add(s, texts("version: \"6.8\"\n"), 0);
    add(s, texts("version: \"7.1.1\"\n"), 0);
    ok(store_generations_name(s, 1, "6.8", &found, &err));
    assert_true(found);
    ok(store_generations_name(s, 2, "6.8", &found, &err));
    assert_false(found);
    ok(store_generations_name(s, 2, "7.1.1", &found, &err));
    assert_true(found);
    store_close(s);
    (void)state;
}

/* --- a store of before ----------------------------------------------------------------------------------
 */

/* As citrus of schema 8 made it; a text that was released never changes. */
static const char version_8[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE file_cache (path TEXT PRIMARY KEY, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, digest BLOB NOT NULL)"
    "  WITHOUT ROWID, STRICT;"
    "CREATE TABLE managed (kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, spec TEXT NOT NULL,"
    "  wanted BLOB NOT NULL, rank INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (kind, id))"
    "  WITHOUT ROWID, STRICT;"
    "CREATE TABLE generation (number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, tx INTEGER "
    "NOT NULL,"
    "  rollback_of INTEGER NOT NULL, bundle TEXT NOT NULL, digest TEXT NOT NULL, who TEXT NOT NULL, reason "
    "TEXT,"
    "  status TEXT NOT NULL) STRICT;"
    "CREATE TABLE tx (id INTEGER PRIMARY KEY AUTOINCREMENT, begun INTEGER NOT NULL, ended INTEGER NOT NULL,"
    "  state TEXT NOT NULL, why TEXT NOT NULL, who TEXT, bundle TEXT, error TEXT) STRICT;"
    "CREATE INDEX tx_open ON tx (id) WHERE state = 'open';"
    "CREATE TABLE action (tx INTEGER NOT NULL REFERENCES tx (id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    "  state TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, op TEXT NOT NULL, spec TEXT,"
    "  before BLOB NOT NULL, after BLOB NOT NULL, undo TEXT, error TEXT, PRIMARY KEY (tx, seq))"
    "  WITHOUT ROWID, STRICT;"
    "CREATE TABLE plan_used (digest TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, command TEXT NOT NULL,"
    "  exit_status INTEGER NOT NULL, changes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL, time INTEGER NOT NULL,"
    "  generated INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
    "ALTER TABLE tx ADD COLUMN sites TEXT;"
    "CREATE TABLE managed_before (kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, spec TEXT NOT NULL,"
    "  wanted BLOB NOT NULL, rank INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (kind, id))"
    "  WITHOUT ROWID, STRICT;"
    "ALTER TABLE tx ADD COLUMN reason TEXT;"
    "ALTER TABLE tx ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tx ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tx ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX action_removed ON action (kind, id) WHERE op = 'remove';"
    "CREATE INDEX action_trash ON action (id) WHERE instr(undo, '\"trash\":') > 0;"
    "CREATE TABLE glance (key BLOB PRIMARY KEY, made INTEGER NOT NULL, until INTEGER NOT NULL,"
    "  stamps BLOB NOT NULL, paths BLOB NOT NULL, kinds TEXT NOT NULL, output TEXT NOT NULL) STRICT;"
    "CREATE TABLE memo (name TEXT PRIMARY KEY, text TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID,"
    " STRICT;"
    "ALTER TABLE managed ADD COLUMN digest BLOB;"
    "ALTER TABLE managed_before ADD COLUMN digest BLOB;"
    "INSERT INTO meta VALUES ('lineage', CAST('0123456789abcdef0123456789abcdef' AS BLOB)),"
    "  ('plan_key', zeroblob(32));"
    "INSERT INTO tx (id, begun, ended, state, why, who, bundle) VALUES"
    "  (1, 5, 6, 'done', 'apply', 'root', NULL),"
    "  (2, 7, 0, 'open', 'apply', 'root', '{\"files\":[{\"name\":\"server.yaml\",\"text\":\"a: "
    "\\u00e9\\n\"}]}');"
    "INSERT INTO generation (number, time, tx, rollback_of, bundle, digest, who, status) VALUES"
    "  (3, 6, 1, 0, '{\"files\":[{\"name\":\"server.yaml\",\"text\":\"citrus: 1\\n\"},"
    "{\"name\":\"b.yaml\",\"text\":\"\"}]}', 'd3', 'root', 'applied'),"
    "  (4, 6, 1, 0, '{', 'd4', 'root', 'applied');"
    "PRAGMA user_version = 8; PRAGMA application_id = 0x63747273;";

static void a_store_that_held_them_whole_is_taken_over(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    store_close(open_store(STORE_WRITE));
    char *new = tables_of_the_store();
    char aside[192], keys[320];
    snprintf(aside, sizeof aside, "%s/new.db", dir);
    snprintf(keys, sizeof keys,
             "ATTACH '%s' AS new; INSERT INTO meta SELECT * FROM new.meta WHERE name = 'secret_check'",
             aside);
    assert_int_equal(rename(file, aside), 0);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_8, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, keys, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(chmod(file, 0600), 0);

    struct store *s = open_store(STORE_WRITE);
    struct bundle_file files[] = {{"server.yaml", "citrus: 1\n", 10}, {"b.yaml", "", 0}};
    assert_same(s, 3, &(struct bundle){files, 2});
    struct store_tx *open;
    struct store_generation g;
    const struct bundle *b;
    size_t n;
    ok(store_tx_open(s, &a, &open, &n, &err));
    assert_int_equal(n, 1);
    ok(store_bundle_get(s, open[0].bundle_id, &a, &b, &err));
    assert_texts(b, "a: \xc3\xa9\n");
    /* One that was damaged before is damaged, and in nobody's way. */
    assert_int_equal(store_generation_get(s, 4, &a, &g, &err), -EUCLEAN);
    assert_int_equal(add(s, texts("new\n"), 0), 5);
    store_close(s);
    char *now = tables_of_the_store();
    assert_string_equal(now, new);
    free(now);
    free(new);
    arena_free(&a);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(what_is_put_comes_back),
        fixture(a_change_writes_the_pieces_it_is_in),
        fixture(a_transaction_and_its_generation_share_one),
        fixture(what_was_rolled_back_is_put_again),
        fixture(what_nothing_needs_goes_and_what_is_shared_stays),
        fixture(a_piece_that_is_gone_is_a_damaged_store),
        fixture(a_word_is_found_in_the_generations_that_are_asked_for),
        fixture(a_store_that_held_them_whole_is_taken_over),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
