/* YAML text to a tree with positions (libyaml), with limits that keep hostile input harmless.
 *
 * Scalars keep their text and whether they were plain or quoted; their meaning is the field tables'
 * matter. Refused with a diagnostic: duplicate keys, keys that are no scalars, NUL, bad UTF-8, more than
 * 64 levels, more than 100 aliases or 1,000,000 nodes after their expansion, merge keys, tags other than
 * the core schema's str, several documents, a text of more than 8 MiB, a scalar of more than 1 MiB. */
#ifndef CITRUS_TREE_H
#define CITRUS_TREE_H
#include "arena.h"
#include "diag.h"

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_type type;
    struct pos pos;
    /* NODE_SCALAR */
    const char *text;
    size_t len;
    bool plain; /* not quoted: null, ~, true and false have their meaning only so */
    /* NODE_LIST: n items; NODE_MAP: n pairs, keys[i] -> items[i], in the order of the file */
    size_t n;
    struct node **keys, **items;
};

/* NULL when the text holds errors (in `d`) or nothing. The tree lies in `nodes`, the texts of its scalars in
 * `texts`, which may be the same or live longer: what is decoded borrows them. `file` is borrowed, too. */
struct node *tree_parse(const char *file, const char *text, size_t len, struct arena *nodes,
                        struct arena *texts, struct diags *d);
const struct node *tree_get(const struct node *map, const char *key); /* NULL: not there */

#endif
