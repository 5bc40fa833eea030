/* Certificates: reading what is on disk, making self-signed ones. libcrypto; no process. */
#ifndef CITRUS_X509_H
#define CITRUS_X509_H
#include "field.h"
#include "host.h"

struct x509_info {
    struct strings names; /* DNS names of the SAN, lower case, sorted */
    const char *issuer;   /* "CN=..." */
    bool self_signed;
    int64_t not_before, not_after; /* unix seconds */
    char sha256[SHA256_HEX];       /* of the DER */
};
/* The first certificate of a PEM text. -EINVAL with a text when it is none. */
int x509_parse(const char *pem, size_t len, struct x509_info *ret, struct arena *a, struct error *err);
bool x509_key_matches(const char *pem, size_t len, const char *key_pem, size_t key_len);
/* Both at once: the certificate is read once, which is most of it. */
int x509_parse_pair(const struct buf *certificate, const struct buf *key, struct x509_info *ret,
                    bool *ret_matches, struct arena *a, struct error *err);
/* The same of a pair as it was read: out of host->memo where it was seen before (not with host->verify).
 */
#define X509_PAIR_KEY (5 + SHA256_HEX)
int x509_pair(struct host *h, const struct buf *certificate, const struct buf *key, struct x509_info *ret,
              bool *ret_matches, struct arena *a, struct error *err);
/* Remembers a pair that was just made, so that it need not be held against each other when it is looked at.
 */
void x509_pair_made(struct host *h, const struct buf *certificate, const struct buf *key,
                    const struct x509_info *info);
/* True when every name is covered (wildcards: one label). */
bool x509_covers(const struct x509_info *c, const struct strings *names);
/* Due when a third of its own lifetime is left, half where it lives under ten days. */
int64_t x509_due_at(const struct x509_info *c);
bool x509_due(const struct x509_info *c, int64_t now);
/* ECDSA P-256, SAN of all names, serverAuth. `key` holds a secret: wipe it. `ret`, in `a`: what x509_parse()
 * would say of it; NULL: nobody asks. */
int x509_self_signed(const struct strings *names, int64_t days, struct buf *certificate, struct buf *key,
                     struct x509_info *ret, struct arena *a, struct error *err);

#endif
