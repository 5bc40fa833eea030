#include "schema.h"
#include "decode_value.h"
#include "words.h"
#include <string.h>

/* --- JSON Schema ------------------------------------------------------------------------------------- */

static void pattern(struct jsonw *j, const struct field *f)
{
    const char *p = f->check ? word_pattern(f->check) : NULL;
    if (p)
        jw_str(j, "pattern", p);
}

static void type_of(struct jsonw *j, const char *a, const char *b, const char *c)
{
    jw_array(j, "type");
    jw_str(j, NULL, a);
    jw_str(j, NULL, b);
    if (c)
        jw_str(j, NULL, c);
    jw_end(j);
}

static bool takes_one(const struct field *f, const char *const *texts)
{
    for (; *texts; texts++)
        if (!f->check || !f->check(*texts))
            return true;
    return false;
}

/* A text need not be quoted, and to an editor 8.2 and 200 are numbers then: where the field takes one. A
 * pattern is for what is in quotes, as JSON Schema has it. */
static void text(struct jsonw *j, const struct field *f)
{
    static const char *const integers[] = {"5", "200", "1073741824", NULL}, *const decimals[] = {"8.2", NULL};
    bool decimal = takes_one(f, decimals);
    if (!f->choices && (decimal || takes_one(f, integers)))
        type_of(j, "string", decimal ? "number" : "integer", NULL);
    else
        jw_str(j, "type", "string");
    pattern(j, f);
}

static void ref(struct jsonw *j, const char *key, const struct record *r)
{
    struct buf b = {0};
    buf_addf(&b, "#/$defs/%s", r->name);
    if (key)
        jw_object(j, key);
    jw_str(j, "$ref", buf_str(&b));
    if (key)
        jw_end(j);
    buf_free(&b);
}

static void choices(struct jsonw *j, const struct field *f)
{
    jw_array(j, "enum");
    for (const char *const *c = f->choices; *c; c++)
        if (!f->check || !f->check(*c)) /* not what this version refuses */
            jw_str(j, NULL, *c);
    jw_end(j);
}

static void limits(struct jsonw *j, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return;
    jw_int(j, "minimum", f->min);
    jw_int(j, "maximum", f->max);
}

static void names_of(struct jsonw *j, const struct field *key)
{
    if (!key || !key->check || !word_pattern(key->check))
        return;
    jw_object(j, "propertyNames");
    pattern(j, key);
    jw_end(j);
}

static void containers(struct jsonw *j, const struct field *f)
{
    if (f->type == FIELD_STRINGS) {
        type_of(j, "array", "null", NULL);
        jw_bool(j, "uniqueItems", true);
        jw_object(j, "items");
        text(j, f);
        if (f->choices)
            choices(j, f);
        jw_end(j);
    } else if (f->type == FIELD_STRMAP) {
        type_of(j, "object", "null", NULL);
        names_of(j, f);
        jw_object(j, "additionalProperties");
        type_of(j, "string", "number", "boolean");
        jw_end(j);
    } else if (f->type == FIELD_MAP) {
        type_of(j, "object", "null", NULL);
        names_of(j, decode_key_field(f->of));
        ref(j, "additionalProperties", f->of);
    } else {
        type_of(j, "array", "null", NULL);
        ref(j, "items", f->of);
    }
}

static void secret(struct jsonw *j, const struct field *f)
{
    jw_str(j, "type", "object");
    jw_object(j, "properties");
    jw_object(j, "secret");
    text(j, f);
    jw_end(j);
    jw_end(j);
    jw_array(j, "required");
    jw_str(j, NULL, "secret");
    jw_end(j);
    jw_bool(j, "additionalProperties", false);
}

static void value(struct jsonw *j, const struct field *f)
{
    switch (f->type) {
    case FIELD_BOOL:
        jw_str(j, "type", "boolean");
        break;
    case FIELD_INT:
        jw_str(j, "type", "integer");
        limits(j, f);
        break;
    case FIELD_SIZE:
        type_of(j, "string", "integer", NULL);
        jw_str(j, "pattern", "^[0-9]+[KMGTkmgt]?$");
        limits(j, f);
        break;
    case FIELD_DURATION:
        type_of(j, "string", "integer", NULL);
        jw_str(j, "pattern", "^(0|([0-9]+[smhdwy])+)$");
        jw_int(j, "maximum", 0); /* only 0 needs no unit */
        break;
    case FIELD_MODE:
        jw_str(j, "type", "string");
        jw_str(j, "pattern", "^[0-7]{3,4}$");
        break;
    case FIELD_ENUM:
        choices(j, f);
        break;
    case FIELD_SECRET:
        secret(j, f);
        break;
    case FIELD_STRUCT:
        ref(j, NULL, f->of);
        break;
    case FIELD_STRINGS:
    case FIELD_STRMAP:
    case FIELD_MAP:
    case FIELD_LIST:
        containers(j, f);
        break;
    default:
        text(j, f);
    }
}

static bool is_written(const struct field *f)
{
    return !(f->flags & (FIELD_LATER | FIELD_KEY | FIELD_REST));
}

static bool is_number(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

static void fallback(struct jsonw *j, const struct field *f)
{
    if (!f->def)
        return;
    if (f->type == FIELD_STRINGS) {
        jw_array(j, "default");
        for (const char *p = f->def + 1; *p && *p != ']';) {
            size_t n = strcspn(p, ",]");
            jw_strn(j, NULL, p, n);
            p += n;
            p += strspn(p, ", ");
        }
        jw_end(j);
    } else if (f->type == FIELD_BOOL || is_number(f->def)) {
        jw_raw(j, "default", f->def);
    } else {
        jw_str(j, "default", f->def);
    }
}

static bool has_required(const struct record *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].flags & FIELD_REQUIRED)
            return true;
    return false;
}

/* Keys beyond the struct's own: their values are choices. */
static void rest(struct jsonw *j, const struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!(r->fields[i].flags & FIELD_REST))
            continue;
        jw_object(j, "additionalProperties");
        jw_str(j, "description", r->fields[i].doc);
        jw_array(j, "enum");
        for (const char *const *c = r->fields[i].choices; *c; c++)
            jw_str(j, NULL, *c);
        jw_end(j);
        jw_end(j);
        return;
    }
    jw_bool(j, "additionalProperties", false);
}

static void object(struct jsonw *j, const struct record *r)
{
    bool required = has_required(r);
    jw_str(j, "description", r->doc);
    if (required)
        jw_str(j, "type", "object");
    else
        type_of(j, "object", "null", NULL); /* a key with nothing behind it means its defaults */
    jw_object(j, "properties");
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!is_written(f))
            continue;
        jw_object(j, f->name);
        jw_str(j, "description", f->doc);
        value(j, f);
        fallback(j, f);
        jw_end(j);
    }
    jw_end(j);
    if (required) {
        jw_array(j, "required");
        for (size_t i = 0; i < r->n; i++)
            if (r->fields[i].flags & FIELD_REQUIRED)
                jw_str(j, NULL, r->fields[i].name);
        jw_end(j);
    }
    rest(j, r);
}

static void definitions(struct jsonw *j, const struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!is_written(f) || !f->of)
            continue;
        jw_object(j, f->of->name);
        object(j, f->of);
        jw_end(j);
        definitions(j, f->of);
    }
}

void schema_write(const struct record *root, const char *title, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_str(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
    jw_str(&j, "title", title);
    object(&j, root);
    jw_object(&j, "$defs");
    definitions(&j, root);
    jw_end(&j);
    jw_end(&j);
    if (out->len && out->at[out->len - 1] != '\n')
        buf_addc(out, '\n');
}
