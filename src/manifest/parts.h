/* Which sites' parts of a manifest changed, told by its texts alone: most changes are of one site among many,
 * and parsing all of them costs more than what such a change does.
 *
 *     parts_note(&bundle, manifest, &noted);              -- with the manifest that was parsed from the
 * bundle
 *     ... another time, of texts that were changed meanwhile ...
 *     parts_narrow(noted.at, noted.len, &bundle, &a, &n); -- -ESTALE: more than sites' own parts changed
 *     manifest_parse(&n.bundle, ...);                     -- the server and the changed sites, each at its
 * line parts_hold(&n, manifest);                           -- false: a change reaches beyond its site
 *
 * Texts are cut where the parser saw a site begin. That is where one may be cut again: a text means the same
 * up to such a place whatever comes behind it, and what stands between two of them is parsed by itself. Texts
 * that are written in another way than a block of sites, each on a line of its own, are not noted; nor are
 * those with anchors, which reach from one site to another. */
#ifndef CITRUS_PARTS_H
#define CITRUS_PARTS_H
#include "manifest.h"
#include "pack.h"

/* False: nothing was appended. */
bool parts_note(const struct bundle *b, const struct manifest *m, struct buf *out);

struct narrowed {
    struct bundle bundle;  /* lines of other sites are empty */
    struct hash128 *meant; /* what each of its sites meant to the server and to other sites */
    size_t n;
};
int parts_narrow(struct unpack *noted, const struct bundle *b, struct arena *a, struct narrowed *ret);
bool parts_hold(const struct narrowed *n, const struct manifest *m);

#endif
