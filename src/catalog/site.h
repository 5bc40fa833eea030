/* The parts of one site, each in its file; private to this folder. */
#ifndef CITRUS_SITE_H
#define CITRUS_SITE_H
#include "builder.h"

/* What the parts of one site share. */
struct site {
    const struct manifest_site *m;
    const char *domain, *name;
    const char *account; /* its name; NULL: the site runs nothing of its own */
    struct pos pos;
    const struct php_runtime *php; /* NULL: none, or not known */
    struct value *values;          /* for all its templates */

    struct resource *account_res, *public, *logs, *custom, *cache, *tmp, *sessions; /* NULL: not needed */
    struct resource *certificate, *database_user, *wordpress, *pool;
};

/* Values that all templates of a site know. */
struct value *site_values(struct builder *b, const struct site *s);
int site_pool(struct builder *b, struct site *s, struct error *err);
int site_wordpress(struct builder *b, struct site *s, struct error *err); /* database and all */
int site_vhost(struct builder *b, struct site *s, struct error *err);

#endif
