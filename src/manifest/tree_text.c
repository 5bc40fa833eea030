#include "tree_text.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define TEXT_MAX ((size_t)8 << 20)

static struct pos text_pos(const char *file, const char *text, size_t at)
{
    struct pos pos = {.file = file, .line = 1, .col = 1};
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            pos.line++;
            pos.col = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            pos.col++;
        }
    }
    return pos;
}

static unsigned code_point(const char *s, size_t k)
{
    const unsigned char *p = (const unsigned char *)s;
    switch (k) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3:
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    default:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    }
}

/* NEL, LS, PS and a lone CR are line breaks to YAML 1.1 and to no editor: positions would lie. The rest
 * is what YAML 1.2, 5.1 does not count as printable. */
static bool is_refused(unsigned c, char next)
{
    if (c == '\r')
        return next != '\n';
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 ||
           c == 0xfeff || c == 0xfffe || c == 0xffff;
}

static bool is_utf16(const char *s, size_t n)
{
    return n >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0 || (!s[0] && s[1]) ||
                      (s[0] && !s[1]));
}

bool tree_text_check(const char *file, const char **text, size_t *len, struct diags *d)
{
    if (*len > TEXT_MAX) {
        diag_error(d, (struct pos){.file = file}, "spread the sites over several files and include: them",
                   "the file has %zu bytes; %zu are allowed", *len, TEXT_MAX);
        return false;
    }
    if (is_utf16(*text, *len)) {
        diag_error(d, (struct pos){.file = file}, "save the file as UTF-8", "the file is UTF-16, not UTF-8");
        return false;
    }
    if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) { /* some editors' byte order mark */
        *text += 3;
        *len -= 3;
    }
    const char *s = *text;
    for (size_t i = 0, k; i < *len; i += k) {
        k = 1;
        if (s[i] >= ' ' && s[i] < 0x7f) /* nearly all of it */
            continue;
        k = utf8_char(s + i, *len - i);
        if (k == 0) {
            diag_error(d, text_pos(file, s, i), "save the file as UTF-8", "the byte 0x%02x is no UTF-8",
                       (unsigned char)s[i]);
            return false;
        }
        unsigned c = code_point(s + i, k);
        if (is_refused(c, i + 1 < *len ? s[i + 1] : 0)) {
            diag_error(d, text_pos(file, s, i), "remove it", "the control character U+%04X is not allowed",
                       c);
            return false;
        }
    }
    return true;
}

static const struct {
    const char *problem; /* how libyaml's sentence begins */
    const char *text;    /* NULL: libyaml's own */
    const char *hint;
    const char *opened; /* what the context's place opened and nobody closed */
} sentences[] = {
    {"mapping values are not allowed in this context", "a \":\" is not expected here",
     "put a value that holds \": \" in quotes, or check the indentation of this line and the one above"},
    {"did not find expected key", "this line does not fit the ones above",
     "keys of one map begin in the same column; a value with special characters needs quotes"},
    {"could not find expected ':'", "a \":\" is missing",
     "a key is written as \"name: value\", in at most 1024 characters"},
    {"did not find expected '-' indicator", "an item of a list is expected here",
     "items of one list begin with \"- \" in the same column"},
    {"did not find expected ',' or ']'", "a \",\" or \"]\" is expected", NULL, "bracket"},
    {"did not find expected ',' or '}'", "a \",\" or \"}\" is expected", NULL, "brace"},
    {"did not find expected <document start>", "this does not belong to what stands above",
     "check the indentation of this line"},
    {"block sequence entries are not allowed in this context", "a list is not expected here",
     "put the list on a line of its own, below its key"},
    {"found a tab character", NULL, "YAML is indented with spaces"},
    {"found unknown escape character", "there is no such escape in a text in double quotes",
     "write \\\\ for a backslash, or use single quotes"},
    {"exceeded max depth", "more than 64 levels", NULL},
};

void tree_syntax_error(const yaml_parser_t *p, const char *file, struct diags *d)
{
    struct pos pos = {
        .file = file, .line = (int)p->problem_mark.line + 1, .col = (int)p->problem_mark.column + 1};
    char opened[80];
    const char *text = p->problem ? p->problem : "is no YAML", *hint = NULL;
    if (p->error == YAML_MEMORY_ERROR)
        text = "out of memory";
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        if (starts_with(text, sentences[i].problem)) {
            text = sentences[i].text ? sentences[i].text : text;
            hint = sentences[i].hint;
            if (sentences[i].opened) {
                snprintf(opened, sizeof opened, "the %s that opens in line %d is not closed",
                         sentences[i].opened, (int)p->context_mark.line + 1);
                hint = opened;
            }
            break;
        }
    }
    char next = p->buffer.pointer && p->unread ? (char)*p->buffer.pointer : 0;
    if (starts_with(text, "found character that cannot start any token")) {
        if (next == '\t') {
            text = "a tab can't indent";
            hint = "YAML is indented with spaces";
        } else {
            text = "a value can't begin with this character";
            hint = "put the value in quotes";
        }
    } else if (starts_with(text, "found unexpected end of stream") ||
               starts_with(text, "found unexpected document")) {
        pos.line = (int)p->context_mark.line + 1;
        pos.col = (int)p->context_mark.column + 1;
        text = "the quote that opens here is never closed";
        hint = "a quote in a text in single quotes is written twice ('')";
    }
    if (p->error == YAML_READER_ERROR)
        pos = (struct pos){.file = file};
    diag_error(d, pos, hint, "%s", text);
}
