/* What this machine is: rendering depends on what is detected, never on the name of the system. Versions are
 * of what is installed, else of apt's candidate, else NULL. */
#ifndef CITRUS_FACTS_H
#define CITRUS_FACTS_H
#include "host.h"

struct facts {
    const char *os_id, *os_version; /* os-release; for people */
    int64_t memory;                 /* bytes; offline: FIELD of a file or 0 */
    int64_t cpus;
    const char *nginx, *mariadb, *openssl; /* upstream versions: "1.22.1" */
    const char *php;                       /* the version that the package `php-fpm` depends on: "8.2" */
    const char *web_user;                  /* "www-data" */
    struct dpkg_package *packages;         /* sorted: dpkg_find */
    size_t n_packages;
};
int64_t facts_cpus(void);                              /* of this machine, that may be used */
void facts_machine(struct host *h, struct facts *ret); /* memory and cpus alone */
int facts_read(struct host *h, struct facts *ret, struct arena *a, struct error *err);
/* Strips epoch and revision: "1:10.11.6-0+deb12u1" -> "10.11.6". */
char *version_upstream(struct arena *a, const char *debian_version);

#endif
