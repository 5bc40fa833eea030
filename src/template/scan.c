/* From text to tokens: tags, delimiters, and tags that stand alone on their line. */
#include "program.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

int scan_error(const char *name, int line, int col, struct error *err, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    error_set(err, -EINVAL, "%s:%d:%d: %s", name, line, col, buf_str(&text));
    error_hint(err, "it is the template that is wrong, not the manifest");
    buf_free(&text);
    return -EINVAL;
}

void scan_init(struct scanner *s, const char *name, const char *text, size_t len)
{
    *s = (struct scanner){
        .name = name,
        .at = text,
        .start = text,
        .end = text + len,
        .line_start = text,
        .line = 1,
        .open = "{{",
        .close = "}}",
        .open_len = 2,
        .close_len = 2,
    };
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool white(char c)
{
    return blank(c) || c == '\n' || c == '\r';
}

/* Columns count characters, as in diag.h. */
static int column(const struct scanner *s, const char *at)
{
    int col = 1;
    for (const char *p = s->line_start; p < at; p++)
        if (((unsigned char)*p & 0xc0) != 0x80)
            col++;
    return col;
}

static void pass_lines(struct scanner *s, const char *from, const char *to)
{
    for (const char *p = from; p < to; p++)
        if (*p == '\n') {
            s->line++;
            s->line_start = p + 1;
        }
}

static const char *find(const char *from, const char *end, const char *what, size_t len)
{
    return len ? memmem(from, (size_t)(end - from), what, len) : NULL;
}

static void trim(const char **at, size_t *len)
{
    while (*len && white(**at))
        (*at)++, (*len)--;
    while (*len && white((*at)[*len - 1]))
        (*len)--;
}

static int set_delimiters(struct scanner *s, const struct token *t, struct error *err)
{
    const char *end = t->text + t->len, *p = t->text;
    while (p < end && !white(*p))
        p++;
    const char *close = p;
    while (close < end && white(*close))
        close++;
    size_t open_len = (size_t)(p - t->text), close_len = (size_t)(end - close);
    for (p = close; p < end; p++)
        if (white(*p))
            close_len = 0;
    if (!open_len || !close_len || memchr(t->text, '=', t->len))
        return scan_error(s->name, t->line, t->col, err, "new delimiters are written as {{=<%% %%>=}}");
    s->open = t->text;
    s->open_len = open_len;
    s->close = close;
    s->close_len = close_len;
    return 0;
}

static enum token_type type_of(char sigil)
{
    switch (sigil) {
    case '#':
        return TOKEN_SECTION;
    case '^':
        return TOKEN_INVERTED;
    case '/':
        return TOKEN_CLOSE;
    case '>':
        return TOKEN_PARTIAL;
    case '!':
        return TOKEN_COMMENT;
    case '&':
        return TOKEN_RAW;
    case '=':
        return TOKEN_DELIMITERS;
    default:
        return TOKEN_HOLE;
    }
}

/* Reads the tag at `at`; `ret_after` is behind it. */
static int read_tag(struct scanner *s, const char *at, struct token *t, const char **ret_after,
                    struct error *err)
{
    const char *in = at + s->open_len, *close = s->close;
    size_t close_len = s->close_len;
    *t = (struct token){
        .type = in < s->end ? type_of(*in) : TOKEN_HOLE, .line = s->line, .col = column(s, at)};
    bool usual = s->open_len == 2 && s->close_len == 2 && memcmp(s->open, "{{", 2) == 0;
    if (usual && in < s->end && *in == '{') {
        t->type = TOKEN_RAW;
        close = "}}}";
        close_len = 3;
    }
    if (t->type != TOKEN_HOLE)
        in++;
    const char *end = find(in, s->end, close, close_len);
    while (end && t->type == TOKEN_DELIMITERS && (end == in || end[-1] != '='))
        end = find(end + 1, s->end, close, close_len);
    if (!end)
        return scan_error(s->name, t->line, t->col, err, "this tag is never closed");
    t->text = in;
    t->len = (size_t)(end - in) - (t->type == TOKEN_DELIMITERS);
    trim(&t->text, &t->len);
    *ret_after = end + close_len;
    return t->type == TOKEN_DELIMITERS ? set_delimiters(s, t, err) : 0;
}

static bool line_begins(const struct scanner *s, const char *p)
{
    return p == s->start || p[-1] == '\n';
}

/* A tag that makes no text itself takes its whole line away when nothing else is on it. */
static void check_alone(const struct scanner *s, const char *tag, struct token *t, const char **after)
{
    if (t->type == TOKEN_HOLE || t->type == TOKEN_RAW)
        return;
    const char *from = tag, *to = *after;
    while (from > s->start && blank(from[-1]))
        from--;
    while (to < s->end && blank(*to))
        to++;
    if (to < s->end && *to == '\r' && to + 1 < s->end)
        to++;
    if (!line_begins(s, from) || (to < s->end && *to != '\n'))
        return;
    t->alone = true;
    t->indent = from;
    t->indent_len = (size_t)(tag - from);
    *after = to < s->end ? to + 1 : to;
}

int scan_next(struct scanner *s, struct token *ret, struct error *err)
{
    if (s->has_pending) {
        *ret = s->pending;
        s->has_pending = false;
        return 0;
    }
    const char *from = s->at, *tag = find(from, s->end, s->open, s->open_len);
    const char *stop = tag ? tag : s->end, *after = s->end;
    struct token t = {.type = TOKEN_END};
    pass_lines(s, from, stop);
    t.line = s->line;
    if (tag) {
        int r = read_tag(s, tag, &t, &after, err);
        if (r < 0)
            return r;
        t.at_line = line_begins(s, tag);
        check_alone(s, tag, &t, &after);
        if (t.alone)
            stop = t.indent;
        pass_lines(s, tag, after);
    }
    s->at = after;
    if (stop > from) {
        s->pending = t;
        s->has_pending = true;
        t = (struct token){.type = TOKEN_TEXT, .text = from, .len = (size_t)(stop - from)};
        t.at_line = line_begins(s, from);
    }
    *ret = t;
    return 0;
}
