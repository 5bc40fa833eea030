/* What the kind of database users says to MariaDB. `id` is user@host; errors name it. Private to the kind. */
#ifndef CITRUS_DATABASE_USER_SQL_H
#define CITRUS_DATABASE_USER_SQL_H
#include "specs.h"

/* The two parts of "user@host". */
struct user_name {
    const char *user, *host;
};
struct user_name user_name_split(struct arena *a, const char *id);
const char *user_name_sql(struct arena *a, const char *id); /* quoted */
bool privileges_valid(const char *s);

/* Makes the user if need be, and these the ways that it can prove itself, as a snapshot has them. */
int user_define(struct kind_ctx *ctx, const char *id, const struct strings *hashes, struct error *err);
int user_grant(struct kind_ctx *ctx, const char *id, const struct db_grant *g, struct error *err);
int user_revoke_all(struct kind_ctx *ctx, const char *id, struct error *err);
int user_drop(struct kind_ctx *ctx, const char *id, struct error *err);

#endif
