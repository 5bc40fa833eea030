/* A growing byte string on the heap. Zero-initialise, append, buf_free(). `at` is always NUL-terminated
 * once something was appended; buf_str() never returns NULL. Appending never fails (see arena.h). */
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
void buf_addc(struct buf *b, char c);
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
