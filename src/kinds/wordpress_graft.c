/* A core that is put into a site's document root, and taken back.
 *
 * A new core is made ready in a directory beside the old one that only root can enter, then each part is
 * swapped for the old one at one stroke. What was swapped out goes to the undo directory. wp-content is the
 * site's own: only what is missing of it is put there, and only with the first core. */
#include "account.h"
#include "fs_graft.h"
#include "wordpress.h"
#include <errno.h>
#include <string.h>

static const char *below(struct kind_ctx *ctx, const char *directory, const char *name)
{
    return arena_printf(ctx->arena, "%s/%s", directory, name);
}

static int there(struct kind_ctx *ctx, const char *path, struct fs_stat *ret, struct error *err)
{
    int r = fs_stat(ctx->host, path, ret, err);
    return r < 0 ? r : ret->type != FS_ABSENT;
}

static bool has(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* The top-level names of a directory that are the core's (`content`: all). */
static int list(struct kind_ctx *ctx, const char *directory, bool content, const char ***ret, size_t *n,
                struct error *err)
{
    const char **names = NULL;
    size_t count = 0, kept = 0;
    struct fs_stat st;
    int r = fs_list(ctx->host, directory, ctx->arena, &names, &count, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        r = 0;
        count = 0;
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = fs_stat(ctx->host, below(ctx, directory, names[i]), &st, err);
        if (content || wordpress_core_part(names[i], st.type == FS_DIRECTORY))
            names[kept++] = names[i];
    }
    *ret = names;
    *n = kept;
    return r;
}

/* Which entries of the archive's wp-content the site lacks, as paths below the document root. */
static int content_plan(struct kind_ctx *ctx, const char *path, const char *tree, struct wordpress_graft *g,
                        struct error *err)
{
    const char **names;
    size_t n;
    struct fs_stat st;
    int r = list(ctx, below(ctx, tree, "wp-content"), true, &names, &n, err);
    g->content = arena_array(ctx->arena, const char *, n + 2);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *name = arena_printf(ctx->arena, "wp-content/%s", names[i]);
        r = there(ctx, below(ctx, path, name), &st, err);
        if (r == 0)
            g->content[g->n_content++] = name;
        r = r < 0 ? r : 0;
    }
    if (r == 0)
        r = there(ctx, below(ctx, path, "wp-content/uploads"), &st, err);
    g->uploads = r == 0;
    if (r >= 0)
        r = there(ctx, below(ctx, path, "wp-content"), &st, err);
    if (r == 0) {
        g->content[0] = "wp-content";
        g->n_content = 1;
    }
    return r < 0 ? r : 0;
}

/* What the site has of a core, and whatever lies where a part of the new one goes: a link, say. */
static int old_plan(struct kind_ctx *ctx, const char *path, struct wordpress_graft *g, struct error *err)
{
    const char **names;
    size_t n;
    int r = list(ctx, path, false, &names, &n, err);
    g->old = arena_array(ctx->arena, const char *, n + g->n_parts + 1);
    for (size_t i = 0; r == 0 && i < n; i++)
        g->old[g->n_old++] = names[i];
    for (size_t i = 0; r == 0 && i < g->n_parts; i++) {
        struct fs_stat st;
        if (has(names, n, g->parts[i]))
            continue;
        r = there(ctx, below(ctx, path, g->parts[i]), &st, err);
        if (r > 0)
            g->old[g->n_old++] = g->parts[i];
        r = r < 0 ? r : 0;
    }
    return r;
}

int wordpress_graft_plan(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *tree,
                         bool with_content, const char *name, struct wordpress_graft *ret, struct error *err)
{
    struct wordpress_graft g = {.stage = below(ctx, s->path, ".citrus-core~"),
                                .aside = arena_printf(ctx->arena, "%s/%s-core", ctx->undo_dir, name)};
    int r = list(ctx, tree, false, &g.parts, &g.n_parts, err);
    if (r == 0)
        r = old_plan(ctx, s->path, &g, err);
    if (r == 0 && with_content)
        r = content_plan(ctx, s->path, tree, &g, err);
    if (r == 0)
        *ret = g;
    return r;
}

