/* A plan for the sites whose part of the manifest changed, where all else is known to be as it was: engine.h.
 * What a look that found nothing to do knew of the whole, and what such a plan takes from it. */
#include "internal.h"
#include "pack.h"
#include <errno.h>
#include <string.h>

static uint64_t name_key(const char *name)
{
    return hash_bytes(name, strlen(name)).low;
}

/* Only an update of what is managed is planned so: who makes or removes something has to see the whole. */
static bool is_told(const struct plan *p)
{
    for (size_t i = 0; i < p->kept.n; i++)
        if (!p->kept.at[i].row)
            return false;
    return !p->sites && !p->corrective_only && p->foreign.n == 0;
}

static void note_services(const struct catalog *c, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < c->list.n; i++)
        n += c->list.at[i]->kind->refresh != NULL;
    pack_number(out, n);
    for (size_t i = 0; i < c->list.n; i++) {
        const struct resource *r = c->list.at[i];
        if (!r->kind->refresh)
            continue;
        pack_text(out, r->kind->name);
        pack_text(out, r->id);
        pack_number(out, sites_of_service(c, NULL, r));
    }
}

static size_t kind_number(const struct kind *k)
{
    size_t n = 0;
    while (kinds[n] != k)
        n++;
    return n;
}

/* Kinds by their place in the registry: the record is for the same program alone. */
static void note_deferred(const struct plan *p, struct buf *out)
{
    pack_number(out, p->deferred.n);
    for (size_t i = 0; i < p->deferred.n; i++) {
        const struct resource *r = p->deferred.at[i].res;
        pack_number(out, kind_number(r->kind));
        pack_text(out, r->id);
        pack_text(out, r->site ? r->site : "");
    }
}

/* Neighbours in a plan are of one site. */
static void note_sites(const struct plan *p, struct buf *out)
{
    struct buf list = {0};
    uint64_t n = 0;
    for (size_t i = 0, k; i < p->kept.n; i += k) {
        const char *site = p->kept.at[i].res->site;
        for (k = 1; i + k < p->kept.n && site && p->kept.at[i + k].res->site &&
                    strcmp(p->kept.at[i + k].res->site, site) == 0;)
            k++;
        if (!site)
            continue;
        pack_number(&list, name_key(site));
        pack_number(&list, k);
        n++;
    }
    pack_number(out, n);
    buf_add(out, buf_str(&list), list.len);
    buf_free(&list);
}

bool engine_narrow_note(const struct plan *p, const struct catalog *c, struct buf *out)
{
    if (!is_told(p))
        return false;
    pack_number(out, p->unchanged);
    note_services(c, out);
    note_deferred(p, out);
    note_sites(p, out);
    return true;
}

int engine_narrow_read(struct unpack *u, struct arena *a, struct narrow *ret)
{
    struct narrow w = {.unchanged = unpack_number(u)};
    w.n_services = unpack_count(u, 1);
    w.services = arena_array(a, struct narrow_service, w.n_services + 1);
    for (size_t i = 0; i < w.n_services; i++) {
        w.services[i].kind = unpack_text(u);
        w.services[i].id = unpack_text(u);
        w.services[i].sites = unpack_number(u);
    }
    w.n_deferred = unpack_count(u, sizeof(uint64_t));
    w.deferred = arena_array(a, struct resource, w.n_deferred + 1);
    size_t n_kinds = kind_number(NULL);
    for (size_t i = 0; i < w.n_deferred; i++) {
        uint64_t kind = unpack_number(u);
        if (u->bad || kind >= n_kinds)
            return -ESTALE;
        w.deferred[i].kind = kinds[kind];
        w.deferred[i].id = unpack_text(u);
        const char *site = unpack_text(u);
        w.deferred[i].site = *site ? site : NULL;
    }
    w.n_counts = unpack_count(u, 2 * sizeof(uint64_t));
    w.counts = unpack_bytes(u, w.n_counts * 2 * sizeof(uint64_t));
    if (u->bad)
        return -ESTALE;
    *ret = w;
    return 0;
}

/* How many resources of the site were managed and as they should be; 0: it is not known. */
static size_t count_of(const struct narrow *w, const char *site)
{
    uint64_t key = name_key(site), pair[2];
    for (size_t i = 0; i < w->n_counts; i++) {
        memcpy(pair, (const char *)w->counts + i * sizeof pair, sizeof pair);
        if (pair[0] == key)
            return pair[1];
    }
    return 0;
}

static bool only_updates(const struct plan *p)
{
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].change.op != OP_UPDATE)
            return false;
    return p->forgotten.n == 0 && p->left.n == 0 && p->ignored == 0 && p->obstacles.n == 0;
}

bool narrow_holds(const struct narrow *w, const struct plan *p)
{
    size_t expected = 0;
    for (const char *const *s = w->sites; *s; s++)
        expected += count_of(w, *s);
    for (size_t i = 0; i < p->kept.n; i++)
        if (!p->kept.at[i].row)
            return false;
    return p->kept.n == expected && only_updates(p);
}

/* A site's own are, as they were; a service may wait for the first time. */
static bool is_deferred(const struct narrow *w, const struct resource *r)
{
    for (size_t i = 0; i < w->n_deferred; i++)
        if (r->site || (w->deferred[i].kind == r->kind && strcmp(w->deferred[i].id, r->id) == 0))
            return true;
    return false;
}

/* All that waits for the running system, in the order that the whole has. */
static void tell_deferred(const struct narrow *w, struct plan *p)
{
    struct plan own = {.arena = p->arena};
    for (size_t i = 0; i < w->n_deferred; i++)
        plan_defer(&own, &w->deferred[i]);
    for (size_t i = 0; i < p->deferred.n; i++)
        if (!is_deferred(w, p->deferred.at[i].res))
            plan_defer(&own, p->deferred.at[i].res);
    p->deferred.at = own.deferred.at;
    p->deferred.n = own.deferred.n;
    p->deferred.cap = own.deferred.cap;
}

void narrow_widen(const struct narrow *w, struct plan *p)
{
    p->unchanged += w->unchanged - p->kept.n;
    tell_deferred(w, p);
    for (size_t i = 0; i < p->actions.n; i++) {
        struct action *act = &p->actions.at[i];
        for (size_t k = 0; act->change.op == OP_REFRESH && k < w->n_services; k++)
            if (strcmp(w->services[k].kind, act->change.res->kind->name) == 0 &&
                strcmp(w->services[k].id, act->change.res->id) == 0)
                act->sites_felt = w->services[k].sites;
    }
}
