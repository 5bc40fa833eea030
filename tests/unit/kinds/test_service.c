#include "../timely.h"
#include "kit.h"
#include "workers.h"
#include <signal.h>
#include <sys/wait.h>

static struct resource *service(struct kit *t, const char *name, int8_t enabled, int8_t active,
                                const char *check)
{
    struct resource *r = kit_res(t, &service_kind, name);
    *(struct service_spec *)r->spec = (struct service_spec){enabled, active, check};
    return r;
}

static void a_stopped_and_disabled_service_is_mended_and_put_back(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"nginx.service\": {\"active\": false, \"enabled\": false}}}");
    struct resource *r = service(t, "nginx.service", 1, 1, NULL);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "enabled: false -> true, active: false -> true");
    json_t *undo = kit_apply(t, c);
    assert_string_equal(fake_log(t->h), "unit enable nginx.service\nunit start nginx.service\n");
    kit_undo(t, c, undo);
    struct service_spec *f = kit_found(t, r);
    assert_int_equal(f->enabled, 0);
    assert_int_equal(f->active, 0);
    kit_free(t);
}

/* systemd starts a unit as it last read it, and does not say that a new directory of drop-ins is there. */
static void what_is_dropped_into_a_unit_is_read_before_its_start(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {\"active\": false, \"enabled\": true}}}");
    kit_mkdirs(t, "/etc/systemd/system/a.service.d");
    struct change *c = kit_change(t, service(t, "a.service", 1, 1, NULL));
    json_decref(kit_apply(t, c));
    assert_string_equal(fake_log(t->h), "units reload\nunit start a.service\n");
    kit_free(t);
}

static void only_what_is_declared_is_touched(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {\"active\": false, \"enabled\": true}}}");
    struct resource *r = service(t, "a.service", 1, -1, NULL);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void a_masked_service_is_unmasked_and_masked_again(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"nginx.service\": {\"active\": false, \"enabled\": true}}}");
    struct resource *r = service(t, "nginx.service", 1, 1, NULL);
    kit_mkdirs(t, "/etc/systemd/system");
    kit_link(t, "/dev/null", "/etc/systemd/system/nginx.service");
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_UPDATE);
    assert_string_equal(kit_delta(t, c), "enabled: false -> true, active: false -> true");
    assert_string_equal(c->summary, "it is masked");
    char *before = kit_tree(t);
    json_t *undo = kit_apply(t, c);
    assert_false(kit_there(t, "/etc/systemd/system/nginx.service"));
    assert_string_equal(fake_log(t->h), "units reload\nunit start nginx.service\n");
    kit_undo(t, c, undo);
    assert_string_equal(kit_tree(t), before);
    kit_free(t);
}

static void a_link_to_another_unit_file_is_no_mask(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {\"active\": false, \"enabled\": true}}}");
    kit_mkdirs(t, "/etc/systemd/system");
    kit_link(t, "/opt/a/a.service", "/etc/systemd/system/a.service");
    struct change *c = kit_change(t, service(t, "a.service", 1, 1, NULL));
    json_decref(kit_apply(t, c));
    assert_true(kit_there(t, "/etc/systemd/system/a.service"));
    kit_free(t);
}

static void a_unit_nobody_knows_is_an_error_with_a_hint(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *c = kit_change(t, service(t, "nginx.service", 1, 1, NULL));
    assert_int_equal(c->op, OP_CREATE);
    assert_int_equal(service_kind.apply(&t->ctx, c, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "nginx.service"));
    assert_non_null(strstr(t->err.hint, "installed"));
    assert_string_equal(fake_log(t->h), "units reload\n"); /* its file may be new: systemd was told to look */
    kit_free(t);
}

static void a_unit_that_is_to_be_off_and_is_not_there_is_as_wanted(void **state)
{
    struct kit *t = kit_new("{}");
    assert_int_equal(kit_change(t, service(t, "apache2.service", 0, 0, NULL))->op, OP_NONE);
    kit_free(t);
}

static void a_removed_service_is_stopped_and_disabled_and_comes_back(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.timer\": {\"active\": true, \"enabled\": true}}}");
    struct resource *r = service(t, "a.timer", 1, 1, NULL);
    r->absent = true;
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_REMOVE);
    json_t *undo = kit_apply(t, c);
    assert_null(kit_found(t, r));
    kit_undo(t, c, undo);
    assert_non_null(kit_found(t, r));
    kit_free(t);
}

static int dying_units(struct host *h, struct unit_state *u, size_t n, struct arena *a, struct error *err)
{
    u->loaded = u->enabled = true;
    u->active = false;
    u->failed = strstr(fake_log(h), "unit start") != NULL;
    return 0;
}

