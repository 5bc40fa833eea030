/* What a command works with, opened step by step and closed whole. Errors are printed where they happen: the
 * functions return an exit status, 0 for going on. */
#ifndef CITRUS_SESSION_H
#define CITRUS_SESSION_H
#include "catalog.h"
#include "cli.h"
#include "manifest.h"
#include "report.h"
#include <limits.h>

struct progress_line;

struct session {
    const struct options *o;
    struct arena arena;
    struct diags diags;
    struct report_style style;
    struct host *host;
    struct store *store;
    int lock; /* -1: not held */
    struct digest_cache cache;
    struct content_memo memo;
    struct redactor *redactor;
    VEC(struct secret *) derived; /* from secrets of the store: the redactor borrows them */
    struct engine engine;
    struct retention retention;
    struct engine_events events;
    struct engine_health health;
    struct progress progress;
    struct progress_line *line;
    struct bundle bundle;
    const char *bundle_digest;
    struct manifest *manifest;
    struct facts facts;
    struct catalog catalog;
    struct templates *templates;
    struct plan *plan;
    int64_t confirm;      /* seconds that the apply at hand stands unconfirmed; 0: it needs none */
    bool awaits;          /* it did, and somebody has to confirm it */
    bool applied;         /* session_run() did what it was asked for, whatever came of ending rotations */
    bool corrective_only; /* plan_options */
    int64_t rollback_of;
    int64_t of_generation;    /* plan_options */
    VEC(const char *) ending; /* rotations that the plan ends: as if the old values were gone */
    struct {
        const char *command; /* NULL: none is taken */
        bool anew;           /* none is taken, but one is left for the next */
        bool unnoted;        /* is no run of its own */
        struct hash128 key;
    } glance;
    struct {
        bool allowed;
        const struct narrow *of; /* the plan is of these sites: `manifest` and `catalog` hold no others */
    } narrow;
    bool glanced; /* session_manifest() found that all is as it was, and said so: nothing is left to do */
    bool told;    /* something was said about the manifest or the plan */
    const char *trouble; /* the last error, for who keeps account of it */
};

/* How far: the store for writing and the lock held, for looking (a store is made when there is none and it
 * may be), for a look that may be a glance (its key is left for later), or as it is (-ENOENT is an error). */
enum session_mode { SESSION_CHANGE, SESSION_LOOK, SESSION_GLANCE, SESSION_READ };
#define STATE_DIR "/var/lib/citrus"

int session_open(struct session *s, const struct options *o, enum session_mode mode);
int session_close(struct session *s, int status); /* returns status */
/* The manifest: from a path (NULL: /etc/citrus/server.yaml in the root), or from texts that were kept. */
int session_manifest(struct session *s, const char *path);
int session_texts(struct session *s, const struct bundle *texts);
int session_parse_whole(struct session *s); /* of the texts at hand, whatever a narrow plan left of them */
/* glance.c: looks that only say what is there. glance_allow() before the manifest is read, glance_keep() with
 * what was said of the plan; session_manifest() does the rest. `command` is what the run is noted as. */
void glance_allow(struct session *s, const char *command);
void glance_watching(struct session *s, bool anew); /* the same for drift --watch */
bool glance_taken(struct session *s);
void glance_keep(struct session *s, const struct buf *output);
/* All that may lead to another answer, but for the manifest and what is asked of it. */
struct hash128 glance_base(const struct session *s);
bool glance_holds(struct session *s, const struct store_glance *g); /* nothing changed since */
/* narrow.c: plans of a changed manifest. narrow_allow() before it is read; narrow_taken() once it was read:
 * s->narrow.of and s->manifest are what make_plan() needs. narrow_note() adds what it will need the next
 * time. */
void narrow_allow(struct session *s);
bool narrow_taken(struct session *s);
void narrow_note(struct session *s, struct store_glance *g);
const char *session_share(void);      /* /usr/share/citrus, or what CITRUS_SHARE names (a source tree) */
const char *session_share_from(void); /* "CITRUS_SHARE" where that names it, else NULL */
/* session_plan.c: facts, catalog and plan of the manifest that was read. */
int session_plan(struct session *s);
/* Says what stands in the way of the plan, with its place in the manifest. EXIT_ERROR where something new
 * cannot be had. */
