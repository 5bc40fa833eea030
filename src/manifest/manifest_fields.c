/* The field tables of manifest.h: names, defaults, limits and the reference page's sentences. */
#include "manifest.h"
#include "words.h"

#define AT(s, m)   .offset = offsetof(struct s, m)
#define MANIFEST(s, n) .name = n, .size = sizeof(struct s), .has_origin = true
/* Known to the design, refused by this version. Nothing is ever written at its offset. */
#define LATER(n, d) {.name = n, .type = FIELD_STRING, .flags = FIELD_LATER | FIELD_PAYLOAD, .doc = d}

static const struct field packages_fields[] = {
    {.name = "present", .type = FIELD_STRINGS, .flags = FIELD_UNORDERED, AT(manifest_packages, present),
     .check = word_package, .doc = "Packages that are installed."},
    {.name = "absent", .type = FIELD_STRINGS, .flags = FIELD_UNORDERED, AT(manifest_packages, absent),
     .check = word_package, .doc = "Packages that are removed."},
    {.name = "hold", .type = FIELD_STRINGS, .flags = FIELD_UNORDERED, AT(manifest_packages, hold),
     .check = word_package, .doc = "Packages that keep their version."},
};
static const struct record packages_record = {MANIFEST(manifest_packages, "server.packages"),
    .doc = "Debian packages beside those that the sites need.", FIELDS(packages_fields)};

static const struct field nginx_fields[] = {
    {.name = "worker_connections", .type = FIELD_INT, AT(manifest_nginx, worker_connections), .def = "4096",
     .min = 64, .max = 1048576, .doc = "Connections that one worker process serves at once."},
    {.name = "client_max_body_size", .type = FIELD_SIZE, AT(manifest_nginx, client_max_body_size), .def = "64M",
     .min = 1024, .max = INT64_C(1) << 40, .doc = "The largest upload that is accepted."},
    {.name = "keepalive_timeout", .type = FIELD_DURATION, AT(manifest_nginx, keepalive_timeout), .def = "65s",
     .min = 0, .max = 3600, .doc = "How long an idle connection stays open."},
};
static const struct record nginx_record = {MANIFEST(manifest_nginx, "server.nginx"),
    .doc = "Settings of nginx for all sites.", FIELDS(nginx_fields)};

static const struct field php_fields[] = {
    {.name = "versions", .type = FIELD_STRINGS, AT(manifest_php, versions), .check = word_php_version,
     .doc = "Versions of PHP that are installed; without it, the one that the system offers."},
    {.name = "default", .type = FIELD_STRING, AT(manifest_php, dfault), .check = word_php_version,
     .doc = "The version for sites that name none; without it, the first of `versions`."},
    {.name = "ini", .type = FIELD_STRMAP, AT(manifest_php, ini), .check = word_ini_name,
     .doc = "php.ini settings for all sites."},
    {.name = "extensions", .type = FIELD_STRINGS, .flags = FIELD_UNORDERED, AT(manifest_php, extensions),
     .def = "[mysql, curl, gd, mbstring, xml, zip, intl]", .check = word_extension,
     .doc = "Extensions, by what follows \"php8.2-\" in the package's name."},
};
static const struct record php_record = {MANIFEST(manifest_php, "server.php"),
    .doc = "PHP and its settings for all sites.", FIELDS(php_fields)};

static const struct field mariadb_fields[] = {
    {.name = "enabled", .type = FIELD_BOOL, AT(manifest_mariadb, enabled),
     .doc = "Whether MariaDB runs here; without it, when a site needs it."},
    {.name = "bind_address", .type = FIELD_STRING, AT(manifest_mariadb, bind_address), .def = "127.0.0.1",
     .check = word_address, .doc = "The address that MariaDB listens at."},
    {.name = "buffer_pool", .type = FIELD_SIZE, AT(manifest_mariadb, buffer_pool), .min = 8 << 20,
     .max = INT64_C(1) << 44, .doc = "Size of InnoDB's buffer pool; without it, tuned from the machine's memory."},
    {.name = "max_connections", .type = FIELD_INT, AT(manifest_mariadb, max_connections), .min = 10, .max = 100000,
     .doc = "Connections at once; without it, the sum of all sites' children and 20."},
    {.name = "settings", .type = FIELD_STRMAP, AT(manifest_mariadb, settings), .check = word_setting_name,
     .doc = "Further settings of the section [mariadbd]."},
};
static const struct record mariadb_record = {MANIFEST(manifest_mariadb, "server.mariadb"),
    .doc = "The database server.", FIELDS(mariadb_fields)};

