/* What is in MariaDB, one query a subject: databases, tables, users; grants are db_grants.c's. Source:
 * MariaDB's manual, "mysql.global_priv Table" (its JSON). */
#include "db_rows.h"
#include "fs.h"
#include "real.h"
#include "text.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_DATABASES "'information_schema', 'mysql', 'performance_schema', 'sys'"

int rows_query(struct db_conn *c, const char *sql, struct rows *ret, struct error *err)
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

bool rows_next(struct rows *r)
{
    return (r->row = r->api->mysql_fetch_row(r->result)) != NULL;
}

void rows_end(struct rows *r)
{
    if (r->result)
        r->api->mysql_free_result(r->result);
}

const char *rows_cell(const struct rows *r, size_t i, struct arena *a)
{
    return arena_strdup(a, r->row[i] ? r->row[i] : "");
}

const char *scope_user(const struct db_scope *scope, const char *table, struct arena *a)
{
    if (!scope->user)
        return "";
    return arena_printf(a, " AND %sUser = %s AND %sHost = %s", table, db_quote(a, scope->user), table,
                        db_quote(a, scope->host));
}

/* " AND column = 'name'" for the scope's database; "" for all. */
static const char *scope_database(const struct db_scope *scope, const char *column, struct arena *a)
{
    return scope->database ? arena_printf(a, " AND %s = %s", column, db_quote(a, scope->database)) : "";
}

static int database_compare(const void *a, const void *b)
{
    return strcmp(((const struct db_database *)a)->name, ((const struct db_database *)b)->name);
}

