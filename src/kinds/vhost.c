/* A site's nginx configuration: /etc/nginx/sites-available/ID.conf and its link in sites-enabled.
 *
 * nginx reads sites-enabled at its next reload, whoever asks for it. So a content is validated, alone beside
 * the server's own configuration, before the live file is renamed over, and the link comes last. */
#include "aside.h"
#include "owner.h"
#include "parents.h"
#include "specs.h"
#include "text.h"
#include <errno.h>
#include <string.h>

static const struct field fields[] = {
    {.name = "content", .type = FIELD_BYTES, .offset = offsetof(struct vhost_spec, content)},
    {.name = "digest",
     .type = FIELD_STRING,
     .offset = offsetof(struct vhost_spec, digest),
     .doc = "Digest of the configuration's content."},
    {.name = "mode",
     .type = FIELD_MODE,
     .offset = offsetof(struct vhost_spec, mode),
     .doc = "Mode of the file."},
    {.name = "owner",
     .type = FIELD_STRING,
     .offset = offsetof(struct vhost_spec, owner),
     .def = OWNERS_ROOT,
     .doc = "User and group of the file: whoever may write it decides what nginx does."},
    {.name = "enabled",
     .type = FIELD_BOOL,
     .offset = offsetof(struct vhost_spec, enabled),
     .doc = "Linked from sites-enabled."},
};
static const struct record record = {.name = "vhost", FIELDS(fields), .size = sizeof(struct vhost_spec)};

static char *path_file(struct arena *a, const char *id)
{
    return arena_join(a, "/etc/nginx/sites-available/", id, ".conf");
}

static char *path_link(struct arena *a, const char *id)
{
    return arena_join(a, "/etc/nginx/sites-enabled/", id, ".conf");
}

static char *link_target(struct arena *a, const char *id)
{
    return arena_join(a, "../sites-available/", id, ".conf");
}

/* A link by absolute path serves the same file: someone's other way to write it is no drift. */
static int link_state(struct kind_ctx *ctx, const char *id, bool *ret_there, bool *ret_ours,
                      struct error *err)
{
    char *target;
    int r = fs_readlink(ctx->host, path_link(ctx->arena, id), ctx->arena, &target, err);
    bool nothing = r == -ENOENT || r == -ENOTDIR;
    *ret_there = !nothing;
    *ret_ours = false;
    if (nothing || r == -EINVAL) { /* something else than a link */
        error_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    *ret_ours = !strcmp(target, link_target(ctx->arena, id)) || !strcmp(target, path_file(ctx->arena, id));
    return 0;
}

static int observe_one(struct kind_ctx *ctx, struct owners *own, const struct resource *res, void **found,
                       struct error *err)
{
    const struct vhost_spec *want = res->spec;
    char *path = path_file(ctx->arena, res->id);
    struct fs_stat st;
    bool there = false, ours = false;
    int r = fs_stat(ctx->host, path, &st, err);
    if (r == 0)
        r = link_state(ctx, res->id, &there, &ours, err);
    if (r < 0)
        return r;
    *found = NULL;
    if (st.type == FS_ABSENT && !there)
        return 0;
    struct vhost_spec *s = arena_new(ctx->arena, struct vhost_spec);
    record_clear(&record, s);
    s->enabled = ours;
    s->mode = st.type == FS_FILE ? (int64_t)st.mode : want->mode;
    s->owner = want->owner;
    s->digest = st.type == FS_ABSENT ? "missing" : ASIDE_NO_FILE;
    if (st.type == FS_FILE) {
        struct hash128 h;
        char hex[HASH_HEX];
        r = owners_pair(own, &st, &s->owner, err);
        if (r == 0)
            r = fs_digest(ctx->host, path, &st, &h, err);
        if (r < 0)
            return r;
        hash_hex(h, hex);
        s->digest = arena_strdup(ctx->arena, hex);
    }
    *found = s;
    return 0;
}

static int vhost_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                         struct error *err)
{
    struct owners own = {.ctx = ctx};
    int r = 0;
    for (size_t i = 0; i < n && r >= 0; i++)
        r = observe_one(ctx, &own, res[i], &found[i], err);
    owners_free(&own);
    return r;
}

