/* account: a system user with a group of its own, and who else is in that group. */
#include "account.h"
#include "specs.h"
#include <errno.h>
#include <string.h>

#define NO_LOGIN "/usr/sbin/nologin"
#define NO_HOME  "/nonexistent" /* Debian policy 9.2.3 */

#define AT(member) .name = #member, .offset = offsetof(struct account_spec, member)
static const struct field fields[] = {
    {AT(home), .type = FIELD_PATH, .doc = "Home directory; not made by the account."},
    {AT(shell), .type = FIELD_PATH, .doc = "Login shell."},
    {AT(group), .type = FIELD_STRING, .def = "own", .doc = "Whether the primary group is the account's own."},
    {AT(members), .type = FIELD_STRINGS, .flags = FIELD_UNORDERED,
     .doc = "Further users in the account's group."},
};
static const struct record record = {
    .name = "account", FIELDS(fields), .size = sizeof(struct account_spec), .doc = "A user and its group."};

static const char *group_name(const struct accounts *acc, gid_t gid)
{
    for (size_t i = 0; i < acc->n_groups; i++)
        if (acc->groups[i].gid == gid)
            return acc->groups[i].name;
    return NULL;
}

static struct account_spec *look(struct kind_ctx *ctx, const struct accounts *acc, const char *name)
{
    const struct account_user *u = accounts_user(acc, name);
    const struct account_group *g = accounts_group(acc, name);
    struct account_spec *f;
    const char *primary;

    if (!u)
        return NULL;
    f = arena_alloc(ctx->arena, sizeof *f);
    record_clear(&record, f);
    f->home = arena_strdup(ctx->arena, u->home);
    f->shell = arena_strdup(ctx->arena, u->shell);
    primary = g && g->gid == u->gid ? NULL : group_name(acc, u->gid);
    f->group = !g                 ? "missing"
               : g->gid == u->gid ? "own"
               : primary          ? arena_strdup(ctx->arena, primary)
                                  : "missing";
    f->members.n = g ? g->n_members : 0;
    f->members.at = arena_array(ctx->arena, const char *, f->members.n + 1);
    for (size_t i = 0; i < f->members.n; i++)
        f->members.at[i] = arena_strdup(ctx->arena, g->members[i]);
    return f;
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    struct arena a = {0}; /* all accounts are read: what is not asked for goes again */
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, &a, err);

    for (size_t i = 0; i < n && r >= 0; i++)
        found[i] = look(ctx, &acc, res[i]->id);
    arena_free(&a);
    return r;
}

static void check(const struct resource *r, struct diags *d)
{
    if (!strcmp(r->id, "root"))
        diag_error(d, r->pos, NULL, "the account root is the system's own");
}

static void plan(struct kind_ctx *ctx, struct change *c)
{
    if (c->op == OP_REMOVE)
        c->reversal = COMPENSATED;
    if (c->op == OP_CREATE && c->restore)
        c->summary = "with the number that it had";
}

/* The numbers of user and group at its removal, where nobody has got them since; else -1, for the next free.
 */
struct numbers {
    int64_t uid, gid;
};

static struct numbers numbers_of(const struct accounts *acc, json_t *saved)
{
    json_t *uid = json_object_get(json_object_get(saved, "user"), "uid"),
           *gid = json_object_get(saved, "gid");
    struct numbers n = {uid ? json_integer_value(uid) : -1, gid ? json_integer_value(gid) : -1};

    for (size_t i = 0; i < acc->n_users; i++)
        if ((int64_t)acc->users[i].uid == n.uid)
            n.uid = -1;
    if (group_name(acc, (gid_t)n.gid))
        n.gid = -1;
    return n;
}

/* Files elsewhere may be its own by number, so it gets the same again where it can. */
static int remains(struct kind_ctx *ctx, const struct resource *res, json_t *saved, enum remains_state *ret,
                   const char **path, struct error *err)
{
    struct arena a = {0};
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, &a, err);

    *path = NULL;
    *ret = REMAINS_NOTHING;
    if (r >= 0 && numbers_of(&acc, saved).uid > 0)
        *ret = REMAINS_THERE;
    arena_free(&a);
    return r;
}

/* --- capture ------------------------------------------------------------------------------------------- */

