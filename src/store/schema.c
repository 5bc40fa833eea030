/* The tables, and how an older store becomes one of this version. PRAGMA user_version counts the steps. */
#include "secret.h"
#include "storedb.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "ctrs": tells our database from another program's (SQLite's manual, PRAGMA application_id). */
#define APPLICATION_ID 0x63747273

/* Version 10, for a new store and for one of before; a later version has texts of its own. Rows of one
 * transaction lie behind each other, and a row is appended: half of what it costs to find its place by two
 * columns. `trashed`: undo names a trash, or has put something there. `done`: intents that were done
 * together, which are not written once more each. */
#define ACTION_10                                                                                            \
    "key INTEGER PRIMARY KEY, tx INTEGER NOT NULL AS (key >> 32),"                                           \
    "  seq INTEGER NOT NULL AS (key & 4294967295), state TEXT NOT NULL, kind TEXT NOT NULL,"                 \
    "  id TEXT NOT NULL, site TEXT, op TEXT NOT NULL, spec TEXT, before BLOB NOT NULL,"                      \
    "  after BLOB NOT NULL, undo TEXT, error TEXT, trashed INTEGER NOT NULL"
#define WITH_ACTION_10                                                                                       \
    "CREATE INDEX action_removed ON action (kind, id) WHERE op = 'remove';"                                  \
    "CREATE INDEX action_trash ON action (id) WHERE trashed;"                                                \
    "CREATE TABLE done (tx INTEGER NOT NULL REFERENCES tx (id) ON DELETE CASCADE, first INTEGER NOT NULL,"   \
    "  last INTEGER NOT NULL, PRIMARY KEY (tx, first)) WITHOUT ROWID, STRICT;"

