#include "value.h"
#include "dialect.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo), 32 bits: names are short, and only compared with each other. */
uint32_t name_hash(const char *name, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return h;
}

static struct value *make(struct arena *a, enum value_type type)
{
    struct value *v = arena_new(a, struct value);
    v->type = type;
    v->arena = a;
    return v;
}

static struct value *make_text(struct arena *a, const char *text, struct pos pos)
{
    struct value *v = make(a, VALUE_TEXT);
    v->len = strlen(text);
    v->text = arena_memdup(a, text, v->len);
    v->bare = escape_bare(text, v->len);
    v->pos = pos;
    return v;
}

struct value *value_map(struct arena *a)
{
    return make(a, VALUE_MAP);
}

void value_reserve(struct value *map, size_t n)
{
    assert(map->type == VALUE_MAP && !map->map.at);
    map->map.at = arena_array(map->arena, struct value_member, n);
    map->map.cap = n;
}

struct value *value_list(struct arena *a)
{
    return make(a, VALUE_LIST);
}

static uint64_t name_bit(uint32_t hash)
{
    return UINT64_C(1) << (hash >> 26);
}

static bool is_named(const struct value_member *m, const char *name, size_t len, uint32_t hash)
{
    return m->hash == hash && m->len == len && memcmp(m->name, name, len) == 0;
}

static struct value_member *member(const struct value *map, const char *name, size_t len, uint32_t hash)
{
    for (size_t i = 0; (map->names & name_bit(hash)) && i < map->map.n; i++)
        if (is_named(&map->map.at[i], name, len, hash))
            return &map->map.at[i];
    return NULL;
}

void value_set_value(struct value *map, const char *name, struct value *v)
{
    assert(map->type == VALUE_MAP);
    size_t len = strlen(name);
    struct value_member new = {name, len, name_hash(name, len), v};
    struct value_member *old = member(map, name, len, new.hash);
    if (!v)
        return;
    if (old) {
        old->value = v;
        return;
    }
    map->names |= name_bit(new.hash);
    vec_push(map->arena, &map->map, new);
}

void value_set_at(struct value *map, const char *name, const char *text, struct pos pos)
{
    if (text)
        value_set_value(map, name, make_text(map->arena, text, pos));
}

void value_set(struct value *map, const char *name, const char *text)
{
    value_set_at(map, name, text, (struct pos){0});
}

void value_set_int(struct value *map, const char *name, long long n)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", n);
    value_set(map, name, text);
}

void value_set_flag(struct value *map, const char *name, bool on)
{
    struct value *v = make(map->arena, VALUE_FLAG);
    v->on = on;
    v->text = on ? "true" : "false";
    v->len = on ? 4 : 5;
    v->bare = true;
    value_set_value(map, name, v);
}

void value_push(struct value *list, struct value *v)
{
    assert(list->type == VALUE_LIST);
    vec_push(list->arena, &list->list, v);
}

void value_push_text_at(struct value *list, const char *text, struct pos pos)
{
    value_push(list, make_text(list->arena, text, pos));
}

void value_push_text(struct value *list, const char *text)
{
    value_push_text_at(list, text, (struct pos){0});
}

static const struct value *in_map(const struct value *v, struct name_part *p)
{
    if (v->type != VALUE_MAP)
        return NULL;
    if (p->near < v->map.n && is_named(&v->map.at[p->near], p->name, p->len, p->hash))
        return v->map.at[p->near].value;
    const struct value_member *m = member(v, p->name, p->len, p->hash);
    if (m)
        p->near = (size_t)(m - v->map.at);
    return m ? m->value : NULL;
}

const struct value *value_find(const struct context *c, struct name_part *parts, size_t n)
{
    if (n == 0)
        return c->value;
    const struct value *v = NULL;
    for (; c && !v; c = c->outer)
        v = in_map(c->value, &parts[0]);
    for (size_t i = 1; v && i < n; i++)
        v = in_map(v, &parts[i]);
    return v;
}

bool value_truth(const struct value *v)
{
    if (!v)
        return false;
    switch (v->type) {
    case VALUE_TEXT:
        return v->len > 0;
    case VALUE_FLAG:
        return v->on;
    case VALUE_LIST:
        return v->list.n > 0;
    case VALUE_MAP:
        break;
    }
    return true;
}
