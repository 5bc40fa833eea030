/* An original is a hard link (or copy) of the file, and beside it, as NAME.json, what fs_save() wrote of it.
 * The name is a digest of the path. */
#include "original.h"
#include "fs.h"
#include <errno.h>
#include <string.h>

#define DIR        "/var/lib/citrus/originals"
#define RECORD_MAX ((size_t)64 << 10)

static const char *name_of(struct arena *a, const char *path)
{
    char hex[HASH_HEX];

    hash_hex(hash_bytes(path, strlen(path)), hex);
    return arena_strdup(a, hex);
}

static const char *kept_path(struct arena *a, const char *path)
{
    return arena_printf(a, DIR "/%s", name_of(a, path));
}

static const char *record_path(struct arena *a, const char *path)
{
    return arena_printf(a, DIR "/%s.json", name_of(a, path));
}

/* Others may be kept there. */
static int tidy(struct kind_ctx *ctx, struct error *err)
{
    int r = fs_rmdir(ctx->host, DIR, err);

    if (r == -ENOTEMPTY || r == -EEXIST || r == -ENOENT) {
        error_clear(err);
        r = 0;
    }
    return r;
}

int original_capture(struct kind_ctx *ctx, const struct change *c, const char *name, struct jsonw *undo,
                     struct error *err)
{
    int r;

    if (!c->res->adopted)
        return 0;
    r = fs_save(ctx->host, kept_path(ctx->arena, c->res->id), ctx->undo_dir,
                arena_printf(ctx->arena, "%s-original", name), undo, "original", NULL, err);
    return r < 0 ? r
                 : fs_save(ctx->host, record_path(ctx->arena, c->res->id), ctx->undo_dir,
                           arena_printf(ctx->arena, "%s-record", name), undo, "original_record", NULL, err);
}

/* The directory is there where either of them was. */
int original_undo(struct kind_ctx *ctx, json_t *undo, struct error *err)
{
    static const char *const members[] = {"original", "original_record"};
    bool any = false;

    for (size_t i = 0; i < 2; i++) {
        json_t *was = json_object_get(undo, members[i]);
        const char *type = json_string_value(json_object_get(was, "type"));
        int r = 0;
        if (!was)
            continue;
        any = true;
        if (type && strcmp(type, "absent"))
            r = fs_mkdirs(ctx->host, DIR, 0700, err);
        if (r >= 0)
            r = fs_restore(ctx->host, was, err);
        if (r < 0)
            return r;
    }
    return any ? tidy(ctx, err) : 0;
}

int original_keep(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const char *path = c->res->id, *record = record_path(ctx->arena, path);
    struct buf text = {0};
    struct fs_stat st;
    struct jsonw j;
    int r;

    if (!c->res->adopted || !c->found)
        return 0;
    r = fs_stat(ctx->host, record, &st, err);
    if (r < 0 || st.type != FS_ABSENT)
        return r;
    r = fs_stat(ctx->host, path, &st, err);
    if (r < 0 || (st.type != FS_FILE && st.type != FS_LINK))
        return r;
    jw_init(&j, &text, false);
    jw_object(&j, NULL);
    r = fs_mkdirs(ctx->host, DIR, 0700, err);
    if (r == 0)
        r = fs_save(ctx->host, path, DIR, name_of(ctx->arena, path), &j, "was", NULL, err);
    jw_end(&j);
    if (r == 0)
        r = fs_write(ctx->host, record, buf_str(&text), text.len, 0600, 0, 0, err);
    buf_free(&text);
    return r < 0 ? error_prefix(err, "keeping what was found at %s", path) : 0;
}

static int record_read(struct kind_ctx *ctx, const char *record, json_t **ret, struct error *err)
{
    struct buf text = {0};
    json_error_t e;
    int r = fs_read(ctx->host, record, RECORD_MAX, &text, err);

    if (r < 0) {
        buf_free(&text);
        return r;
    }
    *ret = json_loadb(buf_str(&text), text.len, 0, &e);
    buf_free(&text);
    return *ret ? 0 : error_set(err, -EINVAL, "%s is no JSON: %s", record, e.text);
}

int original_return(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const char *path = c->res->id, *record = record_path(ctx->arena, path);
    json_t *root = NULL;
    int r = record_read(ctx, record, &root, err);

    if (r == -ENOENT) { /* never changed */
        error_clear(err);
        return 0;
    }
    if (r == 0)
        r = fs_restore(ctx->host, json_object_get(root, "was"), err);
    json_decref(root);
    if (r == 0)
        r = fs_unlink(ctx->host, record, err);
    if (r == 0)
        r = fs_unlink(ctx->host, kept_path(ctx->arena, path), err);
    if (r == 0)
        r = tidy(ctx, err);
    return r < 0 ? error_prefix(err, "bringing back what was found at %s", path) : 0;
}
