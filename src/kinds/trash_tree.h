/* A tree that a removal moved to the trash, on its way back: the directory kind's.
 *
 * The numbers of its owners are noted by name when it goes, since the account may be made anew with another
 * number; they are put right in the trash, where nobody else can look, before the tree is renamed into place.
 * Undoing puts it into the trash as it was. */
#ifndef CITRUS_TRASH_TREE_H
#define CITRUS_TRASH_TREE_H
#include "kind.h"

/* A removal's: who owns what in the tree at `path`, by name. `owner` and `group` may be NULL. */
int trash_tree_owners(struct kind_ctx *ctx, const char *path, const char *owner, const char *group,
                      struct jsonw *undo, struct error *err);
/* A creation's: what undo needs to put it back. */
int trash_tree_capture(struct kind_ctx *ctx, const struct change *c, struct jsonw *undo, struct error *err);
int trash_tree_restore(struct kind_ctx *ctx, const struct change *c, struct error *err);
/* Does nothing where the undo record is of a creation that brought nothing back. Can be repeated. */
int trash_tree_undo(struct kind_ctx *ctx, const char *path, json_t *undo, struct error *err);

#endif
