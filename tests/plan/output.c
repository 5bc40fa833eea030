#include "output.h"
#include "text.h"
#include <ctype.h>
#include <string.h>

#define DIGEST_LEAST 16
#define TIME_DIGITS  10

/* Whether `at` has the form: '9' stands for a digit, all else for itself. */
static bool has_form(const char *at, const char *form)
{
    for (; *form; form++, at++)
        if (*form == '9' ? !isdigit((unsigned char)*at) : *at != *form)
            return false;
    return true;
}

/* A number with words around it that say what it is. */
static const char *counted(const char *at)
{
    static const char *const units[] = {" seconds ago", " minutes ago", " days", " seconds left",
                                        " second left"};
    size_t n = strspn(at, "0123456789");
    for (size_t i = 0; n && i < sizeof units / sizeof *units; i++)
        if (starts_with(at + n, units[i]))
            return at + n;
    return NULL;
}

/* Passes over a word (letters and digits) that stands at `at`. */
static const char *word(const char *at, struct buf *b)
{
    size_t n = 0, hex = strspn(at, "0123456789abcdef"), digits = strspn(at, "0123456789");
    while (isalnum((unsigned char)at[n]))
        n++;
    if (n >= DIGEST_LEAST && hex == n)
        buf_adds(b, "DIGEST");
    else if (n == TIME_DIGITS && digits == n)
        buf_adds(b, "TIME");
    else
        buf_add(b, at, n);
    return at + n;
}

char *output_normal(const struct machine *m, const char *text, bool offline, struct arena *a)
{
    static const char date[] = "9999-99-99 99:99:99", clock[] = "99:99:99", day[] = "9999-99-99",
                      pair[] = "999 B      certificate ";
    struct buf b = {0};
    const char *rest;
    for (const char *at = text; *at;) {
        if (starts_with(at, m->root)) {
            buf_adds(&b, offline ? "ROOT" : "");
            at += strlen(m->root);
        } else if (starts_with(at, m->work)) {
            at += strlen(m->work);
            at += *at == '/';
        } else if (has_form(at, date)) {
            buf_adds(&b, "YYYY-MM-DD HH:MM:SS");
            at += strlen(date);
        } else if (has_form(at, day)) {
            buf_adds(&b, "YYYY-MM-DD");
            at += strlen(day);
        } else if (has_form(at, clock)) {
            buf_adds(&b, "HH:MM:SS");
            at += strlen(clock);
        } else if (has_form(at, pair)) {
            buf_addf(&b, "NNN%s", pair + 3);
            at += strlen(pair);
        } else if ((rest = counted(at))) {
            buf_addc(&b, 'N');
            at = rest;
        } else if (isalnum((unsigned char)*at)) {
            at = word(at, &b);
        } else {
            buf_addc(&b, *at++);
        }
    }
    char *normal = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return normal;
}
