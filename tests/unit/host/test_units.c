/* A pretended systemd at the other end of a socket pair: the calls that units.c makes, answered as
 * org.freedesktop.systemd1(5) says. What the real one does is tested on real servers. */
#include "real.h"
#include "root.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#define MANAGER "org.freedesktop.systemd1.Manager"
#define PATH    "/org/freedesktop/systemd1"

struct manager {
    int fd;
    pthread_t thread;
    atomic_bool end;
    char calls[512]; /* methods in order, one a word */
    const char *result;
    double job_takes, job_due;  /* seconds */
    char job[64];               /* that is not at its end */
    uint64_t start_us, stop_us; /* that a unit may take */
};
static struct manager manager;

static int states_answer(sd_bus_message *m)
{
    sd_bus_message *reply = NULL;
    const char *name;
    int r = sd_bus_message_new_method_return(m, &reply);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(m, "s", &name)) > 0) {
        bool none = strcmp(name, "none.service") == 0, failed = strcmp(name, "failed.service") == 0;
        if (strcmp(name, "short.service") == 0)
            continue; /* one answer too few */
        r = sd_bus_message_append(reply, "(ssssssouso)",
                                  strcmp(name, "mysql.service") == 0 ? "mariadb.service" : name, "text",
                                  none ? "not-found" : "loaded",
                                  none     ? "inactive"
                                  : failed ? "failed"
                                           : "active",
                                  none ? "dead" : "running", "", PATH "/unit/x", 0, "", "/");
    }
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);
    return r < 0 ? r : 1;
}

static int job_answer(sd_bus_message *m)
{
    const char *name, *mode;
    int r = sd_bus_message_read(m, "ss", &name, &mode);
    if (r < 0)
        return r;
    if (strcmp(name, "none.service") == 0)
        return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit", "Unit %s not found.",
                                          name);
    r = sd_bus_reply_method_return(m, "o", PATH "/job/7");
    snprintf(manager.job, sizeof manager.job, "%s", name);
    manager.job_due = seconds() + manager.job_takes;
    return r < 0 ? r : 1;
}

/* Another job's end first: it must not be taken for this one's. */
static void job_end(sd_bus *bus)
{
    if (!manager.job[0] || seconds() < manager.job_due)
        return;
    if (sd_bus_emit_signal(bus, PATH, MANAGER, "JobRemoved", "uoss", 6, PATH "/job/6", "other.service",
                           "failed") < 0 ||
        sd_bus_emit_signal(bus, PATH, MANAGER, "JobRemoved", "uoss", 7, PATH "/job/7", manager.job,
                           manager.result) < 0)
        abort();
    manager.job[0] = '\0';
}

static int property_answer(sd_bus_message *m)
{
    const char *interface, *name;
    int r = sd_bus_message_read(m, "ss", &interface, &name);
    if (r < 0)
        return r;
    if (strcmp(name, "MainPID") == 0)
        return sd_bus_reply_method_return(m, "v", "u", 4711);
    if (strcmp(sd_bus_message_get_path(m), PATH "/unit/nginx_2eservice") != 0)
        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_OBJECT, "no such unit");
    return sd_bus_reply_method_return(m, "v", "t",
                                      strcmp(name, "TimeoutStopUSec") ? manager.start_us : manager.stop_us);
}

static int on_message(sd_bus_message *m, void *self, sd_bus_error *e)
{
    const char *member = sd_bus_message_get_member(m);
    if (!sd_bus_message_is_method_call(m, NULL, NULL))
        return 0;
    size_t n = strlen(manager.calls);
    snprintf(manager.calls + n, sizeof manager.calls - n, "%s ", member);
    if (strcmp(member, "ListUnitsByNames") == 0)
        return states_answer(m);
    if (strcmp(member, "StartUnit") == 0 || strcmp(member, "ReloadUnit") == 0 ||
        strcmp(member, "RestartUnit") == 0)
        return job_answer(m);
    if (strcmp(member, "Subscribe") == 0 || strcmp(member, "Reload") == 0)
        return sd_bus_reply_method_return(m, NULL);
    if (strcmp(member, "Get") == 0)
        return property_answer(m);
    if (strcmp(member, "EnableUnitFiles") == 0)
        return sd_bus_reply_method_return(m, "ba(sss)", strcmp(manager.result, "static") != 0, 0);
    if (strcmp(member, "DisableUnitFiles") == 0)
        return sd_bus_reply_method_return(m, "a(sss)", 0);
    return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_METHOD, "no such method %s", member);
}

