/* Whether apt has what is to be installed. */
#ifndef CITRUS_PACKAGE_OFFER_H
#define CITRUS_PACKAGE_OFFER_H
#include "kind.h"

/* errs[i] says why names[i] cannot be had, and is left alone where it can. What apt's lists do not know is
 * looked for in new ones. Negative: apt could not be asked. */
int package_offers(struct kind_ctx *ctx, const char *const *names, size_t n, struct error *errs,
                   struct error *err);

#endif
