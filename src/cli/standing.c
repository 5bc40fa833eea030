/* Which generation's texts say what a site is. The newest one's need not: a run for chosen sites makes a
 * generation of the whole manifest, and so does one in which a site was taken back. */
#include "session.h"
#include <errno.h>
#include <string.h>

/* The newest that promised something of the site that was not promised before; 0: nothing of it is managed.
 */
static int promised_last(struct session *s, const char *domain, int64_t *ret, struct error *err)
{
    struct store_managed *rows;
    size_t n;
    int r = store_managed_list(s->store, &s->arena, &rows, &n, err);
    *ret = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        if (rows[i].site && strcmp(rows[i].site, domain) == 0 && rows[i].generation > *ret)
            *ret = rows[i].generation;
    return r;
}

/* The newest of which all stood; 0: none did. */
static int whole_last(struct session *s, int64_t *ret, struct error *err)
{
    struct store_generation *list;
    size_t n;
    int r = store_generation_list(s->store, &s->arena, &list, &n, err);
    *ret = 0;
    for (size_t i = 0; r == 0 && i < n && *ret == 0; i++)
        if (strcmp(list[i].status, "applied") == 0)
            *ret = list[i].number;
    return r;
}

int standing_generation(struct session *s, const char *domain, struct store_generation *ret,
                        struct error *err)
{
    int64_t promised, whole;
    int r = promised_last(s, domain, &promised, err);
    if (r == 0)
        r = whole_last(s, &whole, err);
    if (r < 0)
        return r;
    if (promised == 0) {
        error_set(err, -ENOENT, "nothing of %s was applied here", domain);
        error_hint(err, "`citrus status` names the sites");
        return -ENOENT;
    }
    r = store_generation_get(s->store, promised > whole ? promised : whole, &s->arena, ret, err);
    if (r != -ENOENT)
        return r;
    error_set(err, r, "generation %lld, by which %s stands, is no longer kept",
              (long long)(promised > whole ? promised : whole), domain);
    error_hint(err, "`citrus apply` first: it brings the whole manifest");
    return r;
}
