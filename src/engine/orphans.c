/* Removing what no manifest names any more, from what the store kept of it. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

int managed_order(const void *x, const void *y)
{
    const struct store_managed *a = x, *b = y;
    int c = strcmp(a->kind, b->kind);
    return c ? c : strcmp(a->id, b->id);
}

static int later_first(const void *x, const void *y)
{
    const struct store_managed *a = *(struct store_managed *const *)x, *b = *(struct store_managed *const *)y;
    const char *sa = a->site ? a->site : "", *sb = b->site ? b->site : "";
    /* Sites before the server: what they stand on goes last. */
    int c = (*sa == 0) - (*sb == 0);
    c = c ? c : strcmp(sa, sb);
    c = c ? c : (a->rank < b->rank) - (a->rank > b->rank);
    return c ? c : managed_order(a, b);
}

static struct resource *find_orphan(void *self, const char *kind, const char *id)
{
    struct orphans *o = self;
    struct store_managed key = {.kind = kind, .id = id};
    struct store_managed *m = bsearch(&key, o->managed, o->n_managed, sizeof key, managed_order);
    return m ? o->res[m - o->managed] : NULL;
}

/* Puts `at` behind what it needs. A circle, which no catalog has, would end where it began. */
static void place(struct seen *from, size_t at, bool *placed, struct seen *out, size_t *n)
{
    const struct resource *r = from[at].res;
    if (placed[at])
        return;
    placed[at] = true;
    for (size_t i = 0; i < r->needs.n; i++)
        place(from, r->needs.at[i]->slot, placed, out, n);
    out[(*n)++] = from[at];
}

/* Ranks are of the transactions that wrote the rows last, and need not fit each other: what needs a thing
 * goes before it in any case. From the last removal to the first, so that ranks decide the rest. */
static struct seen *needers_first(struct seen *list, size_t count, struct arena *a)
{
    struct seen *out = arena_array(a, struct seen, count), *sorted = arena_array(a, struct seen, count);
    bool *placed = arena_array(a, bool, count);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        list[i].res->slot = i;
    for (size_t i = count; i-- > 0;)
        place(list, i, placed, out, &n);
    for (size_t i = 0; i < count; i++)
        sorted[i] = out[count - 1 - i];
    return sorted;
}

int orphans_collect(struct orphans *o, const struct catalog *c, struct arena *a, struct seen **ret, size_t *n,
                    struct error *err)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < o->n_managed; i++)
        most += !o->wanted[i];
    *ret = NULL;
    *n = 0;
    if (most == 0)
        return 0;
    struct store_managed **gone = arena_array(a, struct store_managed *, most);
    struct seen *seen = arena_array(a, struct seen, most);
    o->res = arena_array(a, struct resource *, o->n_managed);
    for (size_t i = 0; i < o->n_managed; i++) {
        struct store_managed *m = &o->managed[i];
        if (o->wanted[i])
            continue;
        int r = stored_read(m->kind, m->id, m->site, m->spec, c, a, &o->res[i], err);
        if (r < 0)
            return r;
        o->res[i]->absent = true;
        gone[count++] = m;
    }
    if (count)
        qsort(gone, count, sizeof *gone, later_first);
    for (size_t i = 0; i < count; i++) {
        struct resource *res = o->res[gone[i] - o->managed];
        int r = stored_link(res, gone[i]->spec, find_orphan, o, a, err);
        if (r < 0)
            return r;
        seen[i] = (struct seen){.res = res, .managed = gone[i], .rank = gone[i]->rank};
    }
    *ret = needers_first(seen, count, a);
    *n = count;
    return 0;
}

/* What a service is told of goes before it is told (a vhost, a pool), and what it held on to goes after (a
 * pool's user, a site's tree). An account is both: it stays as long as something that goes later needs it. */
void orphans_early(struct seen *seen, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        seen[i].res->slot = i;
        seen[i].early = seen[i].res->notifies.n > 0;
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; !seen[i].early && k < seen[i].res->needs.n; k++) {
                struct seen *needed = &seen[seen[i].res->needs.at[k]->slot];
                again = again || needed->early;
                needed->early = false;
            }
    }
}

struct trees {
    const char **at;
    size_t n;
};

static int text_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

struct trees *trees_make(const struct seen *seen, size_t n, struct arena *a)
{
    struct trees *t = arena_new(a, struct trees);
    t->at = arena_array(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = seen[i].res;
        bool all = false;
        const char *path = seen[i].found && r->kind->place ? r->kind->place(r, &all) : NULL;
        if (path && all)
            t->at[t->n++] = path;
    }
    if (t->n)
        qsort(t->at, t->n, sizeof *t->at, text_order);
    return t;
}

/* Looks each of the path's parents up. */
bool trees_hold(const struct trees *t, const struct resource *r)
{
    bool all, held = false;
    const char *path = t->n && r->kind->place ? r->kind->place(r, &all) : NULL;
    if (!path)
        return false;
    struct arena a = {0};
    char *parent = arena_strdup(&a, path);
    for (char *cut; !held && (cut = strrchr(parent, '/')) && cut != parent;) {
        *cut = '\0';
        held = bsearch(&parent, t->at, t->n, sizeof *t->at, text_order) != NULL;
    }
    arena_free(&a);
    return held;
}
