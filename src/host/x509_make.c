/* A new self-signed certificate: P-256, with ECDSA of SHA-256. libcrypto's algorithms are used as they are.
 * To have it look up who makes keys, numbers, signatures and encodings took 15 of the 49 million instructions
 * of a first apply of ten sites (3.0; callgrind), all that is done with them takes one. */
#include "hash.h"
#include "secret.h"
#include "x509.h"
#include "x509_crypto.h"
#include <errno.h>
#include <string.h>

static int serial_set(X509 *c, struct error *err)
{
    unsigned char raw[16];
    int r = random_bytes(raw, sizeof raw, err);
    if (r < 0)
        return r;
    raw[0] = (unsigned char)((raw[0] & 0x7f) | 0x40); /* positive and not zero: RFC 5280 4.1.2.2 */
    BIGNUM *n = BN_bin2bn(raw, sizeof raw, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c));
    BN_free(n);
    return ok ? 0 : error_set(err, -ENOMEM, "the certificate's serial number: %s", x509_reason());
}

static bool names_set(X509 *c, const struct strings *names)
{
    GENERAL_NAMES *san = GENERAL_NAMES_new();
    bool ok = san != NULL;
    for (size_t i = 0; i < names->n && ok; i++) {
        GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        ok = g && s && ASN1_STRING_set(s, names->at[i], -1) == 1;
        if (ok) {
            GENERAL_NAME_set0_value(g, GEN_DNS, s);
            s = NULL;
            ok = sk_GENERAL_NAME_push(san, g) > 0;
            if (ok)
                g = NULL;
        }
        ASN1_IA5STRING_free(s);
        GENERAL_NAME_free(g);
    }
    ok = ok && X509_add1_ext_i2d(c, NID_subject_alt_name, san, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(san);
    return ok;
}

static bool extension_set(X509 *c, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = x && X509_add_ext(c, x, -1) == 1;
    X509_EXTENSION_free(x);
    return ok;
}

/* The common name holds at most 64 bytes (RFC 5280 ub-common-name); the SAN is what counts. */
static bool subject_set(X509 *c, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(c);
    const char *cn = strlen(name) <= 64 ? name : "citrus self-signed";
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(c, subject) == 1;
}

static EC_KEY *key_new(void)
{
    EC_KEY *k = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (k && EC_KEY_generate_key(k) == 1)
        return k;
    EC_KEY_free(k);
    return NULL;
}

static bool pubkey_set(X509 *c, EC_KEY *k)
{
    unsigned char *point = NULL; /* the certificate's, once it has it */
    size_t n = EC_KEY_key2buf(k, POINT_CONVERSION_UNCOMPRESSED, &point, NULL);
    bool set =
        n && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(c), OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
                                    V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), point, (int)n) == 1;
    if (!set)
        OPENSSL_free(point);
    return set;
}

/* RFC 7093, 2, method 1: the first 160 bits of the public key's SHA-256. */
static bool key_id_set(X509 *c)
{
    unsigned char digest[SHA256_LEN];
    const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(c);
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    hash_sha256(ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point), digest);
    bool set = id && ASN1_OCTET_STRING_set(id, digest, 20) == 1 &&
               X509_add1_ext_i2d(c, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_OCTET_STRING_free(id);
    return set;
}

/* The number that is used once is the kernel's, evenly spread over the curve's order (FIPS 186-5, A.3.2); by
 * itself ECDSA_sign() mixes key and digest into it, with a SHA-512 that is looked up. */
static bool ecdsa(const unsigned char *digest, int n, unsigned char *out, unsigned *ret_n, EC_KEY *k)
{
    BIGNUM *inverse = NULL, *r = NULL;
    bool made = ECDSA_sign_setup(k, NULL, &inverse, &r) == 1 &&
                ECDSA_sign_ex(0, digest, n, out, ret_n, inverse, r, k) == 1;
    BN_clear_free(inverse);
    BN_clear_free(r);
    return made;
}

