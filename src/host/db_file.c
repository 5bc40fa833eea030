/* Databases to and from files, by MariaDB's own tools. */
#include "db_rows.h"
#include "fs.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DUMP_SECONDS 7200 /* a shop's database of some ten GB */

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
