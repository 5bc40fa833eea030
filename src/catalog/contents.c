/* Contents that were rendered for their digest, rendered again for those that are to be shown or written. */
#include "builder.h"
#include "name_index.h"
#include <errno.h>
#include <string.h>

struct named {
    const char *name;
};

/* The domains of the list, each at least once. */
static struct name_index domains_of(const struct resource *const *list, size_t n, struct arena *a)
{
    struct name_index x;
    struct named *names = arena_array(a, struct named, n + 1);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->site)
            names[count++].name = list[i]->site;
    name_index_make(&x, names, count, sizeof *names, a);
    return x;
}

/* Gives `r` the contents of `again`. */
static int contents_take(const struct resource *r, const struct resource *again, struct arena *a,
                         struct error *err)
{
    const struct record *rec = r->kind->record;
    bool same = again != NULL;
    for (size_t i = 0; same && i < rec->n; i++) {
        const struct field *f = &rec->fields[i];
        struct bytes *to = (void *)((char *)r->spec + f->offset);
        if (field_is_digest(f) && field_is_set(f, r->spec))
            same = field_equal(f, r->spec, again->spec);
        if (f->type != FIELD_BYTES || to->at || !field_is_set(f, again->spec))
            continue;
        *to = *(const struct bytes *)(const void *)((const char *)again->spec + f->offset);
        to->at = arena_memdup(a, to->at, to->len);
    }
    if (same)
        return 0;
    error_set(err, -ESTALE, "%s %s came out another way than a moment ago: a template is being changed",
              r->kind->name, r->id);
    return error_hint(err, "run it again"), -ESTALE;
}

int catalog_contents(const struct catalog_input *in, const struct resource *const *list, size_t n,
                     struct arena *a, struct error *err)
{
    struct arena scratch = {0};
    struct diags quiet; /* they were said when the catalog was built */
    struct catalog_input again = *in;
    struct catalog c = {.arena = &scratch, .server = in->manifest->server.name};
    struct builder b;
    if (n == 0)
        return 0;
    again.digests = false;
    again.sites_only = true;
    diags_init(&quiet, &scratch);
    builder_make(&b, &again, &c, &scratch, &quiet);
    struct name_index wanted = domains_of(list, n, &scratch);
    int r = server_build(&b, err);
    const struct manifest_site *sites = b.m->sites.at;
    for (size_t i = 0; i < b.m->sites.n && r >= 0; i++) {
        if (!name_index_find(&wanted, sites[i].domain))
            continue;
        arena_reset(&b.values);
        r = site_build(&b, &sites[i], err);
    }
    for (size_t i = 0; i < n && r >= 0; i++)
        r = contents_take(list[i], catalog_find(&c, list[i]->kind, list[i]->id), a, err);
    builder_end(&b);
    arena_free(&scratch);
    return r;
}
