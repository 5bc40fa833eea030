/* directory: mode and owner of a directory; its content is other resources' or nobody's. */
#include "aside.h"
#include "owner.h"
#include "parents.h"
#include "specs.h"
#include "text.h"
#include "trash_tree.h"
#include <errno.h>
#include <string.h>

#define AT(member) .name = #member, .offset = offsetof(struct directory_spec, member)
static const struct field fields[] = {
    {AT(type), .type = FIELD_STRING, .def = "directory", .doc = "What lies at the path."},
    {AT(mode), .type = FIELD_MODE, .doc = "Permission bits."},
    {AT(owner), .type = FIELD_STRING, .doc = "User that owns it."},
    {AT(group), .type = FIELD_STRING, .doc = "Group that owns it."},
    {AT(data), .type = FIELD_BOOL, .flags = FIELD_STORED, .doc = "A removal moves the tree to the trash."},
    {AT(scratch), .type = FIELD_BOOL, .flags = FIELD_STORED, .doc = "What services leave there is nobody's."},
};
static const struct record record = {
    .name = "directory", FIELDS(fields), .size = sizeof(struct directory_spec), .doc = "A directory."};

static int look(struct kind_ctx *ctx, struct owners *own, const struct resource *r, void **found,
                struct error *err)
{
    const struct directory_spec *want = r->spec;
    struct directory_spec *f;
    struct fs_stat st;
    const char *type;
    int e = aside_look(ctx, r->id, &st, &type, err);

    if (e < 0 || !type || (r->absent && (st.type != FS_DIRECTORY || want->left)))
        return e;
    f = arena_alloc(ctx->arena, sizeof *f);
    record_clear(&record, f);
    f->type = type;
    if (st.type == FS_FILE || st.type == FS_DIRECTORY) {
        f->mode = st.mode;
        e = owners_name(own, &st, want->owner, want->group, &f->owner, &f->group, err);
        if (e < 0)
            return e;
    }
    *found = f;
    return 0;
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    struct owners own = {.ctx = ctx};
    int r = 0;

    for (size_t i = 0; i < n && r >= 0; i++) {
        found[i] = NULL;
        r = look(ctx, &own, res[i], &found[i], err);
    }
    owners_free(&own);
    return r;
}

static void check(const struct resource *r, struct diags *d)
{
    if (r->id[0] != '/' || strstr(r->id, "/../"))
        diag_error(d, r->pos, NULL, "the directory %s is not named by an absolute path", r->id);
}

static void plan(struct kind_ctx *ctx, struct change *c)
{
    const struct directory_spec *s = c->res->spec;

    if (c->op != OP_REMOVE)
        return;
    if (s->data == 1) {
        c->reversal = COMPENSATED;
        c->summary = arena_printf(ctx->arena, "to the trash, kept %s",
                                  duration_text(ctx->arena, ctx->trash_retention));
    } else {
        c->summary = "only if it is empty";
    }
}

static bool is_link(const struct change *c)
{
    const struct directory_spec *found = c->found;

    return c->op == OP_UPDATE && found->type && !strcmp(found->type, "link");
}

/* A tree that was moved, with a link in its place: what was seen through the link is there no more once a
 * directory takes its place. */
static void feasible(struct kind_ctx *ctx, const struct change *const *list, size_t n, struct error *errs)
{
    for (size_t i = 0; i < n; i++) {
        const char *path = list[i]->res->id, *type = NULL;
        struct fs_stat st;
        char *target;
        if (!list[i]->below || aside_look(ctx, list[i]->below, &st, &type, NULL) < 0 || !type ||
            st.type == FS_OTHER || fs_readlink(ctx->host, path, ctx->arena, &target, NULL) < 0)
            continue;
        error_set(
            &errs[i], -ENOTEMPTY,
            "%s is a link to %s: with a directory in its place, %s and what else is there would be gone",
            path, target, list[i]->below);
        error_hint(&errs[i], "use a bind mount instead of the link, or put the tree back");
    }
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    const struct directory_spec *s = c->res->spec;
    bool whole = c->op == OP_REMOVE && s->data == 1;
    int r = aside_capture(ctx, c, name, whole, undo, err);

    if (r >= 0 && whole)
        r = trash_tree_owners(ctx, c->res->id, s->owner, s->group, undo, err);
    if (r >= 0 && c->op == OP_CREATE)
        r = parents_capture(ctx, c->res->id, undo, "parents", err);
    if (r >= 0 && c->op == OP_CREATE && c->restore)
        r = trash_tree_capture(ctx, c, undo, err);
    return r;
}

