#include "x509.h"
#include "libcrypto.h"
#include "library.h"
#include "x509_crypto.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY 86400

const char *x509_reason(void)
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

int x509_info(X509 *c, bool self_made, struct x509_info *ret, struct arena *a, struct error *err)
{
    struct x509_info info = {0};
    int r = 0;
    unsigned char *der = NULL;
    int der_len = i2d_X509(c, &der);
    if (der_len <= 0 || time_read(X509_get0_notBefore(c), &info.not_before) < 0 ||
        time_read(X509_get0_notAfter(c), &info.not_after) < 0) {
        r = error_set(err, -EINVAL, "the certificate has no readable dates (%s)", x509_reason());
        goto out;
    }
    hash_sha256_hex(der, (size_t)der_len, info.sha256);
    info.names = names_read(c, a);
    info.issuer = issuer_read(c, a);
    /* A subject equal to the issuer is not enough: its own key must have signed it. */
    info.self_signed = self_made || (X509_NAME_cmp(X509_get_issuer_name(c), X509_get_subject_name(c)) == 0 &&
                                     X509_verify(c, X509_get0_pubkey(c)) == 1);
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
        return error_set(err, -EINVAL, "this is no certificate in PEM form (%s)", x509_reason());
    int r = x509_info(c, false, ret, a, err);
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
        return error_set(err, -EINVAL, "this is no certificate in PEM form (%s)", x509_reason());
    int r = x509_info(c, false, ret, a, err);
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
