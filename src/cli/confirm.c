/* citrus confirm: what was applied with --confirm stands; with --undo, or when its time is over, it is taken
 * back. */
#include "awaiting.h"
#include "clock.h"
#include <errno.h>
#include <stdio.h>

#define LOCK_WAIT_MS 200
#define LOCK_TRIES   50 /* the timer's look at the store takes milliseconds */

/* The store, with the lock; another run is waited for: so many tries, or (0) for as long as it takes. */
static int open_waiting(struct session *s, const struct options *o, int tries)
{
    struct options quiet = *o;
    quiet.settles = true;
    for (int i = 1;; i++) {
        quiet.gives_way = tries == 0 || i < tries;
        int status = session_open(s, &quiet, SESSION_CHANGE);
        s->o = o;
        if (status != EXIT_LOCKED || !quiet.gives_way || *interrupt_flag())
            return status;
        session_close(s, status);
        clock_pause_ms(LOCK_WAIT_MS);
    }
}

static int told(struct session *s, const struct awaiting *a, const char *state, int status)
{
    struct buf b = {0};
    struct jsonw j;
    if (!s->o->json)
        return status;
    jw_init(&j, &b, true);
    jw_object(&j, NULL);
    jw_int(&j, "transaction", a->w.tx);
    jw_str(&j, "state", state);
    jw_end(&j);
    buf_addc(&b, '\n');
    out_flush(&b);
    return status;
}

/* What became of the last one that was not confirmed is what who comes too late wants to know. */
static int nothing(struct session *s)
{
    struct error err = {0};
    struct store_tx last;
    error_set(&err, -ENOENT, "no apply awaits confirmation");
    if (store_tx_get(s->store, 0, &s->arena, &last, NULL) == 0 && last.state == TX_UNDONE && last.error)
        error_hint(&err, "transaction %lld is undone: %s", (long long)last.id, last.error);
    else
        error_hint(&err, "`citrus apply --confirm 5m` makes one that does");
    return session_fail(s, &err);
}

static int take_back(struct session *s, const struct awaiting *a, const char *why, int status)
{
    struct recover_item item;
    int r = awaiting_undo(s, a, why, &item);
    if (r)
        return told(s, a, "stuck", r);
    if (!s->o->json)
        printf("Transaction %lld is undone, %s: the old state stands (%zu action%s taken back).\n",
               (long long)a->w.tx, why, item.undone, item.undone == 1 ? "" : "s");
    store_run_note(s->store, "confirm", status, (int64_t)item.undone, NULL);
    return told(s, a, "undone", status);
}

static int keep(struct session *s, const struct awaiting *a)
{
    struct error err = {0};
    struct store_generation g;
    if (engine_confirm(&s->engine, &a->w, &err) < 0)
        return session_fail(s, &err);
    bool made = store_generation_get(s->store, 0, &s->arena, &g, NULL) == 0 && g.transaction == a->w.tx;
    if (!s->o->json && made)
        printf("Confirmed: transaction %lld stands, as generation %lld.\n", (long long)a->w.tx,
               (long long)g.number);
    else if (!s->o->json)
        printf("Confirmed: transaction %lld stands.\n", (long long)a->w.tx);
    store_run_note(s->store, "confirm", EXIT_DONE, 0, NULL);
    return told(s, a, "confirmed", EXIT_DONE);
}

static int answer(struct session *s)
{
    struct error err = {0};
    struct awaiting a;
    if (session_awaiting(s, &a, &err) < 0)
        return session_fail(s, &err);
    if (a.begun) { /* killed on its way, and the timer has not come to it yet */
        int status = session_recover(s, false);
        return status ? status : told(s, &a, "undone", s->o->undo ? EXIT_DONE : EXIT_UNDONE);
    }
    if (!a.awaits)
        return nothing(s);
    int status;
    if (s->o->undo)
        status = take_back(s, &a, arena_printf(&s->arena, "taken back by %s", session_who(s)), EXIT_DONE);
    else if (awaiting_seconds(&a.w) == 0)
        status = take_back(s, &a, AWAITING_OVER, EXIT_UNDONE);
    else
        status = keep(s, &a);
    awaiting_disarm(s);
    return status;
}

/* What the timer and the boot start. `last`: that one's time was waited for. `wait` is what it has left. */
static int expire_once(struct session *s, int64_t *last, int64_t *wait)
{
    struct error err = {0};
    struct awaiting a;
    *wait = 0;
    if (session_awaiting(s, &a, &err) < 0)
        return session_fail(s, &err);
    if (a.begun)
        return session_recover(s, false);
    if (!a.awaits)
        return EXIT_DONE;
    if (*last != a.w.tx)
        *wait = awaiting_seconds(&a.w);
    *last = a.w.tx;
    return *wait ? EXIT_DONE : take_back(s, &a, AWAITING_OVER, EXIT_DONE);
}

static int expire(const struct options *o)
{
    int64_t last = 0, wait;
    do {
        struct session s;
        int status = open_waiting(&s, o, 0);
        if (status == 0)
            status = expire_once(&s, &last, &wait);
        session_close(&s, status);
        if (status == EXIT_LOCKED && *interrupt_flag())
            return EXIT_DONE; /* told to end while another run was at work: that one decided */
        if (status || *interrupt_flag())
            return status;
        for (int64_t i = 0; i < wait && !*interrupt_flag(); i++)
            clock_pause_ms(1000);
    } while (wait && !*interrupt_flag());
    return EXIT_DONE;
}

int command_confirm(const struct options *o)
{
    struct session s;
    if (o->expire)
        return expire(o);
    int status = open_waiting(&s, o, LOCK_TRIES);
    return session_close(&s, status ? status : answer(&s));
}
