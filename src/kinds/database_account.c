#include "database_account.h"
#include <string.h>

static const struct db_user plain = {
    .tls = "", .tls_issuer = "", .tls_subject = "", .tls_cipher = "", .default_role = ""};

static const struct db_role *role_find(const struct db_user *u, const char *name)
{
    for (size_t i = 0; i < u->n_roles; i++)
        if (!strcmp(u->roles[i].name, name))
            return &u->roles[i];
    return NULL;
}

static const char *also(struct arena *a, const char *text, const char *more)
{
    return arena_printf(a, "%s%s%s", text, *text ? "; " : "", more);
}

const char *database_account_text(struct arena *a, const struct db_user *u)
{
    const char *text = "";
    if (u->locked)
        text = also(a, text, "account locked");
    if (*u->tls)
        text = also(a, text, "TLS demanded");
    for (size_t i = 0; i < u->n_roles; i++)
        text = also(
            a, text,
            arena_printf(a, "role %s%s", u->roles[i].name, u->roles[i].admin ? " with admin option" : ""));
    /* One that it has not (any more) is without effect, and could not be set again by undo. */
    if (role_find(u, u->default_role))
        text = also(a, text, arena_printf(a, "default role %s", u->default_role));
    return text;
}

/* --- change -------------------------------------------------------------------------------------------- */

/* What stands behind REQUIRE. */
static const char *demand_sql(struct arena *a, const struct db_user *u)
{
    const char *const parts[][2] = {
        {"ISSUER", u->tls_issuer}, {"SUBJECT", u->tls_subject}, {"CIPHER", u->tls_cipher}};
    const char *text = "";
    if (!strcmp(u->tls, "SSL") || !strcmp(u->tls, "X509"))
        return u->tls;
    for (size_t i = 0; strcmp(u->tls, "SPECIFIED") == 0 && i < sizeof parts / sizeof *parts; i++)
        if (*parts[i][1])
            text = arena_printf(a, "%s%s%s %s", text, *text ? " AND " : "", parts[i][0],
                                db_quote(a, parts[i][1]));
    return *text ? text : "NONE";
}

static int run(struct kind_ctx *ctx, const char *sql, const char *who, struct error *err)
{
    int r = host_db_exec(ctx->host, sql, NULL, 0, err);
    return r < 0 ? error_prefix(err, "database user %s", who) : 0;
}

static int roles_revoke(struct kind_ctx *ctx, const char *who, const struct db_user *now,
                        const struct db_user *wanted, struct error *err)
{
    struct arena *a = ctx->arena;
    int r = 0;
    for (size_t i = 0; r == 0 && i < now->n_roles; i++) {
        const struct db_role *had = &now->roles[i], *role = role_find(wanted, had->name);
        if (!role || role->admin != had->admin)
            r = run(ctx, arena_printf(a, "REVOKE %s FROM %s", db_identifier(a, had->name), who), who, err);
    }
    return r;
}

static int roles_grant(struct kind_ctx *ctx, const char *who, const struct db_user *now,
                       const struct db_user *wanted, struct error *err)
{
    struct arena *a = ctx->arena;
    int r = 0;
    for (size_t i = 0; r == 0 && i < wanted->n_roles; i++) {
        const struct db_role *role = &wanted->roles[i], *had = role_find(now, role->name);
        if (!had || had->admin != role->admin)
            r = run(ctx,
                    arena_printf(a, "GRANT %s TO %s%s", db_identifier(a, role->name), who,
                                 role->admin ? " WITH ADMIN OPTION" : ""),
                    who, err);
    }
    return r;
}

/* A role that is revoked stays the default one, and would be again when it is granted. */
int database_account_set(struct kind_ctx *ctx, const char *who, const struct db_user *now,
                         const struct db_user *wanted, struct error *err)
{
    struct arena *a = ctx->arena;
    if (!now)
        now = &plain;
    if (!wanted)
        wanted = &plain;
    const char *demand = demand_sql(a, wanted);
    bool other_default = strcmp(now->default_role, wanted->default_role) != 0;
    int r = 0;
    if (now->locked != wanted->locked || strcmp(demand_sql(a, now), demand) != 0)
        r = run(ctx,
                arena_printf(a, "ALTER USER %s REQUIRE %s ACCOUNT %s", who, demand,
                             wanted->locked ? "LOCK" : "UNLOCK"),
                who, err);
    if (r == 0 && other_default && !*wanted->default_role)
        r = run(ctx, arena_printf(a, "SET DEFAULT ROLE NONE FOR %s", who), who, err);
    if (r == 0)
        r = roles_revoke(ctx, who, now, wanted, err);
    if (r == 0)
        r = roles_grant(ctx, who, now, wanted, err);
    if (r == 0 && other_default && *wanted->default_role && role_find(wanted, wanted->default_role))
        r = run(ctx,
                arena_printf(a, "SET DEFAULT ROLE %s FOR %s", db_identifier(a, wanted->default_role), who),
                who, err);
    return r;
}

/* --- undo ---------------------------------------------------------------------------------------------- */

void database_account_save(struct jsonw *undo, const struct db_user *u)
{
    jw_object(undo, "account");
    jw_bool(undo, "locked", u->locked);
    jw_str(undo, "tls", u->tls);
    jw_str(undo, "tls_issuer", u->tls_issuer);
    jw_str(undo, "tls_subject", u->tls_subject);
    jw_str(undo, "tls_cipher", u->tls_cipher);
    jw_str(undo, "default_role", u->default_role);
    jw_object(undo, "roles");
    for (size_t i = 0; i < u->n_roles; i++)
        jw_bool(undo, u->roles[i].name, u->roles[i].admin);
    jw_end(undo);
    jw_end(undo);
}

static const char *saved_text(json_t *saved, const char *name)
{
    const char *text = json_string_value(json_object_get(saved, name));
    return text ? text : "";
}

int database_account_restore(struct kind_ctx *ctx, const char *who, const struct db_user *now, json_t *undo,
                             struct error *err)
{
    json_t *saved = json_object_get(undo, "account"), *roles = json_object_get(saved, "roles"), *admin;
    struct db_user was = {.locked = json_is_true(json_object_get(saved, "locked")),
                          .tls = saved_text(saved, "tls"),
                          .tls_issuer = saved_text(saved, "tls_issuer"),
                          .tls_subject = saved_text(saved, "tls_subject"),
                          .tls_cipher = saved_text(saved, "tls_cipher"),
                          .default_role = saved_text(saved, "default_role"),
                          .roles = arena_array(ctx->arena, struct db_role, json_object_size(roles) + 1)};
    const char *name;
    json_object_foreach(roles, name, admin) was.roles[was.n_roles++] =
        (struct db_role){.name = name, .admin = json_is_true(admin)};
    return saved ? database_account_set(ctx, who, now, &was, err) : 0;
}
