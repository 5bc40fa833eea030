#include "db_conn.h"
#include "real.h"
#include <dlfcn.h>
#include <errmsg.h>
#include <errno.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

#define DB_LIBRARY         "libmariadb.so.3"
#define DB_SOCKET          "/run/mysqld/mysqld.sock"
#define DB_CONNECT_SECONDS 10
/* A DROP DATABASE of many tables on a slow disk is not done in a minute. */
#define DB_ANSWER_SECONDS 600

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
    void *library = dlopen(DB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        int r = error_set(err, -ELIBACC, "MariaDB's client library cannot be loaded: %s", dlerror());
        error_hint(err, "install it: apt-get install libmariadb3");
        return r;
    }
#define X(f)                                                                                                 \
    api.f = (__typeof__(api.f))dlsym(library, #f);                                                           \
    if (!api.f) {                                                                                            \
        dlclose(library);                                                                                    \
        return error_set(err, -ELIBBAD, "%s has no function %s", DB_LIBRARY, #f);                            \
    }
    DB_FUNCTIONS(X)
#undef X
    loaded = true;
    *ret = &api;
    return 0;
}

const char *db_reason(unsigned code, const char *message)
{
    return code == ER_PARSE_ERROR ? "the server does not understand the statement" : message;
}

static int connect_error(const struct db_api *api, MYSQL *m, const char *socket, struct error *err)
{
    unsigned code = api->mysql_errno(m);
    if (code == CR_CONNECTION_ERROR) {
        int r = error_set(err, -ENOTCONN, "MariaDB does not answer at %s: %s", socket, api->mysql_error(m));
        error_hint(err, "look at `systemctl status mariadb` and `journalctl -u mariadb`");
        return r;
    }
    bool denied = code == ER_ACCESS_DENIED_ERROR || code == ER_ACCESS_DENIED_NO_PASSWORD_ERROR;
    int r = error_set(err, denied ? -EACCES : -EIO, "MariaDB at %s refuses root: %s", socket,
                      api->mysql_error(m));
    if (denied)
        error_hint(err,
                   "root must log in by unix_socket: ALTER USER root@localhost IDENTIFIED VIA unix_socket");
    return r;
}

static int connection_open(const struct db_api *api, const char *socket, MYSQL **ret, struct error *err)
{
    MYSQL *m = api->mysql_init(NULL);
    if (!m)
        return error_set(err, -ENOMEM, "MariaDB's client library has no memory");
    unsigned wait = DB_CONNECT_SECONDS, answer = DB_ANSWER_SECONDS;
    api->mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &wait);
    api->mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &answer);
    api->mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &answer);
    api->mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* A known mode: db_quote() escapes for it, and a value that does not fit is an error. */
    api->mysql_options(m, MYSQL_INIT_COMMAND, "SET SESSION sql_mode = 'STRICT_ALL_TABLES'");
    if (!api->mysql_real_connect(m, "localhost", "root", NULL, NULL, 0, socket, 0)) {
        int r = connect_error(api, m, socket, err);
        api->mysql_close(m);
        return r;
    }
    *ret = m;
    return 0;
}

int db_connect(struct host *h, struct db_conn **ret, struct error *err)
{
    struct db_conn *c = h->db;
    /* The server may have been restarted since. */
    if (c && c->api->mysql_ping(c->mysql) == 0) {
        *ret = c;
        return 0;
    }
    real_db_close(h);
    const struct db_api *api;
    MYSQL *m = NULL;
    int r = api_load(&api, err);
    if (r == 0)
        r = connection_open(api, db_socket(h), &m, err);
    if (r < 0)
        return r;
    c = xmalloc(sizeof *c);
    *c = (struct db_conn){.api = api, .mysql = m};
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
