#include "package_along.h"
#include "package_list.h"
#include <errno.h>
#include <string.h>

#define SHOWN 8 /* names, in a line of the plan */

struct group {
    enum apt_verb verb;
    VEC(struct change *) list;
};

static bool has(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static struct group group_of(struct kind_ctx *ctx, enum apt_verb verb, struct change *const *list, size_t n)
{
    struct group g = {.verb = verb};
    for (size_t i = 0; i < n; i++)
        if (verb == APT_REMOVE ? list[i]->op == OP_REMOVE : package_wants_install(list[i]))
            vec_push(ctx->arena, &g.list, list[i]);
    return g;
}

static int ask(struct kind_ctx *ctx, enum apt_verb verb, struct change *const *list, size_t n,
               const char ***ret, struct error *err)
{
    const char **names = arena_array(ctx->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = list[i]->res->id;
    return host_apt_along(ctx->host, verb, names, n, ret, ctx->arena, err);
}

/* --- in the plan -------------------------------------------------------------------------------------- */

static bool is_told(struct change *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (has(list[i]->along, name))
            return true;
    return false;
}

/* Which of the changes takes what along: by halves, for apt is slow and most take nothing. What goes only
 * with several at once is said of the first. `all` is what goes with all of them, NULL: not asked yet; one of
 * a part may take another with it that has a change of its own. */
static void share_out(struct kind_ctx *ctx, enum apt_verb verb, struct change *const *list, size_t n,
                      const char *const *all)
{
    struct names own = {0};
    const char **along;
    if (ask(ctx, verb, list, n, &along, NULL) < 0 || !*along)
        return;
    if (n > 1) {
        share_out(ctx, verb, list, n / 2, all ? all : along);
        share_out(ctx, verb, list + n / 2, n - n / 2, all ? all : along);
    }
    for (size_t i = 0; list[0]->along && list[0]->along[i]; i++)
        vec_push(ctx->arena, &own, list[0]->along[i]);
    for (; *along; along++)
        if ((!all || has(all, *along)) && !is_told(list, n, *along))
            vec_push(ctx->arena, &own, *along);
    vec_push(ctx->arena, &own, NULL);
    list[0]->along = own.n > 1 ? own.at : NULL;
}

static void tell(struct kind_ctx *ctx, struct change *c)
{
    struct buf text = {0};
    size_t n = 0;
    if (c->summary)
        buf_addf(&text, "%s, ", c->summary);
    buf_adds(&text, c->op == OP_REMOVE ? "and with it" : "in place of");
    for (; c->along[n]; n++)
        if (n < SHOWN)
            buf_addf(&text, "%s %s", n ? "," : "", c->along[n]);
    if (n > SHOWN)
        buf_addf(&text, " and %zu more", n - SHOWN);
    c->summary = arena_strdup(ctx->arena, buf_str(&text));
    buf_free(&text);
}

void package_along_plan(struct kind_ctx *ctx, struct change *const *list, size_t n)
{
    static const enum apt_verb verbs[] = {APT_INSTALL, APT_REMOVE};
    struct names goes = {0};
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        struct group g = group_of(ctx, verbs[v], list, n);
        if (g.list.n)
            share_out(ctx, verbs[v], g.list.at, g.list.n, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i]->op == OP_REMOVE)
            vec_push(ctx->arena, &goes, list[i]->res->id);
        for (size_t k = 0; list[i]->along && list[i]->along[k]; k++)
            vec_push(ctx->arena, &goes, list[i]->along[k]);
        if (list[i]->along)
            tell(ctx, list[i]);
    }
    vec_push(ctx->arena, &goes, NULL);
    for (size_t i = 0; i < n; i++)
        list[i]->foreseen = goes.at;
}

/* --- before anything is changed ----------------------------------------------------------------------- */

static int refuse(const struct group *g, const char *name, struct error *err)
{
    const char *does = g->verb == APT_REMOVE ? "removing" : "installing", *first = g->list.at[0]->res->id;
    if (g->list.n > 1)
        error_set(err, -ESTALE, "%s %s and %zu more would remove %s, too, which the plan does not say", does,
                  first, g->list.n - 1, name);
    else
        error_set(err, -ESTALE, "%s %s would remove %s, too, which the plan does not say", does, first, name);
    error_hint(err, "plan again, and look whether that is wanted");
    return -ESTALE;
}

int package_along_check(struct kind_ctx *ctx, struct change *const *list, size_t n, struct error *err)
{
    static const enum apt_verb verbs[] = {APT_INSTALL, APT_REMOVE};
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        struct group g = group_of(ctx, verbs[v], list, n);
        const char **along;
        if (!g.list.n)
            continue;
        int r = ask(ctx, verbs[v], g.list.at, g.list.n, &along, err);
        if (r < 0)
            return r;
        for (; *along; along++)
            if (!has(g.list.at[0]->foreseen, *along))
                return refuse(&g, *along, err);
    }
    return 0;
}
