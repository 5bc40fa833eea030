/* A certificate and its key as they lie on disk. To parse the one and to hold the other against it costs
 * libcrypto more than all else that a look does for a site, and neither changes for weeks: what came of it is
 * remembered by their content. */
#include "x509.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What is remembered. */
struct pair {
    struct strings names;
    const char *issuer, *sha256;
    int8_t self_signed, matches;
    int64_t not_before, not_after;
};
#define AT(t, member) .name = #member, .type = t, .offset = offsetof(struct pair, member)
static const struct field fields[] = {
    {AT(FIELD_STRINGS, names)},    {AT(FIELD_STRING, issuer)}, {AT(FIELD_STRING, sha256)},
    {AT(FIELD_BOOL, self_signed)}, {AT(FIELD_BOOL, matches)},  {AT(FIELD_INT, not_before)},
    {AT(FIELD_INT, not_after)},
};
static const struct record record = {.name = "certificate pair", FIELDS(fields), .size = sizeof(struct pair)};

/* The lengths keep two pairs apart whose texts are the same one behind the other. */
static void key_make(const struct buf *certificate, const struct buf *key, char ret[X509_PAIR_KEY])
{
    const uint64_t lengths[2] = {certificate->len, key->len};
    struct sha256_stream *s = sha256_stream_new();
    memcpy(ret, "x509 ", 5);
    sha256_stream_add(s, lengths, sizeof lengths);
    sha256_stream_add(s, buf_str(certificate), certificate->len);
    sha256_stream_add(s, buf_str(key), key->len);
    sha256_stream_end(s, ret + 5);
}

static bool recall(struct host *h, const char *name, struct x509_info *ret, bool *ret_matches,
                   struct arena *a)
{
    const char *text;
    struct pair p;
    if (!h->memo || h->verify || !h->memo->get(h->memo->self, name, a, &text))
        return false;
    json_t *root = json_loads(text, 0, NULL);
    record_clear(&record, &p);
    bool known = root && record_from_json(&record, &p, root, a, NULL) == 0 && p.names.at && p.issuer &&
                 p.sha256 && strlen(p.sha256) < sizeof ret->sha256 && p.matches >= 0 && p.self_signed >= 0 &&
                 p.not_before != FIELD_UNSET && p.not_after != FIELD_UNSET;
    json_decref(root);
    if (!known)
        return false;
    *ret = (struct x509_info){.names = p.names,
                              .issuer = p.issuer,
                              .self_signed = p.self_signed == 1,
                              .not_before = p.not_before,
                              .not_after = p.not_after};
    memcpy(ret->sha256, p.sha256, strlen(p.sha256) + 1);
    *ret_matches = p.matches == 1;
    return true;
}

static void remember(struct host *h, const char *name, const struct x509_info *x, bool matches)
{
    const struct pair p = {.names = x->names,
                           .issuer = x->issuer,
                           .sha256 = x->sha256,
                           .self_signed = x->self_signed,
                           .matches = matches,
                           .not_before = x->not_before,
                           .not_after = x->not_after};
    struct buf b = {0};
    struct jsonw j;
    if (!h->memo)
        return;
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    record_to_json(&record, &p, &j, NULL);
    jw_end(&j);
    h->memo->put(h->memo->self, name, buf_str(&b));
    buf_free(&b);
}

int x509_pair(struct host *h, const struct buf *certificate, const struct buf *key, struct x509_info *ret,
              bool *ret_matches, struct arena *a, struct error *err)
{
    char name[X509_PAIR_KEY];
    key_make(certificate, key, name);
    if (recall(h, name, ret, ret_matches, a))
        return 0;
    int r = x509_parse_pair(certificate, key, ret, ret_matches, a, err);
    if (r < 0)
        return r;
    remember(h, name, ret, *ret_matches);
    return 0;
}

void x509_pair_made(struct host *h, const struct buf *certificate, const struct buf *key,
                    const struct x509_info *info)
{
    char name[X509_PAIR_KEY];
    key_make(certificate, key, name);
    remember(h, name, info, true);
}
