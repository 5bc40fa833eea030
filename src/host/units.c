/* systemd over its bus: org.freedesktop.systemd1(5). The bus is opened when the first unit is asked for;
 * without a bus daemon systemd's own socket answers the same calls. */
#include "bus.h"
#include "fs.h"
#include "library.h"
#include "real.h"
#include "text.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SYSTEMD        "org.freedesktop.systemd1"
#define MANAGER_PATH   "/org/freedesktop/systemd1"
#define MANAGER        "org.freedesktop.systemd1.Manager"
#define SERVICE        "org.freedesktop.systemd1.Service"
#define PRIVATE_SOCKET "unix:path=/run/systemd/private"
#define SECOND         UINT64_C(1000000)
#define CALL_LIMIT     (90 * SECOND) /* a daemon-reload with many generators takes its time */
#define PROGRESS_EVERY (5 * SECOND)
/* systemd's own DefaultTimeoutStartSec; and what mariadb.service has for a restart. */
uint64_t unit_job_ms = 90000, unit_job_most_ms = 1800000;

/* --- the connection ----------------------------------------------------------------------------------------
 */

struct bus_api bus_api;

int bus_load(struct error *err)
{
#define X(f) #f,
    static const char *const names[] = {BUS_FUNCTIONS(X)};
#undef X
    static bool loaded;
    if (!loaded) {
        int r = library_load("libsystemd.so.0", "libsystemd0", names, &bus_api, sizeof names / sizeof *names,
                             err);
        if (r < 0)
            return r;
        loaded = true;
    }
    return 0;
}

void real_bus_close(struct host *h)
{
    if (bus_load(NULL) == 0)
        h->bus = sd_bus_flush_close_unref(h->bus);
}

static int private_open(sd_bus **ret)
{
    sd_bus *bus = NULL;
    int r = sd_bus_new(&bus);
    if (r >= 0)
        r = sd_bus_set_address(bus, PRIVATE_SOCKET);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r < 0) {
        sd_bus_unref(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

int real_bus_new(sd_bus **ret, struct error *err)
{
    int r = bus_load(err);
    if (r < 0)
        return r;
    r = sd_bus_open_system(ret);
    if (r < 0 && private_open(ret) < 0) {
        r = error_errno(err, r, "systemd cannot be reached over the system bus");
        error_hint(err, "is systemd this machine's init? for a tree that does not run, use --root");
        return r;
    }
    return 0;
}

int real_bus_open(struct host *h, sd_bus **ret, struct error *err)
{
    sd_bus *bus = h->bus;
    int r = bus_load(err);
    if (r < 0)
        return r;
    if (bus) {
        /* What came meanwhile; a bus that was restarted (an upgrade of dbus) shows here. */
        while ((r = sd_bus_process(bus, NULL)) > 0)
            ;
        if (r >= 0 && sd_bus_is_open(bus) > 0) {
            *ret = bus;
            return 0;
        }
        real_bus_close(h);
        bus = NULL;
    }
    r = real_bus_new(&bus, err);
    if (r < 0)
        return r;
    sd_bus_set_method_call_timeout(bus, CALL_LIMIT);
    h->bus = bus;
    *ret = bus;
    return 0;
}

/* A bus error as one sentence about `object`. */
static int bus_error(const char *object, const char *what, int r, const sd_bus_error *e, struct error *err)
{
    const char *message = e && e->message ? e->message : strerror(-r);
    r = error_set(err, r, "%s: %s: %s", object, what, message);
    if (e && sd_bus_error_has_name(e, "org.freedesktop.systemd1.NoSuchUnit"))
        error_hint(err, "is the package that brings it installed?");
    else if (e && sd_bus_error_has_name(e, "org.freedesktop.systemd1.UnitMasked"))
        error_hint(err, "somebody masked it: systemctl unmask %s", object);
    return r;
}

/* systemd.unit(5): what a unit's name consists of. */
static int name_check(const char *name, struct error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@");
    if (n == 0 || n > 255 || name[n] || !strrchr(name, '.') || name[0] == '-')
        return error_set(err, -EINVAL, "\"%.80s\" cannot be the name of a unit", name);
    return 0;
}

/* --- states ------------------------------------------------------------------------------------------------
 */

/* One of ListUnitsByNames' answers, for the unit that was asked for at its place (an alias answers with the
 * unit's own name). */
static int unit_read(sd_bus_message *m, struct unit_state *u, struct arena *a, char **path)
{
    const char *id, *description, *load, *active, *sub, *following, *object, *job, *job_path;
    uint32_t job_id;
    int r = sd_bus_message_read(m, "(ssssssouso)", &id, &description, &load, &active, &sub, &following,
                                &object, &job_id, &job, &job_path);
    if (r <= 0)
        return r;
    u->loaded = strcmp(load, "loaded") == 0;
    u->active = strcmp(active, "active") == 0 || strcmp(active, "reloading") == 0 ||
                strcmp(active, "refreshing") == 0;
    u->failed = strcmp(active, "failed") == 0;
    u->sub = arena_strdup(a, sub);
    *path = arena_strdup(a, object);
    return 1;
}

static int units_call(sd_bus *bus, const struct unit_state *units, size_t n, sd_bus_message **ret,
                      sd_bus_error *e)
{
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD, MANAGER_PATH, MANAGER, "ListUnitsByNames");
    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "s");
    for (size_t i = 0; i < n && r >= 0; i++)
        r = sd_bus_message_append(m, "s", units[i].name);
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    if (r >= 0)
        r = sd_bus_call(bus, m, 0, e, ret);
    sd_bus_message_unref(m);
    return r;
}