static void a_service_that_dies_a_moment_after_its_start_is_an_error(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {}}}");
    struct host_ops ops = *t->h->ops;
    ops.units = dying_units;
    t->h->ops = &ops;
    struct change *c = kit_change(t, service(t, "a.service", 1, 1, NULL));
    assert_int_equal(service_kind.apply(&t->ctx, c, &t->err), -ESRCH);
    assert_non_null(strstr(t->err.text, "a.service"));
    assert_non_null(strstr(t->err.hint, "journalctl -u a.service"));
    kit_free(t);
}

/* What systemd says of it at each look after its start; the last one stays. */
static struct unit_state lives[4];
static size_t looks;

static int living_units(struct host *h, struct unit_state *u, size_t n, struct arena *a, struct error *err)
{
    const char *name = u->name;
    *u = (struct unit_state){.name = name, .loaded = true, .enabled = true};
    if (strstr(fake_log(h), "unit start") || strstr(fake_log(h), "unit restart")) {
        size_t at = looks < 3 ? looks : 3;
        *u = lives[at];
        u->name = name;
        looks++;
    } else if (strstr(name, "runs")) {
        u->active = true;
    }
    return 0;
}

#define RUNS(pid)                                                                                            \
    {                                                                                                        \
        .loaded = true, .enabled = true, .active = true, .main_pid = (pid)                                   \
    }

/* Who dies is seen to, however slowly it is looked at: long before this. */
#define PATIENT_MS 20000

static int start_one_that_lives_so(struct kit *t, const char *name, int steady_ms)
{
    static struct host_ops ops;
    looks = 0;
    ops = *t->h->ops;
    ops.units = living_units;
    t->h->ops = &ops;
    service_steady_ms = steady_ms;
    return service_kind.apply(&t->ctx, kit_change(t, service(t, name, 1, 1, NULL)), &t->err);
}

static void a_service_that_dies_two_seconds_after_its_start_is_an_error(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {}}}");
    memcpy(lives, (struct unit_state[]){RUNS(7), RUNS(7), {.loaded = true, .failed = true}, {.failed = true}},
           sizeof lives);
    assert_int_equal(start_one_that_lives_so(t, "a.service", PATIENT_MS), -ESRCH);
    assert_non_null(
        strstr(t->err.text, "a.service was started and ended by itself in its first 20.0 seconds"));
    assert_non_null(strstr(t->err.hint, "journalctl -u a.service"));
    kit_free(t);
}

static void a_service_that_systemd_starts_again_and_again_is_an_error(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {}}}");
    memcpy(lives, (struct unit_state[]){RUNS(7), RUNS(7), RUNS(8), RUNS(9)}, sizeof lives);
    assert_int_equal(start_one_that_lives_so(t, "a.service", PATIENT_MS), -ESRCH);
    kit_free(t);
}

static void a_service_that_goes_on_is_done(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {}}}");
    memcpy(lives, (struct unit_state[]){{.loaded = true}, RUNS(7), RUNS(7), RUNS(7)}, sizeof lives);
    assert_int_equal(start_one_that_lives_so(t, "a.service", 1000), 0);
    assert_true(timely(looks >= 4));
    kit_free(t);
}

static void a_restarted_service_that_dies_later_is_an_error(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"runs.service\": {\"active\": true}}}");
    static struct host_ops ops;
    looks = 0;
    ops = *t->h->ops;
    ops.units = living_units;
    t->h->ops = &ops;
    service_steady_ms = PATIENT_MS;
    memcpy(lives, (struct unit_state[]){RUNS(7), RUNS(7), {.loaded = true, .failed = true}, {.failed = true}},
           sizeof lives);
    struct resource *r = service(t, "runs.service", 1, 1, NULL);
    assert_int_equal(service_kind.refresh(&t->ctx, r, IMPACT_RESTART, &t->err), -ESRCH);
    assert_non_null(strstr(t->err.text, "runs.service"));
    kit_free(t);
}

static void offline_only_the_enablement_counts(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"a.service\": {\"active\": false, \"enabled\": false}}}");
    t->h->offline = true;
    struct change *c = kit_change(t, service(t, "a.service", 1, 1, NULL));
    assert_string_equal(kit_delta(t, c), "enabled: false -> true");
    json_decref(kit_apply(t, c));
    assert_string_equal(fake_log(t->h), "unit enable a.service\n");
    kit_free(t);
}

/* --- refresh
 * ------------------------------------------------------------------------------------------------- */

static void a_reload_is_not_done_when_the_configuration_is_refused(void **state)
{
    struct kit *t =
        kit_new("{\"units\": {\"nginx.service\": {\"active\": true, \"enabled\": true}},"
                " \"run\": {\"/usr/sbin/nginx -t\": {\"status\": 1, \"out\": \"nginx: [emerg] oops\\n\"}}}");
    struct resource *r = service(t, "nginx.service", 1, 1, "nginx");
    assert_int_equal(service_kind.refresh(&t->ctx, r, IMPACT_RELOAD, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "nginx.service is not reloaded"));
    assert_non_null(strstr(t->err.text, "[emerg] oops"));
    assert_string_equal(fake_log(t->h), "");
    kit_free(t);
}

