/* citrus drift --watch: stays, and says each difference when it comes; with --apply it is mended at once.
 *
 * What is watched only wakes it, and says where to look. What was hit is looked at by itself first, so that
 * it is said at once; then all of it is, by a plan that is made from nothing. Both are done in processes of
 * their own (watch_look.h), and so is mending: what stays is this list of what is watched. While another run
 * is at work there is no looking: what lies half done is nobody's drift. */
#include "watch.h"
#include "apart.h"
#include "difference.h"
#include "watch_look.h"
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS     60000 /* what nothing tells of: databases, files deep in a tree */
#define NOTICE_MS   20    /* an editor writes, renames and changes modes, all at once */
#define SETTLE_MS   200   /* one whole look for all that is done */
#define SETTLE_MOST 4
#define BUSY_MS     1000

struct watching {
    const struct options *o;
    struct watch *w;
    struct arena arenas[2]; /* of the last look and of this one */
    int turn;
    VEC(struct difference) list;
    struct arena watched_arena;
    VEC(struct watched) watched;
    int64_t generation; /* whose paths are watched; -1: none yet */
    size_t to_mend;     /* of those in the list */
    int64_t failed;     /* the generation that mending failed for, in a row: */
    int failures;
    bool missed; /* it was said that the kernel does not watch all */
    int unsaid;  /* 0, or the errno that stdout fails with: nobody hears what is said from there on */
};

/* ---- what is said ------------------------------------------------------------------------------------ */

static void say(struct watching *x, const char *event, const struct difference *d)
{
    struct buf b = {0};
    if (x->unsaid)
        return;
    difference_text(d, event, x->o->json, &b);
    x->unsaid = out_flush(&b);
}

/* ---- what a look says -------------------------------------------------------------------------------- */

static enum drift_policy policy_named(const char *name)
{
    int p = DRIFT_ENFORCE;
    while (drift_policy_names[p] && strcmp(drift_policy_names[p], name) != 0)
        p++;
    return drift_policy_names[p] ? (enum drift_policy)p : DRIFT_ENFORCE;
}

/* Kinds, sites: most have the name that their neighbour has. */
static const char *once(const char *last, const char *text, struct arena *a)
{
    return last && strcmp(last, text) == 0 ? last : arena_strdup(a, text);
}

static void next_watched(struct watching *x, struct apart *a)
{
    const struct watched *last = x->watched.n ? &x->watched.at[x->watched.n - 1] : &(struct watched){0};
    struct watched w = {0};
    const char *text = apart_next(a);
    w.kind = once(last->kind, text ? text : "", &x->watched_arena);
    w.id = apart_text(a, &x->watched_arena);
    text = apart_next(a);
    w.site = once(last->site, text ? text : "", &x->watched_arena);
    text = apart_next(a);
    w.policy = policy_named(text ? text : "");
    vec_push(&x->watched_arena, &x->watched, w);
}

static void begin_watched(struct watching *x)
{
    watch_begin(x->w);
    arena_free(&x->watched_arena);
    x->watched.n = x->watched.cap = 0;
}

/* Says what is new and what is over; the new list takes the old one's place. `over`: the word for that. */
static void compare(struct watching *x, struct difference *now, size_t n, const char *over)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < x->list.n && !now[i].known; k++)
            now[i].known = difference_same(&now[i], &x->list.at[k]);
    for (size_t k = 0; k < x->list.n; k++) {
        bool there = false;
        for (size_t i = 0; i < n && !there; i++)
            there = difference_of_one(&now[i], &x->list.at[k]);
        if (!there)
            say(x, over, &x->list.at[k]);
    }
    for (size_t i = 0; i < n; i++) {
        if (!now[i].known)
            say(x, "drift", &now[i]);
        now[i].known = false;
    }
    x->list.at = now;
    x->list.n = x->list.cap = n;
}

/* ---- looks ------------------------------------------------------------------------------------------- */

static void tell(const struct error *err)
{
    struct buf b = {0};
    report_error(err, &b);
    fprintf(stderr, "%s", buf_str(&b));
    buf_free(&b);
}

static int no_look(const struct error *err)
{
    tell(err);
    return EXIT_ERROR;
}

