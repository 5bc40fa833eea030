/* Waiting for whoever else installs packages. apt waits for dpkg's lock alone, and not for those of its lists
 * and downloads, and apt-mark and dpkg for none (seen with apt 2.6.1, dpkg 1.21): so it is done here, where
 * it can say whom it waits for. Private to this folder. */
#ifndef CITRUS_APT_LOCK_H
#define CITRUS_APT_LOCK_H
#include "host.h"

struct apt_wait {
    const struct progress *progress; /* NULL: none */
    int64_t deadline_ms;             /* of CLOCK_MONOTONIC */
    int seconds;                     /* how long that was in all */
};
struct apt_wait apt_wait_start(const struct host *h, const struct progress *p);
/* Until nobody holds the locks that `verb` takes. -EBUSY with the holder's process and command when the time
 * is over, -EINTR when a signal ended the wait. */
int apt_wait(struct host *h, const struct apt_wait *w, enum apt_verb verb, struct error *err);
bool apt_wait_over(const struct apt_wait *w);
/* Whether a program's output says that somebody took a lock before it. */
bool apt_lock_missed(const char *output);

#endif
