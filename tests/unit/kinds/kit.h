/* A pretended world for the tests of kinds: a temporary root, the fake host on it, and an engine in small
 * that observes, diffs, captures, applies, verifies and undoes one resource the way the real one does. */
#ifndef CITRUS_TEST_KIT_H
#define CITRUS_TEST_KIT_H
#include "fake.h"
#include "fs.h"
#include "specs.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka wants the above first
#include <cmocka.h>

struct kit {
    char dir[64];
    struct host *h;
    struct arena a;
    struct catalog cat;
    struct kind_ctx ctx;
    struct error err;
    struct buf said;
    struct progress progress;
    int name, kept;
};

static inline void kit_say(void *self, const char *line)
{
    buf_addf(self, "%s\n", line);
}

static inline const char *kit_path(struct kit *t, const char *path)
{
    return arena_printf(&t->a, "%s%s", t->dir, path);
}

static inline void kit_mkdirs(struct kit *t, const char *path)
{
    char *full = arena_strdup(&t->a, kit_path(t, path));

    for (char *p = full + strlen(t->dir) + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(full, 0755);
            *p = '/';
        }
    mkdir(full, 0755);
    assert_int_equal(access(full, F_OK), 0);
}

/* A file of the world, with its parents. */
static inline void kit_put(struct kit *t, const char *path, const char *text, mode_t mode)
{
    const char *full = kit_path(t, path);
    const char *slash = strrchr(path, '/');
    int fd;

    kit_mkdirs(t, arena_strndup(&t->a, path, (size_t)(slash - path)));
    fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    const struct timespec long_ago[2] = {{1600000000, 1234}, {1600000000, 5678}};
    assert_int_equal(futimens(fd, long_ago), 0);
    close(fd);
}

static inline void kit_link(struct kit *t, const char *target, const char *path)
{
    assert_int_equal(symlink(target, kit_path(t, path)), 0);
}