static bool has(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *file, struct jsonw *undo,
                   struct error *err)
{
    const char *name = c->res->id;
    const struct account_user *u;
    const struct account_group *g;
    struct arena a = {0};
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, &a, err);

    if (r < 0)
        goto out;
    u = accounts_user(&acc, name);
    g = accounts_group(&acc, name);
    if (u) {
        const char *primary = group_name(&acc, u->gid);
        jw_object(undo, "user");
        jw_int(undo, "uid", u->uid);
        jw_str(undo, "group", primary ? primary : name);
        jw_str(undo, "home", u->home);
        jw_str(undo, "shell", u->shell);
        jw_end(undo);
    }
    if (g)
        jw_int(undo, "gid", g->gid);
    jw_array(undo, "members");
    for (size_t i = 0; g && i < g->n_members; i++)
        jw_str(undo, NULL, g->members[i]);
    jw_end(undo);
    jw_array(undo, "member_of"); /* userdel takes it out of these */
    for (size_t i = 0; i < acc.n_groups; i++)
        if (has(acc.groups[i].members, acc.groups[i].n_members, name))
            jw_str(undo, NULL, acc.groups[i].name);
    jw_end(undo);
out:
    arena_free(&a);
    return r;
}

/* --- apply --------------------------------------------------------------------------------------------- */

/* Makes the members of the group exactly those listed. */
static int members_set(struct kind_ctx *ctx, const char *group, const char *const *want, size_t n,
                       struct error *err)
{
    const struct account_group *g;
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, ctx->arena, err);

    if (r < 0)
        return r;
    g = accounts_group(&acc, group);
    for (size_t i = 0; i < n && r >= 0; i++)
        if (!g || !has(g->members, g->n_members, want[i]))
            r = account_member(ctx->host, want[i], group, true, err);
    for (size_t i = 0; g && i < g->n_members && r >= 0; i++)
        if (!has(want, n, g->members[i]))
            r = account_member(ctx->host, g->members[i], group, false, err);
    return r;
}

/* User first: userdel takes the user's own group along where login.defs says so. */
static int remove_both(struct kind_ctx *ctx, const char *name, bool user, bool group, struct error *err)
{
    struct accounts acc;
    const struct account_user *u;
    int r = accounts_read(ctx->host, &acc, ctx->arena, err);

    u = r < 0 ? NULL : accounts_user(&acc, name);
    if (user && u) {
        if (u->uid == 0)
            return error_set(err, -EPERM, "the account %s is the superuser: citrus does not remove it", name);
        r = account_user_remove(ctx->host, name, err);
        if (r >= 0)
            r = accounts_read(ctx->host, &acc, ctx->arena, err);
    }
    if (r >= 0 && group && accounts_group(&acc, name))
        r = account_group_remove(ctx->host, name, err);
    return r;
}

static bool differs(const char *want, const char *have)
{
    return want && (!have || strcmp(want, have));
}

static int change(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const struct account_spec *s = c->res->spec;
    const char *name = c->res->id;
    struct numbers n = {-1, -1};
    struct accounts acc;
    const struct account_user *u;
    const struct account_group *g;
    int r;

    if (c->op == OP_REMOVE)
        return remove_both(ctx, name, true, true, err);
    r = accounts_read(ctx->host, &acc, ctx->arena, err);
    if (r < 0)
        return r;
    if (c->restore) {
        json_t *saved = json_loads(c->restore->saved, 0, NULL);
        n = numbers_of(&acc, saved);
        json_decref(saved);
    }
    u = accounts_user(&acc, name);
    g = accounts_group(&acc, name);
    if (!g)
        r = account_group_add(ctx->host, name, n.gid, err);
    if (r >= 0 && !u)
        r = account_user_add(ctx->host, name, name, s->home ? s->home : NO_HOME,
                             s->shell ? s->shell : NO_LOGIN, n.uid, err);
    else if (r >= 0 && (!g || g->gid != u->gid || differs(s->home, u->home) || differs(s->shell, u->shell)))
        r = account_user_change(ctx->host, name, name, s->home ? s->home : u->home,
                                s->shell ? s->shell : u->shell, err);
    if (r >= 0 && s->members.at)
        r = members_set(ctx, name, s->members.at, s->members.n, err);
    return r;
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    struct kind_ctx once = *ctx;
    struct arena a = {0}; /* accounts are read several times on the way */
    int r;

    once.arena = &a;
    r = change(&once, c, err);
    arena_free(&a);
    return r;
}

