/* Lists of the packages that are installed: what a batch of changes found, and what it left behind. */
#ifndef CITRUS_PACKAGE_LIST_H
#define CITRUS_PACKAGE_LIST_H
#include "kind.h"

struct dpkg {
    struct dpkg_package *at;
    size_t n;
};
struct names {
    const char **at;
    size_t n, cap;
};
int package_list_look(struct kind_ctx *ctx, struct dpkg *ret, struct error *err);

/* {"name":"version", ...} of all that is there in any state but removed; null for what was removed and left
 * its configuration (lists of older versions do not name it). */
void package_list_text(const struct dpkg *have, struct buf *out);
int package_list_write(struct kind_ctx *ctx, const char *path, const struct dpkg *have, struct error *err);
/* *ret is NULL (and 0) when there is no such list. The caller owns it. */
int package_list_read(struct kind_ctx *ctx, const char *path, json_t **ret, struct error *err);
/* Whether it was there, and not its configuration alone. */
bool package_list_has(json_t *list, const char *name);
/* Where the list of what the batch left behind is, beside that of what it found. */
const char *package_list_after(struct kind_ctx *ctx, const char *before);

/* What is there and was not before, by the batch's doing: to be purged, or only removed (`gone`) where the
 * package would take data or configuration along that was there before. `after` NULL: the batch did not end,
 * all that is new counts. */
void package_list_new(struct kind_ctx *ctx, const struct dpkg *have, json_t *before, json_t *after,
                      bool keep_data, struct names *purge, struct names *gone);
/* What was there and is not, by the batch's doing: with its version, and without. */
void package_list_lost(struct kind_ctx *ctx, const struct dpkg *have, json_t *before, json_t *after,
                       struct names *exact, struct names *any);

#endif
