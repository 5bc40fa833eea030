/* What becomes of drift: the manifest's words, by kind and field, as policies of each resource. A site's word
 * goes before the server's, a field's before its kind's. */
#include "builder.h"
#include "text.h"
#include <string.h>

#define NEVER_COMPARED (FIELD_KEY | FIELD_PAYLOAD | FIELD_STORED | FIELD_CREATE_ONLY | FIELD_PROMISE)
#define NAMES_MOST     64

/* "content" is what a person calls the fields that stand for it. */
static bool field_is(const struct field *f, const char *name)
{
    return strcmp(f->name, name) == 0 || (strcmp(name, "content") == 0 && field_is_digest(f));
}

static bool field_known(const struct record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!(r->fields[i].flags & NEVER_COMPARED) && field_is(&r->fields[i], name))
            return true;
    return false;
}

static const char *listed(struct arena *a, const char *const *names, size_t n)
{
    const char *text = arena_printf(a, "known here: %s", n ? names[0] : "nothing");
    for (size_t i = 1; i < n; i++)
        text = arena_printf(a, "%s, %s", text, names[i]);
    return text;
}

static const char *hint_for(struct arena *a, const char *word, const char *const *names, size_t n)
{
    const char *near = near_name(word, names, n);
    return near ? arena_printf(a, "did you mean \"%s\"?", near) : listed(a, names, n);
}

static void check_name(struct builder *b, const struct strmap_item *item)
{
    const char *dot = strchr(item->name, '.'), *names[NAMES_MOST];
    const char *kind = dot ? arena_strndup(b->a, item->name, (size_t)(dot - item->name)) : item->name;
    const struct kind *k = kind_find(kind);
    size_t n = 0;
    if (!k) {
        for (; kinds[n] && n < NAMES_MOST - 1; n++)
            names[n] = kinds[n]->name;
        names[n++] = "default_policy";
        diag_error(b->d, item->pos, hint_for(b->a, kind, names, n), "\"%s\" is no kind of resource", kind);
        return;
    }
    if (!dot || field_known(k->record, dot + 1))
        return;
    for (size_t i = 0; i < k->record->n && n < NAMES_MOST - 1; i++) {
        const struct field *f = &k->record->fields[i];
        if (!(f->flags & NEVER_COMPARED) && f->type != FIELD_BYTES && !field_is_digest(f))
            names[n++] = f->name;
    }
    if (field_known(k->record, "content"))
        names[n++] = "content";
    diag_error(b->d, item->pos, hint_for(b->a, dot + 1, names, n),
               "\"%s\" is no field of %s that is compared", dot + 1, kind);
}

/* The map's word for a kind (`f` NULL) or a field of it; NULL: none. */
static const char *word_of(const struct strmap *m, const struct kind *k, const struct field *f)
{
    size_t n = strlen(k->name);
    for (size_t i = 0; i < m->n; i++) {
        const char *name = m->at[i].name;
        if (strncmp(name, k->name, n) != 0)
            continue;
        if (f ? name[n] == '.' && field_is(f, name + n + 1) : name[n] == '\0')
            return m->at[i].value;
    }
    return NULL;
}

static enum drift_policy policy_find(const struct builder *b, const struct manifest_site *site,
                                     const struct kind *k, const struct field *f)
{
    const struct server_drift *server = &b->m->server.drift;
    const char *word = NULL;
    if (site && f)
        word = word_of(&site->drift.policies, k, f);
    if (!word && site)
        word = word_of(&site->drift.policies, k, NULL);
    if (!word && site && site->drift.default_policy != FIELD_UNSET)
        word = drift_policies[site->drift.default_policy];
    if (!word && f)
        word = word_of(&server->policies, k, f);
    if (!word)
        word = word_of(&server->policies, k, NULL);
    if (!word)
        word = drift_policies[server->default_policy];
    for (int i = 0; drift_policy_names[i]; i++)
        if (strcmp(drift_policy_names[i], word) == 0)
            return (enum drift_policy)i;
    return DRIFT_ENFORCE;
}

static const struct manifest_site *site_find(const struct builder *b, const char *domain)
{
    const struct manifest_site *sites = b->m->sites.at;
    for (size_t i = 0; domain && i < b->m->sites.n; i++)
        if (strcmp(sites[i].domain, domain) == 0)
            return &sites[i];
    return NULL;
}

static void resource_policies(struct builder *b, struct resource *r, const struct manifest_site *site)
{
    const struct record *rec = r->kind->record;
    enum drift_policy *fields = arena_array(b->a, enum drift_policy, rec->n);
    bool differ = false;
    r->drift = policy_find(b, site, r->kind, NULL);
    for (size_t i = 0; i < rec->n; i++) {
        fields[i] = policy_find(b, site, r->kind, &rec->fields[i]);
        differ = differ || fields[i] != r->drift;
    }
    r->field_drift = differ ? fields : NULL;
}

void policies_check(struct builder *b)
{
    const struct manifest_site *sites = b->m->sites.at;
    const struct server_drift *server = &b->m->server.drift;
    for (size_t i = 0; i < server->policies.n; i++)
        check_name(b, &server->policies.at[i]);
    for (size_t s = 0; s < b->m->sites.n; s++)
        for (size_t i = 0; i < sites[s].drift.policies.n; i++)
            check_name(b, &sites[s].drift.policies.at[i]);
}

void policies_set(struct builder *b)
{
    const struct manifest_site *sites = b->m->sites.at, *site = NULL;
    const struct server_drift *server = &b->m->server.drift;
    bool any = server->policies.n || server->default_policy != DRIFT_ENFORCE;
    for (size_t s = 0; s < b->m->sites.n; s++)
        any = any || sites[s].drift.policies.n || sites[s].drift.default_policy != FIELD_UNSET;
    for (size_t i = 0; any && i < b->c->list.n; i++) {
        struct resource *r = b->c->list.at[i];
        if (!site || !r->site || strcmp(site->domain, r->site) != 0)
            site = site_find(b, r->site);
        resource_policies(b, r, site);
    }
}
