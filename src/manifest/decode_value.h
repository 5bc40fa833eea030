/* One value of a manifest, not a record: scalars, lists of words, maps of words. decode.c's other half. */
#ifndef CITRUS_DECODE_VALUE_H
#define CITRUS_DECODE_VALUE_H
#include "field.h"
#include "tree.h"

/* Writes the field in `p`, or leaves it unset and adds a diagnostic. */
void decode_value(const struct field *f, const struct node *n, void *p, struct arena *a, struct diags *d);
/* The default, as the table writes it: "64M", "[mysql, curl]". */
void decode_default(const struct field *f, void *p, struct arena *a, struct diags *d);
/* Whether `f->check` is content; else a diagnostic, with the hint from its answer's second line. */
bool decode_check(const struct field *f, const char *text, struct pos pos, struct arena *a, struct diags *d);
/* Whether it is one of the field's choices; and the choice itself, NULL and a diagnostic where it is none. */
bool decode_is_choice(const struct field *f, const struct node *n);
const char *decode_choice(const struct field *f, const char *name, const struct node *n, struct arena *a,
                          struct diags *d);
bool decode_is_null(const struct node *n);
/* Whether a word is what people and other readers of YAML take for true or false, in any case; and which. */
bool decode_means_bool(const char *text, bool *ret);
const struct field *decode_key_field(const struct record *r); /* NULL: none */
/* Blots out what stands from `pos` to the end of its line in the text that diagnostics show. */
void decode_hide(struct diags *d, struct pos pos);

#endif
