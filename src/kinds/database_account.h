/* What an account in MariaDB has beside passwords and grants: roles, a lock, what it demands of TLS. Of none
 * of it a site has any, so what is found is foreign; undo brings it back. `who` is 'user'@'host', as SQL. */
#ifndef CITRUS_DATABASE_ACCOUNT_H
#define CITRUS_DATABASE_ACCOUNT_H
#include "specs.h"

/* "account locked; TLS demanded; role dba", or "". */
const char *database_account_text(struct arena *a, const struct db_user *u);
/* From what is there to what is wanted (NULL: nothing of it), and not one statement where that is the same.
 */
int database_account_set(struct kind_ctx *ctx, const char *who, const struct db_user *now,
                         const struct db_user *wanted, struct error *err);
void database_account_save(struct jsonw *undo, const struct db_user *u);
/* What was saved; nothing where the journal is of a citrus that saved none. */
int database_account_restore(struct kind_ctx *ctx, const char *who, const struct db_user *now, json_t *undo,
                             struct error *err);

#endif
