#include "jsonw.h"
#include "text.h"
#include <assert.h>
#include <string.h>

void jw_init(struct jsonw *j, struct buf *out, bool pretty)
{
    *j = (struct jsonw){.out = out, .pretty = pretty, .first = true};
}

static void jw_newline(struct jsonw *j)
{
    if (!j->pretty)
        return;
    buf_addc(j->out, '\n');
    for (int i = 0; i < j->depth; i++)
        buf_adds(j->out, "  ");
}

static void jw_escape(struct buf *out, unsigned char c)
{
    if (c == '"' || c == '\\') {
        buf_addc(out, '\\');
        buf_addc(out, (char)c);
    } else if (c == '\n') {
        buf_adds(out, "\\n");
    } else if (c == '\t') {
        buf_adds(out, "\\t");
    } else {
        buf_addf(out, "\\u%04x", c);
    }
}

/* What stands for itself, of ASCII. */
static const bool plain[256] = {
    [' ' ... '!'] = true,
    ['#' ... '['] = true,
    [']' ... '~'] = true,
};

static void jw_quote(struct buf *out, const char *s, size_t n)
{
    buf_addc(out, '"');
    for (size_t i = 0, from = 0; i <= n;) {
        while (i < n && plain[(unsigned char)s[i]])
            i++;
        unsigned char c = i < n ? (unsigned char)s[i] : 0;
        size_t k = i < n && c >= 0x80 ? utf8_char(s + i, n - i) : 0;
        if (k) {
            i += k;
            continue;
        }
        buf_add(out, s + from, i - from); /* what needs no escape goes in one piece */
        if (i < n && c < 0x80)
            jw_escape(out, c);
        else if (i < n)
            buf_adds(out, "\xef\xbf\xbd");
        from = ++i;
    }
    buf_addc(out, '"');
}

static void jw_key(struct jsonw *j, const char *key)
{
    if (j->depth > 0) {
        if (!j->first)
            buf_addc(j->out, ',');
        jw_newline(j);
    }
    j->first = false;
    if (key) {
        jw_quote(j->out, key, strlen(key));
        buf_adds(j->out, j->pretty ? ": " : ":");
    }
}

static void jw_open(struct jsonw *j, const char *key, char c)
{
    jw_key(j, key);
    assert(j->depth < (int)sizeof j->stack);
    buf_addc(j->out, c);
    j->stack[j->depth++] = c;
    j->first = true;
}

void jw_object(struct jsonw *j, const char *key)
{
    jw_open(j, key, '{');
}

void jw_array(struct jsonw *j, const char *key)
{
    jw_open(j, key, '[');
}

void jw_end(struct jsonw *j)
{
    assert(j->depth > 0);
    char c = j->stack[--j->depth];
    if (!j->first)
        jw_newline(j);
    buf_addc(j->out, c == '{' ? '}' : ']');
    j->first = false;
    if (j->depth == 0 && j->pretty)
        buf_addc(j->out, '\n');
}

void jw_strn(struct jsonw *j, const char *key, const char *s, size_t n)
{
    jw_key(j, key);
    jw_quote(j->out, s, n);
}

void jw_str(struct jsonw *j, const char *key, const char *s)
{
    if (s)
        jw_strn(j, key, s, strlen(s));
    else
        jw_null(j, key);
}

void jw_int(struct jsonw *j, const char *key, int64_t v)
{
    jw_key(j, key);
    buf_addf(j->out, "%lld", (long long)v);
}

void jw_bool(struct jsonw *j, const char *key, bool v)
{
    jw_key(j, key);
    buf_adds(j->out, v ? "true" : "false");
}

void jw_null(struct jsonw *j, const char *key)
{
    jw_key(j, key);
    buf_adds(j->out, "null");
}

void jw_raw(struct jsonw *j, const char *key, const char *text)
{
    jw_key(j, key);
    buf_adds(j->out, text);
}
