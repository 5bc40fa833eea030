/* citrus's memory: one SQLite database, /var/lib/citrus/store.db (mode 0600, directory 0700), in WAL mode.
 *
 * Holds: meta (schema version, lineage, plan key), the cache of file digests, what is managed, the
 * generations, the journal of transactions and their actions, and secrets. Journal writes commit with
 * synchronous=FULL; the cache's with NORMAL. A store from a newer citrus is refused, from an older one
 * migrated. All texts that come back live in the caller's arena. */
#ifndef CITRUS_STORE_H
#define CITRUS_STORE_H
#include "arena.h"
#include "error.h"
#include "hash.h"
#include "secret.h"
#include "texts.h"
#include <stdbool.h>
#include <stdint.h>

/* How long another program that writes to the store is waited for; tests take less. */
extern int store_patience_ms;

struct store;

/* `dir` is the state directory (/var/lib/citrus in the root), made and closed to others by STORE_WRITE.
 * STORE_READ: no write is made, and -ENOENT when there is none. STORE_MEMORY: nothing on disk (`dir` may be
 * NULL), for a plan of someone who may not write. Other errors: -EPROTO of a newer citrus, -EUCLEAN damaged
 * (or only its log is left: nothing is thrown away),
 * -EMEDIUMTYPE another program's, -EPERM a directory of someone else. One thread uses stores. */
enum store_mode { STORE_WRITE, STORE_READ, STORE_MEMORY };
int store_open(const char *dir, enum store_mode mode, struct store **ret, struct error *err);
/* The same with STORE_WRITE but for the key, which store_ready() holds against it before anything else than a
 * glance is done. */
int store_open_glance(const char *dir, struct store **ret, struct error *err);
int store_ready(struct store *s, struct error *err);
struct store *store_close(struct store *s);

/* It is new, where citrus has been before: what was managed, the history and the secrets are lost. True until
 * something was applied. */
bool store_anew(const struct store *s);

/* Called right before and right after each commit: the program's fault points, which belong to a sibling of
 * this layer. NULL: not called. */
extern void (*store_step)(bool after, const char *path);

/* The lock against a second run: flock on `dir`/lock, the holder's pid and start inside.
 * -EWOULDBLOCK with a text that names the holder. Held until store_unlock or the process ends. */
int store_lock(const char *dir, int *ret_fd, struct error *err);
void store_unlock(int fd);
bool store_locked(const char *dir); /* by anyone, at this moment */
struct store_holder {
    long pid;      /* 0: it has not signed yet, and `since` is 0, too */
    int64_t since; /* unix seconds */
};
/* The same, and by whom. Makes nothing, waits for nobody; false where it cannot be asked. */
bool store_lock_holder(const char *dir, struct store_holder *ret);

/* 32 hex digits, made with the store: plans of another lineage are refused. */
const char *store_lineage(const struct store *s);
/* 32 bytes that key the hashes of sensitive fields and the seal of plan files. */
const void *store_plan_key(const struct store *s);
#define STORE_PLAN_KEY_LEN 32

/* --- cache of digests: path -> identity and content hash ----------------------------------------- */
struct store_file {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    struct hash128 digest;
};
bool store_cache_get(struct store *s, const char *path, struct store_file *ret);
/* Puts are collected and written by store_cache_flush(), in one transaction that is not synced, and not at
 * all in STORE_READ. */
void store_cache_put(struct store *s, const char *path, const struct store_file *f);
int store_cache_flush(struct store *s, struct error *err);
/* For who is about to commit what store_begin() began: this cache and the memo go with it, and need no
 * transaction of their own. */
int store_collected_keep(struct store *s, struct error *err);

/* From here on little is asked for, beside what there is: digests and secrets are read one by one, and not
 * all of them when the first is asked for. */
void store_few(struct store *s);

/* Between the two all reads are of one moment, and each spares the locks that it takes and gives back by
 * itself. What writes ends it. Not for what waits for a person: the log cannot begin anew meanwhile. */
void store_snapshot_begin(struct store *s);
void store_snapshot_end(struct store *s);

/* --- memo: what was worked out from contents (memo.c) ---------------------------------------------- */
/* False where nothing is known. */
bool store_memo_get(struct store *s, const char *name, struct arena *a, const char **ret);
/* As with the cache: written by the flush. */
void store_memo_put(struct store *s, const char *name, const char *text);
int store_memo_flush(struct store *s, struct error *err);

/* --- what a look that found nothing to do leaves for the next --------------------------------------------
 */
