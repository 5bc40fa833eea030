/* What a policy lets stand of what somebody changed. It is for corrective changes alone, and field by field:
 * a field that the manifest newly wants is changed, while its neighbour's drift may stay. */
#include "internal.h"
#include <string.h>

static enum drift_policy policy_of(const struct resource *r, const struct field *f)
{
    return r->field_drift ? r->field_drift[f - r->kind->record->fields] : r->drift;
}

static bool leaves_anything(const struct resource *r)
{
    bool any = r->drift != DRIFT_ENFORCE;
    for (size_t i = 0; r->field_drift && i < r->kind->record->n; i++)
        any = any || r->field_drift[i] != DRIFT_ENFORCE;
    return any;
}

/* Fields that the manifest wants as the last generation did: their differences are drift, whatever else is
 * new. */
static int promised_before(struct arena *a, const struct seen *s, const void **ret, struct error *err)
{
    struct resource *then;
    *ret = NULL;
    if (!s->managed)
        return 0;
    int r = stored_read(s->managed->kind, s->managed->id, s->managed->site, s->managed->spec, NULL, a, &then,
                        err);
    if (r == 0)
        *ret = then->spec;
    return r;
}

static bool stands_apart(const struct kind *k, const struct field *f)
{
    for (const char *const *name = k->apart; name && *name; name++)
        if (strcmp(*name, f->name) == 0)
            return true;
    return false;
}

/* `blank` is a cleared spec of the kind. */
static void unset(const struct field *f, void *spec, const void *blank)
{
    static const size_t sizes[] = {[FIELD_STRING] = sizeof(char *),
                                   [FIELD_PATH] = sizeof(char *),
                                   [FIELD_BOOL] = sizeof(int8_t),
                                   [FIELD_INT] = sizeof(int64_t),
                                   [FIELD_SIZE] = sizeof(int64_t),
                                   [FIELD_DURATION] = sizeof(int64_t),
                                   [FIELD_MODE] = sizeof(int64_t),
                                   [FIELD_ENUM] = sizeof(int64_t),
                                   [FIELD_STRINGS] = sizeof(struct strings),
                                   [FIELD_STRMAP] = sizeof(struct strmap),
                                   [FIELD_SECRET] = sizeof(char *),
                                   [FIELD_BYTES] = sizeof(struct bytes)};
    size_t n = f->type < sizeof sizes / sizeof *sizes ? sizes[f->type] : 0;
    memcpy((char *)spec + f->offset, (const char *)blank + f->offset, n);
}

/* The same resource, which does not ask for what stays; looked at again, since a kind sees no more than what
 * is declared. */
static int narrow(struct engine *e, struct plan *p, struct change *c, const struct delta *stays,
                  struct hash128 *before, struct hash128 *after, struct error *err)
{
    const struct record *rec = c->res->kind->record;
    struct kind_ctx ctx = engine_ctx(e, p->arena, 0);
    struct resource *r = arena_memdup(p->arena, c->res, sizeof *c->res);
    void *found, *blank = arena_alloc(p->arena, rec->size);
    record_clear(rec, blank);
    r->spec = arena_memdup(p->arena, c->res->spec, rec->size);
    for (size_t i = 0; i < stays->n; i++)
        unset(stays->at[i].field, r->spec, blank);
    int rc = engine_observe_one(e, p->arena, r, &found, err);
    if (rc < 0)
        return rc;
    c->res = r;
    c->found = found;
    c->delta = record_diff(rec, r->spec, found, &ctx.redaction, p->arena);
    c->op = !found ? OP_CREATE : c->delta.n ? OP_UPDATE : OP_NONE;
    *before = record_fingerprint(rec, found);
    *after = record_fingerprint(rec, r->spec);
    return 0;
}

