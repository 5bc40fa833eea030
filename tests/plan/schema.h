/* What a command prints with --json against schemas/: as much of JSON Schema as is used there. */
#ifndef CITRUS_TEST_SCHEMA_H
#define CITRUS_TEST_SCHEMA_H
#include "arena.h"
#include <jansson.h>

/* NULL: `v` is as `def` of schemas/FILE.schema.json says; else where it is not, and why. */
const char *schema_wrong(const char *file, const char *def, json_t *v, struct arena *a);

#endif
