/* A secret value: a type of its own, so that no printf takes it. Generated from the kernel's generator,
 * compared in constant time, wiped when freed.
 *
 * A `struct secret` is a heap object owned by the table of secrets (store.h) or by who made it.
 * secret_reveal() is the only way to the bytes; who calls it hands them to a template that is a secret
 * itself, to a database connection or to a process's standard input, never to an argument or a message. */
#ifndef CITRUS_SECRET_H
#define CITRUS_SECRET_H
#include "error.h"
#include <stdbool.h>
#include <stddef.h>

/* While the secret NAME is rotated, NAME.previous is the value that is still accepted beside it. */
#define SECRET_PREVIOUS ".previous"

struct secret;

struct secret *secret_new(const char *bytes, size_t len);
/* `chars` letters and digits (5.95 bits each); 32 give 190 bits. */
int secret_generate(size_t chars, struct secret **ret, struct error *err);
const char *secret_reveal(const struct secret *s); /* NUL-terminated */
size_t secret_len(const struct secret *s);
/* Takes as long wherever they differ. */
bool bytes_equal(const void *a, const void *b, size_t n);
bool secret_equal(const struct secret *a, const struct secret *b);
struct secret *secret_free(struct secret *s); /* NULL is fine; returns NULL */

/* Fills `n` bytes from the kernel's generator. */
int random_bytes(void *p, size_t n, struct error *err);

#endif
