/* What an account of the pretended MariaDB has beside passwords and grants: roles, a lock, what it demands of
 * TLS. */
#include "fake_sql.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

/* {NONE|SSL|X509|ISSUER 'x' [AND SUBJECT 'y'] [AND CIPHER 'z']} */
static void demand_read(struct sql *s, json_t *v)
{
    static const struct {
        const char *word, *member;
    } parts[] = {{"ISSUER", "tls_issuer"}, {"SUBJECT", "tls_subject"}, {"CIPHER", "tls_cipher"}};
    const char *demand = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        json_object_del(v, parts[i].member);
    if (sql_is(s, "SSL") || sql_is(s, "X509"))
        demand = sql_take(s);
    else
        sql_accept(s, "NONE");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sql_accept(s, parts[i].word)) {
            const char *text = sql_take(s);
            if (v)
                sql_set(v, parts[i].member, text);
            demand = "SPECIFIED";
            sql_accept(s, "AND");
        }
    if (v)
        sql_set(v, "tls", demand);
}

void sql_account_options(struct sql *s, json_t *v)
{
    if (sql_accept(s, "REQUIRE"))
        demand_read(s, v);
    if (sql_accept(s, "ACCOUNT")) {
        bool lock = sql_accept(s, "LOCK");
        if (!lock)
            sql_accept(s, "UNLOCK");
        if (v)
            json_object_set_new(v, "locked", json_boolean(lock));
    }
}

static json_t *account_find(struct sql *s, struct error *err)
{
    const char *user, *host;
    size_t i;
    sql_account(s, &user, &host);
    json_t *v = s->dry ? NULL : sql_find(sql_part(s, "users"), &i, "user", user, "host", host, NULL, NULL);
    if (!v && !s->dry)
        error_set(err, -ENOENT, "Can't find any matching row in the user table for '%s'@'%s'", user, host);
    return v;
}

int sql_role_grant(struct sql *s, bool grant, struct error *err)
{
    const char *role = sql_take(s);
    if (!sql_accept(s, grant ? "TO" : "FROM"))
        return sql_unknown(s, err);
    json_t *v = account_find(s, err);
    bool admin = sql_accept(s, "WITH") && sql_accept(s, "ADMIN") && sql_accept(s, "OPTION");
    if (s->token != T_END)
        return sql_unknown(s, err);
    if (!v)
        return s->dry ? 0 : -ENOENT;
    json_t *roles = json_object_get(v, "roles");
    if (!roles)
        json_object_set_new(v, "roles", roles = json_object());
    if (grant)
        sql_set(roles, role, admin ? "Y" : "N");
    else
        json_object_del(roles, role);
    return 0;
}

int sql_default_role(struct sql *s, struct error *err)
{
    const char *role = s->token == T_NAME ? sql_take(s) : "";
    if (!*role)
        sql_accept(s, "NONE");
    if (!sql_accept(s, "FOR"))
        return sql_unknown(s, err);
    json_t *v = account_find(s, err);
    if (!v)
        return s->dry ? 0 : -ENOENT;
    if (*role && !json_object_get(json_object_get(v, "roles"), role))
        return error_set(err, -ENOENT, "User has not been granted role `%s`", role);
    sql_set(v, "default_role", role);
    return 0;
}
