/* Names made from a domain, within the limits of accounts (32), databases (64) and database users (80). */
#ifndef CITRUS_NAMES_H
#define CITRUS_NAMES_H
#include "arena.h"

/* User, group, database and database user: the domain's other characters as "_", cut to 20, "_" and six hex
 * digits of its XXH3: "blog_example_com_1a2b3c". Starts with a letter (an "s" is put before a digit). */
char *name_account(struct arena *a, const char *domain);
char *path_site(struct arena *a, const char *domain, const char *below); /* /var/www/DOMAIN[/below] */
char *path_tls(struct arena *a, const char *domain, const char *file);   /* /etc/citrus/tls/DOMAIN/FILE */
/* /run/php/DOMAIN.sock; with the account's name where that is too long for a socket */
char *path_socket(struct arena *a, const char *domain);
/* How many letters and digits citrus generates, 5.95 bits each: 190, 142 and 380 bits. */
enum { SECRET_DB_PASSWORD = 32, SECRET_ADMIN_PASSWORD = 24, SECRET_SALTS = 64 };
char *name_secret(struct arena *a, const char *domain, const char *what); /* "site/DOMAIN/WHAT" */

#endif
