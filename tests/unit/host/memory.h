/* A cache and a memo for a host that forget nothing. */
#ifndef CITRUS_TEST_MEMORY_H
#define CITRUS_TEST_MEMORY_H
#include "fs.h"
#include <stdio.h>
#include <string.h>

struct memory {
    struct {
        char path[128];
        struct fs_stat st;
        struct hash128 digest;
    } rows[8];
    size_t n_rows;
    struct {
        char name[64], text[4096];
    } memos[32];
    size_t n_memos;
    int puts;
};

static inline bool memory_recall(void *self, const char *path, struct fs_stat *ret, struct hash128 *digest)
{
    struct memory *m = self;
    for (size_t i = 0; i < m->n_rows; i++)
        if (strcmp(m->rows[i].path, path) == 0) {
            *ret = m->rows[i].st;
            *digest = m->rows[i].digest;
            return true;
        }
    return false;
}

static inline bool memory_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    struct fs_stat was;
    return memory_recall(self, path, &was, ret) && was.ino == st->ino && was.size == st->size &&
           was.dev == st->dev;
}

static inline void memory_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct memory *m = self;
    size_t i = 0;
    while (i < m->n_rows && strcmp(m->rows[i].path, path) != 0)
        i++;
    assert_true(i < sizeof m->rows / sizeof *m->rows);
    if (i == m->n_rows)
        m->n_rows++;
    snprintf(m->rows[i].path, sizeof m->rows[i].path, "%s", path);
    m->rows[i].st = *st;
    m->rows[i].digest = digest;
    m->puts++;
}

static inline bool memory_memo_get(void *self, const char *name, struct arena *a, const char **ret)
{
    struct memory *m = self;
    for (size_t i = 0; i < m->n_memos; i++)
        if (strcmp(m->memos[i].name, name) == 0) {
            *ret = arena_strdup(a, m->memos[i].text);
            return true;
        }
    return false;
}

static inline void memory_memo_put(void *self, const char *name, const char *text)
{
    struct memory *m = self;
    assert_true(m->n_memos < sizeof m->memos / sizeof *m->memos);
    snprintf(m->memos[m->n_memos].name, sizeof m->memos->name, "%s", name);
    snprintf(m->memos[m->n_memos++].text, sizeof m->memos->text, "%s", text);
}

static struct memory memory;
static struct digest_cache cache = {memory_get, memory_put, &memory, memory_recall};
static struct content_memo memo = {memory_memo_get, memory_memo_put, &memory};

static inline struct fs_stat *memory_row(const char *path)
{
    for (size_t i = 0; i < memory.n_rows; i++)
        if (strcmp(memory.rows[i].path, path) == 0)
            return &memory.rows[i].st;
    fail();
    return NULL;
}

#endif
