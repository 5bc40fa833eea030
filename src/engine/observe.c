#include "account.h"
#include "footprint.h"
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <stdlib.h>

/* Resources of one kind, gathered so that a kind looks at its source once. `of`: the kinds of all. */
static int observe_kind(struct engine *e, struct arena *a, const struct kind *k, struct seen *list,
                        const struct kind *const *of, size_t n, struct error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += of[i] == k;
    if (count == 0)
        return 0;
    bool deferred = k->live && e->host->offline;
    const struct resource **res = arena_array(a, const struct resource *, count);
    size_t *at = arena_array(a, size_t, count);
    void **found = arena_array(a, void *, count);
    for (size_t i = 0, m = 0; i < n; i++)
        if (of[i] == k) {
            at[m] = i;
            res[m++] = list[i].res;
        }
    if (!deferred) {
        struct kind_ctx ctx = engine_ctx(e, a, 0);
        footprint_part(e->host);
        fs_near_begin(e->host);
        int r = k->observe(&ctx, res, count, found, err);
        fs_near_end(e->host);
        if (footprint_part_end(e->host))
            vec_push(e->arena, &e->asked, k);
        if (r < 0 && r != -EOPNOTSUPP)
            return error_prefix(err, "looking at %s", k->name);
        deferred = r == -EOPNOTSUPP;
    }
    for (size_t m = 0; m < count; m++) {
        list[at[m]].deferred = deferred || found[m] == FOUND_DEFERRED;
        list[at[m]].found = list[at[m]].deferred ? NULL : found[m];
    }
    return 0;
}

int engine_observe(struct engine *e, struct arena *a, struct seen *list, size_t n, struct error *err)
{
    struct arena scratch = {0};
    const struct kind **of = arena_array(&scratch, const struct kind *, n);
    int r = 0;
    for (size_t i = 0; i < n; i++)
        of[i] = list[i].res->kind;
    accounts_look_begin(e->host);
    for (const struct kind *const *k = kinds; *k && r == 0; k++)
        r = observe_kind(e, a, *k, list, of, n, err);
    accounts_look_end(e->host);
    arena_free(&scratch);
    return r;
}

int engine_observe_one(struct engine *e, struct arena *a, const struct resource *r, void **found,
                       struct error *err)
{
    struct kind_ctx ctx = engine_ctx(e, a, 0);
    *found = NULL;
    int rc = r->kind->observe(&ctx, &r, 1, found, err);
    if (rc >= 0 && *found == FOUND_DEFERRED) {
        *found = NULL;
        rc = error_set(err, -EOPNOTSUPP, "it needs the running system");
    }
    return rc < 0 ? error_prefix(err, "looking at %s %s", r->kind->name, r->id) : 0;
}
