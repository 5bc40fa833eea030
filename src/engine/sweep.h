/* Removing what nobody needs any more: what sweep.c and prune.c share. */
#ifndef CITRUS_ENGINE_SWEEP_H
#define CITRUS_ENGINE_SWEEP_H
#include "internal.h"

struct sweep {
    struct engine *e;
    struct arena *a;
    int64_t now;
    int64_t keep;      /* a transaction whose undo directory stays for a person to look at */
    bool plan_only;    /* nothing is removed */
    struct prune *ret; /* NULL: nobody asks what went */
};

/* Whether it may yet be taken back as a whole: then what undo kept of it, its part of the trash and its rows
 * in the journal stay, however old. */
bool sweep_needed(const struct store_tx *tx);

/* Removes the path (NULL: it is a row, and the caller's to remove) and notes it. What cannot be removed stays
 * for the next time. */
void sweep_note(struct sweep *s, enum prunable what, const char *name, int64_t number, int64_t since);
void sweep_undo(struct sweep *s);
/* `stays`: what is left in the trash. */
int sweep_trash(struct sweep *s, struct trash_list *stays, struct error *err);

#endif
