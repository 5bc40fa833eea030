/* What is varied, field by field. A new field of the manifest has to be put here, or into the list of those
 * that can't be varied (test_generator.c). */
#include "generator.h"

#define WORDS(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

const char *const generator_domains[] = {
    "alpha.example.com",
    "beta.example.com",
    "1und1.example.net",
    "shop.beta.example.com",
    "xn--mller-kva.example.org",
    "a-rather-long-name-that-no-account-of-linux-can-bear-as-it-is.example.com",
    "gamma.example.com",
    "delta.example.com",
    NULL};
const char *const generator_aliases[] = {"www.alpha.example.com", "www.beta.example.com",
                                         "static.example.org", "m.example.org", "zz.example.net",
                                         /* names of sites that are not there at the time */
                                         "gamma.example.com", "delta.example.com", NULL};

const char *const type_names[] = {"html", "php", "wordpress", "proxy", "redirect", NULL};

#define POLICIES WORDS("enforce", "warn", "adopt", "ignore")
#define ZONES    WORDS("Europe/Berlin", "UTC", "America/New_York")
/* Lists are as the manifest writes them. */
#define VERSIONS WORDS("[\"8.2\"]", "[\"8.2\", \"8.1\"]", "[\"8.1\", \"8.2\", \"8.3\"]", "[\"8.3\", \"8.2\"]")

