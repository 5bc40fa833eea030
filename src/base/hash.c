#include "hash.h"
#include "arena.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static struct hash128 from_xxh(XXH128_hash_t h)
{
    return (struct hash128){.high = h.high64, .low = h.low64};
}

struct hash128 hash_bytes(const void *p, size_t n)
{
    return from_xxh(XXH3_128bits(p, n));
}

bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

void hash_hex(struct hash128 h, char out[HASH_HEX])
{
    snprintf(out, HASH_HEX, "%016llx%016llx", (unsigned long long)h.high, (unsigned long long)h.low);
}

struct hash_stream {
    XXH3_state_t *state;
};

struct hash_stream *hash_stream_new(void)
{
    struct hash_stream *s = xmalloc(sizeof *s);
    s->state = XXH3_createState();
    if (!s->state)
        abort();
    XXH3_128bits_reset(s->state);
    return s;
}

void hash_stream_add(struct hash_stream *s, const void *p, size_t n)
{
    XXH3_128bits_update(s->state, p, n);
}

struct hash128 hash_stream_end(struct hash_stream *s)
{
    struct hash128 h = from_xxh(XXH3_128bits_digest(s->state));
    XXH3_freeState(s->state);
    free(s);
    return h;
}

static void to_hex(const unsigned char *raw, char out[SHA256_HEX])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

struct sha256_stream {
    EVP_MD_CTX *ctx;
};

struct sha256_stream *sha256_stream_new(void)
{
    struct sha256_stream *s = xmalloc(sizeof *s);
    s->ctx = EVP_MD_CTX_new();
    if (!s->ctx || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1)
        abort();
    return s;
}

void sha256_stream_add(struct sha256_stream *s, const void *p, size_t n)
{
    if (EVP_DigestUpdate(s->ctx, p, n) != 1)
        abort();
}

void sha256_stream_end(struct sha256_stream *s, char out[SHA256_HEX])
{
    unsigned char raw[32];
    if (EVP_DigestFinal_ex(s->ctx, raw, NULL) != 1)
        abort();
    EVP_MD_CTX_free(s->ctx);
    free(s);
    to_hex(raw, out);
}

void hash_sha256_hex(const void *p, size_t n, char out[SHA256_HEX])
{
    struct sha256_stream *s = sha256_stream_new();
    sha256_stream_add(s, p, n);
    sha256_stream_end(s, out);
}

void hash_keyed_hex(const void *key, size_t keylen, const void *p, size_t n, char out[SHA256_HEX])
{
    unsigned char raw[32];
    unsigned int len = sizeof raw;
    if (!HMAC(EVP_sha256(), key, (int)keylen, p, n, raw, &len))
        abort();
    to_hex(raw, out);
}
