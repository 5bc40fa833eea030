#include "hash.h"
#include "arena.h"
#include "libcrypto.h"
#include <assert.h>
#include <stdalign.h>
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

static const char hex_digits[] = "0123456789abcdef";

void hash_hex(struct hash128 h, char out[HASH_HEX])
{
    for (int i = 0; i < 16; i++) {
        out[i] = hex_digits[h.high >> (60 - 4 * i) & 15];
        out[16 + i] = hex_digits[h.low >> (60 - 4 * i) & 15];
    }
    out[32] = '\0';
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
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = hex_digits[raw[i] >> 4];
        out[2 * i + 1] = hex_digits[raw[i] & 15];
    }
    out[64] = '\0';
}

struct sha256_stream {
    SHA256_CTX ctx;
};

struct sha256_stream *sha256_stream_new(void)
{
    struct sha256_stream *s = xmalloc(sizeof *s);
    SHA256_Init(&s->ctx);
    return s;
}

void sha256_stream_add(struct sha256_stream *s, const void *p, size_t n)
{
    SHA256_Update(&s->ctx, p, n);
}

static void finish(SHA256_CTX *ctx, unsigned char out[SHA256_DIGEST_LENGTH])
{
    SHA256_Final(out, ctx);
    explicit_bzero(ctx, sizeof *ctx);
}

void sha256_stream_end(struct sha256_stream *s, char out[SHA256_HEX])
{
    unsigned char raw[SHA256_DIGEST_LENGTH];
    finish(&s->ctx, raw);
    free(s);
    to_hex(raw, out);
}

void hash_sha256(const void *p, size_t n, unsigned char out[SHA256_LEN])
{
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, p, n);
    finish(&ctx, out);
}

void hash_sha256_hex(const void *p, size_t n, char out[SHA256_HEX])
{
    unsigned char raw[SHA256_LEN];
    hash_sha256(p, n, raw);
    to_hex(raw, out);
}

/* --- HMAC: RFC 2104 --------------------------------------------------------------------------------------
 */

void hash_key_init(struct hash_key *k, const void *key, size_t n)
{
    unsigned char block[SHA256_CBLOCK] = {0};
    SHA256_CTX *inner = (SHA256_CTX *)k->inner, *outer = (SHA256_CTX *)k->outer;
    static_assert(sizeof k->inner >= sizeof *inner && alignof(struct hash_key) >= alignof(SHA256_CTX),
                  "room for libcrypto's state");
    if (n > sizeof block) {
        SHA256_Init(inner);
        SHA256_Update(inner, key, n);
        finish(inner, block);
    } else if (n) {
        memcpy(block, key, n);
    }
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    SHA256_Init(inner);
    SHA256_Update(inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(outer);
    SHA256_Update(outer, block, sizeof block);
    explicit_bzero(block, sizeof block);
}

void hash_key_hex(const struct hash_key *k, const void *p, size_t n, char out[SHA256_HEX])
{
    unsigned char raw[SHA256_DIGEST_LENGTH];
    SHA256_CTX ctx;
    memcpy(&ctx, k->inner, sizeof ctx);
    SHA256_Update(&ctx, p, n);
    SHA256_Final(raw, &ctx);
    memcpy(&ctx, k->outer, sizeof ctx);
    SHA256_Update(&ctx, raw, sizeof raw);
    finish(&ctx, raw);
    to_hex(raw, out);
}

void hash_key_wipe(struct hash_key *k)
{
    explicit_bzero(k, sizeof *k);
}

void hash_keyed_hex(const void *key, size_t keylen, const void *p, size_t n, char out[SHA256_HEX])
{
    struct hash_key k;
    hash_key_init(&k, key, keylen);
    hash_key_hex(&k, p, n, out);
    hash_key_wipe(&k);
}
