/* A database user, its password and its grants on one database. While a password is rotated, the user proves
 * itself with either of two.
 *
 * Passwords travel as their hash alone (IDENTIFIED BY PASSWORD '*...'): no statement, error or
 * server log can show one. The journal keeps the hash that was there before, so that an undo is exact. */
#include "database.h"
#include "database_account.h"
#include "database_user_sql.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define HASH_LEN 42 /* "*", 40 hex digits, NUL */

static const struct field fields[] = {
    {.name = "password",
     .type = FIELD_SECRET,
     .offset = offsetof(struct database_user_spec, password),
     .doc = "Name of the password."},
    {.name = "password_digest",
     .type = FIELD_STRING,
     .flags = FIELD_SENSITIVE | FIELD_PROMISE,
     .offset = offsetof(struct database_user_spec, password_digest),
     .doc = "Keyed hash of the password: with another value it is another promise."},
    {.name = "password_previous",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_user_spec, password_previous),
     .def = "",
     .doc = "Name of a password that is accepted, too, while the other one takes its place."},
    {.name = "settle",
     .type = FIELD_INT,
     .offset = offsetof(struct database_user_spec, settle),
     .doc = "Seconds until nobody uses a password that no file has any more."},
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
     .doc = "Privileges beyond that, roles, a lock, and what is demanded of TLS."},
};
static const struct record record = {
    .name = "database_user", FIELDS(fields), .size = sizeof(struct database_user_spec)};

static const struct db_user *user_find(const struct db_snapshot *s, struct user_name n)
{
    for (size_t i = 0; i < s->n_users; i++)
        if (!strcmp(s->users[i].user, n.user) && !strcmp(s->users[i].host, n.host))
            return &s->users[i];
    return NULL;
}

static bool grant_of(const struct db_grant *g, struct user_name n)
{
    return !strcmp(g->user, n.user) && !strcmp(g->host, n.host);
}

/* False: nobody set the secret. */
static bool hash_of(struct kind_ctx *ctx, const char *secret, char hash[HASH_LEN])
{
    const struct secret *value = ctx->secret ? ctx->secret(ctx->secret_self, secret) : NULL;
    if (value)
        db_password_hash(secret_reveal(value), hash);
    return value != NULL;
}

/* What the user's ways to prove itself are, in the words of the wanted spec: the one that is the password,
 * and the others. Where none is, one that is nobody's stands in the password's place. */
static void describe_passwords(struct kind_ctx *ctx, const struct database_user_spec *want,
                               const struct db_user *u, struct database_user_spec *s)
{
    char now[HASH_LEN], previous[HASH_LEN];
    bool has_now = hash_of(ctx, want->password, now);
    bool has_previous = want->password_previous && *want->password_previous &&
                        hash_of(ctx, want->password_previous, previous);
    bool found = false, found_previous = false;
    size_t strangers = 0;
    for (size_t i = 0; i <= u->n_others; i++) {
        const char *hash = i ? u->others[i - 1] : u->password_hash;
        if (has_now && !strcmp(hash, now))
            found = true;
        else if (has_previous && !strcmp(hash, previous))
            found_previous = true;
        else
            strangers++;
    }
    if (!found && strangers)
        strangers--;
    s->password = found ? want->password : "(differs)";
    s->password_previous = strangers ? "(others)" : found_previous ? want->password_previous : "";
}

/* What a grant is on, for a person. */
static const char *grant_text(struct arena *a, const struct db_grant *g)
{
    if (g->wild)
        return arena_printf(a, "all databases like %s", g->database);
    if (g->routine)
        return arena_printf(a, "%s %s.%s", g->routine, g->database, g->table);
    if (g->column)
        return arena_printf(a, "%s.%s(%s)", g->database, g->table, g->column);
    return arena_printf(a, "%s.%s", g->database, g->table ? g->table : "*");
}

static struct database_user_spec *describe(struct kind_ctx *ctx, const struct db_snapshot *snapshot,
                                           const struct resource *res, const struct db_user *u)
{
    const struct database_user_spec *want = res->spec;
    struct user_name n = user_name_split(ctx->arena, res->id);
    struct database_user_spec *s = arena_new(ctx->arena, struct database_user_spec);
    *s = (struct database_user_spec){.password_digest = want->password_digest,
                                     .settle = want->settle,
                                     .database = want->database,
                                     .privileges = "none",
                                     .extra = database_account_text(ctx->arena, u)};
    if (want->password)
        describe_passwords(ctx, want, u, s);
    for (size_t i = 0; i < snapshot->n_grants; i++) {
        const struct db_grant *g = &snapshot->grants[i];
        if (!grant_of(g, n))
            continue;
        if (want->database && !g->wild && !g->table && !strcmp(g->database, want->database))
            s->privileges = g->privileges;
        else
            s->extra = arena_printf(ctx->arena, "%s%s%s: %s", s->extra, *s->extra ? "; " : "",
                                    grant_text(ctx->arena, g), g->privileges);
    }
    return s;
}

