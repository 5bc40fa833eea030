/* What removals left, for creations that can bring it back.
 *
 * A rollback looks for what went after its generation. A manifest that names again what it named before gets
 * it back only where all of it fits: the site's tree and database went in one transaction, and the same are
 * wanted again. What is there is never replaced: only creations of what nobody manages are looked at. */
#include "internal.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A creation, with what was left for it. */
struct wish {
    struct change *c;
    bool data;        /* others' work is in it */
    struct remains m; /* m.transaction 0: nothing was ever removed under this name */
    enum remains_state state;
    VEC(struct resource *) others; /* of the tree of another kind of site: what was managed in it */
};

struct wishes {
    struct engine *e;
    struct plan *p;
    struct wish *at;
    size_t n;
    int64_t since; /* a rollback: removals after this transaction count */
};

static bool is_data(const struct resource *r)
{
    bool all = true;
    if (r->kind->place)
        r->kind->place(r, &all);
    return r->kind->holds_data && all;
}

static bool is_created(const struct plan *p, const char *path)
{
    bool all;
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct change *c = &p->actions.at[i].change;
        const char *place =
            c->op == OP_CREATE && c->res->kind->place ? c->res->kind->place(c->res, &all) : NULL;
        if (place && strcmp(place, path) == 0)
            return true;
    }
    return false;
}

/* A tree that held what nothing asks for now was that of another kind of site: its wp-config.php is nothing
 * for a static one. */
static int read_content(struct wishes *w, struct wish *v, json_t *content, struct error *err)
{
    size_t i;
    json_t *item;
    bool all;
    v->others.n = 0;
    json_array_foreach(content, i, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        const char *id = json_string_value(json_object_get(item, "id"));
        char *row = json_dumps(json_object_get(item, "row"), JSON_COMPACT);
        struct resource *res;
        int r = kind && id && row ? stored_read(kind, id, v->c->res->site, row, NULL, w->p->arena, &res, err)
                                  : error_set(err, -EINVAL, "the journal does not say what it was");
        free(row);
        if (r < 0)
            return error_prefix(err, "what went with %s %s", v->c->res->kind->name, v->c->res->id);
        if (res->kind->place && !is_created(w->p, res->kind->place(res, &all)))
            vec_push(w->p->arena, &v->others, res);
    }
    return 0;
}

static int look(struct wishes *w, struct kind_ctx *ctx, struct wish *v, const struct store_removal *row,
                struct error *err)
{
    json_t *root = row->undo ? json_loads(row->undo, 0, NULL) : NULL, *saved = json_object_get(root, "saved");
    enum remains_state st = REMAINS_NOTHING;
    const char *path = NULL;
    int r = 0;
    if (saved)
        r = v->c->res->kind->remains(ctx, v->c->res, saved, &st, &path, err);
    if (r == 0 && st != REMAINS_NOTHING) {
        char *text = json_dumps(saved, JSON_COMPACT);
        v->state = st;
        r = read_content(w, v, json_object_get(root, "content"), err);
        v->m = (struct remains){.transaction = row->tx,
                                .since = row->time,
                                .path = path,
                                .saved = arena_strdup(w->p->arena, text)};
        free(text);
    }
    json_decref(root);
    return r;
}

/* A rollback: the first removal since that left something that is there; each later one was of another life
 * of it, or of what this one became. Else: the newest removal. */
static int find(struct wishes *w, struct kind_ctx *ctx, struct wish *v, struct error *err)
{
    struct store_removal *rows;
    size_t n;
    int r = store_removals(w->e->store, v->c->res->kind->name, v->c->res->id, w->p->arena, &rows, &n, err);
    size_t first = 0;
    if (r == 0 && !w->p->rollback_of && n)
        first = n - 1;
    for (size_t i = first; i < n && r == 0 && v->state != REMAINS_THERE; i++)
        if (!w->p->rollback_of || rows[i].tx > w->since)
            r = look(w, ctx, v, &rows[i], err);
    return r;
}

