/* Upper bounds of time. They hold natively on a machine that has something else to do as well; below valgrind
 * and the sanitizers, and beside other tests there, they say nothing, and CITRUS_TEST_SLOW is set. */
#ifndef CITRUS_TEST_TIMELY_H
#define CITRUS_TEST_TIMELY_H
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

static inline double seconds(void) /* of a clock that goes on evenly */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline bool timely(bool in_time)
{
    return in_time || getenv("CITRUS_TEST_SLOW");
}

#endif
