/* Time that nobody sets: for how long something takes. */
#ifndef CITRUS_CLOCK_H
#define CITRUS_CLOCK_H
#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Not at all where nothing is left to wait for. A signal ends it early. */
static inline void clock_pause_ms(int64_t ms)
{
    if (ms > 0)
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

#endif
