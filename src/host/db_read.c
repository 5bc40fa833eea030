/* What is in MariaDB, one query a subject: databases, tables, users, grants on databases, global privileges.
 * Sources: MariaDB's manual, "mysql.global_priv Table" (its JSON) and "mysql.db Table" (its _priv columns).
 */
#include "db_conn.h"
#include "fs.h"
#include "real.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* What belongs to the server itself and is nobody's to manage. */
#define SYSTEM_DATABASES "'information_schema', 'mysql', 'performance_schema', 'sys'"
#define SYSTEM_USERS     "'root', 'mariadb.sys', 'mysql', 'debian-sys-maint', 'PUBLIC'"

struct rows {
    const struct db_api *api;
    MYSQL_RES *result;
    MYSQL_ROW row;
};

static int rows_query(struct db_conn *c, const char *sql, struct rows *ret, struct error *err)
{
    const struct db_api *api = c->api;
    *ret = (struct rows){.api = api};
    if (db_ask(c, sql) == 0)
        ret->result = api->mysql_store_result(c->mysql);
    if (ret->result)
        return 0;
    int r = db_gone(c, api->mysql_errno(c->mysql), "reading what is in MariaDB", err);
    return r < 0 ? r : error_set(err, -EIO, "reading MariaDB's state: %s", api->mysql_error(c->mysql));
}

static bool rows_next(struct rows *r)
{
    return (r->row = r->api->mysql_fetch_row(r->result)) != NULL;
}

static void rows_end(struct rows *r)
{
    if (r->result)
        r->api->mysql_free_result(r->result);
}

static const char *cell(const struct rows *r, size_t i, struct arena *a)
{
    return arena_strdup(a, r->row[i] ? r->row[i] : "");
}

static int database_compare(const void *a, const void *b)
{
    return strcmp(((const struct db_database *)a)->name, ((const struct db_database *)b)->name);
}

static int databases_read(struct db_conn *c, struct db_snapshot *s, struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
                       " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN (" SYSTEM_DATABASES ")",
                       &rows, err);
    if (r < 0)
        return r;
    VEC(struct db_database) list = {0};
    while (rows_next(&rows)) {
        struct db_database d = {
            .name = cell(&rows, 0, a), .charset = cell(&rows, 1, a), .collation = cell(&rows, 2, a)};
        vec_push(a, &list, d);
    }
    rows_end(&rows);
    if (list.n)
        qsort(list.at, list.n, sizeof *list.at, database_compare);
    s->databases = list.at;
    s->n_databases = list.n;
    return 0;
}

/* Only names are asked for: then the server opens no table (manual, "Information Schema Optimization"). */
static int tables_read(struct db_conn *c, struct db_snapshot *s, struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"
                       " WHERE TABLE_SCHEMA NOT IN (" SYSTEM_DATABASES ")",
                       &rows, err);
    if (r < 0)
        return r;
    VEC(struct db_table) options = {0};
    struct db_database *last = NULL;
    while (rows_next(&rows)) {
        const char *schema = rows.row[0] ? rows.row[0] : "", *name = rows.row[1] ? rows.row[1] : "";
        struct db_database key = {.name = schema};
        if ((!last || strcmp(last->name, schema) != 0) && s->n_databases)
            last = bsearch(&key, s->databases, s->n_databases, sizeof key, database_compare);
        if (last)
            last->tables++;
        if (ends_with(name, "options")) {
            struct db_table t = {.database = arena_strdup(a, schema), .name = arena_strdup(a, name)};
            vec_push(a, &options, t);
        }
    }
    rows_end(&rows);
    s->options_tables = options.at;
    s->n_options_tables = options.n;
    return 0;
}

/* A way to prove oneself, as a db_user's password_hash. */
static const char *method_text(const char *plugin, const char *auth, struct arena *a)
{
    if (!*plugin || strcmp(plugin, "mysql_native_password") == 0)
        return arena_strdup(a, auth);
    if (strcmp(plugin, "unix_socket") == 0)
        return "";
    /* no hash that a native one could equal */
    return arena_printf(a, "%s:%s", plugin, auth);
}

