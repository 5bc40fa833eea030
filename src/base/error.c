#include "error.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
    if (code > 0)
        code = -code;
    if (code == 0)
        code = -EINVAL;
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        err->hint[0] = '\0';
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

/* What helps whatever the object is; who knows more puts another hint over it. */
static const char *errno_hint(int code)
{
    switch (code) {
    case -ENOSPC:
    case -EDQUOT:
        return "make room on the file system that holds it (`df -h`, `df -i`), then run this again";
    case -EROFS:
        return "its file system is mounted read-only; make it writable (`mount -o remount,rw`), then run this"
               " again";
    default:
        return "";
    }
}

/* Behind the `used` bytes that are there; what does not fit is cut off. Returns how long it is then. */
static size_t put(char *to, size_t used, size_t size, const char *text)
{
    size_t n = strlen(text), room = size - 1 - used;
    n = n < room ? n : room;
    memcpy(to + used, text, n);
    to[used + n] = '\0';
    return used + n;
}

/* A path that is not there is an error to most who ask and none to who asked for ten thousand that are to be
 * made: the plain text is not formatted. */
int error_errno(struct error *err, int code, const char *fmt, ...)
{
    if (code > 0)
        code = -code;
    if (err) {
        size_t used;
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        put(err->hint, 0, sizeof err->hint, errno_hint(code));
        if (strcmp(fmt, "%s") == 0) {
            const char *text = va_arg(ap, const char *);
            used = put(err->text, 0, sizeof err->text, text ? text : "(null)");
        } else {
            int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
            used = n < 0 ? 0 : (size_t)n < sizeof err->text ? (size_t)n : sizeof err->text - 1;
        }
        va_end(ap);
        used = put(err->text, used, sizeof err->text, ": ");
        put(err->text, used, sizeof err->text, strerror(-code));
    }
    return code ? code : -EINVAL;
}

void error_hint(struct error *err, const char *fmt, ...)
{
    if (!err)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
}

void error_hint_more(struct error *err, const char *text)
{
    if (!err)
        return;
    size_t n = strlen(err->hint);
    snprintf(err->hint + n, sizeof err->hint - n, "%s", text);
}

int error_prefix(struct error *err, const char *fmt, ...)
{
    if (!err)
        return -EINVAL;
    char front[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(front, sizeof front - 2, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof front - 3 ? (size_t)n : sizeof front - 3;
    memcpy(front + used, ": ", 2);
    used += 2;
    size_t keep = strlen(err->text), room = sizeof err->text - used - 1;
    if (keep > room)
        keep = room;
    memmove(err->text + used, err->text, keep);
    memcpy(err->text, front, used);
    err->text[used + keep] = '\0';
    return err->code;
}

void error_clear(struct error *err)
{
    if (err) {
        err->code = 0;
        err->text[0] = err->hint[0] = '\0';
    }
}
