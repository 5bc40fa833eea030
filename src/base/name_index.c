#include "name_index.h"
#include "hash.h"
#include <string.h>

static const char *name_at(const struct name_index *x, uint32_t number)
{
    return *(const char *const *)(const void *)(x->items + (number - 1) * x->stride);
}

/* Where the name is in the table, or the free place where it belongs. */
static size_t place(const struct name_index *x, const char *name)
{
    size_t at = (size_t)hash_bytes(name, strlen(name)).low & (x->size - 1);
    while (x->table[at] && strcmp(name_at(x, x->table[at]), name) != 0)
        at = (at + 1) & (x->size - 1);
    return at;
}

void name_index_make(struct name_index *x, const void *items, size_t n, size_t stride, struct arena *a)
{
    size_t size = 16;
    while (size < 2 * n)
        size *= 2;
    *x = (struct name_index){
        .items = items, .stride = stride, .size = size, .table = arena_array(a, uint32_t, size)};
    for (uint32_t i = 1; i <= n; i++) {
        size_t at = place(x, name_at(x, i));
        if (!x->table[at])
            x->table[at] = i;
    }
}

const void *name_index_find(const struct name_index *x, const char *name)
{
    size_t at = x->size ? place(x, name) : 0;
    return x->size && x->table[at] ? x->items + (x->table[at] - 1) * x->stride : NULL;
}
