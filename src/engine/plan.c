#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const cause_names[] = {"intentional", "corrective", "removed", "refresh"};

/* What planning works on; lives for one engine_plan(). */
struct planning {
    struct engine *e;
    const struct catalog *c;
    struct plan *p;
    const char *const *chosen; /* sites that are looked at; NULL: all is */
    struct held held;
    VEC(struct seen) seen;
    struct seen *others;            /* by slot of the catalog: what the filter leaves out */
    size_t first_orphan, n_orphans; /* in seen */
    const struct trees *trees;
    VEC(size_t) fresh;  /* actions that make what nobody managed, and may have left something once */
    bool *made;         /* by slot of the catalog: is created by this plan */
    bool same_manifest; /* as the newest generation's, which was applied whole */
    VEC(const struct change *) asked; /* what the kinds are asked about: is it feasible? */
};

static bool is_chosen(const struct planning *g, const char *site)
{
    if (!g->chosen)
        return true;
    for (const char *const *s = g->chosen; site && *s; s++)
        if (strcmp(*s, site) == 0)
            return true;
    return false;
}

static int know_generation(struct planning *g, struct error *err)
{
    struct store_generation last;
    int r = store_generation_newest(g->e->store, g->p->arena, &last, err);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    g->p->generation = last.number;
    /* What one of some sites, or one that failed in part, says of all else was never asked for. */
    g->same_manifest = g->p->bundle_digest && strcmp(last.digest, g->p->bundle_digest) == 0 &&
                       strcmp(last.status, "applied") == 0;
    return 0;
}

static int collect_wanted(struct planning *g, bool narrow, struct error *err)
{
    struct arena *a = g->p->arena;
    struct resource **order = arena_array(a, struct resource *, g->c->list.n);
    if (g->chosen)
        g->others = arena_array(a, struct seen, g->c->list.n);
    g->seen.at = arena_array(a, struct seen, g->c->list.n + 1);
    g->seen.cap = g->c->list.n + 1;
    int r = order_catalog(g->c, order, err);
    if (r == 0)
        r = held_read(g->e, g->c, narrow ? g->chosen : NULL, a, &g->held, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < g->c->list.n; i++) {
        const struct store_managed *row = g->held.by_slot[order[i]->slot];
        /* A catalog of some sites does not know the order of all. */
        struct seen s = {.res = order[i], .rank = narrow && row ? row->rank : (int64_t)i, .managed = row};
        if (is_chosen(g, order[i]->site))
            vec_push(a, &g->seen, s);
        else
            g->others[order[i]->slot] = s;
    }
    return 0;
}

static int collect_orphans(struct planning *g, struct error *err)
{
    const struct held *h = &g->held;
    struct orphans o = {.managed = h->rows.at, .n_managed = h->rows.n, .wanted = h->wanted};
    struct seen *list;
    for (size_t i = 0; i < h->rows.n; i++)
        h->wanted[i] = h->wanted[i] || !is_chosen(g, h->rows.at[i].site);
    g->first_orphan = g->seen.n;
    int r = orphans_collect(&o, g->c, g->p->arena, &list, &g->n_orphans, err);
    for (size_t i = 0; r == 0 && i < g->n_orphans; i++)
        vec_push(g->p->arena, &g->seen, list[i]);
    return r;
}

static bool is_orphan(const struct planning *g, const struct seen *s)
{
    return s >= g->seen.at + g->first_orphan;
}

static enum cause cause_of(const struct planning *g, const struct seen *s, struct hash128 wanted)
{
    if (is_orphan(g, s))
        return CAUSE_REMOVED;
    if (s->res->absent)
        return g->same_manifest ? CAUSE_CORRECTIVE : CAUSE_INTENTIONAL;
    if (s->managed && hash_equal(s->managed->wanted, wanted))
        return CAUSE_CORRECTIVE;
    return CAUSE_INTENTIONAL;
}

/* What is made in this run and may bring what must not be there (nginx's package its default server). Whether
 * it does shows when its turn comes. */
static const struct resource *bringer(const struct planning *g, const struct seen *s)
{
    for (size_t i = 0; !is_orphan(g, s) && i < s->res->needs.n; i++)
        if (g->made[s->res->needs.at[i]->slot])
            return s->res->needs.at[i];
    return NULL;
}

static void forget(struct plan *p, const struct seen *s)
{
    const struct resource *r = s->res;
    bool all;
    struct forgotten f = {.kind = r->kind->name,
                          .id = r->id,
                          .site = r->site,
                          .path = r->kind->place ? r->kind->place(r, &all) : NULL,
                          .spec = s->managed ? s->managed->spec : NULL};
    if (s->managed && !p->corrective_only)
        vec_push(p->arena, &p->forgotten, f);
}

