/* The lines of a manifest's text, as parts.c cuts them. Private to this folder. */
#ifndef CITRUS_PARTS_TEXT_H
#define CITRUS_PARTS_TEXT_H
#include <stdbool.h>
#include <stddef.h>

struct part_text {
    const char *text;
    size_t len;
    size_t indent; /* of the sites' keys */
};

size_t part_text_lines(const char *text, size_t len); /* line breaks in it */
/* Comes to line `line`, which is where the first of `n` sites begins: its place in *at. False: the text from
 * there on is not plain: exactly n lines are indented as the sites are, none less (but comments and empty
 * lines), nothing in all of the text may be an anchor, and lines end in no other way than \n or \r\n. */
bool part_text_begin(const struct part_text *t, int line, size_t n, size_t *at);
/* Where the next site begins behind the one at `at`: the text's end, if there is none. */
size_t part_text_next(const struct part_text *t, size_t at);
/* Whether `text` is plain in that way by itself, and ends with a line, unless it is the last of its file. */
bool part_text_holds(const char *text, size_t len, size_t indent, size_t n, bool last);

#endif
