/* The texts of a manifest: the main file and what it includes. A generation keeps its bundle in the
 * store, and a plan file carries it, so that both mean the same for ever. */
#ifndef CITRUS_BUNDLE_H
#define CITRUS_BUNDLE_H
#include "arena.h"
#include "diag.h"
#include "error.h"
#include "hash.h"
#include "texts.h"

/* Reads `path`: a file, or a directory that holds server.yaml. Includes are globs relative to the file;
 * they may not leave its directory tree. What can't be read is a diagnostic at the include's place. */
int bundle_read(const char *path, struct bundle *ret, struct arena *a, struct diags *d, struct error *err);
void bundle_digest(const struct bundle *b, char out[SHA256_HEX]);
/* As one JSON text {"files":[{"name","text"}]} and back. */
char *bundle_to_json(const struct bundle *b, struct arena *a);
int bundle_from_json(const char *text, struct bundle *ret, struct arena *a, struct error *err);

#endif
