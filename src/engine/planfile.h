/* Plans on disk. A plan file carries the manifest's texts, the lineage, the generation, and each action's
 * resource and fingerprints, sealed with the store's plan key. It holds no secret.
 *
 * Applying one builds the plan anew from the texts it carries and requires the same actions: what was shown
 * is what is done, or the run is refused with the first thing that moved (-ESTALE). */
#ifndef CITRUS_PLANFILE_H
#define CITRUS_PLANFILE_H
#include "engine.h"

/* The file's text. `bundle_json`: the manifest's, as bundle_to_json() writes them. */
int planfile_write(struct engine *e, const struct plan *p, const char *bundle_json, struct buf *out,
                   struct error *err);

struct planfile {
    const char *lineage, *bundle_json, *bundle_digest, *server;
    const char *digest; /* of the whole file */
    int64_t generation, time;
    const char *const *sites; /* NULL: all */
    bool fresh;               /* nothing comes back from the trash */
    json_t *root;             /* planfile_free */
};
/* True when the text looks like a plan file (and not like a manifest). */
bool planfile_is(const char *text, size_t len);
/* All of what can be read from there, if it begins so: 1. 0 for anything else, of which no more than the
 * beginning was read. -EFBIG, or what reading failed with once it was known for a plan. */
int planfile_load(int fd, struct buf *ret, struct error *err);
/* -EBADMSG: not sealed by this server's store, or tampered with. `e` NULL: the seal is not checked (show). */
int planfile_read(struct engine *e, const char *text, size_t len, struct planfile *ret, struct arena *a,
                  struct error *err);
void planfile_free(struct planfile *f);
/* 0, or -ESTALE with what moved: resource, field, then and now. */
int planfile_match(const struct planfile *f, const struct plan *now, struct error *err);

#endif
