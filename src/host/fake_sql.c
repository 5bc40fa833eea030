/* As much SQL as citrus itself says: databases, users and grants. What it does not know is an error, so that
 * a new statement is noticed by the tests and not silently "done". */
#include "fake_sql.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void quoted_read(struct sql *s, char quote)
{
    for (s->at++; *s->at; s->at++) {
        if (*s->at == quote) {
            if (s->at[1] != quote)
                break;
            s->at++;
        } else if (*s->at == '\\' && quote == '\'' && s->at[1]) {
            s->at++;
        }
        buf_addc(&s->text, *s->at);
    }
    if (*s->at)
        s->at++;
}

/* Moves to the next token. What is passed over is shown, but for the value of a secret. */
void sql_next(struct sql *s)
{
    const char *from = s->at;
    buf_reset(&s->text);
    while (isspace((unsigned char)*s->at))
        s->at++;
    if (!*s->at || *s->at == ';') {
        s->token = T_END;
        return;
    }
    if (*s->at == '`' || *s->at == '\'') {
        s->token = *s->at == '`' ? T_NAME : T_STRING;
        quoted_read(s, *s->at);
    } else if (*s->at == '?') {
        s->token = T_STRING;
        buf_adds(&s->text, s->used < s->n ? s->values[s->used] : "");
        s->used++;
        s->at++;
    } else if (isalnum((unsigned char)*s->at) || *s->at == '_') {
        s->token = T_WORD;
        while (isalnum((unsigned char)*s->at) || *s->at == '_')
            buf_addc(&s->text, *s->at++);
    } else {
        s->token = T_SIGN;
        buf_addc(&s->text, *s->at++);
    }
    if (s->shown && s->secret && s->token == T_STRING)
        buf_adds(s->shown, " '***'");
    else if (s->shown)
        buf_add(s->shown, from, (size_t)(s->at - from));
}

bool sql_is(struct sql *s, const char *word)
{
    return (s->token == T_WORD || s->token == T_SIGN) && strcasecmp(buf_str(&s->text), word) == 0;
}

bool sql_accept(struct sql *s, const char *word)
{
    if (!sql_is(s, word))
        return false;
    sql_next(s);
    return true;
}

const char *sql_take(struct sql *s)
{
    const char *text = arena_strdup(&s->arena, buf_str(&s->text));
    sql_next(s);
    return text;
}

json_t *sql_part(struct sql *s, const char *name)
{
    json_t *list = json_object_get(s->db, name);
    if (!list && !s->dry) {
        list = json_array();
        json_object_set_new(s->db, name, list);
    }
    return list;
}

/* The entry whose members are all equal; *index is its place. */
json_t *sql_find(json_t *list, size_t *index, const char *k1, const char *v1, const char *k2, const char *v2,
                 const char *k3, const char *v3)
{
    json_t *v;
    size_t i;
    *index = 0;
    json_array_foreach(list, i, v)
    {
        *index = i;
        if (strcmp(fake_text(v, k1, ""), v1) == 0 &&
            (!k2 || strcmp(fake_text(v, k2, "localhost"), v2) == 0) &&
            (!k3 || strcmp(fake_text(v, k3, "*"), v3) == 0))
            return v;
    }
    return NULL;
}

int sql_unknown(struct sql *s, struct error *err)
{
    return error_set(err, -ENOTSUP, "the fake world does not know this statement (at \"%s\")",
                     buf_str(&s->text));
}

void sql_set(json_t *v, const char *name, const char *text)
{
    json_object_set_new(v, name, json_string(text));
}

