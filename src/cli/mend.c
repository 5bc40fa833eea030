/* citrus drift --apply: takes back what somebody changed since the newest generation, and nothing else. What
 * the timer runs: it gives way to any other run, and gives up on a generation that keeps failing. */
#include "session.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>

static int gave_up(const struct store_drift *d, long long generation)
{
    fprintf(stderr,
            "citrus: mending generation %lld failed %lld times in a row, and is not tried again: %s\n"
            "  hint: mend it by hand or apply a manifest that fits; `citrus drift --retry` tries again\n",
            generation, (long long)d->failures, d->error ? d->error : "see the history");
    return EXIT_ERROR;
}

/* Only what nobody watched counts, and what no signal ended. */
static void keep_account(struct session *s, const struct store_drift *before, long long generation,
                         int status)
{
    struct store_drift now = {.generation = generation};
    struct error err = {0};
    bool counts = s->o->yes && status != EXIT_DONE && status != EXIT_STALE && !*interrupt_flag();
    if (!counts && (status != EXIT_DONE || before->failures == 0))
        return;
    if (counts) {
        now.failures = 1 + (before->generation == generation ? before->failures : 0);
        now.time = (int64_t)time(NULL);
        now.error = s->trouble;
    }
    if (store_drift_put(s->store, &now, &err) < 0)
        session_fail(s, &err);
    else if (now.failures >= DRIFT_FAILURES_MOST)
        gave_up(&now, generation);
}

int mend(const struct options *o, bool brief)
{
    struct session s;
    struct options quiet = *o;
    struct store_drift before = {0};
    struct store_generation g = {0};
    struct error err = {0};
    quiet.gives_way = o->yes;
    int status = session_open(&s, &quiet, SESSION_CHANGE);
    if (status)
        return session_close(&s, status == EXIT_LOCKED && o->yes ? EXIT_DONE : status);
    int r = drift_generation(&s, &g, &err);
    if (r == 0)
        r = store_drift_get(s.store, &s.arena, &before, &err);
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    bool failing = before.generation == g.number && before.failures >= DRIFT_FAILURES_MOST;
    if (failing && !o->retry && o->yes)
        return session_close(&s, gave_up(&before, g.number));
    if (o->retry)
        before.failures = 0;
    s.corrective_only = true;
    status = session_texts(&s, g.bundle);
    const char *title = status ? NULL
                               : arena_printf(&s.arena, "Drift on %s since generation %lld",
                                              s.manifest->server.name, (long long)g.number);
    if (status == 0)
        status = session_run(&s, &(struct run){.title = title, .why = RUN_DRIFT, .brief = brief});
    keep_account(&s, &before, g.number, status);
    return session_close(&s, status);
}

int drift_mend(const struct options *o)
{
    return mend(o, false);
}
