/* As much SQL as citrus itself says: databases, users and grants. What it does not know is an error, so that
 * a new statement is noticed by the tests and not silently "done". */
#include "fake_world.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum token { T_END, T_WORD, T_NAME /* `quoted` */, T_STRING, T_SIGN };

struct sql {
    const char *at;
    const char *const *values;
    size_t n, used;
    enum token token;
    struct buf text;   /* of the token, unquoted */
    struct buf *shown; /* NULL: none */
    bool secret;       /* the next string is one */
    struct arena arena;
    json_t *db;
    bool dry;
};

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
static void next(struct sql *s)
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

static bool is(struct sql *s, const char *word)
{
    return (s->token == T_WORD || s->token == T_SIGN) && strcasecmp(buf_str(&s->text), word) == 0;
}

/* Passes over the words of `phrase` when they come next, all or (after the first) not at all. */
static bool accept(struct sql *s, const char *word)
{
    if (!is(s, word))
        return false;
    next(s);
    return true;
}

static const char *take(struct sql *s)
{
    const char *text = arena_strdup(&s->arena, buf_str(&s->text));
    next(s);
    return text;
}

static json_t *part(struct sql *s, const char *name)
{
    json_t *list = json_object_get(s->db, name);
    if (!list && !s->dry) {
        list = json_array();
        json_object_set_new(s->db, name, list);
    }
    return list;
}

/* The entry whose members are all equal; *index is its place. */
static json_t *find(json_t *list, size_t *index, const char *k1, const char *v1, const char *k2,
                    const char *v2, const char *k3, const char *v3)
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

static int unknown(struct sql *s, struct error *err)
{
    return error_set(err, -ENOTSUP, "the fake world does not know this statement (at \"%s\")",
                     buf_str(&s->text));
}

static void set(json_t *v, const char *name, const char *text)
{
    json_object_set_new(v, name, json_string(text));
}

static int do_database(struct sql *s, const char *verb, struct error *err)
{
    bool quiet = accept(s, "IF");
    if (quiet) {
        accept(s, "NOT");
        accept(s, "EXISTS");
    }
    const char *name = take(s);
    size_t i;
    json_t *list = part(s, "databases"), *v = find(list, &i, "name", name, NULL, NULL, NULL, NULL);
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
        accept(s, "DEFAULT");
        bool charset = is(s, "CHARACTER") || is(s, "CHARSET");
        if (!charset && !is(s, "COLLATE"))
            return unknown(s, err);
        if (accept(s, "CHARACTER"))
            accept(s, "SET");
        else
            next(s);
        accept(s, "=");
        const char *text = take(s);
        if (v && !s->dry)
            set(v, charset ? "charset" : "collation", text);
    }
    if (drop && v && !s->dry)
        json_array_remove(list, i);
    return 0;
}

/* 'user'@'host' */
static void account_read(struct sql *s, const char **user, const char **host)
{
    *user = take(s);
    *host = accept(s, "@") ? take(s) : "%";
}

/* plugin [{USING|AS} 'hash'] */
static const char *method_read(struct sql *s)
{
    next(s);
    s->secret = true;
    bool with = accept(s, "USING") || accept(s, "AS");
    const char *hash = with ? take(s) : "";
    s->secret = false;
    return hash;
}

/* IDENTIFIED BY [PASSWORD] 'x' | IDENTIFIED {VIA|WITH} METHOD [OR METHOD ...] */
static const char *identified_read(struct sql *s, json_t *others)
{
    if (!accept(s, "IDENTIFIED"))
        return NULL;
    if (accept(s, "VIA") || accept(s, "WITH")) {
        const char *hash = method_read(s);
        while (accept(s, "OR"))
            json_array_append_new(others, json_string(method_read(s)));
        return hash;
    }
    s->secret = true;
    accept(s, "BY");
    bool hashed = accept(s, "PASSWORD");
    accept(s, "(");
    const char *text = take(s);
    accept(s, ")");
    s->secret = false;
    if (hashed)
        return text;
    char *hash = arena_alloc(&s->arena, 42);
    db_password_hash(text, hash);
    return hash;
}

static void grants_drop(struct sql *s, const char *user, const char *host)
{
    json_t *list = part(s, "grants");
    size_t i;
    while (find(list, &i, "user", user, "host", host, NULL, NULL))
        json_array_remove(list, i);
}