static const struct field memory_fields[] = {
    {.name = "budget", .type = FIELD_STRING, AT(manifest_memory, budget), .def = "80%", .check = word_budget,
     .doc = "What all PHP pools and MariaDB may take together: a share of the machine's memory, or a size."},
};
static const struct record memory_record = {MANIFEST(manifest_memory, "server.memory"),
    .doc = "How the machine's memory is shared out.", FIELDS(memory_fields)};

/* The release's own wp-cli-2.12.0.phar.sha512 is be928f6b...fe8832; this is the SHA-256 of the same file. */
static const struct field wp_cli_fields[] = {
    {.name = "url", .type = FIELD_STRING, AT(manifest_wp_cli, url),
     .def = "https://github.com/wp-cli/wp-cli/releases/download/v2.12.0/wp-cli-2.12.0.phar", .check = word_url,
     .doc = "Where WP-CLI's phar is fetched from."},
    {.name = "sha256", .type = FIELD_STRING, AT(manifest_wp_cli, sha256),
     .def = "ce34ddd838f7351d6759068d09793f26755463b4a4610a5a5c0a97b68220d85c", .check = word_sha256,
     .doc = "The phar's SHA-256 digest; it has to be given with `url`."},
};
static const struct record wp_cli_record = {MANIFEST(manifest_wp_cli, "server.sources.wp_cli"),
    .doc = "The command line tool of WordPress.", FIELDS(wp_cli_fields)};

static const struct field sources_fields[] = {
    {.name = "wordpress", .type = FIELD_STRING, AT(manifest_sources, wordpress),
     .def = "https://downloads.wordpress.org/release/wordpress-{version}.tar.gz", .check = word_url_version,
     .doc = "Where WordPress is fetched from; {version} and {locale} stand for the site's."},
    {.name = "wordpress_sha256", .type = FIELD_STRMAP, AT(manifest_sources, wordpress_sha256),
     .check = word_wordpress_version,
     .doc = "SHA-256 digests by version; a version that is not here is pinned when it is first fetched."},
    {.name = "wp_cli", .type = FIELD_STRUCT, AT(manifest_sources, wp_cli), .of = &wp_cli_record,
     .doc = "The command line tool of WordPress."},
};
static const struct record sources_record = {MANIFEST(manifest_sources, "server.sources"),
    .doc = "Where programs come from that are no Debian packages.", FIELDS(sources_fields)};

static const struct field server_fields[] = {
    {.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT(manifest_server, name), .check = word_host,
     .doc = "The name of this server, such as web-01."},
    {.name = "timezone", .type = FIELD_STRING, AT(manifest_server, timezone), .check = word_timezone,
     .doc = "The server's time zone; without it, it stays as it is."},
    {.name = "packages", .type = FIELD_STRUCT, AT(manifest_server, packages), .of = &packages_record,
     .doc = "Debian packages beside those that the sites need."},
    {.name = "nginx", .type = FIELD_STRUCT, AT(manifest_server, nginx), .of = &nginx_record,
     .doc = "Settings of nginx for all sites."},
    {.name = "php", .type = FIELD_STRUCT, AT(manifest_server, php), .of = &php_record,
     .doc = "PHP and its settings for all sites."},
    {.name = "mariadb", .type = FIELD_STRUCT, AT(manifest_server, mariadb), .of = &mariadb_record,
     .doc = "The database server."},
    {.name = "memory", .type = FIELD_STRUCT, AT(manifest_server, memory), .of = &memory_record,
     .doc = "How the machine's memory is shared out."},
    {.name = "sources", .type = FIELD_STRUCT, AT(manifest_server, sources), .of = &sources_record,
     .doc = "Where programs come from that are no Debian packages."},
    LATER("redis", "The object cache."),
    LATER("firewall", "What may reach this server."),
    LATER("fail2ban", "Blocking of addresses that guess passwords."),
    LATER("ssh", "The ssh server."),
    LATER("updates", "Automatic upgrades."),
    LATER("acme", "Where certificates come from."),
    LATER("drift", "How often drift is looked for, and what becomes of it."),
};
static const struct record server_record = {MANIFEST(manifest_server, "server"),
    .doc = "What belongs to the whole machine.", FIELDS(server_fields)};

