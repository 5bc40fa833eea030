/* A site's PHP-FPM pool: /etc/php/VERSION/fpm/pool.d/ID.conf, in one version's directory and no other.
 *
 * Two masters that both own a pool of one name would fight for its socket, so a file of that name below
 * another version is a difference. The content is validated before it is written; it holds no secrets. */
#include "aside.h"
#include "owner.h"
#include "parents.h"
#include "specs.h"
#include "text.h"
#include <errno.h>
#include <string.h>

static const struct field fields[] = {
    {.name = "version",
     .type = FIELD_STRING,
     .offset = offsetof(struct php_pool_spec, version),
     .doc = "PHP version that runs the pool."},
    {.name = "content", .type = FIELD_BYTES, .offset = offsetof(struct php_pool_spec, content)},
    {.name = "digest",
     .type = FIELD_STRING,
     .offset = offsetof(struct php_pool_spec, digest),
     .doc = "Digest of the pool file's content."},
    {.name = "mode",
     .type = FIELD_MODE,
     .offset = offsetof(struct php_pool_spec, mode),
     .doc = "Mode of the file."},
    {.name = "owner",
     .type = FIELD_STRING,
     .offset = offsetof(struct php_pool_spec, owner),
     .def = OWNERS_ROOT,
     .doc = "User and group of the file: whoever may write it decides as whom PHP runs."},
};
static const struct record record = {
    .name = "php_pool", FIELDS(fields), .size = sizeof(struct php_pool_spec)};

/* A few pools are looked for; of more the directories are listed, which hold the pools of all sites. */
enum { LOOKED_FOR = 8 };

/* One PHP version's pool directory, listed once for all pools. */
struct pool_dir {
    const char *version;
    const char **names;
    size_t n;
};
struct pool_dirs {
    struct pool_dir *at;
    size_t n;
};

static char *pool_path(struct arena *a, const char *version, const char *id)
{
    return arena_join(a, "/etc/php/", version, "/fpm/pool.d/", id, ".conf");
}

static int list_if_there(struct kind_ctx *ctx, const char *path, const char ***ret, size_t *n,
                         struct error *err)
{
    int r = fs_list(ctx->host, path, ctx->arena, ret, n, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        *n = 0;
        return 0;
    }
    return r;
}

/* Of one file nothing is listed: it is looked for. */
static int look_for(struct kind_ctx *ctx, const char *dir, const char **file, struct pool_dir *ret,
                    struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(ctx->host, arena_printf(ctx->arena, "%s/%s", dir, *file), &st, err);
    ret->names = file;
    ret->n = r == 0 && st.type != FS_ABSENT;
    return r;
}

