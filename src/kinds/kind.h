/* The contract of a kind, and the things it works on.
 *
 * A kind is a `const struct kind` in its own file, listed in registry.c. The engine calls it and never names
 * it; a kind never walks the graph, prints, or opens the store.
 *
 *   observe  what is there, for many resources at once (reads only; one pass per source)
 *   check    what is wrong with the wanted spec (pure; optional)
 *   plan     from a delta to how it is done: undo class, impact, summary (pure; optional)
 *   plan_all what the changes of one plan bring about that none of them shows, once all are known: asks, and
 *            changes nothing (optional)
 *   feasible what would fail, as far as looking tells, while the plan is made (changes nothing; optional)
 *   prepare  everything slow or likely to fail, invisible: download, validate on a staged tree (optional)
 *   capture  what undo will need, as JSON members into `undo`; files into ctx->undo_dir
 *   apply    make the change
 *   undo     take it back, from what capture saved; must be repeatable, also after a crash in mid-apply.
 *            -ENOTCONN, -EBUSY, -ETIMEDOUT: what it needs does not answer now; it is tried again for a while
 *   refresh  reload or restart (services); validated first
 *   sound    whether a refresh would be accepted as things are, before anything is changed (optional)
 *
 * Verifying is the engine's: it observes again and diffs. */
#ifndef CITRUS_KIND_H
#define CITRUS_KIND_H
#include "field.h"
#include "host.h"
#include "secret.h"

struct kind;

enum op { OP_NONE, OP_CREATE, OP_UPDATE, OP_REMOVE, OP_REFRESH };
enum impact { IMPACT_NONE, IMPACT_RELOAD, IMPACT_RESTART };
enum reversal { REVERSIBLE, COMPENSATED, ONE_WAY };
extern const char *const op_names[], *const impact_names[], *const reversal_names[];

/* What becomes of drift. A policy is for corrective changes alone: what the manifest newly wants is done. */
enum drift_policy { DRIFT_ENFORCE, DRIFT_WARN, DRIFT_ADOPT, DRIFT_IGNORE };
extern const char *const drift_policy_names[]; /* NULL-terminated */

/* Where the manifest says what a field is to be, so that a value that was found can be written there. */
struct counterpart {
    const char *field;  /* of the kind's record */
    const char *prefix; /* what stands in front of the value: "/usr/share/zoneinfo/"; NULL: nothing */
    bool line;          /* the field stands for a content, and this is how one line of it begins */
    const char *part;   /* of the site, or of the server; NULL: itself */
    const char *name;   /* of the part's field */
    struct pos pos;     /* of the value; file NULL: it is a default, which is written nowhere */
};

struct resource;
struct notify {
    struct resource *service;
    enum impact how;
};

/* One thing wanted on the machine. Lives in the catalog's arena. */
struct resource {
    const struct kind *kind;
    const char *id;   /* unique within the kind: a path, a name */
    const char *site; /* domain; NULL: the server's */
    void *spec;       /* kind->record's struct; what is wanted, or (absent) what was promised last */
    struct pos pos;   /* the manifest's line that caused it */
    bool absent;      /* must not be there */
    enum drift_policy drift;
    const enum drift_policy *field_drift; /* by field of the kind's record; NULL: all as `drift` */
    VEC(struct counterpart) counterparts;
    VEC(struct resource *) needs;
    VEC(struct notify) notifies;
    size_t slot;              /* the engine's: place in the catalog */
    bool changed;             /* the engine's: this transaction changed it */
    bool joined;              /* the engine's: is of the group that is being made up (group.c) */
    const char *stored;       /* the engine's: the text that its row in the store was last written with */
    struct hash128 stored_of; /* and of what it was made (stored.c) */
    bool own;                 /* citrus brings it along: nobody else needs it, also where it was found */
    bool returns; /* what was found at its path comes back when no manifest names it (original.h) */
    bool
        adopted; /* the engine's: it was there before citrus came, and its kind is `shared` or it `returns` */
};

