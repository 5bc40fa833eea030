/* The connection to MariaDB over its socket, as root. libmariadb is loaded when the first connection is made:
 * at start it would cost more than looking at ten sites. Private to db*.c. */
#ifndef CITRUS_DB_CONN_H
#define CITRUS_DB_CONN_H
#include "host.h"
#include <mysql.h>

/* What is used of libmariadb. */
#define DB_FUNCTIONS(X)                                                                                      \
    X(mysql_init)                                                                                            \
    X(mysql_options)                                                                                         \
    X(mysql_real_connect)                                                                                    \
    X(mysql_close)                                                                                           \
    X(mysql_ping)                                                                                            \
    X(mysql_real_query)                                                                                      \
    X(mysql_store_result)                                                                                    \
    X(mysql_fetch_row)                                                                                       \
    X(mysql_fetch_lengths)                                                                                   \
    X(mysql_fetch_fields)                                                                                    \
    X(mysql_num_fields)                                                                                      \
    X(mysql_free_result)                                                                                     \
    X(mysql_error)                                                                                           \
    X(mysql_errno)                                                                                           \
    X(mysql_stmt_init)                                                                                       \
    X(mysql_stmt_prepare)                                                                                    \
    X(mysql_stmt_param_count)                                                                                \
    X(mysql_stmt_bind_param)                                                                                 \
    X(mysql_stmt_execute)                                                                                    \
    X(mysql_stmt_error)                                                                                      \
    X(mysql_stmt_errno)                                                                                      \
    X(mysql_stmt_close)

struct db_api {
#define X(f) __typeof__(&f) f;
    DB_FUNCTIONS(X)
#undef X
};

struct db_conn {
    const struct db_api *api;
    MYSQL *mysql;
};

const char *db_socket(const struct host *h);
/* The open connection, checked; borrowed from h->db. -ENOTCONN when no server answers. */
int db_connect(struct host *h, struct db_conn **ret, struct error *err);

/* The server's own words for its last error, without what may hold a value: for a statement that it could
 * not parse it repeats the statement, and a password may stand there. */
const char *db_reason(unsigned code, const char *message);

#endif
