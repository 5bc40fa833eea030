/* A tree to structs by the field tables: types, defaults, limits, unknown keys ("did you mean"),
 * required and not-yet-supported fields. All errors are collected. */
#ifndef CITRUS_DECODE_H
#define CITRUS_DECODE_H
#include "field.h"
#include "tree.h"

/* `into` has r->size bytes. `node` NULL: defaults alone. Arena memory; positions in the origin. */
void decode_record(const struct record *r, const struct node *node, void *into, struct arena *a, struct diags *d);

#endif
