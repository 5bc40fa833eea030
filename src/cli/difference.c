#include "difference.h"
#include "jsonw.h"
#include <string.h>
#include <time.h>

struct difference difference_next(struct apart *a, struct arena *arena)
{
    struct difference d = {0};
    d.kind = apart_text(a, arena);
    d.id = apart_text(a, arena);
    d.site = apart_text(a, arena);
    d.site = *d.site ? d.site : NULL;
    d.op = apart_text(a, arena);
    d.policy = apart_text(a, arena);
    d.fields = apart_text(a, arena);
    return d;
}

bool difference_of_one(const struct difference *a, const struct difference *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->id, b->id) == 0;
}

bool difference_same(const struct difference *a, const struct difference *b)
{
    return difference_of_one(a, b) && strcmp(a->op, b->op) == 0 && strcmp(a->fields, b->fields) == 0 &&
           strcmp(a->policy, b->policy) == 0;
}

static void as_json(const struct difference *d, const char *event, const char *when, struct buf *ret)
{
    struct jsonw j;
    jw_init(&j, ret, false);
    jw_object(&j, NULL);
    jw_str(&j, "time", when);
    jw_str(&j, "event", event);
    jw_str(&j, "op", d->op);
    jw_str(&j, "kind", d->kind);
    jw_str(&j, "id", d->id);
    jw_str(&j, "site", d->site);
    jw_str(&j, "policy", d->policy);
    jw_str(&j, "fields", d->fields);
    jw_end(&j);
}

static void as_text(const struct difference *d, const char *event, const char *when, struct buf *ret)
{
    buf_addf(ret, "%s %s: %s %s", when, event, d->kind, d->id);
    if (strcmp(event, "drift") != 0)
        return;
    buf_addf(ret, "%s%s", *d->fields ? ": " : ": missing", d->fields);
    if (strcmp(d->policy, "enforce") != 0)
        buf_addf(ret, "; left as it is: %s", d->policy);
}

void difference_text(const struct difference *d, const char *event, bool json, struct buf *ret)
{
    char when[32] = "";
    time_t t = time(NULL);
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(when, sizeof when, json ? "%FT%T%z" : "%F %T", &tm);
    if (json)
        as_json(d, event, when, ret);
    else
        as_text(d, event, when, ret);
    buf_addc(ret, '\n');
}
