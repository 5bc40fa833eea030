/* The connection: cached statements, binding, transactions, errors. */
#include "storedb.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EPERM;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

int db_error(const struct store *s, int rc, const char *doing, struct error *err)
{
    int code = code_of(rc);
    if (code == -EUCLEAN) {
        error_set(err, code, "%s: cannot %s: the store is damaged (%s)", s->path, doing, sqlite3_errstr(rc));
        error_hint(
            err,
            "restore it from a backup, or move it aside together with its -wal and -shm files, keep them, "
            "and salvage what is in it with sqlite3's .recover; without it citrus forgets what it manages "
            "and the secrets it generated");
        return code;
    }
    error_set(err, code, "%s: cannot %s: %s", s->path, doing,
              s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
    if (code == -EBUSY)
        error_hint(err, "another process holds the store; try again when it is done");
    else if (code == -ENOSPC)
        error_hint(err, "make room on the file system of %s; nothing of this step was written", s->path);
    else if (code == -EROFS)
        error_hint(err, "the store was opened for reading or lies on a read-only file system");
    return code;
}

int db_exec(struct store *s, const char *doing, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_error(s, rc, doing, err);
}

static int statement(struct store *s, const char *sql, sqlite3_stmt **ret)
{
    for (size_t i = 0; i < s->n_statements; i++)
        if (s->statements[i].sql == sql) {
            *ret = s->statements[i].stmt;
            return SQLITE_OK;
        }
    assert(s->n_statements < DB_STATEMENTS);
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    s->statements[s->n_statements++] = (struct db_statement){sql, st};
    *ret = st;
    return SQLITE_OK;
}

/* Bytes that stay until a statement has run: no copy. */
struct lent {
    unsigned char hash[4][16];
    size_t n;
};

static int bind_hash(sqlite3_stmt *st, int i, const struct hash128 *h, struct lent *lent)
{
    unsigned char own[16], *b = lent && lent->n < 4 ? lent->hash[lent->n++] : own;
    for (int k = 0; k < 8; k++) {
        b[k] = (unsigned char)(h->high >> (56 - 8 * k));
        b[8 + k] = (unsigned char)(h->low >> (56 - 8 * k));
    }
    return sqlite3_bind_blob(st, i, b, sizeof own, b == own ? SQLITE_TRANSIENT : SQLITE_STATIC);
}

static int bind(sqlite3_stmt *st, struct lent *lent, const char *fmt, va_list ap)
{
    int rc = SQLITE_OK;
    for (int i = 1; fmt[i - 1] && rc == SQLITE_OK; i++)
        switch (fmt[i - 1]) {
        case 't': /* the caller's text outlives the statement's step: no copy */
            rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
            break;
        case 'i':
            rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
            break;
        case 'h':
            rc = bind_hash(st, i, va_arg(ap, const struct hash128 *), lent);
            break;
        case 'b': {
            const void *p = va_arg(ap, const void *);
            rc = sqlite3_bind_blob64(st, i, p, va_arg(ap, size_t), SQLITE_STATIC);
            break;
        }
        default:
            rc = SQLITE_MISUSE; /* a letter that storedb.h does not name */
        }
    return rc;
}

static int vquery(struct store *s, const char *doing, sqlite3_stmt **ret, struct lent *lent,
                  struct error *err, const char *sql, const char *fmt, va_list ap)
{
    sqlite3_stmt *st;
    int rc = statement(s, sql, &st);
    if (rc == SQLITE_OK)
        rc = bind(st, lent, fmt, ap);
    if (rc != SQLITE_OK)
        return db_error(s, rc, doing, err);
    *ret = st;
    return 0;
}

int db_query(struct store *s, const char *doing, sqlite3_stmt **ret, struct error *err, const char *sql,
             const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int r = vquery(s, doing, ret, NULL, err, sql, fmt, ap);
    va_end(ap);
    return r;
}

int db_next(struct store *s, const char *doing, sqlite3_stmt *st, struct error *err)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return 1;
    int r = rc == SQLITE_DONE ? 0 : db_error(s, rc, doing, err);
    db_done(st);
    return r;
}

void db_done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

/* What a transaction has written must not be pushed out of the cache. */
static bool writes(const struct store *s)
{
    return sqlite3_txn_state(s->db, NULL) == SQLITE_TXN_WRITE;
}

/* SQLite's own default; who changes something has what a thousand sites' rows are written to at hand, of
 * which each would otherwise be written to the log and read back some times. */