/* "old": parts that were there, by inode; "new": what was not and will be. */
int wordpress_graft_save(struct kind_ctx *ctx, const struct wordpress_spec *s,
                         const struct wordpress_graft *g, struct jsonw *undo, struct error *err)
{
    int r = 0;
    jw_str(undo, "stage", g->stage);
    jw_str(undo, "aside", g->aside);
    jw_array(undo, "old");
    for (size_t i = 0; r == 0 && i < g->n_old; i++) {
        struct fs_stat st;
        r = fs_stat(ctx->host, below(ctx, s->path, g->old[i]), &st, err);
        if (r < 0)
            break;
        jw_object(undo, NULL);
        jw_str(undo, "name", g->old[i]);
        jw_int(undo, "ino", (int64_t)st.ino);
        jw_end(undo);
    }
    jw_end(undo);
    jw_array(undo, "new");
    for (size_t i = 0; i < g->n_parts; i++)
        if (!has(g->old, g->n_old, g->parts[i]))
            jw_str(undo, NULL, g->parts[i]);
    for (size_t i = 0; i < g->n_content; i++)
        jw_str(undo, NULL, g->content[i]);
    if (g->uploads)
        jw_str(undo, NULL, "wp-content/uploads");
    jw_end(undo);
    return r;
}

static const char *staged(struct kind_ctx *ctx, const struct wordpress_graft *g, const char *name)
{
    return below(ctx, g->stage, name);
}

/* Only where a machine runs: a pretended one has no second core. */
struct ahead *wordpress_graft_ahead(struct kind_ctx *ctx, const char *tree, bool with_content)
{
    const char **names;
    size_t n;
    if (ctx->host->ops != &host_real_ops || list(ctx, tree, false, &names, &n, NULL) < 0)
        return NULL;
    const char **all = arena_array(ctx->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = names[i];
    if (with_content)
        all[n++] = "wp-content";
    return wordpress_ahead_begin(ctx->host, tree, all, n);
}

/* Copies what is not there of a copy that was made ahead. */
static int stage_need(struct kind_ctx *ctx, const char *tree, const struct wordpress_graft *g,
                      const char *name, struct error *err)
{
    struct fs_stat st;
    int r = there(ctx, staged(ctx, g, name), &st, err);
    return r ? (r < 0 ? r : 0)
             : fs_copy_tree(ctx->host, below(ctx, tree, name), staged(ctx, g, name), 0, 0, 0755, 0644, err);
}

static int stage_make(struct kind_ctx *ctx, const char *tree, const struct wordpress_graft *g,
                      struct error *err)
{
    int r = fs_remove_tree(ctx->host, g->stage, err);
    if (r == 0 && !wordpress_ahead_take(ctx->host, g->ahead, g->stage))
        r = fs_mkdir(ctx->host, g->stage, 0700, 0, 0, err);
    for (size_t i = 0; r == 0 && i < g->n_parts; i++)
        r = stage_need(ctx, tree, g, g->parts[i], err);
    for (size_t i = 0; r == 0 && i < g->n_content; i++) {
        const char *slash = strrchr(g->content[i], '/');
        if (slash)
            r = fs_mkdirs(
                ctx->host,
                staged(ctx, g, arena_strndup(ctx->arena, g->content[i], (size_t)(slash - g->content[i]))),
                0700, err);
        if (r == 0)
            r = stage_need(ctx, tree, g, g->content[i], err);
    }
    return r;
}

/* Puts `from` at `to`; what was there is then at `from`. */
static int put(struct kind_ctx *ctx, const char *from, const char *to, struct error *err)
{
    struct fs_stat st;
    int r = there(ctx, to, &st, err);
    if (r < 0)
        return r;
    return r ? fs_exchange(ctx->host, from, to, err) : fs_rename(ctx->host, from, to, err);
}

/* With owners, modes, links and times, as a rename would: for another file system. */
static int copy_exactly(struct kind_ctx *ctx, const char *from, const char *to, struct error *err)
{
    const char *const argv[] = {"/usr/bin/cp", "-a", "-T", "--", from, to, NULL};
    const struct exec x = {.argv = argv, .timeout = 600, .mutates = true};
    int r = fs_remove_tree(ctx->host, to, err);
    if (r == 0)
        r = host_run_ok(ctx->host, &x, err);
    return r < 0 ? r : fs_sync(ctx->host, to, err);
}

/* The stage, which now holds the old parts, becomes what undo needs. */
static int stage_keep(struct kind_ctx *ctx, const struct wordpress_graft *g, struct error *err)
{
    if (!g->n_old)
        return fs_remove_tree(ctx->host, g->stage, err);
    int r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r == 0)
        r = fs_remove_tree(ctx->host, g->aside, err);
    if (r == 0)
        r = fs_rename(ctx->host, g->stage, g->aside, err);
    if (r != -EXDEV)
        return r;
    error_clear(err);
    const char *part = arena_printf(ctx->arena, "%s.part", g->aside);
    r = copy_exactly(ctx, g->stage, part, err);
    if (r == 0)
        r = fs_rename(ctx->host, part, g->aside, err);
    return r < 0 ? r : fs_remove_tree(ctx->host, g->stage, err);
}

