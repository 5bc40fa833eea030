#include "cli.h"
#include "awaiting.h"
#include "output.h"
#include "text.h"
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool unless_planned(const struct options *o)
{
    return !o->plan_only;
}
static bool drift_changes(const struct options *o)
{
    return o->mend || o->write;
}
static bool secret_changes(const struct options *o)
{
    return o->n_args && strcmp(o->args[0], "list") != 0 && strcmp(o->args[0], "get") != 0 && !o->plan_only;
}

const struct command commands[] = {
    {"validate", "[MANIFEST]", "check a manifest and say all that is wrong with it", "rj", 1,
     command_validate},
    {"apply", "[MANIFEST|PLANFILE]", "plan, ask, apply", "rjypodsfVRwH8vcC", 1, command_apply,
     .changes = unless_planned},
    {"drift", "[MANIFEST]", "what differs from the last applied generation", "rj1y2345dsVv", 1, command_drift,
     .changes = drift_changes},
    {"history", "", "generations and transactions; --trash: what is kept of removed sites", "rj9", 0,
     command_history},
    {"show", "[N|PLANFILE]", "a generation and what its transaction did, or a saved plan", "rj", 1,
     command_show},
    {"rollback", "[N]", "a new generation with the content of an older one", "rjypsfVRwH8vcC", 1,
     command_rollback, .changes = unless_planned},
    {"confirm", "", "keep what was applied with --confirm; --undo takes it back", "rj67v", 0, command_confirm,
     .changes = unless_planned},
    {"prune", "", "remove what retention does not keep", "rjyp", 0, command_prune, .changes = unless_planned},
    {"recover", "", "take back what a crash left; --resume goes on with it", "rjuv", 0, command_recover,
     .changes = unless_planned},
    {"status", "", "the server, its sites, certificates, last run", "rj", 0, command_status},
    {"secret", "list | VERB NAME", "values that a manifest refers to by name: list, get, set, rotate, forget",
     "rjypRv", 2, command_secret,
     "A NAME has up to 128 letters, digits and _ . / -, and begins with a letter, a digit or _.",
     secret_changes},
    {"schema", "", "the JSON Schema of the manifest", "", 0, command_schema},
    {NULL, NULL, NULL, NULL, 0, NULL},
};

/* What getopt says of a long option is its letter and LONG, so that it can be told from a short one. */
enum { LONG = 256, LONG_HELP = LONG + 'h' };

