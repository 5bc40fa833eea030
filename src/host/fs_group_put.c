#include "account.h"
#include "fs_group_own.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fs_group_saw(struct fs_group *g, const char *path, const struct stat *st, bool there)
{
    if (!g)
        return;
    struct identity *i = arena_new(&g->arena, struct identity);
    *i = (struct identity){.path = arena_strdup(&g->arena, path), .there = there};
    if (there) {
        i->dev = st->st_dev;
        i->ino = st->st_ino;
        i->size = st->st_size;
        i->mtime = st->st_mtim;
    }
    vec_push(&g->arena, &g->saw, i);
}

static const struct identity *what_was(struct fs_group *g, const char *path)
{
    for (size_t i = 0; i < g->saw.n; i++) {
        size_t at = (g->next + i) % g->saw.n;
        if (strcmp(g->saw.at[at]->path, path) != 0)
            continue;
        g->next = at + 1;
        return g->saw.at[at];
    }
    return NULL;
}

/* A descriptor of the place's directory that stays open with the group; -errno. */
static int directory_fd(struct fs_group *g, const struct fs_place *p)
{
    if (p->near)
        return p->dirfd;
    struct directory d = {NULL, fcntl(p->dirfd, F_DUPFD_CLOEXEC, 3)};
    if (d.fd < 0)
        return -errno;
    vec_push(&g->arena, &g->directories, d);
    return d.fd;
}

int fs_group_add(struct fs_group *g, const struct fs_place *p, const char *temporary)
{
    int fd = directory_fd(g, p), r = fd < 0 ? fd : fs_group_touch_place(g, p);
    if (r < 0)
        return r;
    struct pending e = {.dirfd = fd,
                        .path = arena_strdup(&g->arena, p->path),
                        .name = arena_strdup(&g->arena, p->name),
                        .temporary = arena_strdup(&g->arena, temporary),
                        .was = what_was(g, p->path)};
    vec_push(&g->arena, &g->list, e);
    return 0;
}

/* Something larger is written at once, and not copied. */
enum { COPIED_MOST = 128 << 10 };

int fs_group_later(struct fs_group *g, const struct fs_place *p, const char *as, const struct fs_writing *x)
{
    bool directory = x->what == WRITING_DIRECTORY;
    int r = fs_group_add(g, p, as);
    if (r < 0)
        return r;
    struct pending *e = &g->list.at[g->list.n - 1];
    struct fs_writing *own = arena_memdup(&g->arena, x, sizeof *x);
    own->dirfd = e->dirfd;
    own->name = e->temporary;
    own->path = e->path;
    own->target = arena_strdup(&g->arena, x->target);
    e->writing = own;
    if (directory) {
        e->temporary = NULL;
        e->put = g->making = true;
    }
    if (x->n > COPIED_MOST) {
        own->result = fs_writing_do(own);
        own->bytes = NULL;
    } else {
        own->bytes = x->n ? memcpy(xmalloc(x->n), x->bytes, x->n) : NULL;
        fs_writer_add(g->writer, own);
    }
    return 0;
}

bool fs_group_defers(struct fs_group *g, const char *path)
{
    if (!g || !g->writes)
        return false;
    size_t len = g->fresh ? strlen(g->fresh) : 0;
    if (len && strncmp(path, g->fresh, len) == 0 && !strchr(path + len, '/'))
        return true;
    g->fresh = arena_printf(&g->arena, "%s/", path);
    return false;
}

bool fs_group_settle(struct fs_group *g)
{
    if (!g || !g->making)
        return false;
    fs_writer_wait(g->writer);
    g->making = false;
    return true;
}

/* Another was there first: it is taken as it is to be, like one that was there before. */
static int take_over(struct fs_group *g, struct pending *e, struct error *err)
{
    struct fs_place p = {.dirfd = e->dirfd, .near = true, .group = g, .path = e->path};
    struct fs_writing *x = e->writing;
    snprintf(p.name, sizeof p.name, "%s", e->name);
    x->result = place_mkdir_there(&p, x->mode, x->uid, x->gid, err);
    return x->result;
}

