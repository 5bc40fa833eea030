/* Replaces the values of known secrets in texts by «secret NAME».
 *
 * What was found on the machine may hold a secret that is known no more (it got a new value since) or never
 * was (somebody wrote his own). Its place gives it away: where the wanted text has a secret behind a word
 * (DB_PASSWORD), redact_found() shows a differing line no further than that word. */
#ifndef CITRUS_REDACT_H
#define CITRUS_REDACT_H
#include "arena.h"
#include "buf.h"
#include "secret.h"

struct redactor;
struct redactor *redactor_new(struct arena *a);
void redactor_add(struct redactor *r, const char *name, const struct secret *s); /* both are borrowed */
void redact(struct redactor *r, const char *text, size_t len, struct buf *out);
void redact_found(struct redactor *r, const struct buf *found, const struct buf *wanted, struct buf *out);

#endif