/* False: it is not there, and stays so; or it is not citrus's own to remove. */
static bool plan_removal(struct planning *g, const struct seen *s, struct change *c)
{
    struct plan *p = g->p;
    const struct resource *r = s->res, *by = s->found ? NULL : bringer(g, s);
    if (!s->found || (is_orphan(g, s) && ((r->adopted && r->kind->shared) || trees_hold(g->trees, r)))) {
        forget(p, s);
        if (!by)
            return false;
        c->summary = arena_printf(p->arena, "if %s %s brings it", by->kind->name, by->id);
    }
    if (r->adopted && s->found)
        c->summary = "what was there before comes back";
    c->op = OP_REMOVE;
    return true;
}

static void ask_about(struct planning *g, const struct change *c)
{
    const struct kind *k = c->res->kind;
    if (!k->feasible || c->op == OP_REMOVE || (k->doubtful && !k->doubtful(c)))
        return;
    struct change *copy = arena_memdup(g->p->arena, c, sizeof *c);
    if (k->doubtful)
        copy->below = obstacles_below(g->seen.at, g->seen.n, c->res);
    vec_push(g->p->arena, &g->asked, copy);
}

void plan_defer(struct plan *p, const struct resource *r)
{
    struct deferred d = {r};
    vec_push(p->arena, &p->deferred, d);
}

/* What was asked for once and is no longer: a package's hold. Of what was there before citrus came that is
 * all that goes when no manifest names it any more. */
static int lapse(struct planning *g, const struct seen *s, struct error *err)
{
    struct resource *r = s->res, *was = r;
    const struct record *rec = r->kind->record;
    if (!s->managed || !s->found || !stored_may_lapse(rec, s->managed->spec))
        return 0;
    if (!is_orphan(g, s)) {
        int rc = stored_read(s->managed->kind, s->managed->id, s->managed->site, s->managed->spec, NULL,
                             g->p->arena, &was, err);
        if (rc < 0)
            return rc;
        r->spec = arena_memdup(g->p->arena, r->spec, rec->size);
        record_lapse(rec, was->spec, r->spec);
        return 0;
    }
    void *rest = arena_alloc(g->p->arena, rec->size);
    record_clear(rec, rest);
    if (!r->adopted || !r->kind->shared || !record_lapse(rec, r->spec, rest))
        return 0;
    r->spec = rest;
    r->absent = false;
    forget(g->p, s);
    return 0;
}

/* What was found as it was promised, by a citrus that did not yet note all of the promise. */
static bool lacks_promise(const struct seen *s)
{
    const struct record *rec = s->res->kind->record;
    bool any = false;
    for (size_t i = 0; i < rec->n; i++)
        any = any || rec->fields[i].flags & FIELD_PROMISE;
    return any && s->managed &&
           hash_equal(s->managed->wanted, record_fingerprint_without(rec, s->res->spec, FIELD_PROMISE));
}

static int plan_one(struct planning *g, struct kind_ctx *ctx, const struct seen *s, struct error *err)
{
    struct plan *p = g->p;
    const struct resource *r = s->res;
    const struct kind *k = r->kind;
    if (s->deferred) {
        plan_defer(p, r);
        return 0;
    }
    const void *promised = r->spec;
    struct kept *kept = NULL;
    int rc = r->absent && !is_orphan(g, s) ? 0 : lapse(g, s, err);
    if (rc < 0)
        return rc;
    if (!r->absent && !is_orphan(g, s)) {
        s->res->adopted = s->managed ? stored_adopted(s->managed->spec)
                                     : s->found && ((k->shared && !r->own) || r->returns);
        vec_push(p->arena, &p->kept, ((struct kept){r, promised, s->rank, s->managed, false}));
        kept = &p->kept.at[p->kept.n - 1];
    }
    struct action act = {.early = s->early};
    struct change *c = &act.change;
    c->res = r;
    c->found = s->found;
    if (r->absent) {
        if (!plan_removal(g, s, c))
            return 0;
    } else {
        c->delta = record_diff(k->record, r->spec, s->found, &ctx->redaction, p->arena);
        c->op = !s->found ? OP_CREATE : c->delta.n ? OP_UPDATE : OP_NONE;
    }
    policy_foreign(p, s);
    if (c->op == OP_NONE) {
        ask_about(g, c);
        if (kept)
            kept->unnoted = lacks_promise(s);
        p->unchanged++;
        return 0;
    }
    act.before = record_fingerprint(k->record, s->found);
    act.after = record_fingerprint(k->record, r->absent ? NULL : r->spec);
    act.cause = cause_of(g, s, act.after);
    if (p->corrective_only && act.cause != CAUSE_CORRECTIVE) {
        p->pending++;
        return 0;
    }
    rc = policy_judge(g->e, p, s, act.cause, c, &act.before, &act.after, err);
    if (rc < 0 || c->op == OP_NONE)
        return rc;
    if (c->op == OP_CREATE)
        g->made[r->slot] = true;
    c->reversal = REVERSIBLE;
    c->drift = act.cause == CAUSE_CORRECTIVE;
    bool fresh = c->op == OP_CREATE && k->remains && !s->managed;
    if (k->plan && !fresh)
        k->plan(ctx, c);
    if (fresh)
        vec_push(p->arena, &g->fresh, p->actions.n);
    else
        ask_about(g, c);
    vec_push(p->arena, &p->actions, act);
    return 0;
}