struct store_glance {
    int64_t made, until; /* unix seconds */
    const char *paths;   /* host's footprint */
    size_t len;
    struct hash128 stamps;
    struct hash128 contents; /* of what it read, where no stamp is believed; else zero */
    const char *kinds;       /* names of the kinds that are looked at each time, a blank between two */
    const char *output;      /* what it said */
    struct hash128 base;     /* of what it was asked but for the manifest's texts */
    const void *whole;       /* the caller's: what a look at a part needs of it; NULL: nothing */
    size_t whole_len;
};
/* -ENOENT: none. Every durable write drops them all: what is managed, the journal, secrets, what is owed. */
int store_glance_get(struct store *s, struct hash128 key, struct arena *a, struct store_glance *ret,
                     struct error *err);
/* The newest of these that has a `whole`. */
int store_glance_base(struct store *s, struct hash128 base, struct arena *a, struct store_glance *ret,
                      struct error *err);
/* Writes nothing where another process has written to the store since store_glance_get(), which comes first.
 */
int store_glance_put(struct store *s, struct hash128 key, const struct store_glance *g, struct error *err);
int store_glance_drop(struct store *s, struct error *err); /* all */

/* --- what is managed -------------------------------------------------------------------------------- */
struct store_managed {
    const char *kind, *id, *site; /* site NULL: the server's */
    const char *spec;             /* JSON, as last promised */
    struct hash128 wanted;        /* fingerprint of the spec as last promised */
    int64_t rank;                 /* place in the order of the transaction that made it */
    int64_t generation;           /* that last promised it */
    struct hash128 digest; /* the caller's, of what `spec` was made from; zero: an older citrus wrote it */
};
/* In the order of kind and id, bytewise, which is the table's own. */
int store_managed_list(struct store *s, struct arena *a, struct store_managed **ret, size_t *n,
                       struct error *err);
/* In that order, too: the texts of a row are lent until `take` returns. */
int store_managed_each(struct store *s, void (*take)(void *self, const struct store_managed *lent),
                       void *self, struct error *err);
/* -ENOENT: it is not managed. */
int store_managed_get(struct store *s, const char *kind, const char *id, struct arena *a,
                      struct store_managed *ret, struct error *err);
/* Inside a journal transaction: see store_begin. */
int store_managed_put(struct store *s, const struct store_managed *m, struct error *err);
int store_managed_drop(struct store *s, const char *kind, const char *id, struct error *err);

/* --- generations -------------------------------------------------------------------------------------- */
struct store_generation {
    int64_t number;                    /* from 1 */
    int64_t time;                      /* unix seconds */
    int64_t transaction;               /* that applied it */
    int64_t rollback_of;               /* the generation whose content it took, 0: none */
    const struct bundle *bundle;       /* NULL: not read */
    const char *digest;                /* SHA-256 of the bundle */
    const char *who;                   /* login or "root" */
    const char *reason;                /* may be NULL */
    const char *status;                /* "applied", "partial" (some sites were undone) */
    int64_t created, changed, removed; /* by its transaction */
    const char *sites;                 /* of its transaction; read only */
};
/* `g->number` is given by the store. */
int store_generation_add(struct store *s, struct store_generation *g, struct error *err);
int store_generation_get(struct store *s, int64_t number, struct arena *a, struct store_generation *ret,
                         struct error *err); /* number 0: the newest; -ENOENT when there is none */
/* The newest without its bundle, which is the manifest's whole text. */
int store_generation_newest(struct store *s, struct arena *a, struct store_generation *ret,
                            struct error *err);
int store_generation_list(struct store *s, struct arena *a, struct store_generation **ret, size_t *n,
                          struct error *err); /* newest first, without bundles */

int store_generations_drop(struct store *s, int64_t below, struct error *err);

/* The texts that a transaction was begun with. They live in `a`. */
int store_bundle_get(struct store *s, int64_t id, struct arena *a, const struct bundle **ret,
                     struct error *err);
/* Whether the manifest of a generation from `first` on has this word. */
int store_generations_name(struct store *s, int64_t first, const char *word, bool *ret, struct error *err);

