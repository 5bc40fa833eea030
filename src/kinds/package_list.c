#include "package_list.h"
#include "fs.h"
#include "text.h"
#include <errno.h>

#define LIST_MAX ((size_t)16 << 20)

int package_list_look(struct kind_ctx *ctx, struct dpkg *ret, struct error *err)
{
    return dpkg_read(ctx->host, &ret->at, &ret->n, ctx->arena, err);
}

void package_list_text(const struct dpkg *have, struct buf *out)
{
    struct jsonw j;

    jw_init(&j, out, false);
    jw_object(&j, NULL);
    for (size_t i = 0; i < have->n; i++)
        if (have->at[i].state == DPKG_INSTALLED || have->at[i].state == DPKG_BROKEN)
            jw_str(&j, have->at[i].name, have->at[i].version);
        else if (have->at[i].state == DPKG_CONFIG_FILES)
            jw_null(&j, have->at[i].name);
    jw_end(&j);
}

int package_list_write(struct kind_ctx *ctx, const char *path, const struct dpkg *have, struct error *err)
{
    struct buf text = {0};
    int r;

    package_list_text(have, &text);
    r = fs_write(ctx->host, path, text.at, text.len, 0600, 0, 0, err);
    buf_free(&text);
    return r;
}

int package_list_read(struct kind_ctx *ctx, const char *path, json_t **ret, struct error *err)
{
    struct buf text = {0};
    json_error_t je;
    int r = fs_read(ctx->host, path, LIST_MAX, &text, err);

    *ret = NULL;
    if (r == -ENOENT) {
        error_clear(err);
        r = 0;
    } else if (r >= 0) {
        *ret = json_loadb(buf_str(&text), text.len, 0, &je);
        if (!json_is_object(*ret)) {
            json_decref(*ret);
            *ret = NULL;
            r = error_set(err, -EBADMSG, "%s: the list of packages is damaged: %s", path, je.text);
        }
    }
    buf_free(&text);
    return r;
}

const char *package_list_after(struct kind_ctx *ctx, const char *before)
{
    return arena_printf(ctx->arena, "%s.after", before);
}

bool package_list_has(json_t *list, const char *name)
{
    return json_is_string(json_object_get(list, name));
}

void package_list_new(struct kind_ctx *ctx, const struct dpkg *have, json_t *before, json_t *after,
                      bool keep_data, struct names *purge, struct names *gone)
{
    for (size_t i = 0; i < have->n; i++) {
        const struct dpkg_package *p = &have->at[i];
        if (p->state == DPKG_ABSENT || p->state == DPKG_CONFIG_FILES || package_list_has(before, p->name) ||
            (after && !package_list_has(after, p->name)))
            continue;
        /* debconf may have been told to drop all databases with the package. */
        if (json_object_get(before, p->name) || (keep_data && starts_with(p->name, "mariadb-server")))
            vec_push(ctx->arena, gone, p->name);
        else
            vec_push(ctx->arena, purge, p->name);
    }
}

void package_list_lost(struct kind_ctx *ctx, const struct dpkg *have, json_t *before, json_t *after,
                       struct names *exact, struct names *any)
{
    const char *name;
    json_t *version;

    json_object_foreach(before, name, version)
    {
        const struct dpkg_package *p = dpkg_find(have->at, have->n, name);
        if (!json_is_string(version) || (p && (p->state == DPKG_INSTALLED || p->state == DPKG_BROKEN)) ||
            (after && package_list_has(after, name)))
            continue;
        vec_push(ctx->arena, exact, arena_printf(ctx->arena, "%s=%s", name, json_string_value(version)));
        vec_push(ctx->arena, any, arena_strdup(ctx->arena, name));
    }
}
