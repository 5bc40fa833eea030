/* A service's configuration that was broken before citrus came: it is named as such, and is nobody's failure.
 */
#include "applying.h"
#include <errno.h>
#include <string.h>

bool unsound_look(struct applying *x)
{
    struct kind_ctx ctx = engine_ctx(x->e, x->p->arena, 0);
    bool any = false;
    for (size_t i = 0; i < x->p->actions.n; i++) {
        struct action *act = &x->p->actions.at[i];
        const struct resource *res = act->change.res;
        struct error err = {0};
        if (act->change.op != OP_REFRESH || !res->kind->sound)
            continue;
        any = true;
        if (res->kind->sound(&ctx, res, &err) < 0)
            act->unsound = arena_memdup(x->p->arena, &err, sizeof err);
    }
    return any;
}

/* The refusal names a site that called for the refresh and was not named before: the plan mended what was
 * broken, and this is news. */
static bool names_another(struct applying *x, const struct action *service, const struct error *err)
{
    domains_mark_named(x, err->text);
    for (size_t i = 0; i < x->domains.n; i++) {
        const struct domain *d = &x->domains.at[i];
        if (d->site && d->named && !strstr(service->unsound->text, d->site))
            return true;
    }
    return false;
}

const struct action *unsound_of(struct applying *x, const struct action *act, const struct error *err)
{
    if (act->change.op == OP_REFRESH)
        return act->unsound && !names_another(x, act, err) ? act : NULL;
    for (size_t k = 0; err->code == -EUCLEAN && k < act->refreshes.n; k++) {
        const struct action *service = &x->p->actions.at[act->refreshes.at[k]];
        if (service->unsound)
            return service;
    }
    return NULL;
}

void unsound_failed(struct applying *x, const struct action *act, const struct action *service)
{
    if (!failure_of(x, NULL))
        failure_add(x, service->change.res->kind->name, service->change.res->id, NULL, service->unsound);
    apply_failed(x, act, NULL, service->unsound);
}
