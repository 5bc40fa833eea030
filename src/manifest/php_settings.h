/* Settings of PHP: what an ini may say, and which of several values holds for a site. The site's ini wins,
 * then a field that the site writes, then the server's ini, then the field's default. */
#ifndef CITRUS_PHP_SETTINGS_H
#define CITRUS_PHP_SETTINGS_H
#include "manifest.h"

#define PHP_UNLIMITED INT64_MAX

/* The line of an ini that holds for `name`, a setting of PHP that a field of site.php has the name of; NULL:
 * the field's value does. */
const struct strmap_item *php_ini_holds(const struct manifest_server *server, const struct manifest_site *s,
                                        const char *name);
/* Seconds and bytes; PHP_UNLIMITED where there is no limit. */
int64_t php_memory_limit(const struct manifest_server *server, const struct manifest_site *s);
int64_t php_execution_time(const struct manifest_server *server, const struct manifest_site *s);

/* What the server's and the sites' ini hold. */
void php_settings_check(const struct manifest *m, struct diags *d);

#endif
