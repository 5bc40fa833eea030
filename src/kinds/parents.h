/* The directories above a path that are not there when something is to lie at it: an offline root where no
 * package was ever unpacked, a directory that somebody removed. They are made for it, and go again with its
 * undo.
 *
 * capture notes them, apply makes them, undo removes them; a removal leaves them, as dpkg(1) leaves what
 * others may use. */
#ifndef CITRUS_PARENTS_H
#define CITRUS_PARENTS_H
#include "kind.h"

/* Notes those that are missing, the nearest first, as member `key` of `undo`; no member where none is. */
int parents_capture(struct kind_ctx *ctx, const char *path, struct jsonw *undo, const char *key,
                    struct error *err);
/* Makes them, as root's, 0755. */
int parents_make(struct kind_ctx *ctx, const char *path, struct error *err);
/* Removes what was noted (NULL: nothing), up to the first that others use by now. Can be repeated. */
int parents_remove(struct kind_ctx *ctx, json_t *noted, struct error *err);

#endif