int fs_group_made(struct host *h, size_t from, size_t to, struct error *err)
{
    struct fs_group *g = h->group;
    fs_writer_wait(g->writer);
    for (size_t i = from; i < to; i++) {
        struct pending *e = &g->list.at[i];
        int r = e->writing ? e->writing->result : 0;
        if (r == -EEXIST && !e->temporary) {
            r = take_over(g, e, err);
            if (r < 0)
                return r;
        }
        if (r < 0)
            return error_errno(err, r, e->temporary ? "cannot write %s" : "cannot make the directory %s",
                               e->path);
    }
    return 0;
}

static int written_meanwhile(const struct pending *e, struct error *err)
{
    int r = error_set(err, -ESTALE, "%s: somebody wrote it while citrus was about to replace it", e->path);
    error_hint(err, "what they wrote is there; look at it, then run citrus again");
    return r;
}

/* A hard link, as undo keeps one, changes the ctime: that tells nothing here. */
static int still_as_saved(const struct pending *e, struct error *err)
{
    struct stat st;
    const struct identity *was = e->was;
    if (!was || !e->temporary) /* a directory is there since it was made */
        return 0;
    int r = fstatat(e->dirfd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    if (r < 0 && r != -ENOENT)
        return error_errno(err, r, "cannot look at %s", e->path);
    /* A directory that was there went to the trash to make room. */
    if (r == -ENOENT)
        return 0;
    if (was->there && st.st_dev == was->dev && st.st_ino == was->ino && st.st_size == was->size &&
        st.st_mtim.tv_sec == was->mtime.tv_sec && st.st_mtim.tv_nsec == was->mtime.tv_nsec)
        return 0;
    return written_meanwhile(e, err);
}

static bool was_absent(const struct pending *e)
{
    return e->was && !e->was->there;
}

static int put_one(struct pending *e, struct error *err)
{
    unsigned only_new = was_absent(e) ? RENAME_NOREPLACE : 0;
    int r = e->temporary ? step_rename(e->dirfd, e->temporary, e->dirfd, e->name, only_new, e->path) : 0;
    if (r == -EINVAL && only_new) { /* a file system that cannot (renameat2(2)) */
        r = still_as_saved(e, err);
        if (r < 0)
            return r;
        r = step_rename(e->dirfd, e->temporary, e->dirfd, e->name, 0, e->path);
    }
    e->put = r == 0;
    if (r == -EEXIST && only_new)
        return written_meanwhile(e, err);
    if (r < 0)
        error_errno(err, r, "cannot write %s", e->path);
    if (r == -EISDIR)
        error_hint(err, "a directory of this name is there; move it away");
    return r;
}

static void temporary_drop(struct pending *e)
{
    if (!e->put)
        step_unlink(e->dirfd, e->temporary, 0, e->path);
    e->put = true;
}

void fs_group_drop(struct host *h, size_t from)
{
    struct fs_group *g = h->group;
    fs_writer_wait(g->writer);
    for (size_t i = from; i < g->list.n; i++)
        temporary_drop(&g->list.at[i]);
    g->list.n = from;
}

int fs_group_put(struct host *h, size_t from, size_t to, struct error *err)
{
    struct fs_group *g = h->group;
    int r = fs_group_made(h, from, to, err);
    accounts_changed(h); /* they may be among these */
    /* One that was not there is told by its own rename; of more none is put where another cannot be. */
    bool looked = to - from != 1 || !was_absent(&g->list.at[from]);
    for (size_t i = from; i < to && r == 0 && looked; i++)
        r = still_as_saved(&g->list.at[i], err);
    for (size_t i = from; i < to && r == 0; i++) {
        r = put_one(&g->list.at[i], err);
        if (r == -ESTALE && i > from) { /* some were, and are to be taken back */
            r = -EEXIST;
            if (err)
                err->code = r;
        }
    }
    for (size_t i = from; i < to && r < 0; i++)
        temporary_drop(&g->list.at[i]);
    return r;
}
