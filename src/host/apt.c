/* Packages through apt's own programs. Candidates by `apt-cache policy`, one process for all names; changes
 * by apt-get, non-interactive (apt-get(8), dpkg(1) --force-things, apt.conf(5)). */
#include "apt_lock.h"
#include "apt_said.h"
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
/* dpkg writes its status (some MB) anew as it goes, and the scripts and lists of each package. */
#define DPKG_ROOM ((int64_t)8 << 20)

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
#define WORDS_MOST 5
#define TORN_TOO   "Dpkg::Options::=--force-remove-reinstreq"
static const struct {
    const char *program;
    const char *words[WORDS_MOST];
    bool install; /* with the options of unpacking and configuring */
    int seconds;
} commands[] = {
    [APT_UPDATE] = {APT_GET, {"update"}, false, 600},
    [APT_DOWNLOAD] = {APT_GET,
                      {"install", "--download-only"},
                      true,
                      4 * 3600}, /* apt itself ends what stalls */
    [APT_INSTALL] = {APT_GET, {"install"}, true, 3600},
    [APT_REINSTALL] = {APT_GET, {"install", "--reinstall"}, true, 3600},
    /* dpkg does not remove what was torn while it was unpacked, unless it is told to (dpkg(1)). */
    [APT_REMOVE] = {APT_GET, {"-o", TORN_TOO, "remove"}, true, 1800},
    [APT_PURGE] = {APT_GET, {"-o", TORN_TOO, "purge"}, true, 1800},
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
                                              "DPkg::Lock::Timeout=5", /* apt_wait() does the waiting */
                                              "-o",
                                              "Dpkg::Use-Pty=0",
                                              "-o",
                                              "Acquire::Retries=3"};
/* Without Error-Mode apt calls it a success when no repository answered (apt-get(8), --error-on). */
static const char *const update_options[] = {"--quiet", "-o", "APT::Update::Error-Mode=any", "-o",
                                             "Acquire::Retries=3"};
/* How far the downloads are, twice a second, as "dlstatus:1:33.3:Retrieving file 1 of 3 (2s remaining)". */
static const char *const fetch_options[] = {"-o", "APT::Status-Fd=1"};
#define STALL_SECONDS 120 /* apt's own limits for a connection come first: 4 tries of 30 s (apt.conf(5)) */
#define OPTIONS_MAX   28

static bool fetches(enum apt_verb verb)
{
    return verb == APT_UPDATE || verb == APT_DOWNLOAD;
}

static const char **command_make(enum apt_verb verb, const char *const *more, const char *const *names,
                                 size_t n, struct arena *a)
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
    for (; more && *more; more++)
        argv[argc++] = *more;
    for (size_t i = 0; fetches(verb) && i < sizeof fetch_options / sizeof *fetch_options; i++)
        argv[argc++] = fetch_options[i];
    for (size_t i = 0; i < WORDS_MOST && commands[verb].words[i]; i++)
        argv[argc++] = commands[verb].words[i];
    if (n)
        argv[argc++] = "--";
    for (size_t i = 0; i < n; i++)
        argv[argc++] = names[i];
    argv[argc] = NULL;
    return argv;
}

static void command_name(enum apt_verb verb, const char *const *names, size_t n, struct buf *out)
{
    bool option = verb == APT_REMOVE || verb == APT_PURGE; /* nothing that a person asked for */
    buf_adds(out, commands[verb].program);
    for (size_t i = option ? 2 : 0; i < WORDS_MOST && commands[verb].words[i]; i++)
        buf_addf(out, " %s", commands[verb].words[i]);
    for (size_t i = 0; i < n && i < 8; i++)
        buf_addf(out, " %s", names[i]);
    if (n > 8)
        buf_addf(out, " and %zu more", n - 8);
}

static int apt_error(enum apt_verb verb, const char *const *names, size_t n, const struct exec_result *result,
                     struct error *err)
{
    struct buf what = {0}, reason = {0};
    command_name(verb, names, n, &what);
    apt_reason(buf_str(&result->out), &reason);
    int r;
    if (result->status == -1 && result->stalled) {
        r = error_set(err, -ETIMEDOUT, "%s: it came no further and was ended: %s", buf_str(&what),
                      buf_str(&reason));
        error_hint(err, "the mirror is too slow or cannot be reached: try later, or take another one");
    } else if (result->status == -1) {
        r = error_set(err, -ETIMEDOUT, "%s: not done in %d s: %s", buf_str(&what), commands[verb].seconds,
                      buf_str(&reason));
        apt_hint(buf_str(&reason), err);
    } else {
        r = error_set(err, -EIO, "%s: status %d: %s", buf_str(&what), result->status, buf_str(&reason));
        apt_hint(buf_str(&reason), err);
    }
    buf_free(&what);
    buf_free(&reason);
    return r;
}