/* --- journal ------------------------------------------------------------------------------------------ */
/* TX_AWAITING: it came to its end and is recorded, and is taken back unless somebody confirms it. */
enum tx_state { TX_OPEN, TX_DONE, TX_UNDONE, TX_PARTIAL, TX_STUCK, TX_AWAITING };
enum action_state {
    ACTION_PLANNED,
    ACTION_INTENT,
    ACTION_DONE,
    ACTION_UNDOING,
    ACTION_UNDONE,
    ACTION_STUCK,
    ACTION_SKIPPED
};
struct store_tx {
    int64_t id, begun, ended; /* ended 0: open */
    enum tx_state state;
    const char *why; /* "apply", "rollback 3", "drift", "recover" */
    const char *who;
    const struct bundle *bundle; /* to be written, NULL: none; what was read has bundle_id */
    int64_t bundle_id;           /* for store_bundle_get(); 0: none */
    const char *error;           /* first failure, NULL */
    const char *sites;           /* those that it was for, a blank between two; NULL: all, and the server */
    const char *reason;          /* of who ran it, NULL */
    int64_t created, changed, removed; /* what stood when it ended */
};
struct store_action {
    int64_t tx, seq;
    enum action_state state;
    const char *kind, *id, *site, *op;
    const char *spec;             /* JSON */
    struct hash128 before, after; /* fingerprints: as the plan saw it, as promised */
    const char *undo;             /* JSON of the kind's capture; NULL until INTENT */
    const char *error;            /* NULL */
};
/* Sets room aside on the store's file system, for what a run that fails must still write (a file of that
 * size) and make (so many of no size; STORE_RESERVE_FILES at most): -ENOSPC while nothing is begun rather
 * than in the middle. Again is fine. It is released before that is needed, and when a run ends. */
#define STORE_RESERVE_FILES 16
int store_reserve(struct store *s, int64_t bytes, size_t files, struct error *err);
void store_reserve_release(struct store *s); /* none there is fine */
/* Opens a transaction with its actions, in one commit. */
int store_tx_begin(struct store *s, struct store_tx *tx, const struct store_action *actions, size_t n,
                   struct error *err);
/* Further actions of it: PLANNED, or INTENT with `undo`. */
int store_actions_add(struct store *s, int64_t tx, const struct store_action *actions, size_t n,
                      struct error *err);
/* Each is one durable commit. */
int store_action_intent(struct store *s, int64_t tx, int64_t seq, const char *undo, struct error *err);
int store_action_state(struct store *s, int64_t tx, int64_t seq, enum action_state st, const char *error,
                       struct error *err);
/* Its undo put into the trash what others had put in the place of what it made. */
int store_action_trashed(struct store *s, int64_t tx, int64_t seq, struct error *err);
/* The `n` intents from `first` on. */
int store_actions_done(struct store *s, int64_t tx, int64_t first, size_t n, struct error *err);
/* Many at once (a batch of actions, the end of a transaction): begin, any of the calls above and the
 * managed and generation calls, then commit. */
int store_begin(struct store *s, struct error *err);
/* The same, durable with the next durable commit: a loss of power before that takes it back, and nothing
 * else. */
int store_begin_after(struct store *s, struct error *err);
int store_commit(struct store *s, struct error *err);
void store_rollback(struct store *s);
int store_tx_end(struct store *s, int64_t tx, enum tx_state st, const char *error, struct error *err);
int store_tx_get(struct store *s, int64_t id, struct arena *a, struct store_tx *ret,
                 struct error *err); /* 0: newest */
int store_tx_list(struct store *s, size_t limit, struct arena *a, struct store_tx **ret, size_t *n,
                  struct error *err); /* newest first; limit 0: all */
/* Those in state TX_OPEN (a crash left them, or this run is in them) and TX_STUCK, oldest first. */
int store_tx_open(struct store *s, struct arena *a, struct store_tx **ret, size_t *n, struct error *err);
int store_actions(struct store *s, int64_t tx, struct arena *a, struct store_action **ret, size_t *n,
                  struct error *err);
/* An apply that is to be confirmed; there is one at a time. Between its begin and its end `until` is 0. What
 * is managed and the generation are recorded as those of any other apply; store_awaiting_revert() is the way
 * back. */
struct store_awaiting {
    int64_t tx; /* 0: none */
    int64_t seconds;
    int64_t until; /* unix seconds */
    bool partial;  /* what the transaction is once it is confirmed */
};
int store_awaiting_get(struct store *s, struct store_awaiting *ret, struct error *err);
int store_awaiting_begin(struct store *s, int64_t tx, int64_t seconds, struct error *err);
/* In the commit that ends the transaction: _keep() before anything is recorded, _set() instead of
 * store_tx_end(). */
