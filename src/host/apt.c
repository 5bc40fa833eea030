/* Packages through apt's own programs. Candidates by `apt-cache policy`, one process for all names; changes
 * by apt-get, non-interactive (apt-get(8), dpkg(1) --force-things, apt.conf(5)). */
#include "fs.h"
#include "real.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define APT_GET    "/usr/bin/apt-get"
#define APT_CACHE  "/usr/bin/apt-cache"
#define APT_MARK   "/usr/bin/apt-mark"
#define DPKG       "/usr/bin/dpkg"
#define NAME_LIMIT 256

/* LANG=C: the lines are read here. The rest keeps maintainer scripts and hooks from asking anything. */
static const char *const apt_env[] = {"LANG=C.UTF-8",
                                      "LC_ALL=C.UTF-8",
                                      "LANGUAGE=C",
                                      "DEBIAN_FRONTEND=noninteractive",
                                      "DEBIAN_PRIORITY=critical",
                                      "APT_LISTCHANGES_FRONTEND=none",
                                      "APT_LISTBUGS_FRONTEND=none",
                                      "NEEDRESTART_SUSPEND=1",
                                      "UCF_FORCE_CONFFOLD=1",
                                      NULL};

/* A package's name, perhaps with "=version": Debian policy 5.6.1 and 5.6.12. Nothing that apt-get would take
 * for an option, a pattern or a suffix ("nginx-"). */
static int name_check(const char *name, struct error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    size_t len = n;
    if (name[n] == '=')
        len +=
            1 + strspn(name + n + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-:~");
    bool alone = name[n] == '\0' && n && (name[n - 1] == '-' || name[n - 1] == '+');
    /* "g++" and "libstdc++" end so and are real; apt-get looks for a package of the whole name first. */
    if (alone && name[n - 1] == '+')
        alone = false;
    if (n < 2 || name[len] != '\0' || name[len - 1] == '=' || alone || strchr("+-.", name[0]) ||
        len > NAME_LIMIT)
        return error_set(err, -EINVAL, "\"%.80s\" cannot be the name of a package", name);
    return 0;
}

/* --- candidates -------------------------------------------------------------------------------------------
 */

/* Reads apt-cache's answer:  "nginx:\n  Installed: (none)\n  Candidate: 1.22.1-9\n". */
static void policy_parse(const char *text, const char *const *names, size_t n, const char **candidate,
                         struct arena *a)
{
    size_t at = n;
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (len > 1 && text[0] != ' ' && text[len - 1] == ':') {
            for (at = 0; at < n; at++)
                if (strlen(names[at]) == len - 1 && strncmp(names[at], text, len - 1) == 0)
                    break;
        } else if (at < n && strncmp(text, "  Candidate: ", 13) == 0) {
            const char *version = arena_strndup(a, text + 13, len - 13);
            candidate[at] = strcmp(version, "(none)") == 0 ? NULL : version;
        }
        text += len + (text[len] == '\n');
    }
}

/* One name that stands twice in the list has its candidate in both places. */
static void candidates_repeat(const char *const *names, size_t n, const char **candidate)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i && !candidate[i]; k++)
            if (strcmp(names[i], names[k]) == 0)
                candidate[i] = candidate[k];
}

/* What one process is asked: its output must fit into what is kept of it (64 KiB, and a package in many
 * repositories has some 2 KiB). */
#define POLICY_BATCH 24

static int policy_ask(struct host *h, const char *const *names, size_t n, const char **candidate,
                      struct arena *a, struct error *err)
{
    const char *argv[POLICY_BATCH + 4];
    size_t argc = 0;
    argv[argc++] = APT_CACHE;
    argv[argc++] = "policy";
    argv[argc++] = "--";
    for (size_t i = 0; i < n; i++)
        argv[argc++] = names[i];
    argv[argc] = NULL;
    struct exec x = {.argv = argv, .env = apt_env, .timeout = 120};
    struct exec_result result;
    int r = host_run(h, &x, &result, err);
    if (r < 0)
        return r;
    if (result.status == 0)
        policy_parse(buf_str(&result.out), names, n, candidate, a);
    else
        r = error_set(err, -EIO, "%s policy: status %d: %.600s", APT_CACHE, result.status,
                      buf_str(&result.out));
    exec_result_free(&result);
    return r;
}

