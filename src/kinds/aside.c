#include "aside.h"
#include <errno.h>
#include <string.h>

#define TRASH "/var/lib/citrus/trash" /* fs.h: fs_trash() */

int aside_look(struct kind_ctx *ctx, const char *path, struct fs_stat *st, const char **type,
               struct error *err)
{
    static const char *const names[] = {[FS_ABSENT] = NULL,
                                        [FS_FILE] = "file",
                                        [FS_DIRECTORY] = "directory",
                                        [FS_LINK] = "link",
                                        [FS_OTHER] = "special file"};
    int r = fs_stat(ctx->host, path, st, err);

    if (r == -ELOOP) {
        error_clear(err);
        *st = (struct fs_stat){.type = FS_OTHER};
        *type = "behind a foreign link";
        return 0;
    }
    if (r < 0)
        return r;
    *type = names[st->type];
    return 0;
}

int aside_now(struct kind_ctx *ctx, const struct change *c, const char *path, struct fs_stat *st,
              struct error *err)
{
    *st = (struct fs_stat){.type = FS_ABSENT};
    return c->op == OP_CREATE && !c->restore ? 0 : fs_stat(ctx->host, path, st, err);
}

static int save(struct kind_ctx *ctx, const char *path, const char *name, bool whole, struct jsonw *undo,
                const char **trash, struct error *err)
{
    const char *base = strrchr(path, '/');
    enum fs_type type = FS_ABSENT;
    int r = fs_save(ctx->host, path, ctx->undo_dir, name, undo, "was", &type, err);

    if (r == -EOPNOTSUPP && type == FS_OTHER) {
        r = error_set(err, -EEXIST, "%s: a special file (socket, pipe or device) lies there", path);
        error_hint(err, "citrus cannot bring such a file back, so it does not replace it: move it away");
    }
    if (r < 0)
        return r;
    if (whole && type == FS_DIRECTORY) {
        *trash =
            arena_printf(ctx->arena, "%lld-%s-%s", (long long)ctx->transaction, name, base ? base + 1 : path);
        jw_str(undo, "trash", *trash);
    }
    return 0;
}

int aside_capture(struct kind_ctx *ctx, struct change *c, const char *name, bool whole, struct jsonw *undo,
                  struct error *err)
{
    const char *trash = NULL;
    int r = save(ctx, c->res->id, name, whole, undo, &trash, err);

    c->prepared = (void *)(uintptr_t)trash;
    return r;
}

int aside_save(struct kind_ctx *ctx, const char *path, const char *name, struct jsonw *undo, const char *key,
               const char **trash, struct error *err)
{
    int r;

    *trash = NULL;
    jw_object(undo, key);
    jw_str(undo, "path", path);
    r = save(ctx, path, name, true, undo, trash, err);
    jw_end(undo);
    return r;
}

int aside_make_room(struct kind_ctx *ctx, const char *path, const char *trash, struct error *err)
{
    char *where;

    return trash ? fs_trash(ctx->host, path, trash, ctx->arena, &where, err) : 0;
}

int aside_move(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    if (!c->prepared)
        return error_set(err, -EEXIST, "%s: a directory came to lie there in the meantime", c->res->id);
    return aside_make_room(ctx, c->res->id, c->prepared, err);
}

int aside_find(struct kind_ctx *ctx, const char *path, const char *name, const char **ret, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const char *places[] = {
        arena_printf(ctx->arena, TRASH "/%s", name),
        arena_printf(ctx->arena, "%.*s/.citrus-trash/%s", (int)(slash - path), path, name),
    };

    *ret = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct fs_stat st;
        int r = fs_stat(ctx->host, places[i], &st, err);
        if (r < 0)
            return r;
        if (st.type != FS_ABSENT) {
            *ret = places[i];
            return 0;
        }
    }
    return 0;
}

int aside_put_back(struct kind_ctx *ctx, json_t *was, enum aside_left left, struct error *err)
{
    const char *path = json_string_value(json_object_get(was, "path"));
    int r = fs_restore(ctx->host, was, err);

    if (r != -ENOTEMPTY)
        return r;
    error_clear(err);
    r = left == ASIDE_SCRATCH ? fs_remove_tree(ctx->host, path, err) : ctx->keep(ctx->keep_self, path, err);
    return r < 0 ? r : fs_restore(ctx->host, was, err);
}

/* The tree that went comes back to where the change may have put something, and somebody else, too. */
static int bring_back(struct kind_ctx *ctx, const char *path, const char *kept, enum aside_left left,
                      struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(ctx->host, path, &st, err);

    if (r == 0 && st.type != FS_ABSENT)
        r = st.type == FS_DIRECTORY ? fs_rmdir(ctx->host, path, err)
            : left == ASIDE_NOTHING ? -ENOTEMPTY
                                    : fs_unlink(ctx->host, path, err);
    if (r == -EBUSY) {
        error_clear(err);
        error_set(err, -EXDEV, "cannot remove %s: a file system is mounted there", path);
        error_hint(err, "unmount it first");
        return -EXDEV;
    }
    if (r == -ENOTEMPTY || r == -EEXIST) {
        error_clear(err);
        r = ctx->keep(ctx->keep_self, path, err);
    }
    return r < 0 ? r : fs_rename(ctx->host, kept, path, err);
}

/* Where a removal left nothing, and yet something lies there that is no directory. */
static int keep_others(struct kind_ctx *ctx, const char *path, struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(ctx->host, path, &st, err);

    if (r < 0 || st.type == FS_ABSENT || st.type == FS_DIRECTORY)
        return r;
    return ctx->keep(ctx->keep_self, path, err);
}

int aside_restore_over(struct kind_ctx *ctx, const char *path, json_t *undo, enum aside_left left,
                       struct error *err)
{
    const char *name = json_string_value(json_object_get(undo, "trash")), *kept;
    json_t *was = json_object_get(undo, "was");
    int r;

    if (!was)
        return error_set(err, -EINVAL, "%s: the undo record does not say what was there", path);
    if (!name) {
        r = left == ASIDE_NOTHING ? keep_others(ctx, path, err) : 0;
        return r < 0 ? r : aside_put_back(ctx, was, left, err);
    }
    r = aside_find(ctx, path, name, &kept, err);
    if (r < 0 || !kept) /* it never went, or is back already */
        return r;
    return bring_back(ctx, path, kept, left, err);
}

int aside_restore(struct kind_ctx *ctx, const char *path, json_t *undo, struct error *err)
{
    return aside_restore_over(ctx, path, undo, ASIDE_OURS, err);
}

bool delta_has(const struct delta *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->at[i].field->name, name))
            return true;
    return false;
}
