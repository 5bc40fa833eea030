/* A .test file: a comment that says what it protects, then sections. A section is a line "=== WORD ARGUMENTS"
 * and the text below it, up to the next one; blank lines at the text's end do not count. README.md has the
 * words.
 *
 * Mistakes in a script end the program with the script's name and line: a test that is not what its author
 * meant must not pass. */
#ifndef CITRUS_TEST_SCRIPT_H
#define CITRUS_TEST_SCRIPT_H
#include "arena.h"
#include "buf.h"
#include <stdbool.h>

struct section {
    const char *word, *args; /* args "" when there are none */
    const char *text;        /* "" or whole lines */
    const char *path;        /* of the file it stands in */
    int line;
};
struct script {
    const char *path;
    const char *head; /* the comment */
    VEC(struct section) list;
};

void script_read(struct script *s, const char *path, struct arena *a);
void script_write(const struct script *s); /* over the file it came from */
/* Splits at spaces; "double quotes" hold words together. NULL-terminated. */
char **words_split(struct arena *a, const char *line, size_t *n);
char *file_text(struct arena *a, const char *path, size_t *len); /* NULL when it cannot be read */

_Noreturn void script_die(const struct section *where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
