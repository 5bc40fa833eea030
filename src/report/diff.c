#include "diff.h"
#include "arena.h"
#include "text.h"
#include <stdint.h>
#include <string.h>

#define LINES_MOST 4000

struct line {
    const char *at;
    size_t len;
    bool open; /* the text ends without a newline here */
};
struct text {
    struct line *at;
    size_t n;
};
struct edit {
    char op; /* ' ', '-', '+' */
    struct line line;
};

static struct text split(struct arena *a, const struct buf *b)
{
    size_t lines = 0;
    const char *p = buf_str(b), *end = p + b->len;
    for (const char *q = p; q < end; q++)
        lines += *q == '\n';
    struct text t = {.at = arena_array(a, struct line, lines + 1)};
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);
        t.at[t.n++] = (struct line){p, n, !eol};
        p += n + 1;
    }
    return t;
}

static bool same(const struct line *x, const struct line *y)
{
    return x->len == y->len && x->open == y->open && memcmp(x->at, y->at, x->len) == 0;
}

/* The longest common subsequence by its table: configuration files are short, and the middle part, once equal
 * beginnings and ends are off, is shorter. */
static size_t compare(struct arena *a, struct text x, struct text y, struct edit *out)
{
    size_t head = 0, tail = 0, n = 0;
    while (head < x.n && head < y.n && same(&x.at[head], &y.at[head]))
        head++;
    while (tail < x.n - head && tail < y.n - head && same(&x.at[x.n - 1 - tail], &y.at[y.n - 1 - tail]))
        tail++;
    size_t rows = x.n - head - tail, cols = y.n - head - tail;
    uint16_t *lcs = arena_array(a, uint16_t, (rows + 1) * (cols + 1));
#define LCS(i, j) lcs[(i) * (cols + 1) + (j)]
    for (size_t i = rows; i-- > 0;)
        for (size_t j = cols; j-- > 0;)
            LCS(i, j) = same(&x.at[head + i], &y.at[head + j]) ? (uint16_t)(LCS(i + 1, j + 1) + 1)
                        : LCS(i + 1, j) >= LCS(i, j + 1)       ? LCS(i + 1, j)
                                                               : LCS(i, j + 1);
    for (size_t i = 0; i < head; i++)
        out[n++] = (struct edit){' ', x.at[i]};
    size_t i = 0, j = 0;
    while (i < rows || j < cols) {
        if (i < rows && j < cols && same(&x.at[head + i], &y.at[head + j])) {
            out[n++] = (struct edit){' ', x.at[head + i]};
            i++;
            j++;
        } else if (i < rows && (j == cols || LCS(i + 1, j) >= LCS(i, j + 1))) {
            out[n++] = (struct edit){'-', x.at[head + i++]};
        } else {
            out[n++] = (struct edit){'+', y.at[head + j++]};
        }
    }
#undef LCS
    for (size_t k = x.n - tail; k < x.n; k++)
        out[n++] = (struct edit){' ', x.at[k]};
    return n;
}

static void show(const struct edit *e, const struct diff_style *s, struct buf *out)
{
    const char *on = !s->colour ? "" : e->op == '-' ? "\033[31m" : e->op == '+' ? "\033[32m" : "\033[2m";
    buf_addf(out, "%s%s%c ", s->indent, on, e->op);
    text_harmless(e->line.at, e->line.len, out);
    buf_addf(out, "%s%s\n", e->line.open && e->op != ' ' ? " (no newline at the end)" : "",
             s->colour ? "\033[0m" : "");
}

static bool near_change(const struct edit *edits, size_t n, size_t at, int context)
{
    size_t from = at > (size_t)context ? at - (size_t)context : 0;
    for (size_t i = from; i < n && i <= at + (size_t)context; i++)
        if (edits[i].op != ' ')
            return true;
    return false;
}

bool diff_text(const struct buf *before, const struct buf *after, const struct diff_style *s, struct buf *out)
{
    struct arena a = {0};
    if (before->len == after->len && memcmp(buf_str(before), buf_str(after), after->len) == 0)
        return false;
    struct text x = split(&a, before), y = split(&a, after);
    if (x.n > LINES_MOST || y.n > LINES_MOST) {
        buf_addf(out, "%s(%zu lines before, %zu after: too long to compare here)\n", s->indent, x.n, y.n);
        arena_free(&a);
        return true;
    }
    struct edit *edits = arena_array(&a, struct edit, x.n + y.n + 1);
    size_t n = compare(&a, x, y, edits);
    bool gap = false;
    for (size_t i = 0; i < n; i++) {
        if (!near_change(edits, n, i, s->context)) {
            gap = true;
            continue;
        }
        if (gap)
            buf_addf(out, "%s  ...\n", s->indent);
        gap = false;
        show(&edits[i], s, out);
    }
    arena_free(&a);
    return true;
}