static const char *member(json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

/* Where there are several ways, "auth_or" has them in order, and {} for the one that stands outside. */
static void methods_read(const char *auth_or, const char *outside, struct db_user *u, struct arena *a)
{
    VEC(const char *) list = {0};
    json_t *root = auth_or ? json_loads(auth_or, 0, NULL) : NULL, *one;
    size_t i;
    json_array_foreach(root, i, one)
    {
        bool itself = json_object_size(one) == 0;
        vec_push(a, &list,
                 itself ? outside
                        : method_text(member(one, "plugin"), member(one, "authentication_string"), a));
    }
    json_decref(root);
    if (list.n == 0)
        vec_push(a, &list, outside);
    u->password_hash = list.at[0];
    u->others = list.at + 1;
    u->n_others = list.n - 1;
}

static int users_read(struct db_conn *c, struct db_snapshot *s, struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       "SELECT User, Host, JSON_VALUE(Priv, '$.plugin'),"
                       " JSON_VALUE(Priv, '$.authentication_string'), JSON_QUERY(Priv, '$.auth_or')"
                       " FROM mysql.global_priv"
                       " WHERE User NOT IN (" SYSTEM_USERS ")"
                       " AND COALESCE(JSON_VALUE(Priv, '$.is_role'), '0') NOT IN ('1', 'true')",
                       &rows, err);
    if (r < 0)
        return r;
    VEC(struct db_user) list = {0};
    while (rows_next(&rows)) {
        const char *plugin = rows.row[2] ? rows.row[2] : "", *auth = rows.row[3] ? rows.row[3] : "";
        struct db_user u = {.user = cell(&rows, 0, a), .host = cell(&rows, 1, a)};
        methods_read(rows.row[4], method_text(plugin, auth, a), &u, a);
        vec_push(a, &list, u);
    }
    rows_end(&rows);
    s->users = list.at;
    s->n_users = list.n;
    return 0;
}

/* "Create_tmp_table_priv" is called CREATE TEMPORARY TABLES; all others are their columns' names. */
static const char *privilege_name(const char *column, struct arena *a)
{
    if (strcasecmp(column, "Create_tmp_table_priv") == 0)
        return "CREATE TEMPORARY TABLES";
    char *name = arena_strndup(a, column, strlen(column) - strlen("_priv"));
    for (char *p = name; *p; p++)
        *p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
    return name;
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *words_join(const char **words, size_t n, struct arena *a)
{
    struct buf b = {0};
    if (n)
        qsort(words, n, sizeof *words, text_compare);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i ? ", " : "", words[i]);
    const char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

/* A grant's database is a pattern in which "\_" means "_". */
static const char *pattern_name(const char *pattern, struct arena *a)
{
    char *name = arena_strdup(a, pattern), *to = name;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && (p[1] == '_' || p[1] == '%' || p[1] == '\\'))
            p++;
        *to++ = *p;
    }
    *to = '\0';
    return name;
}

/* The current row of mysql.db as privileges; ALL is all that this version's table has but GRANT
 * OPTION, which stands last where it is held. */
static const char *row_privileges(const struct rows *rows, struct arena *a)
{
    const MYSQL_FIELD *fields = rows->api->mysql_fetch_fields(rows->result);
    size_t n = rows->api->mysql_num_fields(rows->result), held = 0, known = 0;
    const char **words = arena_array(a, const char *, n + 1);
    bool grant = false;
    for (size_t i = 0; i < n; i++) {
        if (!ends_with(fields[i].name, "_priv"))
            continue;
        bool yes = rows->row[i] && (*rows->row[i] == 'Y' || *rows->row[i] == 'y');
        if (strcasecmp(fields[i].name, "Grant_priv") == 0) {
            grant = yes;
            continue;
        }
        known++;
        if (yes)
            words[held++] = privilege_name(fields[i].name, a);
    }
    if (held == known)
        return grant ? "ALL PRIVILEGES, GRANT OPTION" : "ALL PRIVILEGES";
    const char *list = words_join(words, held, a);
    if (!grant)
        return list;
    return held ? arena_printf(a, "%s, GRANT OPTION", list) : "GRANT OPTION";
}

