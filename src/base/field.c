#include "field.h"
#include "text.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define AT(T, f, p) ((const T *)(const void *)((const char *)(p) + (f)->offset))

const struct field *record_field(const struct record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->fields[i].name, name) == 0)
            return &r->fields[i];
    return NULL;
}

void record_clear(const struct record *r, void *p)
{
    memset(p, 0, r->size);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        char *at = (char *)p + f->offset;
        switch (f->type) {
        case FIELD_BOOL:
            *(int8_t *)at = -1;
            break;
        case FIELD_INT:
        case FIELD_SIZE:
        case FIELD_DURATION:
        case FIELD_MODE:
        case FIELD_ENUM:
            *(int64_t *)(void *)at = FIELD_UNSET;
            break;
        case FIELD_STRUCT:
            record_clear(f->of, at);
            break;
        default:
            break; /* zero is unset */
        }
    }
}

static bool record_any_set(const struct record *r, const void *p)
{
    for (size_t i = 0; i < r->n; i++)
        if (field_is_set(&r->fields[i], p))
            return true;
    return false;
}

bool field_is_set(const struct field *f, const void *p)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
    case FIELD_SECRET:
        return *AT(char *, f, p) != NULL;
    case FIELD_BOOL:
        return *AT(int8_t, f, p) >= 0;
    case FIELD_INT:
    case FIELD_SIZE:
    case FIELD_DURATION:
    case FIELD_MODE:
    case FIELD_ENUM:
        return *AT(int64_t, f, p) != FIELD_UNSET;
    case FIELD_STRINGS:
        return AT(struct strings, f, p)->at != NULL;
    case FIELD_STRMAP:
        return AT(struct strmap, f, p)->at != NULL;
    case FIELD_STRUCT:
        return record_any_set(f->of, AT(char, f, p));
    case FIELD_LIST:
    case FIELD_MAP:
        return AT(struct records, f, p)->at != NULL;
    case FIELD_BYTES:
        return AT(struct bytes, f, p)->at != NULL;
    }
    return false;
}

struct pos origin_of(const struct record *r, const void *p, const char *name)
{
    assert(r->has_origin);
    const struct origin *o = p;
    for (size_t i = 0; i < r->n && o->fields; i++)
        if (strcmp(r->fields[i].name, name) == 0 && o->fields[i].file)
            return o->fields[i];
    return o->pos;
}

bool field_written(const struct record *r, const void *p, const char *name)
{
    const struct origin *o = p;
    size_t i = (size_t)(record_field(r, name) - r->fields);
    return o->fields && o->fields[i].file;
}

static void add_words(struct buf *b, const struct strings *s)
{
    buf_addc(b, '[');
    for (size_t i = 0; i < s->n; i++)
        buf_addf(b, "%s%s", i ? ", " : "", s->at[i]);
    buf_addc(b, ']');
}

static void add_pairs(struct buf *b, const struct strmap *m)
{
    buf_addc(b, '{');
    for (size_t i = 0; i < m->n; i++)
        buf_addf(b, "%s%s: %s", i ? ", " : "", m->at[i].name, m->at[i].value);
    buf_addc(b, '}');
}

static void add_members(struct buf *b, const struct record *r, const void *p, struct arena *a)
{
    bool first = true;
    buf_addc(b, '{');
    for (size_t i = 0; i < r->n; i++) {
        if (!field_is_set(&r->fields[i], p) || (r->fields[i].flags & (FIELD_PAYLOAD | FIELD_SENSITIVE)))
            continue;
        buf_addf(b, "%s%s: %s", first ? "" : ", ", r->fields[i].name, field_text(&r->fields[i], p, a));
        first = false;
    }
    buf_addc(b, '}');
}

/* As %04o has it, of which there are as many as files. */
static char *mode_text(struct arena *a, uint64_t mode)
{
    char digits[24], *at = digits + sizeof digits - 1;
    for (*at = '\0'; mode || at > digits + sizeof digits - 5; mode >>= 3)
        *--at = (char)('0' + (mode & 7));
    return arena_strdup(a, at);
}

const char *field_word(const struct field *f, const void *p)
{
    switch (field_is_set(f, p) ? f->type : FIELD_BYTES) {
    case FIELD_STRING:
    case FIELD_PATH:
        return *AT(char *, f, p);
    case FIELD_BOOL:
        return *AT(int8_t, f, p) ? "true" : "false";
    case FIELD_ENUM:
        return f->choices[*AT(int64_t, f, p)];
    default:
        return NULL;
    }
}

