#include "libcrypto.h"
/* Statements, and what is quoted in them. */
#include "db_conn.h"
#include "real.h"
#include <errno.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *db_identifier(struct arena *a, const char *name)
{
    char *text = arena_alloc(a, 2 * strlen(name) + 3), *p = text;
    *p++ = '`';
    for (; *name; name++) {
        if (*name == '`')
            *p++ = '`';
        *p++ = *name;
    }
    *p++ = '`';
    *p = '\0';
    return text;
}

/* A quote doubled means itself in every mode; a backslash is doubled because this connection's mode is
 * without NO_BACKSLASH_ESCAPES (db_conn.c). */
char *db_quote(struct arena *a, const char *text)
{
    char *quoted = arena_alloc(a, 2 * strlen(text) + 3), *p = quoted;
    *p++ = '\'';
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            *p++ = *text;
        *p++ = *text;
    }
    *p++ = '\'';
    *p = '\0';
    return quoted;
}

/* SHA1(SHA1(password)): MariaDB's manual, "Authentication Plugin - mysql_native_password". The empty password
 * has the empty hash. */
void db_password_hash(const char *password, char out[42])
{
    unsigned char once[20], twice[20];
    out[0] = '\0';
    if (!*password)
        return;
    SHA1((const unsigned char *)password, strlen(password), once);
    SHA1(once, sizeof once, twice);
    explicit_bzero(once, sizeof once);
    out[0] = '*';
    for (size_t i = 0; i < sizeof twice; i++)
        snprintf(out + 1 + 2 * i, 3, "%02X", twice[i]);
}

/* How a statement is named in an error: up to the first place where a value can stand. */
static int title_len(const char *sql)
{
    size_t len = strcspn(sql, "'?\"\n");
    return (int)(len > 120 ? 120 : len);
}

static int statement_error(const struct db_conn *c, const char *sql, unsigned code, const char *message,
                           struct error *err)
{
    char what[160];
    snprintf(what, sizeof what, "MariaDB: %.*s", title_len(sql), sql);
    int r = db_gone(c, code, what, err);
    if (r < 0)
        return r;
    r = code == ER_DB_CREATE_EXISTS ? -EEXIST : code == ER_BAD_DB_ERROR ? -ENOENT : -EIO;
    return error_set(err, r, "MariaDB: %.*s: %s (%u)", title_len(sql), sql, db_reason(code, message), code);
}

static int plain_execute(struct db_conn *c, const char *sql, struct error *err)
{
    const struct db_api *api = c->api;
    unsigned code = db_ask(c, sql);
    if (code != 0)
        return statement_error(c, sql, code, api->mysql_error(c->mysql), err);
    MYSQL_RES *rows = api->mysql_store_result(c->mysql);
    if (rows)
        api->mysql_free_result(rows);
    return 0;
}

static int bound_execute(struct db_conn *c, const char *sql, const char *const *values, size_t n,
                         struct error *err)
{
    const struct db_api *api = c->api;
    MYSQL_STMT *s = api->mysql_stmt_init(c->mysql);
    if (!s)
        return error_set(err, -ENOMEM, "MariaDB's client library has no memory");
    MYSQL_BIND *bind = xmalloc(n * sizeof *bind);
    memset(bind, 0, n * sizeof *bind);
    for (size_t i = 0; i < n; i++) {
        bind[i].buffer_type = values[i] ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        bind[i].buffer = (void *)(uintptr_t)values[i];
        bind[i].buffer_length = values[i] ? strlen(values[i]) : 0;
    }
    int r = 0;
    c->asked = db_now();
    if (api->mysql_stmt_prepare(s, sql, strlen(sql)) != 0)
        r = statement_error(c, sql, api->mysql_stmt_errno(s), api->mysql_stmt_error(s), err);
    else if (api->mysql_stmt_param_count(s) != n)
        r = error_set(err, -EINVAL, "MariaDB: %.*s: %lu values are wanted and %zu were given", title_len(sql),
                      sql, api->mysql_stmt_param_count(s), n);
    else if (api->mysql_stmt_bind_param(s, bind) != 0 || api->mysql_stmt_execute(s) != 0)
        r = statement_error(c, sql, api->mysql_stmt_errno(s), api->mysql_stmt_error(s), err);
    api->mysql_stmt_close(s);
    free(bind);
    return r;
}

/* A statement that got no answer would still be done when the lock that it waits for is gone, long after this
 * run has taken everything back. A server that hangs is not reached; what it does then, recover sees. */
static void call_off(struct host *h, unsigned long thread)
{
    struct db_conn *c;
    char kill[64], look[128];
    snprintf(kill, sizeof kill, "KILL CONNECTION %lu", thread);
    snprintf(look, sizeof look, "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %lu", thread);
    if (db_connect(h, db_patience.connect, &c, NULL) < 0 || db_ask(c, kill) != 0)
        return;
    /* It has ended when it is no longer listed: until then the lock may still come to it. */
    int64_t begun = db_now();
    for (bool there = true; there && db_now() - begun < (int64_t)db_patience.connect;) {
        MYSQL_RES *rows = db_ask(c, look) == 0 ? c->api->mysql_store_result(c->mysql) : NULL;
        there = rows && c->api->mysql_fetch_row(rows);
        if (rows)
            c->api->mysql_free_result(rows);
        if (there)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

int real_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err)
{
    struct db_conn *c;
    unsigned long thread;
    bool drops = strncmp(sql, "DROP DATABASE", strlen("DROP DATABASE")) == 0;
    int r = db_connect(h, drops ? db_patience.drop : db_patience.answer, &c, err);
    if (r < 0)
        return r;
    thread = c->api->mysql_thread_id(c->mysql); /* a connection that was given up has none */
    r = n ? bound_execute(c, sql, values, n, err) : plain_execute(c, sql, err);
    if (r == -ETIMEDOUT)
        call_off(h, thread);
    return r;
}
