/* What the template's tests share: parse, render, compare. */
#ifndef CITRUS_TEST_TEMPLATE_WORLD_H
#define CITRUS_TEST_TEMPLATE_WORLD_H
#include "template.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

/* Partials as pairs of name and text, ended by NULL. */
static inline const char *load_pair(void *self, const char *name, size_t *len)
{
    for (const char *const *p = self; p && *p; p += 2)
        if (strcmp(p[0], name) == 0) {
            *len = strlen(p[1]);
            return p[1];
        }
    return NULL;
}

/* 0 or the error of parsing or rendering; the text is in `out`, which is the caller's to free. */
static inline int run(struct arena *a, const char *source, const char *const *partials, const struct value *v,
                      struct buf *out, struct error *err)
{
    struct template_loader loader = {load_pair, (void *)(uintptr_t)partials};
    struct template *t = NULL;
    int r = template_parse("site.conf", source, strlen(source), &loader, a, &t, err);
    return r < 0 ? r : template_render(t, v, out, err);
}

static inline void expect_text(const char *source, const char *const *partials, struct arena *a,
                               const struct value *v, const char *expected)
{
    struct error err = {0};
    struct buf out = {0};
    int r = run(a, source, partials, v, &out, &err);
    if (r < 0 || strcmp(buf_str(&out), expected) != 0)
        fail_msg("%s\ngave %d %s\n>%s<\nnot >%s<", source, r, err.text, buf_str(&out), expected);
    buf_free(&out);
}

static inline void expect_error(const char *source, const char *const *partials, struct arena *a,
                                const struct value *v, int code, const char *words)
{
    struct error err = {0};
    struct buf out = {0};
    int r = run(a, source, partials, v, &out, &err);
    if (r != code || !strstr(err.text, words))
        fail_msg("%s\ngave %d \"%s\", not %d \"%s\"", source, r, err.text, code, words);
    assert_true(*err.hint || code == -EINVAL);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

#endif
