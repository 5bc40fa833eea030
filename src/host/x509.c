#include "x509.h"
#include "libcrypto.h"
#include "library.h"
#include "secret.h"
#include "x509_crypto.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY        86400
#define P256_POINT 65 /* uncompressed: SEC 1, 2.3.3 */

/* libcrypto's own reason, short; its queue is left empty. */
static const char *crypto_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text ? text : "no reason given";
}

static X509 *certificate_read(const char *pem, size_t len)
{
    if (len > INT32_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *c = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return c;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The DNS names of the SAN. One with a NUL inside names nothing that we serve (CVE-2009-2408) and is left
 * out. */
static struct strings names_read(X509 *c, struct arena *a)
{
    struct strings names = {0};
    GENERAL_NAMES *san = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    int n = san ? sk_GENERAL_NAME_num(san) : 0;
    names.at = arena_array(a, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(san, i);
        if (g->type != GEN_DNS)
            continue;
        const char *at = (const char *)ASN1_STRING_get0_data(g->d.dNSName);
        size_t len = (size_t)ASN1_STRING_length(g->d.dNSName);
        if (memchr(at, '\0', len))
            continue;
        char *name = arena_strndup(a, at, len);
        for (char *p = name; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        names.at[names.n++] = name;
    }
    GENERAL_NAMES_free(san);
    qsort(names.at, names.n, sizeof *names.at, name_compare);
    return names;
}

static const char *issuer_read(X509 *c, struct arena *a)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (!bio || X509_NAME_print_ex(bio, X509_get_issuer_name(c), 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) < 0) {
        BIO_free(bio);
        return "";
    }
    long len = BIO_get_mem_data(bio, &text);
    const char *issuer = arena_strndup(a, text, (size_t)len);
    BIO_free(bio);
    return issuer;
}

static int time_read(const ASN1_TIME *t, int64_t *ret)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return -EINVAL;
    *ret = timegm(&tm);
    return 0;
}

static int certificate_info(X509 *c, struct x509_info *ret, struct arena *a, struct error *err)
{
    struct x509_info info = {0};
    int r = 0;
    unsigned char *der = NULL;
    int der_len = i2d_X509(c, &der);
    if (der_len <= 0 || time_read(X509_get0_notBefore(c), &info.not_before) < 0 ||
        time_read(X509_get0_notAfter(c), &info.not_after) < 0) {
        r = error_set(err, -EINVAL, "the certificate has no readable dates (%s)", crypto_reason());
        goto out;
    }
    hash_sha256_hex(der, (size_t)der_len, info.sha256);
    info.names = names_read(c, a);
    info.issuer = issuer_read(c, a);
    /* A subject equal to the issuer is not enough: its own key must have signed it. */
    info.self_signed = X509_NAME_cmp(X509_get_issuer_name(c), X509_get_subject_name(c)) == 0 &&
                       X509_verify(c, X509_get0_pubkey(c)) == 1;
    ERR_clear_error();
    *ret = info;
out:
    OPENSSL_free(der);
    return r;
}

int x509_parse(const char *pem, size_t len, struct x509_info *ret, struct arena *a, struct error *err)
{
    X509 *c = certificate_read(pem, len);
    if (!c)
        return error_set(err, -EINVAL, "this is no certificate in PEM form (%s)", crypto_reason());
    int r = certificate_info(c, ret, a, err);
    X509_free(c);
    return r;
}

/* An encrypted key must not make libcrypto ask at the terminal. */
static int no_password(char *out, int size, int writing, void *self)
{
    return -1;
}

static bool key_matches(X509 *c, const char *key_pem, size_t key_len)
{
    if (key_len > INT32_MAX)
        return false;
    BIO *bio = BIO_new_mem_buf(key_pem, (int)key_len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    bool matches = c && key && X509_check_private_key(c, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return matches;
}

bool x509_key_matches(const char *pem, size_t len, const char *key_pem, size_t key_len)
{
    X509 *c = certificate_read(pem, len);
    bool matches = key_matches(c, key_pem, key_len);
    X509_free(c);
    return matches;
}

int x509_parse_pair(const struct buf *certificate, const struct buf *key, struct x509_info *ret,
                    bool *ret_matches, struct arena *a, struct error *err)
{
    X509 *c = certificate_read(buf_str(certificate), certificate->len);
    if (!c)
        return error_set(err, -EINVAL, "this is no certificate in PEM form (%s)", crypto_reason());
    int r = certificate_info(c, ret, a, err);
    if (r == 0)
        *ret_matches = key_matches(c, buf_str(key), key->len);
    X509_free(c);
    return r;
}

/* RFC 6125 6.4.3: the wildcard is the whole leftmost label and stands for exactly one. */
static bool name_covers(const char *pattern, const char *name)
{
    if (strcasecmp(pattern, name) == 0)
        return true;
    if (pattern[0] != '*' || pattern[1] != '.')
        return false;
    const char *dot = strchr(name, '.');
    return dot && dot != name && strchr(pattern + 2, '.') && strcasecmp(dot, pattern + 1) == 0;
}

bool x509_covers(const struct x509_info *c, const struct strings *names)
{
    for (size_t i = 0; i < names->n; i++) {
        bool covered = false;
        for (size_t k = 0; k < c->names.n && !covered; k++)
            covered = name_covers(c->names.at[k], names->at[i]);
        if (!covered)
            return false;
    }
    return true;
}

int64_t x509_due_at(const struct x509_info *c)
{
    int64_t life = c->not_after - c->not_before;
    return c->not_after - life / (life < 10 * (int64_t)DAY ? 2 : 3);
}

bool x509_due(const struct x509_info *c, int64_t now)
{
    return now >= x509_due_at(c);
}

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
    return ok ? 0 : error_set(err, -ENOMEM, "the certificate's serial number: %s", crypto_reason());
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

static int pem_write(X509 *c, EVP_PKEY *k, struct buf *certificate, struct buf *key, struct error *err)
{
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
    int r = 0;
    if (!cert_bio || !key_bio || PEM_write_bio_X509(cert_bio, c) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_bio, k, NULL, NULL, 0, NULL, NULL) != 1) {
        r = error_set(err, -EIO, "writing the self-signed certificate: %s", crypto_reason());
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

/* As X509_set_pubkey() has it in the end, which takes two thirds of the time that all the rest takes to look
 * for who can encode a key, and then to decode it again. */
static bool pubkey_set(X509 *c, EVP_PKEY *k)
{
    unsigned char point[P256_POINT];
    size_t n = 0;
    if (EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1)
        return false;
    unsigned char *own = OPENSSL_memdup(point, n); /* the certificate's, once it has it */
    bool set =
        own && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(c), OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
                                      V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), own, (int)n) == 1;
    if (!set)
        OPENSSL_free(own);
    return set;
}

int x509_self_signed(const struct strings *names, int64_t days, struct buf *certificate, struct buf *key,
                     struct error *err)
{
    if (names->n == 0 || days < 1 || days > 36500)
        return error_set(err, -EINVAL, "a self-signed certificate needs a name and 1 to 36500 days");
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *c = X509_new();
    int r = -EIO;
    /* An hour in the past, for clients whose clock is slow. */
    if (!k || !c || X509_set_version(c, X509_VERSION_3) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(c), -3600) ||
        !X509_time_adj_ex(X509_getm_notAfter(c), (int)days, 0, NULL) || !pubkey_set(c, k) ||
        !subject_set(c, names->at[0]) || !names_set(c, names) ||
        !extension_set(c, NID_basic_constraints, "critical,CA:FALSE") ||
        !extension_set(c, NID_key_usage, "critical,digitalSignature") ||
        !extension_set(c, NID_ext_key_usage, "serverAuth") ||
        !extension_set(c, NID_subject_key_identifier, "hash")) {
        error_set(err, r, "making a self-signed certificate for %s: %s", names->at[0], crypto_reason());
        goto out;
    }
    r = serial_set(c, err);
    if (r < 0)
        goto out;
    if (X509_sign(c, k, EVP_sha256()) <= 0) {
        r = error_set(err, -EIO, "signing the certificate for %s: %s", names->at[0], crypto_reason());
        goto out;
    }
    r = pem_write(c, k, certificate, key, err);
out:
    X509_free(c);
    EVP_PKEY_free(k);
    return r;
}
