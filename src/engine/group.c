/* Many actions that are durable together: all intents in one commit, all temporaries, one sync, all renames,
 * one sync (and once more so where more directories come than can be held open), and one commit that they are
 * done. As safe as one after the other: nothing is replaced by what is not on the disk, and whatever a crash
 * leaves has its intent. */
#include "fs_group.h"
#include "stepping.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Looked at, kept, and held in memory at once: about a KiB each. A group costs two syncs, and the disk writes
 * tables of inodes and directories once more with each; a signal ends it before its next write. */
enum { GROUP_MAX = 65536 };

struct group {
    struct applying *x;
    struct action *batch;
    size_t n;     /* that have an intent */
    size_t end;   /* the first of them that is not written in this group */
    size_t ahead; /* writes of those that are made in one go: the first of the host's group */
    struct sight sight;
    size_t *from; /* of batch[i]: its first write in the host's group; the next one's is its end */
    bool *bad;
    struct error err; /* of the one after the last that has an intent */
    struct group_end ret;
};

/* --- which ---------------------------------------------------------------------------------------------- */

static bool may_join(const struct applying *x, size_t i, const struct kind_ctx *ctx)
{
    const struct action *act = &x->p->actions.at[i];
    const struct resource *res = act->change.res;
    if (act->state != ACTION_PLANNED || (act->change.op != OP_CREATE && act->change.op != OP_UPDATE) ||
        !res->kind->together || failure_of(x, res->site) || !res->kind->together(ctx, &act->change))
        return false;
    /* Those that are made in one go are made first. */
    for (size_t k = 0; res->kind->apply_all && k < res->needs.n; k++)
        if (res->needs.at[k]->joined)
            return false;
    return true;
}

static void join(const struct applying *x, size_t i, bool joined)
{
    ((struct resource *)x->p->actions.at[i].change.res)->joined = joined;
}

size_t group_length(const struct applying *x, size_t at)
{
    struct kind_ctx ctx = engine_ctx(x->e, x->p->arena, x->tx);
    size_t n = 0;
    for (; n < GROUP_MAX && at + n < x->p->actions.n && may_join(x, at + n, &ctx); n++)
        join(x, at + n, true);
    for (size_t i = 0; i < n; i++)
        join(x, at + i, false);
    return n;
}

/* --- how ------------------------------------------------------------------------------------------------ */

static void fail(struct group *g, size_t i, const struct error *err, bool whole)
{
    struct group_failure f = {&g->batch[i], *err, whole};
    g->bad[i] = true;
    vec_push(g->x->p->arena, &g->ret.failures, f);
}

/* The group ends before this one: what comes first is not held up by it. */
static void fail_and_end(struct group *g, size_t i, const struct error *err)
{
    g->end = i;
    fail(g, i, err, false);
    g->ret.n = i + 1;
}

static void end_before(struct group *g, size_t i)
{
    g->end = g->ret.n = i;
}

/* What comes before the intents. Of `n` there are as many as can have one; g->err is why there are no more.
 */
static bool prepare(struct group *g, const struct seen *looked)
{
    struct applying *x = g->x;
    struct error later = {0};
    if (looked)
        sight_take(&g->sight, looked, g->batch, g->n);
    else if (sight_begin(x->e, x->p, &g->sight, g->batch, g->n, &g->end, &g->err) < 0)
        g->n = g->end;
    if (!g->sight.seen) {
        g->ret.n = 0;
        return false;
    }
    if (step_capture(x->e, x->p, &g->sight, x->tx, g->batch, g->n, &g->end, &later) < 0)
        g->err = later; /* the one after it is met again */
    g->n = g->end;
    return true;
}

/* False: there is nothing to go on with. */
static bool begin(struct group *g, bool intended)
{
    struct applying *x = g->x;
    struct error later = {0};
    if (g->n > 0 && !intended && step_intents(x->e, x->tx, g->batch, g->n, &later) < 0) {
        g->err = later;
        g->n = 0;
    }
    if (g->err.code < 0) {
        EVENT(x->e, started, &g->batch[g->n]);
        fail_and_end(g, g->n, &g->err);
    }
    return g->n > 0;
}

