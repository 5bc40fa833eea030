#include "library.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int library_load(const char *soname, const char *package, const char *const *names, void *table, size_t n,
                 struct error *err)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
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

void library_need(const char *soname, const char *package, const char *const *names, void *table, size_t n)
{
    struct error err = {0};
    if (library_load(soname, package, names, table, n, &err) == 0)
        return;
    fprintf(stderr, "citrus: %s%s%s\n", err.text, err.hint[0] ? "\n  hint: " : "", err.hint);
    exit(1);
}
