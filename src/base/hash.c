#include "hash.h"
#include "arena.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
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

/* libcrypto looks an algorithm up by name each time it is asked, at ten times the cost of the hash itself. */
static EVP_MAC *hmac;
static void fetch_hmac(void)
{
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

void hash_keyed_hex(const void *key, size_t keylen, const void *p, size_t n, char out[SHA256_HEX])
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, fetch_hmac);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    unsigned char raw[32];
    size_t len;
    EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    if (!ctx || EVP_MAC_init(ctx, key, keylen, params) != 1 || EVP_MAC_update(ctx, p, n) != 1 ||
        EVP_MAC_final(ctx, raw, &len, sizeof raw) != 1)
        abort();
    EVP_MAC_CTX_free(ctx);
    to_hex(raw, out);
}
