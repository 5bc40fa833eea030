/* The reference page: one table for each record, in the order in which a reader meets them. */
#include "schema.h"
#include <string.h>

static const char *const type_words[] = {[FIELD_STRING] = "text",
                                         [FIELD_PATH] = "path",
                                         [FIELD_BOOL] = "true or false",
                                         [FIELD_INT] = "number",
                                         [FIELD_SIZE] = "size",
                                         [FIELD_DURATION] = "time",
                                         [FIELD_MODE] = "mode",
                                         [FIELD_ENUM] = "",
                                         [FIELD_STRINGS] = "list",
                                         [FIELD_STRMAP] = "names and values",
                                         [FIELD_STRUCT] = "map",
                                         [FIELD_LIST] = "list of maps",
                                         [FIELD_MAP] = "map of maps",
                                         [FIELD_SECRET] = "{secret: NAME}",
                                         [FIELD_BYTES] = ""};

static void type_cell(const struct field *f, struct buf *out)
{
    buf_adds(out, f->flags & FIELD_REST ? "" : type_words[f->type]);
    for (const char *const *c = f->choices; (f->type == FIELD_ENUM || f->flags & FIELD_REST) && *c; c++)
        buf_addf(out, "%s`%s`", c == f->choices ? "" : ", ", *c);
}

static void limits_cell(const struct field *f, struct buf *out)
{
    struct arena a = {0};
    if ((f->min || f->max) && f->min != f->max) {
        /* field_text() reads from a struct; a lone number at offset 0 is one */
        struct field lone = {.name = f->name, .type = f->type};
        int64_t v = f->min;
        buf_addf(out, " %s", field_text(&lone, &v, &a));
        v = f->max;
        buf_addf(out, "–%s", field_text(&lone, &v, &a));
    }
    arena_free(&a);
}

static void row(const struct field *f, struct buf *out)
{
    buf_addf(out, "| `%s` | ", f->name);
    type_cell(f, out);
    limits_cell(f, out);
    buf_adds(out, " | ");
    if (f->flags & FIELD_REQUIRED)
        buf_adds(out, "required");
    else if (f->def)
        buf_addf(out, "`%s`", f->def);
    buf_addf(out, " | %s |\n", f->doc);
}

static void section(const struct record *r, struct buf *out)
{
    const char *later = NULL;
    buf_addf(out, "\n## %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", r->name,
             r->doc);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (f->flags & FIELD_LATER)
            later = f->name;
        else if (!(f->flags & FIELD_KEY))
            row(f, out);
    }
    if (!later)
        return;
    buf_adds(out, "\nKnown, but not supported by this version yet:");
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].flags & FIELD_LATER)
            buf_addf(out, " `%s`%s", r->fields[i].name, r->fields[i].name == later ? ".\n" : ",");
}

static void sections(const struct record *r, struct buf *out)
{
    section(r, out);
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].of && !(r->fields[i].flags & FIELD_LATER))
            sections(r->fields[i].of, out);
}

void schema_reference(const struct record *root, struct buf *out)
{
    buf_adds(
        out,
        "# The manifest\n\n"
        "<!-- Generated from the field tables in src/manifest/manifest_fields.c; do not edit. -->\n\n"
        "Every key of a manifest, its value, its default and its meaning. What is not listed is an error.\n\n"
        "A *size* is a number of bytes, or a number with K, M, G or T behind it: `64M`. A *time* is a "
        "number\n"
        "with s, m, h, d, w or y behind it: `90s`, `1h30m`. Only `true` and `false` are true or false. Text "
        "needs\n"
        "quotes where YAML gives a character a meaning, and does no harm elsewhere: `\"8.2\"`. A secret is "
        "never\n"
        "written here: `{secret: NAME}` names one in the store.\n");
    sections(root, out);
}
