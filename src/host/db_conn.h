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
    X(mysql_get_socket)                                                                                      \
    X(mysql_thread_id)                                                                                       \
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
    unsigned patience; /* seconds that it waits for an answer */
    int64_t asked;     /* when it was asked last, in seconds of the monotonic clock */
};

/* How many seconds a server may take; tests have less time. */
struct db_patience {
    unsigned connect;
    unsigned look;   /* SELECTs of names */
    unsigned answer; /* a statement */
    unsigned drop;   /* DROP DATABASE of many tables on a slow disk */
};
extern struct db_patience db_patience;

const char *db_socket(const struct host *h);
/* The open connection, checked; borrowed from h->db, for what may take so many seconds. -ENOTCONN when no
 * server answers, -EBUSY when it has no connection left, -ETIMEDOUT when it hangs. */
int db_connect(struct host *h, unsigned patience, struct db_conn **ret, struct error *err);
int64_t db_now(void); /* for c->asked */
/* A query; 0, or the server's error code. */
unsigned db_ask(struct db_conn *c, const char *sql);
/* The error of what was asked last, when the server went away (-ENOTCONN) or did not answer in time
 * (-ETIMEDOUT): says so and what to do. 0: it is another one. */
int db_gone(const struct db_conn *c, unsigned code, const char *what, struct error *err);

/* The server's own words for its last error, without what may hold a value: for a statement that it could
 * not parse it repeats the statement, and a password may stand there. */
const char *db_reason(unsigned code, const char *message);

#endif
