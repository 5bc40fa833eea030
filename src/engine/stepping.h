/* The phases of a step, as step.c (one action, or a batch of one kind) and group.c (many that are durable
 * together) go through them: look again, keep what undo needs, write the intents, change, look, write that it
 * is done. */
#ifndef CITRUS_ENGINE_STEPPING_H
#define CITRUS_ENGINE_STEPPING_H
#include "applying.h"

/* What a step sees and makes for itself: gone with it, since a plan has many steps. A kind may note into a
 * wanted spec what it saw, so it gets copies of these. */
struct sight {
    struct arena arena;
    struct seen *seen;
    const void **planned; /* what the plan found, put back afterwards */
    size_t n;
};
/* Observes the batch's resources into s->seen. */
int sight_look(struct engine *e, struct sight *s, const struct action *batch, size_t n, struct error *err);
/* The same, and holds it against the plan: -ESTALE where somebody moved a target. `good`: how many of the
 * first are as planned, or were worked out anew; s->seen is NULL where they could not be looked at. Until
 * sight_end() each change's `found` is what was seen. */
int sight_begin(struct engine *e, struct plan *p, struct sight *s, struct action *batch, size_t n,
                size_t *good, struct error *err);
/* The same out of what was seen a moment ago, and held against the plan. */
void sight_take(struct sight *s, const struct seen *looked, struct action *batch, size_t n);
void sight_end(struct sight *s, struct action *batch);

/* Sets each one's undo record. `good`: how many of the first have theirs. */
int step_capture(struct engine *e, struct plan *p, struct sight *s, int64_t tx, struct action *batch,
                 size_t n, size_t *good, struct error *err);
/* One commit: ACTION_INTENT, or ACTION_SKIPPED where nothing is to be done. */
int step_intents(struct engine *e, int64_t tx, struct action *batch, size_t n, struct error *err);
/* What that makes of them once it is written. */
void step_intended(struct action *batch, size_t n);
/* Whether what was seen is what was promised. */
int step_kept(struct engine *e, const struct seen *seen, struct arena *a, struct error *err);
/* One commit: ACTION_DONE of those that are complete and not bad (NULL: none is); an intent that is planned
 * again is no intent. Durable with the next one: the next intent, or the transaction's end. */
int step_done(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n, const bool *bad,
              struct error *err);

/* --- group.c */
struct group_failure {
    struct action *act;
    struct error err;
    bool whole; /* it is not this action's own: nothing of the group can be relied on */
};
struct group_end {
    size_t n; /* actions that were dealt with; those after it are planned as before, but for what is DONE.
                 None: they could not be looked at all together, or there was a signal; one by one it shows
                 whose fault that is */
    VEC(struct group_failure) failures; /* in the plan's arena; their actions are INTENT, or still PLANNED */
};
/* How many of the plan's actions from `at` on can be made as one group; less than two: none. */
size_t group_length(const struct applying *x, size_t at);
/* Where the plan begins with a group, all of it that comes before the intents (`looked`: what was
 * seen of the targets a moment ago; NULL: they are looked at): they are written with the
 * transaction's rows, for so many of the first actions. Then group_apply(), or group_drop(). */
size_t group_ready(struct applying *x, const struct seen *looked);
void group_drop(struct applying *x);
void group_apply(struct applying *x, size_t at, size_t n, struct group_end *ret);

/* --- transaction.c */
/* Opens the transaction, with what undo needs set aside, and writes the intents of the first group, all in
 * one commit. Without a group it is durable with the first intent: nothing is changed before. -ESTALE: the
 * saved plan was applied before. */
int transaction_begin(struct applying *x, const struct seen *looked, struct error *err);

#endif