static int states_read(sd_bus *bus, struct unit_state *units, size_t n, struct arena *a, struct error *err)
{
    sd_bus_error e = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    char *path = NULL;
    size_t i = 0;
    int r = units_call(bus, units, n, &reply, &e);
    if (r < 0) {
        r = bus_error("systemd", "asking for the units' states", r, &e, err);
        goto out;
    }
    r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (r > 0 && i < n && (r = unit_read(reply, &units[i], a, &path)) > 0)
        i++;
    if (r < 0 || i != n) {
        r = error_set(err, r < 0 ? r : -EPROTO, "systemd told the states of %zu of %zu units", i, n);
        goto out;
    }
    r = 0;
    if (n == 1 && units[0].active && ends_with(units[0].name, ".service")) {
        uint32_t pid = 0;
        if (sd_bus_get_property_trivial(bus, SYSTEMD, path, SERVICE, "MainPID", NULL, 'u', &pid) >= 0)
            units[0].main_pid = pid;
    }
out:
    sd_bus_error_free(&e);
    sd_bus_message_unref(reply);
    return r;
}

int real_units(struct host *h, struct unit_state *units, size_t n, struct arena *a, struct error *err)
{
    sd_bus *bus;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int r = name_check(units[i].name, err);
        if (r < 0)
            return r;
        units[i] = (struct unit_state){.name = units[i].name, .sub = ""};
    }
    /* First the links, for what systemd says of `loaded` counts more. */
    int r = unit_links_read(h, units, n, err);
    if (r == 0)
        r = real_bus_open(h, &bus, err);
    return r < 0 ? r : states_read(bus, units, n, a, err);
}

/* --- jobs --------------------------------------------------------------------------------------------------
 */

struct job {
    const char *path; /* NULL until systemd answered */
    bool removed;
    uint64_t waited;
    char result[32];
};

static int on_job_removed(sd_bus_message *m, void *self, sd_bus_error *e)
{
    struct job *j = self;
    uint32_t id;
    const char *path, *unit, *result;
    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && j->path &&
        strcmp(path, j->path) == 0) {
        j->removed = true;
        size_t n = strlen(result);
        n = n < sizeof j->result ? n : sizeof j->result - 1;
        memcpy(j->result, result, n);
        j->result[n] = '\0';
    }
    return 0;
}

static uint64_t now_usec(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

/* Asked once the usual time is over. A start that is not in time is stopped, a restart is both: systemd gives
 * a job the time of both, and then says itself how it ended. */
static uint64_t job_limit(sd_bus *bus, const char *name)
{
    static const char *const properties[] = {"TimeoutStartUSec", "TimeoutStopUSec"};
    uint64_t limit = 0, least = unit_job_ms * 1000, most = unit_job_most_ms * 1000;
    char *path = NULL;
    if (!ends_with(name, ".service") || sd_bus_path_encode(UNIT_PATH, name, &path) < 0)
        return least;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        uint64_t one = 0;
        if (sd_bus_get_property_trivial(bus, SYSTEMD, path, SERVICE, properties[i], NULL, 't', &one) >= 0)
            limit = one < most - limit ? limit + one : most; /* "infinity" is UINT64_MAX */
    }
    free(path);
    return limit > least ? limit : least;
}

