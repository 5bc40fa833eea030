/* A manifest's text, a pretended machine and fixed secrets, from which a catalog is built. */
#ifndef CITRUS_FIXTURE_H
#define CITRUS_FIXTURE_H
#include "catalog.h"

struct fixture {
    struct arena arena;
    struct diags diags;
    struct manifest *manifest;
    struct facts facts; /* Debian 12 with 4 GB; change it before fixture_build() */
    struct catalog catalog;
    struct host *host;
    char root[64];
    char share[256]; /* the source tree, unless a test changes it */
    struct error err;
    struct secret *secrets[32];
    const char *secret_names[32];
    size_t secret_chars[32];
    size_t n_secrets;
};

/* Parses the manifest; fails the test when it has errors. */
void fixture_init(struct fixture *f, const char *yaml);
struct catalog_input fixture_input(struct fixture *f); /* what fixture_build() builds from */
int fixture_build(struct fixture *f);
void fixture_free(struct fixture *f);
/* Makes a file in the pretended machine's root, with the directories above it. */
void fixture_file(struct fixture *f, const char *path, const char *text);
struct resource *fixture_find(struct fixture *f, const struct kind *k,
                              const char *id); /* fails the test if none */
bool fixture_needs(const struct resource *r, const struct kind *k, const char *id);
bool fixture_notifies(const struct resource *r, const char *unit, enum impact how);
/* All diagnostics as a person sees them. */
const char *fixture_said(struct fixture *f);

#endif
