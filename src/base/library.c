#include "library.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load(const char *soname, const char *package, int flags, const char *const *names, void *table,
                size_t n, struct error *err)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL | flags);
    if (!library) {
        int r = error_set(err, -ELIBACC, "%s cannot be loaded: %s", soname, dlerror());
        error_hint(err, "install it: apt-get install %s", package);
        return r;
    }
    for (size_t i = 0; i < n; i++) {
        void *f = dlsym(library, names[i]);
        if (!f) {
            dlclose(library);
            return error_set(err, -ELIBBAD, "%s has no function %s", soname, names[i]);
        }
        memcpy((char *)table + i * sizeof f, &f, sizeof f);
    }
    return 0;
}

int library_load(const char *soname, const char *package, const char *const *names, void *table, size_t n,
                 struct error *err)
{
    return load(soname, package, 0, names, table, n, err);
}

/* Nearly all symbols that libcrypto has to find are its own: looked for there first, and not in the
 * program and its libraries, they cost the half. */
#ifdef __SANITIZE_ADDRESS__
#define OWN_FIRST 0 /* who must be between a library and malloc() does not allow it */
#else
#define OWN_FIRST RTLD_DEEPBIND
#endif

void library_need(const char *soname, const char *package, const char *const *names, void *table, size_t n)
{
    struct error err = {0};
    if (load(soname, package, OWN_FIRST, names, table, n, &err) == 0)
        return;
    fprintf(stderr, "citrus: %s%s%s\n", err.text, err.hint[0] ? "\n  hint: " : "", err.hint);
    exit(1);
}