static const char *const managers[] = {"ondemand", "dynamic", NULL};
static const struct field site_php_fields[] = {
    {.name = "version", .type = FIELD_STRING, AT(site_php, version), .check = word_php_version,
     .doc = "The site's version of PHP, in quotes; without it, the server's default."},
    {.name = "children", .type = FIELD_INT, AT(site_php, children), .def = "4", .min = 1, .max = 1000,
     .doc = "PHP processes that serve the site at once."},
    {.name = "memory_limit", .type = FIELD_SIZE, AT(site_php, memory_limit), .def = "256M", .min = 16 << 20,
     .max = INT64_C(1) << 36, .doc = "Memory that one request may take."},
    {.name = "max_execution_time", .type = FIELD_DURATION, AT(site_php, max_execution_time), .def = "60s", .min = 1,
     .max = 86400, .doc = "Time that one request may take."},
    {.name = "process_manager", .type = FIELD_ENUM, AT(site_php, process_manager), .def = "ondemand",
     .choices = managers, .doc = "Whether processes start when they are needed, or some always wait."},
    {.name = "ini", .type = FIELD_STRMAP, AT(site_php, ini), .check = word_ini_name,
     .doc = "PHP settings of this site, which its code can't change."},
};
static const struct record site_php_record = {MANIFEST(site_php, "site.php"),
    .doc = "The site's PHP processes.", FIELDS(site_php_fields)};

static const struct field hsts_fields[] = {
    {.name = "max_age", .type = FIELD_DURATION, AT(tls_hsts, max_age), .def = "0", .min = 0, .max = 315360000,
     .doc = "How long browsers insist on https; 0 sends no header. It can't be taken back, so it is asked for."},
    {.name = "include_subdomains", .type = FIELD_BOOL, AT(tls_hsts, include_subdomains), .def = "false",
     .doc = "Whether it holds for all names below the domain."},
    {.name = "preload", .type = FIELD_BOOL, AT(tls_hsts, preload), .def = "false",
     .doc = "Whether browsers may carry the domain in their built-in list."},
};
static const struct record hsts_record = {MANIFEST(tls_hsts, "site.tls.hsts"),
    .doc = "HTTP Strict Transport Security (RFC 6797).", FIELDS(hsts_fields)};

static const char *const issuers[] = {"acme", "self-signed", "files", "none", NULL};
static const struct field tls_fields[] = {
    {.name = "issuer", .type = FIELD_ENUM, AT(site_tls, issuer), .def = "self-signed", .choices = issuers,
     .check = word_issuer,
     .doc = "Where the certificate comes from; `none`: http only. `acme` is not supported yet."},
    {.name = "certificate", .type = FIELD_PATH, AT(site_tls, certificate), .check = word_path,
     .doc = "With issuer `files`: the certificate and its chain, a PEM file on the server."},
    {.name = "key", .type = FIELD_PATH, AT(site_tls, key), .check = word_path,
     .doc = "With issuer `files`: its private key, a PEM file on the server."},
    {.name = "days", .type = FIELD_INT, AT(site_tls, days), .def = "365", .min = 1, .max = 3650,
     .doc = "With issuer `self-signed`: days that a certificate is valid."},
    {.name = "redirect", .type = FIELD_BOOL, AT(site_tls, redirect), .def = "true",
     .doc = "Whether http answers with a redirect to https."},
    {.name = "hsts", .type = FIELD_STRUCT, AT(site_tls, hsts), .of = &hsts_record,
     .doc = "HTTP Strict Transport Security (RFC 6797)."},
};
static const struct record tls_record = {MANIFEST(site_tls, "site.tls"),
    .doc = "The site's certificate and https.", FIELDS(tls_fields)};

static const struct field admin_fields[] = {
    {.name = "user", .type = FIELD_STRING, AT(wordpress_admin, user), .check = word_user,
     .doc = "The first administrator's name; required for type `wordpress`."},
    {.name = "email", .type = FIELD_STRING, AT(wordpress_admin, email), .check = word_email,
     .doc = "The first administrator's e-mail address; required for type `wordpress`."},
    {.name = "password", .type = FIELD_SECRET, AT(wordpress_admin, password), .check = word_secret,
     .doc = "The name of a secret, as {secret: NAME}; without it, a password is generated."},
};
static const struct record admin_record = {MANIFEST(wordpress_admin, "site.wordpress.admin"),
    .doc = "The administrator that a new WordPress gets; later changes are WordPress's own.", FIELDS(admin_fields)};