static int uploads_make(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    uid_t uid;
    gid_t gid;
    int r = account_ids(ctx->host, s->owner, s->owner, &uid, &gid, err);
    return r < 0 ? r : fs_mkdir(ctx->host, below(ctx, s->path, "wp-content/uploads"), 0755, uid, gid, err);
}

/* host_sync() knows the file systems that a server has, not one that somebody gave to a site alone. */
static int sync_apart(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    struct fs_stat site, all;
    int r = fs_stat(ctx->host, s->path, &site, err);
    if (r == 0)
        r = fs_stat(ctx->host, "/var/www", &all, err);
    return r < 0 || site.dev == all.dev ? r : fs_sync(ctx->host, s->path, err);
}

/* Nothing of it is synced by itself: until the transaction is closed, and all is synced with it, undo leads
 * back from whatever a loss of power left of it, by the inodes of the old parts and the names of the new
 * ones. */
int wordpress_graft_apply(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *tree,
                          const struct wordpress_graft *g, struct error *err)
{
    int r = stage_make(ctx, tree, g, err);
    for (size_t i = 0; r == 0 && i < g->n_parts; i++)
        r = fs_put_in(ctx->host, staged(ctx, g, g->parts[i]), below(ctx, s->path, g->parts[i]), err);
    for (size_t i = 0; r == 0 && i < g->n_old; i++)
        if (!has(g->parts, g->n_parts, g->old[i]))
            r = fs_put_in(ctx->host, below(ctx, s->path, g->old[i]), below(ctx, g->stage, g->old[i]), err);
    for (size_t i = 0; r == 0 && i < g->n_content; i++)
        r = fs_put_in(ctx->host, staged(ctx, g, g->content[i]), below(ctx, s->path, g->content[i]), err);
    if (r == 0)
        r = stage_keep(ctx, g, err);
    if (r == 0 && g->uploads)
        r = uploads_make(ctx, s, err);
    return r < 0 ? r : sync_apart(ctx, s, err);
}

/* By its number alone: a boot may number the devices anew. Nothing else on its file system has it, since the
 * old part is kept as long as this undo is. */
static bool same_inode(const struct fs_stat *st, json_t *saved)
{
    return st->type != FS_ABSENT && (json_int_t)st->ino == json_integer_value(json_object_get(saved, "ino"));
}

