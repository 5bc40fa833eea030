#include "words.h"
#include "text.h"
#include <arpa/inet.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char word_holds_secret[] = "holds a user or password\na secret is never written in a manifest";

static bool only(const char *s, const char *chars)
{
    return *s && s[strspn(s, chars)] == '\0';
}

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
}

/* Labels of lower-case letters, digits and inner hyphens; how many there are in *labels. */
static const char *domain_labels(const char *t, size_t *labels)
{
    *labels = 0;
    for (;; t++) {
        size_t n = strcspn(t, ".");
        ++*labels;
        if (n == 0)
            return "has an empty part between its dots";
        if (n > 63)
            return "has a part of more than 63 characters between its dots";
        if (t[0] == '-' || t[n - 1] == '-')
            return "has a part that begins or ends with a hyphen";
        t += n;
        if (!*t)
            return NULL;
    }
}

const char *word_host(const char *t)
{
    size_t n = strlen(t), labels;
    if (n == 0)
        return "is no name";
    if (n > 253)
        return "is longer than 253 characters, which no domain name can be";
    if (!is_ascii(t))
        return "is not in ASCII\nwrite the name's punycode form (xn--...), as `idn2 NAME` prints it";
    if (t[n - 1] == '.')
        return "ends with a dot\nleave the dot out";
    if (strpbrk(t, UPPER))
        return "has upper-case letters\nwrite the name in lower case";
    if (strchr(t, '*'))
        return "is a wildcard, which is not supported\nwrite each name under aliases";
    if (strstr(t, "://") || strchr(t, '/'))
        return "is a URL, not a name\nwrite the host's name alone";
    if (strchr(t, ':'))
        return "has a port or is an address\nwrite the host's name alone";
    if (!only(t, LOWER DIGITS "-."))
        return "is no host name: it may hold letters, digits, hyphens and dots";
    return domain_labels(t, &labels);
}

const char *word_domain(const char *t)
{
    size_t labels;
    struct in_addr address;
    const char *why = word_host(t);
    if (why)
        return why;
    if (inet_pton(AF_INET, t, &address) == 1)
        return "is an IP address, not a domain name";
    domain_labels(t, &labels);
    if (labels < 2)
        return "is no full domain name\nwrite it with its top-level domain, such as blog.example.com";
    if (only(strrchr(t, '.') + 1, DIGITS)) /* RFC 3696, 2: a top-level domain is not all digits */
        return "is no domain name: its last part is a number";
    return NULL;
}

static bool has_dot_dot(const char *t)
{
    for (const char *p = t; (p = strstr(p, "..")); p++)
        if ((p == t || p[-1] == '/') && (p[2] == '/' || !p[2]))
            return true;
    return false;
}

const char *word_path(const char *t)
{
    if (*t != '/')
        return "is no absolute path\nwrite it from the root, beginning with /";
    if (has_dot_dot(t))
        return "leads upwards with \"..\"\nwrite the path it leads to";
    if (strstr(t, "//") || strlen(t) > 1024)
        return "is no proper path";
    return NULL;
}

const char *word_include(const char *t)
{
    if (!*t || ends_with(t, "/") || strstr(t, "//"))
        return "is no path of a file";
    if (*t == '/')
        return "is absolute; includes are relative to the manifest's directory";
    if (has_dot_dot(t))
        return "leads out of the manifest's directory\nput the file below it";
    if (strstr(t, "**"))
        return "has \"**\", which is not supported\nuse one pattern for each level: sites/*.yaml, "
               "sites/*/*.yaml";
    return NULL;
}

/* `parts` numbers with dots between them; returns what follows, NULL if it is not so. */
static const char *skip_version(const char *t, int least, int most)
{
    int parts = 0;
    for (;; t++) {
        size_t n = strspn(t, DIGITS);
        if (n == 0 || n > 4)
            return NULL;
        t += n;
        parts++;
        if (*t != '.' || parts == most)
            return parts >= least ? t : NULL;
    }
}

const char *word_php_version(const char *t)
{
    const char *rest = skip_version(t, 2, 2);
    return rest && !*rest ? NULL : "is no version of PHP\nwrite two numbers in quotes, such as \"8.2\"";
}

const char *word_wordpress_version(const char *t)
{
    const char *rest = skip_version(t, 2, 3);
    if (rest && (starts_with(rest, "-RC") || starts_with(rest, "-beta"))) {
        rest += strcspn(rest, DIGITS);
        rest = *rest ? rest + strspn(rest, DIGITS) : NULL;
    }
    return rest && !*rest ? NULL : "is no version of WordPress\nwrite it in full, such as \"6.8.1\"";
}

const char *word_email(const char *t)
{
    const char *at = strrchr(t, '@');
    size_t n = at ? (size_t)(at - t) : 0;
    /* RFC 5321, 4.5.3.1.1 and RFC 5322, 3.4.1: a dot-atom of at most 64 */
    if (n == 0 || n > 64 || strspn(t, LOWER UPPER DIGITS "!#$%&'*+/=?^_`{|}~.-") != n || t[0] == '.' ||
        at[-1] == '.' || strlen(at + 1) > 189 || !only(at + 1, LOWER UPPER DIGITS "-.") ||
        !strchr(at + 1, '.'))
        return "is no e-mail address";
    size_t labels;
    return domain_labels(at + 1, &labels) ? "is no e-mail address" : NULL;
}