static int do_database(struct sql *s, const char *verb, struct error *err)
{
    bool quiet = sql_accept(s, "IF");
    if (quiet) {
        sql_accept(s, "NOT");
        sql_accept(s, "EXISTS");
    }
    const char *name = sql_take(s);
    size_t i;
    json_t *list = sql_part(s, "databases"), *v = sql_find(list, &i, "name", name, NULL, NULL, NULL, NULL);
    bool create = strcasecmp(verb, "CREATE") == 0, drop = strcasecmp(verb, "DROP") == 0;
    if (!s->dry && create && v && !quiet)
        return error_set(err, -EEXIST, "Can't create database '%s'; database exists", name);
    if (!s->dry && !create && !v && !quiet)
        return error_set(err, -ENOENT, "Unknown database '%s'", name);
    if (!s->dry && create && !v) {
        v = json_pack("{s:s, s:i}", "name", name, "tables", 0);
        json_array_append_new(list, v);
    }
    while (s->token != T_END) {
        sql_accept(s, "DEFAULT");
        bool charset = sql_is(s, "CHARACTER") || sql_is(s, "CHARSET");
        if (!charset && !sql_is(s, "COLLATE"))
            return sql_unknown(s, err);
        if (sql_accept(s, "CHARACTER"))
            sql_accept(s, "SET");
        else
            sql_next(s);
        sql_accept(s, "=");
        const char *text = sql_take(s);
        if (v && !s->dry)
            sql_set(v, charset ? "charset" : "collation", text);
    }
    if (drop && v && !s->dry) {
        json_array_remove(list, i);
        while (sql_find(sql_part(s, "options_tables"), &i, "database", name, NULL, NULL, NULL, NULL))
            json_array_remove(sql_part(s, "options_tables"), i);
    }
    return 0;
}

/* 'user'@'host' */
void sql_account(struct sql *s, const char **user, const char **host)
{
    *user = sql_take(s);
    *host = sql_accept(s, "@") ? sql_take(s) : "%";
}

/* plugin [{USING|AS} 'hash'] */
static const char *method_read(struct sql *s)
{
    sql_next(s);
    s->secret = true;
    bool with = sql_accept(s, "USING") || sql_accept(s, "AS");
    const char *hash = with ? sql_take(s) : "";
    s->secret = false;
    return hash;
}

/* IDENTIFIED BY [PASSWORD] 'x' | IDENTIFIED {VIA|WITH} METHOD [OR METHOD ...] */
static const char *identified_read(struct sql *s, json_t *others)
{
    if (!sql_accept(s, "IDENTIFIED"))
        return NULL;
    if (sql_accept(s, "VIA") || sql_accept(s, "WITH")) {
        const char *hash = method_read(s);
        while (sql_accept(s, "OR"))
            json_array_append_new(others, json_string(method_read(s)));
        return hash;
    }
    s->secret = true;
    sql_accept(s, "BY");
    bool hashed = sql_accept(s, "PASSWORD");
    sql_accept(s, "(");
    const char *text = sql_take(s);
    sql_accept(s, ")");
    s->secret = false;
    if (hashed)
        return text;
    char *hash = arena_alloc(&s->arena, 42);
    db_password_hash(text, hash);
    return hash;
}

static int user_change(struct sql *s, const char *verb, bool quiet, const char *user, const char *host,
                       const char *hash, json_t *others, struct error *err)
{
    size_t i;
    json_t *list = sql_part(s, "users"), *v = sql_find(list, &i, "user", user, "host", host, NULL, NULL);
    bool create = strcasecmp(verb, "CREATE") == 0;
    if (create == (v != NULL) && !quiet)
        return error_set(err, create ? -EEXIST : -ENOENT, "Operation %s USER failed for '%s'@'%s'", verb,
                         user, host);
    if (create && !v) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:O}", "user", user, "host", host,
                                              "password_hash", hash ? hash : "", "others", others));
    } else if (strcasecmp(verb, "ALTER") == 0 && v && hash) {
        sql_set(v, "password_hash", hash);
        json_object_set(v, "others", others);
    } else if (strcasecmp(verb, "DROP") == 0 && v) {
        json_array_remove(list, i);
        sql_grants_drop(s, user, host);
    }
    return 0;
}

