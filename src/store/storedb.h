/* Inside the store: the connection, its statements and transactions. No other layer includes this.
 *
 * Statements are prepared once a connection and found again by the address of their SQL, which must be a
 * literal. Values are bound after a format, one letter a value:
 *
 *     t const char * (NULL: NULL)   i int64_t   h struct hash128 *   b const void *, size_t
 *
 *     r = db_run(s, "remember the plan", err, "INSERT INTO plan_used VALUES (?, ?)", "ti", digest, now);
 *
 * `doing` completes the sentence "cannot ...". A write is bracketed by db_begin() and db_end(), which do
 * nothing inside store_begin()..store_commit(). */
#ifndef CITRUS_STOREDB_H
#define CITRUS_STOREDB_H
#include "buf.h"
#include "store.h"
#include <sqlite3.h>

/* More than the store has statements; db_query() asserts it. */
#define DB_STATEMENTS 96

#define VAULT_KEY_LEN 32
#define STORE_FILE    "store.db"

struct db_statement {
    const char *sql;
    sqlite3_stmt *stmt;
};

struct store_cache;
struct store_secrets;
struct vault_cipher;

/* How long another writer is waited for once it was waited for in vain. */
#define STORE_AGAIN_MS 200

struct memo {
    const char *name, *text;
};

struct store {
    sqlite3 *db;
    enum store_mode mode;
    char *path; /* for messages */
    char *key_path;
    bool in_tx;    /* between store_begin and store_commit */
    bool snapshot; /* between store_snapshot_begin and its end */
    bool synced;   /* synchronous is FULL now */
    bool changed;  /* something was written that has to last */
    struct db_statement statements[DB_STATEMENTS];
    size_t n_statements;
    char lineage[33];
    unsigned char plan_key[STORE_PLAN_KEY_LEN];
    unsigned char secret_key[VAULT_KEY_LEN];
    char secret_check[SHA256_HEX]; /* which key the secrets were sealed with */
    struct vault_cipher *cipher;   /* of secret_key; NULL: not made */
    bool have_key, key_checked;
    bool anew;            /* made where citrus had been, and nothing was applied since */
    bool scrub;           /* plain text of an older store is left in free pages and the log */
    bool glances;         /* there are rows to be dropped with the next durable write */
    int64_t seen_version; /* of the database when its glance was read */
    bool few;             /* store_few() */
    enum { REMOVALS_UNKNOWN, REMOVALS_NONE, REMOVALS_SOME } removals; /* of the journal */
    struct store_cache *cache;                                        /* NULL: not loaded */
    VEC(struct memo) memo;                                            /* to be written */
    struct arena memo_arena;
    struct store_secrets *secrets; /* NULL: not loaded */
    int64_t bundle_id;             /* put last, 0: none; that transaction may still be open */
    struct hash128 bundle_digest;  /* of its names and texts */
};

/* The words of the journal, by enum tx_state and enum action_state. */
#define TX_STATES     (TX_AWAITING + 1)
#define ACTION_STATES (ACTION_SKIPPED + 1)
extern const char *const tx_words[TX_STATES], *const action_words[ACTION_STATES];
/* The rows of `action` that are of transaction ?1, and of the row of `tx` at hand: schema.c. */
#define OF_TX_1 "action.key BETWEEN ?1 << 32 AND ?1 << 32 | 4294967295"
#define OF_TX   "action.key BETWEEN tx.id << 32 AND tx.id << 32 | 4294967295"

/* DURABLE survives a power cut from the commit on; CHEAP may lose the last commits, never the order. LATER is
 * CHEAP, of what is no less than DURABLE in all else. */
enum durability { DURABLE, LATER, CHEAP };

