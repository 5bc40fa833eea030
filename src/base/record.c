/* What is done with whole records: copy, diff, fingerprint. */
#include "field.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_words(struct strings *s, struct arena *a)
{
    const char **at = arena_array(a, const char *, s->n + 1);
    for (size_t i = 0; i < s->n; i++)
        at[i] = arena_strdup(a, s->at[i]);
    s->at = at;
}

static void copy_pairs(struct strmap *m, struct arena *a)
{
    struct strmap_item *at = arena_array(a, struct strmap_item, m->n + 1);
    for (size_t i = 0; i < m->n; i++)
        at[i] = (struct strmap_item){arena_strdup(a, m->at[i].name), arena_strdup(a, m->at[i].value)};
    m->at = at;
}

/* `p` is a shallow copy already; gives it strings and lists of its own. */
static void record_own(const struct record *r, void *p, struct arena *a)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        void *at = (char *)p + f->offset;
        if (!field_is_set(f, p))
            continue;
        switch (f->type) {
        case FIELD_STRING:
        case FIELD_PATH:
        case FIELD_SECRET:
            *(const char **)at = arena_strdup(a, *(const char **)at);
            break;
        case FIELD_STRINGS:
            copy_words(at, a);
            break;
        case FIELD_STRMAP:
            copy_pairs(at, a);
            break;
        case FIELD_STRUCT:
            record_own(f->of, at, a);
            break;
        case FIELD_LIST:
        case FIELD_MAP: {
            struct records *rs = at;
            rs->at = arena_memdup(a, rs->at, rs->n * f->of->size);
            for (size_t k = 0; k < rs->n; k++)
                record_own(f->of, (char *)rs->at + k * f->of->size, a);
            break;
        }
        case FIELD_BYTES:
            *(struct bytes *)at = (struct bytes){0};
            break;
        default:
            break;
        }
    }
}

void *record_copy(const struct record *r, struct arena *a, const void *p)
{
    void *copy = arena_memdup(a, p, r->size);
    record_own(r, copy, a);
    return copy;
}

bool record_lapse(const struct record *r, const void *was, void *want)
{
    bool any = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!(f->flags & FIELD_LAPSES) || field_is_set(f, want) || *((const int8_t *)was + f->offset) != 1)
            continue;
        *((int8_t *)want + f->offset) = 0;
        any = true;
    }
    return any;
}

static bool compared(const struct field *f)
{
    return f->type != FIELD_BYTES &&
           !(f->flags & (FIELD_KEY | FIELD_PAYLOAD | FIELD_STORED | FIELD_CREATE_ONLY));
}

static const char *shown(const struct field *f, const void *p, const struct redaction *red, struct arena *a)
{
    if (!p || !field_is_set(f, p))
        return NULL;
    const char *text = field_text(f, p, a);
    if (!(f->flags & FIELD_SENSITIVE))
        return text;
    if (!red)
        return "(hidden)";
    char hex[SHA256_HEX];
    hash_keyed_hex(red->key, red->len, text, strlen(text), hex);
    hex[16] = '\0';
    return arena_printf(a, "keyed:%s", hex);
}

struct delta record_diff(const struct record *r, const void *want, const void *have,
                         const struct redaction *red, struct arena *a)
{
    VEC(struct field_change) v = {0};
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!compared(f) || f->flags & FIELD_PROMISE || !field_is_set(f, want) ||
            (have && field_equal(f, want, have)))
            continue;
        struct field_change c = {
            .field = f, .before = shown(f, have, red, a), .after = shown(f, want, red, a)};
        vec_push(a, &v, c);
    }
    return (struct delta){.at = v.at, .n = v.n};
}

static int word_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void add_text(struct hash_stream *h, const char *s)
{
    hash_stream_add(h, s, strlen(s) + 1);
}

static void add_field(struct hash_stream *h, const struct field *f, const void *p, struct arena *a)
{
    add_text(h, f->name);
    if (f->type == FIELD_STRINGS) {
        const struct strings *s = (const void *)((const char *)p + f->offset);
        const char **sorted = arena_memdup(a, s->at, s->n * sizeof *s->at);
        if (f->flags & FIELD_UNORDERED)
            qsort(sorted, s->n, sizeof *sorted, word_order);
        for (size_t i = 0; i < s->n; i++)
            if (!(f->flags & FIELD_UNORDERED) || i == 0 || strcmp(sorted[i - 1], sorted[i]) != 0)
                add_text(h, sorted[i]);
        hash_stream_add(h, "\1", 1);
        return;
    }
    const char *word = field_word(f, p);
    add_text(h, word ? word : field_text(f, p, a));
}

struct hash128 record_fingerprint_without(const struct record *r, const void *p, unsigned flags)
{
    if (!p)
        return hash_bytes("absent", 6);
    struct arena a = {0};
    struct hash_stream *h = hash_stream_new();
    add_text(h, r->name);
    for (size_t i = 0; i < r->n; i++)
        if (compared(&r->fields[i]) && !(r->fields[i].flags & flags) && field_is_set(&r->fields[i], p))
            add_field(h, &r->fields[i], p, &a);
    arena_free(&a);
    return hash_stream_end(h);
}

struct hash128 record_fingerprint(const struct record *r, const void *p)
{
    return record_fingerprint_without(r, p, 0);
}
