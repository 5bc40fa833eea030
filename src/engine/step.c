/* One action forward: look again, keep what undo needs, write the intent, change, look whether it is so. */
#include "stepping.h"
#include <errno.h>
#include <string.h>

static void seen_make(struct sight *s, const struct action *batch, size_t n)
{
    s->seen = arena_array(&s->arena, struct seen, n);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = batch[i].change.res;
        struct resource *copy = arena_memdup(&s->arena, r, sizeof *r);
        copy->spec = arena_memdup(&s->arena, r->spec, r->kind->record->size);
        s->seen[i].res = copy;
    }
}

int sight_look(struct engine *e, struct sight *s, const struct action *batch, size_t n, struct error *err)
{
    seen_make(s, batch, n);
    return engine_observe(e, &s->arena, s->seen, n, err);
}

/* Whether anything below was changed; each is asked once. */
static bool needs_changed(const struct resource *r, struct sight *s)
{
    VEC(const struct resource *) known = {0};
    vec_push(&s->arena, &known, r);
    for (size_t at = 0; at < known.n; at++)
        for (size_t i = 0; i < known.at[at]->needs.n; i++) {
            const struct resource *needed = known.at[at]->needs.at[i];
            size_t k = 0;
            if (needed->changed)
                return true;
            while (k < known.n && known.at[k] != needed)
                k++;
            if (k == known.n)
                vec_push(&s->arena, &known, needed);
        }
    return false;
}

/* Who moved the target: 0 where this very transaction may have (a package brought its configuration and its
 * directories, a service was started by its package), -ESTALE where it was somebody else. */
