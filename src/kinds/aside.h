/* What file, directory and link share: what lies at their path, and keeping it so that it can come back.
 *
 * fs_save() keeps files and links and the attributes of a directory. A directory that has to go with its
 * content (a file belongs there, or its site was removed) is moved to the trash under a name that capture
 * notes before anything happens; undo looks for it at both places where fs_trash() can put it. */
#ifndef CITRUS_ASIDE_H
#define CITRUS_ASIDE_H
#include "fs.h"
#include "kind.h"

/* fs_stat() where another user's link on the way is no error but a type of its own: one site must not stop
 * the observation of all. `*type` is "file", "directory", "link", "special file", "behind a foreign link", or
 * NULL for absent. */
int aside_look(struct kind_ctx *ctx, const char *path, struct fs_stat *st, const char **type,
               struct error *err);

/* The digest of what lies where a kind writes a file, and is none: it has to make room first. */
#define ASIDE_NO_FILE "not a file"

/* What lies at `path`, which `c` is about to write. Where the change found nothing it is not looked at again:
 * fs_mkdir() and a group's fs_write() meet what came meanwhile. */
int aside_now(struct kind_ctx *ctx, const struct change *c, const char *path, struct fs_stat *st,
              struct error *err);

/* Saves what is at the change's path: members "was" and "trash" of `undo`. A directory is meant to go to the
 * trash where `whole` is set. */
int aside_capture(struct kind_ctx *ctx, struct change *c, const char *name, bool whole, struct jsonw *undo,
                  struct error *err);
/* Moves the directory at the change's path to where capture said. */
int aside_move(struct kind_ctx *ctx, const struct change *c, struct error *err);
/* The same for a kind whose places are others than its id: one object at `key`, for aside_restore(), with the
 * place as "path". *trash is the name that a directory at `path` is to get in the trash, NULL where none lies
 * there. */
int aside_save(struct kind_ctx *ctx, const char *path, const char *name, struct jsonw *undo, const char *key,
               const char **trash, struct error *err);
/* Moves that directory there; with NULL there is nothing to move. */
int aside_make_room(struct kind_ctx *ctx, const char *path, const char *trash, struct error *err);
/* What the change left at its path; all else there is somebody else's. */
enum aside_left {
    ASIDE_OURS,    /* a file or link, or a directory from which all that is citrus's was taken back */
    ASIDE_NOTHING, /* it took away what was there */
    ASIDE_SCRATCH, /* a directory that services write to: its content is nobody's */
};
/* Brings back what aside_capture() or aside_save() saw. What somebody else put there meanwhile is kept
 * (kind.h: keep). Can be repeated. */
int aside_restore_over(struct kind_ctx *ctx, const char *path, json_t *undo, enum aside_left left,
                       struct error *err);
int aside_restore(struct kind_ctx *ctx, const char *path, json_t *undo, struct error *err); /* ASIDE_OURS */
/* The same for what fs_save() alone wrote. */
int aside_put_back(struct kind_ctx *ctx, json_t *was, enum aside_left left, struct error *err);

/* Where the trash has `name`, which came from `path`; *ret is NULL where it has not. */
int aside_find(struct kind_ctx *ctx, const char *path, const char *name, const char **ret, struct error *err);

/* Is the field of this name in the delta? */
bool delta_has(const struct delta *d, const char *name);

#endif
