#include "manifest.h"
#include "decode.h"
#include "decode_value.h"
#include "manifest_check.h"
#include "tree.h"
#include <string.h>

/* The `sites` of all files, as one map. */
struct merged {
    VEC(struct node *) keys, items;
};

static void take_sites(const struct node *sites, struct merged *all, struct arena *a)
{
    for (size_t i = 0; sites && sites->type == NODE_MAP && i < sites->n; i++) {
        vec_push(a, &all->keys, sites->keys[i]);
        vec_push(a, &all->items, sites->items[i]);
    }
}

static void take_include(const struct node *root, struct merged *all, struct arena *a, struct diags *d)
{
    const char *hint = "an included file holds \"sites:\" and nothing else";
    if (decode_is_null(root))
        return;
    if (root->type != NODE_MAP) {
        diag_error(d, root->pos, hint, "an included file must be a map");
        return;
    }
    for (size_t i = 0; i < root->n; i++) {
        const struct node *sites = root->items[i];
        if (strcmp(root->keys[i]->text, "sites") != 0)
            diag_error(d, root->keys[i]->pos, hint, "key \"%.80s\" is not allowed in an included file",
                       root->keys[i]->text);
        else if (sites->type == NODE_MAP)
            take_sites(sites, all, a);
        else if (!decode_is_null(sites))
            diag_error(d, sites->pos, NULL, "\"sites\" must be a map");
    }
}

/* The main tree with all sites in it; the main file's node is left as it is. */
static struct node *merge(const struct node *root, struct merged *all, struct arena *a)
{
    struct node *copy = arena_memdup(a, root, sizeof *root);
    struct node *sites = arena_new(a, struct node);
    *sites = (struct node){
        .type = NODE_MAP, .pos = root->pos, .n = all->keys.n, .keys = all->keys.at, .items = all->items.at};
    copy->items = arena_array(a, struct node *, root->n + 1);
    copy->keys = arena_array(a, struct node *, root->n + 1);
    memcpy(copy->items, root->items, root->n * sizeof *root->items);
    memcpy(copy->keys, root->keys, root->n * sizeof *root->keys);
    for (size_t i = 0; i < copy->n; i++) {
        if (strcmp(copy->keys[i]->text, "sites") == 0) {
            copy->items[i] = sites;
            return copy;
        }
    }
    struct node *key = arena_new(a, struct node);
    *key = (struct node){.type = NODE_SCALAR, .pos = root->pos, .text = "sites", .len = 5, .plain = true};
    copy->keys[copy->n] = key;
    copy->items[copy->n++] = sites;
    return copy;
}

struct manifest *manifest_parse(const struct bundle *b, struct arena *a, struct diags *d)
{
    struct arena nodes = {0}; /* not needed once they are decoded */
    struct merged all = {0};
    struct manifest *m = NULL;
    const struct node *root = NULL;
    for (size_t i = 0; i < b->n; i++) {
        const struct bundle_file *f = &b->at[i];
        diags_source(d, f->name, f->text, f->len);
        size_t errors = d->errors;
        const struct node *tree = tree_parse(f->name, f->text, f->len, &nodes, a, d);
        if (tree && i > 0) {
            take_include(tree, &all, &nodes, d);
        } else if (tree) {
            root = tree;
            take_sites(tree_get(root, "sites"), &all, &nodes);
        } else if (i == 0 && d->errors == errors) {
            diag_error(d, (struct pos){.file = f->name}, "begin with \"citrus: 1\"; see examples/",
                       "the manifest is empty");
        }
    }
    if (!root)
        goto out;
    const struct node *sites = tree_get(root, "sites");
    if (root->type == NODE_MAP && (sites ? sites->type == NODE_MAP || decode_is_null(sites) : all.keys.n > 0))
        root = merge(root, &all, &nodes);
    m = arena_new(a, struct manifest);
    decode_record(&manifest_record, root, m, a, d);
    if (root->type == NODE_MAP)
        manifest_check(m, a, d);
out:
    arena_free(&nodes);
    return d->errors == 0 ? m : NULL;
}
