/* One action forward: look again, keep what undo needs, write the intent, change, look whether it is so. */
#include "internal.h"
#include <errno.h>
#include <string.h>

static bool needs_changed(const struct resource *r, unsigned depth)
{
    for (size_t i = 0; depth && i < r->needs.n; i++)
        if (r->needs.at[i]->changed || needs_changed(r->needs.at[i], depth - 1))
            return true;
    return false;
}

/* Who moved the target: 0 where this very transaction may have (a package brought its configuration and its
 * directories, a service was started by its package), -ESTALE where it was somebody else. */
static int who_moved(const struct plan *p, struct kind_ctx *ctx, const struct change *c, const void *found,
                     struct error *err)
{
    struct delta d = {0};
    if (p->widened || needs_changed(c->res, 8))
        return 0;
    if (c->found && found)
        d = record_diff(c->res->kind->record, c->found, found, &ctx->redaction, p->arena);
    if (d.n)
        return error_set(err, -ESTALE, "%s %s: %s was \"%s\" when the plan was made and is \"%s\" now",
                         c->res->kind->name, c->res->id, d.at[0].field->name, d.at[0].after,
                         d.at[0].before ? d.at[0].before : "(unset)");
    return error_set(err, -ESTALE, "%s %s %s since the plan was made", c->res->kind->name, c->res->id,
                     !found      ? "went away"
                     : !c->found ? "appeared"
                                 : "changed");
}

/* The target moved since the plan, by our own doing: the change is worked out anew. */
static int replan(struct engine *e, struct plan *p, struct action *act, void *found, struct error *err)
{
    struct change *c = &act->change;
    const struct record *rec = c->res->kind->record;
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    int r = who_moved(p, &ctx, c, found, err);
    if (r < 0)
        return r;
    act->before = record_fingerprint(rec, found);
    c->found = found;
    if (c->res->absent) {
        c->op = found ? OP_REMOVE : OP_NONE;
        return 0;
    }
    c->delta = record_diff(rec, c->res->spec, found, &ctx.redaction, p->arena);
    c->op = !found ? OP_CREATE : c->delta.n ? OP_UPDATE : OP_NONE;
    if (c->op != OP_NONE && c->res->kind->plan)
        c->res->kind->plan(&ctx, c);
    return 0;
}

static int look_again(struct engine *e, struct plan *p, struct action *batch, size_t n, struct error *err)
{
    struct seen *seen = arena_array(p->arena, struct seen, n);
    for (size_t i = 0; i < n; i++)
        seen[i].res = (struct resource *)batch[i].change.res;
    int r = engine_observe(e, p->arena, seen, n, err);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct hash128 now = record_fingerprint(seen[i].res->kind->record, seen[i].found);
        if (!hash_equal(now, batch[i].before))
            r = replan(e, p, &batch[i], seen[i].found, err);
        else
            batch[i].change.found = seen[i].found;
        if (r == 0 && batch[i].change.res->absent && !seen[i].found)
            batch[i].change.op = OP_NONE; /* nothing brought it */
    }
    return r;
}

static int write_intents(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
                         struct error *err)
{
    struct kind_ctx ctx = engine_ctx(e, p->arena, tx);
    for (size_t i = 0; i < n; i++) {
        struct action *act = &batch[i];
        const struct kind *k = act->change.res->kind;
        if (act->change.op == OP_NONE)
            continue;
        struct buf b = {0};
        struct jsonw j;
        jw_init(&j, &b, false);
        jw_object(&j, NULL);
        int r = 0;
        if (k->capture)
            r = k->capture(&ctx, &act->change, arena_printf(p->arena, "%lld", (long long)act->seq), &j, err);
        jw_end(&j);
        if (r == 0)
            act->undo = undo_record(p->arena, act->change.op, act->before, buf_str(&b));
        buf_free(&b);
        if (r < 0)
            return r;
    }
    int r = store_begin(e->store, err);
    for (size_t i = 0; i < n && r == 0; i++)
        r = batch[i].undo ? store_action_intent(e->store, tx, batch[i].seq, batch[i].undo, err)
                          : store_action_state(e->store, tx, batch[i].seq, ACTION_SKIPPED, NULL, err);
    if (r == 0)
        r = store_commit(e->store, err);
    else
        store_rollback(e->store);
    for (size_t i = 0; i < n && r == 0; i++)
        batch[i].state = batch[i].undo ? ACTION_INTENT : ACTION_SKIPPED;
    return r;
}

