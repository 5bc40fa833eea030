/* What the tests of sites share: a manifest that has to be fine, and what its texts say. */
#ifndef CITRUS_TEST_SITES_H
#define CITRUS_TEST_SITES_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "fixture.h"
#include "specs.h"
#include <string.h>

static inline void build(struct fixture *f, const char *yaml)
{
    fixture_init(f, yaml);
    if (fixture_build(f) < 0)
        fail_msg("%s", f->err.text);
    if (f->diags.errors)
        fail_msg("%s", fixture_said(f));
}

static inline const char *vhost(struct fixture *f, const char *domain)
{
    return ((struct vhost_spec *)fixture_find(f, &vhost_kind, domain)->spec)->content.at;
}

static inline size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

#endif
