/* The worker processes of a master: nginx answers a HUP with new workers, or, when its configuration is bad,
 * by keeping the old ones, and the exit status is the same. */
#ifndef CITRUS_WORKERS_H
#define CITRUS_WORKERS_H
#include "arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workers {
    int64_t *pids;
    size_t n;
};
/* -ENOENT where the kernel does not tell (CONFIG_PROC_CHILDREN) or no such process is there. */
int workers_read(int64_t master, struct workers *ret, struct arena *a);
/* Waits until the master has a child that is none of `old`; false after `milliseconds`. */
bool workers_renewed(int64_t master, const struct workers *old, int milliseconds, struct arena *a);

#endif