/* `file`: of this one alone; NULL: of all. */
static int pool_dirs_read(struct kind_ctx *ctx, const char **file, struct pool_dirs *ret, struct error *err)
{
    const char **versions = NULL;
    size_t n = 0;
    int r = list_if_there(ctx, "/etc/php", &versions, &n, err);
    if (r < 0)
        return r;
    ret->at = arena_array(ctx->arena, struct pool_dir, n + 1);
    ret->n = n;
    for (size_t i = 0; i < n; i++) {
        ret->at[i].version = versions[i];
        const char *dir = arena_printf(ctx->arena, "/etc/php/%s/fpm/pool.d", versions[i]);
        r = file ? look_for(ctx, dir, file, &ret->at[i], err)
                 : list_if_there(ctx, dir, &ret->at[i].names, &ret->at[i].n, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool pool_dir_has(const struct pool_dir *d, const char *name)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(d->names[mid], name);
        if (c == 0)
            return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static int pool_look(struct kind_ctx *ctx, struct owners *own, const char *path, struct php_pool_spec *s,
                     struct error *err)
{
    struct fs_stat st;
    struct hash128 h;
    char hex[HASH_HEX];
    int r = fs_stat(ctx->host, path, &st, err);
    if (r < 0)
        return r;
    if (st.type != FS_FILE) {
        s->digest = ASIDE_NO_FILE;
        return 0;
    }
    s->mode = (int64_t)st.mode;
    r = owners_pair(own, &st, &s->owner, err);
    if (r == 0)
        r = fs_digest(ctx->host, path, &st, &h, err);
    if (r < 0)
        return r;
    hash_hex(h, hex);
    s->digest = arena_strdup(ctx->arena, hex);
    return 0;
}

static int observe_one(struct kind_ctx *ctx, struct owners *own, const struct pool_dirs *dirs,
                       const struct resource *res, void **found, struct error *err)
{
    const struct php_pool_spec *want = res->spec;
    const char *name = arena_join(ctx->arena, res->id, ".conf"), *versions = NULL, *best = NULL;
    *found = NULL;
    for (size_t i = 0; i < dirs->n; i++) {
        const char *version = dirs->at[i].version;
        if (!pool_dir_has(&dirs->at[i], name))
            continue;
        versions = versions ? arena_printf(ctx->arena, "%s and %s", versions, version) : version;
        if (!best || (want->version && !strcmp(version, want->version)))
            best = version;
    }
    if (!best)
        return 0;
    struct php_pool_spec *s = arena_new(ctx->arena, struct php_pool_spec);
    record_clear(&record, s);
    s->version = versions;
    s->mode = want->mode;
    s->owner = want->owner;
    *found = s;
    return pool_look(ctx, own, pool_path(ctx->arena, best, res->id), s, err);
}

static int php_pool_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                            struct error *err)
{
    struct owners own = {.ctx = ctx};
    struct pool_dirs dirs = {0};
    bool few = n <= LOOKED_FOR;
    int r = few ? 0 : pool_dirs_read(ctx, NULL, &dirs, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *file = arena_join(ctx->arena, res[i]->id, ".conf");
        if (few)
            r = pool_dirs_read(ctx, &file, &dirs, err);
        if (r == 0)
            r = observe_one(ctx, &own, &dirs, res[i], &found[i], err);
    }
    owners_free(&own);
    return r;
}

static void php_pool_check(const struct resource *res, struct diags *d)
{
    const struct php_pool_spec *s = res->spec;
    if (!res->absent &&
        (!s->version || !*s->version || strspn(s->version, "0123456789.") != strlen(s->version)))
        diag_error(d, res->pos, "a version like \"8.2\"", "the pool of %s has no usable PHP version",
                   res->id);
}

/* Whether other versions may have it: not where what was found a moment ago says that this one alone has it,
 * or none. */
static bool others_have(const struct change *c)
{
    const struct php_pool_spec *want = c->res->spec, *found = c->found;
    return found && strcmp(found->version, want->version) != 0;
}

/* A directory that somebody made in the place of a pool's file, and its name in the trash. */
struct room {
    const char *path, *trash;
};
struct rooms {
    VEC(struct room) list;
};

static int save_one(struct kind_ctx *ctx, const struct change *c, const char *version, const char *name,
                    struct rooms *rooms, struct jsonw *undo, struct error *err)
{
    struct room room = {.path = pool_path(ctx->arena, version, c->res->id)};
    int r = aside_save(ctx, room.path, arena_printf(ctx->arena, "%s-%s", name, version), undo, NULL,
                       &room.trash, err);
    vec_push(ctx->arena, &rooms->list, room);
    return r;
}

/* The old versions' files come first: undoing brings the old pool back before the new one goes. */
static int php_pool_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                            struct error *err)
{
    const struct php_pool_spec *s = c->res->spec;
    const char *file = arena_printf(ctx->arena, "%s.conf", c->res->id);
    struct rooms *rooms = arena_new(ctx->arena, struct rooms);
    struct pool_dirs dirs = {0};
    int r = others_have(c) ? pool_dirs_read(ctx, &file, &dirs, err) : 0;
    if (r < 0)
        return r;
    jw_array(undo, "files");
    for (size_t i = 0; r == 0 && i < dirs.n; i++)
        if (pool_dir_has(&dirs.at[i], file) && strcmp(dirs.at[i].version, s->version) != 0)
            r = save_one(ctx, c, dirs.at[i].version, name, rooms, undo, err);
    if (r == 0)
        r = save_one(ctx, c, s->version, name, rooms, undo, err);
    jw_end(undo);
    if (r == 0 && c->op != OP_REMOVE)
        r = parents_capture(ctx, pool_path(ctx->arena, s->version, c->res->id), undo, "parents", err);
    c->prepared = rooms;
    return r;
}

static int make_rooms(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const struct rooms *rooms = c->prepared;
    int r = 0;
    for (size_t i = 0; i < rooms->list.n && r >= 0; i++)
        r = aside_make_room(ctx, rooms->list.at[i].path, rooms->list.at[i].trash, err);
    return r;
}

/* Removes the pool's files but `keep` (NULL: all of them): those that undo has. */
static int remove_others(struct kind_ctx *ctx, const struct change *c, const char *keep, struct error *err)
{
    const struct rooms *rooms = c->prepared;
    int r = 0;
    for (size_t i = 0; i < rooms->list.n && r == 0; i++)
        if (!keep || strcmp(rooms->list.at[i].path, keep) != 0)
            r = fs_unlink(ctx->host, rooms->list.at[i].path, err);
    return r;
}

static int php_pool_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct php_pool_spec *s = c->res->spec;
    const char *path = pool_path(ctx->arena, s->version, c->res->id);
    int r = 0;
    if (c->op != OP_REMOVE && !ctx->host->offline) {
        r = validate_pool(ctx, s->version, path, s->content.at, s->content.len, err);
        if (r < 0)
            return error_prefix(err, "%s would not be accepted by PHP-FPM", path);
    }
    r = make_rooms(ctx, c, err);
    if (r < 0)
        return r;
    if (c->op == OP_REMOVE)
        return remove_others(ctx, c, NULL, err);
    r = parents_make(ctx, path, err);
    if (r == 0)
        r = fs_write(ctx->host, path, s->content.at, s->content.len, (mode_t)s->mode, 0, 0, err);
    return r < 0 ? r : remove_others(ctx, c, path, err);
}