int real_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        candidate[i] = NULL;
        int r = name_check(names[i], err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n; i += POLICY_BATCH) {
        size_t m = n - i < POLICY_BATCH ? n - i : POLICY_BATCH;
        int r = policy_ask(h, names + i, m, candidate + i, a, err);
        if (r < 0)
            return r;
    }
    candidates_repeat(names, n, candidate);
    return 0;
}

/* --- changes ----------------------------------------------------------------------------------------------
 */

/* What each verb runs: the words before the names. */
static const struct {
    const char *program;
    const char *words[4];
    bool install; /* with the options of unpacking and configuring */
    int seconds;
} commands[] = {
    [APT_UPDATE] = {APT_GET, {"update"}, false, 600},
    [APT_DOWNLOAD] = {APT_GET, {"install", "--download-only"}, true, 3600},
    [APT_INSTALL] = {APT_GET, {"install"}, true, 3600},
    [APT_REINSTALL] = {APT_GET, {"install", "--reinstall"}, true, 3600},
    [APT_REMOVE] = {APT_GET, {"remove"}, true, 1800},
    [APT_PURGE] = {APT_GET, {"purge"}, true, 1800},
    [APT_HOLD] = {APT_MARK, {"hold"}, false, 60},
    [APT_UNHOLD] = {APT_MARK, {"unhold"}, false, 60},
    [APT_CONFIGURE] = {DPKG, {"--force-confold", "--force-confdef", "--configure", "-a"}, false, 1800},
};

/* --allow-change-held-packages is left out on purpose: a hold is somebody's decision. */
static const char *const install_options[] = {"--yes",
                                              "--quiet",
                                              "--no-install-recommends",
                                              "-o",
                                              "Dpkg::Options::=--force-confold",
                                              "-o",
                                              "Dpkg::Options::=--force-confdef",
                                              "-o",
                                              "DPkg::Lock::Timeout=300",
                                              "-o",
                                              "Dpkg::Use-Pty=0",
                                              "-o",
                                              "Acquire::Retries=3"};
static const char *const update_options[] = {"--quiet", "-o", "DPkg::Lock::Timeout=300", "-o",
                                             "Acquire::Retries=3"};
#define OPTIONS_MAX 24

static const char **command_make(enum apt_verb verb, const char *const *names, size_t n, struct arena *a)
{
    const char **argv = arena_array(a, const char *, n + OPTIONS_MAX);
    size_t argc = 0;
    argv[argc++] = commands[verb].program;
    if (commands[verb].install)
        for (size_t i = 0; i < sizeof install_options / sizeof *install_options; i++)
            argv[argc++] = install_options[i];
    else if (verb == APT_UPDATE)
        for (size_t i = 0; i < sizeof update_options / sizeof *update_options; i++)
            argv[argc++] = update_options[i];
    for (size_t i = 0; i < 4 && commands[verb].words[i]; i++)
        argv[argc++] = commands[verb].words[i];
    if (n)
        argv[argc++] = "--";
    for (size_t i = 0; i < n; i++)
        argv[argc++] = names[i];
    argv[argc] = NULL;
    return argv;
}

/* Of apt's and dpkg's output, what is worth a line to who waits. */
static void progress_line(void *self, const char *line)
{
    static const char *const worth[] = {
        "Get:",     "Unpacking ",      "Setting up ",         "Removing ",
        "Purging ", "Preparing to un", "Processing triggers", "Waiting for cache lock"};
    const struct progress *to = self;
    for (size_t i = 0; i < sizeof worth / sizeof *worth; i++)
        if (starts_with(line, worth[i]))
            to->say(to->self, line);
}

static bool line_explains(const char *line)
{
    return starts_with(line, "E: ") || starts_with(line, "dpkg: error") || starts_with(line, "Err:") ||
           starts_with(line, "mark: error");
}