static void finish(struct plan *p)
{
    for (size_t i = 0; i < p->actions.n; i++)
        p->actions.at[i].seq = (int64_t)i;
    if (p->actions.n)
        qsort(p->actions.at, p->actions.n, sizeof *p->actions.at, action_order);
    for (size_t i = 0; i < p->actions.n; i++) {
        struct action *a = &p->actions.at[i];
        a->seq = (int64_t)i + 1;
        p->create += a->change.op == OP_CREATE;
        p->update += a->change.op == OP_UPDATE;
        p->remove += a->change.op == OP_REMOVE;
        p->refresh += a->change.op == OP_REFRESH;
        p->one_way += a->change.reversal == ONE_WAY;
    }
    refreshes_link(p);
}

static void plan_kinds(struct engine *e, struct plan *p)
{
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    for (const struct kind *const *k = kinds; *k; k++) {
        VEC(struct change *) own = {0};
        for (size_t i = 0; (*k)->plan_all && i < p->actions.n; i++) {
            struct change *c = &p->actions.at[i].change;
            if (c->res->kind == *k && c->op != OP_REFRESH)
                vec_push(p->arena, &own, c);
        }
        if (own.n)
            (*k)->plan_all(&ctx, own.at, own.n);
    }
}

/* Who administers an offline tree does not come in through it; and what is mended was confirmed before, but
 * for what goes along with it now. */
static void note_lockouts(const struct engine *e, struct plan *p)
{
    for (size_t i = 0; i < p->actions.n && !e->host->offline; i++) {
        struct action *a = &p->actions.at[i];
        if (p->corrective_only && !a->change.along)
            continue;
        a->lockout = a->change.res->kind->lockout && a->change.res->kind->lockout(&a->change);
        p->lockouts += a->lockout;
    }
}

int engine_plan(struct engine *e, const struct catalog *c, const struct plan_options *o, struct plan **ret,
                struct error *err)
{
    struct plan *p = arena_new(e->arena, struct plan);
    p->arena = e->arena;
    p->server = c->server;
    p->lineage = store_lineage(e->store);
    p->bundle = o->bundle;
    p->bundle_digest = o->bundle_digest;
    p->sites = o->sites;
    p->corrective_only = o->corrective_only;
    p->rollback_of = o->rollback_of;
    p->of_generation = o->of_generation;
    p->fresh = o->fresh;
    const struct narrow *narrow = o->narrow;
    struct planning g = {.e = e, .c = c, .p = p, .chosen = narrow ? narrow->sites : o->sites};
    int r = know_generation(&g, err);
    if (r == 0)
        r = collect_wanted(&g, narrow != NULL, err);
    if (r == 0)
        r = collect_orphans(&g, err);
    if (r == 0)
        r = engine_observe(e, p->arena, g.seen.at, g.seen.n, err);
    if (r < 0)
        return r;
    orphans_early(g.seen.at + g.first_orphan, g.n_orphans);
    g.trees = trees_make(g.seen.at + g.first_orphan, g.n_orphans, p->arena);
    g.made = arena_array(p->arena, bool, c->list.n);
    p->kept.at = arena_array(p->arena, struct kept, c->list.n + 1);
    p->kept.cap = c->list.n + 1;
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    for (size_t i = 0; i < g.seen.n && r == 0; i++)
        r = plan_one(&g, &ctx, &g.seen.at[i], err);
    if (r == 0)
        r = remains_plan(e, p, g.fresh.at, g.fresh.n, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < g.fresh.n; i++)
        ask_about(&g, &p->actions.at[g.fresh.at[i]].change);
    obstacles_look(e, p, g.asked.at, g.asked.n);
    if (narrow && !narrow_holds(narrow, p))
        return -EAGAIN;
    if (p->sites)
        r = ground_look(e, p, c, g.others, err);
    if (r == 0)
        r = refreshes_plan(e, p, c, g.others, err);
    if (r < 0)
        return r;
    order_after_sites(p, c);
    finish(p);
    plan_kinds(e, p);
    note_lockouts(e, p);
    plan_touched(p, c, g.held.rows.at, g.held.rows.n);
    if (narrow)
        narrow_widen(narrow, p);
    *ret = p;
    return 0;
}
