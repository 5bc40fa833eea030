/* What earlier transactions left on disks: undo directories, the trash. */
#include "sweep.h"
#include "fs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRASH_BESIDE ".citrus-trash" /* fs.h: fs_trash() */

/* The transaction that an entry's name begins with: "12", "12-3-public", "12-blog.sql"; 0: none. */
static int64_t transaction_of(const char *name, bool whole)
{
    char *end;
    errno = 0;
    long long n = strtoll(name, &end, 10);
    bool fits = *name >= '1' && *name <= '9' && errno == 0 && *end == (whole ? '\0' : '-');
    return fits ? n : 0;
}

bool sweep_needed(const struct store_tx *tx)
{
    return tx->state == TX_OPEN || tx->state == TX_STUCK || tx->state == TX_AWAITING;
}

/* What no journal knows is not ours to throw away. */
static bool known(struct sweep *s, int64_t transaction, struct store_tx *ret)
{
    return store_tx_get(s->e->store, transaction, s->a, ret, NULL) == 0;
}

void sweep_note(struct sweep *s, enum prunable what, const char *name, int64_t number, int64_t since)
{
    struct pruned one = {.what = what, .name = name, .number = number, .since = since};
    if (s->ret && name && fs_bytes(s->e->host, name, &one.bytes, NULL) == 0)
        s->ret->bytes += one.bytes;
    /* What undo kept, and came back, is met by the next sweep: its transaction's row stays for long. */
    int (*remove)(struct host *, const char *, struct error *) =
        what == PRUNE_UNDO ? fs_forget_tree : fs_remove_tree;
    if (!s->plan_only && name && remove(s->e->host, name, &one.err) < 0 && s->ret)
        s->ret->failed++;
    if (s->ret)
        vec_push(s->a, &s->ret->list, one);
}

void sweep_undo(struct sweep *s)
{
    const char *dir = arena_printf(s->a, "%s/undo", s->e->state_dir), **names;
    struct store_tx tx;
    size_t n;
    if (fs_list(s->e->host, dir, s->a, &names, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        int64_t number = transaction_of(names[i], true);
        if (number && number != s->keep && known(s, number, &tx) && !sweep_needed(&tx))
            sweep_note(s, PRUNE_UNDO, arena_printf(s->a, "%s/%s", dir, names[i]), number, tx.ended);
    }
}

/* --- the trash ------------------------------------------------------------------------------------------ */

static void add_place(struct strings *places, const char *dir)
{
    for (size_t i = 0; i < places->n; i++)
        if (strcmp(places->at[i], dir) == 0)
            return;
    places->at[places->n++] = dir;
}

/* The state directory's, and those beside trees that lie on other file systems. */
static int trash_places(struct sweep *s, struct strings *ret, struct error *err)
{
    const char **paths;
    size_t n;
    int r = store_trash_paths(s->e->store, s->a, &paths, &n, err);
    if (r < 0)
        return r;
    *ret = (struct strings){.at = arena_array(s->a, const char *, n + 1)};
    ret->at[ret->n++] = arena_printf(s->a, "%s/trash", s->e->state_dir);
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(paths[i], '/');
        if (slash)
            add_place(ret, arena_printf(s->a, "%.*s/" TRASH_BESIDE, (int)(slash - paths[i]), paths[i]));
    }
    return 0;
}

/* Rolling back the newest generation needs what its own transaction removed, and what came after. */
static int newest_transaction(struct sweep *s, int64_t *ret, struct error *err)
{
    struct store_generation g = {0};
    int r = store_generation_newest(s->e->store, s->a, &g, err);
    if (r == -ENOENT)
        error_clear(err);
    *ret = g.transaction;
    return r == -ENOENT ? 0 : r;
}

static void trash_entry(struct sweep *s, const char *path, int64_t number, int64_t newest,
                        struct trash_list *ret)
{
    struct trashed t = {.path = path, .transaction = number};
    struct store_tx tx;
    struct fs_stat st;
    if (!known(s, number, &tx) || fs_stat(s->e->host, path, &st, NULL) < 0 || st.type == FS_ABSENT)
        return;
    t.since = tx.ended ? tx.ended : tx.begun;
    t.until = t.since + engine_retention(s->e)->trash;
    t.held = sweep_needed(&tx) || (newest && number >= newest);
    vec_push(s->a, ret, t);
}

static int trash_list(struct sweep *s, struct trash_list *ret, struct strings *places, struct error *err)
{
    int64_t newest = 0;
    int r = trash_places(s, places, err);
    if (r == 0)
        r = newest_transaction(s, &newest, err);
    for (size_t i = 0; i < places->n && r == 0; i++) {
        const char **names;
        size_t n;
        if (fs_list(s->e->host, places->at[i], s->a, &names, &n, NULL) < 0)
            continue;
        for (size_t k = 0; k < n; k++)
            if (transaction_of(names[k], false))
                trash_entry(s, arena_printf(s->a, "%s/%s", places->at[i], names[k]),
                            transaction_of(names[k], false), newest, ret);
    }
    return r;
}

int sweep_trash(struct sweep *s, struct trash_list *stays, struct error *err)
{
    struct trash_list all = {0};
    struct strings places = {0};
    int r = trash_list(s, &all, &places, err);
    for (size_t i = 0; i < all.n && r == 0; i++) {
        const struct trashed *t = &all.at[i];
        if (t->held || s->now < t->until)
            vec_push(s->a, stays, *t);
        else
            sweep_note(s, PRUNE_TRASH, t->path, t->transaction, t->since);
    }
    /* One beside a tree is there as long as something is in it. */
    for (size_t i = 1; i < places.n && r == 0 && !s->plan_only; i++)
        fs_rmdir(s->e->host, places.at[i], NULL);
    return r;
}

/* --- what the trash holds, for people ------------------------------------------------------------------- */

/* Which action left it: the one whose notes name the entry, whole or by its last part. */
static void name_entry(struct trashed *t, const struct store_action *rows, size_t n)
{
    const char *base = strrchr(t->path, '/') + 1;
    for (size_t i = 0; i < n; i++) {
        json_t *root = rows[i].undo ? json_loads(rows[i].undo, 0, NULL) : NULL;
        const char *name = json_string_value(json_object_get(json_object_get(root, "saved"), "trash"));
        if (name && (strcmp(name, t->path) == 0 || strcmp(name, base) == 0)) {
            t->kind = rows[i].kind;
            t->id = rows[i].id;
            t->site = rows[i].site;
        }
        json_decref(root);
    }
}

int engine_trash(struct engine *e, struct arena *a, struct trash_list *ret, struct error *err)
{
    struct sweep s = {.e = e, .a = a};
    struct strings places = {0};
    struct store_generation *list = NULL;
    size_t n = 0;
    int r = store_generation_list(e->store, a, &list, &n, err);
    if (r == 0)
        r = trash_list(&s, ret, &places, err);
    for (size_t i = 0; i < ret->n && r == 0; i++) {
        struct trashed *t = &ret->at[i];
        struct store_action *rows;
        size_t count;
        for (size_t k = 0; k < n; k++)
            if (list[k].transaction == t->transaction)
                t->generation = list[k].number;
        r = fs_bytes(e->host, t->path, &t->bytes, err);
        if (r == 0)
            r = store_actions(e->store, t->transaction, a, &rows, &count, err);
        if (r == 0)
            name_entry(t, rows, count);
    }
    return r;
}