/* Said once, and no reason to end: the look of each minute sees what changed there, later. */
static void tell_missed(struct watching *x)
{
    struct error err = {0};
    size_t all, n;
    int why;
    if (x->missed || (n = watch_missed(x->w, &all, &why)) == 0)
        return;
    x->missed = true;
    error_set(&err, why, "%zu of %zu directories are not watched: %s; they are looked at once a minute", n,
              all, why == -ENOSPC ? "fs.inotify.max_user_watches is used up" : strerror(-why));
    if (why == -ENOSPC)
        error_hint(&err, "raise it (`sysctl -w fs.inotify.max_user_watches=524288`; a line in /etc/sysctl.d "
                         "keeps it) and start the watch again");
    tell(&err);
}

/* What a whole look has said so far. */
struct heard {
    struct arena *arena;
    VEC(struct difference) now;
    int64_t generation;
    size_t to_mend, what; /* `what` the next paths are of */
    bool told, whole;     /* what is to be watched; to the end */
};

static void hear(struct watching *x, struct heard *h, struct apart *a, char letter)
{
    const char *text;
    switch (letter) {
    case 'n':
        h->generation = strtoll(apart_text(a, h->arena), NULL, 10);
        h->to_mend = (size_t)strtoull(apart_text(a, h->arena), NULL, 10);
        begin_watched(x);
        h->told = true;
        break;
    case 'r':
        next_watched(x, a);
        h->what = x->watched.n - 1;
        break;
    case 'x':
        h->what = WATCH_ANY;
        break;
    case 'p':
        text = apart_next(a);
        watch_path(x->w, text ? text : "", h->what);
        break;
    case 'u':
        text = apart_next(a);
        watch_unit(x->w, text ? text : "", h->what);
        break;
    case 'd':
        vec_push(h->arena, &h->now, difference_next(a, h->arena));
        break;
    case '.':
        h->whole = true;
        break;
    }
}

/* 0; EXIT_LOCKED where another run is at work; any other status was printed. */
static int look_once(struct watching *x, const char *over, bool anew)
{
    struct look l = {.o = x->o, .generation = x->generation, .anew = anew};
    struct heard h = {
        .arena = &x->arenas[x->turn = !x->turn], .generation = x->generation, .what = WATCH_ANY};
    struct error err = {0};
    struct apart a;
    arena_free(h.arena);
    if (apart_begin(&a, look_whole, &l, &err) < 0) {
        x->turn = !x->turn;
        return no_look(&err);
    }
    for (const char *text; !h.whole && (text = apart_next(&a));)
        hear(x, &h, &a, *text);
    if (h.told) {
        watch_end(x->w);
        tell_missed(x);
    }
    int status = apart_end(&a);
    x->generation = h.whole ? h.generation : h.told ? -1 : x->generation;
    if (h.whole) {
        x->to_mend = h.to_mend;
        compare(x, h.now.at, h.now.n, over);
    } else {
        x->turn = !x->turn; /* what was known stays */
        status = status == EXIT_DONE ? EXIT_ERROR : status;
    }
    return status;
}

/* What happened between the look and the first watch of its paths is seen by looking once more. */
static int look(struct watching *x, const char *over, bool anew)
{
    int64_t before = x->generation;
    int status = look_once(x, over, anew);
    return status == EXIT_DONE && x->generation != before ? look_once(x, over, false) : status;
}

static void notice_one(struct watching *x, const struct difference *d, bool differs)
{
    struct difference *was = NULL;
    for (size_t k = 0; k < x->list.n && !was; k++)
        was = difference_of_one(&x->list.at[k], d) ? &x->list.at[k] : NULL;
    if (differs && (!was || !difference_same(was, d)))
        say(x, "drift", d);
    else if (!differs && was)
        say(x, "over", was);
    if (differs && was)
        *was = *d;
    else if (differs)
        vec_push(&x->arenas[x->turn], &x->list, *d);
    else if (was)
        *was = x->list.at[--x->list.n];
}

