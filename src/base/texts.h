/* The texts of a manifest: the main file and what it includes. manifest/bundle.h reads them, the store keeps
 * them. */
#ifndef CITRUS_TEXTS_H
#define CITRUS_TEXTS_H
#include <stddef.h>

struct bundle_file {
    const char *name; /* as given or as found: what diagnostics say */
    const char *text;
    size_t len;
};

struct bundle {
    struct bundle_file *at; /* the main file first, includes in order of their pattern and name */
    size_t n;
};

#endif
