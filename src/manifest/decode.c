#include "decode.h"
#include "decode_value.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

#define NEAR_NAMES 64

static void decode_at(const struct record *r, const struct node *node, struct pos pos, void *into,
                      struct arena *a, struct diags *d);

static bool is_own(const struct field *f)
{
    return !(f->flags & (FIELD_KEY | FIELD_REST)); /* the key stands in front of the struct, not in it */
}

/* Names that somebody gives to what must not be shown. */
static bool looks_secret(const char *name)
{
    return strcasestr(name, "pass") || strcasestr(name, "secret") || strcasestr(name, "token");
}

/* Returns the field that may have been meant, NULL if none is near. */
static const struct field *unknown_key(const struct record *r, const struct node *map, size_t i,
                                       struct arena *a, struct diags *d)
{
    const char *names[NEAR_NAMES], *key = map->keys[i]->text, *hint = NULL;
    size_t n = 0;
    for (size_t k = 0; k < r->n && n < NEAR_NAMES; k++)
        if (is_own(&r->fields[k]) && !(r->fields[k].flags & FIELD_LATER))
            names[n++] = r->fields[k].name;
    /* Past the limit of diagnostics nobody reads the hint; half a million unknown keys must cost nothing. */
    const char *near = d->dropped ? NULL : near_name(key, names, n);
    if (near) {
        hint = arena_printf(a, "did you mean \"%s\"?", near);
    } else if (!d->dropped) {
        hint = arena_printf(a, "known here: %s", n ? names[0] : "nothing");
        for (size_t k = 1; k < n; k++)
            hint = arena_printf(a, "%s, %s", hint, names[k]);
    }
    if (!d->dropped && (looks_secret(key) || (near && looks_secret(near))))
        decode_hide(d, map->items[i]->pos);
    diag_error(d, map->keys[i]->pos, hint, "unknown key \"%.80s\" in %s", key, r->name);
    return near ? record_field(r, near) : NULL;
}

static const struct field *rest_field(const struct record *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].flags & FIELD_REST)
            return &r->fields[i];
    return NULL;
}

/* A key that no field has, where such keys are taken. One that is nearly a field's, with a value that only
 * that field could hold, is a slip of the pen. */
static bool take_rest(const struct record *r, const struct node *map, size_t i, void *into, struct arena *a,
                      struct diags *d)
{
    const struct field *rest = rest_field(r);
    const struct node *key = map->keys[i], *item = map->items[i];
    const char *names[NEAR_NAMES];
    size_t n = 0;
    if (!rest)
        return false;
    for (size_t k = 0; k < r->n && n < NEAR_NAMES; k++)
        if (is_own(&r->fields[k]))
            names[n++] = r->fields[k].name;
    if (near_name(key->text, names, n) && !decode_is_choice(rest, item))
        return false;
    struct strmap *m = (void *)((char *)into + rest->offset);
    if (!m->at)
        m->at = arena_array(a, struct strmap_item, map->n);
    const char *value = decode_choice(rest, key->text, item, a, d);
    if (decode_check(rest, key->text, key->pos, a, d) && value)
        m->at[m->n++] = (struct strmap_item){.name = key->text, .value = value, .pos = key->pos};
    return true;
}

static int record_order(const void *x, const void *y, void *ctx)
{
    size_t offset = *(const size_t *)ctx;
    return strcmp(*(const char *const *)(const void *)((const char *)x + offset),
                  *(const char *const *)(const void *)((const char *)y + offset));
}

const struct field *decode_key_field(const struct record *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].flags & FIELD_KEY)
            return &r->fields[i];
    return NULL;
}

