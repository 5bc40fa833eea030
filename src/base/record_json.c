/* Records to JSON and back: for the store, plans and reports. */
#include "field.h"
#include <errno.h>
#include <string.h>

#define AT(T, f, p) ((const T *)(const void *)((const char *)(p) + (f)->offset))

static void text_to_json(const struct field *f, const void *p, struct jsonw *j)
{
    struct arena a = {0};
    const char *word = field_word(f, p);
    jw_str(j, f->name, word ? word : field_text(f, p, &a));
    arena_free(&a);
}

static void member_to_json(const struct field *f, const void *p, struct jsonw *j, const struct redaction *red)
{
    switch (f->type) {
    case FIELD_BOOL:
        jw_bool(j, f->name, *AT(int8_t, f, p) > 0);
        break;
    case FIELD_INT:
    case FIELD_SIZE:
    case FIELD_DURATION:
        jw_int(j, f->name, *AT(int64_t, f, p));
        break;
    case FIELD_STRINGS:
        jw_array(j, f->name);
        for (size_t i = 0; i < AT(struct strings, f, p)->n; i++)
            jw_str(j, NULL, AT(struct strings, f, p)->at[i]);
        jw_end(j);
        break;
    case FIELD_STRMAP:
        jw_object(j, f->name);
        for (size_t i = 0; i < AT(struct strmap, f, p)->n; i++)
            jw_str(j, AT(struct strmap, f, p)->at[i].name, AT(struct strmap, f, p)->at[i].value);
        jw_end(j);
        break;
    case FIELD_STRUCT:
        jw_object(j, f->name);
        record_to_json(f->of, AT(char, f, p), j, red);
        jw_end(j);
        break;
    case FIELD_LIST:
    case FIELD_MAP:
        jw_array(j, f->name);
        for (size_t i = 0; i < AT(struct records, f, p)->n; i++) {
            jw_object(j, NULL);
            record_to_json(f->of, (const char *)AT(struct records, f, p)->at + i * f->of->size, j, red);
            jw_end(j);
        }
        jw_end(j);
        break;
    case FIELD_SECRET:
        jw_str(j, f->name, *AT(char *, f, p)); /* the name, never the value */
        break;
    default: /* strings; modes and choices as people write them */
        text_to_json(f, p, j);
    }
}

static bool is_written(const struct field *f, const void *p)
{
    return f->type != FIELD_BYTES && !(f->flags & FIELD_PAYLOAD) && field_is_set(f, p);
}

void record_to_json(const struct record *r, const void *p, struct jsonw *j, const struct redaction *red)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!is_written(f, p))
            continue;
        if (red && (f->flags & FIELD_SENSITIVE)) {
            struct arena a = {0};
            char hex[SHA256_HEX];
            const char *text = field_text(f, p, &a);
            hash_keyed_hex(red->key, red->len, text, strlen(text), hex);
            jw_str(j, f->name, hex);
            arena_free(&a);
            continue;
        }
        member_to_json(f, p, j, red);
    }
}

static int wrong_type(const struct record *r, const struct field *f, struct error *err)
{
    return error_set(err, -EINVAL, "stored %s: member \"%s\" has the wrong type", r->name, f->name);
}

static int strings_from_json(struct strings *s, json_t *v, struct arena *a)
{
    if (!json_is_array(v))
        return -EINVAL;
    s->n = json_array_size(v);
    s->at = arena_array(a, const char *, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        const char *t = json_string_value(json_array_get(v, i));
        if (!t)
            return -EINVAL;
        s->at[i] = arena_strdup(a, t);
    }
    return 0;
}

static int strmap_from_json(struct strmap *m, json_t *v, struct arena *a)
{
    if (!json_is_object(v))
        return -EINVAL;
    m->at = arena_array(a, struct strmap_item, json_object_size(v) + 1);
    const char *key;
    json_t *item;
    json_object_foreach(v, key, item)
    {
        if (!json_is_string(item))
            return -EINVAL;
        m->at[m->n++] = (struct strmap_item){arena_strdup(a, key), arena_strdup(a, json_string_value(item))};
    }
    return 0;
}

static int text_from_json(const struct field *f, void *at, const char *text, struct arena *a)
{
    if (!text)
        return -EINVAL;
    if (f->type == FIELD_MODE) {
        int64_t v = 0;
        for (const char *c = text; *c; c++) {
            if (*c < '0' || *c > '7' || v > 07777777)
                return -EINVAL;
            v = v * 8 + (*c - '0');
        }
        *(int64_t *)at = v;
        return 0;
    }
    if (f->type == FIELD_ENUM) {
        for (int64_t i = 0; f->choices[i]; i++)
            if (strcmp(f->choices[i], text) == 0) {
                *(int64_t *)at = i;
                return 0;
            }
        return -EINVAL;
    }
    *(const char **)at = arena_strdup(a, text);
    return 0;
}

