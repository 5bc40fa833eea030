/* An arena: memory of one phase (a manifest, an observation, a plan), freed whole.
 *
 * Allocations never fail to the caller: out of memory ends the process with a message (a plan that
 * could not be made has changed nothing, and the journal covers the rest). Memory is aligned for any
 * type and zeroed. Everything handed out lives until arena_free(). What grows past half a megabyte lies in
 * huge pages (huge_pages.h): to be given its memory is what costs a process most. */
#ifndef CITRUS_ARENA_H
#define CITRUS_ARENA_H
#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(2)));
#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))
void *arena_memdup(struct arena *a, const void *p, size_t n); /* a NUL is put behind it */
char *arena_strdup(struct arena *a, const char *s);           /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Texts one after the other: what is put together for each site. */
#define arena_join(a, ...) arena_cat((a), (const char *const[]){__VA_ARGS__, NULL})
char *arena_cat(struct arena *a, const char *const *texts); /* NULL-terminated */
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void arena_free(struct arena *a); /* leaves an empty arena that can be used again */
void arena_reset(
    struct arena *a); /* the same, but keeps a block for what comes next: for what is done by turns */

/* malloc and realloc that end the process with a message when memory is out. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));

/* A growing array in an arena: struct { T *at; size_t n, cap; }. It grows where it is, or its old place is
 * left in the arena. */
#define VEC(T)                                                                                               \
    struct {                                                                                                 \
        T *at;                                                                                               \
        size_t n, cap;                                                                                       \
    }
void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t item);
#define vec_push(a, v, item)                                                                                 \
    do {                                                                                                     \
        if ((v)->n == (v)->cap)                                                                              \
            (v)->at = arena_grow((a), (v)->at, (v)->n, &(v)->cap, sizeof *(v)->at);                          \
        (v)->at[(v)->n++] = (item);                                                                          \
    } while (0)

#endif
