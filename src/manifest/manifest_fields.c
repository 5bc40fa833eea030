/* The field tables of manifest.h: names, defaults, limits and the reference page's sentences. Those of a site
 * are site_fields.c's. */
#include "site_fields.h"
#include "words.h"

#define AT(s, m)       .offset = offsetof(struct s, m)
#define MANIFEST(s, n) .name = n, .size = sizeof(struct s), .has_origin = true
/* Known to the design, refused by this version. Nothing is ever written at its offset. */
#define LATER(n, d)                                                                                          \
    {                                                                                                        \
        .name = n, .type = FIELD_STRING, .flags = FIELD_LATER | FIELD_PAYLOAD, .doc = d                      \
    }

static const struct field packages_fields[] = {
    {.name = "present",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     AT(manifest_packages, present),
     .check = word_package,
     .doc = "Packages that are installed."},
    {.name = "absent",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     AT(manifest_packages, absent),
     .check = word_package,
     .doc = "Packages that are removed."},
    {.name = "hold",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     AT(manifest_packages, hold),
     .check = word_package,
     .doc = "Packages that keep their version, until they no longer stand here."},
};
static const struct record packages_record = {MANIFEST(manifest_packages, "server.packages"),
                                              .doc = "Debian packages beside those that the sites need.",
                                              FIELDS(packages_fields)};

static const struct field nginx_fields[] = {
    {.name = "worker_connections",
     .type = FIELD_INT,
     AT(manifest_nginx, worker_connections),
     .def = "4096",
     .min = 64,
     .max = 1048576,
     .doc = "Connections that one worker process serves at once."},
    {.name = "client_max_body_size",
     .type = FIELD_SIZE,
     AT(manifest_nginx, client_max_body_size),
     .def = "64M",
     .min = 1024,
     .max = INT64_C(1) << 40,
     .doc = "The largest upload that is accepted, by nginx and by PHP."},
    {.name = "keepalive_timeout",
     .type = FIELD_DURATION,
     AT(manifest_nginx, keepalive_timeout),
     .def = "65s",
     .min = 0,
     .max = 3600,
     .doc = "How long an idle connection stays open."},
};
static const struct record nginx_record = {MANIFEST(manifest_nginx, "server.nginx"),
                                           .doc = "Settings of nginx for all sites.", FIELDS(nginx_fields)};

static const struct field php_fields[] = {
    {.name = "versions",
     .type = FIELD_STRINGS,
     AT(manifest_php, versions),
     .check = word_php_version,
     .doc = "Versions of PHP that are installed; without it, the one that the system offers."},
    {.name = "default",
     .type = FIELD_STRING,
     AT(manifest_php, dfault),
     .check = word_php_version,
     .doc = "The version for sites that name none; without it, the first of `versions`."},
    {.name = "ini",
     .type = FIELD_STRMAP,
     AT(manifest_php, ini),
     .check = word_ini_name,
     .doc = "php.ini settings for all sites."},
    {.name = "extensions",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     AT(manifest_php, extensions),
     .def = "[mysql, curl, gd, mbstring, xml, zip, intl]",
     .check = word_extension,
     .doc = "Extensions, by what follows \"php8.2-\" in the package's name."},
};
static const struct record php_record = {MANIFEST(manifest_php, "server.php"),
                                         .doc = "PHP and its settings for all sites.", FIELDS(php_fields)};

static const struct field mariadb_fields[] = {
    {.name = "enabled",
     .type = FIELD_BOOL,
     AT(manifest_mariadb, enabled),
     .doc = "Whether MariaDB runs here; without it, when a site needs it."},
    {.name = "bind_address",
     .type = FIELD_STRING,
     AT(manifest_mariadb, bind_address),
     .def = "127.0.0.1",
     .check = word_address,
     .doc = "The address that MariaDB listens at."},
    {.name = "buffer_pool",
     .type = FIELD_SIZE,
     AT(manifest_mariadb, buffer_pool),
     .min = 8 << 20,
     .max = INT64_C(1) << 44,
     .doc = "Size of InnoDB's buffer pool; without it, tuned from the machine's memory."},
    {.name = "max_connections",
     .type = FIELD_INT,
     AT(manifest_mariadb, max_connections),
     .min = 10,
     .max = 100000,
     .doc = "Connections at once; without it, the sum of all sites' children and 20."},
    {.name = "settings",
     .type = FIELD_STRMAP,
     AT(manifest_mariadb, settings),
     .check = word_setting_name,
     .doc = "Further settings of the section [mariadbd]; not those that have a field here."},
};
static const struct record mariadb_record = {MANIFEST(manifest_mariadb, "server.mariadb"),
                                             .doc = "The database server.", FIELDS(mariadb_fields)};