const char *word_url_host(const char *t, size_t *ret_len)
{
    const char *host = starts_with(t, "https://") ? t + 8 : starts_with(t, "http://") ? t + 7 : NULL;
    if (host)
        *ret_len = strcspn(host, "/?#");
    return host;
}

static const char *check_port(const char *t, size_t n)
{
    int64_t port = 0;
    for (size_t i = 0; i < n && i < 6; i++)
        port = t[i] >= '0' && t[i] <= '9' ? port * 10 + (t[i] - '0') : INT64_C(99999);
    return n >= 1 && n <= 5 && port >= 1 && port <= 65535 ? NULL
                                                          : "has a port that is no number from 1 to 65535";
}

static const char *url_authority(const char *host, size_t n)
{
    if (memchr(host, '@', n))
        return word_holds_secret;
    if (n > 0 && host[0] == '[') {
        const char *end = memchr(host, ']', n);
        char text[INET6_ADDRSTRLEN] = "";
        struct in6_addr address;
        size_t k = end ? (size_t)(end - host - 1) : 0;
        if (k > 0 && k < sizeof text)
            memcpy(text, host + 1, k);
        if (inet_pton(AF_INET6, text, &address) != 1)
            return "has no valid address in its brackets";
        size_t rest = n - k - 2;
        return rest == 0 ? NULL : end[1] == ':' ? check_port(end + 2, rest - 1) : "is no URL";
    }
    const char *colon = memchr(host, ':', n);
    size_t k = colon ? (size_t)(colon - host) : n;
    char name[256] = "";
    if (k == 0 || k >= sizeof name)
        return "has no host";
    memcpy(name, host, k);
    const char *why = word_host(name);
    return why ? why : colon ? check_port(colon + 1, n - k - 1) : NULL;
}

const char *word_url(const char *t)
{
    size_t n;
    const char *host = word_url_host(t, &n);
    if (!host)
        return "is no URL\nit begins with https:// or http://";
    const char *why = url_authority(host, n);
    if (why)
        return why;
    /* RFC 3986, appendix A; braces are for {version} */
    if (strlen(t) > 2048 || (host[n] && !only(host + n, LOWER UPPER DIGITS "-._~:/?#[]@!$&'()*+,;=%{}")))
        return "has characters that no URL holds\nwrite them as %XX";
    return NULL;
}

const char *word_url_version(const char *t)
{
    if (!strstr(t, "{version}"))
        return "does not say where the version belongs\nput {version} into the URL";
    for (const char *p = t; (p = strchr(p, '{')); p++)
        if (!starts_with(p, "{version}") && !starts_with(p, "{locale}"))
            return "has a placeholder that is neither {version} nor {locale}";
    return word_url(t);
}

const char *word_upstream(const char *t)
{
    size_t n = 0;
    const char *host = word_url_host(t, &n), *why = word_url(t);
    if (why)
        return why;
    return host[n] ? "has a path behind the host\nwrite http://HOST:PORT alone" : NULL;
}

const char *word_sha256(const char *t)
{
    return strlen(t) == 64 && only(t, DIGITS "abcdef") ? NULL
                                                       : "is no SHA-256 digest: 64 lower-case hex digits";
}

const char *word_package(const char *t)
{
    /* Debian policy, 5.6.1 */
    return strlen(t) >= 2 && strlen(t) <= 128 && only(t, LOWER DIGITS "+-.") && *t != '-' && *t != '+' &&
                   *t != '.'
               ? NULL
               : "is no name of a package";
}

const char *word_extension(const char *t)
{
    return strlen(t) <= 64 && only(t, LOWER DIGITS "-") && *t != '-'
               ? NULL
               : "is no extension of PHP\nwrite what follows \"php8.2-\" in the package's name";
}

const char *word_ini_name(const char *t)
{
    return strlen(t) <= 128 && only(t, LOWER UPPER DIGITS "_.-") && !strchr(DIGITS ".-", *t)
               ? NULL
               : "is no name of a PHP setting";
}

const char *word_setting_name(const char *t)
{
    return strlen(t) <= 128 && only(t, LOWER DIGITS "_-") && !strchr(DIGITS "_-", *t)
               ? NULL
               : "is no name of a MariaDB setting";
}

const char *word_address(const char *t)
{
    unsigned char address[16];
    return inet_pton(AF_INET, t, address) == 1 || inet_pton(AF_INET6, t, address) == 1
               ? NULL
               : "is no IP address\nsuch as 127.0.0.1 or ::1";
}

/* What a single PHP process may take; less is a slip of the pen. */
#define BUDGET_LEAST ((int64_t)64 << 20)

