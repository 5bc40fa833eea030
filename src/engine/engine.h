/* The engine: observe, diff, order, plan; apply with a journal; undo; recover.
 *
 * It knows kinds only through struct kind. One `struct engine` serves one command:
 *
 *     struct engine e = { .host = h, .store = s, .arena = &a, ... };
 *     engine_plan(&e, &catalog, &options, &plan, &err);
 *     engine_apply(&e, plan, &apply_options, &result, &err);
 */
#ifndef CITRUS_ENGINE_H
#define CITRUS_ENGINE_H
#include "kind.h"
#include "pack.h"
#include "store.h"
#include <signal.h>

/* Why an action is there. INTENTIONAL: the manifest asks for something else than at the last generation (or
 * this resource is new). CORRECTIVE: the machine was changed. REMOVED: the manifest no longer names it. */
enum cause { CAUSE_INTENTIONAL, CAUSE_CORRECTIVE, CAUSE_REMOVED, CAUSE_REFRESH };
extern const char *const cause_names[];

struct action {
    int64_t seq; /* from 1, the order of apply */
    struct change change;
    enum cause cause;
    enum impact refresh; /* OP_REFRESH: how */
    size_t sites_felt;   /* OP_REFRESH: how many sites use the service */
    int64_t owed_by;     /* OP_REFRESH: an earlier transaction changed what the service runs with, and was
                            stopped before it told it; 0: none */
    enum impact owed;    /* what that one asks for */
    const struct error
        *unsound; /* OP_REFRESH, while it is applied: it would have been refused before; or NULL */
    struct hash128 before, after;
    VEC(size_t) refreshes;   /* indices of the OP_REFRESH actions that this one calls for */
    bool early;              /* a removal that goes before the refreshes */
    bool after_sites;        /* the server's, and yet it comes after what the sites change */
    bool lockout;            /* the kind says that it can shut the operator out */
    enum action_state state; /* while it is applied */
    const char *undo;        /* its undo record, once it was an INTENT */
    bool complete;           /* the change was made, whatever a look at it said */
};

/* A resource that needs a running system, with --root. */
struct deferred {
    const struct resource *res;
};

struct kept {
    const struct resource *res;
    const void *promised; /* its spec without what is to lapse now: it is not promised for longer */
    int64_t rank;
    const struct store_managed *row; /* what the store holds of it; NULL: nothing */
    bool unnoted; /* its row is of an older citrus, which promised the same and noted less of it */
};
struct forgotten {
    const char *kind, *id, *site;
    const char *path; /* where it lies, NULL: at no path */
    const char *spec; /* its row's, NULL: it has none */
};
/* What an action of a chosen site needs of what was not chosen, and that is not ready for it. */
struct unmet {
    const struct resource *res;
    bool there; /* but not as wanted */
};
/* What the resource's kind sees standing in the way of it. */
struct obstacle {
    const struct resource *res;
    bool fatal; /* the manifest asks for something new that cannot be had; else: of drift, or of what is fine
                   as it is, which is said and held against nobody */
    struct error err;
};

/* Whether a site still answers as it did. The engine says which sites are asked and when; how, and what is
 * worse, is known to who gives it a struct engine_health. */
enum health_state {
    HEALTH_FINE,
    HEALTH_BROKEN, /* it was before, too: nobody's failure */
    HEALTH_WORSE,
    HEALTH_UNKNOWN /* nobody could be asked, then or now */
};
extern const char *const health_names[];
struct health {
    const char *site;
    bool known;  /* it was managed before this run: what it answered then is what counts */
    bool untold; /* what it runs was changed, and no service was told of that */
    enum health_state state;
    const char *text; /* "HTTP 200", "worse than before: HTTP 200 -> HTTP 502" */
    int64_t ms;
};
struct engine_health {
    /* Before anything is changed. -EOPNOTSUPP: nobody can be asked here, and nobody is; any other error:
     * nothing is begun. */
    int (*before)(void *self, const struct health *sites, size_t n, struct error *err);
    /* After the changes, or what was taken back of them: fills state, text and ms. */
    int (*after)(void *self, struct health *sites, size_t n, struct error *err);
    void *self;
};
/* Drift that a policy leaves as it is: DRIFT_WARN or DRIFT_ADOPT. DRIFT_ENFORCE: an obstacle says why it is
 * not mended. `change` holds the fields that are shown. */
struct left {
    struct change change;
    enum drift_policy policy;
};
/* What was found in a field that nobody declared: never compared, never changed. */
struct foreign {
    const struct resource *res;
    const struct field *field;
    const char *value;
};