static void tell(const struct group *g, const struct action *act)
{
    const struct engine_events *events = g->x->e->events;
    if (events && events->grouped)
        events->grouped(events->self, act);
    else if (act)
        EVENT(g->x->e, started, act);
}

/* All of one kind that is made in one go, and what of it was not made. */
static bool apply_kind(struct group *g, size_t first)
{
    const struct kind *k = g->batch[first].change.res->kind;
    struct kind_ctx ctx = engine_ctx(g->x->e, &g->sight.arena, g->x->tx);
    struct change **list = arena_array(&g->sight.arena, struct change *, g->n);
    size_t *of = arena_array(&g->sight.arena, size_t, g->n), n = 0, at = 0;
    struct error err = {0};
    for (size_t i = first; i < g->n; i++)
        if (g->batch[i].change.res->kind == k && g->batch[i].state == ACTION_INTENT) {
            of[n] = i;
            list[n++] = &g->batch[i].change;
        }
    for (size_t i = 0; i < n; i++)
        tell(g, &g->batch[of[i]]);
    bool good = k->apply_all(&ctx, list, n, &err) >= 0;
    while (!good && at < n && !list[at]->blamed)
        at++;
    size_t made = good ? n : at < n ? at : 0;
    for (size_t i = 0; i < made; i++)
        g->batch[of[i]].complete = true;
    if (!good)
        fail_and_end(g, of[made], &err);
    return good;
}

static void make_ahead(struct group *g)
{
    bool good = true;
    for (size_t i = 0; i < g->n && good; i++) {
        const struct action *act = &g->batch[i];
        if (act->change.res->kind->apply_all && act->state == ACTION_INTENT && !act->complete)
            good = apply_kind(g, i);
    }
}

/* The others go on: who ended the group with each site that fails would take two syncs for each. */
static bool ends_with_its_site(const struct group *g, const struct action *act, const struct error *err)
{
    return act->change.res->site && g->x->o->on_failure == ON_FAILURE_UNDO_SITE && err->code != -EINTR;
}

static bool failed_with(const struct group *g, const struct action *act)
{
    const char *site = act->change.res->site;
    for (size_t i = g->ret.failures.n; site && i-- > 0;)
        if (g->ret.failures.at[i].act->change.res->site == site)
            return true;
    return false;
}

/* From `at` on, as far as directories can be held open: the first that is not written. */
static size_t write_some(struct group *g, size_t at)
{
    struct kind_ctx ctx = engine_ctx(g->x->e, &g->sight.arena, g->x->tx);
    struct host *h = g->x->e->host;
    for (size_t i = at; i < g->end; i++) {
        struct action *act = &g->batch[i];
        struct error err = {0};
        g->from[i] = g->from[i + 1] = fs_group_size(h);
        if (act->state != ACTION_INTENT || act->complete)
            continue;
        if (failed_with(g, act)) {
            act->state = ACTION_PLANNED;
            continue;
        }
        if (engine_interrupted(g->x->e))
            end_before(g, i);
        if (i == g->end || (fs_group_full(h) && i > at))
            return i;
        tell(g, act);
        if (act->change.res->kind->apply(&ctx, &act->change, &err) == 0) {
            act->complete = true;
            g->from[i + 1] = fs_group_size(h);
        } else if (ends_with_its_site(g, act, &err)) {
            fail(g, i, &err, false);
        } else {
            fail_and_end(g, i, &err);
        }
    }
    return g->end;
}

/* False: those that were made in one go are not there, and nothing else can be relied on. */
static bool put_ahead(struct group *g)
{
    struct error whole = {0};
    int r = fs_group_put(g->x->e->host, 0, g->ahead, &whole);
    if (r < 0)
        fail(g, 0, &whole, true);
    return r == 0;
}

static void put_some(struct group *g, size_t at, size_t end)
{
    for (size_t i = at; i < end; i++) {
        struct action *act = &g->batch[i];
        struct error err = {0};
        if (!act->complete)
            continue;
        int r = fs_group_put(g->x->e->host, g->from[i], g->from[i + 1], &err);
        if (r == 0)
            continue;
        fail(g, i, &err, false);
        act->complete = false;
        if (r == -ESTALE) /* somebody was there first: theirs stays, and nothing is taken back */
            act->state = ACTION_PLANNED;
    }
}