/* A new store: what all the steps below come to, at once, for each ALTER reads the whole schema again. */
static const char new_store[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE file_cache (path TEXT PRIMARY KEY, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, digest BLOB NOT NULL)"
    "  WITHOUT ROWID, STRICT;"
    "CREATE TABLE managed (kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, spec TEXT NOT NULL,"
    "  wanted BLOB NOT NULL, rank INTEGER NOT NULL, generation INTEGER NOT NULL, digest BLOB,"
    "  PRIMARY KEY (kind, id)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE managed_before (kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, spec TEXT NOT NULL,"
    "  wanted BLOB NOT NULL, rank INTEGER NOT NULL, generation INTEGER NOT NULL, digest BLOB,"
    "  PRIMARY KEY (kind, id)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE generation (number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, tx INTEGER "
    "NOT NULL,"
    "  rollback_of INTEGER NOT NULL, digest TEXT NOT NULL, who TEXT NOT NULL, reason TEXT, status TEXT NOT "
    "NULL,"
    "  bundle_id INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE tx (id INTEGER PRIMARY KEY AUTOINCREMENT, begun INTEGER NOT NULL, ended INTEGER NOT NULL,"
    "  state TEXT NOT NULL, why TEXT NOT NULL, who TEXT, error TEXT, sites TEXT,"
    "  reason TEXT, created INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL DEFAULT 0,"
    "  removed INTEGER NOT NULL DEFAULT 0, bundle_id INTEGER) STRICT;"
    "CREATE TABLE bundle (id INTEGER PRIMARY KEY, files TEXT NOT NULL) STRICT;"
    "CREATE TABLE piece (digest TEXT PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE INDEX tx_open ON tx (id) WHERE state = 'open';"
    "CREATE TABLE action (" ACTION_10 ") STRICT;" WITH_ACTION_10
    "CREATE TABLE plan_used (digest TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, command TEXT NOT NULL,"
    "  exit_status INTEGER NOT NULL, changes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL, time INTEGER NOT NULL,"
    "  generated INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE glance (key BLOB PRIMARY KEY, made INTEGER NOT NULL, until INTEGER NOT NULL,"
    "  stamps BLOB NOT NULL, paths BLOB NOT NULL, kinds TEXT NOT NULL, output TEXT NOT NULL,"
    "  contents BLOB, base BLOB, whole BLOB) STRICT;"
    "CREATE TABLE memo (name TEXT PRIMARY KEY, text TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID,"
    " STRICT;";

/* Step i leads from version i to i + 1. A step that was released never changes. */
static const char *const migrations[] = {
    /* 1: the first one. */
    NULL,
    /* 2: the values of `secret` are sealed: vault.c. */
    "",
    /* 3: a transaction knows the sites that it was for. */
    "ALTER TABLE tx ADD COLUMN sites TEXT;",
    /* 4: an apply can await its confirmation (awaiting.c); an older citrus does not know that state. */
    "CREATE TABLE managed_before (kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, spec TEXT NOT NULL,"
    "  wanted BLOB NOT NULL, rank INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (kind, id))"
    "  WITHOUT ROWID, STRICT;",
    /* 5: why a transaction was, and what it did, for longer than its actions are kept; what removals left is
     * looked up by name. */
    "ALTER TABLE tx ADD COLUMN reason TEXT;"
    "ALTER TABLE tx ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tx ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tx ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "UPDATE tx SET reason = (SELECT reason FROM generation WHERE generation.tx = tx.id),"
    "  created = (SELECT count(*) FROM action WHERE action.tx = tx.id AND state = 'done' AND op = 'create'),"
    "  changed = (SELECT count(*) FROM action WHERE action.tx = tx.id AND state = 'done' AND op = 'update'),"
    "  removed = (SELECT count(*) FROM action WHERE action.tx = tx.id AND state = 'done' AND op = 'remove');"
    "CREATE INDEX action_removed ON action (kind, id) WHERE op = 'remove';"
    "CREATE INDEX action_trash ON action (id) WHERE instr(undo, '\"trash\":') > 0;",
    /* 6: what a look that found nothing to do leaves for the next (glance.c). An older citrus, which would
     * not drop it with what it writes, refuses the store. */
    ("CREATE TABLE glance (key BLOB PRIMARY KEY, made INTEGER NOT NULL, until INTEGER NOT NULL,"
     "  stamps BLOB NOT NULL, paths BLOB NOT NULL, kinds TEXT NOT NULL, output TEXT NOT NULL) STRICT;"),
    /* 7: what was worked out from contents (memo.c). */
    ("CREATE TABLE memo (name TEXT PRIMARY KEY, text TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID,"
     " STRICT;"),
    /* 8: what tells whether a row would be written anew with the same text. */
    ("ALTER TABLE managed ADD COLUMN digest BLOB;"
     "ALTER TABLE managed_before ADD COLUMN digest BLOB;"),
    /* 9: a look that reads everything leaves what it read, too; and each what a look at a part needs of it.
     * Manifests are kept in pieces (bundle.c); their former columns go when they are taken over. */
    ("ALTER TABLE glance ADD COLUMN contents BLOB;"
     "ALTER TABLE glance ADD COLUMN base BLOB;"
     "ALTER TABLE glance ADD COLUMN whole BLOB;"
     "CREATE TABLE bundle (id INTEGER PRIMARY KEY, files TEXT NOT NULL) STRICT;"
     "CREATE TABLE piece (digest TEXT PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID, STRICT;"
     "ALTER TABLE generation ADD COLUMN bundle_id INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE tx ADD COLUMN bundle_id INTEGER;"),
    /* 10: see above. */
    ("CREATE TABLE ordered (" ACTION_10 ") STRICT;"
     "INSERT INTO ordered (key, state, kind, id, site, op, spec, before, after, undo, error, trashed)"
     "  SELECT tx << 32 | seq, state, kind, id, site, op, spec, before, after, undo, error,"
     "  coalesce(instr(undo, '\"trash\":') > 0, 0) FROM action ORDER BY tx, seq;"
     "DROP TABLE action;"
     "ALTER TABLE ordered RENAME TO action;" WITH_ACTION_10),
};
#define SEALED_SINCE   2
#define PIECES_SINCE   9
#define SCHEMA_VERSION ((int)(sizeof migrations / sizeof *migrations))

/* One number that `sql` asks for. */
static int number(struct store *s, const char *sql, int *ret, struct error *err)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return db_error(s, rc, "read the schema", err);
    rc = sqlite3_step(st);
    int n = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    sqlite3_finalize(st);
    if (rc != SQLITE_ROW)
        return db_error(s, rc, "read the schema", err);
    *ret = n;
    return 0;
}

