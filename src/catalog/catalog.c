#include "catalog.h"
#include "builder.h"
#include "names.h"
#include <stdlib.h>
#include <string.h>

/* A domain names files: DOMAIN.conf and its temporary name must fit NAME_MAX, 255. */
#define DOMAIN_MOST 220

struct named {
    const char *account;
    const struct manifest_site *site;
};

static int named_order(const void *x, const void *y)
{
    const struct named *a = x, *b = y;
    return strcmp(a->account, b->account);
}

/* Names do not depend on other sites, so that they stay when sites come and go. The price is that two domains
 * with the same first 20 characters may meet in 24 bits of hash; then one of them cannot be here. */
static void names_check(struct builder *b)
{
    const struct manifest_site *sites = b->m->sites.at;
    size_t n = b->m->sites.n;
    struct named *all = arena_array(b->a, struct named, n);
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct named){name_account(b->a, sites[i].domain), &sites[i]};
        if (strlen(sites[i].domain) > DOMAIN_MOST)
            diag_error(b->d, sites[i].origin.pos, NULL,
                       "the domain is longer than %d characters: the names of its files would not fit",
                       DOMAIN_MOST);
    }
    if (n > 1)
        qsort(all, n, sizeof *all, named_order);
    for (size_t i = 1; i < n; i++)
        if (strcmp(all[i - 1].account, all[i].account) == 0)
            diag_error(b->d, all[i].site->origin.pos, "put one of them on another server",
                       "%s and %s would share the account %s", all[i - 1].site->domain, all[i].site->domain,
                       all[i].account);
}

static void content_forget(struct resource *r)
{
    const struct record *rec = r->kind->record;
    for (size_t i = 0; i < rec->n; i++)
        if (rec->fields[i].type == FIELD_BYTES)
            *(struct bytes *)(void *)((char *)r->spec + rec->fields[i].offset) = (struct bytes){0};
}

static int sites_build(struct builder *b, struct error *err)
{
    const struct manifest_site *sites = b->m->sites.at;
    int r = 0;
    b->texts = b->in->digests ? NULL : b->a;
    for (size_t i = 0; i < b->m->sites.n && r >= 0; i++) {
        size_t first = b->c->list.n;
        arena_reset(&b->values);
        r = site_build(b, &sites[i], err);
        for (size_t k = first; k < b->c->list.n && b->in->digests; k++)
            content_forget(b->c->list.at[k]);
    }
    return r;
}

int catalog_build(const struct catalog_input *in, struct catalog *ret, struct arena *a, struct diags *d,
                  struct error *err)
{
    struct catalog c = {.arena = a, .server = in->manifest->server.name};
    struct builder b;
    builder_make(&b, in, &c, a, d);
    names_check(&b);
    policies_check(&b);
    int r = server_build(&b, err);
    if (r >= 0)
        r = sites_build(&b, err);
    builder_end(&b);
    if (r < 0)
        return r;
    policies_set(&b);
    *ret = c;
    return 0;
}
