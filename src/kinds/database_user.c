/* A database user, its password and its grants on one database.
 *
 * Passwords travel as their hash alone (IDENTIFIED BY PASSWORD '*...'): no statement, error or server log can
 * show one. The journal keeps the hash that was there before, so that an undo is exact. */
#include "database.h"
#include "text.h"
#include <errno.h>
#include <string.h>

#define HASH_LEN 42 /* "*", 40 hex digits, NUL */

static const struct field fields[] = {
    {.name = "password",
     .type = FIELD_SECRET,
     .offset = offsetof(struct database_user_spec, password),
     .doc = "Name of the password."},
    {.name = "database",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_user_spec, database),
     .doc = "Database that the privileges are for."},
    {.name = "privileges",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_user_spec, privileges),
     .doc = "Privileges on that database."},
    {.name = "extra",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_user_spec, extra),
     .def = "",
     .doc = "Privileges beyond that."},
};
static const struct record record = {
    .name = "database_user", FIELDS(fields), .size = sizeof(struct database_user_spec)};

/* The two parts of "user@host". */
struct name {
    const char *user, *host;
};

static struct name name_split(struct arena *a, const char *id)
{
    const char *at = strrchr(id, '@');
    if (!at)
        return (struct name){id, "localhost"};
    return (struct name){arena_strndup(a, id, (size_t)(at - id)), at + 1};
}

static const char *name_sql(struct arena *a, const char *id)
{
    struct name n = name_split(a, id);
    return arena_printf(a, "%s@%s", db_quote(a, n.user), db_quote(a, n.host));
}

static const struct db_user *user_find(const struct db_snapshot *s, struct name n)
{
    for (size_t i = 0; i < s->n_users; i++)
        if (!strcmp(s->users[i].user, n.user) && !strcmp(s->users[i].host, n.host))
            return &s->users[i];
    return NULL;
}

static bool grant_of(const struct db_grant *g, struct name n)
{
    return !strcmp(g->user, n.user) && !strcmp(g->host, n.host);
}

/* In a grant the database is a pattern: `_` and `%` match anything unless a backslash is before them. */
static char *pattern_escape(struct arena *a, const char *database)
{
    char *out = arena_alloc(a, 2 * strlen(database) + 1), *to = out;
    for (const char *at = database; *at; at++) {
        if (*at == '_' || *at == '%' || *at == '\\')
            *to++ = '\\';
        *to++ = *at;
    }
    return out;
}

static bool password_is(struct kind_ctx *ctx, const char *secret, const char *hash)
{
    const struct secret *value = ctx->secret ? ctx->secret(ctx->secret_self, secret) : NULL;
    char want[HASH_LEN];
    if (!value)
        return false;
    db_password_hash(secret_reveal(value), want);
    return !strcmp(want, hash);
}

static struct database_user_spec *describe(struct kind_ctx *ctx, const struct db_snapshot *snapshot,
                                           const struct resource *res, const struct db_user *u)
{
    const struct database_user_spec *want = res->spec;
    struct name n = name_split(ctx->arena, res->id);
    struct database_user_spec *s = arena_new(ctx->arena, struct database_user_spec);
    *s = (struct database_user_spec){.database = want->database, .privileges = "none", .extra = ""};
    if (want->password)
        s->password = password_is(ctx, want->password, u->password_hash) ? want->password : "(differs)";
    for (size_t i = 0; i < snapshot->n_grants; i++) {
        const struct db_grant *g = &snapshot->grants[i];
        if (!grant_of(g, n))
            continue;
        if (want->database && !strcmp(g->database, want->database))
            s->privileges = g->privileges;
        else
            s->extra = arena_printf(ctx->arena, "%s%s%s.*: %s", s->extra, *s->extra ? "; " : "", g->database,
                                    g->privileges);
    }
    return s;
}

