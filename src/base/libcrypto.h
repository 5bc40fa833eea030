/* libcrypto, loaded when something is hashed or sealed for the first time (library.h). Included in the place
 * of OpenSSL's own headers: the functions below are called by their own names. */
#ifndef CITRUS_LIBCRYPTO_H
#define CITRUS_LIBCRYPTO_H
/* SHA256_Init() and its sisters look no algorithm up, at a hundred times the cost of hashing a name; 3.0
 * would rather see what does. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/evp.h>
#include <openssl/sha.h>

#define LIBCRYPTO "libcrypto.so.3"

#define CRYPTO_FUNCTIONS(X)                                                                                  \
    X(EVP_CIPHER_CTX_ctrl)                                                                                   \
    X(EVP_CIPHER_CTX_free)                                                                                   \
    X(EVP_CIPHER_CTX_new)                                                                                    \
    X(EVP_CipherFinal_ex)                                                                                    \
    X(EVP_CipherInit_ex)                                                                                     \
    X(EVP_CipherUpdate)                                                                                      \
    X(EVP_CIPHER_fetch)                                                                                      \
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

#define EVP_CIPHER_CTX_ctrl libcrypto()->EVP_CIPHER_CTX_ctrl
#define EVP_CIPHER_CTX_free libcrypto()->EVP_CIPHER_CTX_free
#define EVP_CIPHER_CTX_new  libcrypto()->EVP_CIPHER_CTX_new
#define EVP_CipherFinal_ex  libcrypto()->EVP_CipherFinal_ex
#define EVP_CipherInit_ex   libcrypto()->EVP_CipherInit_ex
#define EVP_CipherUpdate    libcrypto()->EVP_CipherUpdate
#define EVP_CIPHER_fetch    libcrypto()->EVP_CIPHER_fetch
#define SHA1                libcrypto()->SHA1
#define SHA256_Final        libcrypto()->SHA256_Final
#define SHA256_Init         libcrypto()->SHA256_Init
#define SHA256_Update       libcrypto()->SHA256_Update

#endif
