/* A parsed template: a flat list of nodes, sections by the index behind them. And the scanner it comes from.
 */
#ifndef CITRUS_TEMPLATE_PROGRAM_H
#define CITRUS_TEMPLATE_PROGRAM_H
#include "dialect.h"
#include "value.h"

enum node_type { NODE_TEXT, NODE_HOLE, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
    enum node_type type;
    bool at_line; /* TEXT: begins a line of the source, so an indentation goes before it */
    bool alone;   /* PARTIAL: stood alone on its line, so its lines are indented */
    int line, col;
    const char *text; /* TEXT; PARTIAL: the indentation; else the name as it was written */
    size_t len;
    const uint8_t *next;            /* TEXT: the dialect's state behind it, by the state before */
    struct name_part *parts;        /* of a dotted name */
    size_t n_parts;                 /* 0: "." */
    size_t end;                     /* SECTION, INVERTED: the first node behind it */
    const struct template *partial; /* NULL: not there */
};

struct template
{
    const char *name;
    const struct dialect *dialect;
    const char *source;
    size_t len;
    VEC(struct node) nodes;
};

/* Appends a TEXT as it stands where each line is indented. */
void node_indent(const struct node *n, const char *indent, size_t indent_len, struct buf *out);

/* --- scan.c ------------------------------------------------------------------------------------------- */

enum token_type {
    TOKEN_TEXT,
    TOKEN_HOLE,
    TOKEN_RAW,
    TOKEN_SECTION,
    TOKEN_INVERTED,
    TOKEN_CLOSE,
    TOKEN_PARTIAL,
    TOKEN_COMMENT,
    TOKEN_DELIMITERS,
    TOKEN_END
};

struct token {
    enum token_type type;
    int line, col;
    const char *text; /* TEXT: the text; tags: what is inside, without sigil and space around */
    size_t len;
    bool at_line;       /* begins a line */
    bool alone;         /* a tag alone on its line: the line goes with it */
    const char *indent; /* alone: the space in front of it */
    size_t indent_len;
};

struct scanner {
    const char *name; /* of the template, for errors */
    const char *start, *at, *end;
    const char *open, *close; /* delimiters */
    size_t open_len, close_len;
    const char *line_start;
    int line;
    bool has_pending; /* a tag was read; the text in front of it was returned first */
    struct token pending;
};

void scan_init(struct scanner *s, const char *name, const char *text, size_t len);
int scan_next(struct scanner *s, struct token *ret, struct error *err);
/* An error of the template, with its place. */
int scan_error(const char *name, int line, int col, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
