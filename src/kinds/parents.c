#include "parents.h"
#include "fs.h"
#include <errno.h>
#include <string.h>

int parents_capture(struct kind_ctx *ctx, const char *path, struct jsonw *undo, const char *key,
                    struct error *err)
{
    char *at, *slash;
    VEC(char *) missing = {0};

    if (fs_parent_there(ctx->host, path))
        return 0;
    at = arena_strdup(ctx->arena, path);
    while ((slash = strrchr(at, '/')) && slash != at) {
        struct fs_stat st;
        *slash = 0;
        int r = fs_stat(ctx->host, at, &st, err);
        if (r < 0)
            return r;
        if (st.type != FS_ABSENT)
            break;
        vec_push(ctx->arena, &missing, arena_strdup(ctx->arena, at));
    }
    if (!missing.n)
        return 0;
    jw_array(undo, key);
    for (size_t i = 0; i < missing.n; i++)
        jw_str(undo, NULL, missing.at[i]);
    jw_end(undo);
    return 0;
}

int parents_make(struct kind_ctx *ctx, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');

    if (slash == path || fs_parent_there(ctx->host, path))
        return 0;
    return fs_mkdirs(ctx->host, arena_strndup(ctx->arena, path, (size_t)(slash - path)), 0755, err);
}

int parents_remove(struct kind_ctx *ctx, json_t *noted, struct error *err)
{
    for (size_t i = 0; i < json_array_size(noted); i++) {
        const char *path = json_string_value(json_array_get(noted, i));
        int r = path ? fs_rmdir(ctx->host, path, err) : 0;
        if (r == -ENOTEMPTY || r == -EEXIST) { /* others use it by now, and what is above it too */
            error_clear(err);
            return 0;
        }
        if (r < 0 && r != -ENOENT)
            return r;
        error_clear(err);
    }
    return 0;
}
