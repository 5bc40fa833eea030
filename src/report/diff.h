/* A unified diff of two texts for a person, with `context` lines around each change. Lines are shown as they
 * are but for control characters. False when the texts are equal. Texts of more than 4,000 lines are not
 * compared line by line: one line says so. */
#ifndef CITRUS_DIFF_H
#define CITRUS_DIFF_H
#include "buf.h"
#include <stdbool.h>

struct diff_style {
    const char *indent;
    bool colour;
    int context;
};
bool diff_text(const struct buf *before, const struct buf *after, const struct diff_style *s,
               struct buf *out);

#endif
