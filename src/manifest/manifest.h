/* The manifest as typed structs. Field tables are in manifest_fields.c; names and defaults are documented
 * there and in docs/manifest.md, which is generated from them. Every struct begins with its origin. */
#ifndef CITRUS_MANIFEST_H
#define CITRUS_MANIFEST_H
#include "bundle.h"
#include "field.h"

enum site_type { SITE_HTML, SITE_PHP, SITE_WORDPRESS, SITE_PROXY, SITE_REDIRECT };
enum site_cache { CACHE_NONE, CACHE_FASTCGI, CACHE_REDIS };
enum tls_issuer { TLS_ACME, TLS_SELF_SIGNED, TLS_FILES, TLS_NONE };

struct manifest_packages {
    struct origin origin;
    struct strings present, absent, hold;
};
struct manifest_nginx {
    struct origin origin;
    int64_t worker_connections;   /* 4096 */
    int64_t client_max_body_size; /* bytes; 64M */
    int64_t keepalive_timeout;    /* seconds; 65 */
};
struct manifest_php {
    struct origin origin;
    struct strings versions;   /* unset: the one that the system's packages offer */
    const char *dfault;        /* `default`; unset: the first of versions */
    struct strmap ini;         /* php.ini settings for all sites, in a conf.d file of ours */
    struct strings extensions; /* default: mysql curl gd mbstring xml zip intl */
};
struct manifest_mariadb {
    struct origin origin;
    int8_t enabled;           /* unset: when a site needs it */
    const char *bind_address; /* 127.0.0.1 */
    int64_t buffer_pool;      /* bytes; unset: tuned from the machine's memory */
    int64_t max_connections;  /* unset: from the sum of children + 20 */
    struct strmap settings;   /* further [mariadbd] settings */
};
struct manifest_memory {
    struct origin origin;
    const char *budget; /* "80%" or a size */
};
struct manifest_wp_cli {
    struct origin origin;
    const char *url, *sha256;
};
struct manifest_sources {
    struct origin origin;
    const char *wordpress; /* URL with {version} and perhaps {locale} */
    struct strmap
        wordpress_sha256; /* version -> digest; a version that is not here is pinned when first fetched */
    struct manifest_wp_cli wp_cli;
};
/* What becomes of drift: words of drift_policies, by kind or "kind.field"; the catalog knows these names. */
extern const char *const drift_policies[]; /* enforce, warn, adopt, ignore; NULL */
struct server_drift {
    struct origin origin;
    int64_t interval;       /* seconds; unset: no timer is kept */
    int64_t default_policy; /* index into drift_policies; enforce */
    struct strmap policies;
};
struct site_drift {
    struct origin origin;
    int64_t default_policy; /* unset: the server's policies */
    struct strmap policies;
};
struct server_retention {
    struct origin origin;
    int64_t trash, journal, cache; /* seconds; 30d, 90d, 30d */
    int64_t generations;           /* 50 */
};
struct manifest_server {
    struct origin origin;
    const char *name;     /* required: host name of this server, for people */
    const char *timezone; /* unset: left as it is */
    struct manifest_packages packages;
    struct manifest_nginx nginx;
    struct manifest_php php;
    struct manifest_mariadb mariadb;
    struct manifest_memory memory;
    struct manifest_sources sources;
    struct server_drift drift;
    struct server_retention retention;
    /* redis, firewall, fail2ban, ssh, updates, acme: FIELD_LATER */
};

struct site_php {
    struct origin origin;
    const char *version;        /* unset: the server's default */
    int64_t children;           /* 4 */
    int64_t memory_limit;       /* bytes; 256M */
    int64_t max_execution_time; /* seconds; 60 */
    int64_t process_manager;    /* ENUM ondemand | dynamic */
    struct strmap ini;          /* php_admin_value of the pool */
};
struct tls_hsts {
    struct origin origin;
    int64_t max_age; /* seconds; 0 = off (default): HSTS can't be taken back, so it is asked for */
    int8_t include_subdomains, preload;
};
struct site_tls {
    struct origin origin;
    int64_t issuer;                /* enum tls_issuer; self-signed by default, acme is FIELD_LATER by check */
    const char *certificate, *key; /* issuer files: PEM paths on the server */
    int64_t days;                  /* issuer self-signed: lifetime; 365 */
    int8_t redirect;               /* http -> https; true */
    struct tls_hsts hsts;
};
struct wordpress_admin {
    struct origin origin;
    const char *user, *email;
    const char *password; /* SECRET: name of a secret; unset: generated */
};
struct site_wordpress {
    struct origin origin;
    const char *version;                       /* required for type wordpress */
    const char *title, *locale, *table_prefix; /* "WordPress", "en_US", "wp_" */
    struct wordpress_admin admin;
    struct strmap
        config; /* further constants for wp-config.php: name -> PHP scalar as YAML (true, 5, text) */
};
struct site_nginx {
    struct origin origin;
    int64_t client_max_body_size; /* unset: the server's */
};
/* What a probe of the site must find; it is asked on the machine itself, before and after a run. */
struct site_health {
    struct origin origin;
    const char *path;      /* "/" */
    struct strings status; /* unset: any below 500 */
    const char *contains;  /* unset: anything */
    int64_t timeout;       /* seconds; 10 */
};
struct manifest_site {
    struct origin origin;
    const char *domain; /* the key; lower case, at most 253 characters, ASCII (punycode) */
    struct strings aliases;
    int64_t type; /* enum site_type */
    struct site_php php;
    int64_t cache; /* enum site_cache */
    struct site_tls tls;
    struct site_wordpress wordpress;
    struct site_nginx nginx;
    struct site_health health;
    const char *upstream; /* type proxy: http://host:port */
    const char *target;   /* type redirect: https://... */
    struct site_drift drift;
};

struct manifest {
    struct origin origin;
    int64_t version; /* `citrus: 1` */
    struct strings include;
    struct manifest_server server;
    struct records sites; /* of struct manifest_site, sorted by domain */
};

extern const struct record manifest_record;

/* Parses and checks a bundle: syntax, types, and what spans fields (aliases used twice, a type's required
 * parts, a PHP version that the server does not list). NULL when there were errors. An included file holds
 * `sites:` and nothing else. The bundle is borrowed. */
struct manifest *manifest_parse(const struct bundle *b, struct arena *a, struct diags *d);

#endif