/* apt's own E: lines, else the last lines of its output. */
static void reason_collect(const char *out, struct buf *reason)
{
    const char *tail = out;
    size_t lines = 0;
    for (const char *at = out; *at;) {
        size_t len = strcspn(at, "\n");
        if (line_explains(at) && reason->len < 900) {
            buf_adds(reason, reason->len ? "; " : "");
            buf_add(reason, at, len);
        }
        at += len + (at[len] == '\n');
        if (++lines > 4) {
            tail += strcspn(tail, "\n");
            tail += *tail == '\n';
        }
    }
    if (reason->len == 0)
        buf_adds(reason, tail);
    while (reason->len && reason->at[reason->len - 1] == '\n')
        reason->at[--reason->len] = '\0';
}

static void hint_add(const char *reason, struct error *err)
{
    static const struct {
        const char *sign, *hint;
    } hints[] = {
        {"Could not get lock", "another program is installing packages; run this again when it has finished"},
        {"Unable to locate package", "check the name, and that its repository is in /etc/apt/sources.list*"},
        {"has no installation candidate", "no repository offers it; check /etc/apt/sources.list*"},
        {"was not found", "no repository offers that version: apt-cache policy NAME"},
        {"dpkg was interrupted", "finish what was begun: dpkg --configure -a"},
        {"Unmet dependencies", "look at `apt-get -f install --dry-run`"},
        {"unmet dependencies", "look at `apt-get -f install --dry-run`"},
        {"Held packages were changed", "release it: apt-mark unhold NAME, or take it out of `hold`"},
        {"held broken packages", "a held package is in the way: apt-mark showhold"},
        {"not have enough free space", "make room in /var/cache/apt/archives"},
        {"No space left on device", "make room on the disk, then: dpkg --configure -a"},
        {"Temporary failure resolving", "the machine's name resolution does not work"},
        {"NO_PUBKEY", "the repository's key is missing: see its Signed-By"},
        {"404", "the package lists are old: apt-get update"},
        {"returned error exit status", "look at /var/log/apt/term.log; then: dpkg --configure -a"},
        {"Sub-process", "look at /var/log/apt/term.log; then: dpkg --configure -a"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(reason, hints[i].sign)) {
            error_hint(err, "%s", hints[i].hint);
            return;
        }
}

static int apt_error(enum apt_verb verb, const char *const *names, size_t n, const struct exec_result *result,
                     struct error *err)
{
    struct buf what = {0}, reason = {0};
    buf_adds(&what, commands[verb].program);
    for (size_t i = 0; i < 4 && commands[verb].words[i]; i++)
        buf_addf(&what, " %s", commands[verb].words[i]);
    for (size_t i = 0; i < n && i < 8; i++)
        buf_addf(&what, " %s", names[i]);
    if (n > 8)
        buf_addf(&what, " and %zu more", n - 8);
    reason_collect(buf_str(&result->out), &reason);
    int r;
    if (result->status == -1)
        r = error_set(err, -ETIMEDOUT, "%s: not done in %d s: %s", buf_str(&what), commands[verb].seconds,
                      buf_str(&reason));
    else
        r = error_set(err, -EIO, "%s: status %d: %s", buf_str(&what), result->status, buf_str(&reason));
    hint_add(buf_str(&reason), err);
    buf_free(&what);
    buf_free(&reason);
    return r;
}

int real_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err)
{
    bool whole = verb == APT_UPDATE || verb == APT_CONFIGURE;
    if (!whole && n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int r = name_check(names[i], err);
        if (r < 0)
            return r;
    }
    struct arena a = {0};
    struct progress filter = {progress_line, (void *)(uintptr_t)p};
    struct exec x = {.argv = command_make(verb, names, n, &a),
                     .env = apt_env,
                     .timeout = commands[verb].seconds,
                     .mutates = true,
                     .progress = p ? &filter : NULL};
    struct exec_result result;
    int r = host_run(h, &x, &result, err);
    if (r == 0) {
        if (result.status != 0)
            r = apt_error(verb, names, n, &result, err);
        exec_result_free(&result);
    }
    arena_free(&a);
    return r;
}
