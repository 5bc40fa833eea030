/* Owners of paths: numbers on disk, names in a manifest. One owners_read() serves a whole observation. */
#ifndef CITRUS_OWNER_H
#define CITRUS_OWNER_H
#include "account.h"
#include "fs.h"
#include "kind.h"

struct owner_name {
    int64_t id;
    const char *name;
    size_t order; /* in its file: the first of several names is the one shown */
};
struct owners {
    struct owner_name *users, *groups; /* sorted by id */
    size_t n_users, n_groups;
};
int owners_read(struct kind_ctx *ctx, struct owners *ret, struct error *err);
/* The name as a person knows it, the number as text where nobody has it. A `wanted` name that stands for the
 * same number wins (NULL: none), so that neither a second name nor "33" is a difference. */
const char *owners_user(const struct owners *o, uid_t uid, const char *wanted, struct arena *a);
const char *owners_group(const struct owners *o, gid_t gid, const char *wanted, struct arena *a);

/* The numbers of what is wanted, read now: an account may have been made a moment ago. A name that is not
 * declared (NULL) keeps what `now` has, root where nothing is there. */
int owner_ids(struct kind_ctx *ctx, const char *owner, const char *group, const struct fs_stat *now,
              uid_t *uid, gid_t *gid, struct error *err);

#endif
