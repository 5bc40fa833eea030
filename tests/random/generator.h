/* Random manifests that are valid, from a seed: the same on every machine.
 *
 *     struct generator *g = generator_new(seed, PROFILE_OFFLINE, &arena);
 *     struct bundle b;
 *     generator_next(g, &b);    the first manifest
 *     generator_next(g, &b);    the next is that one, changed here and there
 *
 * What can be varied stands in a table (slots.c): a field, how often it is written, and what it may be. Sites
 * come, go and change their type. test_generator.c holds the table against the manifest's field tables. */
#ifndef CITRUS_TEST_GENERATOR_H
#define CITRUS_TEST_GENERATOR_H
#include "arena.h"
#include "bundle.h"
#include <stdbool.h>
#include <stdint.h>

/* splitmix64, https://prng.di.unimi.it/splitmix64.c (Sebastiano Vigna, public domain). */
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
size_t rng_below(struct rng *r, size_t n);
bool rng_chance(struct rng *r, unsigned percent);

enum profile {
    PROFILE_OFFLINE, /* a tree: everything, since nobody asks for it */
    PROFILE_BARE,    /* a tree that knows no PHP: every manifest names a version */
    PROFILE_SERVER,  /* a server of the test lab: what it can install, and what answers then */
};
struct generator;
/* Lives in `a`, as all that it makes. */
struct generator *generator_new(uint64_t seed, enum profile profile, struct arena *a);
void generator_next(struct generator *g, struct bundle *ret);
/* The same with another value or two in one site's part, which are that site's own matter; as
 * generator_next() where no site is there. */
void generator_touch(struct generator *g, struct bundle *ret);

/* All names that a site or an alias may have; NULL-terminated. A certificate of `tls: {issuer: files}` at
 * GENERATOR_TLS/{one,two}/{cert,key}.pem covers them. */
extern const char *const generator_domains[], *const generator_aliases[];
#define GENERATOR_TLS "/etc/ssl/random"

/* --- slots.c: what is varied ------------------------------------------------------------------------- */

enum { TYPE_HTML, TYPE_PHP, TYPE_WORDPRESS, TYPE_PROXY, TYPE_REDIRECT, TYPES };
#define HTML      (1u << TYPE_HTML)
#define PHP       (1u << TYPE_PHP)
#define WORDPRESS (1u << TYPE_WORDPRESS)
#define PROXY     (1u << TYPE_PROXY)
#define REDIRECT  (1u << TYPE_REDIRECT)

/* A field: where it is below `server` or the site, parts joined by '/', and its values as YAML writes them.
 */
struct slot {
    const char *path;
    unsigned odds;  /* of a hundred manifests, how many write it; on the server where two are given */
    unsigned types; /* of sites that may have it; 0: all */
    const char *const *values; /* NULL-terminated; or a number: */
    int64_t min, max;
    const char *unit;                 /* behind the number */
    const char *const *server_values; /* NULL: the same */
    unsigned server_odds;             /* 0: the same; NEVER: not there */
};
#define NEVER 101
extern const struct slot server_slots[], site_slots[];
extern const size_t n_server_slots, n_site_slots;
extern const char *const type_names[];

#endif
