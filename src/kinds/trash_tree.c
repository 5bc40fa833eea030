#include "trash_tree.h"
#include "account.h"
#include "fs.h"
#include <errno.h>
#include <string.h>

static void owner_note(struct jsonw *j, bool group, const char *name, int64_t number)
{
    jw_object(j, NULL);
    jw_bool(j, "group", group);
    jw_str(j, "name", name);
    jw_int(j, "number", number);
    jw_end(j);
}

static bool lives_in(const char *home, const char *path)
{
    size_t n = strlen(path);
    return strncmp(home, path, n) == 0 && (home[n] == '\0' || home[n] == '/');
}

int trash_tree_owners(struct kind_ctx *ctx, const char *path, const char *owner, const char *group,
                      struct jsonw *undo, struct error *err)
{
    struct arena a = {0};
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, &a, err);
    if (r == 0)
        jw_array(undo, "owners");
    for (size_t i = 0; r == 0 && i < acc.n_users; i++) {
        const struct account_user *u = &acc.users[i];
        bool named = owner && strcmp(u->name, owner) == 0;
        if (u->uid != 0 && (named || lives_in(u->home, path)))
            owner_note(undo, false, u->name, u->uid);
    }
    for (size_t i = 0; r == 0 && i < acc.n_groups; i++) {
        const struct account_group *g = &acc.groups[i];
        const struct account_user *u = accounts_user(&acc, g->name);
        bool named = group && strcmp(g->name, group) == 0;
        if (g->gid != 0 && (named || (u && lives_in(u->home, path))))
            owner_note(undo, true, g->name, g->gid);
    }
    if (r == 0)
        jw_end(undo);
    arena_free(&a);
    return r;
}

struct numbers {
    VEC(struct fs_renumber) list;
};

static int64_t number_now(const struct accounts *acc, bool group, const char *name)
{
    const struct account_user *u = group ? NULL : accounts_user(acc, name);
    const struct account_group *g = group ? accounts_group(acc, name) : NULL;
    return u ? (int64_t)u->uid : g ? (int64_t)g->gid : -1;
}

/* Who had another number when the tree went. Who is not there any more stays a number. */
static int numbers_work_out(struct kind_ctx *ctx, const struct remains *m, struct numbers *ret,
                            struct error *err)
{
    struct accounts acc;
    json_t *saved = json_loads(m->saved, 0, NULL), *one;
    size_t i;
    int r = accounts_read(ctx->host, &acc, ctx->arena, err);
    json_array_foreach(json_object_get(saved, "owners"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        bool group = json_is_true(json_object_get(one, "group"));
        int64_t then = json_integer_value(json_object_get(one, "number"));
        int64_t now = r == 0 && name ? number_now(&acc, group, name) : -1;
        struct fs_renumber n = {group, then, now};
        if (now > 0 && then > 0 && now != then)
            vec_push(ctx->arena, &ret->list, n);
    }
    json_decref(saved);
    return r;
}

int trash_tree_capture(struct kind_ctx *ctx, const struct change *c, struct jsonw *undo, struct error *err)
{
    struct numbers n = {0};
    struct fs_stat st;
    const char *from = c->restore->path;
    int r = fs_stat(ctx->host, from, &st, err);
    if (r == 0 && st.type != FS_DIRECTORY)
        r = error_set(err, -ESTALE, "%s was in the trash when the plan was made, and is not there now", from);
    if (r == 0)
        r = numbers_work_out(ctx, c->restore, &n, err);
    if (r < 0)
        return r;
    jw_str(undo, "restored", from);
    jw_int(undo, "mode", st.mode);
    jw_int(undo, "uid", st.uid);
    jw_int(undo, "gid", st.gid);
    jw_array(undo, "renumbered");
    for (size_t i = 0; i < n.list.n; i++) {
        jw_object(undo, NULL);
        jw_bool(undo, "group", n.list.at[i].group);
        jw_int(undo, "from", n.list.at[i].from);
        jw_int(undo, "to", n.list.at[i].to);
        jw_end(undo);
    }
    jw_end(undo);
    return 0;
}

int trash_tree_restore(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const char *from = c->restore->path, *path = c->res->id;
    struct numbers n = {0};
    int r = numbers_work_out(ctx, c->restore, &n, err);
    if (r == 0)
        r = fs_renumber(ctx->host, from, n.list.at, n.list.n, err);
    if (r == 0)
        r = fs_rename(ctx->host, from, path, err);
    if (r == -EXDEV)
        error_hint(err, "the place of %s is on another file system now: move the tree there by hand", path);
    return r;
}

static int numbers_back(struct kind_ctx *ctx, const char *path, json_t *undo, struct error *err)
{
    struct numbers n = {0};
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(undo, "renumbered"), i, one)
    {
        struct fs_renumber back = {.group = json_is_true(json_object_get(one, "group")),
                                   .from = json_integer_value(json_object_get(one, "to")),
                                   .to = json_integer_value(json_object_get(one, "from"))};
        vec_push(ctx->arena, &n.list, back);
    }
    int r = fs_renumber(ctx->host, path, n.list.at, n.list.n, err);
    return r < 0 ? r
                 : fs_attributes(ctx->host, path, (mode_t)json_integer_value(json_object_get(undo, "mode")),
                                 (uid_t)json_integer_value(json_object_get(undo, "uid")),
                                 (gid_t)json_integer_value(json_object_get(undo, "gid")), err);
}

int trash_tree_undo(struct kind_ctx *ctx, const char *path, json_t *undo, struct error *err)
{
    const char *trash = json_string_value(json_object_get(undo, "restored"));
    struct fs_stat here, there;
    int r = trash ? fs_stat(ctx->host, path, &here, err) : 0;
    if (r == 0 && trash)
        r = fs_stat(ctx->host, trash, &there, err);
    if (r < 0 || !trash)
        return r;
    if (there.type == FS_ABSENT && here.type == FS_DIRECTORY)
        r = fs_rename(ctx->host, path, trash, err);
    else if (there.type == FS_ABSENT)
        return error_set(err, -ENOENT, "%s: the tree that came back from %s is at neither place", path,
                         trash);
    return r < 0 ? r : numbers_back(ctx, trash, undo, err);
}
