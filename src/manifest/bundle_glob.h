/* The includes of a manifest: patterns to files below the manifest's directory. bundle.c's other half. */
#ifndef CITRUS_BUNDLE_GLOB_H
#define CITRUS_BUNDLE_GLOB_H
#include "bundle.h"

/* Reads an open file; -EFBIG, -EISDIR, -EINVAL (no regular file) or read's error. */
int bundle_read_fd(int fd, struct bundle_file *f, struct arena *a);
const char *bundle_read_problem(int code);
/* `main_file` and what it includes. */
int bundle_includes(const struct bundle_file *main_file, struct bundle *ret, struct arena *a, struct diags *d,
                    struct error *err);

#endif
