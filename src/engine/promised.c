/* A look at a few resources that are managed, without the manifest: is what was promised of them still there?
 */
#include "internal.h"
#include <errno.h>

int engine_promised(struct engine *e, struct promise *list, size_t n, struct error *err)
{
    struct arena *a = e->arena;
    struct seen *seen = arena_array(a, struct seen, n + 1);
    size_t *of = arena_array(a, size_t, n + 1), m = 0;
    for (size_t i = 0; i < n; i++) {
        struct store_managed row;
        list[i].change = (struct change){0};
        int r = store_managed_get(e->store, list[i].kind, list[i].id, a, &row, err);
        if (r == 0)
            r = stored_read(row.kind, row.id, row.site, row.spec, NULL, a, &seen[m].res, err);
        if (r == 0)
            of[m++] = i;
        else if (r != -ENOENT)
            return r;
    }
    int r = engine_observe(e, a, seen, m, err);
    struct kind_ctx ctx = engine_ctx(e, a, 0);
    for (size_t i = 0; i < m && r == 0; i++) {
        const struct resource *res = seen[i].res;
        struct change *c = &list[of[i]].change;
        if (seen[i].deferred)
            continue;
        *c = (struct change){.res = res, .found = seen[i].found, .drift = true};
        c->delta = record_diff(res->kind->record, res->spec, c->found, &ctx.redaction, a);
        c->op = !c->found ? OP_CREATE : c->delta.n ? OP_UPDATE : OP_NONE;
    }
    return r < 0 ? r : 0;
}