static void job_say(struct host *h, const char *name, const char *word, uint64_t waited)
{
    struct buf line = {0};
    buf_addf(&line, "waiting for the %s of %s  %llu s", word, name, (unsigned long long)(waited / SECOND));
    h->progress->say(h->progress->self, buf_str(&line));
    buf_free(&line);
}

/* Until the job is gone. -ETIMEDOUT when it is not in time; then systemd goes on with it. */
static int job_wait(struct host *h, sd_bus *bus, const char *name, const char *word, struct job *j)
{
    uint64_t begun = now_usec(), said = begun, limit = unit_job_ms * 1000;
    bool asked = false;
    while (!j->removed) {
        int r = sd_bus_process(bus, NULL);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        uint64_t now = now_usec();
        j->waited = now - begun;
        if (j->waited >= limit && asked)
            return -ETIMEDOUT;
        if (j->waited >= limit) {
            limit = job_limit(bus, name);
            asked = true;
            continue;
        }
        if (h->progress && now - said >= PROGRESS_EVERY) {
            job_say(h, name, word, j->waited);
            said = now;
        }
        uint64_t left = limit - j->waited;
        r = sd_bus_wait(bus, left < SECOND ? left : SECOND);
        if (r < 0 && r != -EINTR)
            return r;
    }
    return 0;
}

/* The unit's own last words, as the journal has them; "" when there are none. */
static void journal_lines(struct host *h, const char *name, struct buf *ret)
{
    const char *const argv[] = {
        "/usr/bin/journalctl", "--no-pager", "-q", "-u", name, "-n", "5", "-o", "cat", NULL};
    const struct exec x = {.argv = argv, .timeout = 10};
    struct exec_result result;
    if (host_run(h, &x, &result, NULL) < 0)
        return;
    if (result.status == 0) {
        size_t n = result.out.len > 900 ? 900 : result.out.len;
        buf_add(ret, buf_str(&result.out) + (result.out.len - n), n);
        while (ret->len && ret->at[ret->len - 1] == '\n')
            ret->at[--ret->len] = '\0';
    }
    exec_result_free(&result);
}

static int job_error(struct host *h, const char *name, const char *word, const char *result,
                     struct error *err)
{
    struct buf lines = {0};
    journal_lines(h, name, &lines);
    int r = error_set(err, -EIO, "%s: the %s ended as \"%s\"%s%s", name, word, result,
                      lines.len ? "; its last lines: " : "", buf_str(&lines));
    error_hint(err, "see `systemctl status %s` and `journalctl -u %s`", name, name);
    buf_free(&lines);
    return r;
}

int real_bus_job(struct host *h, sd_bus *bus, const char *name, const char *word, sd_bus_message *call,
                 struct error *err)
{
    sd_bus_error e = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    sd_bus_slot *slot = NULL;
    struct job j = {0};
    /* Without a Subscribe systemd sends no signals; a second one of a connection is refused and does no harm.
     */
    int r = sd_bus_call_method(bus, SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, NULL);
    if (r < 0 && r != -EALREADY && !sd_bus_is_open(bus)) {
        r = bus_error(name, "listening to systemd", r, NULL, err);
        goto out;
    }
    r = sd_bus_match_signal(bus, &slot, NULL, MANAGER_PATH, MANAGER, "JobRemoved", on_job_removed, &j);
    if (r >= 0)
        r = sd_bus_call(bus, call, 0, &e, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &j.path);
    if (r < 0) {
        r = bus_error(name, word, r, &e, err);
        goto out;
    }
    r = job_wait(h, bus, name, word, &j);
    if (r == -ETIMEDOUT) {
        snprintf(j.result, sizeof j.result, "not done in %llu s", (unsigned long long)(j.waited / SECOND));
        r = job_error(h, name, word, j.result, err);
    } else if (r < 0)
        r = bus_error(name, word, r, NULL, err);
    else if (strcmp(j.result, "done") != 0)
        r = job_error(h, name, word, j.result, err);
out:
    sd_bus_slot_unref(slot);
    sd_bus_message_unref(reply);
    sd_bus_error_free(&e);
    return r;
}