/* What apt leaves to dpkg to find out in the middle. Its own check is of the downloads alone. */
static int space_check(struct host *h, int64_t bytes, const char *const *names, size_t n, struct error *err)
{
    struct buf what = {0};
    buf_addf(&what, "installing %s", names[0]);
    if (n > 1)
        buf_addf(&what, " and %zu more", n - 1);
    int r = fs_room_need(h, "/usr", bytes, buf_str(&what), err);
    if (r == 0)
        r = fs_room_need(h, "/var/lib/dpkg", DPKG_ROOM, "dpkg", err);
    buf_free(&what);
    return r;
}

/* deb-systemd-invoke(1p) and invoke-rc.d(8), by which maintainer scripts start and restart services, for one
 * child and what it starts. */
static const struct exec_bind no_services[] = {{"/bin/true", "/usr/bin/deb-systemd-invoke"},
                                               {"/bin/true", "/usr/sbin/invoke-rc.d"}};

static bool services_can_be_left(struct host *h)
{
    for (size_t i = 0; i < sizeof no_services / sizeof *no_services; i++) {
        struct fs_stat st;
        if (fs_stat(h, no_services[i].target, &st, NULL) < 0 || st.type != FS_FILE)
            return false;
    }
    return true;
}

/* A package whose service refuses its configuration stays half configured, and holds up all of apt. What dpkg
 * cannot finish for that is finished with the services left as they are. */
static int configure_again(struct host *h, const struct exec *x, struct exec_result *result,
                           struct error *err)
{
    struct exec alone = *x;
    if (!services_can_be_left(h))
        return 0;
    exec_result_free(result);
    *result = (struct exec_result){0};
    alone.binds = no_services;
    alone.n_binds = sizeof no_services / sizeof *no_services;
    return host_run(h, &alone, result, err);
}

/* Once; 1: somebody took a lock in between. */
static int apt_once(struct host *h, enum apt_verb verb, const char *const *names, size_t n,
                    const struct exec *x, const struct apt_wait *wait, struct error *err)
{
    const struct apt_hearing *heard = x->progress->self;
    struct exec_result result;
    int r = host_run(h, x, &result, err);
    if (r == 0 && verb == APT_CONFIGURE && result.status > 0 && !apt_lock_missed(buf_str(&result.out)))
        r = configure_again(h, x, &result, err);
    if (r < 0)
        return r;
    if (result.status > 0 && !apt_wait_over(wait) && apt_lock_missed(buf_str(&result.out)))
        r = 1;
    else if (result.status != 0)
        r = apt_error(verb, names, n, &result, err);
    else if (verb == APT_DOWNLOAD)
        r = space_check(h, heard->space, names, n, err);
    exec_result_free(&result);
    return r;
}

static int names_check(const char *const *names, size_t n, struct error *err)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = name_check(names[i], err);
    return r;
}

int real_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err)
{
    bool whole = verb == APT_UPDATE || verb == APT_CONFIGURE;
    if (!whole && n == 0)
        return 0;
    int r = names_check(names, n, err);
    if (r < 0)
        return r;
    struct arena a = {0};
    struct apt_hearing heard = {.to = p};
    struct progress hears = {.say = apt_hear, .self = &heard};
    struct exec x = {.argv = command_make(verb, NULL, names, n, &a),
                     .env = apt_env,
                     .timeout = commands[verb].seconds,
                     .stall = !fetches(verb)         ? 0
                              : h->stall_seconds > 0 ? h->stall_seconds
                                                     : STALL_SECONDS,
                     .mutates = true,
                     .progress = &hears};
    struct apt_wait wait = apt_wait_start(h, p);
    struct buf what = {0};
    for (r = 1; r > 0;) {
        r = apt_wait(h, &wait, verb, err);
        if (r == 0)
            r = apt_once(h, verb, names, n, &x, &wait, err);
    }
    if (r == -EBUSY || r == -EINTR) {
        command_name(verb, names, n, &what);
        error_prefix(err, "%s", buf_str(&what));
        buf_free(&what);
    }
    arena_free(&a);
    return r;
}

/* --- what goes along --------------------------------------------------------------------------------------
 */

/* Of what is to go, a hold is let go of first. */
static const char *const simulated_install[] = {"--simulate", NULL};
static const char *const simulated_removal[] = {"--simulate", "--allow-change-held-packages", NULL};

int real_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err)
{
    int r = names_check(names, n, err);
    if (r < 0)
        return r;
    struct arena scratch = {0};
    struct exec_result result = {0};
    struct apt_removals heard = {.names = names, .n_names = n, .a = a};
    struct progress hears = {.say = apt_hear_removal, .self = &heard};
    const char *const *more = verb == APT_REMOVE ? simulated_removal : simulated_install;
    struct exec x = {.argv = command_make(verb, more, names, n, &scratch),
                     .env = apt_env,
                     .timeout = 120,
                     .progress = &hears};
    if (n > 0)
        r = host_run(h, &x, &result, err);
    if (r == 0 && result.status != 0)
        r = apt_error(verb, names, n, &result, err);
    if (r == 0) {
        vec_push(a, &heard.found, NULL);
        *ret = heard.found.at;
    }
    exec_result_free(&result);
    arena_free(&scratch);
    return r;
}