static inline char *kit_read(struct kit *t, const char *path)
{
    char text[65536];
    int fd = open(kit_path(t, path), O_RDONLY | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    return n < 0 ? NULL : arena_strndup(&t->a, text, (size_t)n);
}

static inline bool kit_there(struct kit *t, const char *path)
{
    struct stat st;
    return lstat(kit_path(t, path), &st) == 0;
}

static inline struct stat kit_stat(struct kit *t, const char *path)
{
    struct stat st;
    assert_int_equal(lstat(kit_path(t, path), &st), 0);
    return st;
}

/* The engine's: into the trash as "7-kept-1-NAME". */
static inline int kit_keep(void *self, const char *path, struct error *err)
{
    struct kit *t = self;
    char *where;
    char *name =
        arena_printf(&t->a, "%d-kept-%d-%s", (int)t->ctx.transaction, ++t->kept, strrchr(path, '/') + 1);
    return fs_trash(t->h, path, name, &t->a, &where, err);
}

static inline struct kit *kit_new(const char *world)
{
    struct kit *t = calloc(1, sizeof *t);

    assert_non_null(t);
    service_steady_ms = 0;
    strcpy(t->dir, "/tmp/citrus-kinds-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    assert_int_equal(chmod(t->dir, 0755), 0);
    kit_put(t, "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"
            "bob:x:1000:1000::/home/bob:/bin/sh\n",
            0644);
    kit_put(t, "/etc/group", "root:x:0:\nwww-data:x:33:\nbob:x:1000:\n", 0644);
    if (host_fake(t->dir, world, &t->h, &t->err) < 0)
        fail_msg("%s", t->err.text);
    t->cat.arena = &t->a;
    t->progress = (struct progress){.say = kit_say, .self = &t->said};
    t->ctx = (struct kind_ctx){.host = t->h,
                               .arena = &t->a,
                               .undo_dir = "/var/lib/citrus/undo/7",
                               .transaction = 7,
                               .trash_retention = 14 * 86400,
                               .redaction = {"key", 3},
                               .progress = &t->progress,
                               .keep = kit_keep,
                               .keep_self = t};
    return t;
}

static inline int kit_rm(const char *path, const struct stat *st, int type, struct FTW *w)
{
    return remove(path);
}

static inline void kit_free(struct kit *t)
{
    host_close(t->h);
    nftw(t->dir, kit_rm, 16, FTW_DEPTH | FTW_PHYS);
    buf_free(&t->said);
    arena_free(&t->a);
    free(t);
}

/* --- the world as text: what an undo must bring back --------------------------------------------------- */

static struct kit *kit_walked;
static struct buf kit_walk_lines;

static inline int kit_walk(const char *path, const struct stat *st, int type, struct FTW *w)
{
    const char *at = path + strlen(kit_walked->dir);
    char target[512] = "";

    if (strncmp(at, "/var/lib/citrus", 15) == 0 || strcmp(at, "/run/citrus") == 0)
        return 0;
    if (S_ISLNK(st->st_mode) && readlink(path, target, sizeof target - 1) < 0)
        return -1;
    buf_addf(&kit_walk_lines, "%s %o %u:%u %s", at, (unsigned)st->st_mode, (unsigned)st->st_uid,
             (unsigned)st->st_gid, target);
    if (S_ISREG(st->st_mode))
        buf_addf(&kit_walk_lines, "%lld.%09ld %s", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                 kit_read(kit_walked, at));
    buf_addc(&kit_walk_lines, '\n');
    return 0;
}

static inline int kit_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline char *kit_tree(struct kit *t)
{
    VEC(char *) lines = {0};
    struct buf out = {0};
    char *save = NULL;

    kit_mkdirs(t, "/var/lib/citrus"); /* where undo keeps things: not what is compared */
    kit_walked = t;
    assert_int_equal(nftw(t->dir, kit_walk, 16, FTW_PHYS), 0);
    for (char *l = strtok_r(kit_walk_lines.at, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        vec_push(&t->a, &lines, l);
    qsort(lines.at, lines.n, sizeof *lines.at, kit_by_text);
    for (size_t i = 0; i < lines.n; i++)
        buf_addf(&out, "%s\n", lines.at[i]);
    char *text = arena_strdup(&t->a, buf_str(&out));
    buf_free(&out);
    buf_free(&kit_walk_lines);
    return text;
}

/* --- the engine in small
 * ------------------------------------------------------------------------------------- */

static inline struct resource *kit_res(struct kit *t, const struct kind *k, const char *id)
{
    return catalog_add(&t->cat, k, id, NULL, (struct pos){0});
}

static inline void *kit_found(struct kit *t, struct resource *r)
{
    const struct resource *const one[] = {r};
    void *found[1] = {NULL};

    if (r->kind->observe(&t->ctx, one, 1, found, &t->err) < 0)
        fail_msg("%s %s: %s", r->kind->name, r->id, t->err.text);
    return found[0];
}

static inline struct change *kit_change(struct kit *t, struct resource *r)
{
    struct change *c = arena_new(&t->a, struct change);

    c->res = r;
    c->found = kit_found(t, r);
    if (r->absent) {
        c->op = c->found ? OP_REMOVE : OP_NONE;
    } else {
        c->delta = record_diff(r->kind->record, r->spec, c->found, &t->ctx.redaction, &t->a);
        c->op = !c->found ? OP_CREATE : c->delta.n ? OP_UPDATE : OP_NONE;
    }
    if (r->kind->plan && c->op != OP_NONE)
        r->kind->plan(&t->ctx, c);
    return c;
}

static inline const char *kit_delta(struct kit *t, const struct change *c)
{
    struct buf b = {0};

    for (size_t i = 0; i < c->delta.n; i++)
        buf_addf(&b, "%s%s: %s -> %s", i ? ", " : "", c->delta.at[i].field->name,
                 c->delta.at[i].before ? c->delta.at[i].before : "-", c->delta.at[i].after);
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return text;
}

static inline int kit_try_capture(struct kit *t, struct change *c, struct buf *ret)
{
    struct jsonw j;

    jw_init(&j, ret, false);
    jw_object(&j, NULL);
    int r = c->res->kind->capture(&t->ctx, c, arena_printf(&t->a, "%d", ++t->name), &j, &t->err);
    jw_end(&j);
    return r;
}

static inline json_t *kit_capture(struct kit *t, struct change *c)
{
    struct buf text = {0};
    json_error_t je;

    if (kit_try_capture(t, c, &text) < 0)
        fail_msg("capture of %s: %s", c->res->id, t->err.text);
    json_t *undo = json_loads(buf_str(&text), 0, &je);
    if (!undo)
        fail_msg("the undo record is no JSON: %s: %s", je.text, buf_str(&text));
    buf_free(&text);
    return undo;
}

/* What it is refused with. */
static inline int kit_capture_refused(struct kit *t, struct change *c)
{
    struct buf text = {0};
    int r = kit_try_capture(t, c, &text);

    buf_free(&text);
    return r;
}

/* Applies, and holds the result against what was promised. The undo record is the caller's. */
static inline json_t *kit_apply(struct kit *t, struct change *c)
{
    json_t *undo = kit_capture(t, c);

    if (c->res->kind->apply(&t->ctx, c, &t->err) < 0)
        fail_msg("apply of %s %s: %s", c->res->kind->name, c->res->id, t->err.text);
    struct change *after = kit_change(t, (struct resource *)(uintptr_t)c->res);
    if (after->op != OP_NONE)
        fail_msg("%s %s is not as promised: %s: %s", c->res->kind->name, c->res->id, op_names[after->op],
                 kit_delta(t, after));
    return undo;
}

/* The next transaction: a creation that brings back what this removal left. */
static inline struct change *kit_restore(struct kit *t, struct resource *r, json_t *removal)
{
    struct remains *m = arena_new(&t->a, struct remains);
    enum remains_state state;
    char *saved = json_dumps(removal, 0);

    r->absent = false;
    t->ctx.transaction++;
    t->ctx.undo_dir = arena_printf(&t->a, "/var/lib/citrus/undo/%d", (int)t->ctx.transaction);
    *m = (struct remains){.transaction = t->ctx.transaction - 1, .saved = arena_strdup(&t->a, saved)};
    free(saved);
    if (r->kind->remains(&t->ctx, r, removal, &state, &m->path, &t->err) < 0)
        fail_msg("remains of %s: %s", r->id, t->err.text);
    assert_int_equal(state, REMAINS_THERE);
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_CREATE);
    c->restore = m;
    if (r->kind->plan)
        r->kind->plan(&t->ctx, c);
    return c;
}

static inline enum remains_state kit_remains(struct kit *t, struct resource *r, json_t *removal)
{
    enum remains_state state;
    const char *path;

    if (r->kind->remains(&t->ctx, r, removal, &state, &path, &t->err) < 0)
        fail_msg("remains of %s: %s", r->id, t->err.text);
    assert_true((path != NULL) == (state == REMAINS_THERE) || r->kind == &account_kind);
    return state;
}

/* Undoes twice: after a crash in the middle it is done again. */
static inline void kit_undo(struct kit *t, const struct change *c, json_t *undo)
{
    struct resource again = {
        .kind = c->res->kind, .id = c->res->id, .spec = c->res->spec, .absent = c->res->absent};

    for (int i = 0; i < 2; i++)
        if (again.kind->undo(&t->ctx, &again, c->op, undo, &t->err) < 0)
            fail_msg("undo %d of %s %s: %s", i + 1, again.kind->name, again.id, t->err.text);
    json_decref(undo);
}

/* One change there and back: it is what `op` says, it holds, and the world is then as it was. */
static inline void kit_there_and_back(struct kit *t, struct resource *r, enum op op)
{
    char *before = kit_tree(t);
    struct change *c = kit_change(t, r);
    json_t *undo;

    assert_string_equal(op_names[c->op], op_names[op]);
    undo = kit_apply(t, c);
    assert_string_not_equal(kit_tree(t), before);
    kit_undo(t, c, undo);
    assert_string_equal(kit_tree(t), before);
}

#endif
