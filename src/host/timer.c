/* Transient timers over systemd's bus: systemd.timer(5), and org.freedesktop.systemd1(5) on
 * StartTransientUnit. */
#include "bus.h"
#include "real.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000)

/* A timer that was stopped is forgotten a moment later; until then systemd knows a unit of its name. */
#define FORGET_TRIES 40
#define FORGET_NS    50000000

/* What it started goes with it: a service that still runs would not be started by the next timer. */
static int stop(struct host *h, const char *name, struct error *err)
{
    struct arena a = {0};
    int stem = (int)(strlen(name) - strlen(".timer"));
    struct unit_state units[] = {{.name = name}, {.name = arena_printf(&a, "%.*s.service", stem, name)}};
    int r = real_units(h, units, 2, &a, err);
    if (r == 0 && units[0].loaded)
        r = real_unit(h, name, UNIT_STOP, err);
    if (r == 0 && units[1].active)
        r = real_unit(h, units[1].name, UNIT_STOP, err);
    arena_free(&a);
    return r;
}

static int start_call(sd_bus *bus, const char *name, int64_t seconds, const char *about, sd_bus_message **ret)
{
    int r = real_bus_call_new(bus, "StartTransientUnit", ret);
    if (r >= 0) /* the two seconds are systemd's leave to come later: its own default is a minute */
        r = sd_bus_message_append(*ret, "ssa(sv)a(sa(sv))", name, "fail", 4, "Description", "s", about,
                                  "OnActiveSec", "t", (uint64_t)seconds * SECOND, "AccuracyUSec", "t",
                                  2 * SECOND, "RemainAfterElapse", "b", 0, 0);
    return r;
}

static int start(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err)
{
    sd_bus *bus;
    sd_bus_message *call = NULL;
    int r = real_bus_open(h, &bus, err);
    if (r < 0)
        return r;
    r = start_call(bus, name, seconds, about, &call);
    r = r < 0 ? error_errno(err, r, "%s: asking systemd for it", name)
              : real_bus_job(h, bus, name, "start", call, err);
    sd_bus_message_unref(call);
    return r;
}

int real_timer(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err)
{
    int r = stop(h, name, err);
    for (int i = 0; r == 0 && seconds > 0; i++) {
        r = start(h, name, seconds, about, err);
        if (r != -EEXIST || i == FORGET_TRIES)
            return r;
        error_clear(err);
        r = 0;
        nanosleep(&(struct timespec){.tv_nsec = FORGET_NS}, NULL);
    }
    return r;
}
