/* link: a symbolic link and where it leads. */
#include "aside.h"
#include "original.h"
#include "parents.h"
#include "specs.h"
#include <errno.h>
#include <string.h>

#define AT(member) .name = #member, .offset = offsetof(struct link_spec, member)
static const struct field fields[] = {
    {AT(type), .type = FIELD_STRING, .def = "link", .doc = "What lies at the path."},
    {AT(target), .type = FIELD_STRING, .flags = FIELD_REQUIRED, .doc = "Where it leads."},
};
static const struct record record = {
    .name = "link", FIELDS(fields), .size = sizeof(struct link_spec), .doc = "A symbolic link."};

static int look(struct kind_ctx *ctx, const struct resource *r, void **found, struct error *err)
{
    const struct link_spec *want = r->spec;
    struct link_spec *f;
    struct fs_stat st;
    const char *type;
    char *target = NULL;
    int e = aside_look(ctx, r->id, &st, &type, err);

    if (e < 0 || !type || (r->absent && (st.type != FS_LINK || want->left)))
        return e;
    if (st.type == FS_LINK) {
        e = fs_readlink(ctx->host, r->id, ctx->arena, &target, err);
        if (e < 0)
            return e;
    }
    f = arena_alloc(ctx->arena, sizeof *f);
    *f = (struct link_spec){.type = type, .target = target};
    *found = f;
    return 0;
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < n && r >= 0; i++) {
        found[i] = NULL;
        r = look(ctx, res[i], &found[i], err);
    }
    return r;
}

static void check(const struct resource *r, struct diags *d)
{
    const struct link_spec *s = r->spec;

    if (r->id[0] != '/' || strstr(r->id, "/../"))
        diag_error(d, r->pos, NULL, "the link %s is not named by an absolute path", r->id);
    if (!r->absent && (!s->target || !*s->target))
        diag_error(d, r->pos, NULL, "the link %s leads nowhere", r->id);
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    int r = aside_capture(ctx, c, name, true, undo, err);

    if (r == 0)
        r = original_capture(ctx, c, name, undo, err);
    return r < 0 || c->op != OP_CREATE ? r : parents_capture(ctx, c->res->id, undo, "parents", err);
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    struct link_spec *s = c->res->spec;
    struct fs_stat st;
    int r;

    if (c->op == OP_REMOVE) {
        s->left = c->res->adopted;
        return s->left ? original_return(ctx, c, err) : fs_unlink(ctx->host, c->res->id, err);
    }
    r = original_keep(ctx, c, err);
    if (r >= 0)
        r = fs_stat(ctx->host, c->res->id, &st, err);
    if (r >= 0)
        r = st.type == FS_DIRECTORY ? aside_move(ctx, c, err) : parents_make(ctx, c->res->id, err);
    return r < 0 ? r : fs_symlink(ctx->host, s->target, c->res->id, err);
}

static bool together(const struct kind_ctx *ctx, const struct change *c)
{
    const struct link_spec *found = c->found;

    return !c->res->adopted && (!found || (found->type && !strcmp(found->type, "link")));
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    int r = aside_restore(ctx, res->id, saved, err);

    if (r == 0)
        r = original_undo(ctx, saved, err);
    return r < 0 ? r : parents_remove(ctx, json_object_get(saved, "parents"), err);
}

static const char *place(const struct resource *res, bool *takes_all)
{
    *takes_all = false;
    return res->id;
}

const struct kind link_kind = {
    .name = "link",
    .record = &record,
    .observe = observe,
    .check = check,
    .capture = capture,
    .apply = apply,
    .together = together,
    .undo = undo,
    .lockout = lockout_path,
    .place = place,
};