static int user_change(struct sql *s, const char *verb, bool quiet, const char *user, const char *host,
                       const char *hash, json_t *others, struct error *err)
{
    size_t i;
    json_t *list = part(s, "users"), *v = find(list, &i, "user", user, "host", host, NULL, NULL);
    bool create = strcasecmp(verb, "CREATE") == 0;
    if (create == (v != NULL) && !quiet)
        return error_set(err, create ? -EEXIST : -ENOENT, "Operation %s USER failed for '%s'@'%s'", verb,
                         user, host);
    if (create && !v) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:O}", "user", user, "host", host,
                                              "password_hash", hash ? hash : "", "others", others));
    } else if (strcasecmp(verb, "ALTER") == 0 && v && hash) {
        set(v, "password_hash", hash);
        json_object_set(v, "others", others);
    } else if (strcasecmp(verb, "DROP") == 0 && v) {
        json_array_remove(list, i);
        grants_drop(s, user, host);
    }
    return 0;
}

static int do_user(struct sql *s, const char *verb, struct error *err)
{
    bool quiet = accept(s, "IF");
    if (quiet) {
        accept(s, "NOT");
        accept(s, "EXISTS");
    }
    const char *user, *host;
    account_read(s, &user, &host);
    json_t *others = json_array();
    const char *hash = identified_read(s, others);
    int r = s->token != T_END ? unknown(s, err) : 0;
    if (r == 0 && !s->dry)
        r = user_change(s, verb, quiet, user, host, hash, others, err);
    json_decref(others);
    return r;
}

/* SET PASSWORD FOR 'u'@'h' = 'hash' | PASSWORD('x') */
static int do_password(struct sql *s, struct error *err)
{
    const char *user, *host;
    if (!accept(s, "FOR"))
        return unknown(s, err);
    account_read(s, &user, &host);
    s->secret = true;
    accept(s, "=");
    bool plain = accept(s, "PASSWORD") && accept(s, "(");
    const char *text = take(s);
    s->secret = false;
    if (s->dry)
        return 0;
    size_t i;
    json_t *v = find(part(s, "users"), &i, "user", user, "host", host, NULL, NULL);
    if (!v)
        return error_set(err, -ENOENT, "Can't find any matching row in the user table");
    char hash[42];
    if (plain)
        db_password_hash(text, hash);
    set(v, "password_hash", plain ? hash : text);
    return 0;
}

static const char *const every[] = {
    "ALTER",       "ALTER ROUTINE", "CREATE",         "CREATE ROUTINE", "CREATE TEMPORARY TABLES",
    "CREATE VIEW", "DELETE",        "DELETE HISTORY", "DROP",           "EVENT",
    "EXECUTE",     "INDEX",         "INSERT",         "LOCK TABLES",    "REFERENCES",
    "SELECT",      "SHOW VIEW",     "TRIGGER",        "UPDATE"};
#define EVERY (sizeof every / sizeof *every)

#define ALL   ((1u << EVERY) - 1)
#define GRANT (1u << EVERY) /* GRANT OPTION, which ALL does not have */

/* Bit i stands for every[i]. */
static unsigned privileges_bits(const char *text)
{
    unsigned bits = 0;
    while (*text) {
        size_t len = strcspn(text, ",");
        if ((len == 3 && strncasecmp(text, "ALL", len) == 0) ||
            (len == 14 && strncasecmp(text, "ALL PRIVILEGES", len) == 0))
            bits |= ALL;
        else if (len == 12 && strncasecmp(text, "GRANT OPTION", len) == 0)
            bits |= GRANT;
        for (unsigned i = 0; i < EVERY; i++)
            if (strlen(every[i]) == len && strncasecmp(every[i], text, len) == 0)
                bits |= 1u << i;
        text += len;
        text += strspn(text, ", ");
    }
    return bits;
}

/* As db_read.c puts it: sorted, ALL PRIVILEGES for all, GRANT OPTION last. */
static void privileges_text(unsigned bits, struct buf *out)
{
    if ((bits & ALL) == ALL)
        buf_adds(out, "ALL PRIVILEGES");
    else
        for (unsigned i = 0; i < EVERY; i++)
            if (bits & 1u << i)
                buf_addf(out, "%s%s", out->len ? ", " : "", every[i]);
    if (bits & GRANT)
        buf_addf(out, "%sGRANT OPTION", out->len ? ", " : "");
}