/* Whether all certificate files that the content names are there: they may be made by this same run. */
static int certificates_there(struct kind_ctx *ctx, const struct bytes *content, struct error *err)
{
    const char *at = content->at, *end = content->at + content->len;
    while (at < end && (at = memmem(at, (size_t)(end - at), "ssl_certificate", 15))) {
        at += strlen("ssl_certificate");
        if (end - at > 4 && !memcmp(at, "_key", 4))
            at += 4;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (at == end || *at != '/')
            continue;
        const char *stop = at;
        while (stop < end && *stop != ';' && *stop != ' ' && *stop != '\n')
            stop++;
        struct fs_stat st;
        int r = fs_stat(ctx->host, arena_strndup(ctx->arena, at, (size_t)(stop - at)), &st, err);
        if (r < 0)
            return r;
        if (st.type == FS_ABSENT)
            return 0;
        at = stop;
    }
    return 1;
}

/* Early, an error counts only where no other action of this plan can mend it: in the operator's own snippets.
 * Anything else (a log directory, a cache zone in a file that this plan writes first) is apply's to judge. */
static int vhost_prepare(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct vhost_spec *s = c->res->spec;
    struct fs_stat st;
    if (c->op == OP_REMOVE || ctx->host->offline || !s->digest)
        return 0;
    int r = fs_stat(ctx->host, "/usr/sbin/nginx", &st, err);
    if (r < 0 || st.type == FS_ABSENT)
        return r;
    r = certificates_there(ctx, &s->content, err);
    if (r <= 0)
        return r;
    struct error e = {0};
    r = validate_vhost(ctx, c->res->id, s->content.at, s->content.len, &e);
    if (r == 0 || !strstr(e.text, "/custom.d/"))
        return 0;
    if (err)
        *err = e;
    return error_prefix(err, "vhost %s", c->res->id);
}

/* What directories get as names in the trash that somebody made at these places. */
struct trash {
    const char *file, *link;
};

static int vhost_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                         struct error *err)
{
    struct trash *t = arena_new(ctx->arena, struct trash);
    bool there, ours;
    int r = link_state(ctx, c->res->id, &there, &ours, err);
    if (r < 0)
        return r;
    jw_bool(undo, "linked", there);
    r = aside_save(ctx, path_file(ctx->arena, c->res->id), arena_printf(ctx->arena, "%s-file", name), undo,
                   "file", &t->file, err);
    if (r == 0)
        r = aside_save(ctx, path_link(ctx->arena, c->res->id), arena_printf(ctx->arena, "%s-link", name),
                       undo, "link", &t->link, err);
    if (r == 0)
        r = parents_capture(ctx, path_file(ctx->arena, c->res->id), undo, "file_parents", err);
    if (r == 0)
        r = parents_capture(ctx, path_link(ctx->arena, c->res->id), undo, "link_parents", err);
    c->prepared = t;
    return r;
}

static int vhost_remove(struct kind_ctx *ctx, const char *id, const struct trash *t, struct error *err)
{
    int r = aside_make_room(ctx, path_link(ctx->arena, id), t->link, err);
    if (r >= 0)
        r = fs_unlink(ctx->host, path_link(ctx->arena, id), err);
    if (r >= 0)
        r = aside_make_room(ctx, path_file(ctx->arena, id), t->file, err);
    return r < 0 ? r : fs_unlink(ctx->host, path_file(ctx->arena, id), err);
}