static int observe_dormant(struct kind_ctx *ctx, const struct resource *res, void **found, struct error *err)
{
    const struct database_user_spec *want = res->spec;
    bool there = false;
    int r = want->database ? database_dormant(ctx, want->database, &there, err) : 0;
    if (r < 0 || !there)
        return r;
    struct database_user_spec *s = record_copy(&record, ctx->arena, want);
    /* A rotation that is under way is not believed to have come so far: the new password must not be written
     * anywhere before this user is known to accept it. */
    if (s->password_previous && *s->password_previous)
        s->password_previous = "";
    *found = s;
    return 0;
}

static int database_user_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n,
                                 void **found, struct error *err)
{
    const struct user_name only = n == 1 ? user_name_split(ctx->arena, res[0]->id) : (struct user_name){0};
    const struct db_scope scope = {.parts = DB_USERS, .user = only.user, .host = only.host};
    struct db_snapshot snapshot = {0};
    int r = host_db_read(ctx->host, &scope, &snapshot, ctx->arena, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (!snapshot.running) {
            r = observe_dormant(ctx, res[i], &found[i], err);
            continue;
        }
        const struct db_user *u = user_find(&snapshot, user_name_split(ctx->arena, res[i]->id));
        found[i] = u ? describe(ctx, &snapshot, res[i], u) : NULL;
    }
    return r;
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
    struct user_name n = user_name_split(ctx->arena, c->res->id);
    const struct db_scope scope = {.parts = DB_USERS, .user = n.user, .host = n.host};
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database user %s", c->res->id);
    const struct db_user *u = user_find(&snapshot, n);
    jw_bool(undo, "existed", u != NULL);
    if (!u)
        return 0;
    jw_str(undo, "hash", u->password_hash);
    jw_array(undo, "others");
    for (size_t i = 0; i < u->n_others; i++)
        jw_str(undo, NULL, u->others[i]);
    jw_end(undo);
    database_account_save(undo, u);
    jw_array(undo, "grants");
    for (size_t i = 0; i < snapshot.n_grants; i++) {
        const struct db_grant *g = &snapshot.grants[i];
        if (!grant_of(g, n))
            continue;
        jw_object(undo, NULL);
        jw_str(undo, "database", g->database);
        if (g->wild)
            jw_bool(undo, "wild", true);
        if (g->table)
            jw_str(undo, "table", g->table);
        if (g->column)
            jw_str(undo, "column", g->column);
        if (g->routine)
            jw_str(undo, "routine", g->routine);
        jw_str(undo, "privileges", g->privileges);
        jw_end(undo);
    }
    jw_end(undo);
    return 0;
}

static int hash_need(struct kind_ctx *ctx, const char *id, const char *secret, char hash[HASH_LEN],
                     struct error *err)
{
    if (secret && hash_of(ctx, secret, hash))
        return 0;
    error_set(err, -ENOKEY, "database user %s: the secret %s is not set", id, secret ? secret : "(none)");
    error_hint(err, "set it with `citrus secret set %s`", secret ? secret : "NAME");
    return -ENOKEY;
}

static int set_password(struct kind_ctx *ctx, const struct resource *res, struct error *err)
{
    const struct database_user_spec *s = res->spec;
    char now[HASH_LEN], previous[HASH_LEN];
    const char *hashes[] = {now, previous};
    struct strings list = {hashes, 1};
    int r = hash_need(ctx, res->id, s->password, now, err);
    if (r == 0 && s->password_previous && *s->password_previous) {
        r = hash_need(ctx, res->id, s->password_previous, previous, err);
        list.n = 2;
    }
    return r < 0 ? r : user_define(ctx, res->id, &list, err);
}

static bool differs(const struct change *c, const char *field)
{
    for (size_t i = 0; i < c->delta.n; i++)
        if (!strcmp(c->delta.at[i].field->name, field))
            return true;
    return false;
}