static int column_find(const struct rows *rows, const char *name)
{
    const MYSQL_FIELD *fields = rows->api->mysql_fetch_fields(rows->result);
    unsigned n = rows->api->mysql_num_fields(rows->result);
    for (unsigned i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

struct grants {
    VEC(struct db_grant) list;
};

static int database_grants_read(struct db_conn *c, struct grants *g, struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c, "SELECT * FROM mysql.db WHERE User NOT IN (" SYSTEM_USERS ")", &rows, err);
    if (r < 0)
        return r;
    int user = column_find(&rows, "User"), host = column_find(&rows, "Host"), db = column_find(&rows, "Db");
    if (user < 0 || host < 0 || db < 0) {
        rows_end(&rows);
        return error_set(err, -EPROTO, "MariaDB's table mysql.db has no column User, Host or Db");
    }
    while (rows_next(&rows)) {
        struct db_grant one = {.user = cell(&rows, (size_t)user, a),
                               .host = cell(&rows, (size_t)host, a),
                               .database = pattern_name(cell(&rows, (size_t)db, a), a),
                               .privileges = row_privileges(&rows, a)};
        vec_push(a, &g->list, one);
    }
    rows_end(&rows);
    return 0;
}

/* Privileges on *.*, one row each in the server's answer, as one grant a user with database "*". */
static int global_grants_read(struct db_conn *c, struct grants *g, struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       "SELECT u.User, u.Host, GROUP_CONCAT(p.PRIVILEGE_TYPE ORDER BY p.PRIVILEGE_TYPE"
                       " SEPARATOR ', '), MAX(p.IS_GRANTABLE) FROM mysql.global_priv u JOIN "
                       "information_schema.USER_PRIVILEGES p"
                       " ON p.GRANTEE = CONCAT('''', u.User, '''@''', u.Host, '''')"
                       " WHERE u.User NOT IN (" SYSTEM_USERS ") AND p.PRIVILEGE_TYPE <> 'USAGE'"
                       " GROUP BY u.User, u.Host",
                       &rows, err);
    if (r < 0)
        return r;
    while (rows_next(&rows)) {
        struct db_grant one = {.user = cell(&rows, 0, a),
                               .host = cell(&rows, 1, a),
                               .database = "*",
                               .privileges = cell(&rows, 2, a)};
        if (rows.row[3] && strcmp(rows.row[3], "YES") == 0)
            one.privileges = arena_printf(a, "%s, GRANT OPTION", one.privileges);
        vec_push(a, &g->list, one);
    }
    rows_end(&rows);
    return 0;
}

int real_db_read(struct host *h, struct db_snapshot *ret, struct arena *a, struct error *err)
{
    struct db_snapshot s = {0};
    struct stat st;
    /* No socket, no server: then not even the library is loaded. */
    if (!h->db && stat(db_socket(h), &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *ret = s;
        return 0;
    }
    struct db_conn *c;
    int r = db_connect(h, db_patience.look, &c, err);
    if (r == -ENOTCONN) {
        error_clear(err);
        *ret = s;
        return 0;
    }
    struct grants g = {0};
    if (r < 0 || (r = databases_read(c, &s, a, err)) < 0 || (r = tables_read(c, &s, a, err)) < 0 ||
        (r = users_read(c, &s, a, err)) < 0 || (r = database_grants_read(c, &g, a, err)) < 0 ||
        (r = global_grants_read(c, &g, a, err)) < 0)
        return r;
    s.grants = g.list.at;
    s.n_grants = g.list.n;
    s.running = true;
    *ret = s;
    return 0;
}
