#include "tree.h"
#include "hash.h"
#include "tree_text.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define TREE_LEVELS  64
#define TREE_ALIASES 100
#define TREE_NODES   1000000
#define SCALAR_MAX   ((size_t)1 << 20)

/* An anchor that was seen. An alias costs what the anchored node holds, so that a text that doubles
 * itself over and over ("billion laughs") is refused before anyone walks it. */
struct anchor {
    const char *name;
    struct node *node; /* NULL while it is being read: an alias now would be a cycle */
    size_t nodes;
    int height;
};

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct arena *nodes, *texts;
    struct diags *diags;
    VEC(struct anchor) anchors;
    size_t n_nodes, aliases;
    bool stop; /* nothing more can be read */
};

static struct pos mark_pos(const struct reader *r, yaml_mark_t m)
{
    return (struct pos){.file = r->file, .line = (int)m.line + 1, .col = (int)m.column + 1};
}

static bool next_event(struct reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e))
        return true;
    tree_syntax_error(&r->parser, r->file, r->diags);
    r->stop = true;
    return false;
}

/* The end of the reading: too much of something. */
static void refuse(struct reader *r, struct pos pos, const char *what, size_t limit)
{
    diag_error(r->diags, pos, "a manifest is written by hand; is this the right file?", "more than %zu %s",
               limit, what);
    r->stop = true;
}

static struct node *node_new(struct reader *r, enum node_type type, struct pos pos)
{
    if (++r->n_nodes > TREE_NODES) {
        refuse(r, pos, "values", TREE_NODES);
        return NULL;
    }
    struct node *n = arena_new(r->nodes, struct node);
    n->type = type;
    n->pos = pos;
    return n;
}

static void check_tag(struct reader *r, const yaml_char_t *tag, struct pos pos, bool scalar)
{
    const char *t = (const char *)tag;
    if (!t || (scalar && strcmp(t, YAML_STR_TAG) == 0))
        return;
    diag_error(r->diags, pos, "leave the tag out: citrus knows the type of every value",
               "tag \"%.60s\" is not allowed", t);
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *e)
{
    struct node *n = node_new(r, NODE_SCALAR, mark_pos(r, e->start_mark));
    if (!n)
        return NULL;
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    check_tag(r, e->data.scalar.tag, n->pos, true);
    if (len > SCALAR_MAX) {
        diag_error(r->diags, n->pos, NULL, "a value of %zu bytes; %zu are allowed", len, SCALAR_MAX);
        len = 0;
    }
    if (memchr(text, 0, len)) {
        diag_error(r->diags, n->pos, NULL, "a value can't hold a NUL character");
        len = 0;
    }
    n->text = arena_memdup(r->texts, text, len);
    n->len = len;
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !e->data.scalar.tag;
    return n;
}

static struct anchor *anchor_find(struct reader *r, const char *name)
{
    for (size_t i = r->anchors.n; i > 0; i--) /* the last of a name counts (YAML 1.2, 3.2.2.2) */
        if (strcmp(r->anchors.at[i - 1].name, name) == 0)
            return &r->anchors.at[i - 1];
    return NULL;
}

static struct node *read_alias(struct reader *r, const yaml_event_t *e, int depth, int *height)
{
    const char *name = (const char *)e->data.alias.anchor;
    struct pos pos = mark_pos(r, e->start_mark);
    if (++r->aliases > TREE_ALIASES) {
        refuse(r, pos, "aliases", TREE_ALIASES);
        return NULL;
    }
    const struct anchor *a = anchor_find(r, name);
    if (!a || !a->node) {
        diag_error(r->diags, pos, a ? NULL : "an anchor (&name) has to stand before its alias (*name)",
                   a ? "alias \"*%.60s\" is inside its own anchor" : "alias \"*%.60s\" has no anchor", name);
        r->stop = true;
        return NULL;
    }
    if (depth + a->height > TREE_LEVELS) {
        refuse(r, pos, "levels", TREE_LEVELS);
        return NULL;
    }
    r->n_nodes += a->nodes;
    if (r->n_nodes > TREE_NODES) {
        refuse(r, pos, "values after its aliases are put in", TREE_NODES);
        return NULL;
    }
    struct node *n = arena_new(r->nodes, struct node);
    *n = *a->node;
    n->pos = pos;
    *height = a->height;
    return n;
}

static struct node *read_node(struct reader *r, const yaml_event_t *e, int depth, int *height);

/* Reads the next event's node; NULL at `end` or when reading has to stop. */
static struct node *read_next(struct reader *r, yaml_event_type_t end, int depth, int *height)
{
    yaml_event_t e;
    if (!next_event(r, &e))
        return NULL;
    struct node *n = e.type == end ? NULL : read_node(r, &e, depth, height);
    yaml_event_delete(&e);
    return n;
}

static struct node *read_list(struct reader *r, const yaml_event_t *e, int depth, int *height)
{
    struct node *list = node_new(r, NODE_LIST, mark_pos(r, e->start_mark));
    if (!list)
        return NULL;
    check_tag(r, e->data.sequence_start.tag, list->pos, false);
    VEC(struct node *) items = {0};
    int h = 0;
    for (struct node *n; (n = read_next(r, YAML_SEQUENCE_END_EVENT, depth + 1, &h));) {
        vec_push(r->nodes, &items, n);
        *height = h + 1 > *height ? h + 1 : *height;
    }
    list->items = items.at;
    list->n = items.n;
    return r->stop ? NULL : list;
}