char *field_text(const struct field *f, const void *p, struct arena *a)
{
    struct buf b = {0};
    if (!field_is_set(f, p))
        return arena_strdup(a, "(unset)");
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
    case FIELD_BOOL:
    case FIELD_ENUM:
        return arena_strdup(a, field_word(f, p));
    case FIELD_SECRET:
        return arena_printf(a, "{secret: %s}", *AT(char *, f, p));
    case FIELD_INT:
        return arena_printf(a, "%lld", (long long)*AT(int64_t, f, p));
    case FIELD_SIZE:
        return size_text(a, *AT(int64_t, f, p));
    case FIELD_DURATION:
        return duration_text(a, *AT(int64_t, f, p));
    case FIELD_MODE:
        return mode_text(a, (uint64_t)*AT(int64_t, f, p));
    case FIELD_STRINGS:
        add_words(&b, AT(struct strings, f, p));
        break;
    case FIELD_STRMAP:
        add_pairs(&b, AT(struct strmap, f, p));
        break;
    case FIELD_STRUCT:
        add_members(&b, f->of, AT(char, f, p), a);
        break;
    case FIELD_LIST:
    case FIELD_MAP: {
        const struct records *rs = AT(struct records, f, p);
        buf_addc(&b, '[');
        for (size_t i = 0; i < rs->n; i++) {
            if (i)
                buf_adds(&b, ", ");
            add_members(&b, f->of, (const char *)rs->at + i * f->of->size, a);
        }
        buf_addc(&b, ']');
        break;
    }
    case FIELD_BYTES:
        buf_addf(&b, "(%zu bytes)", AT(struct bytes, f, p)->len);
        break;
    }
    char *s = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return s;
}

bool strings_has(const struct strings *s, const char *word)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i], word) == 0)
            return true;
    return false;
}

const char *strmap_get(const struct strmap *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0)
            return m->at[i].value;
    return NULL;
}

/* Sets have no duplicates where they come from the tables' decoder; where they come from the machine they
 * may. */
static bool strings_equal(const struct strings *x, const struct strings *y, bool unordered)
{
    if (unordered) {
        for (size_t i = 0; i < x->n; i++)
            if (!strings_has(y, x->at[i]))
                return false;
        for (size_t i = 0; i < y->n; i++)
            if (!strings_has(x, y->at[i]))
                return false;
        return true;
    }
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->at[i], y->at[i]) != 0)
            return false;
    return true;
}

static bool strmap_equal(const struct strmap *x, const struct strmap *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        const char *v = strmap_get(y, x->at[i].name);
        if (!v || strcmp(v, x->at[i].value) != 0)
            return false;
    }
    return true;
}

static bool record_equal(const struct record *r, const void *want, const void *have)
{
    for (size_t i = 0; i < r->n; i++)
        if (field_is_set(&r->fields[i], want) && !field_equal(&r->fields[i], want, have))
            return false;
    return true;
}

bool field_equal(const struct field *f, const void *want, const void *have)
{
    if (!have || !field_is_set(f, want) || !field_is_set(f, have))
        return !field_is_set(f, want) && (!have || !field_is_set(f, have));
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
    case FIELD_SECRET:
        return strcmp(*AT(char *, f, want), *AT(char *, f, have)) == 0;
    case FIELD_BOOL:
        return *AT(int8_t, f, want) == *AT(int8_t, f, have);
    case FIELD_INT:
    case FIELD_SIZE:
    case FIELD_DURATION:
    case FIELD_MODE:
    case FIELD_ENUM:
        return *AT(int64_t, f, want) == *AT(int64_t, f, have);
    case FIELD_STRINGS:
        return strings_equal(AT(struct strings, f, want), AT(struct strings, f, have),
                             f->flags & FIELD_UNORDERED);
    case FIELD_STRMAP:
        return strmap_equal(AT(struct strmap, f, want), AT(struct strmap, f, have));
    case FIELD_STRUCT:
        return record_equal(f->of, AT(char, f, want), AT(char, f, have));
    case FIELD_LIST:
    case FIELD_MAP: {
        const struct records *x = AT(struct records, f, want), *y = AT(struct records, f, have);
        if (x->n != y->n)
            return false;
        for (size_t i = 0; i < x->n; i++)
            if (!record_equal(f->of, (const char *)x->at + i * f->of->size,
                              (const char *)y->at + i * f->of->size))
                return false;
        return true;
    }
    case FIELD_BYTES: {
        const struct bytes *x = AT(struct bytes, f, want), *y = AT(struct bytes, f, have);
        return x->len == y->len && memcmp(x->at, y->at, x->len) == 0;
    }
    }
    return false;
}