static int list_from_json(const struct field *f, struct records *rs, json_t *v, struct arena *a,
                          struct error *err)
{
    if (!json_is_array(v))
        return -EINVAL;
    rs->n = json_array_size(v);
    rs->at = arena_alloc(a, rs->n * f->of->size + 1);
    for (size_t i = 0; i < rs->n; i++) {
        int r = record_from_json(f->of, (char *)rs->at + i * f->of->size, json_array_get(v, i), a, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Numbers as they lie in memory, with what is variable in length behind its count or before a NUL. Names of
 * choices, since their numbers may move between versions. */
static void image(const struct field *f, const void *p, unsigned without, struct buf *b)
{
    const char *text;
    buf_add(b, f->name, strlen(f->name) + 1);
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
    case FIELD_SECRET:
        text = *AT(char *, f, p);
        buf_add(b, text, strlen(text) + 1);
        break;
    case FIELD_ENUM:
        text = f->choices[*AT(int64_t, f, p)];
        buf_add(b, text, strlen(text) + 1);
        break;
    case FIELD_BOOL:
        buf_addc(b, *AT(int8_t, f, p) > 0 ? '1' : '0');
        break;
    case FIELD_STRINGS:
        buf_add(b, &AT(struct strings, f, p)->n, sizeof(size_t));
        for (size_t i = 0; i < AT(struct strings, f, p)->n; i++) {
            text = AT(struct strings, f, p)->at[i];
            buf_add(b, text, strlen(text) + 1);
        }
        break;
    case FIELD_STRMAP:
        buf_add(b, &AT(struct strmap, f, p)->n, sizeof(size_t));
        for (size_t i = 0; i < AT(struct strmap, f, p)->n; i++) {
            const struct strmap_item *item = &AT(struct strmap, f, p)->at[i];
            buf_add(b, item->name, strlen(item->name) + 1);
            buf_add(b, item->value, strlen(item->value) + 1);
        }
        break;
    case FIELD_STRUCT:
        record_image_without(f->of, AT(char, f, p), without, b);
        break;
    case FIELD_LIST:
    case FIELD_MAP:
        buf_add(b, &AT(struct records, f, p)->n, sizeof(size_t));
        for (size_t i = 0; i < AT(struct records, f, p)->n; i++)
            record_image_without(f->of, (const char *)AT(struct records, f, p)->at + i * f->of->size, without,
                                 b);
        break;
    default: /* INT, SIZE, DURATION, MODE */
        buf_add(b, AT(int64_t, f, p), sizeof(int64_t));
    }
}

void record_image_without(const struct record *r, const void *p, unsigned flags, struct buf *b)
{
    for (size_t i = 0; i < r->n; i++)
        if (!(r->fields[i].flags & flags) && is_written(&r->fields[i], p))
            image(&r->fields[i], p, flags, b);
    buf_addc(b, '\0'); /* no field has an empty name: the record's end */
}

void record_image(const struct record *r, const void *p, struct buf *b)
{
    record_image_without(r, p, 0, b);
}

int record_from_json(const struct record *r, void *p, json_t *obj, struct arena *a, struct error *err)
{
    record_clear(r, p);
    if (!json_is_object(obj))
        return error_set(err, -EINVAL, "stored %s: is no JSON object", r->name);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        json_t *v = json_object_get(obj, f->name);
        void *at = (char *)p + f->offset;
        int bad = 0;
        if (!v || f->type == FIELD_BYTES)
            continue;
        switch (f->type) {
        case FIELD_BOOL:
            bad = json_is_boolean(v) ? 0 : -EINVAL;
            *(int8_t *)at = json_is_true(v);
            break;
        case FIELD_INT:
        case FIELD_SIZE:
        case FIELD_DURATION:
            bad = json_is_integer(v) ? 0 : -EINVAL;
            *(int64_t *)at = json_integer_value(v);
            break;
        case FIELD_STRINGS:
            bad = strings_from_json(at, v, a);
            break;
        case FIELD_STRMAP:
            bad = strmap_from_json(at, v, a);
            break;
        case FIELD_STRUCT:
            bad = record_from_json(f->of, at, v, a, err);
            break;
        case FIELD_LIST:
        case FIELD_MAP:
            bad = list_from_json(f, at, v, a, err);
            break;
        default:
            bad = text_from_json(f, at, json_string_value(v), a);
        }
        if (bad < 0)
            return wrong_type(r, f, err);
    }
    return 0;
}
