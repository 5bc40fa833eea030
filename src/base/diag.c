#include "diag.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIAG_LIMIT 100
#define LINE_SHOWN 160

void diags_init(struct diags *d, struct arena *a)
{
    *d = (struct diags){.arena = a};
}

__attribute__((format(printf, 5, 0))) static void diag_add(struct diags *d, enum diag_level level,
                                                           struct pos pos, const char *hint, const char *fmt,
                                                           va_list ap)
{
    if (level == DIAG_ERROR)
        d->errors++;
    if (d->list.n >= DIAG_LIMIT) {
        d->dropped++;
        return;
    }
    struct diag g = {.level = level, .pos = pos, .text = arena_vprintf(d->arena, fmt, ap)};
    g.hint = arena_strdup(d->arena, hint);
    vec_push(d->arena, &d->list, g);
}

void diag_error(struct diags *d, struct pos pos, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diag_add(d, DIAG_ERROR, pos, hint, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diags *d, struct pos pos, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diag_add(d, DIAG_WARNING, pos, hint, fmt, ap);
    va_end(ap);
}

void diags_source(struct diags *d, const char *file, const char *text, size_t len)
{
    struct diag_source s = {.file = file, .text = text, .len = len};
    vec_push(d->arena, &d->sources, s);
}

static int diag_order(const void *x, const void *y)
{
    const struct diag *a = x, *b = y;
    int c = strcmp(a->pos.file ? a->pos.file : "", b->pos.file ? b->pos.file : "");
    if (c)
        return c;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    if (a->pos.col != b->pos.col)
        return a->pos.col < b->pos.col ? -1 : 1;
    return strcmp(a->text, b->text);
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static void show_line(struct diags *d, const struct diag *g, struct buf *out)
{
    const struct diag_source *src = NULL;
    for (size_t i = 0; i < d->sources.n && g->pos.file; i++)
        if (strcmp(d->sources.at[i].file, g->pos.file) == 0)
            src = &d->sources.at[i];
    if (!src || g->pos.line < 1)
        return;
    const char *p = src->text, *end = src->text + src->len;
    for (int line = 1; line < g->pos.line; line++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (!p)
            return;
        p++;
    }
    const char *eol = memchr(p, '\n', (size_t)(end - p));
    if (!eol)
        eol = end;
    if (eol > p && eol[-1] == '\r')
        eol--;
    /* A very long line is shown from a little before the place. */
    int col = g->pos.col > 0 ? g->pos.col : 1;
    while (col > LINE_SHOWN - 40 && p < eol) {
        p++;
        while (p < eol && is_tail(*p))
            p++;
        col--;
    }
    const char *stop = p;
    for (int n = 0; stop < eol && n < LINE_SHOWN; n++) {
        stop++;
        while (stop < eol && is_tail(*stop))
            stop++;
    }
    buf_addf(out, "%6d | ", g->pos.line);
    text_harmless(p, (size_t)(stop - p), out);
    buf_adds(out, "\n       | ");
    for (int i = 1; i < col; i++)
        buf_addc(out, ' ');
    buf_adds(out, "^\n");
}

void diags_render(struct diags *d, struct buf *out, bool colour)
{
    if (d->list.n)
        qsort(d->list.at, d->list.n, sizeof *d->list.at, diag_order);
    for (size_t i = 0; i < d->list.n; i++) {
        const struct diag *g = &d->list.at[i];
        const char *word = g->level == DIAG_ERROR ? "error" : "warning";
        const char *on = !colour ? "" : g->level == DIAG_ERROR ? "\033[1;31m" : "\033[1;33m";
        if (g->pos.file) {
            text_harmless(g->pos.file, strlen(g->pos.file), out);
            if (g->pos.line > 0)
                buf_addf(out, ":%d:%d", g->pos.line, g->pos.col > 0 ? g->pos.col : 1);
            buf_adds(out, ": ");
        }
        buf_addf(out, "%s%s:%s ", on, word, colour ? "\033[0m" : "");
        text_harmless(g->text, strlen(g->text), out);
        buf_addc(out, '\n');
        show_line(d, g, out);
        if (g->hint) {
            buf_adds(out, "  hint: ");
            text_harmless(g->hint, strlen(g->hint), out);
            buf_addc(out, '\n');
        }
    }
    if (d->dropped)
        buf_addf(out, "and %zu more\n", d->dropped);
    if (d->errors)
        buf_addf(out, "%zu error%s\n", d->errors, d->errors == 1 ? "" : "s");
}
