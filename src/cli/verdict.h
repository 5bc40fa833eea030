/* What an answer of a site is worth, and whether it is worse than the one before. Pure. */
#ifndef CITRUS_VERDICT_H
#define CITRUS_VERDICT_H
#include "engine.h"
#include "manifest.h"

/* An answer, and what the machine had on its disk then. */
struct seen {
    struct probe_result answer;
    const char *certificate; /* SHA-256 of the one on the disk; NULL: none is to be served */
};

/* Seconds that an answer may take after a change: as long as `want` says; and where the site itself took
 * `before_ms` before, or the other sites took up to `others_ms` in this very run (0: not known), three times
 * that, since PHP compiles all anew after a reload, and the machine may have other things to do. */
int verdict_seconds(const struct site_health *want, int64_t before_ms, int64_t others_ms);

/* `before` NULL: the site is new, and `want` alone counts. *text has no line's end and stays borrowed from
 * `a`. */
enum health_state verdict(const struct site_health *want, const struct seen *before, const struct seen *now,
                          struct arena *a, const char **text);

#endif
