/* What apt and dpkg say, understood: while they run, and when they failed. LANG=C. Private to this folder. */
#ifndef CITRUS_APT_SAID_H
#define CITRUS_APT_SAID_H
#include "host.h"

/* A listener for a process's output: `say` of a struct progress whose self is this. */
struct apt_hearing {
    const struct progress *to; /* hears what is worth a line; NULL: nobody */
    int64_t space;             /* bytes that the installation will take; 0: it did not say */
};
void apt_hear(void *self, const char *line);

/* The same: notes what a simulation removes ("Remv systemd-timesyncd [252.39-1]"), but for those of `names`.
 */
struct apt_removals {
    const char *const *names;
    size_t n_names;
    struct arena *a;
    VEC(const char *) found;
};
void apt_hear_removal(void *self, const char *line);

/* The errors in an output, a few; else its last lines. */
void apt_reason(const char *out, struct buf *reason);
/* What to do about a reason, where that is known. */
void apt_hint(const char *reason, struct error *err);

#endif