static int databases_read(struct db_conn *c, const struct db_scope *scope, struct db_snapshot *s,
                          struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       arena_printf(a,
                                    "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
                                    " FROM information_schema.SCHEMATA"
                                    " WHERE SCHEMA_NAME NOT IN (" SYSTEM_DATABASES ")%s",
                                    scope_database(scope, "SCHEMA_NAME", a)),
                       &rows, err);
    if (r < 0)
        return r;
    VEC(struct db_database) list = {0};
    while (rows_next(&rows)) {
        struct db_database d = {.name = rows_cell(&rows, 0, a),
                                .charset = rows_cell(&rows, 1, a),
                                .collation = rows_cell(&rows, 2, a)};
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
static int tables_read(struct db_conn *c, const struct db_scope *scope, struct db_snapshot *s,
                       struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       arena_printf(a,
                                    "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"
                                    " WHERE TABLE_SCHEMA NOT IN (" SYSTEM_DATABASES ")%s",
                                    scope_database(scope, "TABLE_SCHEMA", a)),
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

/* A view has no length. */
static int sizes_read(struct db_conn *c, const struct db_scope *scope, struct db_snapshot *s, struct arena *a,
                      struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       arena_printf(a,
                                    "SELECT TABLE_SCHEMA, SUM(DATA_LENGTH) FROM information_schema.TABLES"
                                    " WHERE TABLE_SCHEMA NOT IN (" SYSTEM_DATABASES ") AND DATA_LENGTH > 0%s"
                                    " GROUP BY TABLE_SCHEMA",
                                    scope_database(scope, "TABLE_SCHEMA", a)),
                       &rows, err);
    if (r < 0)
        return r;
    while (rows_next(&rows)) {
        const struct db_database key = {.name = rows.row[0]};
        struct db_database *d =
            s->n_databases ? bsearch(&key, s->databases, s->n_databases, sizeof key, database_compare) : NULL;
        if (d)
            d->bytes = strtoll(rows.row[1], NULL, 10);
    }
    rows_end(&rows);
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

static int role_compare(const void *a, const void *b)
{
    return strcmp(((const struct db_role *)a)->name, ((const struct db_role *)b)->name);
}

/* {"role": "Y or N"}: whether with the admin option; NULL: none. */
static void roles_read(const char *text, struct db_user *u, struct arena *a)
{
    VEC(struct db_role) list = {0};
    json_t *root = text ? json_loads(text, 0, NULL) : NULL, *one;
    const char *name;
    json_object_foreach(root, name, one)
    {
        const char *admin = json_string_value(one);
        struct db_role role = {.name = arena_strdup(a, name), .admin = admin && *admin == 'Y'};
        vec_push(a, &list, role);
    }
    json_decref(root);
    if (list.n)
        qsort(list.at, list.n, sizeof *list.at, role_compare);
    u->roles = list.at;
    u->n_roles = list.n;
}

/* The columns behind "access". The numbers are the server's enum SSL_type (sql/structs.h). */
static void account_read(const struct rows *rows, struct db_user *u, struct arena *a)
{
    static const char *const demands[] = {"", "SSL", "X509", "SPECIFIED"};
    const char *locked = rows_cell(rows, 6, a), *tls = rows_cell(rows, 7, a);
    u->locked = strcmp(locked, "1") == 0 || strcmp(locked, "true") == 0;
    u->tls = *tls >= '1' && *tls <= '3' ? demands[*tls - '0'] : "";
    u->tls_issuer = rows_cell(rows, 8, a);
    u->tls_subject = rows_cell(rows, 9, a);
    u->tls_cipher = rows_cell(rows, 10, a);
    u->default_role = rows_cell(rows, 11, a);
    roles_read(rows->row[12], u, a);
}

/* *ret_global: some user has privileges on *.*, which "access" counts (no such member: perhaps). */
static int users_read(struct db_conn *c, const struct db_scope *scope, struct db_snapshot *s,
                      bool *ret_global, struct arena *a, struct error *err)
{
    struct rows rows;
    int r =
        rows_query(c,
                   arena_printf(a,
                                "SELECT User, Host, JSON_VALUE(Priv, '$.plugin'),"
                                " JSON_VALUE(Priv, '$.authentication_string'), JSON_QUERY(Priv, '$.auth_or'),"
                                " JSON_VALUE(Priv, '$.access'), JSON_VALUE(Priv, '$.account_locked'),"
                                " JSON_VALUE(Priv, '$.ssl_type'), JSON_VALUE(Priv, '$.x509_issuer'),"
                                " JSON_VALUE(Priv, '$.x509_subject'), JSON_VALUE(Priv, '$.ssl_cipher'),"
                                " JSON_VALUE(Priv, '$.default_role'),"
                                " (SELECT JSON_OBJECTAGG(m.Role, m.Admin_option) FROM mysql.roles_mapping m"
                                " WHERE m.User = p.User AND m.Host = p.Host) FROM mysql.global_priv p"
                                " WHERE User NOT IN (" SYSTEM_USERS ")"
                                " AND COALESCE(JSON_VALUE(Priv, '$.is_role'), '0') NOT IN ('1', 'true')%s",
                                scope_user(scope, "", a)),
                   &rows, err);
    if (r < 0)
        return r;
    VEC(struct db_user) list = {0};
    while (rows_next(&rows)) {
        const char *plugin = rows.row[2] ? rows.row[2] : "", *auth = rows.row[3] ? rows.row[3] : "";
        struct db_user u = {.user = rows_cell(&rows, 0, a), .host = rows_cell(&rows, 1, a)};
        methods_read(rows.row[4], method_text(plugin, auth, a), &u, a);
        account_read(&rows, &u, a);
        *ret_global = *ret_global || !rows.row[5] || strcmp(rows.row[5], "0") != 0;
        vec_push(a, &list, u);
    }
    rows_end(&rows);
    s->users = list.at;
    s->n_users = list.n;
    return 0;
}

int real_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err)
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
    bool global = false;
    if (r == 0 && (scope->parts & DB_DATABASES))
        r = databases_read(c, scope, &s, a, err);
    if (r == 0 && (scope->parts & DB_TABLES))
        r = tables_read(c, scope, &s, a, err);
    if (r == 0 && (scope->parts & DB_SIZES))
        r = sizes_read(c, scope, &s, a, err);
    if (r == 0 && (scope->parts & DB_USERS))
        r = users_read(c, scope, &s, &global, a, err);
    if (r == 0 && (scope->parts & DB_USERS))
        r = grants_read(c, scope, global, &s, a, err);
    if (r < 0)
        return r;
    s.running = true;
    *ret = s;
    return 0;
}
