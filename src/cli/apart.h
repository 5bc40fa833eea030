/* Work that is done in a process of its own: what it takes of memory goes with it. It says what came of it in
 * texts.
 *
 *     apart_begin(&a, work, self, &err);
 *     while ((text = apart_next(&a)))         -- valid until the next call
 *         ...
 *     status = apart_end(&a);                 -- what work() returned
 *
 * Signals are the parent's. One that asks it to end is passed on while apart_next() waits, once: the work
 * comes to an end as it would have by itself (interrupt_flag). */
#ifndef CITRUS_APART_H
#define CITRUS_APART_H
#include "arena.h"
#include "error.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct apart {
    pid_t pid;
    int fd;
    bool told; /* to end */
    char *piece;
    size_t at, n, room;
};
int apart_begin(struct apart *a, int (*work)(void *self, FILE *out), void *self, struct error *err);
const char *apart_next(struct apart *a);                      /* NULL: it said all */
const char *apart_text(struct apart *a, struct arena *arena); /* the same, kept; "" where it said all */
int apart_end(struct apart *a);              /* EXIT_ERROR where it did not come to its end */
void apart_say(FILE *out, const char *text); /* NULL as "" */

#endif