/* The error of SQLite's result `rc`: names the file, and says what to do. */
int db_error(const struct store *s, int rc, const char *doing, struct error *err);
int db_exec(struct store *s, const char *doing, const char *sql, struct error *err);
int db_run(struct store *s, const char *doing, struct error *err, const char *sql, const char *fmt, ...);
int db_query(struct store *s, const char *doing, sqlite3_stmt **ret, struct error *err, const char *sql,
             const char *fmt, ...);
/* 1: a row; 0: no more; negative: an error. The last two end the query. */
int db_next(struct store *s, const char *doing, sqlite3_stmt *st, struct error *err);
void db_done(sqlite3_stmt *st); /* ends a query early */
/* Around a scan of a whole table, which reads no page twice: in SQLite's own cache they would only take
 * memory that the process is given page by page. */
void db_scan_begin(struct store *s);
void db_scan_end(struct store *s);

int db_begin(struct store *s, enum durability d, const char *doing, struct error *err);
/* Commits when `r` is 0, else rolls back; returns r or the commit's error. */
int db_end(struct store *s, int r, const char *doing, struct error *err);
void db_close(struct store *s);

char *db_text(sqlite3_stmt *st, int col, struct arena *a); /* NULL stays NULL */
struct hash128 db_hash(sqlite3_stmt *st, int col);         /* zero when it is no hash */

/* Brings the schema up to this version, or refuses. Fills lineage and plan key. */
int schema_open(struct store *s, struct error *err);
/* Its parts: the tables, and the mode in which the database is used. */
int schema_migrate(struct store *s, struct error *err);
int schema_log_ahead(struct store *s, struct error *err);

/* make.c: a store where there is none. */
int make_store(struct store *s, int dirfd, struct error *err);

/* The state directory: made when `create`, then checked to be ours, mode 0700. */
int statedir_open(const char *dir, bool create, int *ret_fd, struct error *err);

/* --- vault_key.c: the key of the secrets. vault_open() reads it and holds it against the store: -ENOKEY
 * lost, -EKEYREJECTED another's. vault_key_need() makes one where there is none (a store that has no secrets
 * yet), and vault_note() writes down which it is. Not `synced`: nobody else makes one meanwhile, and the
 * caller syncs the file system before anything is sealed with it. */
int vault_open(struct store *s, struct error *err);
int vault_key_need(struct store *s, bool synced, struct error *err);
int vault_note(struct store *s, struct error *err);
int vault_renew(struct store *s, struct error *err); /* the old key goes aside, a new one is made and noted */

/* --- vault.c: secrets at rest, sealed with that key */
int vault_seal(struct store *s, const char *name, const struct secret *v, struct buf *out, struct error *err);
/* -EBADMSG: it was tampered with. */
int vault_unseal(struct store *s, const char *name, const void *blob, size_t len, struct secret **ret,
                 struct error *err);
int vault_seal_rows(struct store *s, struct error *err); /* those of a store before version 2 */
void vault_scrub(struct store *s);
void vault_cipher_drop(struct store *s); /* the key was changed, or is no longer needed */

/* --- lost.c */
/* -EUCLEAN: the log is damaged, or its database is gone; opening would throw it away. */
int lost_check_log(int dirfd, const char *path, struct error *err);
bool lost_was_here(const struct store *s);
int lost_note(struct store *s, struct error *err); /* in the transaction that makes the tables */
int lost_over(struct store *s, struct error *err); /* a generation was made */

/* --- bundle.c, all inside a transaction */
/* Keeps the texts; *ret is what a row refers to them by. The same as last time are the same. */
int bundle_put(struct store *s, const struct bundle *b, int64_t *ret, struct error *err);
/* After rows that referred to some went. */
int bundles_drop_unused(struct store *s, struct error *err);
int bundles_take_over(struct store *s, struct error *err); /* those of a store before version 9 */

void cache_free(struct store *s);
void secrets_free(struct store *s);
/* All of them, and the key. */
int secrets_forget(struct store *s, struct error *err);
/* The transaction that secrets were written in has ended. */
void secrets_settle(struct store *s, bool kept);

#endif