static bool together(const struct kind_ctx *ctx, const struct change *c)
{
    return c->op == OP_CREATE && !c->restore;
}

/* In one go; where that cannot be, one by one, which tells what is wrong. */
static int apply_all(struct kind_ctx *ctx, struct change *const *list, size_t n, struct error *err)
{
    struct arena a = {0};
    struct account_new *new = arena_array(&a, struct account_new, n);
    bool can = n > 1 || ctx->host->offline;
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        const struct account_spec *s = list[i]->res->spec;
        can = can && together(ctx, list[i]);
        new[i] = (struct account_new){list[i]->res->id, s->home ? s->home : NO_HOME,
                                      s->shell ? s->shell : NO_LOGIN, s->members.at, s->members.n};
    }
    if (can && account_add_many(ctx->host, new, n, NULL) >= 0)
        goto out;
    for (size_t i = 0; i < n && r >= 0; i++) {
        r = apply(ctx, list[i], err);
        list[i]->blamed = r < 0;
    }
out:
    arena_free(&a);
    return r;
}

/* --- undo ---------------------------------------------------------------------------------------------- */

static const char **texts(struct arena *a, json_t *list, size_t *n)
{
    const char **at = arena_array(a, const char *, json_array_size(list) + 1);

    *n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s)
            at[(*n)++] = s;
    }
    return at;
}

/* The user as it was: made again with its number, or changed back. */
static int user_restore(struct kind_ctx *ctx, const char *name, json_t *was, struct error *err)
{
    const char *group = json_string_value(json_object_get(was, "group"));
    const char *home = json_string_value(json_object_get(was, "home"));
    const char *shell = json_string_value(json_object_get(was, "shell"));
    const struct account_user *u;
    struct accounts acc;
    int r = accounts_read(ctx->host, &acc, ctx->arena, err);

    if (r < 0)
        return r;
    u = accounts_user(&acc, name);
    if (!u)
        return account_user_add(ctx->host, name, group, home, shell,
                                json_integer_value(json_object_get(was, "uid")), err);
    if (differs(home, u->home) || differs(shell, u->shell) || differs(group, group_name(&acc, u->gid)))
        return account_user_change(ctx->host, name, group, home, shell, err);
    return 0;
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    json_t *user = json_object_get(saved, "user"), *gid = json_object_get(saved, "gid");
    const char *name = res->id, **list;
    struct accounts acc;
    size_t n;
    int r = account_leftovers_drop(ctx->host, err);

    if (r >= 0 && (!user || !gid))
        r = remove_both(ctx, name, !user, !gid && !user, err);
    if (r >= 0)
        r = accounts_read(ctx->host, &acc, ctx->arena, err);
    if (r >= 0 && gid && !accounts_group(&acc, name))
        r = account_group_add(ctx->host, name, json_integer_value(gid), err);
    if (r >= 0 && user)
        r = user_restore(ctx, name, user, err);
    if (r >= 0 && user && !gid) /* its own group was made by the change, and nobody's primary one by now */
        r = remove_both(ctx, name, false, true, err);
    if (r >= 0 && gid) {
        list = texts(ctx->arena, json_object_get(saved, "members"), &n);
        r = members_set(ctx, name, list, n, err);
    }
    if (r < 0 || !user)
        return r;
    r = accounts_read(ctx->host, &acc, ctx->arena, err);
    list = texts(ctx->arena, json_object_get(saved, "member_of"), &n);
    for (size_t i = 0; i < n && r >= 0; i++) {
        const struct account_group *g = accounts_group(&acc, list[i]);
        if (g && !has(g->members, g->n_members, name))
            r = account_member(ctx->host, name, list[i], true, err);
    }
    return r;
}

static const char *const apart[] = {"home", "shell", "members", NULL};

static void watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    vec_push(a, &out->paths, "/etc/passwd");
    vec_push(a, &out->paths, "/etc/group");
}

const struct kind account_kind = {
    .name = "account",
    .record = &record,
    .apart = apart,
    .watch = watch,
    .observe = observe,
    .check = check,
    .plan = plan,
    .capture = capture,
    .apply = apply,
    .apply_all = apply_all,
    .together = together,
    .undo = undo,
    .remains = remains,
};
