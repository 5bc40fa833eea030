/* Rows of one query, and what reads grants. Private to db_read.c and db_grants.c. */
#ifndef CITRUS_DB_ROWS_H
#define CITRUS_DB_ROWS_H
#include "db_conn.h"

/* What belongs to the server itself and is nobody's to manage. */
#define SYSTEM_USERS "'root', 'mariadb.sys', 'mysql', 'debian-sys-maint', 'PUBLIC'"

struct rows {
    const struct db_api *api;
    MYSQL_RES *result;
    MYSQL_ROW row;
};
int rows_query(struct db_conn *c, const char *sql, struct rows *ret, struct error *err);
bool rows_next(struct rows *r);
void rows_end(struct rows *r);
const char *rows_cell(const struct rows *r, size_t i, struct arena *a); /* "" for NULL */

/* " AND User = '...' AND Host = '...'" for the scope's user, with `table` ("u.") in front of the columns; ""
 * for all. */
const char *scope_user(const struct db_scope *scope, const char *table, struct arena *a);

/* Fills the snapshot's grants. `global`: some user has privileges on *.*, too. */
int grants_read(struct db_conn *c, const struct db_scope *scope, bool global, struct db_snapshot *s,
                struct arena *a, struct error *err);

#endif