/* A grant's database is a pattern: "a\_b" means a_b. */
static const char *pattern_name(struct sql *s, const char *pattern)
{
    struct buf b = {0};
    for (; *pattern; pattern++) {
        if (*pattern == '\\' && (pattern[1] == '_' || pattern[1] == '%'))
            pattern++;
        buf_addc(&b, *pattern);
    }
    const char *name = arena_strdup(&s->arena, buf_str(&b));
    buf_free(&b);
    return name;
}

/* TABLE [IF EXISTS] db.name, ... */
static int do_drop_tables(struct sql *s, struct error *err)
{
    if (accept(s, "IF"))
        accept(s, "EXISTS");
    do {
        const char *database = take(s);
        if (!accept(s, "."))
            return unknown(s, err);
        const char *name = take(s);
        if (s->dry)
            continue;
        size_t i;
        json_t *v = find(part(s, "databases"), &i, "name", database, NULL, NULL, NULL, NULL);
        json_int_t tables = json_integer_value(json_object_get(v, "tables"));
        if (v && tables > 0)
            json_object_set_new(v, "tables", json_integer(tables - 1));
        if (find(part(s, "options_tables"), &i, "database", database, "name", name, NULL, NULL))
            json_array_remove(part(s, "options_tables"), i);
    } while (accept(s, ","));
    return s->token == T_END ? 0 : unknown(s, err);
}

/* {GRANT|REVOKE} p, ... ON db.* {TO|FROM} account */
static int do_grant(struct sql *s, bool grant, struct error *err)
{
    struct buf words = {0};
    while (s->token != T_END && !is(s, "ON") && !is(s, "FROM")) {
        bool comma = is(s, ",");
        buf_addf(&words, "%s%s", words.len && !comma ? " " : "", buf_str(&s->text));
        next(s);
    }
    unsigned bits = privileges_bits(buf_str(&words));
    buf_free(&words);
    const char *database = NULL, *user, *host;
    if (accept(s, "ON")) {
        database = pattern_name(s, take(s));
        if (!accept(s, ".") || !accept(s, "*"))
            return unknown(s, err);
    }
    if (!accept(s, grant ? "TO" : "FROM") || !bits)
        return unknown(s, err);
    account_read(s, &user, &host);
    if (grant && accept(s, "WITH") && accept(s, "GRANT") && accept(s, "OPTION"))
        bits |= GRANT;
    if (s->token != T_END)
        return unknown(s, err);
    if (s->dry)
        return 0;
    size_t i;
    if (!find(part(s, "users"), &i, "user", user, "host", host, NULL, NULL))
        return error_set(err, -ENOENT, "Can't find any matching row in the user table for '%s'@'%s'", user,
                         host);
    if (!database) {
        grants_drop(s, user, host);
        return 0;
    }
    json_t *list = part(s, "grants");
    json_t *v = find(list, &i, "user", user, "host", host, "database", database);
    if (!v && !grant)
        return error_set(err, -ENOENT, "There is no such grant defined for user '%s' on host '%s'", user,
                         host);
    unsigned had = v ? privileges_bits(fake_text(v, "privileges", "ALL PRIVILEGES")) : 0;
    unsigned now = grant ? had | bits : had & ~bits;
    if (v)
        json_array_remove(list, i);
    struct buf text = {0};
    privileges_text(now, &text);
    if (now)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "user", user, "host", host, "database",
                                              database, "privileges", buf_str(&text)));
    buf_free(&text);
    return 0;
}

static int statement(struct sql *s, struct error *err)
{
    next(s);
    const char *verb = take(s);
    if (strcasecmp(verb, "GRANT") == 0 || strcasecmp(verb, "REVOKE") == 0)
        return do_grant(s, strcasecmp(verb, "GRANT") == 0, err);
    if (strcasecmp(verb, "FLUSH") == 0) {
        while (s->token != T_END)
            next(s);
        return 0;
    }
    if (strcasecmp(verb, "SET") == 0 && accept(s, "PASSWORD"))
        return do_password(s, err);
    if (strcasecmp(verb, "CREATE") == 0 || strcasecmp(verb, "ALTER") == 0 || strcasecmp(verb, "DROP") == 0) {
        if (accept(s, "OR"))
            accept(s, "REPLACE");
        if (accept(s, "DATABASE") || accept(s, "SCHEMA"))
            return do_database(s, verb, err);
        if (accept(s, "USER"))
            return do_user(s, verb, err);
        if (strcasecmp(verb, "DROP") == 0 && accept(s, "TABLE"))
            return do_drop_tables(s, err);
    }
    return unknown(s, err);
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
