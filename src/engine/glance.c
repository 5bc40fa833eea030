/* Looks that nothing changed since: what the engine knows of them. */
#include "footprint.h"
#include "internal.h"
#include <string.h>

static bool has_kind(const struct engine *e, const struct kind *k)
{
    for (size_t i = 0; i < e->asked.n; i++)
        if (e->asked.at[i] == k)
            return true;
    return false;
}

static bool nothing_to_say(const struct plan *p)
{
    return p->actions.n + p->left.n + p->ignored + p->pending + p->unmet.n + p->obstacles.n + p->unowed.n +
               p->forgotten.n ==
           0;
}

/* The next time what is managed of such a kind is looked at, with what was promised of it: what is not
 * managed (or to be absent) would not be seen. */
static bool all_managed(const struct engine *e, const struct plan *p, const struct catalog *c)
{
    for (size_t i = 0; i < c->list.n; i++)
        if (c->list.at[i]->absent && has_kind(e, c->list.at[i]->kind))
            return false;
    for (size_t i = 0; i < p->kept.n; i++)
        if (!p->kept.at[i].row && has_kind(e, p->kept.at[i].res->kind))
            return false;
    for (size_t i = 0; i < p->deferred.n; i++)
        if (has_kind(e, p->deferred.at[i].res->kind))
            return false;
    return e->asked.n == 0 || p->foreign.n == 0;
}

const char *engine_glance_kinds(struct engine *e, const struct plan *p, const struct catalog *c)
{
    struct buf names = {0};
    if (!nothing_to_say(p) || !all_managed(e, p, c))
        return NULL;
    for (size_t i = 0; i < e->asked.n; i++)
        buf_addf(&names, "%s%s", i ? " " : "", e->asked.at[i]->name);
    const char *text = arena_strdup(e->arena, buf_str(&names));
    buf_free(&names);
    return text;
}

static bool named(const char *names, const char *kind)
{
    size_t n = strlen(kind);
    for (const char *at = names; (at = strstr(at, kind)); at += n)
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

int engine_as_promised(struct engine *e, const char *names, struct error *err)
{
    struct arena *a = e->arena;
    struct store_managed *rows;
    size_t n_rows, n = 0;
    if (!*names)
        return 1;
    int r = store_managed_list(e->store, a, &rows, &n_rows, err);
    if (r < 0)
        return r;
    struct seen *seen = arena_array(a, struct seen, n_rows + 1);
    for (size_t i = 0; i < n_rows; i++) {
        if (!named(names, rows[i].kind))
            continue;
        r = stored_read(rows[i].kind, rows[i].id, rows[i].site, rows[i].spec, NULL, a, &seen[n].res, err);
        if (r < 0)
            return r;
        seen[n++].managed = &rows[i];
    }
    r = engine_observe(e, a, seen, n, err);
    struct kind_ctx ctx = engine_ctx(e, a, 0);
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct resource *res = seen[i].res;
        if (!seen[i].found || record_diff(res->kind->record, res->spec, seen[i].found, &ctx.redaction, a).n)
            return 0;
    }
    return r < 0 ? r : 1;
}
