/* Owners of paths: numbers on disk, names in a manifest. One reader serves a whole observation:
 *
 *     struct owners own = {.ctx = ctx};
 *     owners_name(&own, &st, spec->owner, spec->group, &found->owner, &found->group, err); ...
 *     owners_free(&own);
 *
 * The accounts are read when the first owner other than root comes along, and kept until owners_free(): an
 * apply observes its targets one by one, and each would leave a copy of all accounts in the phase's arena. */
#ifndef CITRUS_OWNER_H
#define CITRUS_OWNER_H
#include "account.h"
#include "fs.h"
#include "kind.h"

#define OWNERS_ROOT "root:root"

struct owner_name {
    int64_t id;
    const char *name;
    size_t order; /* in its file: the first of several names is the one shown */
};
struct owner_list {
    struct owner_name *at;
    size_t n;
    bool sorted; /* by id: not worth it for the few that a single path has */
    unsigned asked;
};
struct owners {
    struct kind_ctx *ctx;
    bool read;
    struct arena arena; /* of the rest */
    struct owner_list users, groups;
};
/* The names as a person knows them, the number as text where nobody has it; in ctx->arena. A wanted name that
 * stands for the same number wins (NULL: none), and is what is returned, so that neither a second name nor
 * "33" is a difference. */
int owners_name(struct owners *o, const struct fs_stat *st, const char *want_owner, const char *want_group,
                const char **owner, const char **group, struct error *err);
/* Both as "user:group": of what belongs to root, and nobody else, "root:root", and no account is read. */
int owners_pair(struct owners *o, const struct fs_stat *st, const char **ret, struct error *err);
void owners_free(struct owners *o);

/* The numbers of what is wanted, read now: an account may have been made a moment ago. A name that is not
 * declared (NULL) keeps what `now` has, root where nothing is there. */
int owner_ids(struct kind_ctx *ctx, const char *owner, const char *group, const struct fs_stat *now,
              uid_t *uid, gid_t *gid, struct error *err);

#endif
