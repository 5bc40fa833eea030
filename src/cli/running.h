/* Transactions that are open: a crash left them, or a run is at work on them this very moment. Only its lock
 * tells, which is asked about where one is open and not otherwise: a look that finds nothing pays nothing. */
#ifndef CITRUS_RUNNING_H
#define CITRUS_RUNNING_H
#include "session.h"

struct running {
    bool at_work; /* a run holds the lock */
    struct store_holder by;
};
/* Asks who works on those of `t` that are open. True where `t` has to be read again: nobody works any more,
 * and who did may have ended after `t` was read. */
bool running_look(struct session *s, const struct store_tx *t, size_t n, struct running *ret);
/* store_tx_open(), and who works on them. */
int running_open(struct session *s, struct store_tx **ret, size_t *n, struct running *by, struct error *err);
bool running_is(const struct running *r, const struct store_tx *t);
/* " (process 4711, since 2026-11-23 14:05:09)", empty where it has not signed. */
const char *running_by(const struct running *r, struct arena *a);

#endif
