/* Hashes: XXH3-128 to tell contents apart (not against an attacker), SHA-256 for artifacts and
 * manifests, HMAC-SHA-256 where a value must show that it changed without showing itself. */
#ifndef CITRUS_HASH_H
#define CITRUS_HASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_HEX   33 /* 32 hex digits and NUL */
#define SHA256_LEN 32
#define SHA256_HEX 65

struct hash128 {
    uint64_t high, low;
};

struct hash128 hash_bytes(const void *p, size_t n);
bool hash_equal(struct hash128 a, struct hash128 b);
void hash_hex(struct hash128 h, char out[HASH_HEX]);

/* In pieces; hash_stream_new() never returns NULL. */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *s, const void *p, size_t n);
struct hash128 hash_stream_end(struct hash_stream *s); /* frees s */

void hash_sha256(const void *p, size_t n, unsigned char out[SHA256_LEN]);
void hash_sha256_hex(const void *p, size_t n, char out[SHA256_HEX]);
struct sha256_stream;
struct sha256_stream *sha256_stream_new(void);
void sha256_stream_add(struct sha256_stream *s, const void *p, size_t n);
void sha256_stream_end(struct sha256_stream *s, char out[SHA256_HEX]); /* frees s */

/* HMAC-SHA-256 as 64 hex digits. A key that is used more than once is set up once: that is half of the work.
 */
struct hash_key {
    unsigned inner[28], outer[28]; /* libcrypto's states after the key */
};
void hash_key_init(struct hash_key *k, const void *key, size_t n);
void hash_key_hex(const struct hash_key *k, const void *p, size_t n, char out[SHA256_HEX]);
void hash_key_wipe(struct hash_key *k);
void hash_keyed_hex(const void *key, size_t keylen, const void *p, size_t n, char out[SHA256_HEX]);

#endif
