/* A value into the text, as its place wants it. */
#include "dialect.h"
#include <string.h>

/* A second opinion on what escape made: the reader must still be where the value ends, never outside it. */
static bool contained(const struct dialect *d, enum place place, uint8_t *state, const char *made, size_t n)
{
    const uint8_t(*to_next)[256] = dialect_steps(d);
    uint8_t s = *state, first = s;
    bool inside = true;
    for (size_t i = 0; i < n; i++) {
        s = to_next[s][(unsigned char)made[i]];
        enum place p = d->places[s];
        if (place == PLACE_COMMENT || place == PLACE_CODE)
            inside = inside && p == place;
        else if (place == PLACE_WORD)
            inside = inside && p == PLACE_WORD;
        else if (i + 1 < n)
            inside = inside && p != PLACE_GAP && p != PLACE_AFTER && p != PLACE_CODE && p != PLACE_COMMENT;
    }
    *state = s;
    if (place == PLACE_GAP)
        return inside && (n == 0 || d->places[s] == PLACE_WORD || d->places[s] == PLACE_AFTER);
    if (place == PLACE_DOUBLE || place == PLACE_SINGLE)
        return inside && s == first;
    return inside;
}

/* Most values are bare (names, paths, numbers), stand in a template many times, and come out as they went in.
 * Where that is so, and every one of their bytes leaves the reader in one and the same state, they need not
 * be gone through again each time. Whether it is so is asked of the dialect itself, once for each state. */
enum { BARE_ASK, BARE_NOT = 255 }; /* else the state behind, and 1 */
#define BARE_MOST 256              /* longer values may have a limit of their own */

static bool passes(const struct dialect *d, uint8_t state, const char *v, size_t n, uint8_t *ret_behind)
{
    enum place place = d->places[state];
    struct buf out = {0};
    const char *why = d->escape(place, v, n, &out);
    bool same = !why && out.len == n && memcmp(out.at, v, n) == 0;
    *ret_behind = state;
    same = same && contained(d, place, ret_behind, v, n);
    buf_free(&out);
    return same;
}

static uint8_t bare_ask(const struct dialect *d, uint8_t state)
{
    const uint8_t(*to_next)[256] = dialect_steps(d);
    char all[256];
    size_t n = 0;
    uint8_t behind = 0, last = 0;
    bool good = true;
    for (int c = 1; c < 256; c++) {
        all[n] = (char)c;
        if (!escape_bare(&all[n], 1))
            continue;
        good = good && passes(d, state, &all[n], 1, &last) && (n == 0 || last == behind);
        behind = last;
        n++;
    }
    for (size_t i = 0; i < n && good; i++)
        good = to_next[behind][(unsigned char)all[i]] == behind;
    good = good && passes(d, state, all, n, &last) && last == behind && d->places[behind] != PLACE_AFTER;
    return good ? behind + 1 : BARE_NOT;
}

static bool put_bare(const struct dialect *d, uint8_t *state, const char *v, size_t n, struct buf *out)
{
    uint8_t *known = &d->machine->bare[*state];
    enum place place = d->places[*state];
    if (*known == BARE_ASK)
        *known = place == PLACE_NONE || place == PLACE_AFTER ? BARE_NOT : bare_ask(d, *state);
    if (*known == BARE_NOT)
        return false;
    buf_add(out, v, n);
    *state = *known - 1;
    return true;
}

const char *dialect_put(const struct dialect *d, uint8_t *state, const char *v, size_t n, bool bare,
                        struct buf *out, bool *ret_quoted, bool *ret_fault)
{
    *ret_quoted = *ret_fault = false;
    if (!d->step) {
        buf_add(out, v, n);
        return NULL;
    }
    if (bare && n && n <= BARE_MOST && put_bare(d, state, v, n, out))
        return NULL;
    enum place place = d->places[*state];
    if (place == PLACE_NONE) {
        *ret_fault = true;
        return "stands where a value cannot be made safe";
    }
    if (place == PLACE_AFTER && n) {
        *ret_fault = true;
        return "stands right behind a closing quote";
    }
    size_t before = out->len;
    const char *why = d->escape(place, v, n, out);
    uint8_t s = *state;
    if (!why && !contained(d, place, &s, out->at ? out->at + before : "", out->len - before))
        why = "would not stay one value";
    if (why) {
        if (out->at)
            memset(out->at + before, 0, out->len - before);
        out->len = before;
        return why;
    }
    *state = s;
    *ret_quoted = place == PLACE_GAP && d->places[s] == PLACE_AFTER;
    return NULL;
}