static const struct field wordpress_fields[] = {
    {.name = "version", .type = FIELD_STRING, AT(site_wordpress, version), .check = word_wordpress_version,
     .doc = "The version of WordPress, in quotes; required for type `wordpress`."},
    {.name = "title", .type = FIELD_STRING, AT(site_wordpress, title), .def = "WordPress", .check = word_title,
     .doc = "The title that a new WordPress gets."},
    {.name = "locale", .type = FIELD_STRING, AT(site_wordpress, locale), .def = "en_US", .check = word_locale,
     .doc = "The language of WordPress, such as de_DE."},
    {.name = "table_prefix", .type = FIELD_STRING, AT(site_wordpress, table_prefix), .def = "wp_",
     .check = word_table_prefix, .doc = "What the names of all tables begin with."},
    {.name = "admin", .type = FIELD_STRUCT, AT(site_wordpress, admin), .of = &admin_record,
     .doc = "The administrator that a new WordPress gets."},
    {.name = "config", .type = FIELD_STRMAP, AT(site_wordpress, config), .check = word_constant,
     .doc = "Further constants for wp-config.php: true, false, numbers and text."},
};
static const struct record wordpress_record = {MANIFEST(site_wordpress, "site.wordpress"),
    .doc = "WordPress, for sites of that type.", FIELDS(wordpress_fields)};

static const struct field site_nginx_fields[] = {
    {.name = "client_max_body_size", .type = FIELD_SIZE, AT(site_nginx, client_max_body_size), .min = 1024,
     .max = INT64_C(1) << 40, .doc = "The largest upload that is accepted; without it, the server's."},
};
static const struct record site_nginx_record = {MANIFEST(site_nginx, "site.nginx"),
    .doc = "Settings of nginx for this site.", FIELDS(site_nginx_fields)};

static const char *const types[] = {"html", "php", "wordpress", "proxy", "redirect", NULL};
static const char *const caches[] = {"none", "fastcgi", "redis", NULL};
static const struct field site_fields[] = {
    {.name = "domain", .type = FIELD_STRING, .flags = FIELD_KEY, AT(manifest_site, domain), .check = word_domain,
     .doc = "The site's name: lower case, in ASCII (punycode)."},
    {.name = "aliases", .type = FIELD_STRINGS, .flags = FIELD_UNORDERED, AT(manifest_site, aliases),
     .check = word_domain, .doc = "Further names of the site; its certificate holds them too."},
    {.name = "type", .type = FIELD_ENUM, .flags = FIELD_REQUIRED, AT(manifest_site, type), .choices = types,
     .doc = "What the site is: files, PHP, WordPress, another server's face, or a pointer elsewhere."},
    {.name = "php", .type = FIELD_STRUCT, AT(manifest_site, php), .of = &site_php_record,
     .doc = "The site's PHP processes, for types `php` and `wordpress`."},
    {.name = "cache", .type = FIELD_ENUM, AT(manifest_site, cache), .def = "none", .choices = caches,
     .check = word_cache, .doc = "Whether nginx keeps pages that PHP made. `redis` is not supported yet."},
    {.name = "tls", .type = FIELD_STRUCT, AT(manifest_site, tls), .of = &tls_record,
     .doc = "The site's certificate and https."},
    {.name = "wordpress", .type = FIELD_STRUCT, AT(manifest_site, wordpress), .of = &wordpress_record,
     .doc = "WordPress, for sites of that type."},
    {.name = "nginx", .type = FIELD_STRUCT, AT(manifest_site, nginx), .of = &site_nginx_record,
     .doc = "Settings of nginx for this site."},
    {.name = "upstream", .type = FIELD_STRING, AT(manifest_site, upstream), .check = word_upstream,
     .doc = "For type `proxy`: the server that answers, as http://HOST:PORT."},
    {.name = "target", .type = FIELD_STRING, AT(manifest_site, target), .check = word_url,
     .doc = "For type `redirect`: the URL that visitors are sent to."},
    LATER("drift", "What becomes of drift, by resource or field."),
    LATER("health", "How the site shows that it works."),
};
static const struct record site_record = {MANIFEST(manifest_site, "site"),
    .doc = "One site. Its key under `sites` is its domain.", FIELDS(site_fields)};

static const struct field manifest_fields[] = {
    {.name = "citrus", .type = FIELD_INT, .flags = FIELD_REQUIRED, AT(manifest, version), .min = 1, .max = 1,
     .doc = "The version of this format: 1."},
    {.name = "include", .type = FIELD_STRINGS, AT(manifest, include), .check = word_include,
     .doc = "Files with further sites, as patterns relative to this file; each holds `sites:` and nothing else."},
    {.name = "server", .type = FIELD_STRUCT, .flags = FIELD_REQUIRED, AT(manifest, server), .of = &server_record,
     .doc = "What belongs to the whole machine."},
    {.name = "sites", .type = FIELD_MAP, AT(manifest, sites), .of = &site_record,
     .doc = "The sites by their domains."},
};
const struct record manifest_record = {MANIFEST(manifest, "manifest"),
    .doc = "One server and its sites.", FIELDS(manifest_fields)};
