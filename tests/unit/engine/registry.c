/* The real kinds and the probe, in the place of src/kinds/registry.c. */
#include "fs.h"
#include "probe.h"
#include "specs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct kind *const kinds[] = {&package_kind, &account_kind, &directory_kind, &file_kind,
                                    &link_kind,    &service_kind, &probe_kind,     NULL};

bool field_is_digest(const struct field *f)
{
    return strcmp(f->name, "digest") == 0 || strcmp(f->name, "secret_digest") == 0;
}

const struct kind *kind_find(const char *name)
{
    for (const struct kind *const *k = kinds; *k; k++)
        if (!strcmp((*k)->name, name))
            return *k;
    return NULL;
}

/* --- the probe -------------------------------------------------------------------------------------------
 */

#define MOST 512
static struct thing {
    char id[64], value[64];
    bool there;
    unsigned trouble, tries;
} things[MOST];
static size_t n_things;
static unsigned long looks;

static struct thing *thing(const char *id)
{
    for (size_t i = 0; i < n_things; i++)
        if (!strcmp(things[i].id, id))
            return &things[i];
    if (n_things == MOST)
        abort();
    struct thing *t = &things[n_things++];
    memset(t, 0, sizeof *t);
    strncpy(t->id, id, sizeof t->id - 1);
    return t;
}

void probe_reset(void)
{
    n_things = 0;
    looks = 0;
}

void probe_set(const char *id, const char *value)
{
    struct thing *t = thing(id);
    t->there = value != NULL;
    strncpy(t->value, value ? value : "", sizeof t->value - 1);
}

const char *probe_get(const char *id)
{
    struct thing *t = thing(id);
    return t->there ? t->value : NULL;
}

void probe_trouble(const char *id, unsigned trouble)
{
    thing(id)->trouble = trouble;
}

unsigned long probe_looks(void)
{
    return looks;
}

#define AT(member) .name = #member, .offset = offsetof(struct probe_spec, member)
static const struct field fields[] = {
    {AT(value), .type = FIELD_STRING, .doc = "What it is."},
    {AT(promise), .type = FIELD_STRING, .flags = FIELD_PROMISE, .doc = "What it is for."},
};
static const struct record record = {
    .name = "probe", FIELDS(fields), .size = sizeof(struct probe_spec), .doc = "A probe."};

static int trouble(const char *id, unsigned what, struct error *err)
{
    return thing(id)->trouble & what ? error_set(err, -EIO, "probe %s does not want to", id) : 0;
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = probe_get(res[i]->id);
        int r = trouble(res[i]->id, PROBE_OBSERVE, err);
        if (r < 0)
            return r;
        looks++;
        found[i] = NULL;
        if (value) {
            struct probe_spec *s = arena_alloc(ctx->arena, sizeof *s);
            s->value = arena_strdup(ctx->arena, value);
            s->promise = ((const struct probe_spec *)res[i]->spec)->promise;
            found[i] = s;
        }
    }
    return 0;
}

static void plan(struct kind_ctx *ctx, struct change *c)
{
    if (thing(c->res->id)->trouble & PROBE_ONE_WAY)
        c->reversal = ONE_WAY;
}

static int prepare(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    return trouble(c->res->id, PROBE_PREPARE, err);
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    int r = trouble(c->res->id, PROBE_CAPTURE, err);
    if (r == 0) /* as who keeps a file there */
        r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r == 0)
        jw_str(undo, "value", probe_get(c->res->id));
    return r;
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct probe_spec *s = c->res->spec;
    int r = trouble(c->res->id, PROBE_APPLY, err);
    if (r < 0 || thing(c->res->id)->trouble & PROBE_LIE)
        return r;
    probe_set(c->res->id, c->op == OP_REMOVE ? NULL : s->value);
    return trouble(c->res->id, PROBE_APPLY_HALF, err);
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    struct thing *t = thing(res->id);
    static const int away[] = {-ENOTCONN, -EBUSY, -ETIMEDOUT};
    if (t->trouble & PROBE_AWAY && t->tries < sizeof away / sizeof *away)
        return error_set(err, away[t->tries++], "nobody answers for probe %s", res->id);
    int r = trouble(res->id, PROBE_UNDO, err);
    if (r == 0)
        probe_set(res->id, json_string_value(json_object_get(saved, "value")));
    return r;
}

/* Downloads that are named by a word of the manifest: "WORD-rest". */
static const char *const probe_caches[] = {"/var/cache/probe", NULL};
static const char *probe_cached_for(struct arena *a, const char *entry)
{
    const char *end = strchr(entry, '-');
    return end ? arena_strndup(a, entry, (size_t)(end - entry)) : NULL;
}

const struct kind probe_kind = {.name = "probe",
                                .record = &record,
                                .observe = observe,
                                .plan = plan,
                                .prepare = prepare,
                                .capture = capture,
                                .apply = apply,
                                .undo = undo,
                                .caches = probe_caches,
                                .cached_for = probe_cached_for};