static void what_does_not_run_is_not_reloaded(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"nginx.service\": {\"active\": false}}}");
    struct resource *r = service(t, "nginx.service", 1, 1, "nginx");
    assert_int_equal(service_kind.refresh(&t->ctx, r, IMPACT_RELOAD, &t->err), 0);
    assert_string_equal(fake_log(t->h), "");
    kit_free(t);
}

static void a_refresh_reloads_or_restarts_as_asked(void **state)
{
    struct kit *t = kit_new("{\"units\": {\"php8.2-fpm.service\": {\"active\": true, \"enabled\": true}}}");
    struct resource *r = service(t, "php8.2-fpm.service", 1, 1, "php-fpm:8.2");
    assert_int_equal(service_kind.refresh(&t->ctx, r, IMPACT_RELOAD, &t->err), 0);
    assert_int_equal(service_kind.refresh(&t->ctx, r, IMPACT_RESTART, &t->err), 0);
    assert_string_equal(fake_log(t->h),
                        "unit reload php8.2-fpm.service\nunits reload\nunit restart php8.2-fpm.service\n");
    json_t *none = json_object();
    assert_int_equal(service_kind.undo(&t->ctx, r, OP_REFRESH, none, &t->err), 0);
    json_decref(none);
    kit_free(t);
}

/* --- workers: a master with one worker, that gets a second one when asked through a pipe
 * --------------------- */

static pid_t master_start(int orders)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (char c; fork() != 0;)
        if (read(orders, &c, 1) != 1)
            _exit(0); /* its workers end with the pipe too */
    for (char c; read(orders, &c, 0) == 0;)
        pause();
    _exit(0);
}

static void children_end(const struct workers *w)
{
    for (size_t i = 0; i < w->n; i++)
        kill((pid_t)w->pids[i], SIGKILL);
}

static void new_workers_are_told_from_old_ones(void **state)
{
    struct arena a = {0};
    struct workers none = {0}, old = {0}, now = {0};
    int orders[2];
    assert_int_equal(pipe(orders), 0);
    pid_t master = master_start(orders[0]);
    assert_true(master > 0);
    char children[64]; /* which a kernel without CONFIG_PROC_CHILDREN does not have, for nobody */
    snprintf(children, sizeof children, "/proc/self/task/%d/children", (int)getpid());
    if (access(children, F_OK) < 0 && errno == ENOENT) {
        kill(master, SIGKILL);
        waitpid(master, NULL, 0);
        print_message("skipped: this kernel lists no children (CONFIG_PROC_CHILDREN)\n");
        skip();
    }
    assert_true(workers_renewed(master, &none, 5000, &a));
    assert_int_equal(workers_read(master, &old, &a), 0);
    assert_int_equal(old.n, 1);
    assert_false(workers_renewed(master, &old, 60, &a)); /* a bad configuration: the old ones stay */
    assert_int_equal(write(orders[1], "x", 1), 1);
    assert_true(workers_renewed(master, &old, 5000, &a));
    assert_int_equal(workers_read(master, &now, &a), 0);
    children_end(&now);
    kill(master, SIGKILL);
    waitpid(master, NULL, 0);
    assert_int_equal(workers_read(master, &now, &a), -ENOENT);
    close(orders[0]);
    close(orders[1]);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_and_disabled_service_is_mended_and_put_back),
        cmocka_unit_test(a_masked_service_is_unmasked_and_masked_again),
        cmocka_unit_test(a_link_to_another_unit_file_is_no_mask),
        cmocka_unit_test(what_is_dropped_into_a_unit_is_read_before_its_start),
        cmocka_unit_test(only_what_is_declared_is_touched),
        cmocka_unit_test(a_unit_nobody_knows_is_an_error_with_a_hint),
        cmocka_unit_test(a_unit_that_is_to_be_off_and_is_not_there_is_as_wanted),
        cmocka_unit_test(a_removed_service_is_stopped_and_disabled_and_comes_back),
        cmocka_unit_test(a_service_that_dies_a_moment_after_its_start_is_an_error),
        cmocka_unit_test(a_service_that_dies_two_seconds_after_its_start_is_an_error),
        cmocka_unit_test(a_service_that_systemd_starts_again_and_again_is_an_error),
        cmocka_unit_test(a_service_that_goes_on_is_done),
        cmocka_unit_test(a_restarted_service_that_dies_later_is_an_error),
        cmocka_unit_test(offline_only_the_enablement_counts),
        cmocka_unit_test(a_reload_is_not_done_when_the_configuration_is_refused),
        cmocka_unit_test(what_does_not_run_is_not_reloaded),
        cmocka_unit_test(a_refresh_reloads_or_restarts_as_asked),
        cmocka_unit_test(new_workers_are_told_from_old_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
