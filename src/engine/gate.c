/* The health gate: a run that makes a site answer worse than before is taken back. */
#include "applying.h"
#include <errno.h>

/* Sites that got worse together are taken back together; more rounds than this find no end. */
#define ROUNDS_MOST 4

const char *const health_names[] = {"fine", "broken-before", "worse", "unknown"};

/* Something of this run that belongs to the site (NULL: to the server) is still so. */
static bool stands(const struct applying *x, const char *site)
{
    const struct domain *d = domain_of(x, site);
    for (size_t i = 0; d && i < d->n; i++)
        if (action_stands(d->actions[i]))
            return true;
    return false;
}

static bool anything_stands(const struct applying *x)
{
    for (size_t i = 0; i < x->p->actions.n; i++)
        if (action_stands(&x->p->actions.at[i]))
            return true;
    return false;
}

/* What the site runs was changed, and no service was told to look at it again. */
static bool untold(const struct applying *x, const char *site)
{
    const struct domain *d = domain_of(x, site);
    for (size_t i = 0; d && i < d->n; i++)
        if (d->actions[i]->state != ACTION_PLANNED && d->actions[i]->state != ACTION_SKIPPED &&
            d->actions[i]->refreshes.n == 0)
            return true;
    return false;
}

int gate_open(struct applying *x, struct error *err)
{
    const struct engine_health *h = x->e->health;
    struct health *known = arena_array(x->p->arena, struct health, x->p->touched.n + 1);
    size_t n = 0;
    if (!h || x->p->touched.n == 0)
        return 0;
    for (size_t i = 0; i < x->p->touched.n; i++)
        if (x->p->touched.at[i].known)
            known[n++] = x->p->touched.at[i];
    int r = h->before(h->self, known, n, err);
    if (r == -EOPNOTSUPP) {
        error_clear(err);
        return 0;
    }
    x->gated = r == 0;
    if (r < 0 && !err->hint[0])
        error_hint(err, "--no-health applies without asking");
    return r < 0 ? error_prefix(err, "asking the sites before anything is changed") : 0;
}

/* A site that was new, and is taken back, is no site. */
static void collect(struct applying *x)
{
    x->ret->health.n = 0;
    for (size_t i = 0; i < x->p->touched.n; i++) {
        struct health h = x->p->touched.at[i];
        if (!h.known && (x->undo_all || failure_of(x, h.site)))
            continue;
        h.untold = untold(x, h.site);
        vec_push(x->p->arena, &x->ret->health, h);
    }
}

static void site_failed(struct applying *x, const struct health *h)
{
    struct error err = {0};
    error_set(&err, -EIO, "%s", h->text);
    error_hint(&err, "where it should answer like this, say so in the site's `health:`; --no-health applies "
                     "without asking");
    apply_unhealthy(x, h->site, &err);
}

static void server_failed(struct applying *x)
{
    const struct apply_result *r = x->ret;
    struct error err = {0};
    const struct health *first = NULL;
    size_t worse = 0;
    for (size_t i = 0; i < r->health.n; i++)
        if (r->health.at[i].state == HEALTH_WORSE) {
            first = first ? first : &r->health.at[i];
            worse++;
        }
    struct buf more = {0};
    if (worse > 1)
        buf_addf(&more, "; so %s %zu more", worse == 2 ? "is" : "are", worse - 1);
    error_set(&err, -EIO, "%s: %s%s", first->site, first->text, buf_str(&more));
    buf_free(&more);
    error_hint(&err, "what was changed beside the site itself broke it; --no-health applies without asking");
    apply_unhealthy(x, NULL, &err);
}

/* True when something was taken back, and the sites are to be asked once more. */
static bool judge(struct applying *x, bool last)
{
    bool culprit = false, stranger = false;
    size_t n = x->ret->health.n;
    for (size_t i = 0; i < n; i++) {
        const struct health *h = &x->ret->health.at[i];
        bool own = h->state == HEALTH_WORSE && stands(x, h->site);
        culprit = culprit || own;
        stranger = stranger || (h->state == HEALTH_WORSE && !own);
    }
    if (!culprit && !stranger)
        return false;
    if (culprit && !last && !(stranger && stands(x, NULL))) {
        for (size_t i = 0; i < n && !x->stop; i++)
            if (x->ret->health.at[i].state == HEALTH_WORSE && stands(x, x->ret->health.at[i].site))
                site_failed(x, &x->ret->health.at[i]);
        return true;
    }
    /* Where nothing of this run stands any more, it is not what broke the site: that is said, and no more. */
    if (!anything_stands(x))
        return false;
    server_failed(x);
    return true;
}

/* Everything was taken back already, and there is nothing left to do for them but to say so. */
static void nobody_knows(struct applying *x, const struct error *err)
{
    const char *text = arena_strdup(x->p->arena, err->text);
    for (size_t i = 0; i < x->ret->health.n; i++) {
        struct health *h = &x->ret->health.at[i];
        h->state = HEALTH_UNKNOWN;
        h->text = text;
        h->ms = 0;
    }
}

void gate_pass(struct applying *x)
{
    const struct engine_health *h = x->e->health;
    for (int round = 0; x->gated && !x->stuck; round++) {
        struct error err = {0};
        collect(x);
        int r = h->after(h->self, x->ret->health.at, x->ret->health.n, &err);
        if (r < 0) {
            error_prefix(&err, "asking the sites");
            if (x->stop) {
                nobody_knows(x, &err);
                return;
            }
            x->ret->health.n = 0;
            apply_unhealthy(x, NULL, &err);
            return;
        }
        if (x->stop || !judge(x, round == ROUNDS_MOST) || x->o->on_failure == ON_FAILURE_STOP)
            return;
    }
}
