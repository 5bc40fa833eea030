/* A growing byte string on the heap. Zero-initialise, append, buf_free(). `at` is always NUL-terminated
 * once something was appended; buf_str() never returns NULL. Appending never fails (see arena.h).
 * What it grows out of is overwritten, since it may hold a secret. */
#ifndef CITRUS_BUF_H
#define CITRUS_BUF_H
#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *at;
    size_t len, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
static inline void buf_addc(struct buf *b, char c)
{
    if (b->cap - b->len > 1) {
        b->at[b->len++] = c;
        b->at[b->len] = '\0';
    } else {
        buf_add(b, &c, 1);
    }
}
/* Texts, one after the other: what "%s%s" would do, for what is written ten thousand times. */
void buf_addall(struct buf *b, const char *const *texts);
#define buf_join(b, ...) buf_addall((b), (const char *const[]){__VA_ARGS__, NULL})
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for `n` bytes behind what is there, to be filled by the caller, who then says how many came. */
char *buf_room(struct buf *b, size_t n);
void buf_grown(struct buf *b, size_t n);
const char *buf_str(const struct buf *b);
void buf_reset(struct buf *b); /* keeps the memory */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b); /* overwrites, then frees: for what held a secret */

#endif
