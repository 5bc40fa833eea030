/* The failure domains of a plan: the server and each site, which actions are theirs, and whether one failed.
 */
#include "applying.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int site_order(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int by_site(const void *x, const void *y)
{
    const struct action *a = *(struct action *const *)x, *b = *(struct action *const *)y;
    int c = site_order(a->change.res->site, b->change.res->site);
    return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

void domains_make(struct applying *x)
{
    struct plan *p = x->p;
    struct action **order = arena_array(p->arena, struct action *, p->actions.n);
    for (size_t i = 0; i < p->actions.n; i++)
        order[i] = &p->actions.at[i];
    if (p->actions.n)
        qsort(order, p->actions.n, sizeof(struct action *), by_site);
    /* The server is there also when nothing of it changes: it is what an interruption is put down to. */
    struct domain server = {.actions = order};
    vec_push(p->arena, &x->domains, server);
    for (size_t i = 0; i < p->actions.n; i++) {
        struct domain *last = &x->domains.at[x->domains.n - 1];
        const char *site = order[i]->change.res->site;
        if (site_order(last->site, site) != 0) {
            struct domain next = {.site = site, .actions = order + i};
            vec_push(p->arena, &x->domains, next);
            last = &x->domains.at[x->domains.n - 1];
        }
        last->n++;
    }
}

static int domain_order(const void *x, const void *y)
{
    return site_order(((const struct domain *)x)->site, ((const struct domain *)y)->site);
}

struct domain *domain_of(const struct applying *x, const char *site)
{
    struct domain key = {.site = site};
    return bsearch(&key, x->domains.at, x->domains.n, sizeof key, domain_order);
}

struct failure *failure_of(const struct applying *x, const char *site)
{
    const struct domain *d = domain_of(x, site);
    return d && d->failed ? &x->ret->failures.at[d->failed - 1] : NULL;
}

struct failure *failure_add(struct applying *x, const char *kind, const char *id, const char *site,
                            const struct error *err)
{
    struct failure f = {.site = site, .kind = kind, .id = id, .err = *err, .undone = true};
    vec_push(x->p->arena, &x->ret->failures, f);
    domain_of(x, site)->failed = x->ret->failures.n;
    return &x->ret->failures.at[x->ret->failures.n - 1];
}

/* A word of a message that a site's name can be in: "sites-enabled/a.example.com.conf:3" has three. */
static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_';
}

/* The longest name that the word is or, before a dot, begins with: a.example.com.conf is a.example.com's and
 * not example.com's. */
static struct domain *named_by(const struct applying *x, char *word)
{
    for (char *dot = word + strlen(word); dot; dot = strrchr(word, '.')) {
        *dot = '\0';
        struct domain *d = domain_of(x, word);
        if (d)
            return d;
    }
    return NULL;
}

void domains_mark_named(struct applying *x, const char *text)
{
    struct arena a = {0};
    for (size_t i = 0; i < x->domains.n; i++)
        x->domains.at[i].named = false;
    while (*text) {
        size_t n = 0;
        while (name_char(text[n]))
            n++;
        struct domain *d = n ? named_by(x, arena_strndup(&a, text, n)) : NULL;
        if (d)
            d->named = true;
        text += n + (text[n] != '\0');
    }
    arena_free(&a);
}
