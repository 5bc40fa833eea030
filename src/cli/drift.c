#include "session.h"
#include <errno.h>
#include <stdio.h>

int command_drift(const struct options *o)
{
    struct session s;
    struct options look = *o;
    look.plan_only = true;
    int status = session_open(&s, &look, SESSION_LOOK);
    struct store_generation g = {0};
    struct error err = {0};
    if (status)
        return session_close(&s, status);
    int r = store_generation_get(s.store, 0, &s.arena, &g, &err);
    if (r == -ENOENT) {
        error_set(&err, r, "nothing was applied here yet, so nothing can have drifted");
        error_hint(&err, "`citrus apply --plan MANIFEST` shows what an apply would do");
    }
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    status = o->n_args ? session_manifest(&s, o->args[0]) : session_texts(&s, g.bundle);
    if (status == 0)
        status = session_recover(&s, true);
    if (status == 0)
        status = session_plan(&s);
    if (status)
        return session_close(&s, status);
    struct buf b = {0};
    const char *title =
        arena_printf(&s.arena, "Drift on %s since generation %lld", s.plan->server, (long long)g.number);
    if (o->json)
        report_plan_json(&s.engine, s.plan, s.redactor, &b);
    else if (s.plan->actions.n)
        report_plan(&s.engine, s.plan, &s.style, s.redactor, title, &b);
    else
        buf_addf(&b, "No drift: %s is as generation %lld says (%zu resources).\n", s.plan->server,
                 (long long)g.number, s.plan->unchanged);
    out_flush(&b);
    status = o->detailed && s.plan->actions.n ? EXIT_PENDING : EXIT_DONE;
    store_run_note(s.store, "drift", status, (int64_t)plan_changes(s.plan), NULL);
    return session_close(&s, status);
}