int session_obstacles(struct session *s);
/* Takes back what a crash left, says so. With `look`: only says that it is there. */
int session_recover(struct session *s, bool look);

/* awaiting.c: while an apply awaits confirmation, this is EXIT_LOCKED, and says so; one whose time is over is
 * taken back first. session_open() calls it for who changes something. */
int session_awaits(struct session *s);

int session_fail(struct session *s, const struct error *err); /* prints; returns EXIT_ERROR */
int session_diags(struct session *s); /* prints all; EXIT_ERROR where there are errors */
const char *session_who(struct session *s);
char *session_path(struct session *s, const char *path); /* in the root, for what is no managed file */
/* To stdout, and frees. 0 or a negative errno, -EPIPE where nobody reads it any more: for who says more. */
int out_flush(struct buf *b);

/* How a command comes to the machine that it works on, and leaves it. The program never changes this; tests
 * put a pretended machine here, which lives on from one command to the next. */
struct session_machine {
    int (*open)(const char *root, struct host **ret, struct error *err);
    struct host *(*close)(struct host *h); /* NULL is fine; returns NULL */
};
extern struct session_machine session_machine;

/* engine.undo_patience; tests wait for nobody. */
extern int session_undo_patience;

/* What a transaction was for, as the journal keeps it: `recover --resume` goes on with the same. */
#define RUN_DRIFT    "drift"
#define RUN_ROLLBACK "rollback %lld"
#define RUN_ROTATION "secret rotate"
#define RUN_FRESH    " --fresh" /* behind any */

/* Plans, shows, asks and applies what session_manifest or session_texts read: apply and rollback. */
struct run {
    const char *title; /* "Plan for web-01" is made when NULL */
    const char *why;
    int64_t rollback_of;
    const struct planfile *file; /* a saved plan that must match; NULL */
    bool brief;                  /* no plan is shown, and only what failed is reported */
    struct jsonw *into;          /* NULL: its result is printed; else --json writes it here, as "resumed" */
};
int session_run(struct session *s, const struct run *r);
/* The file that `--out PATH` writes: PATH, or what it links to, there or not yet. An error for all that is
 * there and is no regular file: what stands in its place would be renamed away. */
int out_place(const char *path, char ret[PATH_MAX], struct error *err);
/* Asks on the terminal, unless --yes is given; 0 for yes. Where nobody can be asked, it says so. */
int session_ask(struct session *s, const char *question);
int session_apply(struct session *s, const struct run *r); /* s->plan, without a question */
size_t plan_changes(const struct plan *p); /* without refreshes, as results and plans count them */

/* rotate.c: the secrets that are being rotated, by name; and what ends that once an apply has succeeded: the
 * old values are no longer accepted. */
int session_rotations(struct session *s, const char ***ret, size_t *n, struct error *err);
bool session_rotating(struct session *s, const char *name);
int session_end_rotations(struct session *s);
/* standing.c: the generation whose texts say what the site is. -ENOENT: nothing of it is managed, or the
 * generation is no longer kept. */
int standing_generation(struct session *s, const char *domain, struct store_generation *ret,
                        struct error *err);
/* drift.c */
#define DRIFT_FAILURES_MOST 3
int mend(const struct options *o, bool brief); /* mend.c: drift --apply; the exit status */
int drift_generation(struct session *s, struct store_generation *ret, struct error *err); /* the newest */

/* health.c: sites are asked around an apply. Once the manifest was read; session_plan() calls it. */
void health_open(struct session *s);
/* How long a site may take to come up, and PHP to see what was changed. Tests wait for nobody. */
struct health_patience {
    int settle_ms, grace_ms, opcache_ms;
};
extern struct health_patience health_patience;

/* progress.c: the engine's events and slow steps on stderr; one moving line on a terminal, a line each
 * elsewhere. */
void progress_open(struct session *s);
void progress_close(struct session *s);
void progress_signals(void);
void progress_signals_apart(void); /* in a process whose parent heeds them: SIGUSR1 sets the flag (apart.h) */
/* Set by SIGINT and SIGTERM once progress is open: the action at hand ends, then everything is undone. */
const volatile sig_atomic_t *interrupt_flag(void);

#endif
