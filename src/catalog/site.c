#include "site.h"
#include "names.h"
#include <string.h>

static struct resource *site_directory(struct builder *b, struct site *s, const char *below, int64_t mode,
                                       const char *owner, const char *group, struct resource *needs)
{
    struct resource *r =
        add_directory(b, path_site(b->a, s->domain, below), s->domain, s->pos, mode, owner, group);
    resource_needs(b->c, r, needs);
    resource_needs(b->c, r, s->account_res);
    return r;
}

/* One that services write to. */
static struct resource *site_scratch(struct builder *b, struct site *s, const char *below, int64_t mode,
                                     const char *owner, const char *group, struct resource *needs)
{
    struct resource *r = site_directory(b, s, below, mode, owner, group, needs);
    ((struct directory_spec *)r->spec)->scratch = 1;
    return r;
}

/* The web user is in the site's group: it reads what it serves, and no other site's user reads anything. */
static void site_account(struct builder *b, struct site *s)
{
    const char **members = arena_array(b->a, const char *, 1);
    members[0] = b->web_user;
    s->account_res = catalog_add(b->c, &account_kind, s->account, s->domain, s->pos);
    struct account_spec *spec = s->account_res->spec;
    spec->home = path_site(b->a, s->domain, NULL);
    spec->shell = "/usr/sbin/nologin";
    spec->members = (struct strings){.at = members, .n = 1};
    resource_needs(b->c, s->account_res, b->nginx_package);
    /* Workers get their groups when they start. */
    resource_notifies(b->c, s->account_res, b->nginx, IMPACT_RELOAD);
}

static void site_directories(struct builder *b, struct site *s)
{
    /* nginx's workers, who reopen the logs after their rotation, are in the site's group. */
    const char *group = s->account ? s->account : b->web_user;
    struct resource *top = site_directory(b, s, NULL, 0750, "root", group, b->www);
    ((struct directory_spec *)top->spec)->data = 1;
    s->custom = site_directory(b, s, "custom.d", 0755, "root", "root", top);
    s->logs = site_scratch(b, s, "logs", 0750, "root", group, top);
    if (s->account)
        s->public = site_directory(b, s, "public", 0750, "root", group, top);
    if (s->m->cache == CACHE_FASTCGI)
        s->cache = site_scratch(b, s, "cache", 0700, b->web_user, b->web_user, top);
    if (!site_runs_php(s->m))
        return;
    s->tmp = site_scratch(b, s, "tmp", 0700, s->account, s->account, top);
    s->sessions = site_scratch(b, s, "sessions", 0700, s->account, s->account, top);
}

static void site_certificate(struct builder *b, struct site *s)
{
    const struct manifest_site *m = s->m;
    if (!site_has_tls(m))
        return;
    struct pos pos = pos_field(record_site(NULL), m, "tls", s->pos);
    const char **names = arena_array(b->a, const char *, m->aliases.n + 1);
    names[0] = m->domain;
    for (size_t i = 0; i < m->aliases.n; i++)
        names[i + 1] = m->aliases.at[i];
    s->certificate = catalog_add(b->c, &certificate_kind, m->domain, m->domain, pos);
    struct certificate_spec *spec = s->certificate->spec;
    spec->names = (struct strings){.at = names, .n = m->aliases.n + 1};
    spec->state = "valid";
    if (m->tls.issuer == TLS_FILES) {
        spec->issuer = "files";
        spec->source_certificate = m->tls.certificate;
        spec->source_key = m->tls.key;
    } else {
        spec->issuer = "self-signed";
        spec->days = m->tls.days;
    }
    resource_notifies(b->c, s->certificate, b->nginx, IMPACT_RELOAD);
}

static int site_logrotate(struct builder *b, struct site *s, struct error *err)
{
    /* logrotate skips files whose names look like leftovers (.bak, .dpkg-old, ...): the name has no dots. */
    const char *path = arena_join(b->a, "/etc/logrotate.d/citrus-", s->name);
    struct resource *file;
    int r = add_rendered(b, path, "templates/logrotate.mustache", s->values, s->domain, s->pos, &file, err);
    if (r < 0 || !file)
        return r;
    resource_needs(b->c, file, b->logrotate_package);
    resource_needs(b->c, file, s->logs);
    return 0;
}

int site_build(struct builder *b, const struct manifest_site *m, struct error *err)
{
    struct site s = {
        .m = m, .domain = m->domain, .name = name_account(b->a, m->domain), .pos = m->origin.pos};
    bool has_account = m->type != SITE_PROXY && m->type != SITE_REDIRECT;
    if (has_account)
        s.account = s.name;
    if (site_runs_php(m)) {
        s.php = php_runtime(b, site_php_version(b, m));
        if (!s.php)
            return 0; /* said where the versions were collected */
    }
    s.values = site_values(b, &s);
    if (has_account)
        site_account(b, &s);
    site_directories(b, &s);
    site_certificate(b, &s);
    int r = site_logrotate(b, &s, err);
    if (r == 0 && m->type == SITE_WORDPRESS)
        r = site_wordpress(b, &s, err);
    if (r == 0 && s.php)
        r = site_pool(b, &s, err);
    if (r == 0)
        r = site_vhost(b, &s, err);
    return r;
}
