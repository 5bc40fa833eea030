#include "fs.h"
#include "internal.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <time.h>

/* What citrus manages below a tree that goes: no row of the journal tells of it. */
static void write_content(const struct plan *p, const struct change *c, struct jsonw *j)
{
    bool all = false;
    const char *tree = c->op == OP_REMOVE && c->res->kind->place ? c->res->kind->place(c->res, &all) : NULL;
    if (!tree || !all)
        return;
    jw_array(j, "content");
    for (size_t i = 0; i < p->forgotten.n; i++) {
        const struct forgotten *f = &p->forgotten.at[i];
        if (!path_below(f->path, tree))
            continue;
        jw_object(j, NULL);
        jw_str(j, "kind", f->kind);
        jw_str(j, "id", f->id);
        jw_raw(j, "row", f->spec);
        jw_end(j);
    }
    jw_end(j);
}

char *undo_record(const struct plan *p, const struct change *c, struct hash128 before, const char *saved)
{
    char hex[HASH_HEX];
    struct buf b = {0};
    struct jsonw j;
    hash_hex(before, hex);
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    jw_str(&j, "op", op_names[c->op]);
    jw_str(&j, "before", hex);
    jw_raw(&j, "saved", saved);
    write_content(p, c, &j);
    jw_end(&j);
    char *s = arena_strdup(p->arena, buf_str(&b));
    buf_free(&b);
    return s;
}

static enum op op_of(const char *word)
{
    for (enum op op = OP_CREATE; word && op <= OP_REMOVE; op++)
        if (strcmp(word, op_names[op]) == 0)
            return op;
    return OP_NONE;
}

struct keeping {
    struct engine *e;
    int64_t tx, seq;
};

/* What an earlier undo of the same action, which did not come to its end, or the action itself put into the
 * trash has a name there already. */
static char *kept_name(struct arena *a, const struct keeping *k, const char *path, int nth)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    return nth == 1 ? arena_printf(a, "%lld-%lld-%s", (long long)k->tx, (long long)k->seq, base)
                    : arena_printf(a, "%lld-%lld-%s.%d", (long long)k->tx, (long long)k->seq, base, nth);
}

#define KEPT_MOST 100 /* of one action, under one name */

/* kind.h: keep. */
static int keep(void *self, const char *path, struct error *err)
{
    const struct keeping *k = self;
    struct arena a = {0};
    char *where;
    int r = -EEXIST;
    for (int nth = 1; r == -EEXIST && nth <= KEPT_MOST; nth++) {
        error_clear(err);
        r = fs_trash(k->e->host, path, kept_name(&a, k, path, nth), &a, &where, err);
    }
    if (r == 0) {
        /* So that what lies beside a tree of another file system is swept, too. */
        store_action_trashed(k->e->store, k->tx, k->seq, NULL);
        EVENT(k->e, kept, path, where);
    }
    arena_free(&a);
    return r;
}

static int undo_by_kind(struct keeping *k, const struct resource *res, const char *record, struct error *err)
{
    json_error_t je;
    json_t *root = json_loads(record, 0, &je);
    if (!root)
        return error_set(err, -EINVAL, "the undo record of %s %s is no JSON: %s", res->kind->name, res->id,
                         je.text);
    struct arena a = {0};
    struct kind_ctx ctx = engine_ctx(k->e, &a, k->tx);
    ctx.keep = keep;
    ctx.keep_self = k;
    enum op op = op_of(json_string_value(json_object_get(root, "op")));
    int r = 0;
    if (op != OP_NONE)
        r = res->kind->undo(&ctx, res, op, json_object_get(root, "saved"), err);
    json_decref(root);
    arena_free(&a);
    return r;
}

static bool content_differs(const struct resource *res, const void *found, struct arena *a)
{
    struct delta d = record_diff(res->kind->record, res->spec, found, NULL, a);
    for (size_t i = 0; i < d.n; i++)
        if (field_is_digest(d.at[i].field))
            return true;
    return false;
}

static bool was_before(const struct resource *res, const char *record, const void *found)
{
    char now[HASH_HEX];
    hash_hex(record_fingerprint(res->kind->record, found), now);
    json_t *root = json_loads(record, 0, NULL);
    const char *then = json_string_value(json_object_get(root, "before"));
    bool same = then && strcmp(then, now) == 0;
    json_decref(root);
    return same;
}

/* What somebody wrote over what this transaction wrote would go with it: a person's work, which no journal
 * knows. It goes to the trash, and is told of. */
static int keep_strangers(struct keeping *k, const struct resource *res, const char *record,
                          struct error *err)
{
    struct arena a = {0};
    struct watch_list at = {0};
    bool all = false;
    int r = 0;
    if (res->kind->watch)
        res->kind->watch(res, &a, &at);
    else if (res->kind->place)
        vec_push(&a, &at.paths, res->kind->place(res, &all));
    void *found = NULL;
    bool strange = at.paths.n && !all && engine_observe_one(k->e, &a, res, &found, NULL) == 0 && found &&
                   !was_before(res, record, found) && (res->absent || content_differs(res, found, &a));
    for (size_t i = 0; strange && i < at.paths.n && r == 0; i++) {
        struct fs_stat st;
        if (fs_stat(k->e->host, at.paths.at[i], &st, NULL) == 0 && st.type == FS_FILE)
            r = keep(k, at.paths.at[i], err);
    }
    arena_free(&a);
    return r;
}

#define TRY_EVERY_MS 250

/* A server that died in mid-statement is there again in a few seconds (Debian's mariadb.service:
 * RestartSec=5s), and a person need not be called for that. */
static bool may_come_back(int r)
{
    return r == -ENOTCONN || r == -EBUSY || r == -ETIMEDOUT;
}

static int undo_patiently(struct keeping *k, const struct resource *res, const char *record,
                          struct error *err)
{
    const struct engine *e = k->e;
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (;;) {
        int r = undo_by_kind(k, res, record, err);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!may_come_back(r) || now.tv_sec - begun.tv_sec >= e->undo_patience)
            return r;
        if (e->progress)
            e->progress->say(e->progress->self, err->text);
        nanosleep(&(struct timespec){.tv_nsec = TRY_EVERY_MS * 1000000L}, NULL);
        error_clear(err);
    }
}

int undo_run(struct engine *e, int64_t tx, int64_t seq, const struct resource *res, const char *record,
             bool complete, struct error *err)
{
    /* A journal that cannot be written is no reason to leave the new state there: what it says of this action
     * already leads back, and taking back twice is taking back once. The end of the transaction tells. */
    store_action_state(e->store, tx, seq, ACTION_UNDOING, NULL, NULL);
    struct keeping k = {e, tx, seq};
    int r = complete ? keep_strangers(&k, res, record, err) : 0;
    if (r == 0)
        r = undo_patiently(&k, res, record, err);
    if (r < 0) {
        error_prefix(err, "undoing %s %s", res->kind->name, res->id);
        if (may_come_back(r))
            error_hint(err, "when it answers again, `citrus recover` takes back the rest; see `systemctl "
                            "status` and `journalctl` of its unit");
        else if (err && err->hint[0]) /* it knows what to do */
            error_hint_more(err, "; then `citrus recover` takes back the rest");
        else
            error_hint(
                err, "see `citrus show` for what was done; put it right by hand, then run `citrus recover`");
        store_action_state(e->store, tx, seq, ACTION_STUCK, err->text, NULL);
        return r;
    }
    store_action_state(e->store, tx, seq, ACTION_UNDONE, NULL, NULL);
    return 0;
}
