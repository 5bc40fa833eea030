/* The content of a change as a diff: what is there against what is wanted, without the values of secrets. */
#ifndef CITRUS_CONTENT_H
#define CITRUS_CONTENT_H
#include "diff.h"
#include "engine.h"
#include "redact.h"

/* False: the change has no text, it cannot be read, or nothing of the difference may be seen. */
bool content_diff(struct engine *e, const struct change *c, struct redactor *red, const struct diff_style *s,
                  struct buf *out);

#endif
