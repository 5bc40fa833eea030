/* Manifest + facts of this machine -> resources and their order.
 *
 *   catalog_build   server resources first (packages, users' configuration, services), then each site's:
 *                   account, directories, certificate, database, database user, wp-config.php, wordpress,
 *                   pool, vhost. Contents are rendered here, from templates and configs.
 *
 * Names (names.h) are a pure function of the domain, so they are stable and never depend on other sites.
 * What does not fit the machine (a memory budget that does not add up, a PHP version nobody offers, a value
 * that a template's dialect cannot hold) is a diagnostic at the manifest's line. */
#ifndef CITRUS_CATALOG_H
#define CITRUS_CATALOG_H
#include "facts.h"
#include "kind.h"
#include "manifest.h"

struct templates;
struct catalog_input {
    const struct manifest *manifest;
    const struct facts *facts;
    struct host *host;      /* templates are read from it: /etc/citrus/templates, then share_dir */
    const char *share_dir;  /* /usr/share/citrus, or a source tree; a path of the running system */
    const char *share_from; /* the environment variable that named it, for messages; NULL: none did */
    /* The secret of that name, generated with `chars` letters when there is none. */
    int (*secret)(void *self, const char *name, size_t chars, const struct secret **ret, struct error *err);
    /* True where the password of that name is being rotated: NAME.previous is accepted beside it. NULL:
     * never. */
    bool (*rotating)(void *self, const char *name);
    void *secret_self;
    struct redaction redaction; /* keys the digests of secrets that are kept */
    /* Told of each value that was derived from that secret: who shows texts hides it as well. NULL: nobody.
     */
    void (*derived)(void *self, const char *name, const char *value);
    /* Templates are read and parsed once for calls that share this; they live in the arena of the first.
     * NULL: each call reads its own. */
    struct templates **templates;
    bool elsewhere;  /* the manifest may be for another machine than `host` is */
    bool sites_only; /* the server's files are there for what sites say of them, without content */
    bool digests; /* of the sites' contents the digests alone are kept: catalog_contents() brings them back */
};
/* 0 even where `d` holds errors: look at d->errors. The catalog lives in `a`. */
int catalog_build(const struct catalog_input *in, struct catalog *ret, struct arena *a, struct diags *d,
                  struct error *err);
/* Renders the contents of these resources, as a plan has them, again: most of what is looked at is as it
 * should be, and its content would only take room. -ESTALE: they came out another way than before, since a
 * template was changed in between. They live in `a`; the names that `in` is asked about only as long as the
 * call. */
int catalog_contents(const struct catalog_input *in, const struct resource *const *list, size_t n,
                     struct arena *a, struct error *err);
/* Seconds after which no PHP uses a database password that wp-config.php had before; -1: PHP never looks at a
 * changed file again (opcache.validate_timestamps). */
int64_t site_password_settle(const struct manifest_server *server, const struct manifest_site *site);

#endif