/* All resources that a manifest means for this machine. */
struct catalog {
    struct arena *arena;
    VEC(struct resource *) list; /* in an order that respects `needs` within server and site */
    const char *server;          /* its name */
    struct resource **index;     /* of kind and id, for catalog_find(); catalog_add() keeps it */
    size_t index_size;
};
/* Adds a resource with a cleared spec, where only texts that have a default in the kind's table are set
 * (`type`, `installed`, ...). The id is borrowed. Of one kind and id there is one resource: the second call
 * returns the first's. */
struct resource *catalog_add(struct catalog *c, const struct kind *k, const char *id, const char *site,
                             struct pos pos);
/* "sites.blog.example.com.php.children" */
char *counterpart_name(const struct resource *r, const struct counterpart *c, struct arena *a);
struct resource *catalog_find(const struct catalog *c, const struct kind *k, const char *id);
void resource_needs(struct catalog *c, struct resource *r, struct resource *needed); /* NULL needed is fine */
void resource_notifies(struct catalog *c, struct resource *r, struct resource *service, enum impact how);

/* What a removal left, that a creation of the same resource brings back: a tree in the trash, a dump, an
 * account's number. */
struct remains {
    int64_t transaction; /* that removed it */
    int64_t since;       /* unix seconds */
    const char *path;    /* where it lies; NULL: it takes no room */
    const char *saved;   /* what the removal's capture noted: JSON */
};
enum remains_state { REMAINS_NOTHING, REMAINS_THERE, REMAINS_GONE };

/* One change to one resource, from plan to apply. */
struct change {
    const struct resource *res;
    enum op op;
    const void *found; /* what is there: kind->record's struct, NULL: nothing */
    struct delta delta;
    enum reversal reversal;
    enum impact impact;  /* what the change itself does to service (refreshes carry their own) */
    const char *summary; /* a few words where kind and id do not say it all, or NULL */
    bool drift;          /* puts right what somebody changed: nothing new is asked for */
    const char *below;   /* for feasible, where `doubtful`: a path at or below its place where something else
                            of the catalog was found; NULL: none */
    bool blamed;         /* prepare_all: it is this one that cannot be had */
    const struct remains *restore; /* OP_CREATE: what is brought back, or NULL */
    /* Names of its kind that go along with it, NULL-terminated, or NULL: nothing does. */
    const char *const *along;
    const void *foreseen; /* the kind's own, from plan_all to apply; NULL: it was not asked */
    void *prepared;       /* the kind's own, from prepare to apply, in ctx->arena */
};

struct kind_ctx {
    struct host *host;
    struct arena *arena;  /* of this phase */
    const char *undo_dir; /* of this transaction: /var/lib/citrus/undo/N; NULL while planning */
    int64_t transaction;
    int64_t trash_retention; /* seconds */
    struct redaction redaction;
    const struct progress *progress; /* NULL: none */
    /* Borrowed secret by name; NULL: nobody set it and it was not generated. */
    const struct secret *(*secret)(void *self, const char *name);
    void *secret_self;
    /* undo: what somebody else put at `path` goes to the trash, and is told of. */
    int (*keep)(void *self, const char *path, struct error *err);
    void *keep_self;
};

struct watch_list {
    VEC(const char *) paths, units;
};