/* On a running system each is validated before it is there. What has to make room first, or to take another
 * version's away, is made alone (vhost.c). */
static bool php_pool_together(const struct kind_ctx *ctx, const struct change *c)
{
    const struct php_pool_spec *found = c->found;
    bool room = found && (!found->digest || !strcmp(found->digest, ASIDE_NO_FILE));
    return ctx->host->offline && !room && (c->op == OP_CREATE || !delta_has(&c->delta, "version"));
}

static int php_pool_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                         struct error *err)
{
    size_t i;
    json_t *saved;
    json_array_foreach(json_object_get(undo, "files"), i, saved)
    {
        int r = aside_restore(ctx, json_string_value(json_object_get(saved, "path")), saved, err);
        if (r < 0)
            return r;
    }
    return parents_remove(ctx, json_object_get(undo, "parents"), err);
}

static int php_pool_text(struct kind_ctx *ctx, const struct change *c, struct buf *before, struct buf *after,
                         struct error *err)
{
    const struct php_pool_spec *s = c->res->spec;
    const char *file = arena_printf(ctx->arena, "%s.conf", c->res->id), *best = NULL;
    struct pool_dirs dirs = {0};
    if (c->op != OP_REMOVE && s->content.at)
        buf_add(after, s->content.at, s->content.len);
    int r = pool_dirs_read(ctx, &file, &dirs, err);
    for (size_t i = 0; r == 0 && i < dirs.n; i++)
        if (pool_dir_has(&dirs.at[i], file) && (!best || !strcmp(dirs.at[i].version, s->version)))
            best = pool_path(ctx->arena, dirs.at[i].version, c->res->id);
    return r < 0 || !best ? r : fs_read(ctx->host, best, 0, before, err);
}

static void php_pool_watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    const struct php_pool_spec *s = res->spec;
    vec_push(a, &out->paths, pool_path(a, s->version, res->id));
}

const struct kind php_pool_kind = {
    .name = "php_pool",
    .record = &record,
    .watch = php_pool_watch,
    .observe = php_pool_observe,
    .check = php_pool_check,
    .capture = php_pool_capture,
    .apply = php_pool_apply,
    .together = php_pool_together,
    .undo = php_pool_undo,
    .text = php_pool_text,
};
