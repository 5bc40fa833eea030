/* A difference as drift --watch knows and says it, and as its looks (watch_look.h) tell it. */
#ifndef CITRUS_DIFFERENCE_H
#define CITRUS_DIFFERENCE_H
#include "apart.h"
#include "buf.h"

struct difference {
    const char *kind, *id, *site, *op, *policy,
        *fields; /* fields: "mode, owner"; site: NULL is the server's */
    bool known;  /* was there at the last look */
};
/* KIND ID SITE OP POLICY FIELDS, the next that is told; its texts are in the arena. */
struct difference difference_next(struct apart *a, struct arena *arena);
bool difference_of_one(const struct difference *a, const struct difference *b); /* of one resource */
bool difference_same(const struct difference *a, const struct difference *b);
/* A line with the time of now; `event`: drift, over, mended. */
void difference_text(const struct difference *d, const char *event, bool json, struct buf *ret);

#endif