/* How many things with data of a site one transaction removed: its rows whose kinds say that they left
 * something, there or gone. */
static int count_data(struct wishes *w, struct kind_ctx *ctx, int64_t tx, const char *site, size_t *ret,
                      struct error *err)
{
    struct store_action *rows;
    size_t n;
    int r = store_actions(w->e->store, tx, w->p->arena, &rows, &n, err);
    *ret = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct resource *res;
        struct wish v = {0};
        struct change c = {0};
        const struct store_removal row = {.tx = tx, .undo = rows[i].undo};
        if (strcmp(rows[i].op, op_names[OP_REMOVE]) != 0 || rows[i].state != ACTION_DONE || !rows[i].site ||
            strcmp(rows[i].site, site) != 0)
            continue;
        r = stored_read(rows[i].kind, rows[i].id, rows[i].site, rows[i].spec, NULL, w->p->arena, &res, err);
        if (r < 0 || !res->kind->remains || !is_data(res))
            continue;
        c.res = res;
        v.c = &c;
        r = look(w, ctx, &v, &row, err);
        *ret += v.state != REMAINS_NOTHING;
    }
    return r;
}

static bool same_site(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Whether all that the site's last removal took is wanted again, and nothing with data besides. */
static int fits(struct wishes *w, struct kind_ctx *ctx, const struct wish *first, bool *ret,
                struct error *err)
{
    const char *site = first->c->res->site;
    size_t there = 0, wanted = 0, left;
    for (size_t i = 0; i < w->n; i++) {
        const struct wish *v = &w->at[i];
        if (!v->data || !same_site(v->c->res->site, site))
            continue;
        wanted++;
        there += v->state == REMAINS_THERE && v->m.transaction == first->m.transaction;
    }
    int r = count_data(w, ctx, first->m.transaction, site, &left, err);
    *ret = there == wanted && there == left;
    return r;
}

static void refuse(struct wishes *w, struct wish *v)
{
    v->state = REMAINS_NOTHING;
    if (v->data)
        v->c->summary = arena_printf(w->p->arena, "new and empty; the trash of %s holds another kind of site",
                                     date_text(w->p->arena, v->m.since));
}

/* Of a site that is named again: what does not fit as a whole stays where it is. */
static int weigh(struct wishes *w, struct kind_ctx *ctx, struct error *err)
{
    bool *refused = arena_array(w->p->arena, bool, w->n + 1);
    VEC(const struct wish *) there = {0}; /* few: what nobody removed has none */
    for (size_t i = 0; i < w->n; i++)
        if (w->at[i].data && w->at[i].state == REMAINS_THERE)
            vec_push(w->p->arena, &there, &w->at[i]);
    for (size_t i = 0; i < w->n; i++) {
        struct wish *v = &w->at[i];
        const struct wish *first = NULL;
        bool good = false;
        for (size_t k = 0; k < there.n && !first; k++)
            if (same_site(there.at[k]->c->res->site, v->c->res->site))
                first = there.at[k];
        int r = first ? fits(w, ctx, first, &good, err) : 0;
        if (r < 0)
            return r;
        refused[i] = !good || v->m.transaction != first->m.transaction;
    }
    for (size_t i = 0; i < w->n; i++)
        if (refused[i] && w->at[i].state == REMAINS_THERE)
            refuse(w, &w->at[i]);
    return 0;
}

/* What lies in a tree that comes back comes with it; what differs is changed when its turn comes. */
static void mark_content(struct plan *p, const struct change *tree)
{
    for (size_t i = 0; i < p->actions.n; i++) {
        struct change *c = &p->actions.at[i].change;
        bool all;
        const char *path =
            c->op == OP_CREATE && c->res->kind->place ? c->res->kind->place(c->res, &all) : NULL;
        if (path_below(path, tree->res->id) && !c->summary)
            c->summary = "comes back with its tree";
    }
}

static void grant(struct wishes *w, struct kind_ctx *ctx, struct wish *v)
{
    struct change *c = v->c;
    const char *date = date_text(w->p->arena, v->m.since), *why = c->summary;
    if (v->state == REMAINS_THERE)
        c->restore = &v->m;
    c->summary = NULL;
    if (c->res->kind->plan)
        c->res->kind->plan(ctx, c);
    if (why)
        c->summary = why;
    if (v->state == REMAINS_THERE && v->m.path) {
        c->summary = arena_printf(w->p->arena, "restored from the trash of %s", date);
        w->p->restored++;
    } else if (v->state == REMAINS_GONE && v->data) {
        c->summary = arena_printf(w->p->arena, "new and empty: the trash of %s is over", date);
        w->p->lost++;
        if (w->p->rollback_of)
            c->reversal = ONE_WAY;
    }
}

static int deepest_first(const void *x, const void *y)
{
    const struct resource *a = *(struct resource *const *)x, *b = *(struct resource *const *)y;
    bool all;
    return strcmp(b->kind->place(b, &all), a->kind->place(a, &all));
}

/* A rollback brings the tree of another kind of site back for what people put into it; what citrus had there
 * for that kind goes again. */
struct gone {
    VEC(struct action) list;
};

static void list_others(struct wish *v, struct gone *out, struct arena *a)
{
    if (v->others.n)
        qsort(v->others.at, v->others.n, sizeof *v->others.at, deepest_first);
    for (size_t i = 0; i < v->others.n; i++) {
        struct resource *res = v->others.at[i];
        struct action act = {.cause = CAUSE_REMOVED, .before = record_fingerprint(res->kind->record, NULL)};
        res->absent = true;
        vec_push(a, &res->needs, (struct resource *)v->c->res);
        act.after = act.before;
        act.change = (struct change){.res = res,
                                     .op = OP_REMOVE,
                                     .reversal = REVERSIBLE,
                                     .summary = "comes back with its tree, and goes again"};
        vec_push(a, &out->list, act);
    }
}

/* Which transaction made the generation; one that only recorded what was so already has none. */
static int rollback_since(struct wishes *w, struct error *err)
{
    struct store_generation *list;
    size_t n;
    int r = store_generation_list(w->e->store, w->p->arena, &list, &n, err);
    for (size_t i = 0; i < n && r == 0; i++)
        if (list[i].number <= w->p->rollback_of && list[i].transaction > w->since)
            w->since = list[i].transaction;
    return r;
}

int remains_plan(struct engine *e, struct plan *p, const size_t *fresh, size_t n, struct error *err)
{
    struct wishes w = {.e = e, .p = p, .at = arena_array(p->arena, struct wish, n), .n = n};
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    struct gone gone = {0};
    int r = n && p->rollback_of ? rollback_since(&w, err) : 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct change *c = &p->actions.at[fresh[i]].change;
        w.at[i] = (struct wish){.c = c, .data = is_data(c->res)};
        if (!p->fresh)
            r = find(&w, &ctx, &w.at[i], err);
    }
    for (size_t i = 0; i < n && r == 0 && !p->rollback_of; i++)
        if (w.at[i].state == REMAINS_THERE && w.at[i].others.n)
            refuse(&w, &w.at[i]);
    if (r == 0 && !p->rollback_of)
        r = weigh(&w, &ctx, err);
    for (size_t i = 0; i < n && r == 0; i++)
        grant(&w, &ctx, &w.at[i]);
    for (size_t i = 0; i < n && r == 0; i++)
        if (w.at[i].c->restore && w.at[i].data)
            mark_content(p, w.at[i].c);
    for (size_t i = 0; i < n && r == 0; i++)
        if (w.at[i].c->restore)
            list_others(&w.at[i], &gone, p->arena);
    for (size_t i = 0; i < gone.list.n; i++) /* the last, for it may move what the wishes point to */
        vec_push(p->arena, &p->actions, gone.list.at[i]);
    return r;
}
