#include "redact.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct known {
    const char *name;
    const struct secret *secret;
    struct known *next; /* of those that begin alike */
};

/* By their first four bytes, since a server has thousands of secrets and a plan megabytes of text. */
#define KEY_BYTES 4
#define BUCKETS   4096

struct index {
    struct known *buckets[BUCKETS];
    struct known *quoted; /* those whose first bytes a template writes with a backslash */
};

/* Most runs have nothing to show: secrets are put in order when the first text is asked about. */
struct redactor {
    struct arena *arena;
    struct known *fresh; /* not in the index yet */
    struct index *index; /* eight pages, which a look that shows nothing does not touch */
};

/* Shorter values would hide ordinary words. Nothing citrus generates is shorter. */
#define SHORTEST 6

struct redactor *redactor_new(struct arena *a)
{
    struct redactor *r = arena_new(a, struct redactor);
    r->arena = a;
    return r;
}

static size_t bucket(const char *text)
{
    uint32_t key;
    memcpy(&key, text, KEY_BYTES);
    return (key * UINT32_C(2654435769)) >> 20;
}

static bool is_quoted(char c)
{
    return c == '\'' || c == '"' || c == '\\';
}

void redactor_add(struct redactor *r, const char *name, const struct secret *s)
{
    if (secret_len(s) < SHORTEST)
        return;
    struct known *k = arena_new(r->arena, struct known);
    *k = (struct known){name, s, r->fresh};
    r->fresh = k;
}

static void index_put(struct index *x, struct known *k)
{
    const char *value = secret_reveal(k->secret);
    bool quoted = false;
    for (size_t i = 0; i < KEY_BYTES; i++)
        quoted = quoted || is_quoted(value[i]);
    struct known **list = quoted ? &x->quoted : &x->buckets[bucket(value)];
    for (const struct known *same = *list; same; same = same->next)
        if (same->secret == k->secret)
            return;
    k->next = *list;
    *list = k;
}

static const struct index *indexed(struct redactor *r)
{
    if (!r->index)
        r->index = arena_new(r->arena, struct index);
    for (struct known *k = r->fresh, *next; k; k = next) {
        next = k->next;
        index_put(r->index, k);
    }
    r->fresh = NULL;
    return r->index;
}

/* How many bytes of the text are this secret, as it is or with quotes and backslashes escaped; 0: none. */
static size_t length_here(const struct secret *s, const char *text, size_t left)
{
    const char *value = secret_reveal(s);
    size_t n = secret_len(s), at = 0;
    if (n <= left && memcmp(text, value, n) == 0)
        return n;
    for (size_t i = 0; i < n; i++, at++) {
        if (is_quoted(value[i]) && at + 1 < left && text[at] == '\\' && text[at + 1] == value[i])
            at++;
        if (at >= left || text[at] != value[i])
            return 0;
    }
    return at;
}

/* Where most of a text stands: nothing that is known begins so. */
static bool is_plain(const struct index *x, const char *text, size_t left)
{
    return !x->quoted && (left < KEY_BYTES || !x->buckets[bucket(text)]);
}

/* The longest that begins here. */
static const struct known *secret_at(const struct index *x, const char *text, size_t left, size_t *ret_n)
{
    const struct known *best = NULL;
    *ret_n = 0;
    for (int i = 0; i < 2; i++)
        for (const struct known *k = i                   ? x->quoted
                                     : left >= KEY_BYTES ? x->buckets[bucket(text)]
                                                         : NULL;
             k; k = k->next) {
            size_t n = length_here(k->secret, text, left);
            if (n > *ret_n) {
                best = k;
                *ret_n = n;
            }
        }
    return best;
}

void redact(struct redactor *r, const char *text, size_t len, struct buf *out)
{
    const struct index *x = r ? indexed(r) : NULL;
    size_t plain = 0;
    for (size_t i = 0; x && i < len;) {
        size_t n, more;
        const struct known *k = is_plain(x, text + i, len - i) ? NULL : secret_at(x, text + i, len - i, &n);
        if (!k) {
            i++;
            continue;
        }
        buf_add(out, text + plain, i - plain);
        buf_addf(out, "«secret %s»", k->name);
        /* Another may begin within this one and end behind it. */
        for (size_t at = 1; at < n; at++)
            if (secret_at(x, text + i + at, len - i - at, &more) && at + more > n)
                n = at + more;
        i += n;
        plain = i;
    }
    buf_add(out, text + plain, len - plain);
}

/* ---- what was found --------------------------------------------------------------------------------------
 */

struct piece {
    const char *at;
    size_t n;
};
struct pieces {
    struct arena arena;
    VEC(struct piece) words, lines; /* the words that secrets stand behind, and all lines */
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The last word of the line before `at`; n 0: there is none. */
static struct piece word_before(const char *line, const char *at)
{
    while (at > line && !is_word(at[-1]))
        at--;
    const char *end = at;
    while (at > line && is_word(at[-1]))
        at--;
    return (struct piece){at, (size_t)(end - at)};
}

static void pieces_take(struct pieces *p, const struct index *x, const struct buf *wanted)
{
    const char *end = buf_str(wanted) + wanted->len;
    for (const char *line = buf_str(wanted), *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        struct piece whole = {line, (size_t)((stop ? stop : end) - line)};
        vec_push(&p->arena, &p->lines, whole);
        for (size_t i = 0; i < whole.n; i++) {
            size_t n;
            if (is_plain(x, line + i, whole.n - i) || !secret_at(x, line + i, whole.n - i, &n))
                continue;
            struct piece word = word_before(line, line + i);
            if (word.n)
                vec_push(&p->arena, &p->words, word);
            break;
        }
    }
}

static bool is_wanted(const struct pieces *p, const char *line, size_t n)
{
    for (size_t i = 0; i < p->lines.n; i++)
        if (p->lines.at[i].n == n && memcmp(p->lines.at[i].at, line, n) == 0)
            return true;
    return false;
}

/* How much of the line may be seen: up to the end of the first of the words, all when none is in it. */
static size_t visible(const struct pieces *p, const char *line, size_t n)
{
    size_t least = n;
    for (size_t i = 0; i < p->words.n; i++) {
        const struct piece *w = &p->words.at[i];
        for (size_t k = 0; k + w->n <= least; k++)
            if (memcmp(line + k, w->at, w->n) == 0 && (k == 0 || !is_word(line[k - 1])) &&
                (k + w->n == n || !is_word(line[k + w->n])))
                least = k + w->n;
    }
    return least;
}

void redact_found(struct redactor *r, const struct buf *found, const struct buf *wanted, struct buf *out)
{
    struct pieces p = {0};
    const char *end = buf_str(found) + found->len;
    if (r)
        pieces_take(&p, indexed(r), wanted);
    for (const char *line = buf_str(found), *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line), seen = visible(&p, line, n);
        next = stop ? stop + 1 : end;
        if (seen == n || is_wanted(&p, line, n)) {
            redact(r, line, (size_t)(next - line), out);
            continue;
        }
        redact(r, line, seen, out);
        buf_adds(out, " «hidden»");
        if (stop)
            buf_addc(out, '\n');
    }
    arena_free(&p.arena);
}