static int refuse_newer(struct store *s, int version, struct error *err)
{
    char writer[64] = "";
    sqlite3_stmt *st;
    /* A newer schema may have no such table: then the writer stays unnamed. */
    if (sqlite3_prepare_v2(s->db, "SELECT value FROM meta WHERE name = 'version'", -1, &st, NULL) ==
        SQLITE_OK) {
        if (sqlite3_step(st) == SQLITE_ROW)
            snprintf(writer, sizeof writer, " %.*s", sqlite3_column_bytes(st, 0),
                     (const char *)sqlite3_column_blob(st, 0));
        sqlite3_finalize(st);
    }
    error_set(err, -EPROTO,
              "%s was written by a newer citrus%s (schema %d; this is citrus %s, which knows schema %d)",
              s->path, writer, version, CITRUS_VERSION, SCHEMA_VERSION);
    error_hint(err, "install citrus%s or newer; nothing was changed", *writer ? writer : " of that version");
    return -EPROTO;
}

static int make_identity(struct store *s, struct error *err)
{
    unsigned char raw[16], key[STORE_PLAN_KEY_LEN];
    char hex[33];
    int r = random_bytes(raw, sizeof raw, err);
    if (r == 0)
        r = random_bytes(key, sizeof key, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    return db_run(s, "write the store's identity", err,
                  "INSERT INTO meta (name, value) VALUES ('lineage', ?), ('plan_key', ?)", "bb",
                  (const void *)hex, (size_t)32, (const void *)key, sizeof key);
}

static int make_tables(struct store *s, const char *doing, struct error *err)
{
    int r = db_exec(s, doing, new_store, err);
    if (r == 0)
        r = make_identity(s, err);
    if (r == 0 && lost_was_here(s))
        r = lost_note(s, err);
    return r < 0 ? r : vault_note(s, err);
}

int schema_migrate(struct store *s, struct error *err)
{
    static const char doing[] = "bring the schema up to date";
    int r = vault_key_need(s, true, err);
    if (r == 0)
        r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    /* Again, under the lock: two may have come at once. */
    int version;
    r = number(s, "PRAGMA user_version", &version, err);
    if (r == 0 && version > SCHEMA_VERSION)
        r = refuse_newer(s, version, err);
    if (r == 0 && version == 0) {
        r = make_tables(s, doing, err);
        version = SCHEMA_VERSION;
    }
    for (; r == 0 && version < SCHEMA_VERSION; version++) {
        r = db_exec(s, doing, migrations[version], err);
        if (r == 0 && version + 1 == SEALED_SINCE)
            r = vault_seal_rows(s, err);
        if (r == 0 && version + 1 == SEALED_SINCE)
            r = vault_note(s, err);
        if (r == 0 && version + 1 == PIECES_SINCE)
            r = bundles_take_over(s, err);
        if (r == 0 && version + 1 == PIECES_SINCE)
            r = db_exec(s, doing,
                        "ALTER TABLE generation DROP COLUMN bundle; ALTER TABLE tx DROP COLUMN bundle;", err);
    }
    if (r == 0) {
        char sql[96];
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d", SCHEMA_VERSION,
                 APPLICATION_ID);
        r = db_exec(s, doing, sql, err);
    }
    if (r == 0)
        r = db_run(s, doing, err,
                   "INSERT INTO meta (name, value) VALUES ('version', ?1) "
                   "ON CONFLICT (name) DO UPDATE SET value = ?1",
                   "b", (const void *)CITRUS_VERSION, strlen(CITRUS_VERSION));
    return db_end(s, r, doing, err);
}

