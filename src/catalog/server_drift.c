/* The timer that mends drift: citrus brings its unit files along, the manifest says how often it fires. */
#include "builder.h"

#define TIMER "citrus-drift.timer"

/* After the boot, or the apply that starts the timer: not at once, which would be beside that apply. */
#define FIRST 300

/* Servers that were set up together are spread over a tenth of the interval, each at its own place. */
#define SPREAD 10

void server_drift(struct builder *b)
{
    const struct server_drift *d = &b->m->server.drift;
    if (d->interval == FIELD_UNSET)
        return;
    struct pos pos = pos_field(record_server("drift"), d, "interval", b->m->server.origin.pos);
    int64_t first = d->interval < FIRST ? d->interval : FIRST;
    /* An empty assignment resets all that is monotonic (systemd.timer(5)), and OnUnitActiveSec= counts from a
     * start of the service: something has to be the first one. */
    const char *lines =
        arena_printf(b->a,
                     "[Timer]\n"
                     "OnUnitActiveSec=\n"
                     "OnActiveSec=%llds\n"
                     "OnUnitActiveSec=%llds\n"
                     "RandomizedDelaySec=%llds\n",
                     (long long)first, (long long)d->interval, (long long)(d->interval / SPREAD));
    struct resource *file = add_drop_in(b, TIMER, "interval.conf", lines, pos);
    struct resource *timer = add_service(b, TIMER, NULL, pos);
    timer->own = true;
    resource_needs(b->c, timer, file);
    resource_notifies(b->c, file, timer, IMPACT_RESTART);
}