static int observe_dormant(struct kind_ctx *ctx, const struct resource *res, void **found, struct error *err)
{
    const struct database_user_spec *want = res->spec;
    bool there = false;
    int r = want->database ? database_dormant(ctx, want->database, &there, err) : 0;
    if (r == 0)
        *found = there ? record_copy(&record, ctx->arena, want) : NULL;
    return r;
}

static int database_user_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n,
                                 void **found, struct error *err)
{
    struct db_snapshot snapshot = {0};
    int r = host_db_read(ctx->host, &snapshot, ctx->arena, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (!snapshot.running) {
            r = observe_dormant(ctx, res[i], &found[i], err);
            continue;
        }
        const struct db_user *u = user_find(&snapshot, name_split(ctx->arena, res[i]->id));
        found[i] = u ? describe(ctx, &snapshot, res[i], u) : NULL;
    }
    return r;
}

/* Privileges stand bare in SQL. */
static bool privileges_valid(const char *s)
{
    return s && *s && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ, ") == strlen(s);
}

static void database_user_check(const struct resource *res, struct diags *d)
{
    const struct database_user_spec *s = res->spec;
    const char *at = strrchr(res->id, '@');
    if (res->absent)
        return;
    if (!at || at == res->id || !at[1])
        diag_error(d, res->pos, NULL, "the database user %s is not named as user@host", res->id);
    else if (at - res->id > 80) /* MariaDB: Identifier Names, Maximum Length */
        diag_error(d, res->pos, NULL, "the database user %s is longer than 80 characters", res->id);
    if (!s->database || !privileges_valid(s->privileges))
        diag_error(d, res->pos, NULL, "the database user %s has no usable privileges", res->id);
}

static int database_user_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                                 struct error *err)
{
    struct name n = name_split(ctx->arena, c->res->id);
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database user %s", c->res->id);
    const struct db_user *u = user_find(&snapshot, n);
    jw_bool(undo, "existed", u != NULL);
    if (!u)
        return 0;
    jw_str(undo, "hash", u->password_hash);
    jw_array(undo, "grants");
    for (size_t i = 0; i < snapshot.n_grants; i++) {
        const struct db_grant *g = &snapshot.grants[i];
        if (!grant_of(g, n))
            continue;
        jw_object(undo, NULL);
        jw_str(undo, "database", g->database);
        jw_str(undo, "privileges", g->privileges);
        jw_end(undo);
    }
    jw_end(undo);
    return 0;
}

static int run(struct kind_ctx *ctx, const char *id, const char *sql, struct error *err)
{
    int r = host_db_exec(ctx->host, sql, NULL, 0, err);
    return r < 0 ? error_prefix(err, "database user %s", id) : 0;
}

/* How a user proves itself, from what a snapshot says: a native hash, "" for the socket, "plugin:text". */
static const char *identified(struct arena *a, const char *hash)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *colon = strchr(hash, ':');
    if (!*hash)
        return "VIA unix_socket";
    if (colon && strspn(hash, letters) == (size_t)(colon - hash))
        return arena_printf(a, "VIA %.*s USING %s", (int)(colon - hash), hash, db_quote(a, colon + 1));
    return arena_printf(a, "BY PASSWORD %s", db_quote(a, hash));
}

/* Makes the user if need be, and its password the one of that hash. */
static int user_define(struct kind_ctx *ctx, const char *id, const char *hash, struct error *err)
{
    const char *who = name_sql(ctx->arena, id), *how = identified(ctx->arena, hash);
    int r =
        run(ctx, id, arena_printf(ctx->arena, "CREATE USER IF NOT EXISTS %s IDENTIFIED %s", who, how), err);
    return r < 0 ? r : run(ctx, id, arena_printf(ctx->arena, "ALTER USER %s IDENTIFIED %s", who, how), err);
}

