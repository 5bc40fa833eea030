/* What the kinds that live in MariaDB share: finding things in a snapshot, and what to believe while the
 * server is down. */
#ifndef CITRUS_DATABASE_H
#define CITRUS_DATABASE_H
#include "specs.h"

const struct db_database *database_find(const struct db_snapshot *s, const char *name);
/* With the server down: true where its data directory holds the database, so that everything about it is
 * taken as last promised. The service's own drift starts MariaDB; the next plan sees the truth. */
int database_dormant(struct kind_ctx *ctx, const char *name, bool *ret, struct error *err);
/* A snapshot for changing things: -ENOTCONN with a hint when no server answers. */
int database_snapshot(struct kind_ctx *ctx, const struct db_scope *scope, struct db_snapshot *ret,
                      struct error *err);
/* Dumps into `path`; -ENOSPC before it is begun where it does not fit. What lies there is of a capture in
 * this transaction that was never journalled. */
int database_dump(struct kind_ctx *ctx, const char *name, const char *path, struct error *err);

#endif