const struct slot server_slots[] = {
    {"name", 100, .values = WORDS("web-01", "web-02.example.com"), .server_values = WORDS("web-01")},
    {"timezone", 40, .values = ZONES},
    {"packages/present", 50, .values = WORDS("[htop]", "[tree, htop]", "[]"),
     .server_values = WORDS("[htop]", "[strace, htop]"), .server_odds = 15},
    {"packages/absent", 30, .values = WORDS("[apache2]", "[apache2, nano]"),
     .server_values = WORDS("[apache2]")},
    {"packages/hold", 20, .values = WORDS("[bash]", "[curl, bash]"), .server_values = WORDS("[bash]"),
     .server_odds = 10},
    {"nginx/worker_connections", 50, .min = 64, .max = 20000, .server_values = WORDS("512", "1024", "2048")},
    {"nginx/client_max_body_size", 50, .min = 1, .max = 512, .unit = "M"},
    {"nginx/keepalive_timeout", 40, .values = WORDS("0s", "5s", "1m30s", "1h")},
    {"php/versions", 60, .values = VERSIONS, .server_values = WORDS("[\"8.2\"]")},
    {"php/default", 40, .values = WORDS("\"8.2\"")},
    {"php/ini/display_errors", 20, .values = WORDS("\"Off\"", "\"0\"")},
    {"php/ini/error_log", 20, .values = WORDS("/var/log/php.log", "\"/var/log/php errors; all.log\"")},
    {"php/ini/max_input_vars", 40, .min = 1000, .max = 5000},
    {"php/extensions", 30, .values = WORDS("[mysql, curl]", "[curl, mysql]", "[gd, opcache, zip]", "[]"),
     .server_values = WORDS("[mysql, curl, gd]", "[mysql, curl, gd, mbstring, xml, zip, intl]")},
    {"mariadb/enabled", 30, .values = WORDS("true", "false")},
    {"mariadb/bind_address", 20, .values = WORDS("127.0.0.1", "\"::1\"", "0.0.0.0"),
     .server_values = WORDS("127.0.0.1", "0.0.0.0"), .server_odds = 5},
    {"mariadb/buffer_pool", 20, .min = 16, .max = 512, .unit = "M", .server_odds = 8},
    {"mariadb/max_connections", 20, .min = 100, .max = 400, .server_odds = 5},
    {"mariadb/settings/wait_timeout", 20, .min = 60, .max = 600, .server_odds = 5},
    {"mariadb/settings/sql_mode", 15, .values = WORDS("\"\"", "STRICT_TRANS_TABLES"),
     .server_values = WORDS("STRICT_TRANS_TABLES"), .server_odds = 5},
    {"memory/budget", 40, .values = WORDS("70%", "95%", "64G"), .server_values = WORDS("70%", "95%")},
    {"sources/wordpress", 20,
     .values = WORDS("\"https://mirror.example.net/{locale}/wordpress-{version}.tar.gz\"",
                     "\"http://127.0.0.1:8080/wp-{version}-{locale}.tgz\""),
     .server_odds = NEVER},
    {"sources/wordpress_sha256/7.1.1", 20,
     .values = WORDS("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
     .server_odds = NEVER},
    {"sources/wp_cli/url", 15, .values = WORDS("https://mirror.example.net/wp-cli.phar"),
     .server_odds = NEVER},
    {"sources/wp_cli/sha256", 25,
     .values = WORDS("123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"),
     .server_odds = NEVER},
    {"drift/interval", 30, .values = WORDS("5m", "1h30m", "1w"), .server_odds = NEVER},
    {"drift/default_policy", 20, .values = POLICIES},
    {"drift/vhost", 15, .values = POLICIES},
    {"drift/file.content", 15, .values = POLICIES},
    {"drift/service.enabled", 10, .values = POLICIES},
    {"drift/account.shell", 10, .values = POLICIES},
    /* long enough for each rollback of a run to find what it needs */
    {"retention/trash", 20, .values = WORDS("1d", "90d", "1y")},
    {"retention/generations", 20, .min = 20, .max = 100},
    {"retention/journal", 20, .values = WORDS("0s", "1h", "90d")},
    {"retention/cache", 20, .values = WORDS("1d", "60d")},
};
const size_t n_server_slots = sizeof server_slots / sizeof *server_slots;

const struct slot site_slots[] = {
    /* `aliases` is made of generator_aliases: which of them are free shows when all sites are known */
    {"php/version", 40, PHP | WORDPRESS, WORDS("\"8.2\"", "\"8.1\"", "\"8.3\""),
     .server_values = WORDS("\"8.2\"")},
    {"php/children", 60, PHP | WORDPRESS, .min = 1, .max = 6},
    {"php/memory_limit", 40, PHP | WORDPRESS, WORDS("64M", "128M", "512M", "1G")},
    {"php/max_execution_time", 40, PHP | WORDPRESS, .min = 5, .max = 300, .unit = "s"},
    {"php/process_manager", 40, PHP | WORDPRESS, WORDS("ondemand", "dynamic")},
    {"php/ini/memory_limit", 10, PHP | WORDPRESS, WORDS("96M", "\"-1\"")},
    {"php/ini/session.name", 20, PHP | WORDPRESS, WORDS("SID", "\"a name\"", "\"quo'ted\""),
     .server_values = WORDS("SID", "SESSION")},
    {"php/ini/upload_max_filesize", 40, PHP | WORDPRESS, .min = 1, .max = 64, .unit = "M"},
    {"cache", 40, PHP | WORDPRESS, WORDS("none", "fastcgi")},
    {"tls/issuer", 60, 0, WORDS("self-signed", "files", "none")},
    {"tls/files", 100, 0, WORDS("one", "two")}, /* certificate and key */
    {"tls/days", 30, 0, .min = 1, .max = 3650},
    {"tls/redirect", 40, 0, WORDS("true", "false")},
    {"tls/hsts/max_age", 30, 0, WORDS("0", "90s", "1y", "2y", "10y")},
    {"tls/hsts/include_subdomains", 30, 0, WORDS("true", "false")},
    {"tls/hsts/preload", 30, 0, WORDS("true", "false")},
    {"wordpress/version", 100, WORDPRESS, WORDS("\"7.1.1\"", "\"6.8\"", "\"7.2-RC1\""),
     .server_values = WORDS("\"7.1.1\"")},
    {"wordpress/title", 50, WORDPRESS,
     WORDS("Blog", "\"Müller's \\\"Café\\\" #1\"", "'$(touch x) `y`; <b>'")},
    {"wordpress/locale", 30, WORDPRESS, WORDS("en_US", "de_DE"), .server_values = WORDS("en_US")},
    {"wordpress/table_prefix", 30, WORDPRESS, WORDS("wp_", "blog7_"), .server_values = WORDS("wp_")},
    {"wordpress/admin/user", 100, WORDPRESS, WORDS("editor", "\"A. Person\"")},
    {"wordpress/admin/email", 100, WORDPRESS, WORDS("me@example.com", "ops+wp@example.org")},
    {"wordpress/admin/password", 30, WORDPRESS, WORDS("{secret: shared/admin}", "{secret: editor}")},
    {"wordpress/config/WP_DEBUG", 30, WORDPRESS, WORDS("true", "false")},
    {"wordpress/config/WP_MEMORY_LIMIT", 30, WORDPRESS, WORDS("64M", "\"it's 128M\""),
     .server_values = WORDS("64M", "128M")},
    {"wordpress/config/FS_CHMOD_DIR", 20, WORDPRESS, WORDS("0755", "750")},
    {"nginx/client_max_body_size", 30, 0, .min = 1, .max = 1024, .unit = "M"},
    {"upstream", 100, PROXY,
     WORDS("http://127.0.0.1:8080", "https://backend.example.net", "\"http://[::1]:81\""),
     .server_values = WORDS("http://127.0.0.1:8080")},
    {"target", 100, REDIRECT,
     WORDS("https://www.example.org", "https://www.example.org/", "\"https://example.org/a?b=c&d=%20\"")},
    {"health/path", 30, 0, WORDS("/", "\"/index.html?a=b\""), .server_values = WORDS("/", "\"/?a=b\"")},
    {"health/status", 20, 0, WORDS("[200]", "[200, 301, 404]"),
     .server_values = WORDS("[200, 301, 302, 403, 404]", "[404, 403, 302, 301, 200, 500]")},
    {"health/contains", 15, 0, WORDS("Welcome", "\"<title>Müller's\""), .server_odds = NEVER},
    {"health/timeout", 30, 0, .min = 10, .max = 60, .unit = "s"},
    {"drift/default_policy", 20, 0, POLICIES},
    {"drift/vhost.mode", 10, 0, POLICIES},
    {"drift/php_pool", 10, 0, POLICIES},
    {"drift/directory", 10, 0, POLICIES},
};
const size_t n_site_slots = sizeof site_slots / sizeof *site_slots;
