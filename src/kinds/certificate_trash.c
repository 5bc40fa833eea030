/* Where the pair of a certificate goes when it is removed, and from where it may come back. */
#include "certificate_pair.h"
#include "fs.h"
#include <errno.h>

static int tolerate(int r, struct error *err)
{
    if (r != -ENOENT && r != -ENOTEMPTY && r != -EEXIST)
        return r;
    error_clear(err);
    return 0;
}

/* Copied first, so that the pair is whole in the trash before a part of it is gone from its place. */
static int keep(struct kind_ctx *ctx, const char *id, const char *trash, struct error *err)
{
    static const char *const files[] = {"fullchain.pem", "privkey.pem"};
    int r = fs_mkdirs(ctx->host, TRASH, 0700, err);
    if (r == 0)
        r = fs_mkdir(ctx->host, trash, 0700, 0, 0, err);
    for (size_t i = 0; r == 0 && i < 2; i++) {
        r = fs_copy(ctx->host, tls_path(ctx->arena, id, files[i]), kept_path(ctx->arena, trash, files[i]),
                    0600, 0, 0, err);
        r = tolerate(r, err);
    }
    return r;
}

int trash_pair(struct kind_ctx *ctx, const char *id, const char *trash, struct error *err)
{
    int r = keep(ctx, id, trash, err);
    if (r == 0)
        r = tolerate(fs_unlink(ctx->host, tls_path(ctx->arena, id, "fullchain.pem"), err), err);
    if (r == 0)
        r = tolerate(fs_unlink(ctx->host, tls_path(ctx->arena, id, "privkey.pem"), err), err);
    if (r == 0)
        r = fs_rmdir(ctx->host, tls_dir(ctx->arena, id), err);
    if (r == 0)
        r = fs_rmdir(ctx->host, TLS_DIR, err);
    return tolerate(r, err);
}

int trash_undo(struct kind_ctx *ctx, json_t *undo, struct error *err)
{
    const char *trash = json_string_value(json_object_get(undo, "trash")),
               *restored = json_string_value(json_object_get(undo, "restored")),
               *kept = json_string_value(json_object_get(undo, "kept"));
    struct fs_stat st = {.type = FS_ABSENT};
    int r = trash ? fs_remove_tree(ctx->host, trash, err) : 0;
    if (r == 0 && kept)
        r = fs_stat(ctx->host, kept, &st, err);
    return r < 0 || !restored || st.type == FS_ABSENT ? r : fs_rename(ctx->host, kept, restored, err);
}
