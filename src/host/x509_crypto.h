/* What x509.c calls of libcrypto, by its own names: base's libcrypto.h has what everybody needs. Private to
 * the files named x509. */
#ifndef CITRUS_X509_CRYPTO_H
#define CITRUS_X509_CRYPTO_H
#include "libcrypto.h" /* before OpenSSL's: it says which deprecated functions are meant */
#include "x509.h"
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define X509_FUNCTIONS(X)                                                                                    \
    X(ASN1_IA5STRING_free)                                                                                   \
    X(ASN1_IA5STRING_new)                                                                                    \
    X(ASN1_OCTET_STRING_free)                                                                                \
    X(ASN1_OCTET_STRING_new)                                                                                 \
    X(ASN1_OCTET_STRING_set)                                                                                 \
    X(ASN1_STRING_get0_data)                                                                                 \
    X(ASN1_STRING_length)                                                                                    \
    X(ASN1_STRING_set)                                                                                       \
    X(ASN1_TIME_to_tm)                                                                                       \
    X(BIO_ctrl)                                                                                              \
    X(BIO_free)                                                                                              \
    X(BIO_new)                                                                                               \
    X(BIO_new_mem_buf)                                                                                       \
    X(BIO_s_mem)                                                                                             \
    X(BIO_s_secmem)                                                                                          \
    X(BN_bin2bn)                                                                                             \
    X(BN_clear_free)                                                                                         \
    X(BN_free)                                                                                               \
    X(BN_to_ASN1_INTEGER)                                                                                    \
    X(CRYPTO_clear_free)                                                                                     \
    X(CRYPTO_free)                                                                                           \
    X(ECDSA_sign_ex)                                                                                         \
    X(ECDSA_sign_setup)                                                                                      \
    X(EC_KEY_free)                                                                                           \
    X(EC_KEY_generate_key)                                                                                   \
    X(EC_KEY_key2buf)                                                                                        \
    X(EC_KEY_new_by_curve_name)                                                                              \
    X(EC_KEY_set_enc_flags)                                                                                  \
    X(ERR_clear_error)                                                                                       \
    X(ERR_peek_last_error)                                                                                   \
    X(ERR_reason_error_string)                                                                               \
    X(EVP_PKEY_free)                                                                                         \
    X(GENERAL_NAMES_free)                                                                                    \
    X(GENERAL_NAMES_new)                                                                                     \
    X(GENERAL_NAME_free)                                                                                     \
    X(GENERAL_NAME_new)                                                                                      \
    X(GENERAL_NAME_set0_value)                                                                               \
    X(OBJ_nid2obj)                                                                                           \
    X(OPENSSL_init_crypto)                                                                                   \
    X(OPENSSL_sk_num)                                                                                        \
    X(OPENSSL_sk_push)                                                                                       \
    X(OPENSSL_sk_value)                                                                                      \
    X(PEM_read_bio_PrivateKey)                                                                               \
    X(PEM_read_bio_X509)                                                                                     \
    X(PEM_write_bio_PKCS8_PRIV_KEY_INFO)                                                                     \
    X(PEM_write_bio_X509)                                                                                    \
    X(PKCS8_PRIV_KEY_INFO_free)                                                                              \
    X(PKCS8_PRIV_KEY_INFO_new)                                                                               \
    X(PKCS8_pkey_set0)                                                                                       \
    X(RAND_set_rand_method)                                                                                  \
    X(X509V3_EXT_conf_nid)                                                                                   \
    X(X509V3_set_ctx)                                                                                        \
    X(X509_ALGOR_set0)                                                                                       \
    X(X509_EXTENSION_free)                                                                                   \
    X(X509_NAME_add_entry_by_txt)                                                                            \
    X(X509_NAME_cmp)                                                                                         \
    X(X509_NAME_print_ex)                                                                                    \
    X(X509_PUBKEY_set0_param)                                                                                \
    X(X509_add1_ext_i2d)                                                                                     \
    X(X509_add_ext)                                                                                          \
    X(X509_check_private_key)                                                                                \
    X(X509_free)                                                                                             \
    X(X509_get0_notAfter)                                                                                    \
    X(X509_get0_notBefore)                                                                                   \
    X(X509_get0_pubkey)                                                                                      \
    X(X509_get0_pubkey_bitstr)                                                                               \
    X(X509_get0_signature)                                                                                   \
    X(X509_get0_tbs_sigalg)                                                                                  \
    X(X509_get_X509_PUBKEY)                                                                                  \
    X(X509_get_ext_d2i)                                                                                      \
    X(X509_get_issuer_name)                                                                                  \
    X(X509_get_serialNumber)                                                                                 \
    X(X509_get_subject_name)                                                                                 \
    X(X509_getm_notAfter)                                                                                    \
    X(X509_getm_notBefore)                                                                                   \
    X(X509_gmtime_adj)                                                                                       \
    X(X509_new)                                                                                              \
    X(X509_set_issuer_name)                                                                                  \
    X(X509_set_version)                                                                                      \
    X(X509_time_adj_ex)                                                                                      \
    X(X509_verify)                                                                                           \
    X(i2d_ECPrivateKey)                                                                                      \
    X(i2d_X509)                                                                                              \
    X(i2d_re_X509_tbs)

