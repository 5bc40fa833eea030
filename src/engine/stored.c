/* A resource as the store keeps it: {"spec": {...}, "needs": [["kind", "id"], ...], "notifies": [["kind",
 * "id", "reload"], ...], "found": true}. With it a resource can be removed or undone when no manifest names
 * it any more. */
#include "internal.h"
#include "text.h"
#include <errno.h>
#include <string.h>

char *stored_write(struct arena *a, const struct resource *r, const void *spec)
{
    struct buf b = {0};
    struct jsonw j;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    jw_object(&j, "spec");
    record_to_json(r->kind->record, spec, &j, NULL);
    jw_end(&j);
    if (r->needs.n) {
        jw_array(&j, "needs");
        for (size_t i = 0; i < r->needs.n; i++) {
            jw_array(&j, NULL);
            jw_str(&j, NULL, r->needs.at[i]->kind->name);
            jw_str(&j, NULL, r->needs.at[i]->id);
            jw_end(&j);
        }
        jw_end(&j);
    }
    if (r->notifies.n) {
        jw_array(&j, "notifies");
        for (size_t i = 0; i < r->notifies.n; i++) {
            const struct notify *n = &r->notifies.at[i];
            jw_array(&j, NULL);
            jw_str(&j, NULL, n->service->kind->name);
            jw_str(&j, NULL, n->service->id);
            jw_str(&j, NULL, impact_names[n->how]);
            jw_end(&j);
        }
        jw_end(&j);
    }
    if (r->adopted)
        jw_bool(&j, "found", true);
    jw_end(&j);
    char *s = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return s;
}

/* Counts a change of what the text or `wanted` are made from, so that all rows are written anew then. */
#define STORED_FORMAT 1

static void name_to(struct buf *b, const struct resource *r)
{
    buf_add(b, r->kind->name, strlen(r->kind->name) + 1);
    buf_add(b, r->id, strlen(r->id) + 1);
}

struct hash128 stored_digest(const struct resource *r, const void *spec, struct buf *b)
{
    buf_reset(b);
    buf_addc(b, STORED_FORMAT);
    record_image(r->kind->record, spec, b);
    buf_add(b, &r->needs.n, sizeof r->needs.n);
    for (size_t i = 0; i < r->needs.n; i++)
        name_to(b, r->needs.at[i]);
    buf_add(b, &r->notifies.n, sizeof r->notifies.n);
    for (size_t i = 0; i < r->notifies.n; i++) {
        name_to(b, r->notifies.at[i].service);
        buf_adds(b, impact_names[r->notifies.at[i].how]);
        buf_addc(b, '\0');
    }
    buf_addc(b, r->adopted ? '1' : '0');
    return hash_bytes(b->at, b->len);
}

const char *stored_keep(const struct plan *p, const struct resource *r, const void *spec, struct buf *b,
                        struct hash128 *digest)
{
    struct resource *kept = (struct resource *)r;
    *digest = stored_digest(r, spec, b);
    if (!kept->stored || !hash_equal(*digest, kept->stored_of)) {
        kept->stored = stored_write(p->arena, r, spec);
        kept->stored_of = *digest;
    }
    return kept->stored;
}

static void read_notifies(struct resource *r, json_t *list, const struct catalog *c, struct arena *a)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *kind = json_string_value(json_array_get(item, 0));
        const char *id = json_string_value(json_array_get(item, 1));
        const char *how = json_string_value(json_array_get(item, 2));
        const struct kind *k = kind ? kind_find(kind) : NULL;
        struct resource *service = k && id && c ? catalog_find(c, k, id) : NULL;
        if (!service || !how)
            continue;
        struct notify n = {service,
                           strcmp(how, impact_names[IMPACT_RESTART]) == 0 ? IMPACT_RESTART : IMPACT_RELOAD};
        vec_push(a, &r->notifies, n);
    }
}

bool stored_adopted(const char *text)
{
    /* The last member: rows of what is wanted are not parsed in each run. */
    return text && ends_with(text, ",\"found\":true}");
}

bool stored_may_lapse(const struct record *rec, const char *text)
{
    for (size_t i = 0; text && i < rec->n; i++)
        if (rec->fields[i].flags & FIELD_LAPSES && strstr(text, rec->fields[i].name))
            return true;
    return false;
}

int stored_read(const char *kind, const char *id, const char *site, const char *text, const struct catalog *c,
                struct arena *a, struct resource **ret, struct error *err)
{
    const struct kind *k = kind_find(kind);
    if (!k)
        return error_set(err, -EINVAL,
                         "the store names a resource of kind \"%s\", which this citrus does not know", kind);
    json_error_t je;
    json_t *root = json_loads(text, 0, &je);
    if (!root)
        return error_set(err, -EINVAL, "the store's row of %s %s is no JSON: %s", kind, id, je.text);
    struct resource *r = arena_new(a, struct resource);
    r->kind = k;
    r->id = arena_strdup(a, id);
    r->site = arena_strdup(a, site);
    r->adopted = stored_adopted(text);
    r->spec = arena_alloc(a, k->record->size);
    int rc = record_from_json(k->record, r->spec, json_object_get(root, "spec"), a, err);
    if (rc < 0)
        error_prefix(err, "%s %s", kind, id);
    else
        read_notifies(r, json_object_get(root, "notifies"), c, a);
    json_decref(root);
    if (rc == 0)
        *ret = r;
    return rc;
}

int stored_link(struct resource *r, const char *text,
                struct resource *(*find)(void *, const char *, const char *), void *self, struct arena *a,
                struct error *err)
{
    json_error_t je;
    json_t *root = json_loads(text, 0, &je), *item;
    size_t i;
    if (!root)
        return error_set(err, -EINVAL, "the store's row of %s %s is no JSON: %s", r->kind->name, r->id,
                         je.text);
    json_array_foreach(json_object_get(root, "needs"), i, item)
    {
        const char *kind = json_string_value(json_array_get(item, 0));
        const char *id = json_string_value(json_array_get(item, 1));
        struct resource *needed = kind && id ? find(self, kind, id) : NULL;
        if (needed)
            vec_push(a, &r->needs, needed);
    }
    json_decref(root);
    return 0;
}
