/* Databases to and from files, by MariaDB's own tools. */
#include "db_rows.h"
#include "fs.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DUMP_SECONDS 7200 /* a shop's database of some ten GB */

/* The most that MariaDB knows. A value may be as long as one packet, and a dump has two digits for each of
 * its bytes: by the settings of every day it could not be loaded. */
#define PACKET_MOST     INT64_C(1073741824)
#define PACKET_ARGUMENT "--max-allowed-packet=1G"

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
                                PACKET_ARGUMENT,
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

static int packet_read(struct host *h, int64_t *ret, struct error *err)
{
    struct db_conn *c;
    struct rows rows;
    int r = db_connect(h, db_patience.look, &c, err);
    if (r == 0)
        r = rows_query(c, "SELECT @@GLOBAL.max_allowed_packet", &rows, err);
    if (r < 0)
        return r;
    *ret = rows_next(&rows) && rows.row[0] ? strtoll(rows.row[0], NULL, 10) : PACKET_MOST;
    rows_end(&rows);
    return 0;
}

static int packet_set(struct host *h, int64_t bytes, struct error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET GLOBAL max_allowed_packet = %lld", (long long)bytes);
    return real_db_exec(h, sql, NULL, 0, err);
}

static int load_run(struct host *h, const char *database, int fd, struct error *err)
{
    struct arena a = {0};
    const char *const argv[] = {"/usr/bin/mariadb",
                                "--no-defaults",
                                arena_printf(&a, "--socket=%s", db_socket(h)),
                                "--user=root",
                                "--default-character-set=utf8mb4",
                                "--batch",
                                PACKET_ARGUMENT,
                                "--loose-skip-print-query-on-error", /* its output becomes an error's text */
                                "--",
                                database,
                                NULL};
    struct exec x = {
        .argv = argv, .input_fd = fd, .timeout = DUMP_SECONDS, .mutates = true, .progress = h->progress};
    int r = host_run_ok(h, &x, err);
    arena_free(&a);
    return r;
}

/* The server's limit is for connections that are made from then on, and only a server-wide one can be raised.
 * Where this ends before it is put back (a kill, a server that is gone by then), it stays high until the
 * server is started again, which reads its own settings: it is a limit and no memory is taken for it, so that
 * is no failure. */
int real_db_load(struct host *h, const char *database, const char *path, struct error *err)
{
    int64_t usual;
    int r = packet_read(h, &usual, err);
    if (r < 0)
        return r;
    int fd = fs_open(h, path, O_RDONLY | O_CLOEXEC, err);
    if (fd < 0)
        return fd;
    if (usual < PACKET_MOST)
        r = packet_set(h, PACKET_MOST, err);
    if (r == 0)
        r = load_run(h, database, fd, err);
    if (r < 0)
        error_prefix(err, "loading %s into the database %s", path, database);
    if (usual < PACKET_MOST)
        packet_set(h, usual, NULL);
    close(fd);
    return r;
}
