/* Secrets by name. Who asks for more than a few has all of them read; what is generated stays in memory until
 * it is kept. */
#include "storedb.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum held {
    KEPT,    /* as in the database */
    NEW,     /* generated, in memory only */
    WRITTEN, /* generated and written, in a transaction that has not ended */
};

struct named {
    char *name;
    struct secret *value;
    enum held held;
};

enum { ONE_BY_ONE = 32 };

struct store_secrets {
    struct named *at; /* in order of name */
    size_t n, cap;
    bool whole;
    size_t asked;        /* one by one */
    struct secret **old; /* replaced, perhaps borrowed still */
    size_t n_old;
};

/* Where `name` is or belongs. */
static size_t place(const struct store_secrets *t, const char *name, bool *ret_found)
{
    size_t low = 0, high = t->n;
    *ret_found = false;
    while (low < high && !*ret_found) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(t->at[mid].name, name);
        if (c == 0) {
            *ret_found = true;
            return mid;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void insert(struct store_secrets *t, size_t i, const char *name, struct secret *value, enum held held)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->at = xrealloc(t->at, t->cap * sizeof *t->at);
    }
    memmove(t->at + i + 1, t->at + i, (t->n - i) * sizeof *t->at);
    size_t len = strlen(name);
    t->at[i] = (struct named){xmalloc(len + 1), value, held};
    memcpy(t->at[i].name, name, len + 1);
    t->n++;
}

static const char reading[] = "read the secrets";

static int row(struct store *s, struct store_secrets *t, sqlite3_stmt *st, struct error *err)
{
    const char *name = (const char *)sqlite3_column_text(st, 0);
    struct secret *value;
    bool found;
    size_t i = place(t, name, &found);
    int r = found ? 0
                  : vault_unseal(s, name, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
                                 &value, err);
    if (r == 0 && !found)
        insert(t, i, name, value, KEPT);
    if (r < 0)
        db_done(st);
    return r;
}

static int load(struct store *s, struct store_secrets *t, struct error *err)
{
    sqlite3_stmt *st;
    int r = t->whole ? 0 : db_query(s, reading, &st, err, "SELECT name, value FROM secret ORDER BY name", "");
    if (r < 0 || t->whole)
        return r;
    while ((r = db_next(s, reading, st, err)) > 0) {
        r = row(s, t, st, err);
        if (r < 0)
            return r;
    }
    t->whole = r == 0;
    return r;
}

static int load_one(struct store *s, struct store_secrets *t, const char *name, struct error *err)
{
    sqlite3_stmt *st;
    int r = db_query(s, reading, &st, err, "SELECT name, value FROM secret WHERE name = ?", "t", name);
    if (r == 0)
        r = db_next(s, reading, st, err);
    if (r > 0) {
        r = row(s, t, st, err);
        if (r == 0)
            db_done(st);
    }
    return r;
}

static void table_free(struct store_secrets *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->at[i].name);
        secret_free(t->at[i].value);
    }
    for (size_t i = 0; i < t->n_old; i++)
        secret_free(t->old[i]);
    free(t->at);
    free(t->old);
    free(t);
}

static int table(struct store *s, struct store_secrets **ret, struct error *err)
{
    if (!s->secrets) {
        struct store_secrets *t = xmalloc(sizeof *t);
        memset(t, 0, sizeof *t);
        int r = vault_open(s, err);
        if (r < 0) {
            table_free(t);
            return r;
        }
        s->secrets = t;
    }
    *ret = s->secrets;
    return 0;
}

/* The table, with the secret of that name in it at *i; -ENOENT: there is none, and *i is its place. */
static int find(struct store *s, const char *name, struct store_secrets **ret, size_t *i, struct error *err)
{
    struct store_secrets *t;
    bool found;
    int r = table(s, &t, err);
    if (r < 0)
        return r;
    *ret = t;
    *i = place(t, name, &found);
    if (found || t->whole)
        return found ? 0 : -ENOENT;
    r = s->few && t->asked++ < ONE_BY_ONE ? load_one(s, t, name, err) : load(s, t, err);
    *i = place(t, name, &found);
    return r < 0 ? r : found ? 0 : -ENOENT;
}

int store_secrets_load(struct store *s, struct error *err)
{
    struct store_secrets *t;
    int r = table(s, &t, err);
    return r < 0 ? r : load(s, t, err);
}

void secrets_free(struct store *s)
{
    if (s->secrets)
        table_free(s->secrets);
    s->secrets = NULL;
}

void secrets_settle(struct store *s, bool kept)
{
    for (size_t i = 0; s->secrets && i < s->secrets->n; i++)
        if (s->secrets->at[i].held == WRITTEN)
            s->secrets->at[i].held = kept ? KEPT : NEW;
}

const struct secret *store_secret_get(struct store *s, const char *name)
{
    struct store_secrets *t;
    size_t i;
    return find(s, name, &t, &i, NULL) == 0 ? t->at[i].value : NULL;
}

int store_secret_need(struct store *s, const char *name, size_t chars, const struct secret **ret,
                      struct error *err)
{
    struct store_secrets *t;
    size_t i;
    int r = find(s, name, &t, &i, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT) {
        struct secret *made;
        r = secret_generate(chars, &made, err);
        if (r < 0)
            return r;
        insert(t, i, name, made, NEW);
    }
    *ret = t->at[i].value;
    return 0;
}

