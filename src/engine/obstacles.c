/* What would fail, said while the plan is made: each kind is asked once, for all its resources. */
#include "internal.h"

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

void obstacles_look(struct engine *e, struct plan *p, const struct change *const *list, size_t n)
{
    for (const struct kind *const *k = kinds; *k; k++)
        if ((*k)->feasible)
            ask(e, p, *k, list, n);
}