struct x509_crypto {
#define X(f) __typeof__(&f) f;
    X509_FUNCTIONS(X)
#undef X
};
const struct x509_crypto *x509_crypto(void);

/* libcrypto's own reason, short; its queue is left empty. */
const char *x509_reason(void);
/* `self_made`: its own key has signed it a moment ago. */
int x509_info(X509 *c, bool self_made, struct x509_info *ret, struct arena *a, struct error *err);

#define ASN1_IA5STRING_free               x509_crypto()->ASN1_IA5STRING_free
#define ASN1_IA5STRING_new                x509_crypto()->ASN1_IA5STRING_new
#define ASN1_OCTET_STRING_free            x509_crypto()->ASN1_OCTET_STRING_free
#define ASN1_OCTET_STRING_new             x509_crypto()->ASN1_OCTET_STRING_new
#define ASN1_OCTET_STRING_set             x509_crypto()->ASN1_OCTET_STRING_set
#define ASN1_STRING_get0_data             x509_crypto()->ASN1_STRING_get0_data
#define ASN1_STRING_length                x509_crypto()->ASN1_STRING_length
#define ASN1_STRING_set                   x509_crypto()->ASN1_STRING_set
#define ASN1_TIME_to_tm                   x509_crypto()->ASN1_TIME_to_tm
#define BIO_ctrl                          x509_crypto()->BIO_ctrl
#define BIO_free                          x509_crypto()->BIO_free
#define BIO_new                           x509_crypto()->BIO_new
#define BIO_new_mem_buf                   x509_crypto()->BIO_new_mem_buf
#define BIO_s_mem                         x509_crypto()->BIO_s_mem
#define BIO_s_secmem                      x509_crypto()->BIO_s_secmem
#define BN_bin2bn                         x509_crypto()->BN_bin2bn
#define BN_clear_free                     x509_crypto()->BN_clear_free
#define BN_free                           x509_crypto()->BN_free
#define BN_to_ASN1_INTEGER                x509_crypto()->BN_to_ASN1_INTEGER
#define CRYPTO_clear_free                 x509_crypto()->CRYPTO_clear_free
#define CRYPTO_free                       x509_crypto()->CRYPTO_free
#define ECDSA_sign_ex                     x509_crypto()->ECDSA_sign_ex
#define ECDSA_sign_setup                  x509_crypto()->ECDSA_sign_setup
#define EC_KEY_free                       x509_crypto()->EC_KEY_free
#define EC_KEY_generate_key               x509_crypto()->EC_KEY_generate_key
#define EC_KEY_key2buf                    x509_crypto()->EC_KEY_key2buf
#define EC_KEY_new_by_curve_name          x509_crypto()->EC_KEY_new_by_curve_name
#define EC_KEY_set_enc_flags              x509_crypto()->EC_KEY_set_enc_flags
#define ERR_clear_error                   x509_crypto()->ERR_clear_error
#define ERR_peek_last_error               x509_crypto()->ERR_peek_last_error
#define ERR_reason_error_string           x509_crypto()->ERR_reason_error_string
#define EVP_PKEY_free                     x509_crypto()->EVP_PKEY_free
#define GENERAL_NAMES_free                x509_crypto()->GENERAL_NAMES_free
#define GENERAL_NAMES_new                 x509_crypto()->GENERAL_NAMES_new
#define GENERAL_NAME_free                 x509_crypto()->GENERAL_NAME_free
#define GENERAL_NAME_new                  x509_crypto()->GENERAL_NAME_new
#define GENERAL_NAME_set0_value           x509_crypto()->GENERAL_NAME_set0_value
#define OBJ_nid2obj                       x509_crypto()->OBJ_nid2obj
#define OPENSSL_sk_num                    x509_crypto()->OPENSSL_sk_num
#define OPENSSL_sk_push                   x509_crypto()->OPENSSL_sk_push
#define OPENSSL_sk_value                  x509_crypto()->OPENSSL_sk_value
#define PEM_read_bio_PrivateKey           x509_crypto()->PEM_read_bio_PrivateKey
#define PEM_read_bio_X509                 x509_crypto()->PEM_read_bio_X509
#define PEM_write_bio_PKCS8_PRIV_KEY_INFO x509_crypto()->PEM_write_bio_PKCS8_PRIV_KEY_INFO
#define PEM_write_bio_X509                x509_crypto()->PEM_write_bio_X509
#define PKCS8_PRIV_KEY_INFO_free          x509_crypto()->PKCS8_PRIV_KEY_INFO_free
#define PKCS8_PRIV_KEY_INFO_new           x509_crypto()->PKCS8_PRIV_KEY_INFO_new
#define PKCS8_pkey_set0                   x509_crypto()->PKCS8_pkey_set0
#define X509V3_EXT_conf_nid               x509_crypto()->X509V3_EXT_conf_nid
#define X509V3_set_ctx                    x509_crypto()->X509V3_set_ctx
#define X509_ALGOR_set0                   x509_crypto()->X509_ALGOR_set0
#define X509_EXTENSION_free               x509_crypto()->X509_EXTENSION_free
#define X509_NAME_add_entry_by_txt        x509_crypto()->X509_NAME_add_entry_by_txt
#define X509_NAME_cmp                     x509_crypto()->X509_NAME_cmp
#define X509_NAME_print_ex                x509_crypto()->X509_NAME_print_ex
#define X509_PUBKEY_set0_param            x509_crypto()->X509_PUBKEY_set0_param
#define X509_add1_ext_i2d                 x509_crypto()->X509_add1_ext_i2d
#define X509_add_ext                      x509_crypto()->X509_add_ext
#define X509_check_private_key            x509_crypto()->X509_check_private_key
#define X509_free                         x509_crypto()->X509_free
#define X509_get0_notAfter                x509_crypto()->X509_get0_notAfter
#define X509_get0_notBefore               x509_crypto()->X509_get0_notBefore
#define X509_get0_pubkey                  x509_crypto()->X509_get0_pubkey
#define X509_get0_pubkey_bitstr           x509_crypto()->X509_get0_pubkey_bitstr
#define X509_get0_signature               x509_crypto()->X509_get0_signature
#define X509_get0_tbs_sigalg              x509_crypto()->X509_get0_tbs_sigalg
#define X509_get_X509_PUBKEY              x509_crypto()->X509_get_X509_PUBKEY
#define X509_get_ext_d2i                  x509_crypto()->X509_get_ext_d2i
#define X509_get_issuer_name              x509_crypto()->X509_get_issuer_name
#define X509_get_serialNumber             x509_crypto()->X509_get_serialNumber
#define X509_get_subject_name             x509_crypto()->X509_get_subject_name
#define X509_getm_notAfter                x509_crypto()->X509_getm_notAfter
#define X509_getm_notBefore               x509_crypto()->X509_getm_notBefore
#define X509_gmtime_adj                   x509_crypto()->X509_gmtime_adj
#define X509_new                          x509_crypto()->X509_new
#define X509_set_issuer_name              x509_crypto()->X509_set_issuer_name
#define X509_set_version                  x509_crypto()->X509_set_version
#define X509_time_adj_ex                  x509_crypto()->X509_time_adj_ex
#define X509_verify                       x509_crypto()->X509_verify
#define i2d_ECPrivateKey                  x509_crypto()->i2d_ECPrivateKey
#define i2d_X509                          x509_crypto()->i2d_X509
#define i2d_re_X509_tbs                   x509_crypto()->i2d_re_X509_tbs

#endif