const char *word_budget(const char *t)
{
    size_t n = strspn(t, DIGITS);
    int64_t v;
    if (n >= 1 && n <= 3 && strcmp(t + n, "%") == 0) {
        v = t[0] - '0';
        for (size_t i = 1; i < n; i++)
            v = v * 10 + (t[i] - '0');
        return v >= 1 && v <= 100 ? NULL : "is no share\nwrite 1% to 100%";
    }
    if (size_parse(t, &v) < 0)
        return "is no budget\nwrite a share such as 80%, or a size such as 3G";
    return v >= BUDGET_LEAST ? NULL
                             : "is too small for PHP and MariaDB\nat least 64M, or a share such as 80%";
}

const char *word_timezone(const char *t)
{
    return strlen(t) <= 64 && only(t, LOWER UPPER DIGITS "_+-/") && *t != '/' && !ends_with(t, "/") &&
                   !strstr(t, "//")
               ? NULL
               : "is no time zone\nwrite it as Europe/Berlin or UTC";
}

const char *word_locale(const char *t)
{
    size_t n = strspn(t, LOWER);
    return (n == 2 || n == 3) && strlen(t) <= 32 &&
                   (!t[n] || (t[n] == '_' && only(t + n, LOWER UPPER DIGITS "_")))
               ? NULL
               : "is no locale of WordPress\nwrite it as en_US or de_DE";
}

const char *word_table_prefix(const char *t)
{
    /* MariaDB's 64 for a table, less the longest that a plug-in is likely to add. */
    return strlen(t) <= 32 && only(t, LOWER UPPER DIGITS "_")
               ? NULL
               : "is no table prefix: letters, digits and underscores, at most 32";
}

static const char *const own_constants[] = {
    "ABSPATH",   "AUTH_KEY",       "AUTH_SALT",       "DB_CHARSET", "DB_COLLATE",
    "DB_HOST",   "DB_NAME",        "DB_PASSWORD",     "DB_USER",    "LOGGED_IN_KEY",
    "NONCE_KEY", "LOGGED_IN_SALT", "SECURE_AUTH_KEY", "NONCE_SALT", "SECURE_AUTH_SALT"};

const char *word_constant(const char *t)
{
    if (strlen(t) > 128 || !only(t, UPPER DIGITS "_") || !strchr(UPPER, *t))
        return "is no constant of wp-config.php\nwrite it in upper case, such as WP_DEBUG";
    for (size_t i = 0; i < sizeof own_constants / sizeof *own_constants; i++)
        if (strcmp(own_constants[i], t) == 0)
            return "is set by citrus itself\nremove it";
    return NULL;
}

const char *word_policy(const char *t)
{
    const char *dot = strchr(t, '.');
    return *t && *t != '.' && only(t, LOWER "_.") && strlen(t) <= 80 &&
                   (!dot || (dot[1] && !strchr(dot + 1, '.')))
               ? NULL
               : "is neither a kind of resource, such as vhost, nor a field of one, such as vhost.mode";
}

const char *word_user(const char *t)
{
    /* what sanitize_user() of WordPress keeps in strict mode; wp_users.user_login holds 60 */
    return strlen(t) <= 60 && only(t, LOWER UPPER DIGITS " _.@-") && *t != ' ' && *t != '-' &&
                   !ends_with(t, " ")
               ? NULL
               : "is no user name for WordPress: letters, digits and _ . @ -, at most 60";
}

const char *word_title(const char *t)
{
    return *t && strlen(t) <= 500 ? NULL : "is no title: it has to be 1 to 500 bytes";
}

const char *word_secret(const char *t)
{
    return strlen(t) <= 128 && only(t, LOWER UPPER DIGITS "_./-") && !strchr("./-", *t)
               ? NULL
               : "is no name of a secret: letters, digits and _ . / -";
}

const char *word_cache(const char *t)
{
    return strcmp(t, "redis") == 0 ? "is not supported by this version of citrus yet\nuse fastcgi or none"
                                   : NULL;
}

const char *word_issuer(const char *t)
{
    return strcmp(t, "acme") == 0 ? "is not supported by this version of citrus yet\n"
                                    "use self-signed, or files with a certificate that you have"
                                  : NULL;
}

const char *word_request_path(const char *t)
{
    if (*t != '/')
        return "does not begin with a slash\nwrite what follows the host's name, such as /shop/";
    if (strlen(t) > 2048)
        return "is longer than 2048 characters";
    for (const char *c = t; *c; c++)
        if (*c <= ' ' || *c > '~')
            return "has a character that a URL cannot hold\nwrite it percent-encoded, as %20";
    if (strchr(t, '#'))
        return "has a fragment, which is never sent\nleave out what begins with #";
    return NULL;
}

const char *word_http_status(const char *t)
{
    if (strlen(t) != 3 || t[0] < '1' || t[0] > '5' || !only(t, DIGITS))
        return "is no HTTP status\nwrite three digits, such as 200";
    return NULL;
}

const char *word_marker(const char *t)
{
    if (!*t)
        return "is empty, which is in every page";
    return strlen(t) > 512 ? "is longer than 512 bytes" : NULL;
}