static const struct field memory_fields[] = {
    {.name = "budget",
     .type = FIELD_STRING,
     AT(manifest_memory, budget),
     .def = "80%",
     .check = word_budget,
     .doc = "What all PHP pools and MariaDB may take together: a share of the machine's memory, or a size of "
            "at least 64M."},
};
static const struct record memory_record = {MANIFEST(manifest_memory, "server.memory"),
                                            .doc = "How the machine's memory is shared out.",
                                            FIELDS(memory_fields)};

/* The release's own wp-cli-2.12.0.phar.sha512 is be928f6b...fe8832; this is the SHA-256 of the same file. */
static const struct field wp_cli_fields[] = {
    {.name = "url",
     .type = FIELD_STRING,
     AT(manifest_wp_cli, url),
     .def = "https://github.com/wp-cli/wp-cli/releases/download/v2.12.0/wp-cli-2.12.0.phar",
     .check = word_url,
     .doc = "Where WP-CLI's phar is fetched from."},
    {.name = "sha256",
     .type = FIELD_STRING,
     AT(manifest_wp_cli, sha256),
     .def = "ce34ddd838f7351d6759068d09793f26755463b4a4610a5a5c0a97b68220d85c",
     .check = word_sha256,
     .doc = "The phar's SHA-256 digest; it has to be given with `url`."},
};
static const struct record wp_cli_record = {MANIFEST(manifest_wp_cli, "server.sources.wp_cli"),
                                            .doc = "The command line tool of WordPress.",
                                            FIELDS(wp_cli_fields)};

static const struct field sources_fields[] = {
    {.name = "wordpress",
     .type = FIELD_STRING,
     AT(manifest_sources, wordpress),
     .def = "https://downloads.wordpress.org/release/wordpress-{version}.tar.gz",
     .check = word_url_version,
     .doc = "Where WordPress is fetched from; {version} and {locale} stand for the site's."},
    {.name = "wordpress_sha256",
     .type = FIELD_STRMAP,
     AT(manifest_sources, wordpress_sha256),
     .check = word_wordpress_version,
     .doc = "SHA-256 digests by version; a version that is not here is pinned when it is first fetched."},
    {.name = "wp_cli",
     .type = FIELD_STRUCT,
     AT(manifest_sources, wp_cli),
     .of = &wp_cli_record,
     .doc = "The command line tool of WordPress."},
};
static const struct record sources_record = {MANIFEST(manifest_sources, "server.sources"),
                                             .doc = "Where programs come from that are no Debian packages.",
                                             FIELDS(sources_fields)};

const char *const drift_policies[] = {"enforce", "warn", "adopt", "ignore", NULL};

static const struct field server_drift_fields[] = {
    {.name = "interval",
     .type = FIELD_DURATION,
     AT(server_drift, interval),
     .min = 60,
     .max = 604800,
     .doc = "How often citrus-drift.timer mends what somebody changed; without it, no timer is kept."},
    {.name = "default_policy",
     .type = FIELD_ENUM,
     AT(server_drift, default_policy),
     .def = "enforce",
     .choices = drift_policies,
     .doc = "What becomes of drift: `enforce` mends it, `warn` shows it and leaves it, `adopt` leaves it and "
            "offers it for the manifest (`citrus drift --adopt`), `ignore` counts it."},
    {.name = "KIND or KIND.FIELD",
     .type = FIELD_STRMAP,
     .flags = FIELD_REST,
     AT(server_drift, policies),
     .choices = drift_policies,
     .check = word_policy,
     .doc =
         "The policy for one kind of resource, such as `vhost`, or one field of it, such as `vhost.mode`."},
};
static const struct record server_drift_record = {
    MANIFEST(server_drift, "server.drift"),
    .doc =
        "What becomes of what somebody changed on the machine. What the manifest newly asks for is always "
        "done, and what it does not declare is not compared. What can only be changed as a whole is changed "
        "where one of its fields that differ is enforced.",
    FIELDS(server_drift_fields)};

/* A century, for who wants to keep things for good. */
#define RETENTION_MOST (INT64_C(100) * 365 * 86400)

