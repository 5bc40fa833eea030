/* Applies that stand only when somebody confirms them (apply --confirm): awaiting.c says how it works. As in
 * session.h, what returns a status has printed its error. */
#ifndef CITRUS_AWAITING_H
#define CITRUS_AWAITING_H
#include "session.h"

#define AWAITING_OVER "not confirmed in time"

struct awaiting {
    struct store_awaiting w; /* w.tx 0: none */
    struct store_tx tx;
    bool awaits; /* its end was reached, and it is neither confirmed nor taken back */
    bool begun;  /* a crash left it, on its way forward or back */
};
int session_awaiting(struct session *s, struct awaiting *ret, struct error *err);
int64_t awaiting_seconds(const struct store_awaiting *w);    /* that are left; 0: its time is over */
const char *awaiting_left(int64_t seconds, struct arena *a); /* "1 min 20 s" */
const char *awaiting_when(int64_t t, struct arena *a);       /* "14:03:22" */
int awaiting_parse(const char *text, int64_t *ret);          /* a TIME; -EINVAL */

/* Around an apply: whether this one is to be confirmed, and within what time (s->confirm); the timer, before
 * anything is changed; what is told of it. */
int awaiting_decide(struct session *s);
int awaiting_arm(struct session *s);
void awaiting_disarm(struct session *s);
void awaiting_tell(struct session *s, const struct apply_result *r, struct buf *out);
void awaiting_note(struct session *s); /* says that one awaits, to who only looks */
int awaiting_undo(struct session *s, const struct awaiting *a, const char *why, struct recover_item *ret);

#endif