static int change_all(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
                      struct error *err)
{
    struct kind_ctx ctx = engine_ctx(e, p->arena, tx);
    struct change **list = arena_array(p->arena, struct change *, n);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (batch[i].change.op != OP_NONE)
            list[m++] = &batch[i].change;
    if (m == 0)
        return 0;
    const struct kind *k = list[0]->res->kind;
    if (k->apply_all)
        return k->apply_all(&ctx, list, m, err);
    return k->apply(&ctx, list[0], err);
}

/* Promised is promised: what was applied is observed, and what still differs is an error. */
static int verify(struct engine *e, struct plan *p, const struct action *batch, size_t n, struct error *err)
{
    struct seen *seen = arena_array(p->arena, struct seen, n);
    for (size_t i = 0; i < n; i++)
        seen[i].res = (struct resource *)batch[i].change.res;
    int r = engine_observe(e, p->arena, seen, n, err);
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct resource *res = seen[i].res;
        if (res->absent) {
            if (seen[i].found)
                r = error_set(err, -EIO, "%s %s was removed, and is still there", res->kind->name, res->id);
            continue;
        }
        struct delta d = record_diff(res->kind->record, res->spec, seen[i].found, &ctx.redaction, p->arena);
        if (!seen[i].found)
            r = error_set(err, -EIO, "%s %s was made, and is not there", res->kind->name, res->id);
        else if (d.n)
            r = error_set(err, -EIO, "%s %s was changed, but its %s is \"%s\" and not \"%s\"",
                          res->kind->name, res->id, d.at[0].field->name,
                          d.at[0].before ? d.at[0].before : "(unset)", d.at[0].after);
    }
    return r;
}

static int write_done(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
                      struct error *err)
{
    int r = store_begin(e->store, err);
    for (size_t i = 0; i < n && r == 0; i++)
        if (batch[i].state == ACTION_INTENT)
            r = store_action_state(e->store, tx, batch[i].seq, ACTION_DONE, NULL, err);
    if (r == 0)
        r = store_commit(e->store, err);
    else
        store_rollback(e->store);
    for (size_t i = 0; i < n && r == 0; i++)
        if (batch[i].state == ACTION_INTENT) {
            batch[i].state = ACTION_DONE;
            ((struct resource *)batch[i].change.res)->changed = true;
            p->widened = p->widened || batch[i].change.res->kind->wide;
        }
    return r;
}

int step_apply(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
               struct error *err)
{
    int r = look_again(e, p, batch, n, err);
    if (r == 0)
        r = write_intents(e, p, tx, batch, n, err);
    if (r == 0)
        r = change_all(e, p, tx, batch, n, err);
    if (r == 0)
        r = verify(e, p, batch, n, err);
    if (r == 0)
        r = write_done(e, p, tx, batch, n, err);
    return r;
}

int step_refresh(struct engine *e, int64_t tx, struct action *act, struct error *err)
{
    struct arena a = {0};
    struct kind_ctx ctx = engine_ctx(e, &a, tx);
    const struct resource *res = act->change.res;
    act->undo = "{\"op\":\"refresh\"}";
    int r = store_action_intent(e->store, tx, act->seq, act->undo, err);
    if (r == 0) {
        act->state = ACTION_INTENT;
        r = res->kind->refresh(&ctx, res, act->refresh, err);
    }
    if (r == 0)
        r = store_action_state(e->store, tx, act->seq, ACTION_DONE, NULL, err);
    if (r == 0)
        act->state = ACTION_DONE;
    arena_free(&a);
    return r;
}

/* Removals of what is not there yet are planned for what this plan's packages may bring: these are no
 * targets. */
int step_check_all(struct engine *e, struct plan *p, struct error *err)
{
    struct seen *seen = arena_array(p->arena, struct seen, p->actions.n);
    struct action **of = arena_array(p->arena, struct action *, p->actions.n);
    size_t n = 0;
    for (size_t i = 0; i < p->actions.n; i++) {
        struct action *a = &p->actions.at[i];
        if (a->change.op == OP_REFRESH)
            continue;
        of[n] = a;
        seen[n++].res = (struct resource *)a->change.res;
    }
    int r = engine_observe(e, p->arena, seen, n, err);
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!hash_equal(record_fingerprint(seen[i].res->kind->record, seen[i].found), of[i]->before))
            r = who_moved(p, &ctx, &of[i]->change, seen[i].found, err);
    return r;
}
