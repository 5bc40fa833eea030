/* Words and numbers as people write them: sizes, durations, percentages, versions, near names, UTF-8. */
#ifndef CITRUS_TEXT_H
#define CITRUS_TEXT_H
#include "arena.h"
#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the UTF-8 character at s (at most n bytes), 0 if it is none (overlong, surrogate, > U+10FFFF). */
size_t utf8_char(const char *s, size_t n);
/* Nothing that a terminal would obey: `?` for control characters (C1 too, which are two bytes) and for what
 * is no UTF-8, a blank for a tab. */
void text_harmless(const char *s, size_t n, struct buf *out);
const char *harmless_text(struct arena *a,
                          const char *s); /* the same; `s` itself where all of it is; NULL: "" */

/* "64M" and the like, binary multiples K M G T; 0 or -EINVAL. */
int size_parse(const char *s, int64_t *ret);
char *size_text(struct arena *a, int64_t bytes);  /* "64M": the largest unit that divides it */
char *space_text(struct arena *a, int64_t bytes); /* "812 B", "9.1 MB": about, for people */
/* "30m", "2y", "1h30m", units s m h d w y (365 days); seconds. */
int duration_parse(const char *s, int64_t *ret);
char *duration_text(struct arena *a, int64_t seconds);
char *date_text(struct arena *a, int64_t unix_seconds); /* "2026-11-23", local time */
char *time_text(struct arena *a, int64_t unix_seconds); /* "2026-11-23 14:05:09" */
int int_parse(const char *s, int64_t *ret);             /* decimal, sign allowed, nothing else */

/* Compares version numbers by their dotted numeric parts: "8.10" > "8.2". */
int version_compare(const char *a, const char *b);

/* The name of `names` nearest to `word` within a third of its length, NULL if none: "did you mean". */
const char *near_name(const char *word, const char *const *names, size_t n);

bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);
bool path_below(const char *path, const char *dir); /* strictly; a NULL path is below nothing */

#endif
