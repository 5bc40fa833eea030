/* A kind that does what a test tells it: a value by name, in memory, and what its calls shall fail or lie
 * about. */
#ifndef CITRUS_TEST_PROBE_H
#define CITRUS_TEST_PROBE_H
#include "kind.h"

struct probe_spec {
    const char *value;
    const char *promise; /* cannot be seen: found as wanted; unset in what an older citrus noted */
};
extern const struct kind probe_kind;

enum probe_trouble {
    PROBE_PREPARE = 1 << 0,
    PROBE_CAPTURE = 1 << 1,
    PROBE_APPLY = 1 << 2,      /* refuses, having done nothing */
    PROBE_APPLY_HALF = 1 << 3, /* refuses, having done it */
    PROBE_LIE = 1 << 4,        /* says it did, and did nothing */
    PROBE_UNDO = 1 << 5,
    PROBE_OBSERVE = 1 << 6,
    PROBE_ONE_WAY = 1 << 7, /* its plan says so */
    PROBE_AWAY = 1 << 8,    /* what undo needs is not there at the first three tries */
};
void probe_reset(void);
void probe_set(const char *id, const char *value); /* NULL: not there */
const char *probe_get(const char *id);             /* NULL: not there */
void probe_trouble(const char *id, unsigned trouble);
unsigned long probe_looks(void); /* how many resources were observed so far */

#endif