static void cache_size(struct store *s)
{
    const char *sql = s->changed ? "PRAGMA cache_size=-16000" : "PRAGMA cache_size=-2000";
    sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

void db_scan_begin(struct store *s)
{
    if (!writes(s))
        sqlite3_exec(s->db, "PRAGMA cache_size=-100", NULL, NULL, NULL);
}

void db_scan_end(struct store *s)
{
    sqlite3_db_release_memory(s->db);
    if (!writes(s))
        cache_size(s);
}

int db_run(struct store *s, const char *doing, struct error *err, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    va_start(ap, fmt);
    struct lent lent;
    lent.n = 0;
    int r = vquery(s, doing, &st, &lent, err, sql, fmt, ap);
    va_end(ap);
    while (r == 0) {
        r = db_next(s, doing, st, err);
        if (r <= 0)
            return r;
        r = 0;
    }
    return r;
}

/* --- transactions ----------------------------------------------------------------------------------- */

void store_snapshot_begin(struct store *s)
{
    if (!s->snapshot && sqlite3_get_autocommit(s->db))
        s->snapshot = db_run(s, "begin to read", NULL, "BEGIN", "") == 0;
}

void store_snapshot_end(struct store *s)
{
    if (s->snapshot && !sqlite3_get_autocommit(s->db))
        db_run(s, "end reading", NULL, "COMMIT", "");
    s->snapshot = false;
}

static void rollback(struct store *s)
{
    /* After a full disk or an I/O error SQLite has rolled back already. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_tx = false;
    s->bundle_id = 0;
    secrets_settle(s, false);
}

void (*store_step)(bool after, const char *path);

/* Every commit to the disk passes here and nowhere else. */
static int commit(struct store *s, const char *doing, struct error *err)
{
    if (store_step)
        store_step(false, s->path);
    int r = db_run(s, doing, err, "COMMIT", "");
    if (store_step)
        store_step(true, s->path);
    if (r < 0) {
        rollback(s);
        return r;
    }
    s->in_tx = false;
    secrets_settle(s, true);
    return 0;
}

/* They hold no secret, and may have thousands of pages, each of which would be written once more. */
static int glances_delete(struct store *s, const char *doing, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT 1 FROM glance LIMIT 1", "");
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r <= 0)
        return r;
    db_done(st);
    r = db_exec(s, doing, "PRAGMA secure_delete=OFF", err);
    if (r == 0)
        r = db_exec(s, doing, "DELETE FROM glance", err);
    int again = db_exec(s, doing, "PRAGMA secure_delete=ON", r < 0 ? NULL : err);
    return r < 0 ? r : again;
}

int db_begin(struct store *s, enum durability d, const char *doing, struct error *err)
{
    if (s->in_tx) {
        if (!sqlite3_get_autocommit(s->db))
            return 0;
        return error_set(err, -ECANCELED, "%s: cannot %s: the transaction was taken back by an earlier error",
                         s->path, doing);
    }
    store_snapshot_end(s);
    if (s->synced != (d == DURABLE)) {
        int r =
            db_exec(s, doing, d == DURABLE ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
        if (r < 0)
            return r;
        s->synced = d == DURABLE;
    }
    int r = db_run(s, doing, err, "BEGIN IMMEDIATE", "");
    /* Who held it for so long holds it for longer: what goes on without the journal (taking back) writes to
     * it often, and must not wait each time. */
    sqlite3_busy_timeout(s->db, r == -EBUSY ? STORE_AGAIN_MS : store_patience_ms);
    if (d != CHEAP && !s->changed) {
        s->changed = true;
        cache_size(s);
    }
    /* Here, so that no writer forgets it: store.h, glances. */
    if (r == 0 && d != CHEAP && s->glances) {
        r = glances_delete(s, doing, err);
        if (r < 0)
            rollback(s);
    }
    return r;
}

int db_end(struct store *s, int r, const char *doing, struct error *err)
{
    if (s->in_tx)
        return r;
    if (r < 0) {
        rollback(s);
        return r;
    }
    return commit(s, doing, err);
}

int store_begin(struct store *s, struct error *err)
{
    assert(!s->in_tx);
    int r = db_begin(s, DURABLE, "begin a transaction", err);
    s->in_tx = r == 0;
    return r;
}

int store_begin_after(struct store *s, struct error *err)
{
    assert(!s->in_tx);
    int r = db_begin(s, LATER, "begin a transaction", err);
    s->in_tx = r == 0;
    return r;
}

int store_commit(struct store *s, struct error *err)
{
    assert(s->in_tx);
    return commit(s, "commit", err);
}

void store_rollback(struct store *s)
{
    rollback(s);
}

/* --- columns ---------------------------------------------------------------------------------------- */

char *db_text(sqlite3_stmt *st, int col, struct arena *a)
{
    const unsigned char *t = sqlite3_column_text(st, col);
    return t ? arena_memdup(a, t, (size_t)sqlite3_column_bytes(st, col)) : NULL;
}

struct hash128 db_hash(sqlite3_stmt *st, int col)
{
    struct hash128 h = {0};
    const unsigned char *b = sqlite3_column_blob(st, col);
    if (!b || sqlite3_column_bytes(st, col) != 16)
        return h;
    for (int k = 0; k < 8; k++) {
        h.high = h.high << 8 | b[k];
        h.low = h.low << 8 | b[8 + k];
    }
    return h;
}

void db_close(struct store *s)
{
    if (!s->db)
        return;
    for (size_t i = 0; i < s->n_statements; i++)
        sqlite3_finalize(s->statements[i].stmt);
    s->n_statements = 0;
    sqlite3_close(s->db);
    s->db = NULL;
}
