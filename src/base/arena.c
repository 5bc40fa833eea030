#include "arena.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    _Alignas(max_align_t) char data[];
};

static void out_of_memory(size_t n)
{
    fprintf(stderr, "citrus: out of memory (%zu bytes wanted); nothing further was changed\n", n);
    exit(1);
}

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        out_of_memory(n);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q)
        out_of_memory(n);
    return q;
}

static size_t align_up(size_t n)
{
    const size_t align = _Alignof(max_align_t);
    return (n + align - 1) & ~(align - 1);
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    size = align_up(size);
    struct arena_block *b = a->head;
    if (!b || b->cap - b->used < size) {
        size_t cap = b ? b->cap * 2 : 4096;
        if (cap > (1u << 18))
            cap = 1u << 18;
        if (cap < size)
            cap = size;
        struct arena_block *fresh = xmalloc(sizeof *fresh + cap);
        fresh->next = b;
        fresh->used = 0;
        fresh->cap = cap;
        a->head = b = fresh;
    }
    void *p = b->data + b->used;
    b->used += size;
    memset(p, 0, size);
    return p;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    char *q = arena_alloc(a, n + 1);
    if (n)
        memcpy(q, p, n);
    return q;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_memdup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    return s ? arena_memdup(a, s, strnlen(s, n)) : NULL;
}

char *arena_cat(struct arena *a, const char *const *texts)
{
    size_t n = 0;
    for (const char *const *t = texts; *t; t++)
        n += strlen(*t);
    char *s = arena_alloc(a, n + 1), *at = s;
    for (const char *const *t = texts; *t; t++)
        at = stpcpy(at, *t);
    return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    struct arena_block *b = a->head;
    size_t room = b ? b->cap - b->used : 0;
    va_list again;
    va_copy(again, ap);
    /* Where the next allocation would lie: mostly there is room, and nothing is formatted twice. */
    int n = vsnprintf(room ? b->data + b->used : NULL, room, fmt, again);
    va_end(again);
    if (n >= 0 && (size_t)n < room && align_up((size_t)n + 1) <= room) {
        char *s = b->data + b->used;
        b->used += align_up((size_t)n + 1);
        return s;
    }
    if (n < 0)
        n = 0;
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept =
        a->head; /* the youngest is the largest, but for what was larger than a block */
    if (!kept)
        return;
    a->head = kept->next;
    arena_free(a);
    kept->next = NULL;
    kept->used = 0;
    a->head = kept;
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    a->head = NULL;
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t item)
{
    struct arena_block *b = a->head;
    size_t had = align_up(n * item);
    *cap = n ? n * 2 : 4;
    size_t more = align_up(*cap * item) - had;
    /* What was allocated last grows where it is. */
    if (n && (char *)old + had == b->data + b->used && b->cap - b->used >= more) {
        memset(b->data + b->used, 0, more);
        b->used += more;
        return old;
    }
    void *fresh = arena_alloc(a, *cap * item);
    if (n)
        memcpy(fresh, old, n * item);
    return fresh;
}