/* LIST and MAP: an array of structs; a map's is sorted by key. */
static void decode_records(const struct field *f, const struct node *n, void *p, struct arena *a,
                           struct diags *d)
{
    struct records *rs = (void *)((char *)p + f->offset);
    enum node_type wanted = f->type == FIELD_MAP ? NODE_MAP : NODE_LIST;
    const struct field *key = f->type == FIELD_MAP ? decode_key_field(f->of) : NULL;
    bool is_null = decode_is_null(n);
    if (n->type != wanted && !is_null) {
        diag_error(d, n->pos, NULL, "\"%s\" must be a %s", f->name, wanted == NODE_MAP ? "map" : "list");
        return;
    }
    size_t count = is_null ? 0 : n->n, size = f->of->size;
    char *at = arena_alloc(a, (count + 1) * size);
    rs->at = at;
    for (size_t i = 0; i < count; i++, rs->n++) {
        struct pos pos = key ? n->keys[i]->pos : n->items[i]->pos;
        decode_at(f->of, n->items[i], pos, at + i * size, a, d);
        if (!key)
            continue;
        *(const char **)(void *)(at + i * size + key->offset) = n->keys[i]->text;
        decode_check(key, n->keys[i]->text, pos, a, d);
    }
    if (key && rs->n > 1)
        qsort_r(at, rs->n, size, record_order, (void *)&key->offset);
}

static void decode_field(const struct field *f, const struct node *key, const struct node *n, void *p,
                         struct arena *a, struct diags *d)
{
    if (f->flags & FIELD_LATER)
        diag_error(d, key->pos, "remove it", "\"%s\" is not supported by this version of citrus yet",
                   f->name);
    else if (f->type == FIELD_STRUCT)
        decode_at(f->of, n, key->pos, (char *)p + f->offset, a, d);
    else if (f->type == FIELD_LIST || f->type == FIELD_MAP)
        decode_records(f, n, p, a, d);
    else
        decode_value(f, n, p, a, d);
}

static void absent_field(const struct record *r, const struct field *f, bool written, struct pos pos, void *p,
                         struct arena *a, struct diags *d)
{
    if ((f->flags & FIELD_REQUIRED) && written)
        diag_error(d, pos, arena_printf(a, "add %s: ...  %s", f->name, f->doc), "%s: \"%s\" is missing",
                   r->name, f->name);
    if (f->flags & FIELD_LATER)
        return;
    if (f->type == FIELD_STRUCT)
        decode_at(f->of, NULL, (struct pos){0}, (char *)p + f->offset, a, d);
    else if (f->def)
        decode_default(f, p, a, d);
}

static void decode_at(const struct record *r, const struct node *node, struct pos pos, void *into,
                      struct arena *a, struct diags *d)
{
    record_clear(r, into);
    bool map = node && node->type == NODE_MAP;
    if (node && !map && !decode_is_null(node)) {
        diag_error(d, node->pos, "it holds lines of the form \"name: value\"", "%s must be a map", r->name);
        node = NULL;
    }
    struct pos *places = node ? arena_array(a, struct pos, r->n + 1) : NULL;
    bool *seen = arena_array(a, bool, r->n + 1);
    for (size_t i = 0; map && i < node->n; i++) {
        const struct node *key = node->keys[i], *item = node->items[i];
        const struct field *f = record_field(r, key->text);
        if (!f || !is_own(f)) {
            if (take_rest(r, node, i, into, a, d))
                continue;
            f = unknown_key(r, node, i, a, d);
            if (f)
                seen[f - r->fields] = true; /* misspelt is not missing */
            continue;
        }
        size_t k = (size_t)(f - r->fields);
        seen[k] = true;
        places[k] = item->type == NODE_SCALAR && !decode_is_null(item) ? item->pos : key->pos;
        decode_field(f, key, item, into, a, d);
    }
    for (size_t k = 0; k < r->n; k++)
        if (!seen[k] && is_own(&r->fields[k]))
            absent_field(r, &r->fields[k], node != NULL, pos, into, a, d);
    if (r->has_origin)
        *(struct origin *)into = (struct origin){.pos = pos, .fields = places};
}

void decode_record(const struct record *r, const struct node *node, void *into, struct arena *a,
                   struct diags *d)
{
    decode_at(r, node, node ? node->pos : (struct pos){0}, into, a, d);
}