static int read_identity(struct store *s, struct error *err)
{
    static const char doing[] = "read the store's identity";
    bool lineage = false, key = false;
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT name, value FROM meta", "");
    while (r == 0 && (r = db_next(s, doing, st, err)) > 0) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        const void *value = sqlite3_column_blob(st, 1);
        int n = sqlite3_column_bytes(st, 1);
        if (strcmp(name, "lineage") == 0 && n == 32) {
            memcpy(s->lineage, value, 32);
            lineage = true;
        } else if (strcmp(name, "plan_key") == 0 && n == STORE_PLAN_KEY_LEN) {
            memcpy(s->plan_key, value, STORE_PLAN_KEY_LEN);
            key = true;
        } else if (strcmp(name, "secret_check") == 0 && n == SHA256_HEX - 1) {
            memcpy(s->secret_check, value, SHA256_HEX - 1);
        } else if (strcmp(name, "anew") == 0) {
            s->anew = true;
        } else if (strcmp(name, "scrub") == 0) {
            s->scrub = true;
        }
        r = 0;
    }
    if (r < 0)
        return r;
    return lineage && key ? 0 : db_error(s, SQLITE_CORRUPT, doing, err);
}

/* A database that is not empty and not ours. */
static int refuse_foreign(struct store *s, struct error *err)
{
    int id, tables;
    int r = number(s, "PRAGMA application_id", &id, err);
    if (r < 0 || id == APPLICATION_ID)
        return r;
    r = number(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (r < 0 || (id == 0 && tables == 0))
        return r;
    error_set(err, -EMEDIUMTYPE, "%s is a SQLite database of another program", s->path);
    error_hint(err, "move it away; citrus makes its own store at the next apply");
    return -EMEDIUMTYPE;
}

#define LOG_AGAIN_MS 20

/* Where two make the store at the same moment, SQLite tells the second at once that it is locked, without
 * asking its busy handler: both hold the lock that each waits for the other to let go. */
int schema_log_ahead(struct store *s, struct error *err)
{
    for (int waited = 0;; waited += LOG_AGAIN_MS) {
        sqlite3_stmt *st;
        int rc = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode=WAL", -1, &st, NULL);
        bool wal = false;
        if (rc == SQLITE_OK) {
            rc = sqlite3_step(st);
            /* The mode that it is in now: "wal", unless the file system cannot share memory. */
            wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
            sqlite3_finalize(st);
        }
        if (wal)
            return 0;
        if (rc == SQLITE_ROW)
            return error_set(err, -EOPNOTSUPP,
                             "%s: its file system cannot hold a write-ahead log (a network mount?)", s->path);
        if ((rc & 0xff) != SQLITE_BUSY || waited >= store_patience_ms)
            return db_error(s, rc, "turn on the write-ahead log", err);
        sqlite3_sleep(LOG_AGAIN_MS);
    }
}

int schema_open(struct store *s, struct error *err)
{
    int version = 0;
    int r = refuse_foreign(s, err);
    if (r == 0)
        r = number(s, "PRAGMA user_version", &version, err);
    if (r < 0)
        return r;
    if (version > SCHEMA_VERSION)
        return refuse_newer(s, version, err);
    if (s->mode == STORE_READ && version == 0)
        return error_set(err, -ENOENT, "%s is empty: nothing was applied here yet", s->path);
    if (s->mode == STORE_READ && version < SCHEMA_VERSION) {
        error_set(err, -EPROTO, "%s was written by an older citrus (schema %d; this one reads %d)", s->path,
                  version, SCHEMA_VERSION);
        error_hint(err,
                   "run \"citrus recover\" as root once: it opens the store for writing and migrates it");
        return -EPROTO;
    }
    if (s->mode == STORE_WRITE) {
        r = schema_log_ahead(s, err);
        if (r < 0)
            return r;
    }
    if (version < SCHEMA_VERSION)
        r = schema_migrate(s, err);
    s->glances = r == 0;
    return r < 0 ? r : read_identity(s, err);
}
