/* A real MariaDB on a private data directory and socket, for tests that ask one; the whole program is one
 * server. Without one installed (server_there()) what needs it is not run, and says so. */
#ifndef CITRUS_TEST_MARIADB_H
#define CITRUS_TEST_MARIADB_H
#include "db_conn.h"
#include "real.h"
#include "root.h"
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define MARIADBD   "/usr/sbin/mariadbd"
#define INSTALL_DB "/usr/bin/mariadb-install-db"

static struct {
    char dir[64], socket[80], data[96];
    pid_t pid;
} server;

static inline pid_t spawn(const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = open("/dev/null", O_RDWR);
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    setenv("LC_ALL", "C", 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static inline int server_start(void **state)
{
    strcpy(server.dir, "/tmp/citrus-db-XXXXXX");
    if (!mkdtemp(server.dir))
        return -1;
    snprintf(server.socket, sizeof server.socket, "%s/s", server.dir);
    snprintf(server.data, sizeof server.data, "--datadir=%s/data", server.dir);
    const char *const install[] = {INSTALL_DB,
                                   "--no-defaults",
                                   "--user=root",
                                   server.data,
                                   "--auth-root-authentication-method=socket",
                                   "--auth-root-socket-user=root",
                                   "--skip-test-db",
                                   NULL};
    int status = -1;
    waitpid(spawn(install), &status, 0);
    if (status != 0) {
        print_error("mariadb-install-db: status %d\n", status);
        return -1;
    }
    char socket[96];
    snprintf(socket, sizeof socket, "--socket=%s", server.socket);
    const char *const run[] = {MARIADBD,
                               "--no-defaults",
                               "--user=root",
                               server.data,
                               socket,
                               "--skip-networking",
                               "--innodb-buffer-pool-size=16M",
                               "--innodb-log-file-size=8M",
                               "--innodb-flush-log-at-trx-commit=0",
                               NULL};
    server.pid = spawn(run);
    for (int i = 0; i < 600; i++) {
        struct host h = {.root = "/", .rootfd = -1, .db_socket = server.socket};
        struct db_conn *c;
        struct error err;
        if (access(server.socket, F_OK) == 0 && db_connect(&h, 10, &c, &err) == 0) {
            real_db_close(&h);
            return 0;
        }
        if (waitpid(server.pid, &status, WNOHANG) == server.pid)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    print_error("mariadbd did not come up\n");
    return -1;
}

static inline int server_end(void **state)
{
    if (server.pid > 0) {
        kill(server.pid, SIGTERM);
        waitpid(server.pid, NULL, 0);
    }
    nftw(server.dir, root_forget, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* False after saying why. */
static inline bool server_there(void)
{
    if (access(MARIADBD, X_OK) == 0 && access(INSTALL_DB, X_OK) == 0 && geteuid() == 0)
        return true;
    print_message("not run: what needs a server; it takes root and the packages mariadb-server-core and "
                  "mariadb-client\n");
    return false;
}

/* --- a connection to it
 * ------------------------------------------------------------------------------------- */

struct db_test {
    struct host *h;
    struct error err;
    struct arena a;
};

static inline int db_setup(void **state)
{
    struct db_test *t = calloc(1, sizeof *t);
    if (!t || host_open("/", &t->h, &t->err) < 0)
        return -1;
    t->h->db_socket = server.socket;
    *state = t;
    return 0;
}

static inline int db_teardown(void **state)
{
    struct db_test *t = *state;
    host_close(t->h);
    arena_free(&t->a);
    free(t);
    return 0;
}

#define OK(call)                                                                                             \
    do {                                                                                                     \
        int ok_r = (call);                                                                                   \
        if (ok_r < 0)                                                                                        \
            print_error("%s\n", t->err.text);                                                                \
        assert_int_equal(ok_r, 0);                                                                           \
    } while (0)

static inline void sql(struct db_test *t, const char *text)
{
    OK(host_db_exec(t->h, text, NULL, 0, &t->err));
}

static inline struct db_snapshot snapshot(struct db_test *t)
{
    struct db_snapshot s = {0};
    OK(host_db_read(t->h, NULL, &s, &t->a, &t->err));
    assert_true(s.running);
    return s;
}

static inline const struct db_database *database(const struct db_snapshot *s, const char *name)
{
    for (size_t i = 0; i < s->n_databases; i++)
        if (strcmp(s->databases[i].name, name) == 0)
            return &s->databases[i];
    return NULL;
}

#endif
