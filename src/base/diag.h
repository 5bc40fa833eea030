/* Diagnostics: what the operator wrote wrong, with its place. There can be many; all are collected,
 * then printed in order of place as
 *
 *     FILE:LINE:COL: error: text
 *        12 |   php: {versoin: "8.2"}
 *           |         ^
 *     hint: did you mean "version"?
 *
 * Lines and columns count from 1, columns in characters (UTF-8), 0 means unknown. */
#ifndef CITRUS_DIAG_H
#define CITRUS_DIAG_H
#include "arena.h"
#include "buf.h"
#include <stdbool.h>

struct pos {
    const char *file; /* NULL: no place */
    int line, col;
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_level level;
    struct pos pos;
    const char *text;
    const char *hint; /* NULL: none */
};

/* The text of a file that a position may name, so that the offending line can be shown. */
struct diag_source {
    const char *file;
    const char *text;
    size_t len;
};

struct diags {
    struct arena *arena; /* borrowed; holds the texts */
    VEC(struct diag) list;
    VEC(struct diag_source) sources;
    size_t errors;  /* how many of level error, also those past the limit */
    size_t dropped; /* past the limit of 100 */
};

void diags_init(struct diags *d, struct arena *a);
/* `hint` may be NULL, else it is copied. */
void diag_error(struct diags *d, struct pos pos, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diags *d, struct pos pos, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diags_source(struct diags *d, const char *file, const char *text, size_t len); /* borrowed */
/* Sorts and renders all; ends with a line that counts. `colour`: ANSI codes. */
void diags_render(struct diags *d, struct buf *out, bool colour);

#endif
