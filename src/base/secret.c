#include "secret.h"
#include "arena.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct secret {
    size_t len;
    char bytes[];
};

struct secret *secret_new(const char *bytes, size_t len)
{
    struct secret *s = xmalloc(sizeof *s + len + 1);
    s->len = len;
    memcpy(s->bytes, bytes, len);
    s->bytes[len] = '\0';
    return s;
}

int random_bytes(void *p, size_t n, struct error *err)
{
    char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(err, errno, "the kernel's random generator");
        at += got;
        n -= (size_t)got;
    }
    return 0;
}

int secret_generate(size_t chars, struct secret **ret, struct error *err)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    struct secret *s = xmalloc(sizeof *s + chars + 1);
    s->len = chars;
    s->bytes[chars] = '\0';
    for (size_t i = 0; i < chars;) {
        unsigned char raw[64];
        int r = random_bytes(raw, sizeof raw, err);
        if (r < 0) {
            secret_free(s);
            return r;
        }
        /* 248 = 4 * 62: what is above would favour some letters. */
        for (size_t k = 0; k < sizeof raw && i < chars; k++)
            if (raw[k] < 248)
                s->bytes[i++] = set[raw[k] % 62];
        explicit_bzero(raw, sizeof raw);
    }
    *ret = s;
    return 0;
}

const char *secret_reveal(const struct secret *s)
{
    return s->bytes;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

bool bytes_equal(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= x[i] ^ y[i];
    return differ == 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && bytes_equal(a->bytes, b->bytes, a->len);
}

struct secret *secret_free(struct secret *s)
{
    if (s) {
        explicit_bzero(s->bytes, s->len);
        free(s);
    }
    return NULL;
}
