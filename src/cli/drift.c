#include "session.h"
#include <errno.h>
#include <stdio.h>

int drift_generation(struct session *s, struct store_generation *ret, struct error *err)
{
    int r = store_generation_get(s->store, 0, &s->arena, ret, err);
    if (r == -ENOENT) {
        error_set(err, r, "nothing was applied here yet, so nothing can have drifted");
        error_hint(err, "`citrus apply --plan MANIFEST` shows what an apply would do");
    }
    return r;
}

static int wrong(const char *what)
{
    fprintf(stderr, "citrus drift: %s\n  see `citrus drift --help`\n", what);
    return EXIT_ERROR;
}

static void show(struct session *s, const struct options *o, long long generation)
{
    struct buf b = {0};
    const char *title =
        arena_printf(&s->arena, "Drift on %s since generation %lld", s->plan->server, generation);
    if (o->json)
        report_plan_json(&s->engine, s->plan, s->redactor, &b);
    else if (s->plan->actions.n || s->plan->left.n || s->plan->ignored)
        report_plan(&s->engine, s->plan, &s->style, s->redactor, title, &b);
    else
        buf_addf(&b, "No drift: %s is as generation %lld says (%zu resources).\n", s->plan->server,
                 generation, s->plan->unchanged);
    glance_keep(s, &b);
    out_flush(&b);
}

static int look(const struct options *o)
{
    struct session s;
    struct options plan = *o;
    plan.plan_only = true;
    int status = session_open(&s, &plan, o->retry ? SESSION_LOOK : SESSION_GLANCE);
    struct store_generation g = {0};
    struct error err = {0};
    if (status)
        return session_close(&s, status);
    int r = drift_generation(&s, &g, &err);
    if (r == 0 && o->retry)
        r = store_drift_put(s.store, &(struct store_drift){.generation = g.number}, &err);
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    glance_allow(&s, "drift");
    status = o->n_args ? session_manifest(&s, o->args[0]) : session_texts(&s, g.bundle);
    if (s.glanced)
        return session_close(&s, EXIT_DONE);
    if (status == 0)
        status = session_recover(&s, true);
    if (status == 0)
        status = session_plan(&s);
    if (status)
        return session_close(&s, status);
    session_obstacles(&s);
    show(&s, o, g.number);
    status = o->detailed && s.plan->actions.n ? EXIT_PENDING : EXIT_DONE;
    store_run_note(s.store, "drift", status, (int64_t)plan_changes(s.plan), NULL);
    return session_close(&s, status);
}

int command_drift(const struct options *o)
{
    if (o->adopt && (o->mend || o->watch))
        return wrong("--adopt goes with neither --apply nor --watch");
    if (o->adopt && o->json)
        return wrong("--adopt writes a patch, which is no JSON: it does not go with --json");
    if (o->write && !o->adopt)
        return wrong("--write goes with --adopt");
    if (o->n_args && (o->mend || o->watch))
        return wrong("--apply and --watch are about the newest generation: they take no manifest");
    if (o->detailed && (o->mend || o->watch || o->adopt))
        return wrong("--detailed-exitcode is for looking: it goes with none of --apply, --watch and --adopt");
    if (o->watch)
        return drift_watch(o);
    if (o->adopt)
        return drift_adopt(o);
    return o->mend ? drift_mend(o) : look(o);
}
