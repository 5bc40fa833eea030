#include "host.h"
#include "footprint.h"
#include "fs.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int host_open(const char *root, struct host **ret, struct error *err)
{
    char real[PATH_MAX];
    if (!root || !*root)
        root = "/";
    if (!realpath(root, real)) {
        int r = error_errno(err, errno, "cannot open the root %s", root);
        error_hint(err, "--root names the directory of a system's tree, such as one that mmdebstrap made");
        return r;
    }
    int fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot open the root %s", real);
    struct host *h = xmalloc(sizeof *h);
    *h = (struct host){.rootfd = fd, .offline = strcmp(real, "/") != 0};
    h->ops = h->offline ? &host_offline_ops : &host_real_ops;
    size_t n = strlen(real) + 1;
    char *copy = xmalloc(n);
    memcpy(copy, real, n);
    h->root = copy;
    *ret = h;
    return 0;
}

/* --- dispatch: what changes something passes the fault points here, whatever the ops are ------------------
 */

#define MUTATE(what, object, call)                                                                           \
    do {                                                                                                     \
        footprint_spoil(h);                                                                                  \
        host_step(STEP_BEFORE, what, object);                                                                \
        int mutate_r = (call);                                                                               \
        host_step(STEP_AFTER, what, object);                                                                 \
        return mutate_r;                                                                                     \
    } while (0)

/* Of a tree that does not run the units are files, and all else is refused, whatever it is. */
static void asked(struct host *h)
{
    if (h->ops != &host_offline_ops)
        footprint_asked(h);
}

int host_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    asked(h);
    if (!x->mutates)
        return h->ops->run(h, x, ret, err);
    MUTATE("run", x->argv[0], h->ops->run(h, x, ret, err));
}

/* The last lines of a program's output, for an error's text: where programs say what went wrong. */
static const char *last_lines(const struct buf *out, size_t max, size_t *len)
{
    const char *s = buf_str(out);
    size_t n = out->len;
    while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' '))
        n--;
    size_t from = n > max ? n - max : 0;
    while (from > 0 && from < n && s[from - 1] != '\n')
        from++;
    if (from == n && n > max) /* one long line */
        from = n - max;
    *len = n - from;
    return s + from;
}

/* A program that met a full or read-only disk fails with that code, and so with its hint. */
static int status_error(const struct exec *x, const struct exec_result *result, int n, const char *text,
                        struct error *err)
{
    const char *out = buf_str(&result->out);
    bool full = strstr(out, "No space left on device") || strstr(out, "errno 28"); /* mariadb-dump's way */
    int code = full ? -ENOSPC : strstr(out, "Read-only file system") ? -EROFS : -EIO;
    error_errno(err, code, "%s", x->argv[0]); /* for its hint */
    char hint[sizeof err->hint] = "";
    if (err)
        memcpy(hint, err->hint, sizeof hint);
    error_set(err, code, "%s ended with status %d%s%.*s", x->argv[0], result->status, n ? ": " : "", n, text);
    error_hint(err, "%s", hint);
    return code;
}

int host_run_ok(struct host *h, const struct exec *x, struct error *err)
{
    struct exec_result result;
    int r = host_run(h, x, &result, err);
    if (r < 0)
        return r;
    size_t n;
    const char *text = last_lines(&result.out, 1000, &n);
    if (result.status == -1)
        r = error_set(err, -ETIMEDOUT, "%s did not end within %d seconds and was ended%s%.*s", x->argv[0],
                      x->timeout > 0 ? x->timeout : 60, n ? ": " : "", (int)n, text);
    else if (result.status > 128)
        r = error_set(err, -EIO, "%s was ended by signal %d%s%.*s", x->argv[0], result.status - 128,
                      n ? ": " : "", (int)n, text);
    else if (result.status != 0)
        r = status_error(x, &result, (int)n, text, err);
    exec_result_free(&result);
    return r;
}

int host_units(struct host *h, struct unit_state *units, size_t n, struct arena *a, struct error *err)
{
    asked(h);
    return h->ops->units(h, units, n, a, err);
}

int host_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err)
{
    static const char *const steps[] = {"unit start",   "unit stop",   "unit reload",
                                        "unit restart", "unit enable", "unit disable"};
    MUTATE(steps[verb], name, h->ops->unit(h, name, verb, err));
}

int host_units_reload(struct host *h, struct error *err)
{
    MUTATE("units reload", "", h->ops->units_reload(h, err));
}

int host_timer(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err)
{
    MUTATE("timer", name, h->ops->timer(h, name, seconds, about, err));
}

int host_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err)
{
    asked(h);
    return h->ops->apt_candidates(h, names, n, candidate, a, err);
}

int host_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err)
{
    static const char *const steps[] = {"apt update",    "apt download", "apt install",
                                        "apt reinstall", "apt remove",   "apt purge",
                                        "apt hold",      "apt unhold",   "apt configure"};
    MUTATE(steps[verb], n > 0 ? names[0] : "", h->ops->apt(h, verb, names, n, p, err));
}

int host_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err)
{
    asked(h);
    return h->ops->apt_along(h, verb, names, n, ret, a, err);
}

int host_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err)
{
    static const struct db_scope everything = {.parts = DB_DATABASES | DB_TABLES | DB_USERS};
    asked(h);
    return h->ops->db_read(h, scope ? scope : &everything, ret, a, err);
}

int host_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err)
{
    MUTATE("sql", "", h->ops->db_exec(h, sql, values, n, err)); /* its text may hold a secret */
}

int host_db_dump(struct host *h, const char *database, const char *path, struct error *err)
{
    MUTATE("dump", path, h->ops->db_dump(h, database, path, err));
}

int host_db_load(struct host *h, const char *database, const char *path, struct error *err)
{
    MUTATE("load", database, h->ops->db_load(h, database, path, err));
}

int host_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err)
{
    MUTATE("fetch", f->path, h->ops->fetch(h, f, ret_sha256, err));
}

int host_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err)
{
    asked(h);
    return h->ops->probe(h, list, n, ret, a, err);
}

void progress_note(const struct progress *p, const char *line)
{
    if (p && p->note)
        p->note(p->self, line);
    else if (p)
        p->say(p->self, line);
}
