/* Refreshes: which services are told of what a plan changes, how, and when in its order. */
#include "internal.h"
#include <string.h>

/* Creations and updates; then removals that a service must be told of; then refreshes; then what those
 * services held on to (a pool's user, a site's tree). */
enum phase { CHANGES, AFTER_SITES, GOES_EARLY, REFRESHES, GOES_LATE };
static enum phase phase(const struct action *a)
{
    switch (a->change.op) {
    case OP_REMOVE:
        return a->early ? GOES_EARLY : a->cause == CAUSE_REMOVED ? GOES_LATE : CHANGES;
    case OP_REFRESH:
        return REFRESHES;
    default:
        return a->after_sites ? AFTER_SITES : CHANGES;
    }
}

int action_order(const void *x, const void *y)
{
    const struct action *a = x, *b = y;
    int d = (int)phase(a) - (int)phase(b);
    return d ? d : (a->seq > b->seq) - (a->seq < b->seq);
}

/* What the site tells of changes (a vhost tells nginx), and what it cannot be without (a database, MariaDB).
 */
static bool uses_service(const struct resource *r, const struct resource *service)
{
    for (size_t k = 0; k < r->notifies.n; k++)
        if (r->notifies.at[k].service == service)
            return true;
    for (size_t k = 0; k < r->needs.n; k++)
        if (r->needs.at[k] == service)
            return true;
    return false;
}

/* Of those that this run leaves out, some may never have been applied: what is not there feels nothing. */
static bool was_applied(const struct seen *others, const struct resource *r)
{
    return !others || !others[r->slot].res || others[r->slot].managed;
}

size_t sites_of_service(const struct catalog *c, const struct seen *others, const struct resource *service)
{
    size_t n = 0;
    const char *last = NULL;
    for (size_t i = 0; i < c->list.n; i++) {
        const struct resource *r = c->list.at[i];
        if (!r->site || (last && strcmp(last, r->site) == 0) || !uses_service(r, service) ||
            !was_applied(others, r))
            continue;
        n++;
        last = r->site;
    }
    return n;
}

/* The strongest that the first `n` actions ask for. */
static enum impact asked_for(const struct plan *p, size_t n, const struct resource *service)
{
    enum impact how = IMPACT_NONE;
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = p->actions.at[i].change.res;
        /* What goes after the refresh cannot call for it. */
        for (size_t k = 0; k < r->notifies.n && phase(&p->actions.at[i]) < REFRESHES; k++)
            if (r->notifies.at[k].service == service && r->notifies.at[k].how > how)
                how = r->notifies.at[k].how;
    }
    return how;
}

struct owed {
    const struct resource *service;
    enum impact how;
    int64_t by; /* the transaction */
};
struct owed_list {
    VEC(struct owed) list;
};

/* What an earlier run, which was told to stop, left for services. Mending drift does not end what somebody
 * stopped to look at. */
static int owed_refreshes(struct engine *e, struct plan *p, const struct catalog *c, struct owed_list *ret,
                          struct error *err)
{
    struct store_owed *list;
    size_t n;
    int r = store_owed_list(e->store, p->arena, &list, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct kind *k = kind_find(list[i].kind);
        const struct resource *service = k ? catalog_find(c, k, list[i].id) : NULL;
        bool restart = strcmp(list[i].how, impact_names[IMPACT_RESTART]) == 0;
        if (!service || !k->refresh || service->absent) {
            vec_push(p->arena, &p->unowed, list[i]);
        } else if (p->corrective_only) {
            p->pending++;
        } else {
            struct owed o = {service, restart ? IMPACT_RESTART : IMPACT_RELOAD, list[i].tx};
            vec_push(p->arena, &ret->list, o);
        }
    }
    return r;
}

static struct owed owed_to(const struct owed_list *l, const struct resource *service)
{
    struct owed none = {0};
    for (size_t i = l->list.n; i-- > 0;)
        if (l->list.at[i].service == service)
            return l->list.at[i];
    return none;
}

static bool is_deferred(const struct plan *p, const struct resource *r)
{
    for (size_t i = 0; i < p->deferred.n; i++)
        if (p->deferred.at[i].res == r)
            return true;
    return false;
}

int refreshes_plan(struct engine *e, struct plan *p, const struct catalog *c, const struct seen *others,
                   struct error *err)
{
    struct owed_list list = {0};
    size_t n = p->actions.n;
    int r = owed_refreshes(e, p, c, &list, err);
    for (size_t s = 0; r == 0 && s < c->list.n; s++) {
        struct resource *service = c->list.at[s];
        if (!service->kind->refresh || service->absent)
            continue;
        struct owed owed = owed_to(&list, service);
        enum impact how = asked_for(p, n, service);
        if (owed.how > how)
            how = owed.how;
        if (how == IMPACT_NONE)
            continue;
        if (e->host->offline) {
            if (!is_deferred(p, service)) /* its state waits for the running system, too */
                plan_defer(p, service);
            continue;
        }
        struct action act = {.cause = CAUSE_REFRESH, .refresh = how, .owed = owed.how, .owed_by = owed.by};
        act.change = (struct change){.res = service, .op = OP_REFRESH, .impact = how, .reversal = REVERSIBLE};
        act.sites_felt = sites_of_service(c, others, service);
        act.before = act.after = record_fingerprint(service->kind->record, service->spec);
        vec_push(p->arena, &p->actions, act);
    }
    return r;
}

void refreshes_link(struct plan *p)
{
    VEC(size_t) refreshes = {0};
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].change.op == OP_REFRESH)
            vec_push(p->arena, &refreshes, i);
    for (size_t i = 0; i < p->actions.n; i++) {
        struct action *a = &p->actions.at[i];
        for (size_t k = 0; a->change.op != OP_REFRESH && k < a->change.res->notifies.n; k++)
            for (size_t s = 0; s < refreshes.n; s++)
                if (i < refreshes.at[s] &&
                    p->actions.at[refreshes.at[s]].change.res == a->change.res->notifies.at[k].service)
                    vec_push(p->arena, &a->refreshes, refreshes.at[s]);
    }
}
