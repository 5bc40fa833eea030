/* Numbers and texts one behind the other in a buffer, as they lie in memory: for what the same program on the
 * same machine reads again. A reader that comes to the end, or finds no text there, is `bad` from then on and
 * gives zero and "": asked once, when all is read.
 *
 *     pack_number(&b, n); pack_text(&b, s);
 *     struct unpack u = unpack_from(b.at, b.len);
 *     n = unpack_number(&u); s = unpack_text(&u);
 *     if (u.bad) ... */
#ifndef CITRUS_PACK_H
#define CITRUS_PACK_H
#include "buf.h"
#include "hash.h"
#include <stdbool.h>
#include <stdint.h>

void pack_number(struct buf *b, uint64_t n);
void pack_hash(struct buf *b, struct hash128 h);
void pack_text(struct buf *b, const char *s);

struct unpack {
    const char *at, *end;
    bool bad;
};
struct unpack unpack_from(const void *p, size_t len);
uint64_t unpack_number(struct unpack *u);
struct hash128 unpack_hash(struct unpack *u);
const char *unpack_text(struct unpack *u); /* borrowed */
/* A count of things of at least `each` bytes, all of which have room in what is left. */
size_t unpack_count(struct unpack *u, size_t each);
/* `n` bytes as they are; NULL where there are not so many. */
const void *unpack_bytes(struct unpack *u, size_t n);

#endif