int store_awaiting_keep(struct store *s, struct error *err);
int store_awaiting_set(struct store *s, const struct store_awaiting *w, struct error *err);
int store_awaiting_confirm(struct store *s, const struct store_awaiting *w, struct error *err);
/* In the commit that says that `tx` is undone; nothing to do where another or none awaits. */
int store_awaiting_revert(struct store *s, int64_t tx, struct error *err);
/* What transactions that stand removed under this name, oldest first: when, and the undo record. */
struct store_removal {
    int64_t tx, time;
    const char *undo;
};
int store_removals(struct store *s, const char *kind, const char *id, struct arena *a,
                   struct store_removal **ret, size_t *n, struct error *err);
/* The paths of resources that went to a trash, or that others' things went there from, each once. */
int store_trash_paths(struct store *s, struct arena *a, const char ***ret, size_t *n, struct error *err);
/* Transactions that ended before this time, oldest first. Of those from `oldest` on, only such that still
 * have more than what store_tx_drop() leaves. */
int store_tx_old(struct store *s, int64_t before, int64_t oldest, struct arena *a, int64_t **ret, size_t *n,
                 struct error *err);
/* Drops a transaction's actions, but for those that put something into a trash; `whole`: these, too. Without
 * any it goes itself. */
int store_tx_drop(struct store *s, int64_t tx, bool whole, struct error *err);
/* A saved plan is applied once: -EEXIST when `digest` was used before. */
int store_plan_use(struct store *s, const char *digest, struct error *err);
/* One row for a run that looked: for `status`. */
int store_run_note(struct store *s, const char *command, int exit_status, int64_t changes, struct error *err);
int store_run_last(struct store *s, struct arena *a, const char **command, int64_t *time, int *exit_status,
                   int64_t *changes, struct error *err); /* -ENOENT */

/* --- what services are still to be told ------------------------------------------------------------------
 */
struct store_owed {
    const char *kind, *id; /* of the service */
    const char *how;       /* one word: "reload", "restart" */
    int64_t tx;            /* the transaction that changed what it runs with, and did not come to it */
};
/* By kind and id. */
int store_owed_list(struct store *s, struct arena *a, struct store_owed **ret, size_t *n, struct error *err);
/* As a part of a store_begin(), or each a durable commit. None there to be dropped is fine. */
int store_owed_put(struct store *s, const struct store_owed *o, struct error *err);
int store_owed_drop(struct store *s, const char *kind, const char *id, struct error *err);

/* --- mending drift ------------------------------------------------------------------------------------- */
/* Failures in a row for one generation. */
struct store_drift {
    int64_t generation, failures, time; /* all 0: none */
    const char *error;                  /* of the last one; may be NULL */
};
int store_drift_get(struct store *s, struct arena *a, struct store_drift *ret, struct error *err);
int store_drift_put(struct store *s, const struct store_drift *d, struct error *err);

/* --- secrets ------------------------------------------------------------------------------------------- */
/* Encrypted at rest with the key in `dir`/secret.key (0600), which is made with the store: vault_key.c.
 * STORE_WRITE needs it to open; STORE_READ needs it for the calls below: -ENOKEY it is lost, -EKEYREJECTED it
 * is another store's, -EBADMSG a value was tampered with. STORE_MEMORY needs none. */
int store_secrets_load(struct store *s, struct error *err); /* what else happens at the first use */
/* Borrowed until store_close; NULL: not there. */
const struct secret *store_secret_get(struct store *s, const char *name);
/* The one that is there, or a generated one that is kept in memory until store_secrets_keep(). */
int store_secret_need(struct store *s, const char *name, size_t chars, const struct secret **ret,
                      struct error *err);
int store_secret_set(struct store *s, const char *name, const struct secret *v, struct error *err);
int store_secrets_keep(struct store *s, struct error *err); /* writes what was generated, durably */
/* NAME gets a generated value, and with `keep` NAME.previous the one before: in memory, until they are kept.
 * The value before stays borrowed. -ENOENT: there is no NAME. */
int store_secret_rotate(struct store *s, const char *name, size_t chars, bool keep, struct error *err);
/* The way back, durably: NAME has the value `old` again, and there is no NAME.previous. */
int store_secret_revert(struct store *s, const char *name, const struct secret *old, struct error *err);
int store_secret_drop(struct store *s, const char *name, struct error *err); /* durably; none there is fine */
/* Gives up all values and the key (which goes aside as secret.key.old), for when the key is lost. */
int store_secrets_forget(const char *dir, struct error *err);
int store_secret_list(struct store *s, struct arena *a, const char ***names, size_t *n, struct error *err);

#endif
