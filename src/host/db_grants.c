/* Who may do what in MariaDB: on databases, on tables, columns and routines, on everything. Sources:
 * MariaDB's manual, "mysql.db Table" (its _priv columns), "mysql.tables_priv Table", "mysql.columns_priv
 * Table", "mysql.procs_priv Table" (their sets). */
#include "db_rows.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* A grant's database is a pattern in which "\\_" means "_". One that matches a single name stands for that
 * name; any other stays as it is, and *ret_wild is set. */
static const char *pattern_name(const char *pattern, bool *ret_wild, struct arena *a)
{
    char *name = arena_strdup(a, pattern), *to = name;
    *ret_wild = false;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && (p[1] == '_' || p[1] == '%' || p[1] == '\\'))
            p++;
        else if (*p == '_' || *p == '%')
            *ret_wild = true;
        *to++ = *p;
    }
    *to = '\0';
    return *ret_wild ? arena_strdup(a, pattern) : name;
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

static int database_grants_read(struct db_conn *c, const struct db_scope *scope, struct grants *g,
                                struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(c,
                       arena_printf(a, "SELECT * FROM mysql.db WHERE User NOT IN (" SYSTEM_USERS ")%s",
                                    scope_user(scope, "", a)),
                       &rows, err);
    if (r < 0)
        return r;
    int user = column_find(&rows, "User"), host = column_find(&rows, "Host"), db = column_find(&rows, "Db");
    if (user < 0 || host < 0 || db < 0) {
        rows_end(&rows);
        return error_set(err, -EPROTO, "MariaDB's table mysql.db has no column User, Host or Db");
    }
    while (rows_next(&rows)) {
        struct db_grant one = {.user = rows_cell(&rows, (size_t)user, a),
                               .host = rows_cell(&rows, (size_t)host, a),
                               .privileges = row_privileges(&rows, a)};
        one.database = pattern_name(rows_cell(&rows, (size_t)db, a), &one.wild, a);
        vec_push(a, &g->list, one);
    }
    rows_end(&rows);
    return 0;
}

/* Privileges on *.*, one row each in the server's answer, as one grant a user with database "*". */
static int global_grants_read(struct db_conn *c, const struct db_scope *scope, struct grants *g,
                              struct arena *a, struct error *err)
{
    struct rows rows;
    int r = rows_query(
        c,
        arena_printf(a,
                     "SELECT u.User, u.Host, GROUP_CONCAT(p.PRIVILEGE_TYPE ORDER BY"
                     " p.PRIVILEGE_TYPE SEPARATOR ', '), MAX(p.IS_GRANTABLE) FROM mysql.global_priv u"
                     " JOIN information_schema.USER_PRIVILEGES p"
                     " ON p.GRANTEE = CONCAT('''', u.User, '''@''', u.Host, '''')"
                     " WHERE u.User NOT IN (" SYSTEM_USERS ") AND p.PRIVILEGE_TYPE <> 'USAGE'%s"
                     " GROUP BY u.User, u.Host",
                     scope_user(scope, "u.", a)),
        &rows, err);
    if (r < 0)
        return r;
    while (rows_next(&rows)) {
        struct db_grant one = {.user = rows_cell(&rows, 0, a),
                               .host = rows_cell(&rows, 1, a),
                               .database = "*",
                               .privileges = rows_cell(&rows, 2, a)};
        if (rows.row[3] && strcmp(rows.row[3], "YES") == 0)
            one.privileges = arena_printf(a, "%s, GRANT OPTION", one.privileges);
        vec_push(a, &g->list, one);
    }
    rows_end(&rows);
    return 0;
}

/* A set of a finer grant's table, "Select,Create View,Grant", as privileges. */
static const char *set_privileges(const char *set, struct arena *a)
{
    const char **words = arena_array(a, const char *, strlen(set) + 1);
    size_t n = 0;
    bool grant = false;
    while (*set) {
        size_t len = strcspn(set, ",");
        char *word = arena_strndup(a, set, len);
        for (char *p = word; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        if (strcmp(word, "GRANT") == 0)
            grant = true;
        else
            words[n++] = strcmp(word, "DELETE VERSIONING ROWS") == 0 ? "DELETE HISTORY" : word;
        set += len + (set[len] == ',');
    }
    const char *list = words_join(words, n, a);
    return grant ? arena_printf(a, "%s%sGRANT OPTION", list, n ? ", " : "") : list;
}

/* In these tables a database's name is no pattern. */
static int fine_grants_read(struct db_conn *c, const struct db_scope *scope, struct grants *g,
                            struct arena *a, struct error *err)
{
    const char *who = arena_printf(a, "User NOT IN (" SYSTEM_USERS ")%s", scope_user(scope, "", a));
    struct rows rows;
    int r = rows_query(
        c,
        arena_printf(a,
                     "SELECT User, Host, Db, Table_name, NULL, NULL, Table_priv"
                     " FROM mysql.tables_priv WHERE %s AND Table_priv <> ''"
                     " UNION ALL SELECT User, Host, Db, Table_name, Column_name, NULL, Column_priv"
                     " FROM mysql.columns_priv WHERE %s"
                     " UNION ALL SELECT User, Host, Db, Routine_name, NULL, Routine_type, Proc_priv"
                     " FROM mysql.procs_priv WHERE %s",
                     who, who, who),
        &rows, err);
    if (r < 0)
        return r;
    while (rows_next(&rows)) {
        struct db_grant one = {.user = rows_cell(&rows, 0, a),
                               .host = rows_cell(&rows, 1, a),
                               .database = rows_cell(&rows, 2, a),
                               .table = rows_cell(&rows, 3, a),
                               .column = arena_strdup(a, rows.row[4]),
                               .routine = arena_strdup(a, rows.row[5]),
                               .privileges = set_privileges(rows.row[6] ? rows.row[6] : "", a)};
        vec_push(a, &g->list, one);
    }
    rows_end(&rows);
    return 0;
}

int grants_read(struct db_conn *c, const struct db_scope *scope, bool global, struct db_snapshot *s,
                struct arena *a, struct error *err)
{
    struct grants g = {0};
    int r = database_grants_read(c, scope, &g, a, err);
    if (r == 0)
        r = fine_grants_read(c, scope, &g, a, err);
    if (r == 0 && global)
        r = global_grants_read(c, scope, &g, a, err);
    s->grants = g.list.at;
    s->n_grants = g.list.n;
    return r;
}