static void *manage(void *self)
{
    sd_bus *bus = NULL;
    sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
    if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, manager.fd, manager.fd) < 0 ||
        sd_bus_set_server(bus, 1, id) < 0 || sd_bus_set_anonymous(bus, 1) < 0 ||
        sd_bus_add_filter(bus, NULL, on_message, NULL) < 0 || sd_bus_start(bus) < 0)
        abort();
    for (;;) {
        int r = sd_bus_process(bus, NULL);
        if (r < 0 || (r == 0 && atomic_load(&manager.end)))
            break;
        job_end(bus);
        if (r == 0)
            sd_bus_wait(bus, 20000);
    }
    sd_bus_flush_close_unref(bus);
    return NULL;
}

static int manager_setup(void **state)
{
    int fd[2];
    if (root_setup(state) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
        return -1;
    struct test_root *t = *state;
    manager = (struct manager){.fd = fd[1], .result = "done"};
    unit_job_ms = 90000;
    unit_job_most_ms = 1800000;
    sd_bus *bus = NULL;
    if (pthread_create(&manager.thread, NULL, manage, NULL) != 0 || sd_bus_new(&bus) < 0 ||
        sd_bus_set_fd(bus, fd[0], fd[0]) < 0 || sd_bus_set_anonymous(bus, 1) < 0 || sd_bus_start(bus) < 0)
        return -1;
    t->h.bus = bus;
    return 0;
}

static int manager_teardown(void **state)
{
    struct test_root *t = *state;
    real_bus_close(&t->h);
    atomic_store(&manager.end, true);
    pthread_join(manager.thread, NULL);
    return root_teardown(state);
}

#define OK(call)                                                                                             \
    do {                                                                                                     \
        int ok_r = (call);                                                                                   \
        if (ok_r < 0)                                                                                        \
            print_error("%s\n", t->err.text);                                                                \
        assert_int_equal(ok_r, 0);                                                                           \
    } while (0)

static void all_states_come_in_one_call(void **state)
{
    struct test_root *t = *state;
    struct unit_state u[] = {{.name = "nginx.service"},
                             {.name = "none.service"},
                             {.name = "mysql.service"},
                             {.name = "failed.service"}};
    OK(real_units(&t->h, u, 4, &t->a, &t->err));
    assert_true(u[0].loaded && u[0].active && !u[0].failed && !u[0].enabled);
    assert_string_equal(u[0].sub, "running");
    assert_true(!u[1].loaded && !u[1].active);
    assert_true(u[2].loaded && u[2].active);
    assert_string_equal(u[2].name, "mysql.service");
    assert_true(u[3].failed && !u[3].active);
    assert_string_equal(manager.calls, "ListUnitsByNames ");
}

static void one_unit_alone_has_its_main_process(void **state)
{
    struct test_root *t = *state;
    struct unit_state u = {.name = "nginx.service"};
    OK(real_units(&t->h, &u, 1, &t->a, &t->err));
    assert_int_equal(u.main_pid, 4711);
}

static void an_answer_too_few_is_an_error(void **state)
{
    struct test_root *t = *state;
    struct unit_state u[] = {{.name = "nginx.service"}, {.name = "short.service"}};
    assert_int_equal(real_units(&t->h, u, 2, &t->a, &t->err), -EPROTO);
}

static void names_that_are_none_are_refused(void **state)
{
    struct test_root *t = *state;
    static const char *const bad[] = {"",           "nginx",      "a b.service", "../x.service",
                                      "-x.service", "x.service\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct unit_state u = {.name = bad[i]};
        assert_int_equal(real_units(&t->h, &u, 1, &t->a, &t->err), -EINVAL);
        assert_int_equal(real_unit(&t->h, bad[i], UNIT_START, &t->err), -EINVAL);
    }
    assert_string_equal(manager.calls, "");
}

static void a_job_is_waited_for(void **state)
{
    struct test_root *t = *state;
    OK(real_unit(&t->h, "nginx.service", UNIT_RELOAD, &t->err));
    assert_string_equal(manager.calls, "Subscribe ReloadUnit ");
}

/* MariaDB's unit gives it 15 minutes to end and as many to come up. */
static void a_job_has_the_time_that_its_unit_says(void **state)
{
    struct test_root *t = *state;
    unit_job_ms = 20;
    manager.job_takes = 0.4;
    manager.start_us = manager.stop_us = 1000000;
    OK(real_unit(&t->h, "nginx.service", UNIT_RESTART, &t->err));
    assert_string_equal(manager.calls, "Subscribe RestartUnit Get Get ");
    manager.job_takes = 60;
    manager.start_us = manager.stop_us = 100000;
    assert_int_equal(real_unit(&t->h, "nginx.service", UNIT_RESTART, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "nginx.service: the restart ended as \"not done in "));
}

static void a_unit_that_says_no_time_or_none_that_ends_is_not_waited_for_for_ever(void **state)
{
    struct test_root *t = *state;
    unit_job_ms = 20;
    unit_job_most_ms = 100;
    manager.job_takes = 60;
    manager.start_us = manager.stop_us = UINT64_MAX;
    assert_int_equal(real_unit(&t->h, "nginx.service", UNIT_RESTART, &t->err), -EIO);
    assert_int_equal(real_unit(&t->h, "other.service", UNIT_RESTART, &t->err), -EIO);
}

static void a_job_that_fails_names_unit_and_result(void **state)
{
    struct test_root *t = *state;
    manager.result = "timeout";
    assert_int_equal(real_unit(&t->h, "nginx.service", UNIT_START, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "nginx.service"));
    assert_non_null(strstr(t->err.text, "timeout"));
    assert_non_null(strstr(t->err.hint, "journalctl"));
}

static void an_unknown_unit_says_that_its_package_is_missing(void **state)
{
    struct test_root *t = *state;
    assert_true(real_unit(&t->h, "none.service", UNIT_START, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "Unit none.service not found"));
    assert_non_null(strstr(t->err.hint, "package"));
    assert_true(real_unit(&t->h, "nginx.service", UNIT_STOP, &t->err) <
                0); /* a method that it does not have */
    assert_non_null(strstr(t->err.text, "no such method StopUnit"));
}

static void enablement_is_followed_by_a_reload(void **state)
{
    struct test_root *t = *state;
    OK(real_unit(&t->h, "nginx.service", UNIT_ENABLE, &t->err));
    OK(real_unit(&t->h, "nginx.service", UNIT_DISABLE, &t->err));
    OK(real_units_reload(&t->h, &t->err));
    assert_string_equal(manager.calls, "EnableUnitFiles Reload DisableUnitFiles Reload Reload ");
}

static void a_unit_that_cannot_be_enabled_is_an_error(void **state)
{
    struct test_root *t = *state;
    manager.result = "static";
    assert_int_equal(real_unit(&t->h, "nginx.service", UNIT_ENABLE, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "[Install]"));
}

#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, manager_setup, manager_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(all_states_come_in_one_call),
        BUS_TEST(one_unit_alone_has_its_main_process),
        BUS_TEST(an_answer_too_few_is_an_error),
        BUS_TEST(names_that_are_none_are_refused),
        BUS_TEST(a_job_is_waited_for),
        BUS_TEST(a_job_has_the_time_that_its_unit_says),
        BUS_TEST(a_unit_that_says_no_time_or_none_that_ends_is_not_waited_for_for_ever),
        BUS_TEST(a_job_that_fails_names_unit_and_result),
        BUS_TEST(an_unknown_unit_says_that_its_package_is_missing),
        BUS_TEST(enablement_is_followed_by_a_reload),
        BUS_TEST(a_unit_that_cannot_be_enabled_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
