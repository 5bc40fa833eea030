#include "verdict.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How bad an answer is. Between two of one rank there is nothing to choose. */
enum rank {
    GOOD,
    REFUSED, /* 4xx where the manifest names no status: a new site without a page answers so */
    WRONG,   /* it works, and is not what the manifest says it is */
    BROKEN,  /* 5xx, or a page that says that PHP broke */
    SILENT
};

static bool status_right(const struct site_health *want, int status)
{
    char text[16];
    snprintf(text, sizeof text, "%d", status);
    return want->status.at ? strings_has(&want->status, text) : status > 0 && status < 500;
}

static bool certificate_right(const struct seen *s)
{
    return !s->certificate || !s->answer.certificate[0] || strcmp(s->certificate, s->answer.certificate) == 0;
}

static enum rank rank_of(const struct site_health *want, const struct seen *s)
{
    const struct probe_result *r = &s->answer;
    bool right = status_right(want, r->status);
    if (r->code < 0)
        return SILENT;
    if ((!right && r->status >= 500) || r->fault)
        return BROKEN;
    if (!right || (want->contains && !r->contains) || !certificate_right(s))
        return WRONG;
    return r->status >= 400 && !want->status.at ? REFUSED : GOOD;
}

static const char *words_of(const struct site_health *want, const struct seen *s, struct arena *a)
{
    const struct probe_result *r = &s->answer;
    if (r->code < 0)
        return r->reason;
    const char *text = arena_printf(a, "HTTP %d", r->status);
    if (r->fault)
        text = arena_printf(a, "%s, %s", text, r->fault);
    else if (want->contains && !r->contains)
        text = arena_printf(a, "%s without \"%s\" in the page", text, want->contains);
    if (!certificate_right(s))
        text = arena_printf(a, "%s with a certificate that is not the one on the disk (SHA-256 %.12s...)",
                            text, r->certificate);
    return text;
}

static bool title_lost(const struct seen *before, const struct seen *now)
{
    return before->answer.status == 200 && now->answer.status == 200 && before->answer.title &&
           !now->answer.title;
}

#define TIMES_SLOWER 3

int verdict_seconds(const struct site_health *want, int64_t before_ms, int64_t others_ms)
{
    int64_t usual = want->timeout > 0 ? want->timeout : PROBE_TIMEOUT,
            slowest = before_ms > others_ms ? before_ms : others_ms,
            slow = (TIMES_SLOWER * slowest + 999) / 1000;
    return (int)(slow > usual ? slow : usual);
}

enum health_state verdict(const struct site_health *want, const struct seen *before, const struct seen *now,
                          struct arena *a, const char **text)
{
    enum rank is = rank_of(want, now), was = before ? rank_of(want, before) : GOOD;
    const char *words = words_of(want, now, a);
    *text = words;
    if (now->answer.code == -ECANCELED)
        return HEALTH_UNKNOWN;
    if (before && before->answer.code == -ECANCELED)
        return is >= WRONG ? HEALTH_UNKNOWN : HEALTH_FINE;
    if (!before) {
        if (is >= WRONG)
            *text = arena_printf(a, "it does not work: %s", words);
        return is >= WRONG ? HEALTH_WORSE : HEALTH_FINE;
    }
    const char *then = words_of(want, before, a);
    if (was >= BROKEN && is >= WRONG) {
        *text = strcmp(then, words) == 0 ? words : arena_printf(a, "%s; before: %s", words, then);
        return HEALTH_BROKEN;
    }
    if (is > was) {
        *text = arena_printf(a, "worse than before: %s -> %s", then, words);
        return HEALTH_WORSE;
    }
    if (is == WRONG)
        return HEALTH_BROKEN;
    if (title_lost(before, now)) {
        *text = arena_printf(a, "worse than before: %s \"%s\" -> %s without a title", then,
                             before->answer.title, words);
        return HEALTH_WORSE;
    }
    return HEALTH_FINE;
}
