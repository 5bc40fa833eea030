/* Inside of a value, and names looked up in a stack of contexts. */
#ifndef CITRUS_TEMPLATE_VALUE_H
#define CITRUS_TEMPLATE_VALUE_H
#include "template.h"
#include <stdbool.h>
#include <stdint.h>

struct value_member {
    const char *name;
    size_t len;
    uint32_t hash;
    struct value *value;
};

struct value {
    enum value_type type;
    bool on;   /* FLAG */
    bool bare; /* TEXT, FLAG: escape_bare() */
    struct arena *arena;
    struct pos pos;
    union {
        struct {
            const char *text; /* TEXT, FLAG ("true", "false") */
            size_t len;
        };
        VEC(struct value *) list;
        struct {
            VEC(struct value_member) map;
            uint64_t names; /* a bit for each name's hash: most that are not there show at once */
        };
    };
};

/* One part of a dotted name. */
struct name_part {
    const char *name;
    size_t len;
    uint32_t hash;
    size_t near; /* where in its map it was last: the maps of all sites are made alike */
};

/* Contexts, innermost first; each lives in its section's frame. */
struct context {
    const struct value *value;
    const struct context *outer;
};

uint32_t name_hash(const char *name, size_t len);
/* No parts: ".", the innermost context. NULL: a miss. The first part is searched outwards, the others only in
 * what it named, as the specification has it. */
const struct value *value_find(const struct context *c, struct name_part *parts, size_t n);
bool value_truth(const struct value *v); /* NULL is false */

#endif
