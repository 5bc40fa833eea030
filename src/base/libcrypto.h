/* libcrypto, loaded when something is hashed or sealed for the first time (library.h). Included in the place
 * of OpenSSL's own headers: the functions below are called by their own names. */
#ifndef CITRUS_LIBCRYPTO_H
#define CITRUS_LIBCRYPTO_H
/* SHA256_Init(), AES_encrypt() and their sisters look no algorithm up, at a hundred times the cost of hashing
 * a name; 3.0 would rather see what does. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/aes.h>
#include <openssl/modes.h>
#include <openssl/sha.h>

#define LIBCRYPTO "libcrypto.so.3"

#define CRYPTO_FUNCTIONS(X)                                                                                  \
    X(AES_encrypt)                                                                                           \
    X(AES_set_encrypt_key)                                                                                   \
    X(CRYPTO_gcm128_aad)                                                                                     \
    X(CRYPTO_gcm128_decrypt)                                                                                 \
    X(CRYPTO_gcm128_encrypt)                                                                                 \
    X(CRYPTO_gcm128_finish)                                                                                  \
    X(CRYPTO_gcm128_new)                                                                                     \
    X(CRYPTO_gcm128_release)                                                                                 \
    X(CRYPTO_gcm128_setiv)                                                                                   \
    X(CRYPTO_gcm128_tag)                                                                                     \
    X(SHA1)                                                                                                  \
    X(SHA256_Final)                                                                                          \
    X(SHA256_Init)                                                                                           \
    X(SHA256_Update)

struct libcrypto {
#define X(f) __typeof__(&f) f;
    CRYPTO_FUNCTIONS(X)
#undef X
};

/* Ends the program where it is not installed: nothing can be done without. */
const struct libcrypto *libcrypto(void);

#define AES_encrypt           libcrypto()->AES_encrypt
#define AES_set_encrypt_key   libcrypto()->AES_set_encrypt_key
#define CRYPTO_gcm128_aad     libcrypto()->CRYPTO_gcm128_aad
#define CRYPTO_gcm128_decrypt libcrypto()->CRYPTO_gcm128_decrypt
#define CRYPTO_gcm128_encrypt libcrypto()->CRYPTO_gcm128_encrypt
#define CRYPTO_gcm128_finish  libcrypto()->CRYPTO_gcm128_finish
#define CRYPTO_gcm128_new     libcrypto()->CRYPTO_gcm128_new
#define CRYPTO_gcm128_release libcrypto()->CRYPTO_gcm128_release
#define CRYPTO_gcm128_setiv   libcrypto()->CRYPTO_gcm128_setiv
#define CRYPTO_gcm128_tag     libcrypto()->CRYPTO_gcm128_tag
#define SHA1                  libcrypto()->SHA1
#define SHA256_Final          libcrypto()->SHA256_Final
#define SHA256_Init           libcrypto()->SHA256_Init
#define SHA256_Update         libcrypto()->SHA256_Update

#endif
