/* citrus drift --watch: stays, and says each difference when it comes; with --apply it is mended at once.
 *
 * What is watched only wakes it: every look is a plan of its own, made from nothing and thrown away, so that
 * a day of watching takes no more memory than one plan. While another run is at work there is no looking:
 * what lies half done is nobody's drift. */
#include "watch.h"
#include "session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_MS     60000 /* what nothing tells of: databases, files deep in a tree */
#define SETTLE_MS   200   /* an editor writes, renames and changes modes: one look for all of it */
#define SETTLE_MOST 4
#define BUSY_MS     1000
#define STATE_DIR   "/var/lib/citrus"

struct difference {
    const char *kind, *id, *site, *op, *policy, *fields; /* fields: "mode, owner" */
    bool known;                                          /* was there at the last look */
};
struct watching {
    const struct options *o;
    struct watch *w;
    struct arena arenas[2]; /* of the last look and of this one */
    int turn;
    VEC(struct difference) list;
    int64_t generation; /* whose paths are watched */
    size_t to_mend;     /* of those in the list */
    int64_t failed;     /* the generation that mending failed for, in a row: */
    int failures;
};

/* ---- what is said ----------------------------------------------------------------------------------------
 */

static void say(const struct watching *x, const char *event, const struct difference *d)
{
    struct buf b = {0};
    struct jsonw j;
    char when[32] = "";
    time_t t = time(NULL);
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(when, sizeof when, x->o->json ? "%FT%T%z" : "%F %T", &tm);
    if (x->o->json) {
        jw_init(&j, &b, false);
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
    } else {
        buf_addf(&b, "%s %s: %s %s", when, event, d->kind, d->id);
        if (strcmp(event, "drift") == 0)
            buf_addf(&b, "%s%s%s%s", *d->fields ? ": " : ": missing", d->fields,
                     strcmp(d->policy, "enforce") == 0 ? "" : "; left as it is: ",
                     strcmp(d->policy, "enforce") == 0 ? "" : d->policy);
    }
    buf_addc(&b, '\n');
    out_flush(&b);
    buf_free(&b);
}

static bool same(const struct difference *a, const struct difference *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->id, b->id) == 0 && strcmp(a->op, b->op) == 0 &&
           strcmp(a->fields, b->fields) == 0 && strcmp(a->policy, b->policy) == 0;
}

/* ---- a look ----------------------------------------------------------------------------------------------
 */

static const char *fields_of(const struct change *c, struct arena *a)
{
    const char *text = c->op == OP_REMOVE ? "it is there" : "";
    for (size_t i = 0; c->op == OP_UPDATE && i < c->delta.n; i++) {
        const struct field *f = c->delta.at[i].field;
        text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", field_is_digest(f) ? "content" : f->name);
        if (f->type == FIELD_BOOL && c->delta.at[i].before)
            text = arena_printf(a, "%s is %s", text, c->delta.at[i].before);
    }
    return text;
}

static struct difference difference_of(const struct change *c, enum drift_policy policy, struct arena *a)
{
    return (struct difference){.kind = c->res->kind->name,
                               .id = arena_strdup(a, c->res->id),
                               .site = arena_strdup(a, c->res->site),
                               .op = op_names[c->op],
                               .policy = drift_policy_names[policy],
                               .fields = fields_of(c, a)};
}

static void watch_all(struct watching *x, const struct session *s)
{
    struct arena a = {0};
    for (size_t i = 0; i < s->catalog.list.n; i++) {
        const struct resource *r = s->catalog.list.at[i];
        struct watch_list list = {0};
        bool all;
        const char *place = r->kind->place ? r->kind->place(r, &all) : NULL;
        if (r->kind->watch)
            r->kind->watch(r, &a, &list);
        else if (place)
            vec_push(&a, &list.paths, place);
        for (size_t k = 0; k < list.paths.n; k++)
            watch_path(x->w, list.paths.at[k]);
        for (size_t k = 0; k < list.units.n; k++)
            watch_unit(x->w, list.units.at[k]);
    }
    arena_free(&a);
}

