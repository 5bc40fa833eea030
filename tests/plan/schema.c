#include "schema.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct check {
    json_t *root;
    struct arena *a;
};

static const char *value_wrong(const struct check *c, json_t *schema, json_t *v, const char *at);

static json_t *resolve(const struct check *c, const char *ref)
{
    static const char front[] = "#/$defs/";
    return strncmp(ref, front, strlen(front)) == 0
               ? json_object_get(json_object_get(c->root, "$defs"), ref + strlen(front))
               : NULL;
}

static bool is_type(const char *type, const json_t *v)
{
    return (strcmp(type, "object") == 0 && json_is_object(v)) ||
           (strcmp(type, "array") == 0 && json_is_array(v)) ||
           (strcmp(type, "string") == 0 && json_is_string(v)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(v)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(v)) ||
           (strcmp(type, "null") == 0 && json_is_null(v));
}

static bool type_fits(json_t *type, const json_t *v)
{
    size_t i;
    json_t *one;
    if (json_is_string(type))
        return is_type(json_string_value(type), v);
    json_array_foreach(type, i, one) if (is_type(json_string_value(one), v)) return true;
    return false;
}

static bool in_list(json_t *list, json_t *v)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) if (json_equal(one, v)) return true;
    return false;
}

/* The one pattern that is used. */
static bool is_hex(const char *text)
{
    return *text && strspn(text, "0123456789abcdef") == strlen(text);
}

static const char *members_wrong(const struct check *c, json_t *schema, json_t *v, const char *at)
{
    json_t *properties = json_object_get(schema, "properties"), *one;
    const char *name, *wrong = NULL;
    size_t i;
    if (!json_is_object(v))
        return NULL;
    json_object_foreach(v, name, one)
    {
        json_t *of = json_object_get(properties, name);
        const char *here = arena_printf(c->a, "%s.%s", at, name);
        if (!of && json_is_false(json_object_get(schema, "additionalProperties")))
            return arena_printf(c->a, "%s is printed, and not in the schema: add it there", here);
        if (of && (wrong = value_wrong(c, of, one, here)))
            return wrong;
    }
    json_array_foreach(
        json_object_get(schema, "required"), i,
        one) if (!json_object_get(v, json_string_value(one))) return arena_printf(c->a,
                                                                                  "%s has no \"%s\", which "
                                                                                  "the schema requires",
                                                                                  at, json_string_value(one));
    return NULL;
}

static const char *items_wrong(const struct check *c, json_t *of, json_t *v, const char *at)
{
    size_t i;
    json_t *one;
    const char *wrong;
    json_array_foreach(
        v, i,
        one) if (of && (wrong = value_wrong(c, of, one, arena_printf(c->a, "%s[%zu]", at, i)))) return wrong;
    return NULL;
}

/* A keyword that is not looked at here would be one that holds nothing. */
static const char *unknown_keyword(json_t *schema)
{
    static const char known[] =
        " $ref $schema $defs title description type properties required additionalProperties"
        " items enum const pattern minimum maximum anyOf ";
    const char *name;
    json_t *one;
    json_object_foreach(schema, name, one)
    {
        const char *found = strstr(known, name);
        if (!found || found[-1] != ' ' || found[strlen(name)] != ' ')
            return name;
    }
    return NULL;
}

static const char *number_wrong(json_t *schema, const json_t *v)
{
    json_t *least = json_object_get(schema, "minimum"), *most = json_object_get(schema, "maximum");
    if (least && json_is_integer(v) && json_integer_value(v) < json_integer_value(least))
        return "is too small";
    return most && json_is_integer(v) && json_integer_value(v) > json_integer_value(most) ? "is too large"
                                                                                          : NULL;
}

static const char *value_wrong(const struct check *c, json_t *schema, json_t *v, const char *at)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref")), *why = NULL;
    json_t *type = json_object_get(schema, "type"), *list = json_object_get(schema, "enum"),
           *same = json_object_get(schema, "const");
    if (ref)
        schema = resolve(c, ref);
    if (ref && schema)
        return value_wrong(c, schema, v, at);
    if (!schema)
        return arena_printf(c->a, "%s: the schema has no %s", at, ref);
    if (unknown_keyword(schema))
        return arena_printf(c->a, "%s: this test does not know the keyword \"%s\"", at,
                            unknown_keyword(schema));
    if (type && !type_fits(type, v))
        why = "is of another type";
    else if ((list && !in_list(list, v)) || (same && !json_equal(same, v)))
        why = "is none of its values";
    else if (json_object_get(schema, "pattern") && json_is_string(v) && !is_hex(json_string_value(v)))
        why = "is no hexadecimal number";
    else
        why = number_wrong(schema, v);
    if (why) {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        why = arena_printf(c->a, "%s %s: %.200s", at, why, text ? text : "");
        free(text);
        return why;
    }
    why = members_wrong(c, schema, v, at);
    return why ? why : items_wrong(c, json_object_get(schema, "items"), v, at);
}

const char *schema_wrong(const char *file, const char *def, json_t *v, struct arena *a)
{
    json_error_t je;
    const char *path = arena_printf(a, "%s/schemas/%s.schema.json", SHARE_DIR, file);
    struct check c = {.root = json_load_file(path, JSON_REJECT_DUPLICATES, &je), .a = a};
    if (!c.root)
        return arena_printf(a, "%s:%d: %s", path, je.line, je.text);
    json_t *schema = json_object_get(json_object_get(c.root, "$defs"), def);
    const char *wrong = schema ? value_wrong(&c, schema, v, def) : arena_printf(a, "there is no \"%s\"", def);
    json_decref(c.root);
    return wrong ? arena_printf(a, "schemas/%s.schema.json: %s", file, wrong) : NULL;
}
