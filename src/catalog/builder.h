/* What the files of this folder share while one catalog is built. Private to it.
 *
 *   server_build   the server's resources; fills the members that sites depend on
 *   site_build     one site's
 *
 * Errors of work (a template that is missing) are returned; what the operator wrote wrong is put into b->d,
 * and building goes on, so that all of it is told at once. */
#ifndef CITRUS_BUILDER_H
#define CITRUS_BUILDER_H
#include "catalog.h"
#include "specs.h"
#include "templates.h"
#include "tuning.h"

/* Not below /var/lib/citrus, which holds secrets and nobody but root may enter: nginx's workers read this. */
#define ACME_ROOT "/var/lib/citrus-acme"

/* One PHP version that the server keeps. */
struct php_runtime {
    const char *version;             /* "8.2" */
    struct pos pos;                  /* what asked for it first */
    struct resource *fpm, *cli;      /* packages */
    VEC(struct resource *) packages; /* these and the extensions' */
    struct resource *service;        /* php8.2-fpm.service */
};

struct builder {
    const struct catalog_input *in;
    const struct manifest *m;
    const struct facts *f;
    struct catalog *c;
    struct arena *a;
    struct arena values; /* for templates; emptied before each site */
    struct arena *texts; /* for what is rendered: `a`, or NULL where only its digest is kept */
    struct diags *d;
    struct templates *t;
    struct tuning tuning;
    const char *web_user;

    VEC(struct php_runtime) php; /* in order of version */
    const char *php_default;     /* NULL: there is none */
    bool mariadb_wanted;

    struct resource *nginx_package, *mariadb_package, *logrotate_package;
    struct resource *www;             /* directory */
    struct resource *nginx_default;   /* the link of the default server: last of nginx's own files */
    struct resource *nginx, *mariadb; /* services; mariadb NULL: not kept */
};

void builder_make(struct builder *b, const struct catalog_input *in, struct catalog *c, struct arena *a,
                  struct diags *d);
void builder_end(struct builder *b);
int server_build(struct builder *b, struct error *err);
void server_php_versions(struct builder *b); /* fills b->php and b->php_default */
void server_packages(struct builder *b);     /* all of them, side by side: one run of apt */
int server_nginx(struct builder *b, struct error *err);
int server_php(struct builder *b, struct error *err);
void server_drift(struct builder *b);
int server_mariadb(struct builder *b, struct error *err);
void policies_check(struct builder *b); /* whether there is what the manifest has policies for */
void policies_set(struct builder *b);   /* of all resources, once they are there */
int site_build(struct builder *b, const struct manifest_site *m, struct error *err);

/* The PHP version that a site runs (NULL: none is known), and its runtime. */
const char *site_php_version(const struct builder *b, const struct manifest_site *s);
struct php_runtime *php_runtime(const struct builder *b, const char *version);
static inline bool site_runs_php(const struct manifest_site *s)
{
    return s->type == SITE_PHP || s->type == SITE_WORDPRESS;
}
static inline bool site_has_tls(const struct manifest_site *s)
{
    return s->tls.issuer != TLS_NONE;
}

/* --- positions: the record of server.php is record_server("php") --------------------------------- */
const struct record *record_server(const char *part); /* NULL: server itself */
const struct record *record_site(const char *part);   /* NULL: a site itself */
/* Where field `name` was written; `otherwise` where it is a default. */
struct pos pos_field(const struct record *r, const void *p, const char *name, struct pos otherwise);

/* --- resources -------------------------------------------------------------------------------------------
 */
struct resource *add_package(struct builder *b, const char *name, const char *site, struct pos pos);
struct resource *add_directory(struct builder *b, const char *path, const char *site, struct pos pos,
                               int64_t mode, const char *owner, const char *group);
struct resource *add_link(struct builder *b, const char *path, const char *target, const char *site,
                          struct pos pos);
struct resource *add_service(struct builder *b, const char *unit, const char *check, struct pos pos);
/* The file `name` in the directory of what is dropped into the unit, and that directory: to be needed, and
 * told of with IMPACT_RESTART. */
struct resource *add_drop_in(struct builder *b, const char *unit, const char *name, const char *lines,
                             struct pos pos);
/* A root-owned file, 0644, from a template. *ret is NULL (and 0 returned) where a value did not fit. */
int add_rendered(struct builder *b, const char *path, const char *template, const struct value *v,
                 const char *site, struct pos pos, struct resource **ret, struct error *err);
/* Renders; a value that does not fit is a diagnostic at `pos` and *ret_ok false. */
int render(struct builder *b, const char *template, const struct value *v, struct pos pos, struct bytes *ret,
           bool *ret_ok, struct error *err);

/* Where the manifest says what the resource's field is: `part` "php", `name` "children" of server (site NULL)
 * or site. `prefix` and `line` as in struct counterpart. */
void add_counterpart(struct builder *b, struct resource *r, const char *field, const char *prefix, bool line,
                     const struct manifest_site *site, const char *part, const char *name, const void *at);

/* --- values ----------------------------------------------------------------------------------------------
 */
/* "64M", in the units that nginx, PHP and MariaDB share (K, M, G). */
void value_set_size(struct builder *b, struct value *map, const char *name, int64_t bytes, struct pos pos);
/* The list `name` of {name, value}. */
void value_set_settings(struct builder *b, struct value *map, const char *name, const struct strmap *settings,
                        struct pos pos);

#endif
