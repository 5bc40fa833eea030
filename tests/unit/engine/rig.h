/* An engine on a temporary root: the fake host, a store of its own, a catalog that the test fills, and events
 * that the test can hang things on. The registry is registry.c's: the real kinds, and the probe. */
#ifndef CITRUS_TEST_RIG_H
#define CITRUS_TEST_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include "fake.h"
#include "fs.h"
#include "internal.h"
#include "planfile.h"
#include "probe.h"
#include "specs.h"
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NGINX_RUNS "{\"units\": {\"nginx.service\": {\"active\": true, \"enabled\": true}}}"
#define SECOND     1000000000LL

struct rig {
    char dir[64];
    struct host *h;
    struct store *s;
    struct arena a;
    struct catalog cat;
    struct engine e;
    struct engine_events events;
    struct plan *p;
    struct apply_result res;
    struct apply_options o;
    struct error err;
    struct buf told; /* the events, one a line */
    volatile sig_atomic_t interrupted;
    void (*hook)(struct rig *t, const struct action *a); /* right before an action */
    const char *bundle;
    const char *sites[4]; /* --site */
};

static inline const char *rig_path(struct rig *t, const char *path)
{
    return arena_printf(&t->a, "%s%s", t->dir, path);
}

/* --- events ----------------------------------------------------------------------------------------------
 */

static inline void rig_tell(struct rig *t, const char *word, const struct action *a)
{
    buf_addf(&t->told, "%s %s %s\n", word, op_names[a->change.op], a->change.res->id);
}
static inline void rig_preparing(void *self, const struct action *a)
{
    rig_tell(self, "prepare", a);
}
static inline void rig_started(void *self, const struct action *a)
{
    struct rig *t = self;
    rig_tell(t, "start", a);
    if (t->hook)
        t->hook(t, a);
}
static inline void rig_finished(void *self, const struct action *a)
{
    rig_tell(self, "done", a);
}
static inline void rig_failed(void *self, const struct action *a, const struct error *err)
{
    rig_tell(self, "fail", a);
}
static inline void rig_undone(void *self, const struct action *a, const struct error *err)
{
    rig_tell(self, err ? "stuck" : "undone", a);
}

/* --- opening ---------------------------------------------------------------------------------------------
 */

static inline void rig_catalog(struct rig *t)
{
    t->cat = (struct catalog){.arena = &t->a, .server = "web-01"};
}

static inline void rig_open(struct rig *t, const char *world)
{
    if (host_fake(t->dir, world, &t->h, &t->err) < 0 ||
        fs_mkdirs(t->h, "/var/lib/citrus", 0700, &t->err) < 0 ||
        store_open(rig_path(t, "/var/lib/citrus"), STORE_WRITE, &t->s, &t->err) < 0)
        fail_msg("%s", t->err.text);
    t->events = (struct engine_events){.preparing = rig_preparing,
                                       .started = rig_started,
                                       .finished = rig_finished,
                                       .failed = rig_failed,
                                       .undone = rig_undone,
                                       .self = t};
    t->e = (struct engine){.host = t->h,
                           .store = t->s,
                           .arena = &t->a,
                           .events = &t->events,
                           .state_dir = "/var/lib/citrus",
                           .interrupted = &t->interrupted};
    t->bundle = "one";
    rig_catalog(t);
}

