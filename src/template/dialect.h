/* The dialects: what a file's own reader makes of each byte, as a small state machine.
 *
 * The machine runs over the text of a template and over what values became, so at each hole it is known
 * exactly what stands around it: a gap between words, the middle of a word, a string, a comment. */
#ifndef CITRUS_DIALECT_H
#define CITRUS_DIALECT_H
#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIALECT_STATES 24 /* most that one has */

/* What a state means for a hole. */
enum place {
    PLACE_GAP,    /* a value may begin here and bring its own quotes */
    PLACE_WORD,   /* in a word, or where only a bare word may begin */
    PLACE_AFTER,  /* behind a closing quote: nothing may follow but a gap */
    PLACE_DOUBLE, /* in "..." */
    PLACE_SINGLE, /* in '...' */
    PLACE_COMMENT,
    PLACE_CODE, /* PHP: a literal number, true, false or null */
    PLACE_NONE, /* no hole can stand here */
};

/* The steps as a table, made when a text is first read: every byte of every value passes here. */
struct machine {
    bool made;
    uint8_t next[DIALECT_STATES][256];
    uint8_t bare[DIALECT_STATES]; /* what becomes of bare values, by the state before them; see put.c */
};

struct dialect {
    const char *name;
    const char *file;         /* "an nginx file" */
    const enum place *places; /* by state; the state a file begins in is 0 */
    uint8_t states;
    uint8_t (*step)(uint8_t state, unsigned char c); /* NULL: nothing is escaped */
    struct machine *machine;
    /* Appends `v` as it must stand in `place`; NULL, or why it cannot: "holds ...". */
    const char *(*escape)(enum place place, const char *v, size_t n, struct buf *out);
};

extern const struct dialect dialect_nginx, dialect_ini, dialect_php, dialect_mysql, dialect_text;
const struct dialect *dialect_find(const char *name, size_t len);
/* The name nearest to `name`, NULL if none is near. */
const char *dialect_near(const char *name);

/* The state behind `text`, for every state before it: fills `next` (d->states bytes). */
void dialect_run(const struct dialect *d, const char *text, size_t len, uint8_t *next);

/* By state and byte. */
const uint8_t (*dialect_steps(const struct dialect *d))[256];

/* put.c. Appends the value escaped for `*state`, and moves the state behind it. `bare`: escape_bare() of it.
 * NULL, or why the dialect cannot hold it (`out` and state are as before). `ret_fault` tells whether the
 * template is at fault, not the value; `ret_quoted` whether the value brought its own quotes. */
const char *dialect_put(const struct dialect *d, uint8_t *state, const char *v, size_t n, bool bare,
                        struct buf *out, bool *ret_quoted, bool *ret_fault);

/* May `c` follow a value that brought its quotes? */
bool dialect_follows(const struct dialect *d, uint8_t state, unsigned char c);

/* escape.c: what each dialect does to a value. */
const char *escape_nginx(enum place place, const char *v, size_t n, struct buf *out);
const char *escape_ini(enum place place, const char *v, size_t n, struct buf *out);
const char *escape_php(enum place place, const char *v, size_t n, struct buf *out);
const char *escape_mysql(enum place place, const char *v, size_t n, struct buf *out);
/* Whether it holds nothing but letters, digits and what every dialect's reader takes for a part of a word. */
bool escape_bare(const char *v, size_t n);

#endif
