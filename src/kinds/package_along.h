/* What apt removes though it was not asked to: what conflicts with a new package, what depends on one that
 * goes. It is found out by a simulation while the plan is made, which names it; before anything is changed it
 * is found out again, and what the plan does not name is refused. */
#ifndef CITRUS_PACKAGE_ALONG_H
#define CITRUS_PACKAGE_ALONG_H
#include "kind.h"

/* struct kind's `plan_all`. What cannot be found out now is left to package_along_check(), which tells. */
void package_along_plan(struct kind_ctx *ctx, struct change *const *list, size_t n);
int package_along_check(struct kind_ctx *ctx, struct change *const *list, size_t n, struct error *err);

/* Whether apt is asked to install it: it is not there, or not whole. */
bool package_wants_install(const struct change *c);

#endif