static int remove_it(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    struct directory_spec *s = c->res->spec;
    int r;

    if (s->data == 1)
        return aside_move(ctx, c, err);
    r = fs_rmdir(ctx->host, c->res->id, err);
    if (r == -ENOTEMPTY || r == -EEXIST || r == -EBUSY) {
        /* Somebody else's files are in it, or it is a mount point. */
        error_clear(err);
        s->left = true;
        if (ctx->progress)
            ctx->progress->say(ctx->progress->self,
                               arena_printf(ctx->arena, "%s is not empty: it stays", c->res->id));
        return 0;
    }
    return r;
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct directory_spec *s = c->res->spec;
    const char *path = c->res->id;
    struct fs_stat st;
    bool there;
    uid_t uid;
    gid_t gid;
    mode_t mode;
    int r;

    if (c->op == OP_REMOVE)
        return remove_it(ctx, c, err);
    r = aside_now(ctx, c, path, &st, err);
    there = r >= 0 && st.type == FS_DIRECTORY;
    if (r >= 0)
        r = owner_ids(ctx, s->owner, s->group, there ? &st : NULL, &uid, &gid, err);
    if (r < 0)
        return error_prefix(err, "%s", path);
    mode = s->mode != FIELD_UNSET ? (mode_t)s->mode : there ? st.mode : 0755;
    if (there)
        return fs_attributes(ctx->host, path, mode, uid, gid, err);
    if (st.type != FS_ABSENT)
        r = fs_unlink(ctx->host, path, err);
    if (r >= 0)
        r = parents_make(ctx, path, err);
    if (r < 0 || c->op != OP_CREATE || !c->restore)
        return r < 0 ? r : fs_mkdir(ctx->host, path, mode, uid, gid, err);
    r = trash_tree_restore(ctx, c, err);
    return r < 0 ? r : fs_attributes(ctx->host, path, mode, uid, gid, err);
}

static bool together(const struct kind_ctx *ctx, const struct change *c)
{
    return c->op == OP_CREATE ? !c->restore : !delta_has(&c->delta, "type");
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    const struct directory_spec *s = res->spec;
    int r = trash_tree_undo(ctx, res->id, saved, err);

    /* What citrus put there, or brought back, is taken back already. */
    if (r >= 0)
        r = aside_restore_over(ctx, res->id, saved,
                               op == OP_REMOVE   ? ASIDE_NOTHING
                               : s->scratch == 1 ? ASIDE_SCRATCH
                                                 : ASIDE_OURS,
                               err);
    return r < 0 ? r : parents_remove(ctx, json_object_get(saved, "parents"), err);
}

static int remains(struct kind_ctx *ctx, const struct resource *res, json_t *saved, enum remains_state *ret,
                   const char **path, struct error *err)
{
    const char *name = json_string_value(json_object_get(saved, "trash"));
    int r = 0;

    *path = NULL;
    *ret = REMAINS_NOTHING;
    if (name)
        r = aside_find(ctx, res->id, name, path, err);
    if (name && r >= 0)
        *ret = *path ? REMAINS_THERE : REMAINS_GONE;
    return r;
}

static const char *place(const struct resource *res, bool *takes_all)
{
    const struct directory_spec *spec = res->spec;
    *takes_all = spec->data == 1; /* the tree goes to the trash as it is */
    return res->id;
}

static const char *const apart[] = {"mode", "owner", "group", NULL};

const struct kind directory_kind = {
    .name = "directory",
    .record = &record,
    .apart = apart,
    .observe = observe,
    .check = check,
    .plan = plan,
    .feasible = feasible,
    .doubtful = is_link,
    .capture = capture,
    .apply = apply,
    .together = together,
    .undo = undo,
    .lockout = lockout_path,
    .remains = remains,
    .holds_data = true,
    .place = place,
};
