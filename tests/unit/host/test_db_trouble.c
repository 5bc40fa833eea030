/* A MariaDB in trouble (mariadb.h): it hangs, waits for a lock, or has no connection left. Nobody waits for
 * it without end. */
#include "mariadb.h"

static struct db_patience usual;

static int impatient_setup(void **state)
{
    usual = db_patience;
    db_patience = (struct db_patience){.connect = 1, .look = 1, .answer = 1, .drop = 1};
    return db_setup(state);
}

static int impatient_teardown(void **state)
{
    kill(server.pid, SIGCONT);
    db_patience = usual;
    return db_teardown(state);
}

/* A signal stops one thread after the other. */
static bool all_stopped(pid_t pid)
{
    char path[64], stat[512];
    bool all = true;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, e->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, stat, sizeof stat - 1);
        close(fd);
        stat[n > 0 ? n : 0] = '\0';
        const char *end = strrchr(stat, ')');
        all = all && (!end || end[2] == 'T');
    }
    closedir(d);
    return all;
}

static void server_hangs(void)
{
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    for (int i = 0; i < 500 && !all_stopped(server.pid); i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void a_server_that_hangs_is_not_waited_for_without_end(void **state)
{
    struct db_test *t = *state;
    struct db_snapshot s = {0};
    server_hangs();
    assert_int_equal(host_db_read(t->h, NULL, &s, &t->a, &t->err), -ETIMEDOUT);
    assert_non_null(strstr(t->err.text, server.socket));
    assert_non_null(strstr(t->err.text, "no answer in 1 seconds"));
    assert_non_null(strstr(t->err.hint, "PROCESSLIST"));
    assert_int_equal(host_db_exec(t->h, "CREATE DATABASE never", NULL, 0, &t->err), -ETIMEDOUT);
    kill(server.pid, SIGCONT);
    db_patience = usual; /* a loaded machine: what is to go well has time */
    s = snapshot(t);
    assert_null(database(&s, "never"));
}

static void a_server_that_hangs_in_mid_connection_is_not_waited_for_either(void **state)
{
    struct db_test *t = *state;
    struct db_conn *c;
    db_patience.connect = usual.connect;
    db_patience.answer = 5; /* it is what a new connection waits for, too */
    OK(db_connect(t->h, db_patience.answer, &c, &t->err));
    server_hangs();
    db_patience.connect = 1;
    assert_int_equal(host_db_exec(t->h, "DROP USER IF EXISTS never", NULL, 0, &t->err), -ETIMEDOUT);
    assert_non_null(strstr(t->err.text, "DROP USER IF EXISTS never"));
}

/* Else it would be done when the lock goes, after this run has taken everything back. */
static void a_statement_that_waits_for_a_lock_is_called_off(void **state)
{
    struct db_test *t = *state;
    struct host other = {.root = "/", .rootfd = -1, .db_socket = server.socket};
    struct db_conn *c;
    db_patience.connect = usual.connect;
    db_patience.answer = 5;
    OK(db_connect(&other, 60, &c, &t->err));
    assert_int_equal(db_ask(c, "FLUSH TABLES WITH READ LOCK"), 0);
    assert_int_equal(host_db_exec(t->h, "CREATE DATABASE late", NULL, 0, &t->err), -ETIMEDOUT);
    assert_int_equal(db_ask(c, "UNLOCK TABLES"), 0);
    db_patience = usual;
    sql(t, "CREATE DATABASE later"); /* whatever was in the queue before it is through */
    struct db_snapshot s = snapshot(t);
    assert_null(database(&s, "late"));
    sql(t, "DROP DATABASE later");
    real_db_close(&other);
}

static void a_server_without_a_connection_left_says_so(void **state)
{
    struct db_test *t = *state;
    enum { MOST = 24 };
    struct host others[MOST];
    struct db_snapshot s;
    struct db_conn *c;
    size_t n = 0;
    db_patience = usual;
    sql(t, "SET GLOBAL max_connections = 10"); /* the least; one more is the administrator's */
    real_db_close(t->h);
    for (; n < MOST; n++) {
        others[n] = (struct host){.root = "/", .rootfd = -1, .db_socket = server.socket};
        if (db_connect(&others[n], 60, &c, &t->err) < 0)
            break;
    }
    int r = host_db_read(t->h, NULL, &s, &t->a, &t->err);
    for (size_t i = 0; i < n; i++)
        real_db_close(&others[i]);
    assert_true(n < MOST);
    assert_int_equal(r, -EBUSY);
    assert_non_null(strstr(t->err.text, "Too many connections"));
    assert_non_null(strstr(t->err.hint, "max_connections"));
    /* The places are free when the server has noticed. */
    for (int i = 0; i < 100 && host_db_read(t->h, NULL, &s, &t->a, &t->err) == -EBUSY; i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    sql(t, "SET GLOBAL max_connections = 151");
}
#define TROUBLE(name) cmocka_unit_test_setup_teardown(name, impatient_setup, impatient_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TROUBLE(a_server_that_hangs_is_not_waited_for_without_end),
        TROUBLE(a_server_that_hangs_in_mid_connection_is_not_waited_for_either),
        TROUBLE(a_statement_that_waits_for_a_lock_is_called_off),
        TROUBLE(a_server_without_a_connection_left_says_so),
    };
    if (!server_there())
        return 77; /* meson: skipped */
    return cmocka_run_group_tests(tests, server_start, server_end);
}
