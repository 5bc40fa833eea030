#include "names.h"
#include "php_settings.h"
#include "site.h"
#include "text.h"
#include <string.h>

/* max_execution_time counts a script's own time; what it waits for others comes on top of it, until the
 * pool's master ends it and nginx stops waiting. Where PHP sets no limit, a day is one: nginx has no word for
 * waiting without an end, and a request that hangs must give its process back some time. */
#define TERMINATE_GRACE 30
#define TERMINATE_MOST  86400

#define SITE_VALUES 48 /* a few more than the templates of a site have names for */

static int64_t terminate_timeout(const struct builder *b, const struct manifest_site *m)
{
    int64_t limit = php_execution_time(&b->m->server, m);
    return (limit < TERMINATE_MOST ? limit : TERMINATE_MOST) + TERMINATE_GRACE;
}

static void tls_values(struct builder *b, const struct manifest_site *m, struct value *v)
{
    const struct tls_hsts *h = &m->tls.hsts;
    bool tls = site_has_tls(m);
    value_set_flag(v, "tls", tls);
    value_set_flag(v, "redirect_to_tls", tls && m->tls.redirect == 1);
    value_set_flag(v, "plain", !tls || m->tls.redirect != 1);
    value_set(v, "scheme", tls ? "https" : "http");
    value_set(v, "certificate", path_tls(&b->values, m->domain, "fullchain.pem"));
    value_set(v, "key", path_tls(&b->values, m->domain, "privkey.pem"));
    value_set_flag(v, "http2_directive", b->f->nginx && version_compare(b->f->nginx, "1.25.1") >= 0);
    if (tls && h->max_age > 0)
        value_set(v, "hsts",
                  arena_printf(&b->values, "max-age=%lld%s%s", (long long)h->max_age,
                               h->include_subdomains == 1 ? "; includeSubDomains" : "",
                               h->preload == 1 ? "; preload" : ""));
}

/* A target that names a host alone keeps the path of the request; one with a path is where everything goes.
 */
static void target_values(const struct manifest_site *m, struct value *v, struct pos pos, struct arena *a)
{
    const char *host = strstr(m->target, "://");
    host = host ? host + 3 : m->target;
    size_t n = strcspn(host, "/?#");
    bool whole = host[n] == '\0' || strcmp(host + n, "/") == 0;
    value_set_at(v, "target", whole ? arena_strndup(a, m->target, (size_t)(host - m->target) + n) : m->target,
                 pos);
    value_set_flag(v, "keep_path", whole);
}

static void type_values(struct builder *b, const struct manifest_site *m, struct value *v, struct pos pos)
{
    const struct record *r = record_site(NULL);
    value_set_flag(v, "html", m->type == SITE_HTML);
    value_set_flag(v, "php", site_runs_php(m));
    value_set_flag(v, "wordpress", m->type == SITE_WORDPRESS);
    value_set_flag(v, "files", m->type == SITE_HTML || site_runs_php(m));
    value_set_flag(v, "proxy", m->type == SITE_PROXY);
    value_set_flag(v, "redirect", m->type == SITE_REDIRECT);
    value_set_flag(v, "cache", m->cache == CACHE_FASTCGI && site_runs_php(m));
    if (m->type == SITE_PROXY && m->upstream)
        value_set_at(v, "upstream", m->upstream, pos_field(r, m, "upstream", pos));
    if (m->type == SITE_REDIRECT && m->target)
        target_values(m, v, pos_field(r, m, "target", pos), &b->values);
    if (field_written(record_site("nginx"), &m->nginx, "client_max_body_size"))
        value_set_size(b, v, "body", m->nginx.client_max_body_size,
                       pos_field(record_site("nginx"), &m->nginx, "client_max_body_size", pos));
}

struct value *site_values(struct builder *b, const struct site *s)
{
    const struct manifest_site *m = s->m;
    struct value *v = value_map(&b->values), *aliases = value_list(&b->values);
    value_reserve(v, SITE_VALUES);
    for (size_t i = 0; i < m->aliases.n; i++)
        value_push_text(aliases, m->aliases.at[i]);
    value_set_at(v, "domain", m->domain, s->pos);
    value_set_value(v, "aliases", aliases);
    value_set_flag(v, "has_aliases", m->aliases.n > 0);
    value_set(v, "name", s->name); /* unique also where there is no account */
    value_set(v, "account", s->account ? s->account : "root");
    value_set(v, "group", s->account ? s->account : b->web_user);
    value_set(v, "web_user", b->web_user);
    value_set(v, "site_root", path_site(&b->values, m->domain, NULL));
    value_set(v, "acme_root", ACME_ROOT);
    value_set(v, "socket", path_socket(&b->values, m->domain));
    if (s->php)
        value_set(v, "php_version", s->php->version);
    value_set_int(v, "terminate_timeout", terminate_timeout(b, m));
    tls_values(b, m, v);
    type_values(b, m, v, s->pos);
    return v;
}

int site_vhost(struct builder *b, struct site *s, struct error *err)
{
    struct bytes text;
    bool ok;
    int r = render(b, "templates/vhost.mustache", s->values, s->pos, &text, &ok, err);
    if (r < 0 || !ok)
        return r;
    struct resource *vhost = catalog_add(b->c, &vhost_kind, s->domain, s->domain, s->pos);
    struct vhost_spec *spec = vhost->spec;
    spec->content = text;
    content_digest(b->a, &text, &spec->digest);
    spec->mode = 0644;
    spec->enabled = 1;
    struct resource *needs[] = {b->nginx_package, b->nginx_default, s->account_res, s->certificate, s->public,
                                s->logs,          s->custom,        s->cache,       s->wordpress,   s->pool};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        resource_needs(b->c, vhost, needs[i]);
    resource_notifies(b->c, vhost, b->nginx, IMPACT_RELOAD);
    return 0;
}
