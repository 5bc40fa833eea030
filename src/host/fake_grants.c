/* Grants of the pretended MariaDB: on databases and patterns, tables, a column, routines. */
#include "fake_sql.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

void sql_grants_drop(struct sql *s, const char *user, const char *host)
{
    json_t *list = sql_part(s, "grants");
    size_t i;
    while (sql_find(list, &i, "user", user, "host", host, NULL, NULL))
        json_array_remove(list, i);
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

/* As db_grants.c puts it: sorted, ALL PRIVILEGES for all, GRANT OPTION last. */
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

/* What a grant is on. */
struct target {
    const char *database, *table, *column, *routine; /* NULL, but for the database: not so fine */
    bool wild;
};

/* A grant's database is a pattern: "a\_b" means a_b, and "a_b" that and a1b. */
static void pattern_read(struct sql *s, const char *pattern, struct target *ret)
{
    struct buf b = {0};
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && (p[1] == '_' || p[1] == '%'))
            p++;
        else if (*p == '_' || *p == '%')
            ret->wild = true;
        buf_addc(&b, *p);
    }
    ret->database = ret->wild ? pattern : arena_strdup(&s->arena, buf_str(&b));
    buf_free(&b);
}

/* [PROCEDURE|FUNCTION] {db|*}.{name|*} */
static bool target_read(struct sql *s, struct target *ret)
{
    if (sql_is(s, "PROCEDURE") || sql_is(s, "FUNCTION"))
        ret->routine = sql_take(s);
    const char *database = sql_take(s);
    if (!sql_accept(s, "."))
        return false;
    if (sql_accept(s, "*")) {
        ret->database = database;
        if (strcmp(database, "*") != 0)
            pattern_read(s, database, ret);
    } else {
        ret->database = database;
        ret->table = sql_take(s);
    }
    return true;
}

static bool same_text(json_t *v, const char *name, const char *text)
{
    return strcmp(fake_text(v, name, ""), text ? text : "") == 0;
}

static json_t *grant_find(json_t *list, size_t *index, const char *user, const char *host,
                          const struct target *t)
{
    json_t *v;
    for (*index = 0; (v = json_array_get(list, *index)); (*index)++) {
        if (same_text(v, "user", user) && strcmp(fake_text(v, "host", "localhost"), host) == 0 &&
            strcmp(fake_text(v, "database", "*"), t->database) == 0 && same_text(v, "table", t->table) &&
            same_text(v, "column", t->column) && same_text(v, "routine", t->routine) &&
            json_is_true(json_object_get(v, "wild")) == t->wild)
            return v;
    }
    return NULL;
}

static json_t *grant_make(const char *user, const char *host, const struct target *t, const char *privileges)
{
    json_t *v = json_pack("{s:s, s:s, s:s, s:s}", "user", user, "host", host, "database", t->database,
                          "privileges", privileges);
    if (t->wild)
        json_object_set_new(v, "wild", json_true());
    if (t->table)
        sql_set(v, "table", t->table);
    if (t->column)
        sql_set(v, "column", t->column);
    if (t->routine)
        sql_set(v, "routine", t->routine);
    return v;
}

/* {GRANT|REVOKE} p [(column)], ... ON target {TO|FROM} account; of one column at most. */
int sql_grant(struct sql *s, bool grant, struct error *err)
{
    struct target on = {0};
    struct buf words = {0};
    if (s->token == T_NAME)
        return sql_role_grant(s, grant, err);
    while (s->token != T_END && !sql_is(s, "ON") && !sql_is(s, "FROM")) {
        if (sql_accept(s, "(")) {
            on.column = sql_take(s);
            sql_accept(s, ")");
            continue;
        }
        bool comma = sql_is(s, ",");
        buf_addf(&words, "%s%s", words.len && !comma ? " " : "", buf_str(&s->text));
        sql_next(s);
    }
    unsigned bits = privileges_bits(buf_str(&words));
    buf_free(&words);
    const char *user, *host;
    if (sql_accept(s, "ON") && !target_read(s, &on))
        return sql_unknown(s, err);
    if (!sql_accept(s, grant ? "TO" : "FROM") || !bits)
        return sql_unknown(s, err);
    sql_account(s, &user, &host);
    if (grant && sql_accept(s, "WITH") && sql_accept(s, "GRANT") && sql_accept(s, "OPTION"))
        bits |= GRANT;
    if (s->token != T_END)
        return sql_unknown(s, err);
    if (s->dry)
        return 0;
    size_t i;
    if (!sql_find(sql_part(s, "users"), &i, "user", user, "host", host, NULL, NULL))
        return error_set(err, -ENOENT, "Can't find any matching row in the user table for '%s'@'%s'", user,
                         host);
    if (!on.database) {
        sql_grants_drop(s, user, host);
        return 0;
    }
    json_t *list = sql_part(s, "grants");
    json_t *v = grant_find(list, &i, user, host, &on);
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
        json_array_append_new(list, grant_make(user, host, &on, buf_str(&text)));
    buf_free(&text);
    return 0;
}