struct kind {
    const char *name;
    const struct record *record;
    bool live;   /* needs a running system: deferred with --root */
    bool shared; /* may be there for others' sake: what was found, and not made, stays when no manifest names
                    it */
    bool batch;  /* apply, capture and undo of neighbours of one op happen together, see apply_all */
    bool wide; /* what it changes brings and changes things of other kinds (a package: its scripts, files) */
    /* Fields that can stay as they are while others of the same resource are changed; NULL-terminated, NULL:
     * it is always changed as a whole. apply meets them undeclared in the wanted spec. */
    const char *const *apart;
    int (*observe)(struct kind_ctx *, const struct resource *const *, size_t n, void **found, struct error *);
    void (*check)(const struct resource *, struct diags *);
    void (*plan)(struct kind_ctx *, struct change *);
    /* Once, with all changes of the kind in the plan: fills `along`, adds to `summary`. */
    void (*plan_all)(struct kind_ctx *, struct change *const *, size_t n);
    /* Fills errs[i], each cleared, of what stands in the way of list[i]. Also asked of what is as it should
     * be (OP_NONE): then, what will stand in the way of its next change. Not of removals. -ENOTEMPTY: the
     * change would take away what others are: where it only puts something right, it is not made. */
    void (*feasible)(struct kind_ctx *, const struct change *const *list, size_t n, struct error *errs);
    /* Of which changes feasible is asked alone; pure. Optional: of all, and of what is as it should be. */
    bool (*doubtful)(const struct change *);
    int (*prepare)(struct kind_ctx *, struct change *, struct error *);
    int (*prepare_all)(struct kind_ctx *, struct change *const *, size_t n, struct error *);
    int (*capture)(struct kind_ctx *, struct change *, const char *name, struct jsonw *undo, struct error *);
    int (*apply)(struct kind_ctx *, struct change *, struct error *);
    int (*apply_all)(struct kind_ctx *, struct change *const *, size_t n, struct error *);
    /* Whether this creation or update may be made in one group with its neighbours, of any kind and site: its
     * apply changes nothing but by fs.h, asks nothing of the running system, and looks at nothing that
     * others of the group write (fs_group.h: not one of their files is there before all are). With apply_all,
     * all of the group's are made at once and before its other changes; on an error `blamed` marks the first
     * that was not made. Optional: it may not. */
    bool (*together)(const struct kind_ctx *, const struct change *);
    /* `res` is rebuilt from the journal (spec, id, site; no needs). `op` is what apply did or began. */
    int (*undo)(struct kind_ctx *, const struct resource *res, enum op op, json_t *undo, struct error *);
    int (*refresh)(struct kind_ctx *, const struct resource *res, enum impact how, struct error *);
    /* Negative: no, with a text that says what was broken before this run. What cannot be asked is sound. */
    int (*sound)(struct kind_ctx *, const struct resource *res, struct error *);
    /* Whether the change can shut out who administers the server from afar: the engine asks for such a change
     * to be confirmed. Optional: it cannot. */
    bool (*lockout)(const struct change *c);
    /* The path that the resource lives at, NULL when it has none; and whether its removal takes everything
     * below that path with it (a tree that goes to the trash). What goes with such a tree has no removal of
     * its own. Optional. */
    const char *(*place)(const struct resource *res, bool *takes_all);
    /* What tells of a change while it happens: paths, and units. Optional: `place` does, and the slow poll.
     */
    void (*watch)(const struct resource *res, struct arena *a, struct watch_list *out);
    /* Whether what the removal with these notes left can become this resource again, and where it lies. GONE:
     * there was something, and is no more. Optional: its removals leave nothing. */
    int (*remains)(struct kind_ctx *, const struct resource *res, json_t *saved, enum remains_state *ret,
                   const char **path, struct error *);
    /* What it is removed with is the work of others: to make it anew and empty is a loss. Where the kind has
     * places, only those that take all with them are meant. */
    bool holds_data;
    /* Directories of downloads; and the word of a manifest that an entry there is for. Optional. */
    const char *const *caches;
    const char *(*cached_for)(struct arena *a, const char *entry); /* NULL: nobody can tell */
    /* Text before and after for a person's diff; either may stay empty. Optional. */
    int (*text)(struct kind_ctx *, const struct change *, struct buf *before, struct buf *after,
                struct error *);
};

/* Whether it stands for a content: "digest", "secret_digest". */
bool field_is_digest(const struct field *f);

extern const struct kind *const kinds[]; /* registry.c; NULL-terminated */
const struct kind *kind_find(const char *name);

/* capture's `name` is unique in the transaction ("12"): files below undo_dir are named by it.
 * observe: found[i] is NULL (nothing there) or a record in ctx->arena with what was seen; a field that could
 * not be seen stays unset only where the wanted spec does not declare it. A resource that cannot be
 * observed is an error; what needs the running system is deferred: -EOPNOTSUPP for all of them, or
 * found[i] == FOUND_DEFERRED for one. */
extern char found_deferred;
#define FOUND_DEFERRED ((void *)&found_deferred)

#endif
