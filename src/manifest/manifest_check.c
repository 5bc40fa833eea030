#include "manifest_check.h"
#include "decode_value.h"
#include "mariadb_settings.h"
#include "php_settings.h"
#include "text.h"
#include "words.h"
#include <stdlib.h>
#include <string.h>

struct checker {
    const struct manifest *m;
    struct arena *arena;
    struct diags *diags;
};

/* Where field `name` was written; pos.file == NULL: it was not. */
static struct pos declared(const struct record *r, const void *p, const char *name)
{
    const struct origin *o = p;
    const struct field *f = record_field(r, name);
    return f && o->fields ? o->fields[f - r->fields] : (struct pos){0};
}

static const struct record *part(const struct record *r, const char *name)
{
    return record_field(r, name)->of;
}

/* Where to point at when something is missing in a part that may not be written at all. */
static struct pos place(const struct origin *inner, const struct origin *outer)
{
    return inner->pos.file ? inner->pos : outer->pos;
}

/* --- names ------------------------------------------------------------------------------------------- */

struct use {
    const char *name;
    struct pos pos;
    bool alias;
    size_t site; /* its place */
};

static int use_order(const void *x, const void *y)
{
    const struct use *a = x, *b = y;
    int c = strcmp(a->name, b->name);
    if (!c)
        c = strcmp(a->pos.file ? a->pos.file : "", b->pos.file ? b->pos.file : "");
    if (!c)
        c = (a->pos.line > b->pos.line) - (a->pos.line < b->pos.line);
    return c ? c : (a->pos.col > b->pos.col) - (a->pos.col < b->pos.col);
}

static void check_names(const struct checker *c)
{
    const struct manifest_site *sites = c->m->sites.at;
    size_t n = 0, total = 0;
    for (size_t i = 0; i < c->m->sites.n; i++)
        total += 1 + sites[i].aliases.n;
    struct use *uses = arena_array(c->arena, struct use, total + 1);
    for (size_t i = 0; i < c->m->sites.n; i++) {
        const struct manifest_site *s = &sites[i];
        uses[n++] = (struct use){.name = s->domain, .pos = s->origin.pos, .site = i};
        struct pos pos = origin_of(part(&manifest_record, "sites"), s, "aliases");
        for (size_t k = 0; k < s->aliases.n; k++)
            uses[n++] = (struct use){.name = s->aliases.at[k], .pos = pos, .alias = true, .site = i};
    }
    qsort(uses, n, sizeof *uses, use_order);
    for (size_t i = 1; i < n; i++) {
        const struct use *first = &uses[i - 1], *again = &uses[i];
        /* What stands twice in one list was said where the list was read. */
        if (strcmp(first->name, again->name) != 0 ||
            (first->alias && again->alias && first->site == again->site))
            continue;
        diag_error(c->diags, again->pos, "each name belongs to one site, and stands there once",
                   "\"%s\" is %s already, in %s line %d", again->name,
                   first->alias ? "an alias" : "the domain of a site", first->pos.file, first->pos.line);
    }
}

/* --- the server -------------------------------------------------------------------------------------- */

static void check_packages(const struct checker *c)
{
    const struct manifest_packages *p = &c->m->server.packages;
    const struct record *r = part(part(&manifest_record, "server"), "packages");
    for (size_t i = 0; i < p->absent.n; i++) {
        const char *name = p->absent.at[i];
        if (strings_has(&p->present, name) || strings_has(&p->hold, name))
            diag_error(c->diags, origin_of(r, p, "absent"), NULL, "package \"%s\" is absent and %s at once",
                       name, strings_has(&p->present, name) ? "present" : "held");
    }
}

static void check_server_php(const struct checker *c)
{
    const struct manifest_php *p = &c->m->server.php;
    const struct record *r = part(part(&manifest_record, "server"), "php");
    if (p->versions.at && p->versions.n == 0)
        diag_error(c->diags, origin_of(r, p, "versions"), "remove it to use the system's version",
                   "\"versions\" names no version");
    if (p->dfault && !strings_has(&p->versions, p->dfault))
        diag_error(c->diags, origin_of(r, p, "default"), "add it to server.php.versions",
                   "PHP %s is not among the versions of this server", p->dfault);
}

static void check_sources(const struct checker *c)
{
    const struct manifest_sources *s = &c->m->server.sources;
    const struct record *r = part(part(&manifest_record, "server"), "sources"), *cli = part(r, "wp_cli");
    for (size_t i = 0; i < s->wordpress_sha256.n; i++)
        if (word_sha256(s->wordpress_sha256.at[i].value))
            diag_error(c->diags, origin_of(r, s, "wordpress_sha256"), NULL, "the digest of version %s %s",
                       s->wordpress_sha256.at[i].name, word_sha256(s->wordpress_sha256.at[i].value));
    struct pos url = declared(cli, &s->wp_cli, "url");
    if (url.file && !declared(cli, &s->wp_cli, "sha256").file)
        diag_error(c->diags, url, "add sha256:, as `sha256sum wp-cli.phar` prints it",
                   "a WP-CLI from elsewhere needs its digest");
}