static int who_moved(const struct plan *p, struct kind_ctx *ctx, struct sight *s, const struct change *c,
                     const void *found, struct error *err)
{
    struct delta d = {0};
    if (p->widened || needs_changed(c->res, s))
        return 0;
    if (c->found && found)
        d = record_diff(c->res->kind->record, c->found, found, &ctx->redaction, &s->arena);
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
static int replan(struct engine *e, struct plan *p, struct sight *s, struct action *act, const void *found,
                  struct error *err)
{
    struct change *c = &act->change;
    const struct record *rec = c->res->kind->record;
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    int r = who_moved(p, &ctx, s, c, found, err);
    if (r < 0)
        return r;
    found = found ? record_copy(rec, p->arena, found) : NULL;
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

static void found_set(struct sight *s, struct action *batch, size_t n)
{
    s->n = n;
    s->planned = arena_array(&s->arena, const void *, n);
    for (size_t i = 0; i < n; i++) {
        s->planned[i] = batch[i].change.found;
        if (s->seen)
            batch[i].change.found = s->seen[i].found;
    }
}

int sight_begin(struct engine *e, struct plan *p, struct sight *s, struct action *batch, size_t n,
                size_t *good, struct error *err)
{
    int r = sight_look(e, s, batch, n, err);
    size_t i = 0;
    s->seen = r == 0 ? s->seen : NULL;
    for (; i < n && r == 0; i++) {
        struct change *c = &batch[i].change;
        const void *found = s->seen[i].found;
        if (!hash_equal(record_fingerprint(c->res->kind->record, found), batch[i].before))
            r = replan(e, p, s, &batch[i], found, err);
        if (r == 0 && c->res->absent && !found)
            c->op = OP_NONE; /* nothing brought it */
    }
    *good = r < 0 && i > 0 ? i - 1 : i;
    found_set(s, batch, n);
    return r;
}

void sight_take(struct sight *s, const struct seen *looked, struct action *batch, size_t n)
{
    seen_make(s, batch, n);
    for (size_t i = 0; i < n; i++)
        s->seen[i].found = looked[i].found;
    found_set(s, batch, n);
}

void sight_end(struct sight *s, struct action *batch)
{
    for (size_t i = 0; s->planned && i < s->n; i++) {
        batch[i].change.found = s->planned[i];
        batch[i].change.prepared = NULL;
    }
    arena_free(&s->arena);
}

int step_capture(struct engine *e, struct plan *p, struct sight *s, int64_t tx, struct action *batch,
                 size_t n, size_t *good, struct error *err)
{
    struct kind_ctx ctx = engine_ctx(e, &s->arena, tx);
    for (size_t i = 0; i < n; i++) {
        struct action *act = &batch[i];
        const struct kind *k = act->change.res->kind;
        *good = i;
        act->undo = NULL; /* of a group that ended before it */
        if (act->change.op == OP_NONE)
            continue;
        struct buf b = {0};
        struct jsonw j;
        jw_init(&j, &b, false);
        jw_object(&j, NULL);
        int r = 0;
        if (k->capture)
            r = k->capture(&ctx, &act->change, arena_printf(&s->arena, "%lld", (long long)act->seq), &j, err);
        jw_end(&j);
        if (r == 0)
            act->undo = undo_record(p, &act->change, act->before, buf_str(&b));
        buf_free(&b);
        if (r < 0)
            return r;
    }
    *good = n;
    return 0;
}

void step_intended(struct action *batch, size_t n)
{
    for (size_t i = 0; i < n; i++)
        batch[i].state = batch[i].undo ? ACTION_INTENT : ACTION_SKIPPED;
}

int step_intents(struct engine *e, int64_t tx, struct action *batch, size_t n, struct error *err)
{
    int r = store_begin(e->store, err);
    for (size_t i = 0; i < n && r == 0; i++)
        r = batch[i].undo ? store_action_intent(e->store, tx, batch[i].seq, batch[i].undo, err)
                          : store_action_state(e->store, tx, batch[i].seq, ACTION_SKIPPED, NULL, err);
    if (r == 0)
        r = store_commit(e->store, err);
    else
        store_rollback(e->store);
    if (r == 0)
        step_intended(batch, n);
    return r;
}

static int change_all(struct engine *e, struct sight *s, int64_t tx, struct action *batch, size_t n,
                      struct error *err)
{
    struct kind_ctx ctx = engine_ctx(e, &s->arena, tx);
    struct change **list = arena_array(&s->arena, struct change *, n);
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
int step_kept(struct engine *e, const struct seen *seen, struct arena *a, struct error *err)
{
    const struct resource *res = seen->res;
    struct kind_ctx ctx = engine_ctx(e, a, 0);
    if (res->absent && !seen->found)
        return 0;
    if (res->absent)
        return error_set(err, -EIO, "%s %s was removed, and is still there", res->kind->name, res->id);
    if (!seen->found)
        return error_set(err, -EIO, "%s %s was made, and is not there", res->kind->name, res->id);
    struct delta d = record_diff(res->kind->record, res->spec, seen->found, &ctx.redaction, a);
    if (d.n == 0)
        return 0;
    return error_set(err, -EIO, "%s %s was changed, but its %s is \"%s\" and not \"%s\"", res->kind->name,
                     res->id, d.at[0].field->name, d.at[0].before ? d.at[0].before : "(unset)",
                     d.at[0].after);
}

static int verify(struct engine *e, struct sight *s, const struct action *batch, size_t n, struct error *err)
{
    int r = sight_look(e, s, batch, n, err);
    for (size_t i = 0; i < n && r == 0; i++)
        r = step_kept(e, &s->seen[i], &s->arena, err);
    return r;
}

static bool is_done(const struct action *act, bool bad)
{
    return act->state == ACTION_INTENT && act->complete && !bad;
}

int step_done(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n, const bool *bad,
              struct error *err)
{
    /* What is done stands as an intent where this is lost to a loss of power, and the next commit is durable;
     * an intent that was given up leads back over what a person wrote. */
    bool given_up = false;
    for (size_t i = 0; i < n; i++)
        given_up = given_up || (batch[i].state == ACTION_PLANNED && batch[i].undo);
    int r = given_up ? store_begin(e->store, err) : store_begin_after(e->store, err);
    for (size_t i = 0, many; i < n && r == 0; i += many) {
        for (many = 0; i + many < n && is_done(&batch[i + many], bad && bad[i + many]);)
            many++;
        if (many)
            r = store_actions_done(e->store, tx, batch[i].seq, many, err);
        else if (batch[i].state == ACTION_PLANNED && batch[i].undo) /* an intent that was not begun */
            r = store_action_state(e->store, tx, batch[i].seq, ACTION_PLANNED, NULL, err);
        many += many == 0;
    }
    if (r == 0)
        r = store_commit(e->store, err);
    else
        store_rollback(e->store);
    for (size_t i = 0; i < n && r == 0; i++)
        if (is_done(&batch[i], bad && bad[i])) {
            batch[i].state = ACTION_DONE;
            ((struct resource *)batch[i].change.res)->changed = true;
            p->widened = p->widened || batch[i].change.res->kind->wide;
        }
    return r;
}

int step_apply(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
               struct error *err)
{
    struct sight s = {0};
    size_t good;
    int r = sight_begin(e, p, &s, batch, n, &good, err);
    if (r == 0)
        r = step_capture(e, p, &s, tx, batch, n, &good, err);
    if (r == 0)
        r = step_intents(e, tx, batch, n, err);
    if (r == 0)
        r = change_all(e, &s, tx, batch, n, err);
    for (size_t i = 0; i < n && r == 0; i++)
        batch[i].complete = true;
    if (r == 0)
        r = verify(e, &s, batch, n, err);
    if (r == 0)
        r = step_done(e, p, tx, batch, n, NULL, err);
    sight_end(&s, batch);
    return r;
}

/* To recover, a service that was to be restarted for the new state needs a restart for the old one. */
#define REFRESH_RECORD(how) "{\"op\":\"refresh\",\"how\":\"" how "\"}"

int step_refresh(struct engine *e, int64_t tx, struct action *act, struct error *err)
{
    struct arena a = {0};
    struct kind_ctx ctx = engine_ctx(e, &a, tx);
    const struct resource *res = act->change.res;
    act->undo = act->refresh == IMPACT_RESTART ? REFRESH_RECORD("restart") : REFRESH_RECORD("reload");
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
int step_check_all(struct engine *e, struct plan *p, struct seen **ret, struct error *err)
{
    struct sight s = {0};
    struct seen *seen = arena_array(p->arena, struct seen, p->actions.n);
    struct action **of = arena_array(&s.arena, struct action *, p->actions.n);
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
            r = who_moved(p, &ctx, &s, &of[i]->change, seen[i].found, err);
    arena_free(&s.arena);
    *ret = seen;
    return r;
}
