#include "certificate_pair.h"
#include "fs.h"
#include "text.h"
#include "x509.h"
#include <errno.h>
#include <string.h>
#include <time.h>

void pair_free(struct pair *p)
{
    buf_free(&p->certificate);
    buf_wipe(&p->key);
}

char *tls_dir(struct arena *a, const char *id)
{
    return arena_printf(a, TLS_DIR "/%s", id);
}

char *tls_path(struct arena *a, const char *id, const char *file)
{
    return arena_printf(a, TLS_DIR "/%s/%s", id, file);
}

const char *kept_path(struct arena *a, const char *kept, const char *file)
{
    return arena_printf(a, "%s/%s", kept, file);
}

int pair_read(struct kind_ctx *ctx, const char *certificate, const char *key, struct pair *ret,
              struct error *err)
{
    int r = fs_read(ctx->host, certificate, PEM_MAX, &ret->certificate, err);
    return r < 0 ? r : fs_read(ctx->host, key, PEM_MAX, &ret->key, err);
}

/* certbot's are links, to what the last renewal brought. */
int source_pair_read(struct kind_ctx *ctx, const struct certificate_spec *s, struct pair *ret,
                     struct error *err)
{
    int r = fs_read_linked(ctx->host, s->source_certificate, PEM_MAX, &ret->certificate, err);
    return r < 0 ? r : fs_read_linked(ctx->host, s->source_key, PEM_MAX, &ret->key, err);
}

bool pair_matches(const struct pair *p)
{
    return x509_key_matches(buf_str(&p->certificate), p->certificate.len, buf_str(&p->key), p->key.len);
}

/* RFC 7468 and, for the older form, RFC 1421. nginx would ask for the password at each start. */
static bool key_is_encrypted(const struct pair *p)
{
    const char *key = buf_str(&p->key);
    return strstr(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strstr(key, "Proc-Type: 4,ENCRYPTED");
}

static int not_its_key(const struct certificate_spec *s, const struct pair *p, struct error *err)
{
    if (key_is_encrypted(p)) {
        error_set(err, -EINVAL, "the key in %s is encrypted", s->source_key);
        error_hint(err,
                   "nobody is there to say its password: `openssl pkey -in %s -out FILE` writes it without; "
                   "name that file",
                   s->source_key);
        return -EINVAL;
    }
    error_set(err, -EINVAL, "%s is not the key of %s", s->source_key, s->source_certificate);
    error_hint(err,
               "compare `openssl x509 -pubkey -noout` of the one with `openssl pkey -pubout` of the other");
    return -EINVAL;
}

static int source_usable(struct kind_ctx *ctx, const struct certificate_spec *s, const struct pair *p,
                         struct error *err)
{
    struct x509_info info;
    int r = x509_parse(buf_str(&p->certificate), p->certificate.len, &info, ctx->arena, err);
    if (r < 0)
        return error_prefix(err, "%s", s->source_certificate);
    if (!pair_matches(p))
        return not_its_key(s, p, err);
    if (info.not_before > time(NULL)) {
        error_set(err, -EINVAL, "the certificate in %s is not valid before %s", s->source_certificate,
                  time_text(ctx->arena, info.not_before));
        error_hint(err, "name one that is valid now; or is this machine's clock wrong?");
        return -EINVAL;
    }
    if (info.not_after <= time(NULL)) {
        error_set(err, -EINVAL, "the certificate in %s expired", s->source_certificate);
        error_hint(err, "put a renewed certificate and its key there, then apply again");
        return -EINVAL;
    }
    for (size_t i = 0; i < s->names.n; i++) {
        const struct strings one = {.at = &s->names.at[i], .n = 1};
        if (x509_covers(&info, &one))
            continue;
        error_set(err, -EINVAL, "the certificate in %s does not cover %s", s->source_certificate,
                  s->names.at[i]);
        error_hint(err, "the site is served under this name: get a certificate for it, or drop the alias");
        return -EINVAL;
    }
    return 0;
}

int source_read(struct kind_ctx *ctx, const struct certificate_spec *s, struct pair *ret, struct error *err)
{
    int r = source_pair_read(ctx, s, ret, err);
    return r < 0 ? r : source_usable(ctx, s, ret, err);
}