/* What X509_sign() does. It has no setters for this: the certificate's own parts are written to. */
static bool sign(X509 *c, EC_KEY *k)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *inner = X509_get0_tbs_sigalg(c), *outer;
    unsigned char digest[SHA256_LEN], bytes[80], *der = NULL; /* 72 at most: two numbers of 33, as DER */
    unsigned n = sizeof bytes;
    X509_get0_signature(&signature, &outer, c);
    const X509_ALGOR *algorithms[] = {inner, outer};
    for (size_t i = 0; i < 2; i++)
        if (X509_ALGOR_set0((X509_ALGOR *)algorithms[i], OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
                            NULL) != 1)
            return false;
    int length = i2d_re_X509_tbs(c, &der);
    if (length <= 0)
        return false;
    hash_sha256(der, (size_t)length, digest);
    OPENSSL_free(der);
    ASN1_BIT_STRING *own = (ASN1_BIT_STRING *)signature;
    own->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07); /* all bits of the last byte count */
    own->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    return ecdsa(digest, sizeof digest, bytes, &n, k) && ASN1_STRING_set(own, bytes, (int)n) == 1;
}

/* PKCS#8, the curve beside the key and not once more in it (RFC 5915, 3). */
static bool key_write(BIO *out, EC_KEY *k)
{
    unsigned char *der = NULL; /* the info's, once it has it, which wipes it */
    PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
    EC_KEY_set_enc_flags(k, EC_PKEY_NO_PARAMETERS);
    int n = info ? i2d_ECPrivateKey(k, &der) : 0;
    bool set = n > 0 && PKCS8_pkey_set0(info, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), 0, V_ASN1_OBJECT,
                                        OBJ_nid2obj(NID_X9_62_prime256v1), der, n) == 1;
    bool written = set && PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, info) == 1;
    if (n > 0 && !set)
        OPENSSL_clear_free(der, (size_t)n);
    PKCS8_PRIV_KEY_INFO_free(info);
    return written;
}

static int pem_write(X509 *c, EC_KEY *k, struct buf *certificate, struct buf *key, struct error *err)
{
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
    int r = 0;
    if (!cert_bio || !key_bio || PEM_write_bio_X509(cert_bio, c) != 1 || !key_write(key_bio, k)) {
        r = error_set(err, -EIO, "writing the self-signed certificate: %s", x509_reason());
        goto out;
    }
    char *text = NULL;
    long len = BIO_get_mem_data(cert_bio, &text);
    buf_add(certificate, text, (size_t)len);
    len = BIO_get_mem_data(key_bio, &text);
    buf_add(key, text, (size_t)len);
    explicit_bzero(text, (size_t)len);
out:
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return r;
}

static bool fill(X509 *c, EC_KEY *k, const struct strings *names, int64_t days)
{
    /* An hour in the past, for clients whose clock is slow. */
    return X509_set_version(c, X509_VERSION_3) == 1 && X509_gmtime_adj(X509_getm_notBefore(c), -3600) &&
           X509_time_adj_ex(X509_getm_notAfter(c), (int)days, 0, NULL) && pubkey_set(c, k) &&
           subject_set(c, names->at[0]) && names_set(c, names) &&
           extension_set(c, NID_basic_constraints, "critical,CA:FALSE") &&
           extension_set(c, NID_key_usage, "critical,digitalSignature") &&
           extension_set(c, NID_ext_key_usage, "serverAuth") && key_id_set(c);
}

int x509_self_signed(const struct strings *names, int64_t days, struct buf *certificate, struct buf *key,
                     struct x509_info *ret, struct arena *a, struct error *err)
{
    if (names->n == 0 || days < 1 || days > 36500)
        return error_set(err, -EINVAL, "a self-signed certificate needs a name and 1 to 36500 days");
    EC_KEY *k = key_new();
    X509 *c = X509_new();
    int r = k && c && fill(c, k, names, days) ? 0 : -EIO;
    if (r < 0)
        error_set(err, r, "making a self-signed certificate for %s: %s", names->at[0], x509_reason());
    else
        r = serial_set(c, err);
    if (r == 0 && !sign(c, k))
        r = error_set(err, -EIO, "signing the certificate for %s: %s", names->at[0], x509_reason());
    if (r == 0)
        r = pem_write(c, k, certificate, key, err);
    if (r == 0 && ret)
        r = x509_info(c, true, ret, a, err);
    X509_free(c);
    EC_KEY_free(k);
    return r;
}
