/* Applies that stand only when somebody confirms them: who asks for that, the timer, and what other commands
 * do meanwhile.
 *
 * The timer is started before the first change and fires for the first time after TIME, however long the
 * apply takes. What it starts waits for the store's lock and then looks: an apply that was killed is taken
 * back; one that came to its end and still has time is waited for; one whose time is over is taken back. So
 * there is no moment at which something stands that nobody watches. After a boot the timer is gone, and the
 * same unit does the same. */
#include "awaiting.h"
#include "text.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIMER           "citrus-confirm.timer"
#define SERVICE         "citrus-confirm.service"
#define CONFIRM_DEFAULT 300
#define CONFIRM_LEAST   1
#define CONFIRM_MOST    86400

const char *awaiting_left(int64_t seconds, struct arena *a)
{
    seconds = seconds < 0 ? 0 : seconds;
    if (seconds < 60)
        return arena_printf(a, "%lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
    if (seconds % 60 == 0 || seconds >= 600)
        return arena_printf(a, "%lld minute%s", (long long)seconds / 60, seconds < 120 ? "" : "s");
    return arena_printf(a, "%lld min %lld s", (long long)seconds / 60, (long long)seconds % 60);
}

const char *awaiting_when(int64_t t, struct arena *a)
{
    const char *text = time_text(a, t), *space = strchr(text, ' ');
    return space ? space + 1 : text;
}

/* A clock that was set back makes nobody wait for longer than was asked for. */
int64_t awaiting_seconds(const struct store_awaiting *w)
{
    int64_t left = w->until - (int64_t)time(NULL);
    return left < 0 ? 0 : left > w->seconds ? w->seconds : left;
}

int session_awaiting(struct session *s, struct awaiting *ret, struct error *err)
{
    *ret = (struct awaiting){0};
    int r = store_awaiting_get(s->store, &ret->w, err);
    if (r < 0 || ret->w.tx == 0)
        return r;
    r = store_tx_get(s->store, ret->w.tx, &s->arena, &ret->tx, err);
    if (r < 0)
        return r;
    ret->awaits = ret->tx.state == TX_AWAITING;
    ret->begun = ret->tx.state == TX_OPEN || ret->tx.state == TX_STUCK;
    return 0;
}

/* ---- before an apply --------------------------------------------------------------------------------------
 */

static int refuse(struct session *s, struct error *err, const char *hint)
{
    error_hint(err, "%s", hint);
    return session_fail(s, err);
}

int awaiting_decide(struct session *s)
{
    struct error err = {0};
    s->confirm = 0;
    if (s->o->confirm && s->host->offline) {
        error_set(
            &err, -EOPNOTSUPP,
            "--confirm needs the running system's timers, and %s is an offline root. Nothing was changed",
            s->host->root);
        return refuse(s, &err, "apply without it: nobody is shut out of a tree that does not run");
    }
    s->confirm = s->plan->actions.n ? s->o->confirm : 0;
    if (s->confirm || s->plan->lockouts == 0 || s->o->no_confirm || s->o->plan_only)
        return 0;
    if (s->plan->corrective_only) {
        error_set(&err, -EPERM,
                  "%zu of these changes can shut you out (ssh, firewall), by what goes along, and nobody"
                  " confirmed that. Nothing was changed",
                  s->plan->lockouts);
        return refuse(s, &err, "`citrus apply` makes them, and asks for the confirmation");
    }
    if (s->o->yes || s->o->json) {
        error_set(&err, -EPERM,
                  "the plan has %zu change%s that can shut you out (ssh, firewall), and nobody is asked here."
                  " Nothing was changed",
                  s->plan->lockouts, s->plan->lockouts == 1 ? "" : "s");
        return refuse(
            s, &err,
            "--confirm 5m takes it back unless `citrus confirm` comes in time; --no-confirm applies it"
            " without that");
    }
    s->confirm = CONFIRM_DEFAULT;
    fprintf(
        stderr,
        "This can shut you out, so it is applied with --confirm %s: it is taken back unless `citrus confirm`"
        " comes in time (--no-confirm: without that).\n",
        duration_text(&s->arena, s->confirm));
    return 0;
}

int awaiting_arm(struct session *s)
{
    struct error err = {0};
    if (!s->confirm)
        return 0;
    const char *about = "Takes back what citrus applied, unless `citrus confirm` comes in time";
    if (host_timer(s->host, TIMER, s->confirm, about, &err) < 0) {
        error_prefix(&err, "nothing was changed, because nothing would take it back");
        return refuse(s, &err, SERVICE " comes with citrus: is it installed?");
    }
    /* A terminal that is gone is what this is for: the apply goes on to its end. */
    signal(SIGHUP, SIG_IGN);
    return 0;
}

void awaiting_disarm(struct session *s)
{
    struct error err = {0};
    if (host_timer(s->host, TIMER, 0, NULL, &err) < 0)
        fprintf(stderr, "citrus: %s; it finds nothing to take back\n", err.text);
}

void awaiting_tell(struct session *s, const struct apply_result *r, struct buf *out)
{
    buf_addf(out,
             "%sIt stands until %s%s (%s): `citrus confirm` keeps it, best from a new login; else it is "
             "taken back."
             " `citrus confirm --undo` does that now.\n",
             style_yellow(&s->style), awaiting_when(r->until, &s->arena), style_off(&s->style),
             awaiting_left(s->confirm, &s->arena));
}

/* ---- while one awaits -------------------------------------------------------------------------------------
 */

int awaiting_undo(struct session *s, const struct awaiting *a, const char *why, struct recover_item *ret)
{
    struct error err = {0};
    int r = engine_unconfirmed(&s->engine, &s->arena, &a->w, why, ret, &err);
    progress_close(s);
    if (r < 0)
        return session_fail(s, &err);
    if (!ret->stuck)
        return 0;
    error_prefix(&ret->err, "transaction %lld", (long long)ret->transaction);
    session_fail(s, &ret->err);
    return EXIT_STUCK;
}

static void describe(struct session *s, const struct awaiting *a, struct error *err)
{
    error_set(err, -EWOULDBLOCK, "transaction %lld (%s by %s) awaits confirmation until %s: %s left",
              (long long)a->w.tx, a->tx.why, a->tx.who ? a->tx.who : "?",
              awaiting_when(a->w.until, &s->arena), awaiting_left(awaiting_seconds(&a->w), &s->arena));
    error_hint(err, "`citrus confirm` keeps it, `citrus confirm --undo` takes it back now");
}

void awaiting_note(struct session *s)
{
    struct error err = {0};
    struct awaiting a;
    if (session_awaiting(s, &a, NULL) < 0 || !a.awaits)
        return;
    describe(s, &a, &err);
    fprintf(stderr, "citrus: %s; nothing else is applied until then\n", err.text);
}

static int refused(struct session *s, const struct awaiting *a)
{
    struct error err = {0};
    describe(s, a, &err);
    session_fail(s, &err);
    return EXIT_LOCKED;
}

int session_awaits(struct session *s)
{
    struct error err = {0};
    struct awaiting a;
    struct recover_item item;
    if (session_awaiting(s, &a, &err) < 0)
        return session_fail(s, &err);
    if (a.begun && !s->o->settles)
        return session_recover(s, false);
    if (!a.awaits)
        return 0;
    if (awaiting_seconds(&a.w) > 0)
        return s->o->gives_way ? EXIT_LOCKED : refused(s, &a);
    int status = awaiting_undo(s, &a, AWAITING_OVER, &item);
    if (status == 0) {
        awaiting_disarm(s);
        fprintf(stderr,
                "citrus: transaction %lld was not confirmed by %s and is undone: the old state stands\n",
                (long long)a.w.tx, awaiting_when(a.w.until, &s->arena));
    }
    return status;
}

int awaiting_parse(const char *text, int64_t *ret)
{
    int64_t seconds;
    if (duration_parse(text, &seconds) < 0 || seconds < CONFIRM_LEAST || seconds > CONFIRM_MOST)
        return -EINVAL;
    *ret = seconds;
    return 0;
}
