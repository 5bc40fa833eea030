#include "redact.h"
#include <string.h>

struct known {
    const char *name;
    const struct secret *secret;
};

struct redactor {
    struct arena *arena;
    VEC(struct known) list;
};

/* Shorter values would hide ordinary words. Nothing citrus generates is shorter. */
#define SHORTEST 6

struct redactor *redactor_new(struct arena *a)
{
    struct redactor *r = arena_new(a, struct redactor);
    r->arena = a;
    return r;
}

void redactor_add(struct redactor *r, const char *name, const struct secret *s)
{
    for (size_t i = 0; i < r->list.n; i++)
        if (r->list.at[i].secret == s)
            return;
    struct known k = {arena_strdup(r->arena, name), s};
    if (secret_len(s) >= SHORTEST)
        vec_push(r->arena, &r->list, k);
}

static const struct known *secret_at(const struct redactor *r, const char *text, size_t left)
{
    for (size_t i = 0; i < r->list.n; i++) {
        size_t n = secret_len(r->list.at[i].secret);
        if (n <= left && memcmp(text, secret_reveal(r->list.at[i].secret), n) == 0)
            return &r->list.at[i];
    }
    return NULL;
}

void redact(const struct redactor *r, const char *text, size_t len, struct buf *out)
{
    size_t plain = 0;
    for (size_t i = 0; r && i < len;) {
        const struct known *k = secret_at(r, text + i, len - i);
        if (!k) {
            i++;
            continue;
        }
        buf_add(out, text + plain, i - plain);
        buf_addf(out, "«secret %s»", k->name);
        i += secret_len(k->secret);
        plain = i;
    }
    buf_add(out, text + plain, len - plain);
}
