/* What the engine's files share; nobody else includes it. */
#ifndef CITRUS_ENGINE_INTERNAL_H
#define CITRUS_ENGINE_INTERNAL_H
#include "engine.h"
#include "fs.h"
#include <jansson.h>
#include <limits.h>

/* --- context.c: what kinds are given, and who hears of it */
struct kind_ctx engine_ctx(struct engine *e, struct arena *a, int64_t transaction);
char *engine_undo_dir(struct engine *e, struct arena *a, int64_t transaction);
bool engine_interrupted(const struct engine *e);
#define EVENT(e, name, ...)                                                                                  \
    do {                                                                                                     \
        if ((e)->events && (e)->events->name)                                                                \
            (e)->events->name((e)->events->self, __VA_ARGS__);                                               \
    } while (0)

/* --- observe.c */
struct seen {
    struct resource *res;
    void *found;
    bool deferred;
    const struct store_managed *managed; /* NULL: not known to the store */
    int64_t rank;
    bool early; /* orphans.c */
};
/* Observes all of `list`, kind by kind, in one call each. */
int engine_observe(struct engine *e, struct arena *a, struct seen *list, size_t n, struct error *err);
int engine_observe_one(struct engine *e, struct arena *a, const struct resource *r, void **found,
                       struct error *err);

/* --- stored.c: resources as the store and the journal hold them */
/* `spec`: the resource's, or what of it is promised. */
char *stored_write(struct arena *a, const struct resource *r, const void *spec);
/* Equal where stored_write() writes the same text, without writing it. `b` is used and may hold memory
 * before. */
struct hash128 stored_digest(const struct resource *r, const void *spec, struct buf *b);
/* Both; the text, in the plan's arena, is kept with the resource: the journal's row and the store's have the
 * same. */
const char *stored_keep(const struct plan *p, const struct resource *r, const void *spec, struct buf *b,
                        struct hash128 *digest);
/* Of both a NULL text is false (held.c). */
bool stored_adopted(const char *text); /* its resource was there before citrus came */
/* Whether a field may be in there that is to be off when it is no longer declared: without reading all of it.
 */
bool stored_may_lapse(const struct record *rec, const char *text);
/* A resource from its row. Its notifies name resources of `c` where they are there (c may be NULL). */
int stored_read(const char *kind, const char *id, const char *site, const char *text, const struct catalog *c,
                struct arena *a, struct resource **ret, struct error *err);

/* Gives it its needs, as far as `find` knows them. */
int stored_link(struct resource *r, const char *text,
                struct resource *(*find)(void *, const char *, const char *), void *self, struct arena *a,
                struct error *err);

/* --- held.c: what the store says is managed, beside the catalog */
struct held {
    VEC(struct store_managed)
    rows;         /* sorted by kind and id. `spec` is NULL where nothing is to be read in it: of
                     what the manifest wants as ever, and citrus made */
    bool *wanted; /* by row: it is in the catalog */
    const struct store_managed **by_slot; /* of the catalog; NULL: not known to the store */
};
/* After order_catalog(). `sites`: of these alone what the catalog names is read; NULL: all that is managed.
 */
int held_read(struct engine *e, const struct catalog *c, const char *const *sites, struct arena *a,
              struct held *ret, struct error *err);

/* --- orphans.c: what the store says is managed and the manifest no longer means */
struct orphans {
    struct store_managed *managed; /* sorted by kind and id */
    size_t n_managed;
    const bool *wanted;    /* managed[i] is in the catalog, or not to be looked at */
    struct resource **res; /* by managed's index; NULL where wanted */
};
int managed_order(const void *x, const void *y);
/* Appends to `seen` in the order of removal: sites before the server, what was made last first. */
int orphans_collect(struct orphans *o, const struct catalog *c, struct arena *a, struct seen **ret, size_t *n,
                    struct error *err);
/* After observing. seen[i].early: goes before the refreshes, since a service must let go of it first. */
void orphans_early(struct seen *seen, size_t n);
/* True when `r` lies below a tree that another removal in the list takes with it. */
struct trees;
struct trees *trees_make(const struct seen *seen, size_t n, struct arena *a);
bool trees_hold(const struct trees *t, const struct resource *r);

/* --- plan.c */
void plan_defer(struct plan *p, const struct resource *r);

/* --- refreshes.c */
/* By the phases of a plan, then by `seq`: for qsort. */
int action_order(const void *x, const void *y);
/* One refresh a service, as strong as the strongest that was asked for, in the catalog's order of services.
 * `others` holds what was not chosen by its slot; NULL: all was. */
int refreshes_plan(struct engine *e, struct plan *p, const struct catalog *c, const struct seen *others,
                   struct error *err);
