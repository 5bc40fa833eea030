/* What the words of a manifest may be: checks for the field tables. NULL when `text` is fine, else a
 * sentence without its subject and, on a second line, a hint. */
#ifndef CITRUS_WORDS_H
#define CITRUS_WORDS_H
#include <stddef.h>

/* The answer for a URL with a user or password in it. Who says so must not show the text. */
extern const char word_holds_secret[];

/* ASCII lower case, at least two labels of at most 63, 253 in all (RFC 1035, 2.3.4; RFC 5890, 2.3.1). */
const char *word_domain(const char *text);
const char *word_host(const char *text); /* the same, one label will do */
const char *word_path(const char *text); /* absolute, no "..", no "//" */
const char *word_include(const char *text);
const char *word_php_version(const char *text);
const char *word_wordpress_version(const char *text);
const char *word_email(const char *text);
const char *word_url(const char *text);
/* The host of a URL, with its port; NULL where the text is none. */
const char *word_url_host(const char *text, size_t *ret_len);
const char *word_url_version(const char *text); /* with {version}, perhaps {locale} */
const char *word_upstream(const char *text);    /* http://host:port */
const char *word_sha256(const char *text);
const char *word_package(const char *text);
const char *word_extension(const char *text);
const char *word_ini_name(const char *text);
const char *word_setting_name(const char *text); /* of MariaDB */
const char *word_address(const char *text);
const char *word_budget(const char *text);
const char *word_timezone(const char *text);
const char *word_locale(const char *text);
const char *word_table_prefix(const char *text);
const char *word_constant(const char *text);
const char *word_user(const char *text);
const char *word_title(const char *text);
const char *word_secret(const char *text);
const char *word_cache(const char *text);
const char *word_issuer(const char *text);
const char *word_request_path(const char *text); /* what follows the host in a URL, as it is sent */
const char *word_http_status(const char *text);
const char *word_marker(const char *text);
const char *word_policy(const char *text); /* "vhost", "vhost.mode": a kind, perhaps a field of it */

/* The regular expression (ECMA 262) for what a check lets pass, or a little more; NULL: none. */
const char *word_pattern(const char *(*check)(const char *));

#endif
