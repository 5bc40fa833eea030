#include "builder.h"
#include "names.h"
#include "text.h"

#define DEFAULT_FILE "/etc/nginx/sites-available/000-default.conf"
#define DEFAULT_LINK "/etc/nginx/sites-enabled/000-default.conf"
#define DEFAULT_NAME "default.invalid" /* RFC 6761: never a site's domain */

/* An access log and an error log. */
#define SITE_LOGS 2
/* What nginx opens beside connections and the sites' logs: sockets, the workers' channels, caches, other
 * logs. */
#define OTHER_FILES 512
/* What systemd lets a service open at first, and as far as it may raise that: systemd-system.conf(5),
 * DefaultLimitNOFILE=. */
#define FILES_SOFT 1024
#define FILES_HARD 524288
#define FILES_STEP 1024

static int64_t site_logs(const struct builder *b)
{
    return SITE_LOGS * (int64_t)b->m->sites.n;
}

/* A worker's. A proxied request holds two; the rest goes up in steps, so that one more site changes nothing
 * here. */
static int64_t worker_files(const struct builder *b)
{
    int64_t rest = OTHER_FILES + site_logs(b);
    return 2 * b->m->server.nginx.worker_connections + (rest + FILES_STEP - 1) / FILES_STEP * FILES_STEP;
}

/* The master's. It opens all logs, and at a reload the new ones before it closes the old ones. A restart
 * alone gives it another limit: so few sites have none (NULL), and what many have, no further site changes.
 */
static struct resource *master_files(struct builder *b, struct pos pos)
{
    if (OTHER_FILES + 2 * site_logs(b) <= FILES_SOFT)
        return NULL;
    return add_drop_in(b, "nginx.service", "open-files.conf",
                       arena_printf(b->a, "[Service]\nLimitNOFILE=%d\n", FILES_HARD), pos);
}

static bool nginx_has(const struct builder *b, const char *since)
{
    return b->f->nginx && version_compare(b->f->nginx, since) >= 0;
}

static struct value *nginx_values(struct builder *b)
{
    const struct manifest_nginx *n = &b->m->server.nginx;
    const struct record *r = record_server("nginx");
    struct pos server = b->m->server.origin.pos;
    struct value *v = value_map(&b->values);
    value_set(v, "web_user", b->web_user);
    value_set_int(v, "worker_connections", n->worker_connections);
    value_set_int(v, "open_files", worker_files(b));
    value_set_int(v, "keepalive", n->keepalive_timeout);
    value_set_size(b, v, "body", n->client_max_body_size, pos_field(r, n, "client_max_body_size", server));
    value_set(v, "acme_root", ACME_ROOT);
    value_set_flag(v, "http2_directive", nginx_has(b, "1.25.1"));
    value_set_flag(v, "reject_handshake", nginx_has(b, "1.19.4"));
    /* An unknown group is a configuration error, and this one came with OpenSSL 3.5. */
    value_set_flag(v, "post_quantum", b->f->openssl && version_compare(b->f->openssl, "3.5") >= 0);
    value_set(v, "default_certificate", path_tls(&b->values, DEFAULT_NAME, "fullchain.pem"));
    value_set(v, "default_key", path_tls(&b->values, DEFAULT_NAME, "privkey.pem"));
    return v;
}

/* Before ssl_reject_handshake a server without a certificate cannot be the default one, and the first site's
 * certificate would be shown to whoever asks for an unknown name. */
static struct resource *default_certificate(struct builder *b, struct pos pos)
{
    static const char *names[] = {DEFAULT_NAME};
    if (nginx_has(b, "1.19.4"))
        return NULL;
    struct resource *r = catalog_add(b->c, &certificate_kind, DEFAULT_NAME, NULL, pos);
    struct certificate_spec *s = r->spec;
    s->names = (struct strings){.at = names, .n = 1};
    s->issuer = "self-signed";
    s->days = 3650;
    s->state = "valid";
    return r;
}

static void nginx_file(struct builder *b, struct resource *file)
{
    if (!file)
        return;
    ((struct file_spec *)file->spec)->validate = "nginx";
    resource_needs(b->c, file, b->nginx_package);
}

int server_nginx(struct builder *b, struct error *err)
{
    struct pos server = b->m->server.origin.pos;
    struct pos pos = pos_field(record_server(NULL), &b->m->server, "nginx", server);
    struct value *v = nginx_values(b);
    struct resource *conf, *site;
    struct resource *acme = add_directory(b, ACME_ROOT, NULL, server, 0755, "root", "root");
    struct resource *certificate = default_certificate(b, server);
    int r = add_rendered(b, "/etc/nginx/nginx.conf", "configs/nginx.conf", v, NULL, pos, &conf, err);
    if (r < 0)
        return r;
    /* Debian's own default server must go first: there can be one default a port. */
    struct resource *debian = add_link(b, "/etc/nginx/sites-enabled/default", NULL, NULL, server);
    debian->absent = true;
    resource_needs(b->c, debian, b->nginx_package);
    r = add_rendered(b, DEFAULT_FILE, "configs/default.conf", v, NULL, pos, &site, err);
    if (r < 0)
        return r;
    nginx_file(b, conf);
    nginx_file(b, site);
    b->nginx_default = add_link(b, DEFAULT_LINK, DEFAULT_FILE, NULL, server);
    b->nginx = add_service(b, "nginx.service", "nginx", server);
    struct resource *parts[] = {conf, debian, site, certificate, acme};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i])
            continue;
        resource_needs(b->c, b->nginx_default, parts[i]);
        if (parts[i] != acme)
            resource_notifies(b->c, parts[i], b->nginx, IMPACT_RELOAD);
    }
    resource_notifies(b->c, b->nginx_default, b->nginx, IMPACT_RELOAD);
    struct resource *files = master_files(b, server);
    if (files) {
        resource_needs(b->c, b->nginx_default, files);
        resource_notifies(b->c, files, b->nginx, IMPACT_RESTART);
    }
    resource_needs(b->c, b->nginx, b->nginx_package);
    resource_needs(b->c, b->nginx, b->nginx_default);
    return 0;
}
