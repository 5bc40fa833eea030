/* A system's tree that is not running (--root DIR): its units are files and links, its accounts are edited
 * by tools that know another root; everything else needs the system to run, and says so. */
#include "real.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int not_running(struct host *h, const char *what, struct error *err)
{
    error_set(err, -EOPNOTSUPP, "%s needs the running system, and %s is an offline root", what, h->root);
    error_hint(err, "run citrus apply on the system itself to complete what was deferred");
    return -EOPNOTSUPP;
}

/* Only tools that are told the root: nothing else could keep from changing this machine. */
static int offline_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    static const char *const tools[] = {"/usr/sbin/useradd",        "/usr/sbin/usermod",  "/usr/sbin/userdel",
                                        "/usr/sbin/groupadd",       "/usr/sbin/groupdel", "/usr/bin/gpasswd",
                                        "/usr/bin/systemd-sysusers"};
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(x->argv[0], tools[i]) == 0 && x->argv[1] &&
            (strcmp(x->argv[1], "--prefix") == 0 || strcmp(x->argv[1], "--root") == 0) && x->argv[2] &&
            strcmp(x->argv[2], h->root) == 0)
            return real_run(h, x, ret, err);
    return not_running(h, x->argv[0], err);
}

static int offline_units(struct host *h, struct unit_state *units, size_t n, struct arena *a,
                         struct error *err)
{
    for (size_t i = 0; i < n; i++)
        units[i] = (struct unit_state){.name = units[i].name, .sub = "offline"};
    return unit_links_read(h, units, n, err);
}

static int offline_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err)
{
    static const char systemctl[] = "/usr/bin/systemctl";
    if (verb != UNIT_ENABLE && verb != UNIT_DISABLE)
        return not_running(h, name, err);
    if (access(systemctl, X_OK) < 0)
        return unit_links_change(h, name, verb == UNIT_ENABLE, err);
    const char *const argv[] = {systemctl, "--root", h->root, verb == UNIT_ENABLE ? "enable" : "disable",
                                "--",      name,     NULL};
    const struct exec x = {.argv = argv};
    struct exec_result result;
    int r = real_run(h, &x, &result, err);
    if (r < 0)
        return r;
    if (result.status != 0)
        r = error_set(err, -EIO, "cannot %s %s below %s: %.800s", argv[3], name, h->root,
                      buf_str(&result.out));
    exec_result_free(&result);
    return r;
}

static int offline_units_reload(struct host *h, struct error *err)
{
    return not_running(h, "reloading systemd's units", err);
}

static int offline_timer(struct host *h, const char *name, int64_t seconds, const char *about,
                         struct error *err)
{
    return not_running(h, name, err);
}

static int offline_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                                  struct arena *a, struct error *err)
{
    return not_running(h, "looking for packages", err);
}

static int offline_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n,
                       const struct progress *p, struct error *err)
{
    return not_running(h, "changing packages", err);
}

static int offline_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n,
                             const char ***ret, struct arena *a, struct error *err)
{
    return not_running(h, "looking for what packages take along", err);
}

static int offline_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret,
                           struct arena *a, struct error *err)
{
    return not_running(h, "reading databases", err);
}

static int offline_db_exec(struct host *h, const char *sql, const char *const *values, size_t n,
                           struct error *err)
{
    return not_running(h, "changing a database", err);
}

static int offline_db_dump(struct host *h, const char *database, const char *path, struct error *err)
{
    return not_running(h, "dumping a database", err);
}

static int offline_db_load(struct host *h, const char *database, const char *path, struct error *err)
{
    return not_running(h, "loading a database", err);
}

static int offline_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX],
                         struct error *err)
{
    return not_running(h, "fetching a file", err);
}

static int offline_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret,
                         struct arena *a, struct error *err)
{
    return not_running(h, "asking a site", err);
}

const struct host_ops host_offline_ops = {
    .run = offline_run,
    .units = offline_units,
    .unit = offline_unit,
    .units_reload = offline_units_reload,
    .timer = offline_timer,
    .apt_candidates = offline_apt_candidates,
    .apt = offline_apt,
    .apt_along = offline_apt_along,
    .db_read = offline_db_read,
    .db_exec = offline_db_exec,
    .db_dump = offline_db_dump,
    .db_load = offline_db_load,
    .fetch = offline_fetch,
    .probe = offline_probe,
};