#define AT(member) .at = offsetof(struct options, member)
static const struct {
    struct option option;
    const char *argument, *about;
    size_t at; /* of the member that it sets: a bool, or with an argument a text */
    bool special;
    const char *needs, *instead; /* "" is refused: what the value has to be, and the hint then */
} known[] = {
    {{"json", no_argument, NULL, OPT_JSON}, NULL, "JSON for programs", AT(json)},
    {{"yes", no_argument, NULL, OPT_YES}, NULL, "apply without a question", AT(yes)},
    {{"plan", no_argument, NULL, OPT_PLAN}, NULL, "show the plan and stop", AT(plan_only)},
    {{"out", required_argument, NULL, OPT_OUT},
     "FILE",
     "save the plan; `citrus apply FILE` does exactly that",
     AT(out),
     .needs = "a file"},
    {{"apply", no_argument, NULL, OPT_MEND}, NULL, "mend it; nothing but what somebody changed", AT(mend)},
    {{"retry", no_argument, NULL, OPT_RETRY},
     NULL,
     "forget that mending failed: the timer tries again",
     AT(retry)},
    {{"watch", no_argument, NULL, OPT_WATCH}, NULL, "stay, and say each difference as it comes", AT(watch)},
    {{"adopt", no_argument, NULL, OPT_ADOPT},
     NULL,
     "a patch of the manifest for what may be adopted",
     AT(adopt)},
    {{"write", no_argument, NULL, OPT_WRITE}, NULL, "with --adopt: write it into the manifest", AT(write)},
    {{"detailed-exitcode", no_argument, NULL, OPT_DETAILED},
     NULL,
     "exit 2 where there are changes; for looking",
     AT(detailed)},
    {{"site", required_argument, NULL, OPT_SITE},
     "DOMAIN",
     "this site only (repeatable)",
     .special = true,
     .needs = "a domain",
     .instead = "leave it out for all sites"},
    {{"on-failure", required_argument, NULL, OPT_ON_FAILURE},
     "WHAT",
     "undo-site (default), undo-all or stop",
     .special = true},
    {{"allow-one-way", no_argument, NULL, OPT_ONE_WAY},
     NULL,
     "apply what cannot be taken back, too",
     AT(allow_one_way)},
    {{"no-health", no_argument, NULL, OPT_NO_HEALTH},
     NULL,
     "do not ask the sites whether they still work",
     AT(no_health)},
    {{"confirm", required_argument, NULL, OPT_CONFIRM},
     "TIME",
     "undo by itself unless `citrus confirm` comes in time",
     .special = true},
    {{"no-confirm", no_argument, NULL, OPT_NO_CONFIRM},
     NULL,
     "no confirmation, also for what can shut you out",
     AT(no_confirm)},
    {{"undo", no_argument, NULL, OPT_UNDO}, NULL, "take it back now", AT(undo)},
    {{"expire", no_argument, NULL, OPT_EXPIRE},
     NULL,
     "for the timer: wait for its time, then take it back",
     AT(expire)},
    {{"verify", no_argument, NULL, OPT_VERIFY}, NULL, "read every file again, trust no cache", AT(verify)},
    {{"fresh", no_argument, NULL, OPT_FRESH},
     NULL,
     "make removed sites anew and empty, also where the trash has them",
     AT(fresh)},
    {{"trash", no_argument, NULL, OPT_TRASH}, NULL, "what the trash holds, and until when", AT(trash)},
    {{"reason", required_argument, NULL, OPT_REASON}, "TEXT", "why, for the history", AT(reason)},
    {{"resume", no_argument, NULL, OPT_RESUME}, NULL, "apply again what was interrupted", AT(resume)},
    {{"root", required_argument, NULL, OPT_ROOT},
     "DIR",
     "an offline root, as dpkg --root",
     AT(root),
     .needs = "a directory",
     .instead = "/ is this machine"},
    {{"verbose", no_argument, NULL, OPT_VERBOSE}, NULL, "show every field of what is made", .special = true},
};
#define KNOWN (sizeof known / sizeof *known)

static void usage(FILE *to)
{
    fprintf(to,
            "citrus keeps a WordPress server the way its manifest says.\n\nUsage: citrus COMMAND [OPTIONS]"
            " [ARGUMENTS]\n\n");
    for (const struct command *c = commands; c->name; c++)
        fprintf(to, "  %-9s %-27s %s\n", c->name, c->synopsis, c->about);
    fprintf(to,
            "\n`citrus help COMMAND` names a command's options. Without a MANIFEST, /etc/citrus/server.yaml"
            " is read.\n");
}

static void usage_command(const struct command *c)
{
    printf("Usage: citrus %s%s%s%s\n\n%s\n", c->name, *c->letters ? " [OPTIONS]" : "",
           *c->synopsis ? " " : "", c->synopsis, c->about);
    for (size_t i = 0; i < KNOWN; i++) {
        if (!strchr(c->letters, known[i].option.val))
            continue;
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s%s", known[i].option.name, known[i].argument ? " " : "",
                 known[i].argument ? known[i].argument : "",
                 known[i].option.val == OPT_VERBOSE ? ", -v" : "");
        printf("  %-22s %s\n", left, known[i].about);
    }
    if (c->more)
        printf("\n%s\n", c->more);
    printf("\nMore: man citrus-%s\n", c->name);
}