/* --- a site ------------------------------------------------------------------------------------------ */

/* A part that only some types have. `types`: a bit for each that has it. */
static const struct {
    const char *name;
    unsigned types;
    const char *whose;
} site_parts[] = {
    {"php", 1u << SITE_PHP | 1u << SITE_WORDPRESS, "php and wordpress"},
    {"wordpress", 1u << SITE_WORDPRESS, "wordpress"},
    {"upstream", 1u << SITE_PROXY, "proxy"},
    {"target", 1u << SITE_REDIRECT, "redirect"},
};

static const char *type_name(const struct manifest_site *s)
{
    return record_field(part(&manifest_record, "sites"), "type")->choices[s->type];
}

/* The host of a URL, and the port behind its colon; "" where there is none. */
static const char *host_and_port(const char *url, struct arena *a, const char **ret_port)
{
    size_t n = 0, k;
    const char *host = word_url_host(url, &n), *end = host && *host == '[' ? memchr(host, ']', n) : host;
    const char *colon = end ? memchr(end, ':', (size_t)(host + n - end)) : NULL;
    k = colon ? (size_t)(colon - host) : n;
    *ret_port = colon ? arena_strndup(a, colon + 1, n - k - 1) : "";
    return host ? arena_strndup(a, host, k) : "";
}

/* Whether a redirect to `target` comes back to the site, where it would be redirected again. Another port is
 * another server's. */
static bool leads_back(const struct manifest_site *s, const char *target, struct arena *a)
{
    const char *port, *host = host_and_port(target, a, &port);
    return (!*port || strcmp(port, starts_with(target, "https:") ? "443" : "80") == 0) &&
           (strcmp(host, s->domain) == 0 || strings_has(&s->aliases, host));
}

/* nginx asks for the addresses of all names when it starts, and does not start where one has none. */
static void check_upstream(const struct checker *c, const struct manifest_site *s, struct pos pos)
{
    const char *port, *host = host_and_port(s->upstream, c->arena, &port);
    if (*host == '[' || !word_address(host) || strcmp(host, "localhost") == 0)
        return;
    diag_warning(
        c->diags, pos, "write its address, or see that /etc/hosts has the name",
        "nginx looks \"%s\" up when it starts, and as long as it has no answer no site is served at all",
        host);
}

static void check_parts(const struct checker *c, const struct manifest_site *s)
{
    const struct record *r = part(&manifest_record, "sites");
    for (size_t i = 0; i < sizeof site_parts / sizeof *site_parts; i++) {
        struct pos pos = declared(r, s, site_parts[i].name);
        if (pos.file && !(site_parts[i].types & 1u << s->type))
            diag_error(c->diags, pos, "remove it, or change the site's type",
                       "\"%s\" is for sites of type %s; this one is of type %s", site_parts[i].name,
                       site_parts[i].whose, type_name(s));
    }
    if (s->cache == CACHE_FASTCGI && s->type != SITE_PHP && s->type != SITE_WORDPRESS)
        diag_error(c->diags, origin_of(r, s, "cache"), "remove it",
                   "\"cache: fastcgi\" keeps pages that PHP makes; a site of type %s has none", type_name(s));
    if (s->type == SITE_PROXY && !s->upstream && !declared(r, s, "upstream").file)
        diag_error(c->diags, s->origin.pos, "add upstream: http://HOST:PORT",
                   "a site of type proxy needs \"upstream\"");
    if (s->type == SITE_PROXY && s->upstream)
        check_upstream(c, s, origin_of(r, s, "upstream"));
    if (s->type == SITE_REDIRECT && !s->target && !declared(r, s, "target").file)
        diag_error(c->diags, s->origin.pos, "add target: https://...",
                   "a site of type redirect needs \"target\"");
    if (s->type == SITE_REDIRECT && s->target && leads_back(s, s->target, c->arena))
        diag_error(c->diags, origin_of(r, s, "target"), "name the host that has the pages",
                   "\"target\" is a name of this site: visitors would be redirected without an end");
}

/* PHP takes any text but "" and "0" as true, and a file's mode as decimal where it is text. */
static void check_constant(const struct checker *c, const struct strmap_item *item)
{
    const char *value = item->value;
    bool truth;
    if (!item->quoted && strcmp(value, "true") != 0 && strcmp(value, "false") != 0 &&
        decode_means_bool(value, &truth))
        diag_error(
            c->diags, item->pos,
            arena_printf(c->arena, "write %s; what is meant as text needs quotes", truth ? "true" : "false"),
            "\"%s\" must be true or false, not \"%s\"", item->name, value);
    else if (item->quoted && strncmp(item->name, "FS_CHMOD_", strlen("FS_CHMOD_")) == 0)
        diag_error(c->diags, item->pos, "remove the quotes", "\"%s\" must be a number, and is text",
                   item->name);
    else if (item->quoted && strcmp(value, "false") == 0)
        diag_warning(c->diags, item->pos, "remove the quotes",
                     "\"%s\" is text, which PHP takes as true whatever it says", item->name);
}

