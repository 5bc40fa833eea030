/* The command line: commands are data (name, options, function); each command is one file.
 *
 * A command's function gets its parsed options and gives the exit status of docs/citrus.1: 0 done, 1 error
 * and nothing changed, 2 changes pending, 3 failed and undone, 4 partly applied, 5 stuck, 6 stale plan, 7
 * locked, by another run or by an apply that awaits confirmation. */
#ifndef CITRUS_CLI_H
#define CITRUS_CLI_H
#include "engine.h"
#include <stdbool.h>

enum {
    EXIT_DONE = 0,
    EXIT_ERROR = 1,
    EXIT_PENDING = 2,
    EXIT_UNDONE = 3,
    EXIT_PARTLY = 4,
    EXIT_STUCK = 5,
    EXIT_STALE = 6,
    EXIT_LOCKED = 7
};

#define SITES_MOST 256

struct options {
    const char *root;                      /* --root DIR; NULL: this machine */
    bool mend, retry, watch, adopt, write; /* drift: --apply and the rest */
    bool gives_way; /* locked by another run, or one awaits confirmation: say nothing */
    bool settles;   /* the command's own matter is what awaits confirmation */
    bool no_confirm, undo, expire;
    int64_t confirm; /* --confirm TIME, in seconds; 0: not given */
    bool json, yes, plan_only, detailed, verify, resume, allow_one_way, no_health, fresh, trash;
    int verbose;
    const char *out; /* --out FILE */
    const char *reason;
    const char *sites[SITES_MOST + 1]; /* --site, NULL-terminated */
    size_t n_sites;
    enum on_failure on_failure;
    const char *const *args; /* what is left of the line */
    size_t n_args;
};

/* Which options a command takes: a set of these letters. */
enum option_letter {
    OPT_ROOT = 'r',
    OPT_JSON = 'j',
    OPT_YES = 'y',
    OPT_PLAN = 'p',
    OPT_OUT = 'o',
    OPT_DETAILED = 'd',
    OPT_SITE = 's',
    OPT_ON_FAILURE = 'f',
    OPT_VERIFY = 'V',
    OPT_REASON = 'R',
    OPT_RESUME = 'u',
    OPT_ONE_WAY = 'w',
    OPT_NO_HEALTH = 'H',
    OPT_VERBOSE = 'v',
    OPT_MEND = '1',
    OPT_RETRY = '2',
    OPT_WATCH = '3',
    OPT_ADOPT = '4',
    OPT_WRITE = '5',
    OPT_CONFIRM = 'c',
    OPT_NO_CONFIRM = 'C',
    OPT_UNDO = '6',
    OPT_EXPIRE = '7',
    OPT_FRESH = '8',
    OPT_TRASH = '9'
};

struct command {
    const char *name, *synopsis, *about;
    const char *letters;
    size_t most_args;
    int (*run)(const struct options *o);
    const char *more; /* a paragraph of its help, or NULL */
    /* Whether a line is more than a look, so that its status is about the machine. NULL: none is. */
    bool (*changes)(const struct options *o);
};
extern const struct command commands[]; /* ends with name NULL */

int cli_main(int argc, char **argv);

int command_validate(const struct options *o);
int command_apply(const struct options *o);
int command_drift(const struct options *o);
int drift_mend(const struct options *o);
int drift_watch(const struct options *o);
int drift_adopt(const struct options *o);
int command_history(const struct options *o);
int command_show(const struct options *o);
int command_prune(const struct options *o);
int command_rollback(const struct options *o);
int command_confirm(const struct options *o);
int command_recover(const struct options *o);
int command_status(const struct options *o);
int command_secret(const struct options *o);
int command_secret_rotate(const struct options *o, const char *name);
int command_schema(const struct options *o);

#endif