struct plan {
    struct arena *arena;
    const char *server;
    VEC(struct action) actions; /* server's, then site by site, then refreshes */
    VEC(struct deferred) deferred;
    VEC(struct kept) kept;           /* as wanted already, with or without an action: what apply records */
    VEC(struct forgotten) forgotten; /* managed, no longer wanted, and not there or gone with its tree */
    VEC(struct store_owed) unowed;   /* services that were still to be told, and are no longer wanted */
    VEC(struct health) touched;      /* the sites of the manifest that its actions concern */
    VEC(struct left) left;           /* drift that stays, and is shown */
    VEC(struct foreign) foreign;
    VEC(struct unmet) unmet; /* with `sites`: such a plan would fail on its way */
    VEC(struct obstacle) obstacles;
    size_t ignored; /* resources with drift that stays and is not shown */
    bool corrective_only;
    size_t pending;   /* corrective_only: changes of another cause, which wait for an apply */
    size_t unchanged; /* resources looked at that are as wanted */
    size_t create, update, remove, refresh;
    size_t one_way;
    size_t lockouts;       /* actions that can shut the operator out */
    size_t restored, lost; /* creations that come back from the trash; that would, if it were not over */
    int64_t rollback_of;
    int64_t of_generation;
    bool fresh;         /* nothing is brought back from the trash */
    bool widened;       /* while it is applied: an action of a wide kind was done */
    int64_t generation; /* the newest one when the plan was made; 0: none */
    const char *lineage;
    const struct bundle *bundle; /* the manifest's texts, borrowed */
    const char *bundle_digest;
    const char *const *sites; /* --site filter, NULL-terminated; NULL: all */
};

struct narrow;
struct plan_options {
    const char *const *sites;    /* NULL: all */
    const struct narrow *narrow; /* NULL: all is looked at */
    const struct bundle *bundle;
    const char *bundle_digest;
    bool corrective_only; /* only what somebody changed since the newest generation; apply makes no new one */
    int64_t rollback_of;  /* the generation whose content this is, 0: none */
    int64_t of_generation; /* the texts are this one's, and no news: apply makes no new one; 0: they may be */
    bool fresh;            /* what was removed is made anew and empty, also where the trash has it */
};

/* What an apply tells while it runs. All may be NULL. */
struct engine_events {
    void (*begin)(void *self, const struct plan *p);
    void (*preparing)(void *self, const struct action *a);
    void (*started)(void *self, const struct action *a);
    /* Instead of `started`, one of many that are written together; NULL, when they wait for the disk. Who has
     * none hears `started`. */
    void (*grouped)(void *self, const struct action *a);
    void (*finished)(void *self, const struct action *a);
    void (*failed)(void *self, const struct action *a, const struct error *err);
    void (*unhealthy)(void *self, const char *site,
                      const struct error *err); /* site NULL: the server's doing */
    void (*undoing)(void *self, const struct action *a);
    void (*undone)(void *self, const struct action *a, const struct error *err); /* err NULL: fine */
    /* Somebody wrote over what is taken back: where it is kept. */
    void (*kept)(void *self, const char *path, const char *where);
    void *self;
};

/* How long what is not needed any more is kept; seconds. NULL in the engine: the manifest's defaults. */
struct retention {
    int64_t trash, journal, cache;
    int64_t generations; /* how many of the newest */
};

struct engine {
    struct host *host;
    struct store *store;
    struct arena *arena;
    const struct progress *progress;
    const struct engine_events *events; /* NULL: none */
    const struct engine_health *health; /* NULL: sites are not asked */
    const struct retention *retention;
    const char *state_dir; /* /var/lib/citrus as the managed system sees it */
    int undo_patience;     /* seconds that undo waits for what it needs: a database server that starts anew */
    /* The kinds whose look asked the machine, while a footprint is taken: paths do not tell of them. */
    VEC(const struct kind *) asked;
    const volatile sig_atomic_t *interrupted; /* set by a signal: finish the action, undo, end. NULL: never */
};

/* Observes all of the catalog and what the store says is managed, diffs, orders. Plans removals of what is
 * managed and no longer in the catalog. Writes nothing but the cache of digests. With `narrow` the catalog
 * need hold no other sites than those; -EAGAIN: more is to be done than to update what these have, the whole
 * has to be looked at. */
int engine_plan(struct engine *e, const struct catalog *c, const struct plan_options *o, struct plan **ret,
                struct error *err);

/* glance.c. What a look found can be told by its paths and by looking again at the kinds that it returns, by
 * name with a blank between two; NULL: it cannot, or there is something to do or to be said. */
const char *engine_glance_kinds(struct engine *e, const struct plan *p, const struct catalog *c);
/* Looks at what is managed of these kinds: 1, all of it is as it was promised; 0. */
int engine_as_promised(struct engine *e, const char *names, struct error *err);

/* narrow.c: a plan of all that looks at some sites alone. It is for who knows that nothing else changed since
 * a look that found nothing to do, be it on the machine or in the manifest, and that what changed of these
 * sites is nobody else's matter. What that look knew of the rest is appended to `out`; false: such a plan
 * cannot be made from it. */
