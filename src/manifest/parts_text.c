#include "parts_text.h"
#include <string.h>

size_t part_text_lines(const char *text, size_t len)
{
    size_t n = 0;
    for (const char *at = text, *end = text + len; at < end && (at = memchr(at, '\n', (size_t)(end - at)));
         at++)
        n++;
    return n;
}

/* What YAML 1.1 calls a break beside them: a lone CR, NEL, LS, PS. Lines would be counted in another way. */
static bool other_break(const char *text, size_t len)
{
    for (const char *at = text, *end = text + len; (at = memchr(at, '\r', (size_t)(end - at))); at++)
        if (at + 1 == end || at[1] != '\n')
            return true;
    return memmem(text, len, "\xc2\x85", 2) || memmem(text, len, "\xe2\x80\xa8", 3) ||
           memmem(text, len, "\xe2\x80\xa9", 3);
}

/* Where a node may begin. "a & b" is none, "a &b" might be one and is taken for it. */
static bool has_anchor(const char *text, size_t len, char mark)
{
    for (const char *at = text, *end = text + len; (at = memchr(at, mark, (size_t)(end - at))); at++) {
        bool first = at == text || strchr(" \t\r\n[{,:-?", at[-1]);
        bool named = at + 1 < end && !strchr(" \t\r\n", at[1]);
        if (first && named)
            return true;
    }
    return false;
}

static bool is_plain(const char *text, size_t len)
{
    return !other_break(text, len) && !has_anchor(text, len, '&') && !has_anchor(text, len, '*') &&
           !memchr(text, '\0', len);
}

static size_t line_end(const char *text, size_t len, size_t at)
{
    const char *end = at < len ? memchr(text + at, '\n', len - at) : NULL;
    return end ? (size_t)(end - text) + 1 : len;
}

/* Blanks before the first character of the line at `at`; SIZE_MAX: it is empty or a comment. */
static size_t indent_of(const char *text, size_t len, size_t at)
{
    size_t n = 0;
    while (at + n < len && text[at + n] == ' ')
        n++;
    char c = at + n < len ? text[at + n] : '\n';
    return c == '\n' || c == '\r' || c == '#' ? (size_t)-1 : n;
}

static bool lines_hold(const char *text, size_t len, size_t at, size_t indent, size_t n)
{
    size_t keys = 0;
    for (; at < len; at = line_end(text, len, at)) {
        size_t found = indent_of(text, len, at);
        if (found < indent)
            return false;
        keys += found == indent;
    }
    return keys == n;
}

bool part_text_begin(const struct part_text *t, int line, size_t n, size_t *at)
{
    size_t from = 0;
    for (int i = 1; i < line && from < t->len; i++)
        from = line_end(t->text, t->len, from);
    *at = from;
    return is_plain(t->text, t->len) && from < t->len && lines_hold(t->text, t->len, from, t->indent, n);
}

size_t part_text_next(const struct part_text *t, size_t at)
{
    do
        at = line_end(t->text, t->len, at);
    while (at < t->len && indent_of(t->text, t->len, at) != t->indent);
    return at;
}

bool part_text_holds(const char *text, size_t len, size_t indent, size_t n, bool last)
{
    return len > 0 && is_plain(text, len) && indent_of(text, len, 0) == indent &&
           lines_hold(text, len, 0, indent, n) && (last || text[len - 1] == '\n');
}