/* Says what is new and what is over; the new list takes the old one's place. `over`: the word for that. */
static void compare(struct watching *x, const struct plan *p, const char *over)
{
    struct arena *a = &x->arenas[x->turn = !x->turn];
    VEC(struct difference) now = {0};
    arena_free(a);
    x->to_mend = 0;
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].change.op != OP_REFRESH) {
            vec_push(a, &now, difference_of(&p->actions.at[i].change, DRIFT_ENFORCE, a));
            x->to_mend++;
        }
    for (size_t i = 0; i < p->left.n; i++)
        vec_push(a, &now, difference_of(&p->left.at[i].change, p->left.at[i].policy, a));
    for (size_t i = 0; i < now.n; i++)
        for (size_t k = 0; k < x->list.n && !now.at[i].known; k++)
            now.at[i].known = same(&now.at[i], &x->list.at[k]);
    for (size_t k = 0; k < x->list.n; k++) {
        bool there = false;
        for (size_t i = 0; i < now.n; i++)
            there = there || (strcmp(now.at[i].kind, x->list.at[k].kind) == 0 &&
                              strcmp(now.at[i].id, x->list.at[k].id) == 0);
        if (!there)
            say(x, over, &x->list.at[k]);
    }
    for (size_t i = 0; i < now.n; i++) {
        if (!now.at[i].known)
            say(x, "drift", &now.at[i]);
        now.at[i].known = false;
    }
    x->list.at = now.at;
    x->list.n = now.n;
    x->list.cap = now.cap;
}

/* 0; EXIT_LOCKED where another run is at work; any other status was printed. */
static int look(struct watching *x, const char *over, bool anew)
{
    struct session s;
    struct options o = *x->o;
    struct store_generation g = {0};
    struct error err = {0};
    o.plan_only = true;
    o.mend = false;
    int status = session_open(&s, &o, SESSION_LOOK);
    const char *dir = status ? NULL : session_path(&s, STATE_DIR);
    if (status == 0 && drift_generation(&s, &g, &err) < 0)
        status = session_fail(&s, &err);
    if (status == 0 && store_locked(dir))
        return session_close(&s, EXIT_LOCKED);
    s.corrective_only = true;
    if (status == 0)
        status = session_texts(&s, g.bundle);
    if (status == 0)
        status = session_plan(&s);
    if (status == 0 && store_locked(dir))
        return session_close(&s, EXIT_LOCKED);
    if (status)
        return session_close(&s, status);
    if (anew || x->generation != g.number)
        watch_all(x, &s);
    x->generation = g.number;
    compare(x, s.plan, over);
    return session_close(&s, EXIT_DONE);
}

/* Mends what the look found; a generation that keeps failing is left to a person. */
static int mend_found(struct watching *x)
{
    struct options o = *x->o;
    if (x->failed != x->generation)
        x->failures = 0;
    if (x->to_mend == 0 || x->failures >= DRIFT_FAILURES_MOST)
        return EXIT_DONE;
    o.yes = true;
    o.watch = o.json = false;
    int status = mend(&o, true);
    if (*interrupt_flag())
        return EXIT_DONE;
    x->failed = x->generation;
    x->failures = status ? x->failures + 1 : 0;
    return status ? EXIT_DONE : look(x, "mended", true);
}

int drift_watch(const struct options *o)
{
    struct watching x = {.o = o};
    struct host *h;
    struct error err = {0};
    progress_signals();
    int r = session_machine.open(o->root, &h, &err);
    if (r == 0) {
        r = watch_open(h, &x.w, &err);
        int status = r < 0 ? r : look(&x, "over", true);
        if (r == 0 && status == EXIT_DONE && o->mend)
            status = mend_found(&x);
        if (status != EXIT_DONE && status != EXIT_LOCKED)
            goto out;
        while (r >= 0 && !*interrupt_flag()) {
            r = watch_wait(x.w, status == EXIT_LOCKED ? BUSY_MS : POLL_MS, interrupt_flag(), &err);
            bool woken = r > 0 && status != EXIT_LOCKED;
            for (int i = 0; r > 0 && i < SETTLE_MOST && !*interrupt_flag(); i++) /* until it is quiet */
                r = watch_wait(x.w, SETTLE_MS, interrupt_flag(), &err);
            if (r < 0 || *interrupt_flag())
                break;
            status = look(&x, "over", !woken);
            if (status == EXIT_DONE && o->mend)
                status = mend_found(&x);
        }
        r = r < 0 ? r : 0;
    }
out:
    if (r < 0 && err.code) {
        struct buf b = {0};
        report_error(&err, &b);
        fprintf(stderr, "%s", buf_str(&b));
        buf_free(&b);
    }
    x.w = watch_close(x.w);
    session_machine.close(h);
    arena_free(&x.arenas[0]);
    arena_free(&x.arenas[1]);
    return r < 0 ? EXIT_ERROR : EXIT_DONE;
}