/* No role, no lock, nothing demanded. What there was is in *ret, as `extra` says it. */
static int account_clear(struct kind_ctx *ctx, const char *id, const char **ret, struct error *err)
{
    struct user_name n = user_name_split(ctx->arena, id);
    const struct db_scope scope = {.parts = DB_USERS, .user = n.user, .host = n.host};
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    const struct db_user *now = r == 0 ? user_find(&snapshot, n) : NULL;
    if (!now)
        return r;
    *ret = database_account_text(ctx->arena, now);
    return database_account_set(ctx, user_name_sql(ctx->arena, id), now, NULL, err);
}

static int database_user_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct database_user_spec *s = c->res->spec, *found = c->found;
    const char *id = c->res->id;
    int r = 0;
    if (c->op == OP_REMOVE)
        return user_drop(ctx, id, err);
    if (!found || differs(c, "password") || differs(c, "password_previous"))
        r = set_password(ctx, c->res, err);
    const char *account = "";
    if (r == 0 && found && differs(c, "extra"))
        r = account_clear(ctx, id, &account, err);
    bool foreign = found && strcmp(found->extra, account) != 0;
    bool excess = found && (foreign || strcmp(found->privileges, "none")) &&
                  ((foreign && differs(c, "extra")) || differs(c, "privileges"));
    if (r == 0 && excess)
        r = user_revoke_all(ctx, id, err);
    if (r == 0 && (!found || excess || differs(c, "privileges")))
        r = user_grant(ctx, id, &(struct db_grant){.database = s->database, .privileges = s->privileges},
                       err);
    return r;
}

/* The ways that the journal names. */
static struct strings saved_hashes(struct arena *a, const char *hash, json_t *others)
{
    struct strings list = {arena_array(a, const char *, json_array_size(others) + 1), 1};
    size_t i;
    json_t *one;
    list.at[0] = hash;
    json_array_foreach(others, i, one) if (json_is_string(one)) list.at[list.n++] = json_string_value(one);
    return list;
}

/* The files that had the new password have the old one again by now: they come behind this user, and are
 * taken back before it. But a PHP that read them a moment ago has yet to connect. */
static void let_settle(struct kind_ctx *ctx, const struct database_user_spec *s, const struct db_user *u,
                       const struct strings *hashes)
{
    char now[HASH_LEN];
    if (!u || s->settle == FIELD_UNSET || s->settle <= 0 || !hash_of(ctx, s->password, now))
        return;
    bool accepted = !strcmp(u->password_hash, now), stays = false;
    for (size_t i = 0; i < u->n_others; i++)
        accepted = accepted || !strcmp(u->others[i], now);
    for (size_t i = 0; i < hashes->n; i++)
        stays = stays || !strcmp(hashes->at[i], now);
    struct timespec left = {.tv_sec = s->settle};
    while (accepted && !stays && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static int database_user_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                              struct error *err)
{
    const char *hash = json_string_value(json_object_get(undo, "hash"));
    const struct user_name n = user_name_split(ctx->arena, res->id);
    const struct db_scope scope = {.parts = DB_USERS, .user = n.user, .host = n.host};
    struct db_snapshot snapshot = {0};
    size_t i;
    json_t *g;
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database user %s", res->id);
    if (!json_is_true(json_object_get(undo, "existed")))
        return user_drop(ctx, res->id, err);
    if (!hash)
        return error_set(err, -EINVAL, "database user %s: the journal does not say what was before", res->id);
    struct strings hashes = saved_hashes(ctx->arena, hash, json_object_get(undo, "others"));
    const struct db_user *now = user_find(&snapshot, n);
    let_settle(ctx, res->spec, now, &hashes);
    r = user_define(ctx, res->id, &hashes, err);
    if (r == 0)
        r = database_account_restore(ctx, user_name_sql(ctx->arena, res->id), now, undo, err);
    if (r == 0)
        r = user_revoke_all(ctx, res->id, err);
    json_array_foreach(json_object_get(undo, "grants"), i, g)
    {
        const struct db_grant one = {.database = json_string_value(json_object_get(g, "database")),
                                     .wild = json_is_true(json_object_get(g, "wild")),
                                     .table = json_string_value(json_object_get(g, "table")),
                                     .column = json_string_value(json_object_get(g, "column")),
                                     .routine = json_string_value(json_object_get(g, "routine")),
                                     .privileges = json_string_value(json_object_get(g, "privileges"))};
        if (r == 0 && one.database && one.privileges)
            r = user_grant(ctx, res->id, &one, err);
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
