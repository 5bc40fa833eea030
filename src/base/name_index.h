/* Finds an array's item by its name, where an array is long and asked often (accounts, for one). The items
 * begin with `const char *name`; the array stays as it is for as long as the index is used. */
#ifndef CITRUS_NAME_INDEX_H
#define CITRUS_NAME_INDEX_H
#include "arena.h"
#include <stdint.h>

struct name_index {
    const char *items;
    size_t stride, size; /* of an item; of the table, a power of two */
    uint32_t *table;     /* 0: free; else an item's number, from 1 */
};
void name_index_make(struct name_index *x, const void *items, size_t n, size_t stride, struct arena *a);
/* The first of that name, NULL: there is none (also where the index is zeroed). */
const void *name_index_find(const struct name_index *x, const char *name);

#endif