/* Shown where a policy wants that, else counted. */
static void leave(struct plan *p, const struct change *c, const struct delta *stays)
{
    const struct resource *r = c->res;
    struct left l = {.change = *c, .policy = r->drift};
    l.change.delta = (struct delta){.at = arena_array(p->arena, struct field_change, stays->n + 1)};
    l.change.reversal = REVERSIBLE;
    if (c->op == OP_UPDATE)
        l.policy = DRIFT_IGNORE;
    for (size_t i = 0; i < stays->n; i++) {
        enum drift_policy policy = c->op == OP_UPDATE ? policy_of(r, stays->at[i].field) : r->drift;
        if (policy == DRIFT_IGNORE)
            continue;
        if (l.policy != DRIFT_ADOPT)
            l.policy = policy;
        l.change.delta.at[l.change.delta.n++] = stays->at[i];
    }
    if (l.policy == DRIFT_IGNORE)
        p->ignored++;
    else
        vec_push(p->arena, &p->left, l);
}

/* The delta's fields that stay; *ret_rest says whether others do not. */
static int sort_out(struct plan *p, const struct seen *s, enum cause cause, const struct change *c,
                    struct delta *stays, bool *ret_rest, struct error *err)
{
    const void *then = NULL;
    *ret_rest = false;
    stays->at = arena_array(p->arena, struct field_change, c->delta.n + 1);
    stays->n = 0;
    int r = cause == CAUSE_INTENTIONAL ? promised_before(p->arena, s, &then, err) : 0;
    for (size_t i = 0; r == 0 && i < c->delta.n; i++) {
        const struct field *f = c->delta.at[i].field;
        /* A secret is there by its name, which says nothing of its value. */
        bool drift = cause == CAUSE_CORRECTIVE ||
                     (then && f->type != FIELD_SECRET && field_equal(f, c->res->spec, then));
        if (drift && policy_of(c->res, f) != DRIFT_ENFORCE)
            stays->at[stays->n++] = c->delta.at[i];
        else
            *ret_rest = true;
    }
    return r;
}

int policy_judge(struct engine *e, struct plan *p, const struct seen *s, enum cause cause, struct change *c,
                 struct hash128 *before, struct hash128 *after, struct error *err)
{
    struct delta stays = c->delta;
    bool rest = false, apart = true;
    if ((cause != CAUSE_CORRECTIVE && cause != CAUSE_INTENTIONAL) || !leaves_anything(c->res))
        return 0;
    if (c->op != OP_UPDATE) {
        /* Without something found, a removal is of what this run brings itself. */
        if (cause != CAUSE_CORRECTIVE || c->res->drift == DRIFT_ENFORCE || (c->op == OP_REMOVE && !c->found))
            return 0;
        leave(p, c, &stays);
        c->op = OP_NONE;
        return 0;
    }
    int r = sort_out(p, s, cause, c, &stays, &rest, err);
    if (r < 0 || stays.n == 0)
        return r;
    for (size_t i = 0; i < stays.n; i++)
        apart = apart && stands_apart(c->res->kind, stays.at[i].field);
    if (rest && !apart)
        return 0;
    leave(p, c, &stays);
    if (!rest) {
        c->op = OP_NONE;
        return 0;
    }
    return narrow(e, p, c, &stays, before, after, err);
}

#define NEVER_COMPARED (FIELD_KEY | FIELD_PAYLOAD | FIELD_STORED | FIELD_CREATE_ONLY | FIELD_SENSITIVE)

void policy_foreign(struct plan *p, const struct seen *s)
{
    const struct record *rec = s->res->kind->record;
    for (size_t i = 0; s->found && !s->res->absent && i < rec->n; i++) {
        const struct field *f = &rec->fields[i];
        if (f->flags & NEVER_COMPARED || field_is_set(f, s->res->spec) || !field_is_set(f, s->found) ||
            (f->type == FIELD_BOOL && !*((const int8_t *)s->found + f->offset)))
            continue;
        struct foreign one = {s->res, f, field_text(f, s->found, p->arena)};
        vec_push(p->arena, &p->foreign, one);
    }
}
