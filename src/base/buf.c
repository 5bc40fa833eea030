#include "buf.h"
#include "arena.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len > more)
        return;
    size_t cap = b->cap ? b->cap * 2 : 256;
    if (cap - b->len <= more)
        cap = b->len + more + 1;
    /* Not realloc: what may hold a secret is wiped before its memory is given back. */
    char *fresh = xmalloc(cap);
    if (b->len)
        memcpy(fresh, b->at, b->len);
    if (b->at)
        explicit_bzero(b->at, b->cap);
    free(b->at);
    b->at = fresh;
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->at + b->len, p, n);
    b->len += n;
    b->at[b->len] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
    buf_reserve(b, n);
    b->at[b->len] = '\0';
    return b->at + b->len;
}

void buf_grown(struct buf *b, size_t n)
{
    b->len += n;
    b->at[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addall(struct buf *b, const char *const *texts)
{
    for (const char *const *t = texts; *t; t++)
        buf_adds(b, *t);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    buf_reserve(b, 1);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->at + b->len, room, fmt, again);
    va_end(again);
    if (n < 0 || (size_t)n >= room) {
        b->at[b->len] = '\0';
        if (n < 0)
            return;
        buf_reserve(b, (size_t)n);
        vsnprintf(b->at + b->len, (size_t)n + 1, fmt, ap);
    }
    b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

const char *buf_str(const struct buf *b)
{
    return b->at ? b->at : "";
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->at)
        b->at[0] = '\0';
}

void buf_free(struct buf *b)
{
    free(b->at);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    if (b->at)
        explicit_bzero(b->at, b->cap);
    buf_free(b);
}
