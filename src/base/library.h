/* Shared libraries that are loaded when the first of their functions is needed. The linker would load all of
 * them at each start, and what a program costs that looks at ten sites is mostly that: a millisecond for
 * libcrypto, another for libsystemd with what it brings, three for libcurl and libmariadb. */
#ifndef CITRUS_LIBRARY_H
#define CITRUS_LIBRARY_H
#include "error.h"
#include <stddef.h>

/* Loads `soname` and looks its functions up: `table` is a struct of nothing but `n` function pointers, in the
 * order of `names`. -ELIBACC with a hint that names the package, -ELIBBAD where a function is missing. */
int library_load(const char *soname, const char *package, const char *const *names, void *table, size_t n,
                 struct error *err);
/* The same; what cannot be had ends the program with the reason. */
void library_need(const char *soname, const char *package, const char *const *names, void *table, size_t n);

#endif