bool engine_narrow_note(const struct plan *p, const struct catalog *c, struct buf *out);
struct narrow {
    const char *const *sites; /* that may have changed; NULL-terminated; for the caller to fill in */
    size_t unchanged;         /* the rest is that look's */
    struct narrow_service {
        const char *kind, *id;
        size_t sites; /* that use it */
    } * services;
    struct resource *deferred;
    const void *counts; /* of each site, how many resources were as they should be */
    size_t n_services, n_deferred, n_counts;
};
/* Borrows what `u` reads from. -ESTALE: it is no such record. */
int engine_narrow_read(struct unpack *u, struct arena *a, struct narrow *ret);

/* promised.c: looks at these alone, without a manifest, and says what differs from what was last promised of
 * them: `change.op` is OP_CREATE, OP_UPDATE, or OP_NONE. `change.res` stays NULL of what is not managed, or
 * needs the running system. */
struct promise {
    const char *kind, *id;
    struct change change;
};
int engine_promised(struct engine *e, struct promise *list, size_t n, struct error *err);

enum on_failure { ON_FAILURE_UNDO_SITE, ON_FAILURE_UNDO_ALL, ON_FAILURE_STOP };

struct apply_options {
    enum on_failure on_failure;
    bool allow_one_way;
    const char *why; /* "apply", "rollback 3" */
    const char *who, *reason;
    int64_t rollback_of;
    const char *plan_digest; /* of a saved plan: used once; NULL */
    int64_t confirm;         /* seconds that it stands without a confirmation; 0: it needs none */
};

/* One site (or the server, site NULL) that was not brought to its wanted state. */
struct failure {
    const char *site;
    const char *kind, *id; /* the first action that failed */
    struct error err;
    bool undone; /* false: stuck, see undo_err */
    struct error undo_err;
};
enum apply_outcome {
    APPLY_DONE,
    APPLY_NOTHING,
    APPLY_REFUSED /* nothing changed */,
    APPLY_UNDONE,
    APPLY_PARTIAL,
    APPLY_STUCK,
    APPLY_STALE
};
struct apply_result {
    enum apply_outcome outcome;
    int64_t transaction, generation; /* generation 0: none was made */
    int64_t until;                   /* it awaits confirmation until then; 0: it does not */
    size_t done;                     /* changes that stand; refreshes are not counted, as in the plan */
    VEC(struct failure) failures;
    VEC(struct health) health; /* the touched sites, as they answered last; empty where none was asked */
    struct error err;          /* REFUSED, STALE */
};
/* The exit status of the program for an outcome: 0, 1, 3, 4, 5, 6. */
int apply_exit(const struct apply_result *r);

/* Prepares all, journals and applies in order, undoes what failed. 0 whenever the outcome says what happened;
 * negative where not even that could be done (the store). */
int engine_apply(struct engine *e, struct plan *p, const struct apply_options *o, struct apply_result *ret,
                 struct error *err);

/* What retention takes. It never takes what undoing an open transaction or rolling back the newest generation
 * needs. Undo directories have no time of their own: they go when their transaction has ended. */
enum prunable { PRUNE_UNDO, PRUNE_TRASH, PRUNE_CACHE, PRUNE_TRANSACTION, PRUNE_GENERATION };
extern const char *const prunable_names[];
struct pruned {
    enum prunable what;
    const char *name; /* a path; NULL: a row of the store */
    int64_t number;   /* of the transaction or generation; 0: none */
    int64_t since, bytes;
    struct error err; /* it could not be removed */
};
struct prune {
    VEC(struct pruned) list;
    size_t failed;
    int64_t bytes;
};
int engine_prune(struct engine *e, bool plan_only, struct prune *ret, struct error *err);

/* What the trash holds. */
struct trashed {
    const char *path;
    int64_t transaction, generation; /* generation 0: its transaction made none, or that one is pruned */
    int64_t since, until, bytes;
    const char *kind, *id, *site; /* NULL where the journal does not say */
    bool held;                    /* beyond `until`, for undoing or rolling back the newest generation */
};
struct trash_list {
    struct trashed *at;
    size_t n, cap;
};
int engine_trash(struct engine *e, struct arena *a, struct trash_list *ret, struct error *err);

/* Transactions that a crash left open: each INTENT is observed and settled, then all of it is undone.
 * `n` transactions were found. Runs before the first plan of any command that changes something. */
struct recover_item {
    int64_t transaction;
    size_t never_ran, completed, torn, undone;
    bool stuck;
    const char *kind, *id; /* stuck: which */
    struct error err;
};
int engine_recover(struct engine *e, struct arena *a, struct recover_item **ret, size_t *n,
                   struct error *err);

/* An apply that awaits confirmation (store_awaiting_get): it stands from now on, or it is taken back by its
 * undo records, as after a crash; `why` is what the journal says of that. A crash on the way back is
 * recovered. */
int engine_confirm(struct engine *e, const struct store_awaiting *w, struct error *err);
int engine_unconfirmed(struct engine *e, struct arena *a, const struct store_awaiting *w, const char *why,
                       struct recover_item *ret, struct error *err);

#endif