size_t sites_of_service(const struct catalog *c, const struct seen *others, const struct resource *service);
/* Each action that is in its place is told which refreshes it calls for. */
void refreshes_link(struct plan *p);

/* --- narrow.c */
/* Whether the plan of these sites updates what they have, and nothing else. */
bool narrow_holds(const struct narrow *w, const struct plan *p);
/* Makes it say what a plan of all would say. */
void narrow_widen(const struct narrow *w, struct plan *p);

/* --- order.c: needs before what needs them; the server, then site by site. `ret` has room for all. */
int order_catalog(const struct catalog *c, struct resource **ret, struct error *err);
/* What a site's change tells of itself, and no change of a site needs, waits for those changes: a service
 * that is down comes up when what it went down for is mended (a vhost that nginx refuses). */
void order_after_sites(struct plan *p, const struct catalog *c);

/* --- ground.c: fills p->unmet. `others` holds what was not chosen by its slot, the rest is zero. */
int ground_look(struct engine *e, struct plan *p, const struct catalog *c, const struct seen *others,
                struct error *err);

/* --- obstacles.c: asks the kinds of `list`, and fills p->obstacles. Takes out of p->actions what would lose
 * more than it puts right: it is left as it is. */
void obstacles_look(struct engine *e, struct plan *p, const struct change *const *list, size_t n);
/* A path at or below the resource's place where something else was found; NULL: none. */
const char *obstacles_below(const struct seen *seen, size_t n, const struct resource *r);

/* --- remains.c */
/* Gives the creations among p->actions at `fresh` (their kinds have remains, nobody manages them yet) what is
 * to be brought back, and asks their kinds for the plan. */
int remains_plan(struct engine *e, struct plan *p, const size_t *fresh, size_t n, struct error *err);

/* --- touched.c: fills p->touched. Slots are those of order_catalog(). */
void plan_touched(struct plan *p, const struct catalog *c, const struct store_managed *managed, size_t n);
/* --- policy.c */
/* Leaves what the resource's policies leave: c->op becomes OP_NONE, or c is of a resource that asks for less.
 */
int policy_judge(struct engine *e, struct plan *p, const struct seen *s, enum cause cause, struct change *c,
                 struct hash128 *before, struct hash128 *after, struct error *err);
/* Notes what was found in fields that nobody declared. */
void policy_foreign(struct plan *p, const struct seen *s);

/* --- step.c: one action forward; more than one where a kind works in batches */
/* -ESTALE: a target is not what the plan saw, and nothing of this step was done. On any other failure the
 * actions stay in ACTION_INTENT (or ACTION_PLANNED where not even that was written). */
int step_apply(struct engine *e, struct plan *p, int64_t tx, struct action *batch, size_t n,
               struct error *err);
/* Before the first step: -ESTALE, with nothing touched, when a target is not what the plan saw. What is seen,
 * in the plan's order without its refreshes, is in the plan's arena. */
int step_check_all(struct engine *e, struct plan *p, struct seen **ret, struct error *err);
int step_refresh(struct engine *e, int64_t tx, struct action *act, struct error *err);

/* --- disk.c: -EROFS where what the action changes lies on a read-only file system */
enum { DISK_LOOKS = 8 };
struct disk_look { /* of the directories that were asked last; zero-initialised */
    struct {
        struct hash128 directory;
        struct fs_room room;
        unsigned used; /* when: by the count of looks; 0: never */
    } at[DISK_LOOKS];
    unsigned looks;
};
int disk_check(struct engine *e, const struct action *act, struct disk_look *look, struct error *err);

/* --- prune.c */
const struct retention *engine_retention(const struct engine *e);
/* At the end of a run: enforces retention at `now`, but leaves the undo directory of `keep`. What cannot be
 * removed stays for the next time. */
void engine_sweep(struct engine *e, int64_t keep, int64_t now);
void engine_sweep_undo(struct engine *e, int64_t keep); /* undo directories alone, whatever retention says */

/* --- undo.c */
/* What an INTENT keeps: {"op", "before", "saved": what the kind captured, "content": what is managed
 * below a tree and goes with it, [{"kind", "id", "row": of the store}]}. In the plan's arena. */
char *undo_record(const struct plan *p, const struct change *c, struct hash128 before, const char *saved);
/* Takes back one action that is DONE or INTENT, by its record. On failure its journal row is STUCK. A journal
 * that cannot be written fails nothing here: it is left as it was, and does where the transaction is ended.
 * `complete`: the change was made whole; what differs from it now was written by somebody else, and is kept.
 */
int undo_run(struct engine *e, int64_t tx, int64_t seq, const struct resource *res, const char *record,
             bool complete, struct error *err);

#endif