static void verify_all(struct group *g)
{
    struct error err = {0};
    int r = sight_look(g->x->e, &g->sight, g->batch, g->n, &err);
    if (r < 0)
        fail(g, 0, &err, true);
    for (size_t i = 0; i < g->n && r == 0; i++) {
        struct arena a = {0};
        error_clear(&err);
        if (g->batch[i].complete && step_kept(g->x->e, &g->sight.seen[i], &a, &err) < 0)
            fail(g, i, &err, false);
        arena_free(&a);
    }
}

static bool sync_all(struct group *g)
{
    struct error err = {0};
    int r = fs_group_sync(g->x->e->host, &err);
    if (r < 0)
        fail(g, 0, &err, true);
    return r == 0;
}

static int in_order(const void *a, const void *b)
{
    const struct group_failure *x = a, *y = b;
    return x->act < y->act ? -1 : x->act > y->act;
}

/* What could not be written by and by is not put, and failed as what cannot be put: it was begun, and is
 * taken back. So is what came after it, which was begun, too. The first is the cause of others. */
static void look_at_writes(struct group *g, size_t at, size_t end)
{
    for (size_t i = at; i < end; i++) {
        struct action *act = &g->batch[i];
        struct error err = {0};
        if (!act->complete || fs_group_made(g->x->e->host, g->from[i], g->from[i + 1], &err) == 0)
            continue;
        act->complete = false;
        fail(g, i, &err, false);
    }
    if (g->ret.failures.n)
        qsort(g->ret.failures.at, g->ret.failures.n, sizeof *g->ret.failures.at, in_order);
}

static void go(struct group *g)
{
    struct error err = {0};
    fs_group_write(g->x->e->host);
    make_ahead(g);
    g->ahead = fs_group_size(g->x->e->host);
    for (size_t at = 0, end; at < g->end || at == 0; at = end) {
        end = write_some(g, at);
        look_at_writes(g, at, end);
        tell(g, NULL);
        if (!sync_all(g) || (at == 0 && !put_ahead(g)))
            return;
        put_some(g, at, end);
        if (!sync_all(g))
            return;
        if (end == 0)
            break;
        if (end < g->end)
            fs_group_write(g->x->e->host);
    }
    store_snapshot_begin(g->x->e->store);
    verify_all(g);
    store_snapshot_end(g->x->e->store);
    for (size_t i = g->end; i < g->n; i++)
        if (g->batch[i].state == ACTION_INTENT && !g->batch[i].complete && !g->bad[i])
            g->batch[i].state = ACTION_PLANNED;
    if (step_done(g->x->e, g->x->p, g->x->tx, g->batch, g->n, g->bad, &err) < 0)
        fail(g, 0, &err, true);
}

static struct group *open_group(struct applying *x, size_t at, size_t n)
{
    struct group *g = arena_new(x->p->arena, struct group);
    *g = (struct group){.x = x, .batch = &x->p->actions.at[at], .n = n, .end = n, .ret = {.n = n}};
    g->from = arena_array(&g->sight.arena, size_t, n + 1);
    g->bad = arena_array(&g->sight.arena, bool, n + 1);
    fs_group_begin(x->e->host);
    return g;
}

static void close_group(struct group *g)
{
    fs_group_end(g->x->e->host);
    sight_end(&g->sight, g->batch);
}

size_t group_ready(struct applying *x, const struct seen *looked)
{
    size_t n = group_length(x, 0);
    if (n < 2)
        return 0;
    struct group *g = open_group(x, 0, n);
    if (prepare(g, looked) && g->n > 0) {
        x->ready = g;
        x->ready_length = n;
        return g->n;
    }
    close_group(g); /* its turn comes, and shows why */
    return 0;
}

void group_drop(struct applying *x)
{
    if (x->ready)
        close_group(x->ready);
    x->ready = NULL;
}

void group_apply(struct applying *x, size_t at, size_t n, struct group_end *ret)
{
    struct group *g = x->ready ? x->ready : open_group(x, at, n);
    bool ready = x->ready != NULL;
    x->ready = NULL;
    if ((ready || prepare(g, NULL)) && begin(g, ready))
        go(g);
    close_group(g);
    *ret = g->ret;
}
