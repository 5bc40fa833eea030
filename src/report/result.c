#include "report.h"
#include <string.h>

static const char *const outcome_names[] = {
    [APPLY_DONE] = "applied",  [APPLY_NOTHING] = "nothing-to-do", [APPLY_REFUSED] = "refused",
    [APPLY_UNDONE] = "undone", [APPLY_PARTIAL] = "partial",       [APPLY_STUCK] = "stuck",
    [APPLY_STALE] = "stale"};

void report_error(const struct error *err, struct buf *out)
{
    buf_addf(out, "citrus: %s\n", err->text);
    if (err->hint[0])
        buf_addf(out, "  hint: %s\n", err->hint);
}

static void show_failure(const struct failure *f, const struct report_style *s, struct buf *out)
{
    buf_addf(out, "%s%s%s: %s %s: %s\n", style_red(s), f->site ? f->site : "server", style_off(s), f->kind,
             f->id, f->err.text);
    if (f->err.hint[0])
        buf_addf(out, "  hint: %s\n", f->err.hint);
    if (!f->undone && f->undo_err.code) {
        buf_addf(out, "  and it could not be taken back: %s\n", f->undo_err.text);
        if (f->undo_err.hint[0])
            buf_addf(out, "  hint: %s\n", f->undo_err.hint);
    }
}

static void show_partial(const struct apply_result *r, const struct report_style *s, struct buf *out)
{
    size_t undone = 0;
    for (size_t i = 0; i < r->failures.n; i++)
        undone += r->failures.at[i].undone;
    buf_addf(out, "%sPartly applied%s: %zu change%s stand%s", style_yellow(s), style_off(s), r->done,
             r->done == 1 ? "" : "s", r->done == 1 ? "s" : "");
    if (r->generation)
        buf_addf(out, " as generation %lld", (long long)r->generation);
    if (undone == r->failures.n)
        buf_addf(out, "; what belongs to the site%s above is as it was.\n", undone == 1 ? "" : "s");
    else
        buf_adds(out, "; the run stopped there, and nothing was taken back.\n");
}

/* What a run that stopped did not come to, and what the service does not run with yet. */
static void show_owed(const struct plan *p, struct buf *out)
{
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct action *a = &p->actions.at[i];
        if (a->change.op == OP_REFRESH && a->owed && a->state != ACTION_DONE)
            buf_addf(out, "%s does not run with it yet: its %s is owed, and the next apply does it.\n",
                     a->change.res->id, impact_names[a->owed]);
    }
}

static size_t refreshed(const struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->actions.n; i++)
        n += p->actions.at[i].change.op == OP_REFRESH && p->actions.at[i].state == ACTION_DONE;
    return n;
}

/* The sites that were asked: what is not as it should be, each; the others are counted. */
static void show_health(const struct apply_result *r, const struct report_style *s, struct buf *out)
{
    size_t fine = 0;
    for (size_t i = 0; i < r->health.n; i++) {
        const struct health *h = &r->health.at[i];
        fine += h->state == HEALTH_FINE;
        if (h->state == HEALTH_BROKEN)
            buf_addf(out, "%s%s%s: was broken before this run, and is: %s\n", style_yellow(s), h->site,
                     style_off(s), h->text);
        else if (h->state == HEALTH_UNKNOWN)
            buf_addf(out, "%s%s%s: whether it works is not known: %s\n", style_yellow(s), h->site,
                     style_off(s), h->text);
        else if (h->state == HEALTH_WORSE && r->outcome != APPLY_STUCK && r->failures.n &&
                 r->failures.at[0].undone)
            buf_addf(out, "%s%s%s: what was changed is taken back, and still: %s\n", style_red(s), h->site,
                     style_off(s), h->text);
        else if (h->state == HEALTH_WORSE && r->failures.n == 0)
            buf_addf(out, "%s%s%s: %s\n", style_red(s), h->site, style_off(s), h->text);
        else if (s->verbose)
            buf_addf(out, "%s: %s, %lld ms\n", h->site, h->text, (long long)h->ms);
    }
    if (fine)
        buf_addf(out, "%zu site%s asked, and answer%s as %s should.\n", fine, fine == 1 ? " was" : "s were",
                 fine == 1 ? "s" : "", fine == 1 ? "it" : "they");
}

