/* The looks of drift --watch. They are work of a process of its own (apart.h), so that the one that stays
 * needs no more memory than a list of what it watches. What is said, each letter and value a text:
 *
 *     g                            nothing differs, and nothing changed since the last look
 *     n NUMBER TO_MEND             the generation; how many of the differences an apply would mend
 *     r KIND ID SITE POLICY        what the following paths and units are of, in the order of their numbers
 *     x                            ... nothing that could be looked at by itself
 *     p PATH | u UNIT
 *     d KIND ID SITE OP POLICY FIELDS   a difference
 *     s KIND ID                    none: as it was promised
 *     .                            the end
 *
 * Nothing is said where another run is at work: EXIT_LOCKED. */
#ifndef CITRUS_WATCH_LOOK_H
#define CITRUS_WATCH_LOOK_H
#include "session.h"

struct watched {
    const char *kind, *id, *site;
    enum drift_policy policy;
    bool hit;
};
struct look {
    const struct options *o;
    int64_t generation; /* whose paths are watched; -1: none yet */
    bool anew;          /* no glance is taken */
    const struct watched *at;
    size_t n; /* look_near(): those with `hit` */
};
/* Everything, as drift does. */
int look_whole(void *look, FILE *out);
/* What was hit alone, as soon as it was: against what was promised of it, without the manifest. */
int look_near(void *look, FILE *out);

#endif