static const struct field server_retention_fields[] = {
    {.name = "trash",
     .type = FIELD_DURATION,
     AT(server_retention, trash),
     .def = "30d",
     .min = 0,
     .max = RETENTION_MOST,
     .doc = "How long the trees and databases of removed sites are kept, and come back with a rollback."},
    {.name = "generations",
     .type = FIELD_INT,
     AT(server_retention, generations),
     .def = "50",
     .min = 2,
     .max = 100000,
     .doc = "How many generations are kept: as far back a rollback goes."},
    {.name = "journal",
     .type = FIELD_DURATION,
     AT(server_retention, journal),
     .def = "90d",
     .min = 0,
     .max = RETENTION_MOST,
     .doc = "How long it is kept what each run did that made none of these generations."},
    {.name = "cache",
     .type = FIELD_DURATION,
     AT(server_retention, cache),
     .def = "30d",
     .min = 0,
     .max = RETENTION_MOST,
     .doc = "How long downloads are kept that none of these generations asks for."},
};
static const struct record server_retention_record = {
    MANIFEST(server_retention, "server.retention"),
    .doc = "How long what is no longer in use is kept. What undoing an interrupted run or rolling back the "
           "newest generation needs is kept in any case.",
    FIELDS(server_retention_fields)};

static const struct field server_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     AT(manifest_server, name),
     .check = word_host,
     .doc = "The name of this server, such as web-01."},
    {.name = "timezone",
     .type = FIELD_STRING,
     AT(manifest_server, timezone),
     .check = word_timezone,
     .doc = "The server's time zone, such as Europe/Berlin; without it, it stays as it is."},
    {.name = "packages",
     .type = FIELD_STRUCT,
     AT(manifest_server, packages),
     .of = &packages_record,
     .doc = "Debian packages beside those that the sites need."},
    {.name = "nginx",
     .type = FIELD_STRUCT,
     AT(manifest_server, nginx),
     .of = &nginx_record,
     .doc = "Settings of nginx for all sites."},
    {.name = "php",
     .type = FIELD_STRUCT,
     AT(manifest_server, php),
     .of = &php_record,
     .doc = "PHP and its settings for all sites."},
    {.name = "mariadb",
     .type = FIELD_STRUCT,
     AT(manifest_server, mariadb),
     .of = &mariadb_record,
     .doc = "The database server."},
    {.name = "memory",
     .type = FIELD_STRUCT,
     AT(manifest_server, memory),
     .of = &memory_record,
     .doc = "How the machine's memory is shared out."},
    {.name = "sources",
     .type = FIELD_STRUCT,
     AT(manifest_server, sources),
     .of = &sources_record,
     .doc = "Where programs come from that are no Debian packages."},
    {.name = "drift",
     .type = FIELD_STRUCT,
     AT(manifest_server, drift),
     .of = &server_drift_record,
     .doc = "How often drift is looked for, and what becomes of it."},
    {.name = "retention",
     .type = FIELD_STRUCT,
     AT(manifest_server, retention),
     .of = &server_retention_record,
     .doc = "How long what is no longer in use is kept."},
    LATER("redis", "The object cache."),
    LATER("firewall", "What may reach this server."),
    LATER("fail2ban", "Blocking of addresses that guess passwords."),
    LATER("ssh", "The ssh server."),
    LATER("updates", "Automatic upgrades."),
    LATER("acme", "Where certificates come from."),
};
static const struct record server_record = {
    MANIFEST(manifest_server, "server"), .doc = "What belongs to the whole machine.", FIELDS(server_fields)};

static const struct field manifest_fields[] = {
    {.name = "citrus",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     AT(manifest, version),
     .min = 1,
     .max = 1,
     .doc = "The version of this format: 1."},
    {.name = "include",
     .type = FIELD_STRINGS,
     AT(manifest, include),
     .check = word_include,
     .doc = "Files with further sites, as patterns relative to this file; each holds `sites:` and nothing "
            "else."},
    {.name = "server",
     .type = FIELD_STRUCT,
     .flags = FIELD_REQUIRED,
     AT(manifest, server),
     .of = &server_record,
     .doc = "What belongs to the whole machine."},
    {.name = "sites",
     .type = FIELD_MAP,
     AT(manifest, sites),
     .of = &site_record,
     .doc = "The sites by their domains."},
};
const struct record manifest_record = {MANIFEST(manifest, "manifest"), .doc = "One server and its sites.",
                                       FIELDS(manifest_fields)};
