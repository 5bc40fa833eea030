#include "db_conn.h"
#include "library.h"
#include "real.h"
#include <errmsg.h>
#include <errno.h>
#include <mysqld_error.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DB_LIBRARY "libmariadb.so.3"
#define DB_SOCKET  "/run/mysqld/mysqld.sock"

/* Others' locks are mostly gone in a minute or two (a backup's global lock). */
struct db_patience db_patience = {.connect = 10, .look = 60, .answer = 120, .drop = 600};

const char *db_socket(const struct host *h)
{
    return h->db_socket ? h->db_socket : DB_SOCKET;
}

static int api_load(const struct db_api **ret, struct error *err)
{
    static struct db_api api;
    static bool loaded;
    if (loaded) {
        *ret = &api;
        return 0;
    }
#define X(f) #f,
    static const char *const names[] = {DB_FUNCTIONS(X)};
#undef X
    int r = library_load(DB_LIBRARY, "libmariadb3", names, &api, sizeof names / sizeof *names, err);
    if (r < 0)
        return error_prefix(err, "MariaDB's client library");
    loaded = true;
    *ret = &api;
    return 0;
}

const char *db_reason(unsigned code, const char *message)
{
    return code == ER_PARSE_ERROR ? "the server does not understand the statement" : message;
}

int64_t db_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static const char how_is_mariadb[] = "look at `systemctl status mariadb` and `journalctl -u mariadb`";

int db_gone(const struct db_conn *c, unsigned code, const char *what, struct error *err)
{
    if (code != CR_SERVER_LOST && code != CR_SERVER_GONE_ERROR && code != CR_CONNECTION_ERROR)
        return 0;
    /* The library says the same of either. */
    if (db_now() - c->asked >= (int64_t)c->patience) {
        int r = error_set(err, -ETIMEDOUT, "%s: MariaDB gave no answer in %u seconds", what, c->patience);
        error_hint(err, "it hangs, or waits for somebody's lock: see `mariadb -e 'SHOW PROCESSLIST'` and "
                        "`journalctl -u mariadb`");
        return r;
    }
    int r = error_set(err, -ENOTCONN, "%s: MariaDB ended before it answered", what);
    error_hint(err, "%s", how_is_mariadb);
    return r;
}

unsigned db_ask(struct db_conn *c, const char *sql)
{
    c->asked = db_now();
    return c->api->mysql_real_query(c->mysql, sql, strlen(sql)) == 0 ? 0 : c->api->mysql_errno(c->mysql);
}

static int busy_error(const char *socket, const char *message, struct error *err)
{
    int r = error_set(err, -EBUSY, "MariaDB at %s has no connection left: %s", socket, message);
    error_hint(err, "see `mariadb -e 'SHOW PROCESSLIST'` for who has them, raise max_connections "
                    "(server.mariadb.settings), or try again when they are done");
    return r;
}

static int connect_error(const struct db_conn *c, const char *socket, struct error *err)
{
    const struct db_api *api = c->api;
    MYSQL *m = c->mysql;
    unsigned code = api->mysql_errno(m);
    if (code == CR_CONNECTION_ERROR) {
        int r = error_set(err, -ENOTCONN, "MariaDB does not answer at %s: %s", socket, api->mysql_error(m));
        error_hint(err, "%s", how_is_mariadb);
        return r;
    }
    if (code == ER_CON_COUNT_ERROR || code == ER_USER_LIMIT_REACHED || code == ER_TOO_MANY_USER_CONNECTIONS)
        return busy_error(socket, api->mysql_error(m), err);
    int gone = db_gone(c, code, socket, err);
    if (gone < 0)
        return gone;
    bool denied = code == ER_ACCESS_DENIED_ERROR || code == ER_ACCESS_DENIED_NO_PASSWORD_ERROR;
    int r = error_set(err, denied ? -EACCES : -EIO, "MariaDB at %s refuses root: %s", socket,
                      api->mysql_error(m));
    if (denied)
        error_hint(err,
                   "root must log in by unix_socket: ALTER USER root@localhost IDENTIFIED VIA unix_socket");
    return r;
}

/* Fills c->mysql. */
static int connection_open(struct db_conn *c, const char *socket, unsigned patience, struct error *err)
{
    const struct db_api *api = c->api;
    MYSQL *m = c->mysql = api->mysql_init(NULL);
    if (!m)
        return error_set(err, -ENOMEM, "MariaDB's client library has no memory");
    c->patience = db_patience.connect;
    c->asked = db_now();
    api->mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &db_patience.connect);
    api->mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &patience);
    api->mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &patience);
    api->mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* A known mode: db_quote() escapes for it, and a value that does not fit is an error. */
    api->mysql_options(m, MYSQL_INIT_COMMAND, "SET SESSION sql_mode = 'STRICT_ALL_TABLES'");
    if (!api->mysql_real_connect(m, "localhost", "root", NULL, NULL, 0, socket, 0)) {
        int r = connect_error(c, socket, err);
        api->mysql_close(m);
        return r;
    }
    c->patience = patience;
    return 0;
}

/* Nothing is to be read where nothing was asked: a server that went away said so, or its end shows. One that
 * hangs is not asked for it. */
static bool still_open(const struct db_conn *c)
{
    struct pollfd p = {.fd = c->api->mysql_get_socket(c->mysql), .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

int db_connect(struct host *h, unsigned patience, struct db_conn **ret, struct error *err)
{
    struct db_conn *c = h->db;
    /* The server may have been restarted since. */
    if (c && c->patience == patience && still_open(c)) {
        *ret = c;
        return 0;
    }
    real_db_close(h);
    struct db_conn new = {0};
    int r = api_load(&new.api, err);
    if (r == 0)
        r = connection_open(&new, db_socket(h), patience, err);
    if (r < 0)
        return r;
    c = xmalloc(sizeof *c);
    *c = new;
    h->db = c;
    *ret = c;
    return 0;
}

void real_db_close(struct host *h)
{
    struct db_conn *c = h->db;
    if (!c)
        return;
    c->api->mysql_close(c->mysql);
    free(c);
    h->db = NULL;
}
