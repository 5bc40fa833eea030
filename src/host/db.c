#include "libcrypto.h"
/* Statements, and databases to and from files. */
#include "db_conn.h"
#include "fs.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DUMP_SECONDS 7200 /* a shop's database of some ten GB */

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

/* --- files ------------------------------------------------------------------------------------------------
 */

/* The path in the machine's own file system, for a tool that opens it by name. */
static const char *outer_path(const struct host *h, struct arena *a, const char *path)
{
    return strcmp(h->root, "/") == 0 ? path : arena_printf(a, "%s%s", h->root, path);
}

static int dump_create(struct host *h, const char *path, struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(h, path, &st, err);
    if (r < 0)
        return r;
    if (st.type != FS_ABSENT)
        return error_set(err, -EEXIST, "%s is there already; a dump never overwrites one", path);
    return fs_write(h, path, "", 0, 0600, 0, 0, err);
}

/* mariadb-dump's last line; without it the dump ended early, whatever the exit status said. */
static int dump_complete(struct host *h, const char *path, struct error *err)
{
    char tail[128];
    int fd = fs_open(h, path, O_RDONLY | O_CLOEXEC, err);
    if (fd < 0)
        return fd;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof tail - 1 ? size - ((off_t)sizeof tail - 1) : 0;
    ssize_t got = pread(fd, tail, sizeof tail - 1, from);
    int r = fsync(fd) < 0 ? error_errno(err, errno, "%s", path) : 0;
    close(fd);
    if (r < 0)
        return r;
    tail[got < 0 ? 0 : got] = '\0';
    if (!strstr(tail, "-- Dump completed"))
        return error_set(err, -EIO, "%s: the dump is not complete", path);
    return 0;
}

/* The tools wait for a server that hangs as long as they may run. */
static int answers(struct host *h, struct error *err)
{
    struct db_conn *c;
    int r = db_connect(h, db_patience.look, &c, err);
    return r == 0 && db_ask(c, "DO 1") ? db_gone(c, c->api->mysql_errno(c->mysql), "MariaDB", err) : r;
}

int real_db_dump(struct host *h, const char *database, const char *path, struct error *err)
{
    int r = answers(h, err);
    if (r == 0)
        r = dump_create(h, path, err);
    if (r < 0)
        return r;
    struct arena a = {0};
    const char *const argv[] = {"/usr/bin/mariadb-dump",
                                "--no-defaults",
                                arena_printf(&a, "--socket=%s", db_socket(h)),
                                "--user=root",
                                "--default-character-set=utf8mb4",
                                "--single-transaction",
                                "--quick",
                                "--routines",
                                "--triggers",
                                "--events",
                                "--hex-blob",
                                arena_printf(&a, "--result-file=%s", outer_path(h, &a, path)),
                                "--",
                                database,
                                NULL};
    struct exec x = {.argv = argv, .timeout = DUMP_SECONDS, .mutates = true, .progress = h->progress};
    r = host_run_ok(h, &x, err);
    if (r == 0)
        r = dump_complete(h, path, err);
    if (r < 0) {
        error_prefix(err, "dumping the database %s", database);
        fs_unlink(h, path, NULL);
    }
    arena_free(&a);
    return r;
}

int real_db_load(struct host *h, const char *database, const char *path, struct error *err)
{
    int r = answers(h, err);
    if (r < 0)
        return r;
    int fd = fs_open(h, path, O_RDONLY | O_CLOEXEC, err);
    if (fd < 0)
        return fd;
    struct arena a = {0};
    const char *const argv[] = {"/usr/bin/mariadb",
                                "--no-defaults",
                                arena_printf(&a, "--socket=%s", db_socket(h)),
                                "--user=root",
                                "--default-character-set=utf8mb4",
                                "--batch",
                                "--loose-skip-print-query-on-error", /* its output becomes an error's text */
                                "--",
                                database,
                                NULL};
    struct exec x = {
        .argv = argv, .input_fd = fd, .timeout = DUMP_SECONDS, .mutates = true, .progress = h->progress};
    r = host_run_ok(h, &x, err);
    if (r < 0)
        error_prefix(err, "loading %s into the database %s", path, database);
    close(fd);
    arena_free(&a);
    return r;
}
