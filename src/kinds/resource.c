/* The catalog: resources in the order they were added, and an index to find them by kind and id. */
#include "kind.h"
#include <string.h>

char found_deferred; /* its address is what counts */
const char *const op_names[] = {"none", "create", "update", "remove", "refresh"};
const char *const impact_names[] = {"none", "reload", "restart"};
const char *const reversal_names[] = {"reversible", "compensated", "one-way"};

/* Where kind and id are in the index, or the free place where they belong. The size is a power of two. */
static size_t index_place(struct resource *const *index, size_t size, const struct kind *k, const char *id)
{
    size_t at = (size_t)(hash_bytes(id, strlen(id)).low ^ (uintptr_t)k) & (size - 1);

    while (index[at] && (index[at]->kind != k || strcmp(index[at]->id, id)))
        at = (at + 1) & (size - 1);
    return at;
}

static void index_grow(struct catalog *c)
{
    size_t size = c->index_size ? 2 * c->index_size : 64;
    struct resource **index = arena_array(c->arena, struct resource *, size);

    for (size_t i = 0; i < c->list.n; i++) {
        struct resource *r = c->list.at[i];
        index[index_place(index, size, r->kind, r->id)] = r;
    }
    c->index = index;
    c->index_size = size;
}

static void spec_defaults(const struct record *r, void *spec)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (f->def && (f->type == FIELD_STRING || f->type == FIELD_PATH))
            *(const char **)((char *)spec + f->offset) = f->def;
    }
}

struct resource *catalog_add(struct catalog *c, const struct kind *k, const char *id, const char *site,
                             struct pos pos)
{
    if (2 * (c->list.n + 1) > c->index_size)
        index_grow(c);

    size_t at = index_place(c->index, c->index_size, k, id);
    struct resource *r = c->index[at];

    if (r)
        return r;
    r = arena_new(c->arena, struct resource);
    r->kind = k;
    r->id = id;
    r->site = site;
    r->pos = pos;
    r->spec = arena_alloc(c->arena, k->record->size);
    record_clear(k->record, r->spec);
    spec_defaults(k->record, r->spec);
    vec_push(c->arena, &c->list, r);
    c->index[at] = r;
    return r;
}

struct resource *catalog_find(const struct catalog *c, const struct kind *k, const char *id)
{
    if (!c->index_size)
        return NULL;
    return c->index[index_place(c->index, c->index_size, k, id)];
}

void resource_needs(struct catalog *c, struct resource *r, struct resource *needed)
{
    if (needed && needed != r)
        vec_push(c->arena, &r->needs, needed);
}

void resource_notifies(struct catalog *c, struct resource *r, struct resource *service, enum impact how)
{
    if (!service || how == IMPACT_NONE)
        return;
    for (size_t i = 0; i < r->notifies.n; i++) {
        struct notify *n = &r->notifies.at[i];
        if (n->service != service)
            continue;
        if (how > n->how)
            n->how = how;
        return;
    }
    vec_push(c->arena, &r->notifies, ((struct notify){service, how}));
}

char *counterpart_name(const struct resource *r, const struct counterpart *c, struct arena *a)
{
    return arena_printf(a, "%s%s%s%s.%s", r->site ? "sites." : "server", r->site ? r->site : "",
                        c->part ? "." : "", c->part ? c->part : "", c->name);
}
