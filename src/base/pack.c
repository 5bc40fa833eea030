#include "pack.h"
#include <string.h>

void pack_number(struct buf *b, uint64_t n)
{
    buf_add(b, &n, sizeof n);
}

void pack_hash(struct buf *b, struct hash128 h)
{
    buf_add(b, &h, sizeof h);
}

void pack_text(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s) + 1);
}

struct unpack unpack_from(const void *p, size_t len)
{
    return (struct unpack){.at = p, .end = (const char *)p + len};
}

const void *unpack_bytes(struct unpack *u, size_t n)
{
    const char *at = u->at;
    u->bad = u->bad || n > (size_t)(u->end - u->at);
    if (u->bad)
        return NULL;
    u->at += n;
    return at;
}

uint64_t unpack_number(struct unpack *u)
{
    uint64_t n = 0;
    const void *p = unpack_bytes(u, sizeof n);
    if (p)
        memcpy(&n, p, sizeof n);
    return n;
}

struct hash128 unpack_hash(struct unpack *u)
{
    struct hash128 h = {0};
    const void *p = unpack_bytes(u, sizeof h);
    if (p)
        memcpy(&h, p, sizeof h);
    return h;
}

const char *unpack_text(struct unpack *u)
{
    const char *at = u->at, *end = u->bad || at == u->end ? NULL : memchr(at, '\0', (size_t)(u->end - at));
    u->bad = u->bad || !end;
    if (u->bad)
        return "";
    u->at = end + 1;
    return at;
}

size_t unpack_count(struct unpack *u, size_t each)
{
    uint64_t n = unpack_number(u);
    u->bad = u->bad || n > (size_t)(u->end - u->at) / each;
    return u->bad ? 0 : n;
}