static int wrong(const struct command *c, const char *what, const char *hint)
{
    fprintf(stderr, "citrus %s: %s\n", c->name, what);
    if (hint)
        fprintf(stderr, "  hint: %s\n", hint);
    fprintf(stderr, "  see `citrus %s --help`\n", c->name);
    return EXIT_ERROR;
}

/* The hint about a word of which it is not known what it means: its first `len` bytes begin more than one
 * name, or are near to one. */
static const char *meant(const char *word, size_t len, const char *const *names, size_t n, char hint[160])
{
    size_t fit = 0, at = 0;
    char asked[100];
    for (size_t i = 0; i < n && len && at < 100; i++) /* as many as there is room for */
        if (strncmp(names[i], word, len) == 0)
            at += (size_t)snprintf(hint + at, 160 - at, "%s--%s", fit++ ? " or " : "did you mean ", names[i]);
    if (fit) {
        snprintf(hint + at, 160 - at, "?");
        return hint;
    }
    snprintf(asked, sizeof asked, "%.*s", (int)len, word);
    const char *near = near_name(asked, names, n);
    if (!near)
        return NULL;
    snprintf(hint, 160, "did you mean --%s?", near);
    return hint;
}

/* What getopt did not take: `word` is the argument that it has read last, `letter` what getopt makes of it. A
 * short option may stand in the middle of a later one. */
static int not_taken(const struct command *c, const char *word, int letter)
{
    const char *names[KNOWN + 1], *name = word + 2, *near = NULL;
    char what[160], hint[160];
    size_t n = 0;
    if (letter != ':' && optopt != 0 && optopt < LONG) {
        snprintf(what, sizeof what, "there is no option -%c", optopt);
        return wrong(c, what, NULL);
    }
    size_t len = strcspn(name, "=");
    int shown = (int)(len < 100 ? len : 100);
    for (size_t i = 0; i < KNOWN; i++)
        if (strchr(c->letters, known[i].option.val))
            names[n++] = known[i].option.name;
    if (letter == ':') {
        snprintf(what, sizeof what, "--%.*s needs a value", shown, name);
    } else if (optopt) {
        snprintf(what, sizeof what, "--%.*s takes no value", shown, name);
    } else {
        snprintf(what, sizeof what, "there is no option --%.*s", shown, name);
        near = meant(name, len, names, n, hint);
    }
    return wrong(c, what, near);
}

static int set_on_failure(struct options *o, const char *word)
{
    static const char *const words[] = {
        [ON_FAILURE_UNDO_SITE] = "undo-site", [ON_FAILURE_UNDO_ALL] = "undo-all", [ON_FAILURE_STOP] = "stop"};
    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            o->on_failure = (enum on_failure)i;
            return 0;
        }
    return -1;
}

/* Those that more than one word sets; the table knows where the others go. */
static int set_special(const struct command *c, struct options *o, int letter)
{
    switch (letter) {
    case OPT_CONFIRM:
        if (awaiting_parse(optarg, &o->confirm) == 0)
            return 0;
        return wrong(c, "--confirm takes a time from 1s to 1d, such as 90s or 2m", NULL);
    case OPT_VERBOSE:
        o->verbose++;
        return 0;
    case OPT_SITE:
        if (o->n_sites == SITES_MOST)
            return wrong(c, "too many --site", "at most 256 sites can be named; leave --site out for all");
        o->sites[o->n_sites++] = optarg;
        return 0;
    case OPT_ON_FAILURE:
        if (set_on_failure(o, optarg) == 0)
            return 0;
        return wrong(c, "--on-failure takes undo-site, undo-all or stop", NULL);
    default:
        return wrong(c, "no such option", NULL);
    }
}

/* A variable of a script that is not set, more often than not: --root "" would be this machine. */
static int empty_value(const struct command *c, size_t i)
{
    char what[100];
    snprintf(what, sizeof what, "--%s needs %s, and \"\" is none", known[i].option.name, known[i].needs);
    return wrong(c, what, known[i].instead);
}

