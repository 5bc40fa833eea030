/* One apply while it runs: what apply.c, transaction.c, domains.c, takeback.c and settle.c share. */
#ifndef CITRUS_ENGINE_APPLYING_H
#define CITRUS_ENGINE_APPLYING_H
#include "internal.h"

/* The server, or one site. */
struct domain {
    const char *site;
    struct action **actions; /* its own, in order of apply; not the refreshes that it calls for */
    size_t n;
    size_t failed; /* place in the result's failures, from 1; 0: it did not fail */
    bool named;    /* by the message that is looked at */
};

struct applying {
    struct engine *e;
    struct plan *p;
    const struct apply_options *o;
    struct apply_result *ret;
    VEC(struct domain) domains; /* in order of name, the server first */
    int64_t tx;                 /* 0: none is open */
    bool undo_all;              /* the server failed, or the operator wants it so */
    bool stop;                  /* go no further */
    bool stuck;
    bool gated;          /* the sites were asked before, and are asked again */
    struct group *ready; /* the first group, with its intents written, before it is applied; NULL: none is */
    size_t ready_length; /* what group_length() said of it */
};

/* --- transaction.c */
/* Sets aside what taking all of it back needs. */
int applying_reserve(struct applying *x, struct error *err);

/* --- domains.c */
void domains_make(struct applying *x);
struct domain *domain_of(const struct applying *x, const char *site); /* NULL: it has no action */
/* The failure of a site (NULL: of the server), NULL when there is none. */
struct failure *failure_of(const struct applying *x, const char *site);
struct failure *failure_add(struct applying *x, const char *kind, const char *id, const char *site,
                            const struct error *err);
/* Sets `named` of those whose name stands in a text, in a path or by itself. */
void domains_mark_named(struct applying *x, const char *text);

/* --- unsound.c: services whose configuration was broken before */
/* Before the first step: asks each service that the plan refreshes, and remembers what it says. False: there
 * was none to be asked. */
bool unsound_look(struct applying *x);
/* The words of before, where this failure (of an action, or of the refresh itself) comes of them; else NULL.
 */
const struct action *unsound_of(struct applying *x, const struct action *act, const struct error *err);
/* It is the server's failure, and no site's. */
void unsound_failed(struct applying *x, const struct action *act, const struct action *service);

/* --- takeback.c */
/* The action changed something that is still so. */
bool action_stands(const struct action *a);
/* One failure: what it takes with it is taken back at once, so that the rest goes on from a clean state. */
void apply_failed(struct applying *x, const struct action *act, const char *site, const struct error *err);

/* The same where no action failed, and the site (NULL: many, by the server's doing) is worse off than before.
 */
void apply_unhealthy(struct applying *x, const char *site, const struct error *err);

/* --- gate.c */
/* What the touched sites answer before anything is changed. */
int gate_open(struct applying *x, struct error *err);
/* What they answer now: a site that is worse is taken back; where it is not the site's own doing, everything.
 */
void gate_pass(struct applying *x);

/* --- settle.c */
int settle(struct applying *x, struct error *err);
/* Nothing to change: what the manifest newly names, and is so already, becomes managed; a new text becomes a
 * generation. A run that finds all as it was writes nothing. */
int settle_nothing(struct applying *x, struct error *err);

#endif