static inline struct rig *rig_new(const char *world)
{
    struct rig *t = calloc(1, sizeof *t);
    assert_non_null(t);
    service_steady_ms = 0;
    strcpy(t->dir, "/tmp/citrus-engine-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    assert_int_equal(chmod(t->dir, 0755), 0);
    probe_reset();
    rig_open(t, world);
    return t;
}

/* The same root, with everything in memory forgotten: the next run of the program. */
static inline void rig_again(struct rig *t, const char *world)
{
    store_close(t->s);
    host_close(t->h);
    arena_free(&t->a);
    buf_reset(&t->told);
    t->hook = NULL;
    t->interrupted = 0;
    t->o = (struct apply_options){0};
    memset(t->sites, 0, sizeof t->sites);
    error_clear(&t->err);
    rig_open(t, world);
}

static inline int rig_rm(const char *path, const struct stat *st, int type, struct FTW *w)
{
    return remove(path);
}

static inline void rig_free(struct rig *t)
{
    store_close(t->s);
    host_close(t->h);
    nftw(t->dir, rig_rm, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(&t->a);
    buf_free(&t->told);
    free(t);
}

/* --- what is wanted --------------------------------------------------------------------------------------
 */

static inline struct resource *rig_add(struct rig *t, const struct kind *k, const char *id, const char *site)
{
    return catalog_add(&t->cat, k, id, site ? arena_strdup(&t->a, site) : NULL, (struct pos){"s.yaml", 1, 1});
}
static inline struct resource *rig_file(struct rig *t, const char *path, const char *site, const char *text)
{
    struct resource *r = rig_add(t, &file_kind, path, site);
    struct file_spec *s = r->spec;
    file_content(&t->a, s, text, strlen(text), false);
    s->mode = 0644;
    return r;
}
static inline struct resource *rig_directory(struct rig *t, const char *path, const char *site, bool data)
{
    struct resource *r = rig_add(t, &directory_kind, path, site);
    struct directory_spec *s = r->spec;
    s->mode = 0755;
    s->data = data;
    return r;
}
static inline struct resource *rig_link(struct rig *t, const char *path, const char *site, const char *target)
{
    struct resource *r = rig_add(t, &link_kind, path, site);
    ((struct link_spec *)r->spec)->target = target;
    return r;
}
static inline struct resource *rig_service(struct rig *t, const char *unit)
{
    struct resource *r = rig_add(t, &service_kind, unit, NULL);
    ((struct service_spec *)r->spec)->active = 1;
    return r;
}
/* See probe.h. */
static inline struct resource *rig_probe(struct rig *t, const char *id, const char *site, const char *value)
{
    struct resource *r = rig_add(t, &probe_kind, id, site);
    ((struct probe_spec *)r->spec)->value = value;
    return r;
}
static inline void rig_needs(struct rig *t, struct resource *r, struct resource *needed)
{
    resource_needs(&t->cat, r, needed);
}
static inline void rig_notifies(struct rig *t, struct resource *r, struct resource *service)
{
    resource_notifies(&t->cat, r, service, IMPACT_RELOAD);
}

/* --- the machine -----------------------------------------------------------------------------------------
 */

static inline void rig_put(struct rig *t, const char *path, const char *text)
{
    const char *slash = strrchr(path, '/');
    if (slash != path)
        assert_int_equal(fs_mkdirs(t->h, arena_strndup(&t->a, path, (size_t)(slash - path)), 0755, &t->err),
                         0);
    int fd = open(rig_path(t, path), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, 0644), 0);
    close(fd);
}
static inline const char *rig_read(struct rig *t, const char *path)
{
    char text[65536];
    int fd = open(rig_path(t, path), O_RDONLY | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return n < 0 ? NULL : arena_strndup(&t->a, text, (size_t)n);
}
static inline bool rig_there(struct rig *t, const char *path)
{
    struct stat st;
    return lstat(rig_path(t, path), &st) == 0;
}

static struct rig *rig_walked;
static struct buf rig_lines;

static inline int rig_walk(const char *path, const struct stat *st, int type, struct FTW *w)
{
    const char *at = path + strlen(rig_walked->dir);
    char target[512] = "";
    if (strncmp(at, "/var/lib/citrus", 15) == 0)
        return 0;
    if (S_ISLNK(st->st_mode) && readlink(path, target, sizeof target - 1) < 0)
        return -1;
    buf_addf(&rig_lines, "%s %o %s %s\n", at, (unsigned)st->st_mode, target,
             S_ISREG(st->st_mode) ? rig_read(rig_walked, at) : "");
    return 0;
}
static inline int rig_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
/* Every path outside citrus's own state, with mode and content; one line each, sorted. */
static inline char *rig_tree(struct rig *t)
{
    VEC(char *) lines = {0};
    struct buf out = {0};
    char *save = NULL;
    rig_walked = t;
    assert_int_equal(nftw(t->dir, rig_walk, 16, FTW_PHYS), 0);
    for (char *l = strtok_r(rig_lines.at, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        vec_push(&t->a, &lines, l);
    qsort(lines.at, lines.n, sizeof *lines.at, rig_by_text);
    for (size_t i = 0; i < lines.n; i++)
        buf_addf(&out, "%s\n", lines.at[i]);
    char *text = arena_strdup(&t->a, buf_str(&out));
    buf_free(&out);
    buf_free(&rig_lines);
    return text;
}

/* --- doing -----------------------------------------------------------------------------------------------
 */

static struct bundle_file rig_main_file = {"server.yaml", "citrus: 1\n", 10};
static const struct bundle rig_texts = {&rig_main_file, 1};

static inline struct plan *rig_plan(struct rig *t)
{
    struct plan_options o = {.bundle = &rig_texts, .bundle_digest = t->bundle};
    if (t->sites[0])
        o.sites = t->sites;
    if (engine_plan(&t->e, &t->cat, &o, &t->p, &t->err) < 0)
        fail_msg("plan: %s", t->err.text);
    return t->p;
}
static inline enum apply_outcome rig_run(struct rig *t)
{
    t->o.who = "somebody";
    if (engine_apply(&t->e, t->p, &t->o, &t->res, &t->err) < 0)
        fail_msg("apply: %s", t->err.text);
    return t->res.outcome;
}
static inline enum apply_outcome rig_apply(struct rig *t)
{
    rig_plan(t);
    return rig_run(t);
}
/* Applies, and nothing but success will do. */
static inline void rig_done(struct rig *t)
{
    if (rig_apply(t) != APPLY_DONE)
        fail_msg("not done: %s", t->res.failures.n ? t->res.failures.at[0].err.text : t->res.err.text);
}

/* The plan, an action a line: "create /etc/a (intentional)". */
static inline const char *rig_actions(struct rig *t)
{
    struct buf b = {0};
    for (size_t i = 0; i < t->p->actions.n; i++) {
        const struct action *a = &t->p->actions.at[i];
        buf_addf(&b, "%s %s (%s)\n", op_names[a->change.op], a->change.res->id, cause_names[a->cause]);
    }
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return text;
}

/* States of a transaction's actions in the journal, in order, as their first letters. */
static inline const char *rig_states(struct rig *t, int64_t tx)
{
    static const char letters[] = "pidUuxs"; /* planned intent done undoing(U) undone stuck(x) skipped */
    struct store_action *rows;
    size_t n;
    if (store_actions(t->s, tx, &t->a, &rows, &n, &t->err) < 0)
        fail_msg("%s", t->err.text);
    char *text = arena_alloc(&t->a, n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = letters[rows[i].state];
    return text;
}
static inline enum tx_state rig_tx(struct rig *t, int64_t id)
{
    struct store_tx tx;
    if (store_tx_get(t->s, id, &t->a, &tx, &t->err) < 0)
        fail_msg("%s", t->err.text);
    return tx.state;
}
/* Kind and id of all that is managed, sorted, joined by spaces. */
static inline const char *rig_managed(struct rig *t)
{
    struct store_managed *m;
    size_t n;
    struct buf b = {0};
    if (store_managed_list(t->s, &t->a, &m, &n, &t->err) < 0)
        fail_msg("%s", t->err.text);
    if (n)
        qsort(m, n, sizeof *m, managed_order);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", m[i].id);
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return text;
}
static inline size_t rig_count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

#define assert_in_text(text, what)                                                                           \
    do {                                                                                                     \
        if (!strstr(text, what))                                                                             \
            fail_msg("\"%s\" is not in:\n%s", what, text);                                                   \
    } while (0)

#endif