/* What was hit, by itself. What this cannot tell is said by the whole look that follows. */
static void notice(struct watching *x)
{
    struct look l = {.o = x->o, .generation = x->generation, .at = x->watched.at, .n = x->watched.n};
    struct arena *arena = &x->arenas[x->turn];
    struct apart a;
    bool any = false;
    for (size_t what; watch_hit(x->w, &what); any = true)
        x->watched.at[what].hit = true;
    if (any && apart_begin(&a, look_near, &l, NULL) == 0) {
        for (const char *text; (text = apart_next(&a)) && *text != '.';) {
            struct difference d = {0};
            bool differs = *text == 'd';
            if (differs) {
                d = difference_next(&a, arena);
            } else {
                d.kind = apart_text(&a, arena);
                d.id = apart_text(&a, arena);
            }
            notice_one(x, &d, differs);
        }
        apart_end(&a);
    }
    for (size_t i = 0; any && i < x->watched.n; i++)
        x->watched.at[i].hit = false;
}

/* ---- mending ----------------------------------------------------------------------------------------- */

static int mend_apart(void *self, FILE *out)
{
    struct options o = *((struct watching *)self)->o;
    o.yes = true;
    o.watch = o.json = false;
    return mend(&o, true);
}

/* Mends what the look found; a generation that keeps failing is left to a person. */
static int mend_found(struct watching *x)
{
    struct error err = {0};
    struct apart a;
    if (x->failed != x->generation)
        x->failures = 0;
    if (x->to_mend == 0 || x->failures >= DRIFT_FAILURES_MOST)
        return EXIT_DONE;
    if (apart_begin(&a, mend_apart, x, &err) < 0)
        return no_look(&err);
    int status = apart_end(&a);
    if (*interrupt_flag())
        return EXIT_DONE;
    x->failed = x->generation;
    x->failures = status ? x->failures + 1 : 0;
    return status ? EXIT_DONE : look(x, "mended", true);
}

static int look_and_mend(struct watching *x, bool anew)
{
    int status = look(x, "over", anew);
    return status == EXIT_DONE && x->o->mend && !x->unsaid ? mend_found(x) : status;
}

/* Whether it is told to end, or has nobody to tell. */
static bool is_over(const struct watching *x)
{
    return *interrupt_flag() || x->unsaid;
}

/* Returns when it is over: 0, or a negative error. */
static int stay(struct watching *x, int status, struct error *err)
{
    int r = 0;
    while (r >= 0 && !is_over(x)) {
        r = watch_wait(x->w, status == EXIT_LOCKED ? BUSY_MS : POLL_MS, interrupt_flag(), err);
        bool busy = status == EXIT_LOCKED, woken = r > 0 && !busy;
        if (woken) {
            r = watch_wait(x->w, NOTICE_MS, interrupt_flag(), err);
            if (r >= 0 && !is_over(x))
                notice(x);
            r = r < 0 ? r : 1;
        }
        for (int i = 0; r > 0 && i < SETTLE_MOST && !is_over(x); i++) /* until it is quiet */
            r = watch_wait(x->w, SETTLE_MS, interrupt_flag(), err);
        if (r >= 0 && !is_over(x))
            status = look_and_mend(x, woken || busy);
    }
    return r < 0 ? r : 0;
}

/* A reader that has enough (head -1) is as good an end as a signal. */
static int ended(const struct watching *x, int r, struct error *err)
{
    if (r == 0 && x->unsaid)
        r = error_errno(err, x->unsaid, "standard output");
    if (r == -EPIPE)
        return 0;
    if (r < 0 && err->code)
        tell(err);
    if (x->unsaid) { /* that is said: output_close() has nothing to add */
        __fpurge(stdout);
        clearerr(stdout);
    }
    return r;
}

int drift_watch(const struct options *o)
{
    struct watching x = {.o = o, .generation = -1};
    struct host *h;
    struct error err = {0};
    progress_signals();
    signal(SIGPIPE, SIG_IGN); /* writing says that the reader is gone */
    int r = session_machine.open(o->root, &h, &err), status = EXIT_DONE;
    if (r == 0)
        r = watch_open(h, &x.w, &err);
    if (r == 0) {
        watch_reader(x.w, STDOUT_FILENO);
        status = look_and_mend(&x, true);
    }
    if (r == 0 && (status == EXIT_DONE || status == EXIT_LOCKED)) {
        r = stay(&x, status, &err);
        status = EXIT_DONE;
    }
    r = ended(&x, r, &err);
    x.w = watch_close(x.w);
    session_machine.close(h);
    arena_free(&x.arenas[0]);
    arena_free(&x.arenas[1]);
    arena_free(&x.watched_arena);
    return r < 0 ? EXIT_ERROR : status;
}
