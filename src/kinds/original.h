/* What lay at a path before citrus came to it (resource.returns, adopted): Debian's pool, the server's time
 * zone. The file or link is kept in /var/lib/citrus/originals when citrus first changes it, and comes back
 * when no manifest names the path any more. What was never changed is left as it is. A directory goes to the
 * trash, as any does.
 *
 * All of it is nothing for a resource that is not adopted. */
#ifndef CITRUS_ORIGINAL_H
#define CITRUS_ORIGINAL_H
#include "kind.h"

/* For capture: what is kept now, as members of `undo`; original_undo() makes it so again. */
int original_capture(struct kind_ctx *ctx, const struct change *c, const char *name, struct jsonw *undo,
                     struct error *err);
int original_undo(struct kind_ctx *ctx, json_t *undo, struct error *err);
/* Before the first change of what was found. */
int original_keep(struct kind_ctx *ctx, const struct change *c, struct error *err);
/* Instead of removing it. */
int original_return(struct kind_ctx *ctx, const struct change *c, struct error *err);

#endif