static int do_user(struct sql *s, const char *verb, struct error *err)
{
    bool quiet = sql_accept(s, "IF");
    if (quiet) {
        sql_accept(s, "NOT");
        sql_accept(s, "EXISTS");
    }
    const char *user, *host;
    sql_account(s, &user, &host);
    json_t *others = json_array();
    const char *hash = identified_read(s, others);
    size_t i;
    sql_account_options(
        s, s->dry ? NULL : sql_find(sql_part(s, "users"), &i, "user", user, "host", host, NULL, NULL));
    int r = s->token != T_END ? sql_unknown(s, err) : 0;
    if (r == 0 && !s->dry)
        r = user_change(s, verb, quiet, user, host, hash, others, err);
    json_decref(others);
    return r;
}

/* SET PASSWORD FOR 'u'@'h' = 'hash' | PASSWORD('x') */
static int do_password(struct sql *s, struct error *err)
{
    const char *user, *host;
    if (!sql_accept(s, "FOR"))
        return sql_unknown(s, err);
    sql_account(s, &user, &host);
    s->secret = true;
    sql_accept(s, "=");
    bool plain = sql_accept(s, "PASSWORD") && sql_accept(s, "(");
    const char *text = sql_take(s);
    s->secret = false;
    if (s->dry)
        return 0;
    size_t i;
    json_t *v = sql_find(sql_part(s, "users"), &i, "user", user, "host", host, NULL, NULL);
    if (!v)
        return error_set(err, -ENOENT, "Can't find any matching row in the user table");
    char hash[42];
    if (plain)
        db_password_hash(text, hash);
    sql_set(v, "password_hash", plain ? hash : text);
    return 0;
}

/* TABLE [IF EXISTS] db.name, ... */
static int do_drop_tables(struct sql *s, struct error *err)
{
    if (sql_accept(s, "IF"))
        sql_accept(s, "EXISTS");
    do {
        const char *database = sql_take(s);
        if (!sql_accept(s, "."))
            return sql_unknown(s, err);
        const char *name = sql_take(s);
        if (s->dry)
            continue;
        size_t i;
        json_t *v = sql_find(sql_part(s, "databases"), &i, "name", database, NULL, NULL, NULL, NULL);
        json_int_t tables = json_integer_value(json_object_get(v, "tables"));
        if (v && tables > 0)
            json_object_set_new(v, "tables", json_integer(tables - 1));
        if (sql_find(sql_part(s, "options_tables"), &i, "database", database, "name", name, NULL, NULL))
            json_array_remove(sql_part(s, "options_tables"), i);
    } while (sql_accept(s, ","));
    return s->token == T_END ? 0 : sql_unknown(s, err);
}

static int statement(struct sql *s, struct error *err)
{
    sql_next(s);
    const char *verb = sql_take(s);
    if (strcasecmp(verb, "GRANT") == 0 || strcasecmp(verb, "REVOKE") == 0)
        return sql_grant(s, strcasecmp(verb, "GRANT") == 0, err);
    if (strcasecmp(verb, "FLUSH") == 0) {
        while (s->token != T_END)
            sql_next(s);
        return 0;
    }
    if (strcasecmp(verb, "SET") == 0 && sql_accept(s, "PASSWORD"))
        return do_password(s, err);
    if (strcasecmp(verb, "SET") == 0 && sql_accept(s, "DEFAULT") && sql_accept(s, "ROLE"))
        return sql_default_role(s, err);
    if (strcasecmp(verb, "CREATE") == 0 || strcasecmp(verb, "ALTER") == 0 || strcasecmp(verb, "DROP") == 0) {
        if (sql_accept(s, "OR"))
            sql_accept(s, "REPLACE");
        if (sql_accept(s, "DATABASE") || sql_accept(s, "SCHEMA"))
            return do_database(s, verb, err);
        if (sql_accept(s, "USER"))
            return do_user(s, verb, err);
        if (strcasecmp(verb, "DROP") == 0 && sql_accept(s, "TABLE"))
            return do_drop_tables(s, err);
    }
    return sql_unknown(s, err);
}

int fake_sql(json_t *db, const char *sql, const char *const *values, size_t n, struct buf *shown, bool dry,
             struct error *err)
{
    struct sql s = {.at = sql, .values = values, .n = n, .shown = shown, .db = db, .dry = dry};
    int r = statement(&s, err);
    buf_wipe(&s.text);
    arena_free(&s.arena);
    return r;
}