/* `database` "*": all. GRANT OPTION stands among the privileges of a snapshot, but behind them in SQL. */
static int user_grant(struct kind_ctx *ctx, const char *id, const char *database, const char *privileges,
                      struct error *err)
{
    static const char option[] = ", GRANT OPTION";
    const char *on = "*", *with = "";
    if (!privileges_valid(privileges))
        return error_set(err, -EINVAL, "database user %s: \"%s\" is no list of privileges", id, privileges);
    if (strcmp(database, "*") != 0)
        on = db_identifier(ctx->arena, pattern_escape(ctx->arena, database));
    if (ends_with(privileges, option)) {
        privileges = arena_strndup(ctx->arena, privileges, strlen(privileges) - strlen(option));
        with = " WITH GRANT OPTION";
    }
    return run(
        ctx, id,
        arena_printf(ctx->arena, "GRANT %s ON %s.* TO %s%s", privileges, on, name_sql(ctx->arena, id), with),
        err);
}

static int user_revoke_all(struct kind_ctx *ctx, const char *id, struct error *err)
{
    return run(
        ctx, id,
        arena_printf(ctx->arena, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s", name_sql(ctx->arena, id)),
        err);
}

static int user_drop(struct kind_ctx *ctx, const char *id, struct error *err)
{
    return run(ctx, id, arena_printf(ctx->arena, "DROP USER IF EXISTS %s", name_sql(ctx->arena, id)), err);
}

static int set_password(struct kind_ctx *ctx, const struct resource *res, struct error *err)
{
    const struct database_user_spec *s = res->spec;
    const struct secret *value =
        s->password && ctx->secret ? ctx->secret(ctx->secret_self, s->password) : NULL;
    char hash[HASH_LEN];
    if (!value) {
        error_set(err, -ENOKEY, "database user %s: the secret %s is not set", res->id,
                  s->password ? s->password : "(none)");
        error_hint(err, "set it with `citrus secret set %s`", s->password ? s->password : "NAME");
        return -ENOKEY;
    }
    db_password_hash(secret_reveal(value), hash);
    return user_define(ctx, res->id, hash, err);
}

static bool differs(const struct change *c, const char *field)
{
    for (size_t i = 0; i < c->delta.n; i++)
        if (!strcmp(c->delta.at[i].field->name, field))
            return true;
    return false;
}

static int database_user_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct database_user_spec *s = c->res->spec, *found = c->found;
    const char *id = c->res->id;
    int r = 0;
    if (c->op == OP_REMOVE)
        return user_drop(ctx, id, err);
    if (!found || differs(c, "password"))
        r = set_password(ctx, c->res, err);
    bool excess = found && (*found->extra || strcmp(found->privileges, "none")) &&
                  (differs(c, "extra") || differs(c, "privileges"));
    if (r == 0 && excess)
        r = user_revoke_all(ctx, id, err);
    if (r == 0 && (!found || excess || differs(c, "privileges")))
        r = user_grant(ctx, id, s->database, s->privileges, err);
    return r;
}

static int database_user_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                              struct error *err)
{
    const char *hash = json_string_value(json_object_get(undo, "hash"));
    struct db_snapshot snapshot = {0};
    size_t i;
    json_t *g;
    int r = database_snapshot(ctx, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database user %s", res->id);
    if (!json_is_true(json_object_get(undo, "existed")))
        return user_drop(ctx, res->id, err);
    if (!hash)
        return error_set(err, -EINVAL, "database user %s: the journal does not say what was before", res->id);
    r = user_define(ctx, res->id, hash, err);
    if (r == 0)
        r = user_revoke_all(ctx, res->id, err);
    json_array_foreach(json_object_get(undo, "grants"), i, g)
    {
        const char *database = json_string_value(json_object_get(g, "database"));
        const char *privileges = json_string_value(json_object_get(g, "privileges"));
        if (r == 0 && database && privileges)
            r = user_grant(ctx, res->id, database, privileges, err);
    }
    return r;
}

const struct kind database_user_kind = {
    .name = "database_user",
    .record = &record,
    .live = true,
    .observe = database_user_observe,
    .check = database_user_check,
    .capture = database_user_capture,
    .apply = database_user_apply,
    .undo = database_user_undo,
};
