/* What the tests of the package kind share: dpkg's status, and changes of many packages. */
#ifndef CITRUS_TEST_PACKAGES_H
#define CITRUS_TEST_PACKAGES_H
#include "kit.h"

static inline void status(struct kit *t, const char *const *lines) /* name, state, version, ... */
{
    struct buf b = {0};
    for (size_t i = 0; lines[i]; i += 3)
        buf_addf(&b, "Package: %s\nStatus: %s\nArchitecture: all\nVersion: %s\n\n", lines[i], lines[i + 1],
                 lines[i + 2]);
    kit_put(t, "/var/lib/dpkg/status", buf_str(&b), 0644);
    buf_free(&b);
}

static const char *const base_system[] = {
    "apache2", "install ok installed", "2.4.57", "libc6", "install ok installed", "2.36", NULL};

static inline struct change *all(struct kit *t, const char *const *names, bool absent, struct change **ret)
{
    size_t n = 0;
    for (; names[n]; n++) {
        struct resource *r = kit_res(t, &package_kind, names[n]);
        r->absent = absent;
        ret[n] = kit_change(t, r);
    }
    return ret[0];
}

static inline const char *installed(struct kit *t)
{
    struct dpkg_package *list;
    struct buf b = {0};
    size_t n;
    assert_int_equal(dpkg_read(t->h, &list, &n, &t->a, &t->err), 0);
    for (size_t i = 0; i < n; i++)
        if (list[i].state != DPKG_CONFIG_FILES)
            buf_addf(&b, "%s %s %s;", list[i].name, list[i].version, list[i].state_text);
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return text;
}

#endif