static int empty_argument(const struct command *c)
{
    if (starts_with(c->synopsis, "[MANIFEST"))
        return wrong(c, "\"\" is no manifest", "leave it out for /etc/citrus/server.yaml");
    return wrong(c, "an argument is empty", NULL);
}

static int set_option(const struct command *c, struct options *o, int letter)
{
    for (size_t i = 0; i < KNOWN; i++) {
        void *at = (char *)o + known[i].at;
        if (known[i].option.val == letter && known[i].needs && !*optarg)
            return empty_value(c, i);
        if (known[i].option.val != letter || known[i].special)
            continue;
        if (known[i].option.has_arg)
            *(const char **)at = optarg;
        else
            *(bool *)at = true;
        return 0;
    }
    return set_special(c, o, letter);
}

/* *changes: as output_close() wants it. */
static int run_command(const struct command *c, int argc, char **argv, bool *changes)
{
    struct option list[KNOWN + 2] = {{0}};
    const char *letters = strchr(c->letters, OPT_VERBOSE) ? ":hv" : ":h";
    size_t n = 0;
    for (size_t i = 0; i < KNOWN; i++)
        if (strchr(c->letters, known[i].option.val)) {
            list[n] = known[i].option;
            list[n++].val += LONG;
        }
    list[n] = (struct option){"help", no_argument, NULL, LONG_HELP};
    struct options o = {0};
    opterr = 0;
    optind = 0; /* from the beginning, whatever was parsed before: getopt(3) */
    for (int letter; (letter = getopt_long(argc, argv, letters, list, NULL)) != -1;) {
        if (letter == LONG_HELP || letter == 'h') {
            usage_command(c);
            return EXIT_DONE;
        }
        if (letter == '?' || letter == ':')
            return not_taken(c, argv[optind - 1], letter);
        int r = set_option(c, &o, letter % LONG);
        if (r)
            return r;
    }
    o.args = (const char *const *)argv + optind;
    o.n_args = (size_t)(argc - optind);
    if (o.n_args > c->most_args)
        return wrong(c, "too many arguments", NULL);
    for (size_t i = 0; i < o.n_args; i++)
        if (!*o.args[i])
            return empty_argument(c);
    *changes = c->changes && c->changes(&o);
    return c->run(&o);
}

/* NULL: there is none, which is said. */
static const struct command *find_command(const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(name, c->name) == 0)
            return c;
        names[n++] = c->name;
    }
    const char *near = near_name(name, names, n);
    fprintf(stderr, "citrus: no command \"%s\"\n", name);
    if (near)
        fprintf(stderr, "  hint: did you mean `citrus %s`?\n", near);
    else
        fprintf(stderr, "  hint: `citrus --help` lists them\n");
    return NULL;
}

static bool asks_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int help(int argc, char **argv)
{
    if (argc == 0 || asks_help(argv[0])) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (argc > 1) {
        fprintf(stderr, "citrus help: too many arguments\n  hint: name one command\n");
        return EXIT_ERROR;
    }
    const struct command *c = find_command(argv[0]);
    if (!c)
        return EXIT_ERROR;
    usage_command(c);
    return EXIT_DONE;
}

static int run_line(int argc, char **argv, bool *changes)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_ERROR;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("citrus %s\n", CITRUS_VERSION);
        return EXIT_DONE;
    }
    if (asks_help(argv[1]))
        return help(argc - 2, argv + 2);
    const struct command *c = find_command(argv[1]);
    return c ? run_command(c, argc - 1, argv + 1, changes) : EXIT_ERROR;
}

int cli_main(int argc, char **argv)
{
    bool changes = false;
    output_open();
    int status = run_line(argc, argv, &changes);
    return output_close(status, changes);
}
