/* The checks of words.c as regular expressions, for editors that read the JSON Schema. */
#include "words.h"
#include <stddef.h>

#define LABEL   "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#define URL     "https?://[A-Za-z0-9.:\\[\\]-]+"
#define VERSION "[0-9]{1,4}\\.[0-9]{1,4}"

static const struct {
    const char *(*check)(const char *);
    const char *pattern;
} patterns[] = {
    {word_domain, "^(?=.{1,253}$)" LABEL "(\\." LABEL ")+$"},
    {word_host, "^(?=.{1,253}$)" LABEL "(\\." LABEL ")*$"},
    {word_path, "^/"},
    {word_include, "^[^/]"},
    {word_php_version, "^" VERSION "$"},
    {word_wordpress_version, "^" VERSION "(\\.[0-9]{1,4})?(-(RC|beta)[0-9]+)?$"},
    {word_email, "^[^@\\s]+@[A-Za-z0-9.-]+\\.[A-Za-z0-9-]+$"},
    {word_url, "^" URL},
    {word_url_version, "^" URL ".*\\{version\\}"},
    {word_upstream, "^" URL "$"},
    {word_sha256, "^[0-9a-f]{64}$"},
    {word_package, "^[a-z0-9][a-z0-9+.-]+$"},
    {word_extension, "^[a-z0-9][a-z0-9-]*$"},
    {word_ini_name, "^[A-Za-z_][A-Za-z0-9_.-]*$"},
    {word_setting_name, "^[a-z][a-z0-9_-]*$"},
    {word_address, "^[0-9a-fA-F.:]+$"},
    {word_budget, "^([1-9][0-9]?%|100%|[0-9]+[KMGTkmgt]?)$"},
    {word_timezone, "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"},
    {word_locale, "^[a-z]{2,3}(_[A-Za-z0-9_]+)?$"},
    {word_table_prefix, "^[A-Za-z0-9_]{1,32}$"},
    {word_constant, "^[A-Z][A-Z0-9_]*$"},
    {word_user, "^[A-Za-z0-9_.@][A-Za-z0-9 _.@-]{0,59}$"},
    {word_title, "^.+$"},
    {word_request_path, "^/[!-~]*$"},
    {word_http_status, "^[1-5][0-9]{2}$"},
    {word_marker, "^.+$"},
    {word_secret, "^[A-Za-z0-9_][A-Za-z0-9_./-]*$"},
};

const char *word_pattern(const char *(*check)(const char *))
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (patterns[i].check == check)
            return patterns[i].pattern;
    return NULL;
}