static void check_wordpress(const struct checker *c, const struct manifest_site *s)
{
    const struct record *r = part(part(&manifest_record, "sites"), "wordpress"), *ra = part(r, "admin");
    const struct site_wordpress *w = &s->wordpress;
    struct pos admin = w->admin.origin.pos.file ? w->admin.origin.pos : place(&w->origin, &s->origin);
    if (!w->version && !declared(r, w, "version").file)
        diag_error(c->diags, place(&w->origin, &s->origin),
                   "add wordpress: {version: \"6.8.1\"}, with the version you want",
                   "a site of type wordpress needs \"wordpress.version\"");
    if (!w->admin.user && !declared(ra, &w->admin, "user").file)
        diag_error(c->diags, admin, "add admin: {user: NAME, email: ADDRESS}",
                   "a site of type wordpress needs \"wordpress.admin.user\"");
    if (!w->admin.email && !declared(ra, &w->admin, "email").file)
        diag_error(c->diags, admin, "add admin: {user: NAME, email: ADDRESS}",
                   "a site of type wordpress needs \"wordpress.admin.email\"");
    if (c->m->server.mariadb.enabled == 0)
        diag_error(c->diags, s->origin.pos, "remove server.mariadb.enabled, or write true",
                   "a site of type wordpress needs MariaDB, which server.mariadb turns off");
    for (size_t i = 0; i < w->config.n; i++)
        check_constant(c, &w->config.at[i]);
}

static void check_php(const struct checker *c, const struct manifest_site *s)
{
    const struct strings *versions = &c->m->server.php.versions;
    if (!s->php.version || strings_has(versions, s->php.version))
        return;
    struct pos pos = origin_of(part(part(&manifest_record, "sites"), "php"), &s->php, "version");
    if (versions->n)
        diag_error(c->diags, pos, "add it to server.php.versions",
                   "PHP %s is not among the versions of this server", s->php.version);
}

static void check_hsts(const struct checker *c, const struct site_tls *t)
{
    const struct record *r = part(part(part(&manifest_record, "sites"), "tls"), "hsts");
    const struct tls_hsts *h = &t->hsts;
    if (h->max_age > 0 && t->issuer == TLS_NONE)
        diag_error(c->diags, origin_of(r, h, "max_age"), NULL, "HSTS needs https, and tls.issuer is none");
    if (h->max_age == 0 && (h->include_subdomains > 0 || h->preload > 0))
        diag_error(c->diags, origin_of(r, h, h->preload > 0 ? "preload" : "include_subdomains"),
                   "add max_age: 2y", "without \"max_age\" no HSTS header is sent");
    /* hstspreload.org's conditions: a year at least, and all subdomains */
    else if (h->preload > 0 && (h->include_subdomains <= 0 || h->max_age < 31536000))
        diag_error(c->diags, origin_of(r, h, "preload"), "add include_subdomains: true and max_age: 2y",
                   "browsers' preload list takes a domain with all its subdomains, for a year at least");
}

static void check_tls(const struct checker *c, const struct manifest_site *s)
{
    const struct record *r = part(part(&manifest_record, "sites"), "tls");
    const struct site_tls *t = &s->tls;
    static const char *const pair[] = {"certificate", "key"};
    if (t->issuer == FIELD_UNSET)
        return;
    for (size_t i = 0; i < 2; i++) {
        struct pos pos = declared(r, t, pair[i]);
        if (t->issuer == TLS_FILES && !pos.file)
            diag_error(c->diags, t->origin.pos, "add it: the path of a PEM file on the server",
                       "issuer files needs \"tls.%s\"", pair[i]);
        else if (t->issuer != TLS_FILES && pos.file)
            diag_error(c->diags, pos, "add issuer: files, or remove it", "\"%s\" is for issuer files alone",
                       pair[i]);
    }
    struct pos days = declared(r, t, "days"), redirect = declared(r, t, "redirect");
    if (days.file && t->issuer != TLS_SELF_SIGNED)
        diag_error(c->diags, days, "remove it", "\"days\" is for issuer self-signed alone");
    if (redirect.file && t->redirect > 0 && t->issuer == TLS_NONE)
        diag_error(c->diags, redirect, "remove it", "there is no https to redirect to: tls.issuer is none");
    check_hsts(c, t);
}

void manifest_check(const struct manifest *m, struct arena *a, struct diags *d)
{
    struct checker c = {.m = m, .arena = a, .diags = d};
    check_names(&c);
    check_packages(&c);
    check_server_php(&c);
    mariadb_settings_check(m, d);
    check_sources(&c);
    php_settings_check(m, d);
    const struct manifest_site *sites = m->sites.at;
    for (size_t i = 0; i < m->sites.n; i++) {
        const struct manifest_site *s = &sites[i];
        check_tls(&c, s);
        check_php(&c, s);
        if (s->type == FIELD_UNSET)
            continue; /* said already */
        check_parts(&c, s);
        if (s->type == SITE_WORDPRESS)
            check_wordpress(&c, s);
    }
}
