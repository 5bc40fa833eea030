/* What the certificate kind thinks of a certificate, apart from where it lies. */
#ifndef CITRUS_CERTIFICATE_H
#define CITRUS_CERTIFICATE_H
#include "specs.h"
#include "x509.h"

/* "valid", "due (N days left)", "expired" or "not valid before TIME". Where the operator provides the files
 * nobody here can renew them: they are valid until they expire. */
const char *certificate_state(struct arena *a, const struct x509_info *c, bool renewable, int64_t now);

#endif
