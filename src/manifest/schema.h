/* JSON Schema (2020-12) and the reference page (Markdown), made from the field tables. */
#ifndef CITRUS_SCHEMA_H
#define CITRUS_SCHEMA_H
#include "buf.h"
#include "field.h"

void schema_write(const struct record *root, const char *title, struct buf *out);
void schema_reference(const struct record *root, struct buf *out); /* for docs/manifest.md */

#endif
