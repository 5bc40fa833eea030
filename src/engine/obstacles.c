/* What would fail, said while the plan is made: each kind is asked once, for all its resources. */
#include "internal.h"
#include <errno.h>
#include <string.h>

static void ask(struct engine *e, struct plan *p, const struct kind *k, const struct change *const *list,
                size_t n)
{
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    const struct change **own = arena_array(p->arena, const struct change *, n);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->res->kind == k)
            own[count++] = list[i];
    if (count == 0)
        return;
    struct error *errs = arena_array(p->arena, struct error, count);
    k->feasible(&ctx, own, count, errs);
    for (size_t i = 0; i < count; i++) {
        struct obstacle o = {
            .res = own[i]->res, .fatal = own[i]->op != OP_NONE && !own[i]->drift, .err = errs[i]};
        if (errs[i].code)
            vec_push(p->arena, &p->obstacles, o);
    }
}

static bool lies_in(const char *path, const char *place)
{
    size_t n = strlen(place);
    return path && strncmp(path, place, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *obstacles_below(const struct seen *seen, size_t n, const struct resource *r)
{
    bool all;
    const char *place = r->kind->place ? r->kind->place(r, &all) : NULL;
    for (size_t i = 0; place && i < n; i++) {
        const struct kind *k = seen[i].res->kind;
        const char *path = seen[i].res != r && !seen[i].deferred && seen[i].found && k->place
                               ? k->place(seen[i].res, &all)
                               : NULL;
        if (lies_in(path, place))
            return path;
    }
    return NULL;
}

/* True: its change only puts something right, and would take away more than that. */
static bool held_back(const struct plan *p, const struct change *c)
{
    for (size_t i = 0; c->drift && i < p->obstacles.n; i++)
        if (p->obstacles.at[i].res == c->res && p->obstacles.at[i].err.code == -ENOTEMPTY)
            return true;
    return false;
}

static void hold_back(struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->actions.n; i++) {
        if (held_back(p, &p->actions.at[i].change)) {
            struct left l = {.change = p->actions.at[i].change, .policy = DRIFT_ENFORCE};
            vec_push(p->arena, &p->left, l);
        } else {
            p->actions.at[n++] = p->actions.at[i];
        }
    }
    p->actions.n = n;
}

void obstacles_look(struct engine *e, struct plan *p, const struct change *const *list, size_t n)
{
    for (const struct kind *const *k = kinds; *k; k++)
        if ((*k)->feasible)
            ask(e, p, *k, list, n);
    if (p->obstacles.n)
        hold_back(p);
}
