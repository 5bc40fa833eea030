/* Replaces the values of known secrets in texts by «secret NAME». */
#ifndef CITRUS_REDACT_H
#define CITRUS_REDACT_H
#include "arena.h"
#include "buf.h"
#include "secret.h"

struct redactor;
struct redactor *redactor_new(struct arena *a);
void redactor_add(struct redactor *r, const char *name, const struct secret *s); /* borrowed */
void redact(const struct redactor *r, const char *text, size_t len, struct buf *out);

#endif