int real_bus_call_new(sd_bus *bus, const char *method, sd_bus_message **ret)
{
    return sd_bus_message_new_method_call(bus, ret, SYSTEMD, MANAGER_PATH, MANAGER, method);
}

static int job_simple(struct host *h, sd_bus *bus, const char *name, const char *method, const char *word,
                      struct error *err)
{
    sd_bus_message *call = NULL;
    int r = real_bus_call_new(bus, method, &call);
    if (r >= 0)
        r = sd_bus_message_append(call, "ss", name, "replace");
    r = r < 0 ? bus_error(name, word, r, NULL, err) : real_bus_job(h, bus, name, word, call, err);
    sd_bus_message_unref(call);
    return r;
}

/* --- unit files --------------------------------------------------------------------------------------------
 */

static int manager_reload(sd_bus *bus, struct error *err)
{
    sd_bus_error e = SD_BUS_ERROR_NULL;
    int r = sd_bus_call_method(bus, SYSTEMD, MANAGER_PATH, MANAGER, "Reload", &e, NULL, NULL);
    if (r < 0)
        r = bus_error("systemd", "reading the unit files again", r, &e, err);
    sd_bus_error_free(&e);
    return r < 0 ? r : 0;
}

static int enablement_change(sd_bus *bus, const char *name, bool on, struct error *err)
{
    sd_bus_error e = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    int carries = 1;
    int r = on ? sd_bus_call_method(bus, SYSTEMD, MANAGER_PATH, MANAGER, "EnableUnitFiles", &e, &reply,
                                    "asbb", 1, name, 0, 0)
               : sd_bus_call_method(bus, SYSTEMD, MANAGER_PATH, MANAGER, "DisableUnitFiles", &e, &reply,
                                    "asb", 1, name, 0);
    if (r >= 0 && on)
        r = sd_bus_message_read(reply, "b", &carries);
    if (r < 0)
        r = bus_error(name, on ? "enabling it" : "disabling it", r, &e, err);
    else if (!carries) {
        r = error_set(err, -EINVAL, "%s cannot be enabled: its unit file has no [Install] section", name);
        error_hint(err, "such a unit is started by others; declare it without enabled");
    } else {
        r = manager_reload(bus, err);
    }
    sd_bus_message_unref(reply);
    sd_bus_error_free(&e);
    return r;
}

/* A unit that has an init script of its name too: systemctl keeps the script's rc links the same way, with
 * the same program (systemctl(1), enable). */
static int sysv_follow(struct host *h, const char *name, bool on, struct error *err)
{
    const char *tool = "/lib/systemd/systemd-sysv-install";
    char script[NAME_MAX + 1], path[NAME_MAX + 16];
    struct fs_stat st;
    if (!ends_with(name, ".service"))
        return 0;
    snprintf(script, sizeof script, "%.*s", (int)(strlen(name) - strlen(".service")), name);
    snprintf(path, sizeof path, "/etc/init.d/%s", script);
    int r = fs_stat(h, path, &st, err);
    if (r < 0 || st.type != FS_FILE || access(tool, X_OK) != 0)
        return r;
    const char *const argv[] = {tool, on ? "enable" : "disable", script, NULL};
    return host_run_ok(h, &(struct exec){.argv = argv, .mutates = true}, err);
}

int real_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err)
{
    static const struct {
        const char *method, *word;
    } jobs[] = {[UNIT_START] = {"StartUnit", "start"},
                [UNIT_STOP] = {"StopUnit", "stop"},
                [UNIT_RELOAD] = {"ReloadUnit", "reload"},
                [UNIT_RESTART] = {"RestartUnit", "restart"}};
    sd_bus *bus;
    int r = name_check(name, err);
    if (r == 0)
        r = real_bus_open(h, &bus, err);
    if (r < 0)
        return r;
    if (verb == UNIT_ENABLE || verb == UNIT_DISABLE) {
        r = enablement_change(bus, name, verb == UNIT_ENABLE, err);
        return r < 0 ? r : sysv_follow(h, name, verb == UNIT_ENABLE, err);
    }
    return job_simple(h, bus, name, jobs[verb].method, jobs[verb].word, err);
}

int real_units_reload(struct host *h, struct error *err)
{
    sd_bus *bus;
    int r = real_bus_open(h, &bus, err);
    return r < 0 ? r : manager_reload(bus, err);
}
