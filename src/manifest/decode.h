/* A tree to structs by the field tables: types, defaults, limits, unknown keys ("did you mean"),
 * required and not-yet-supported fields. All errors are collected.
 *
 * A field's `check` is asked for strings, for each of STRINGS, for an ENUM's word, for a MAP's keys (by
 * the check of its KEY field) and for the names of a STRMAP. Its answer may have a second line: the hint.
 *
 * A plain text where `{secret: name}` belongs is refused, and blotted out of the line that is shown. */
#ifndef CITRUS_DECODE_H
#define CITRUS_DECODE_H
#include "field.h"
#include "tree.h"

/* `into` has r->size bytes. `node` NULL: defaults alone. Arena memory; positions in the origin: a scalar
 * field's is its value's, that of a list, map or struct its key's. */
void decode_record(const struct record *r, const struct node *node, void *into, struct arena *a,
                   struct diags *d);

#endif