static int write_secret(struct store *s, const char *name, const struct secret *v, bool generated,
                        struct error *err)
{
    struct buf sealed = {0};
    int r = vault_seal(s, name, v, &sealed, err);
    if (r == 0)
        r = db_run(s, "write a secret", err,
                   "INSERT INTO secret (name, value, time, generated) VALUES (?1, ?2, ?3, ?4)"
                   " ON CONFLICT (name) DO UPDATE SET value = ?2, time = ?3, generated = ?4",
                   "tbii", name, (const void *)sealed.at, sealed.len, (int64_t)time(NULL),
                   (int64_t)generated);
    buf_free(&sealed);
    return r;
}

static int drop_secret(struct store *s, const char *name, struct error *err)
{
    return db_run(s, "remove a secret", err, "DELETE FROM secret WHERE name = ?", "t", name);
}

/* Whoever borrowed it keeps it until the store is closed. */
static void retire(struct store_secrets *t, struct secret *v)
{
    t->old = xrealloc(t->old, (t->n_old + 1) * sizeof(struct secret *));
    t->old[t->n_old++] = v;
}

/* In memory; takes `value` over. */
static void put(struct store_secrets *t, const char *name, struct secret *value, enum held held)
{
    bool found;
    size_t i = place(t, name, &found);
    if (!found) {
        insert(t, i, name, value, held);
        return;
    }
    retire(t, t->at[i].value);
    t->at[i].value = value;
    t->at[i].held = held;
}

static void take_out(struct store_secrets *t, const char *name)
{
    bool found;
    size_t i = place(t, name, &found);
    if (!found)
        return;
    retire(t, t->at[i].value);
    free(t->at[i].name);
    t->n--;
    memmove(t->at + i, t->at + i + 1, (t->n - i) * sizeof *t->at);
}

static struct secret *copy_of(const struct secret *v)
{
    return secret_new(secret_reveal(v), secret_len(v));
}

int store_secret_set(struct store *s, const char *name, const struct secret *v, struct error *err)
{
    assert(!s->in_tx);
    static const char doing[] = "write a secret";
    struct store_secrets *t;
    int r = table(s, &t, err);
    if (r == 0)
        r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_end(s, write_secret(s, name, v, false, err), doing, err);
    if (r < 0)
        return r;
    put(t, name, copy_of(v), KEPT);
    return 0;
}

static char *previous_of(const char *name)
{
    size_t n = strlen(name);
    char *previous = xmalloc(n + sizeof SECRET_PREVIOUS);
    memcpy(previous, name, n);
    memcpy(previous + n, SECRET_PREVIOUS, sizeof SECRET_PREVIOUS);
    return previous;
}

int store_secret_rotate(struct store *s, const char *name, size_t chars, bool keep, struct error *err)
{
    struct store_secrets *t;
    struct secret *made;
    size_t i;
    int r = find(s, name, &t, &i, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT)
        return error_set(err, -ENOENT, "there is no secret \"%s\"", name);
    struct secret *before = t->at[i].value;
    r = secret_generate(chars, &made, err);
    if (r < 0)
        return r;
    put(t, name, made, NEW);
    if (keep) {
        char *previous = previous_of(name);
        put(t, previous, copy_of(before), NEW);
        free(previous);
    }
    return 0;
}

int store_secret_revert(struct store *s, const char *name, const struct secret *old, struct error *err)
{
    static const char doing[] = "take back a secret";
    struct store_secrets *t;
    int r = table(s, &t, err);
    if (r == 0)
        r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    char *previous = previous_of(name);
    r = write_secret(s, name, old, true, err);
    if (r == 0)
        r = drop_secret(s, previous, err);
    r = db_end(s, r, doing, err);
    if (r == 0) {
        put(t, name, copy_of(old), KEPT);
        take_out(t, previous);
    }
    free(previous);
    return r;
}

int store_secret_drop(struct store *s, const char *name, struct error *err)
{
    static const char doing[] = "remove a secret";
    struct store_secrets *t;
    int r = table(s, &t, err);
    if (r == 0)
        r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_end(s, drop_secret(s, name, err), doing, err);
    if (r == 0)
        take_out(t, name);
    return r;
}

int secrets_forget(struct store *s, struct error *err)
{
    static const char doing[] = "forget the secrets";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "DELETE FROM secret", "");
    if (r == 0)
        r = vault_renew(s, err);
    return db_end(s, r, doing, err);
}

int store_secrets_keep(struct store *s, struct error *err)
{
    static const char doing[] = "write the generated secrets";
    struct store_secrets *t = s->secrets;
    size_t fresh = 0;
    for (size_t i = 0; t && i < t->n; i++)
        fresh += t->at[i].held == NEW;
    if (!fresh)
        return 0;
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < t->n && r == 0; i++)
        if (t->at[i].held == NEW) {
            r = write_secret(s, t->at[i].name, t->at[i].value, true, err);
            t->at[i].held = WRITTEN;
        }
    return db_end(s, r, doing, err);
}

int store_secret_list(struct store *s, struct arena *a, const char ***names, size_t *n, struct error *err)
{
    int r = store_secrets_load(s, err);
    if (r < 0)
        return r;
    const struct store_secrets *t = s->secrets;
    const char **list = arena_array(a, const char *, t->n + 1);
    for (size_t i = 0; i < t->n; i++)
        list[i] = arena_strdup(a, t->at[i].name);
    *names = list;
    *n = t->n;
    return 0;
}
