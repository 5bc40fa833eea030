#include "database_user_sql.h"
#include "text.h"
#include <errno.h>
#include <string.h>

struct user_name user_name_split(struct arena *a, const char *id)
{
    const char *at = strrchr(id, '@');
    if (!at)
        return (struct user_name){id, "localhost"};
    return (struct user_name){arena_strndup(a, id, (size_t)(at - id)), at + 1};
}

const char *user_name_sql(struct arena *a, const char *id)
{
    struct user_name n = user_name_split(a, id);
    return arena_printf(a, "%s@%s", db_quote(a, n.user), db_quote(a, n.host));
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

/* Privileges stand bare in SQL. */
bool privileges_valid(const char *s)
{
    return s && *s && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ, ") == strlen(s);
}

static int run(struct kind_ctx *ctx, const char *id, const char *sql, struct error *err)
{
    int r = host_db_exec(ctx->host, sql, NULL, 0, err);
    return r < 0 ? error_prefix(err, "database user %s", id) : 0;
}

/* One way to prove oneself, from what a snapshot says: a native hash, "" for the socket, "plugin:text". */
static const char *method(struct arena *a, const char *hash)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *colon = strchr(hash, ':');
    if (!*hash)
        return "unix_socket";
    if (colon && strspn(hash, letters) == (size_t)(colon - hash))
        return arena_printf(a, "%.*s USING %s", (int)(colon - hash), hash, db_quote(a, colon + 1));
    return arena_printf(a, "mysql_native_password USING %s", db_quote(a, hash));
}

/* "VIA a OR b": any of them does (MariaDB's manual, CREATE USER, "IDENTIFIED VIA ... OR"; from 10.4). */
static const char *identified(struct arena *a, const struct strings *hashes)
{
    if (hashes->n == 1 && *hashes->at[0] == '*')
        return arena_printf(a, "BY PASSWORD %s", db_quote(a, hashes->at[0]));
    const char *text = arena_printf(a, "VIA %s", method(a, hashes->at[0]));
    for (size_t i = 1; i < hashes->n; i++)
        text = arena_printf(a, "%s OR %s", text, method(a, hashes->at[i]));
    return text;
}

/* Makes the user if need be, and these the ways that it can prove itself. */
int user_define(struct kind_ctx *ctx, const char *id, const struct strings *hashes, struct error *err)
{
    const char *who = user_name_sql(ctx->arena, id), *how = identified(ctx->arena, hashes);
    int r =
        run(ctx, id, arena_printf(ctx->arena, "CREATE USER IF NOT EXISTS %s IDENTIFIED %s", who, how), err);
    return r < 0 ? r : run(ctx, id, arena_printf(ctx->arena, "ALTER USER %s IDENTIFIED %s", who, how), err);
}

/* "SELECT (`c`), UPDATE (`c`)": each privilege says its column. */
static const char *on_column(struct arena *a, const char *privileges, const char *column)
{
    const char *name = db_identifier(a, column), *text = "";
    for (const char *p = privileges; *p;) {
        size_t n = strcspn(p, ",");
        text = arena_printf(a, "%s%s%.*s (%s)", text, *text ? ", " : "", (int)n, p, name);
        p += n;
        p += strspn(p, ", ");
    }
    return text;
}

/* What a grant is on, as SQL. */
static const char *grant_target(struct arena *a, const struct db_grant *g)
{
    const char *database = g->wild || g->table ? g->database : pattern_escape(a, g->database);
    if (!strcmp(g->database, "*"))
        return "*.*";
    return arena_printf(a, "%s%s%s.%s", g->routine ? g->routine : "", g->routine ? " " : "",
                        db_identifier(a, database), g->table ? db_identifier(a, g->table) : "*");
}

/* GRANT OPTION stands among the privileges of a snapshot, but behind them in SQL. */
int user_grant(struct kind_ctx *ctx, const char *id, const struct db_grant *g, struct error *err)
{
    static const char option[] = ", GRANT OPTION";
    const char *privileges = g->privileges, *with = "";
    if (!privileges_valid(privileges) || (g->routine && !privileges_valid(g->routine)))
        return error_set(err, -EINVAL, "database user %s: \"%s\" is no list of privileges", id, privileges);
    if (ends_with(privileges, option)) {
        privileges = arena_strndup(ctx->arena, privileges, strlen(privileges) - strlen(option));
        with = " WITH GRANT OPTION";
    }
    if (g->column)
        privileges = on_column(ctx->arena, privileges, g->column);
    return run(ctx, id,
               arena_printf(ctx->arena, "GRANT %s ON %s TO %s%s", privileges, grant_target(ctx->arena, g),
                            user_name_sql(ctx->arena, id), with),
               err);
}

int user_revoke_all(struct kind_ctx *ctx, const char *id, struct error *err)
{
    return run(ctx, id,
               arena_printf(ctx->arena, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s",
                            user_name_sql(ctx->arena, id)),
               err);
}

int user_drop(struct kind_ctx *ctx, const char *id, struct error *err)
{
    return run(ctx, id, arena_printf(ctx->arena, "DROP USER IF EXISTS %s", user_name_sql(ctx->arena, id)),
               err);
}
