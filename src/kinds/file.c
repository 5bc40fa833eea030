/* file: content, mode and owner of one file. Its place may be anybody's: an operator's directory of that name
 * goes to the trash, a link is replaced and never followed. */
#include "aside.h"
#include "original.h"
#include "owner.h"
#include "parents.h"
#include "specs.h"
#include <errno.h>
#include <string.h>

#define AT(member) .name = #member, .offset = offsetof(struct file_spec, member)
static const struct field fields[] = {
    {AT(type), .type = FIELD_STRING, .def = "file", .doc = "What lies at the path."},
    {AT(content), .type = FIELD_BYTES, .flags = FIELD_PAYLOAD, .doc = "The bytes."},
    {AT(digest), .type = FIELD_STRING, .doc = "XXH3-128 of the content."},
    {AT(secret_digest), .type = FIELD_STRING, .flags = FIELD_SENSITIVE,
     .doc = "The same, of a content with secrets."},
    {AT(mode), .type = FIELD_MODE, .doc = "Permission bits."},
    {AT(owner), .type = FIELD_STRING, .doc = "User that owns it."},
    {AT(group), .type = FIELD_STRING, .doc = "Group that owns it."},
    {AT(validate), .type = FIELD_STRING, .flags = FIELD_PAYLOAD,
     .doc = "What checks the configuration it belongs to."},
};
static const struct record record = {
    .name = "file", FIELDS(fields), .size = sizeof(struct file_spec), .doc = "A file."};

static int look(struct kind_ctx *ctx, struct owners *own, const struct resource *r, void **found,
                struct error *err)
{
    const struct file_spec *want = r->spec;
    struct file_spec *f;
    struct fs_stat st;
    const char *type;
    int e = aside_look(ctx, r->id, &st, &type, err);

    /* What was promised was a file: where something else lies now, nothing of ours is there to remove. */
    if (e < 0 || !type || (r->absent && (st.type != FS_FILE || want->left)))
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
    if (st.type == FS_FILE && (want->digest || want->secret_digest)) {
        struct hash128 h;
        char hex[HASH_HEX];
        e = fs_digest(ctx->host, r->id, &st, &h, err);
        if (e < 0)
            return e;
        hash_hex(h, hex);
        *(want->digest ? &f->digest : &f->secret_digest) = arena_strdup(ctx->arena, hex);
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
    const struct file_spec *s = r->spec;

    if (r->id[0] != '/' || strstr(r->id, "/../"))
        diag_error(d, r->pos, NULL, "the file %s is not named by an absolute path", r->id);
    if (s->digest && s->secret_digest)
        diag_error(d, r->pos, NULL, "the file %s has two contents", r->id);
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    int r = aside_capture(ctx, c, name, true, undo, err);

    if (r == 0)
        r = original_capture(ctx, c, name, undo, err);
    return r < 0 || c->op != OP_CREATE ? r : parents_capture(ctx, c->res->id, undo, "parents", err);
}

/* Puts the content in place, and keeps it only if the configuration is still sound. Where it was broken
 * before, a failure after it says nothing about this file: the reload, which is validated too, has the last
 * word. */
static int write_checked(struct kind_ctx *ctx, const struct change *c, mode_t mode, uid_t uid, gid_t gid,
                         struct error *err)
{
    const struct file_spec *s = c->res->spec;
    const char *bytes = s->content.at ? s->content.at : "";
    bool was_sound = false;
    int r;

    if (s->validate) {
        r = validate_live(ctx, s->validate, err);
        was_sound = r == 0;
        error_clear(err);
    }
    r = fs_write(ctx->host, c->res->id, bytes, s->content.len, mode, uid, gid, err);
    if (r < 0 || !s->validate || !was_sound)
        return r;
    r = validate_live(ctx, s->validate, err);
    if (r < 0)
        return error_prefix(err, "%s is not accepted", c->res->id);
    return 0;
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    struct file_spec *s = c->res->spec;
    bool content = delta_has(&c->delta, "digest") || delta_has(&c->delta, "secret_digest");
    const char *path = c->res->id;
    struct fs_stat st;
    uid_t uid;
    gid_t gid;
    mode_t mode;
    int r;

    if (c->op == OP_REMOVE) {
        s->left = c->res->adopted;
        return s->left ? original_return(ctx, c, err) : fs_unlink(ctx->host, path, err);
    }
    r = original_keep(ctx, c, err);
    if (r >= 0)
        r = aside_now(ctx, c, path, &st, err);
    if (r >= 0)
        r = owner_ids(ctx, s->owner, s->group, st.type == FS_FILE ? &st : NULL, &uid, &gid, err);
    if (r < 0)
        return error_prefix(err, "%s", path);
    mode = s->mode != FIELD_UNSET ? (mode_t)s->mode : st.type == FS_FILE ? st.mode : 0644;
    if (st.type == FS_FILE && c->op == OP_UPDATE && !content)
        return fs_attributes(ctx->host, path, mode, uid, gid, err);
    if (!s->content.at && (s->digest || s->secret_digest))
        return error_set(err, -EINVAL, "%s: its content is not at hand", path);
    r = st.type == FS_DIRECTORY ? aside_move(ctx, c, err) : parents_make(ctx, path, err);
    if (r < 0)
        return r;
    return write_checked(ctx, c, mode, uid, gid, err);
}

static bool together(const struct kind_ctx *ctx, const struct change *c)
{
    const struct file_spec *s = c->res->spec, *found = c->found;

    return !c->res->adopted && (!s->validate || ctx->host->offline) &&
           (!found || (found->type && !strcmp(found->type, "file")));
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    int r = aside_restore(ctx, res->id, saved, err);

    if (r == 0)
        r = original_undo(ctx, saved, err);
    return r < 0 ? r : parents_remove(ctx, json_object_get(saved, "parents"), err);
}

static int text(struct kind_ctx *ctx, const struct change *c, struct buf *before, struct buf *after,
                struct error *err)
{
    const struct file_spec *s = c->res->spec, *found = c->found;

    if (found && found->type && !strcmp(found->type, "file")) {
        int r = fs_read(ctx->host, c->res->id, 0, before, err);
        if (r < 0 && r != -ENOENT)
            return r;
        error_clear(err);
    }
    if (c->op == OP_REMOVE)
        return 0;
    /* Without a content of its own the file keeps what it has: no difference to show. */
    if (s->content.at)
        buf_add(after, s->content.at, s->content.len);
    else
        buf_add(after, before->at, before->len);
    return 0;
}

static const char *place(const struct resource *res, bool *takes_all)
{
    *takes_all = false;
    return res->id;
}

static const char *const apart[] = {"digest", "secret_digest", "mode", "owner", "group", NULL};

const struct kind file_kind = {
    .name = "file",
    .record = &record,
    .apart = apart,
    .observe = observe,
    .check = check,
    .capture = capture,
    .apply = apply,
    .together = together,
    .undo = undo,
    .text = text,
    .lockout = lockout_path,
    .place = place,
};
