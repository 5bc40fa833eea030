/* What spans fields: names used twice, parts that a type needs or has no use for, versions that are not
 * there. Runs on a decoded manifest; its diagnostics point at the field that is at fault. */
#ifndef CITRUS_MANIFEST_CHECK_H
#define CITRUS_MANIFEST_CHECK_H
#include "manifest.h"

void manifest_check(const struct manifest *m, struct arena *a, struct diags *d);

#endif