static int vhost_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct vhost_spec *s = c->res->spec;
    const struct trash *t = c->prepared;
    const char *id = c->res->id, *file = path_file(ctx->arena, id), *link = path_link(ctx->arena, id);
    struct fs_stat now;
    if (c->op == OP_REMOVE)
        return vhost_remove(ctx, id, t, err);
    bool link_it = s->enabled == 1 && (c->op == OP_CREATE || delta_has(&c->delta, "enabled"));
    int r = aside_now(ctx, c, file, &now, err);
    if (r < 0)
        return r;
    bool theirs = !s->owner && now.type == FS_FILE;
    uid_t uid = theirs ? now.uid : 0;
    gid_t gid = theirs ? now.gid : 0;
    mode_t mode = s->mode != FIELD_UNSET ? (mode_t)s->mode : now.type == FS_FILE ? now.mode : 0644;
    if (s->digest && !ctx->host->offline) {
        r = validate_vhost(ctx, id, s->content.at, s->content.len, err);
        if (r < 0)
            return error_prefix(err, "%s would not be accepted by nginx", file);
    }
    r = s->digest ? aside_make_room(ctx, file, t->file, err) : 0;
    if (r >= 0 && (s->enabled == 0 || link_it))
        r = aside_make_room(ctx, link, t->link, err);
    if (r < 0)
        return r;
    if (s->enabled == 0) {
        r = fs_unlink(ctx->host, link, err);
        if (r < 0)
            return r;
    }
    if (s->digest) {
        r = parents_make(ctx, file, err);
        if (r == 0)
            r = fs_write(ctx->host, file, s->content.at, s->content.len, mode, uid, gid, err);
    } else if (now.type == FS_FILE) /* a content that is not declared stays */
        r = fs_attributes(ctx->host, file, mode, uid, gid, err);
    if (r == 0 && link_it)
        r = parents_make(ctx, link, err);
    return r < 0 || !link_it ? r : fs_symlink(ctx->host, link_target(ctx->arena, id), link, err);
}

/* On a running system each is validated before it is there. What has to make room first is made alone: where
 * somebody else's file is met instead of what was seen, a group leaves it, and takes nothing back. */
static bool vhost_together(const struct kind_ctx *ctx, const struct change *c)
{
    const struct vhost_spec *s = c->res->spec, *found = c->found;
    bool room = found && (found->enabled != 1 || !found->digest || !strcmp(found->digest, ASIDE_NO_FILE));
    return ctx->host->offline && s->enabled == 1 && !room && !(found && !s->digest);
}

/* What is enabled never points at what is not there: a link goes first and comes last. */
static int vhost_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                      struct error *err)
{
    bool linked = json_is_true(json_object_get(undo, "linked"));
    const char *first = linked ? "file" : "link", *second = linked ? "link" : "file";
    const char *file = path_file(ctx->arena, res->id), *link = path_link(ctx->arena, res->id);
    int r = aside_restore(ctx, linked ? file : link, json_object_get(undo, first), err);
    if (r == 0)
        r = aside_restore(ctx, linked ? link : file, json_object_get(undo, second), err);
    if (r == 0)
        r = parents_remove(ctx, json_object_get(undo, "file_parents"), err);
    return r < 0 ? r : parents_remove(ctx, json_object_get(undo, "link_parents"), err);
}

static int vhost_text(struct kind_ctx *ctx, const struct change *c, struct buf *before, struct buf *after,
                      struct error *err)
{
    const struct vhost_spec *s = c->res->spec;
    struct fs_stat st;
    char *path = path_file(ctx->arena, c->res->id);
    if (c->op != OP_REMOVE && s->content.at)
        buf_add(after, s->content.at, s->content.len);
    int r = fs_stat(ctx->host, path, &st, err);
    if (r < 0 || st.type != FS_FILE)
        return r;
    return fs_read(ctx->host, path, 0, before, err);
}

static void vhost_watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    vec_push(a, &out->paths, path_file(a, res->id));
    vec_push(a, &out->paths, path_link(a, res->id));
}

static const char *const apart[] = {"digest", "mode", "owner", "enabled", NULL};

const struct kind vhost_kind = {
    .name = "vhost",
    .record = &record,
    .apart = apart,
    .watch = vhost_watch,
    .observe = vhost_observe,
    .prepare = vhost_prepare,
    .capture = vhost_capture,
    .apply = vhost_apply,
    .together = vhost_together,
    .undo = vhost_undo,
    .text = vhost_text,
};