void report_result(const struct plan *p, const struct apply_result *r, const struct report_style *s,
                   struct buf *out)
{
    for (size_t i = 0; i < r->failures.n; i++)
        show_failure(&r->failures.at[i], s, out);
    switch (r->outcome) {
    case APPLY_DONE:
        if (r->done == 0 && refreshed(p))
            buf_addf(out, "%sRefreshed%s %zu service%s of %s", style_green(s), style_off(s), refreshed(p),
                     refreshed(p) == 1 ? "" : "s", p->server);
        else
            buf_addf(out, "%sApplied%s %zu change%s to %s", style_green(s), style_off(s), r->done,
                     r->done == 1 ? "" : "s", p->server);
        if (r->generation)
            buf_addf(out, " as generation %lld", (long long)r->generation);
        buf_adds(out, ".\n");
        break;
    case APPLY_NOTHING:
        if (r->generation)
            buf_addf(out, "Recorded as generation %lld.\n", (long long)r->generation);
        break;
    case APPLY_REFUSED:
        if (r->failures.n == 0)
            report_error(&r->err, out);
        buf_adds(out, "Nothing was changed.\n");
        break;
    case APPLY_UNDONE:
        buf_addf(out, "%sFailed and undone%s: the server is as it was before.\n", style_red(s), style_off(s));
        break;
    case APPLY_PARTIAL:
        show_partial(r, s, out);
        show_owed(p, out);
        break;
    case APPLY_STUCK:
        buf_addf(out,
                 "%sStuck%s: transaction %lld could not be taken back whole. A person is needed; then run"
                 " `citrus recover`.\n",
                 style_red(s), style_off(s), (long long)r->transaction);
        break;
    case APPLY_STALE:
        if (r->failures.n == 0)
            report_error(&r->err, out);
        buf_adds(out, "The plan is stale. Nothing was changed; plan again.\n");
        break;
    }
    show_health(r, s, out);
}

void report_result_member(const struct plan *p, const struct apply_result *r, const char *key,
                          struct jsonw *j)
{
    jw_object(j, key);
    jw_str(j, "server", p->server);
    jw_str(j, "outcome", outcome_names[r->outcome]);
    jw_int(j, "exit", apply_exit(r));
    jw_int(j, "transaction", r->transaction);
    jw_int(j, "generation", r->generation);
    jw_int(j, "done", (int64_t)r->done);
    if (r->until)
        jw_int(j, "confirm_until", r->until);
    if (r->err.code)
        jw_str(j, "error", r->err.text);
    jw_array(j, "failures");
    for (size_t i = 0; i < r->failures.n; i++) {
        const struct failure *f = &r->failures.at[i];
        jw_object(j, NULL);
        jw_str(j, "site", f->site);
        jw_str(j, "kind", f->kind);
        jw_str(j, "id", f->id);
        jw_str(j, "error", f->err.text);
        if (f->err.hint[0])
            jw_str(j, "hint", f->err.hint);
        jw_bool(j, "undone", f->undone);
        if (!f->undone && f->undo_err.code)
            jw_str(j, "undo_error", f->undo_err.text);
        jw_end(j);
    }
    jw_end(j);
    jw_array(j, "health");
    for (size_t i = 0; i < r->health.n; i++) {
        const struct health *h = &r->health.at[i];
        jw_object(j, NULL);
        jw_str(j, "site", h->site);
        jw_str(j, "state", health_names[h->state]);
        jw_str(j, "text", h->text);
        jw_int(j, "ms", h->ms);
        jw_end(j);
    }
    jw_end(j);
    jw_end(j);
}

void report_result_json(const struct plan *p, const struct apply_result *r, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    report_result_member(p, r, NULL, &j);
}