/* The old part is where it was, in the stage (apply did not get further), or aside. */
static int part_undo(struct kind_ctx *ctx, const char *path, json_t *undo, json_t *saved, struct error *err)
{
    const char *name = json_string_value(json_object_get(saved, "name")),
               *stage = json_string_value(json_object_get(undo, "stage")),
               *aside = json_string_value(json_object_get(undo, "aside"));
    struct fs_stat st, top;
    if (!name || !stage || !aside)
        return error_set(err, -EINVAL, "%s: the journal does not say what was before", path);
    const char *target = below(ctx, path, name), *kept = below(ctx, aside, name);
    int r = fs_stat(ctx->host, target, &st, err);
    if (r < 0 || same_inode(&st, saved))
        return r;
    r = fs_stat(ctx->host, below(ctx, stage, name), &st, err);
    if (r == 0 && same_inode(&st, saved))
        return put(ctx, below(ctx, stage, name), target, err);
    if (r == 0)
        r = fs_stat(ctx->host, kept, &st, err);
    if (r == 0)
        r = fs_stat(ctx->host, path, &top, err);
    if (r < 0)
        return r;
    if (st.type == FS_ABSENT) {
        error_set(err, -ENOENT, "%s cannot be brought back: it is not in %s", target, aside);
        error_hint(err, "restore it from a backup, then run `citrus recover`");
        return -ENOENT;
    }
    if (st.dev == top.dev)
        return put(ctx, kept, target, err);
    r = fs_mkdir(ctx->host, stage, 0700, 0, 0, err);
    if (r == 0)
        r = copy_exactly(ctx, kept, below(ctx, stage, name), err);
    return r < 0 ? r : put(ctx, below(ctx, stage, name), target, err);
}

#define CONTENT_DEPTH_MAX 32

/* Also the first part of it, as a loss of power leaves it. */
static bool is_copy_of(struct kind_ctx *ctx, const char *path, const struct fs_stat *st, const char *original)
{
    struct buf a = {0}, b = {0};
    struct fs_stat whole;
    bool same = fs_stat(ctx->host, original, &whole, NULL) == 0 && whole.type == FS_FILE &&
                st->size <= whole.size && fs_read(ctx->host, path, 0, &a, NULL) == 0 &&
                fs_read(ctx->host, original, 0, &b, NULL) == 0 && a.len <= b.len &&
                (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
    buf_free(&a);
    buf_free(&b);
    return same;
}

/* Whether all of `path` is the archive's, which has it as `original`; directories that WordPress made in it
 * are nobody's. */
static bool is_ours(struct kind_ctx *ctx, const char *path, const char *original, int depth)
{
    const char **names;
    size_t n;
    struct fs_stat st;
    if (depth > CONTENT_DEPTH_MAX || fs_stat(ctx->host, path, &st, NULL) < 0)
        return false;
    if (st.type == FS_ABSENT)
        return true;
    if (st.type != FS_DIRECTORY)
        return st.type == FS_FILE && is_copy_of(ctx, path, &st, original);
    if (fs_list(ctx->host, path, ctx->arena, &names, &n, NULL) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_ours(ctx, below(ctx, path, names[i]), below(ctx, original, names[i]), depth + 1))
            return false;
    return true;
}

/* What the graft put there. Of wp-content, which is the site's own from then on, only what nobody worked on.
 */
static int new_undo(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *name, struct error *err)
{
    const char *path = below(ctx, s->path, name);
    struct wordpress_artifact w;
    wordpress_artifact_names(ctx->arena, s, &w);
    if (!strncmp(name, "wp-content", strlen("wp-content")) &&
        !is_ours(ctx, path, below(ctx, w.tree, name), 0))
        return ctx->keep(ctx->keep_self, path, err);
    return fs_remove_tree(ctx->host, path, err);
}

int wordpress_graft_undo(struct kind_ctx *ctx, const struct wordpress_spec *s, json_t *undo,
                         struct error *err)
{
    const char *stage = json_string_value(json_object_get(undo, "stage"));
    struct fs_stat st;
    json_t *saved;
    size_t i;
    int r = there(ctx, s->path, &st, err);
    if (r <= 0 || !stage)
        return r;
    r = 0;
    json_array_foreach(json_object_get(undo, "old"), i, saved)
    {
        r = part_undo(ctx, s->path, undo, saved, err);
        if (r < 0)
            return r;
    }
    json_array_foreach(json_object_get(undo, "new"), i, saved)
    {
        const char *name = json_string_value(saved);
        r = name ? new_undo(ctx, s, name, err) : 0;
        if (r < 0)
            return r;
    }
    return fs_remove_tree(ctx->host, stage, err);
}
