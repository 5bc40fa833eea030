#include "session.h"
#include "text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The newest one before it that says something else: putting drift right makes a generation, too, and a
 * rollback to the same manifest would change nothing. A rollback of a rollback goes on backwards, not to and
 * fro. What one of some sites says of all others was never so. */
static int find_before(struct session *s, const struct store_generation *newest, int64_t *ret,
                       struct error *err)
{
    struct store_generation *list;
    size_t n;
    int64_t from = newest->rollback_of ? newest->rollback_of : newest->number;
    int r = store_generation_list(s->store, &s->arena, &list, &n, err);
    for (size_t i = 0; i < n && r == 0; i++)
        if (list[i].number < from && !list[i].sites && strcmp(list[i].digest, newest->digest) != 0) {
            *ret = list[i].number;
            return 0;
        }
    return r < 0 ? r
                 : error_set(err, -ENOENT, "there is no generation before %lld with another manifest",
                             (long long)from);
}

/* Which generation's content: the one asked for, or the one before. */
static int find_target(struct session *s, int64_t asked, struct store_generation *ret, struct error *err)
{
    struct store_generation newest;
    int r = store_generation_get(s->store, 0, &s->arena, &newest, err);
    if (r == -ENOENT)
        return error_set(err, r, "nothing was applied here yet: there is nothing to roll back to");
    if (r < 0)
        return r;
    if (asked == 0) {
        r = find_before(s, &newest, &asked, err);
        if (r < 0)
            return r;
    }
    r = store_generation_get(s->store, asked, &s->arena, ret, err);
    if (r == -ENOENT) {
        error_set(err, r, "there is no generation %lld", (long long)asked);
        error_hint(err, "`citrus history` lists them; the newest is %lld", (long long)newest.number);
    }
    return r;
}

int command_rollback(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct store_generation g;
    int64_t asked = 0;
    if (o->n_args && (int_parse(o->args[0], &asked) < 0 || asked < 1)) {
        fprintf(stderr, "citrus rollback: \"%s\" is no generation's number\n", o->args[0]);
        return EXIT_ERROR;
    }
    int status = session_open(&s, o, o->plan_only ? SESSION_LOOK : SESSION_CHANGE);
    if (status)
        return session_close(&s, status);
    if (find_target(&s, asked, &g, &err) < 0)
        return session_close(&s, session_fail(&s, &err));
    if (g.sites && o->n_sites == 0)
        fprintf(
            stderr,
            "citrus: generation %lld was applied for %s alone: what its manifest says of all else was not so "
            "then\n",
            (long long)g.number, g.sites);
    s.rollback_of = g.number;
    status = session_texts(&s, g.bundle);
    if (status == 0) {
        const char *why = arena_printf(&s.arena, RUN_ROLLBACK, (long long)g.number);
        const char *title = arena_printf(&s.arena, "Rollback of %s to generation %lld",
                                         s.manifest->server.name, (long long)g.number);
        status = session_run(&s, &(struct run){.why = why, .title = title, .rollback_of = g.number});
    }
    return session_close(&s, status);
}