static void check_key(struct reader *r, const struct node *key)
{
    if (key->type != NODE_SCALAR)
        diag_error(r->diags, key->pos, "a name that begins with [ or { needs quotes", "a key must be a name");
    else if (key->len == 0)
        diag_error(r->diags, key->pos, NULL, "a key is missing before \":\"");
    else if (key->plain && strcmp(key->text, "<<") == 0)
        diag_error(r->diags, key->pos, "write the keys out where they are meant",
                   "merge keys (<<) are not allowed");
}

/* Finds keys that stand twice, by an open hash table: a hostile map can hold half a million. */
static void check_duplicates(struct reader *r, const struct node *map)
{
    size_t cap = 16;
    while (cap < map->n * 2)
        cap *= 2;
    const struct node **table = xmalloc(cap * sizeof(const struct node *));
    memset(table, 0, cap * sizeof(const struct node *));
    for (size_t i = 0; i < map->n; i++) {
        const struct node *k = map->keys[i];
        if (k->type != NODE_SCALAR || k->len == 0)
            continue;
        size_t at = (size_t)hash_bytes(k->text, k->len).low & (cap - 1);
        while (table[at] && (table[at]->len != k->len || memcmp(table[at]->text, k->text, k->len) != 0))
            at = (at + 1) & (cap - 1);
        if (!table[at]) {
            table[at] = k;
            continue;
        }
        char hint[64];
        snprintf(hint, sizeof hint, "the first is in line %d", table[at]->pos.line);
        diag_error(r->diags, k->pos, hint, "key \"%.100s\" stands twice", k->text);
    }
    free(table);
}

static struct node *read_map(struct reader *r, const yaml_event_t *e, int depth, int *height)
{
    struct node *map = node_new(r, NODE_MAP, mark_pos(r, e->start_mark));
    if (!map)
        return NULL;
    check_tag(r, e->data.mapping_start.tag, map->pos, false);
    VEC(struct node *) keys = {0}, items = {0};
    int h = 0;
    for (struct node *k; (k = read_next(r, YAML_MAPPING_END_EVENT, depth + 1, &h));) {
        *height = h + 1 > *height ? h + 1 : *height;
        struct node *v = read_next(r, YAML_NO_EVENT, depth + 1, &h);
        if (!v)
            return NULL;
        *height = h + 1 > *height ? h + 1 : *height;
        check_key(r, k);
        vec_push(r->nodes, &keys, k);
        vec_push(r->nodes, &items, v);
    }
    map->keys = keys.at;
    map->items = items.at;
    map->n = keys.n;
    if (!r->stop)
        check_duplicates(r, map);
    return r->stop ? NULL : map;
}

/* A node that begins with event `e`. `height`: levels below it (0: a scalar). */
static struct node *read_node(struct reader *r, const yaml_event_t *e, int depth, int *height)
{
    const yaml_char_t *name = e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
                              : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
                              : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
                                                                     : NULL;
    *height = 0;
    if (e->type == YAML_ALIAS_EVENT)
        return read_alias(r, e, depth, height);
    if (depth > TREE_LEVELS) {
        refuse(r, mark_pos(r, e->start_mark), "levels", TREE_LEVELS);
        return NULL;
    }
    size_t index = r->anchors.n, before = r->n_nodes;
    if (name && index == TREE_ALIASES) {
        refuse(r, mark_pos(r, e->start_mark), "anchors", TREE_ALIASES);
        return NULL;
    }
    if (name) {
        struct anchor a = {.name = arena_strdup(r->nodes, (const char *)name)};
        vec_push(r->nodes, &r->anchors, a);
    }
    struct node *n = e->type == YAML_SEQUENCE_START_EVENT  ? read_list(r, e, depth, height)
                     : e->type == YAML_MAPPING_START_EVENT ? read_map(r, e, depth, height)
                                                           : read_scalar(r, e);
    if (name && n) {
        r->anchors.at[index].node = n;
        r->anchors.at[index].nodes = r->n_nodes - before;
        r->anchors.at[index].height = *height;
    }
    return n;
}

/* stream start, document start, the node, document end, stream end. */
static struct node *read_stream(struct reader *r)
{
    yaml_event_t e;
    struct node *root = NULL;
    int documents = 0, height;
    for (bool more = true; more && !r->stop && next_event(r, &e);) {
        if (e.type == YAML_STREAM_END_EVENT) {
            more = false;
        } else if (e.type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            diag_error(r->diags, mark_pos(r, e.start_mark), "use one file for each, and include: them",
                       "a second document begins here");
            r->stop = true;
        } else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_ALIAS_EVENT ||
                   e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT) {
            root = read_node(r, &e, 1, &height);
        }
        yaml_event_delete(&e);
    }
    return root;
}

struct node *tree_parse(const char *file, const char *text, size_t len, struct arena *nodes,
                        struct arena *texts, struct diags *d)
{
    size_t errors = d->errors;
    if (!tree_text_check(file, &text, &len, d))
        return NULL;
    struct reader r = {.file = file, .nodes = nodes, .texts = texts, .diags = d};
    if (!yaml_parser_initialize(&r.parser)) {
        diag_error(d, (struct pos){.file = file}, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    struct node *root = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return d->errors == errors ? root : NULL;
}

const struct node *tree_get(const struct node *map, const char *key)
{
    for (size_t i = 0; map && map->type == NODE_MAP && i < map->n; i++)
        if (map->keys[i]->type == NODE_SCALAR && strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}
