/* schemas/manifest.schema.json and docs/manifest.md say what the field tables say. `--write` behind the
 * source directory writes them anew. */
#include "decode.h"
#include "schema.h"
#include "testing.h"
#include <jansson.h>
#include <stdio.h>

static const char *source_root;
static bool write_anew;

static void is_what_the_tables_give(struct world *w, const char *name, const struct buf *wanted)
{
    const char *path = arena_printf(&w->arena, "%s/%s", source_root, name);
    if (write_anew) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fwrite(buf_str(wanted), 1, wanted->len, f);
        fclose(f);
    }
    FILE *f = fopen(path, "rb");
    char *have = arena_alloc(&w->arena, 1 << 20);
    if (f) {
        have[fread(have, 1, (1 << 20) - 1, f)] = '\0';
        fclose(f);
    }
    if (strcmp(have, buf_str(wanted)) != 0)
        fail_msg("%s is not what the field tables give; write it anew with: test_manifest_schema %s --write",
                 name, source_root);
}

static void the_schema_is_up_to_date(void **state)
{
    struct world *w = *state;
    schema_write(&manifest_record, "Manifest of citrus", &w->out);
    is_what_the_tables_give(w, "schemas/manifest.schema.json", &w->out);
}

static void the_reference_page_is_up_to_date(void **state)
{
    struct world *w = *state;
    schema_reference(&manifest_record, &w->out);
    is_what_the_tables_give(w, "docs/manifest.md", &w->out);
}

static void refs_lead_somewhere(json_t *defs, json_t *v)
{
    const char *key, *ref = json_string_value(json_object_get(v, "$ref"));
    json_t *item;
    size_t i;
    if (ref && (strncmp(ref, "#/$defs/", 8) != 0 || !json_object_get(defs, ref + 8)))
        fail_msg("%s leads nowhere", ref);
    json_object_foreach(v, key, item) refs_lead_somewhere(defs, item);
    if (json_is_array(v))
        json_array_foreach(v, i, item) refs_lead_somewhere(defs, item);
}

static void the_schema_is_json_whose_references_lead_somewhere(void **state)
{
    struct world *w = *state;
    json_error_t why;
    schema_write(&manifest_record, "t", &w->out);
    json_t *root = json_loads(buf_str(&w->out), JSON_REJECT_DUPLICATES, &why);
    if (!root)
        fail_msg("line %d: %s", why.line, why.text);
    json_t *defs = json_object_get(root, "$defs");
    assert_true(json_object_size(defs) >= 15);
    refs_lead_somewhere(defs, root);
    assert_true(json_is_false(json_object_get(root, "additionalProperties")));
    assert_null(json_object_get(json_object_get(json_object_get(defs, "server"), "properties"), "redis"));
    json_decref(root);
}

static void the_schema_offers_nothing_that_is_refused_yet(void **state)
{
    struct world *w = *state;
    schema_write(&manifest_record, "t", &w->out);
    assert_non_null(strstr(buf_str(&w->out), "\"self-signed\""));
    assert_null(strstr(buf_str(&w->out), "\"acme\""));
    assert_null(strstr(buf_str(&w->out), "\"redis\""));
}

/* "string", or the two of a list. */
static const char *types_of(struct world *w, json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    if (json_is_string(type))
        return json_string_value(type);
    assert_int_equal(json_array_size(type), 2);
    return arena_printf(&w->arena, "%s or %s", json_string_value(json_array_get(type, 0)),
                        json_string_value(json_array_get(type, 1)));
}

static void the_schema_takes_numbers_without_quotes_where_citrus_takes_them_as_text(void **state)
{
    static const struct {
        const char *record, *field, *types;
    } cases[] = {{"site.php", "version", "string or number"},
                 {"site.wordpress", "version", "string or number"},
                 {"site.wordpress", "title", "string or number"},
                 {"site.health", "contains", "string or number"},
                 {"server.memory", "budget", "string or integer"},
                 {"site.health", "path", "string"},
                 {"site", "target", "string"},
                 {"site.wordpress.admin", "email", "string"}};
    struct world *w = *state;
    schema_write(&manifest_record, "t", &w->out);
    json_t *root = json_loads(buf_str(&w->out), 0, NULL), *defs = json_object_get(root, "$defs");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *properties = json_object_get(json_object_get(defs, cases[i].record), "properties");
        assert_string_equal(types_of(w, json_object_get(properties, cases[i].field)), cases[i].types);
    }
    json_t *health = json_object_get(json_object_get(defs, "site.health"), "properties");
    json_t *items = json_object_get(json_object_get(health, "status"), "items");
    assert_string_equal(types_of(w, items), "string or integer");
    json_decref(root);
}

static void every_field_is_documented(const struct record *r)
{
    if (!r->doc || !r->has_origin)
        fail_msg("record %s has no sentence or no origin", r->name);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (!f->doc || f->doc[strlen(f->doc) - 1] != '.' || strchr(f->doc, '|'))
            fail_msg("field %s of %s has no proper sentence", f->name, r->name);
        if (f->of)
            every_field_is_documented(f->of);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(f->name, r->fields[k].name);
    }
}

static void every_record_and_field_has_a_sentence(void **state)
{
    (void)state;
    every_field_is_documented(&manifest_record);
}

/* Through decode_record() with no node: a default that its own field refuses is a diagnostic. */
static void defaults_are_fine(struct world *w, const struct record *r)
{
    void *p = arena_alloc(&w->arena, r->size);
    decode_record(r, NULL, p, &w->arena, &w->diags);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (f->def && !field_is_set(f, p))
            fail_msg("default %s of %s in %s is refused:\n%s", f->def, f->name, r->name, world_says(w));
        for (size_t k = 0; f->def && f->type == FIELD_STRINGS && f->check &&
                           k < ((struct strings *)((char *)p + f->offset))->n;
             k++)
            assert_null(f->check(((struct strings *)((char *)p + f->offset))->at[k]));
        if (f->of)
            defaults_are_fine(w, f->of);
    }
}

static void every_default_is_fine_for_its_own_field(void **state)
{
    struct world *w = *state;
    defaults_are_fine(w, &manifest_record);
    assert_string_equal(world_says(w), "");
}

int main(int argc, char **argv)
{
    source_root = argc > 1 ? argv[1] : ".";
    write_anew = argc > 2 && strcmp(argv[2], "--write") == 0;
    const struct CMUnitTest tests[] = {
        TEST(the_schema_is_up_to_date),
        TEST(the_reference_page_is_up_to_date),
        TEST(the_schema_is_json_whose_references_lead_somewhere),
        TEST(the_schema_offers_nothing_that_is_refused_yet),
        TEST(the_schema_takes_numbers_without_quotes_where_citrus_takes_them_as_text),
        TEST(every_record_and_field_has_a_sentence),
        TEST(every_default_is_fine_for_its_own_field),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
