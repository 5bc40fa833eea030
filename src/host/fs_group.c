#include "fs_group.h"
#include "account.h"
#include "fs_path.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors for all else, of the least that a process may have: 1024 (systemd-system.conf(5),
 * DefaultLimitNOFILE), while it may ask for more. */
enum { DESCRIPTORS_LEFT = 512, DESCRIPTORS_WANTED = 16384 };
/* Most groups are of few directories; twice as large when it is half full. */
enum { TABLE_FIRST = 256 };

struct identity {
    const char *path;
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};
struct pending {
    int dirfd; /* the directory's, below */
    const char *path, *name, *temporary;
    const struct identity *was; /* NULL: fs_save() did not look at it */
    bool put;
};
struct directory {
    const char *path; /* NULL: not to be found by it */
    int fd;
};
struct file_system {
    dev_t dev;
    int fd;
};
struct fs_group {
    struct arena arena;
    VEC(struct pending) list;
    VEC(struct directory) directories;
    uint32_t *table;                 /* of directories by their paths: 0, or a place from 1 */
    size_t size;                     /* a power of two */
    VEC(struct file_system) systems; /* one directory of each file system that something changed on */
    VEC(struct identity *) saw;
    struct rlimit limit; /* of descriptors, as it was */
    size_t room;         /* for directories */
    uint64_t
        touched[DESCRIPTORS_WANTED / 64]; /* bits: of a directory that is held, its file system is known */
    size_t next;                          /* in `saw`: it is written in the order in which it was saved */
    bool writes;                          /* fs_group_write() */
    struct fs_absent absent;
};

/* As many as this process may have; the old limit comes back at the end. */
static size_t room_make(struct rlimit *was)
{
    if (getrlimit(RLIMIT_NOFILE, was) < 0)
        return DESCRIPTORS_LEFT;
    rlim_t most = was->rlim_max < DESCRIPTORS_WANTED ? was->rlim_max : DESCRIPTORS_WANTED;
    if (was->rlim_cur >= most || setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, was->rlim_max}) < 0)
        most = was->rlim_cur;
    return most > (size_t)2 * DESCRIPTORS_LEFT ? most - DESCRIPTORS_LEFT : DESCRIPTORS_LEFT;
}

void fs_group_begin(struct host *h)
{
    h->group = xmalloc(sizeof *h->group);
    struct fs_group *g = h->group;
    memset(g, 0, sizeof *g);
    g->room = room_make(&g->limit);
    g->size = TABLE_FIRST;
    g->table = arena_array(&g->arena, uint32_t, g->size);
}

void fs_group_hold(struct host *h, int fd)
{
    struct directory d = {NULL, fd};
    vec_push(&h->group->arena, &h->group->directories, d);
}

static void directories_close(struct fs_group *g)
{
    for (size_t i = 0; i < g->directories.n; i++)
        close(g->directories.at[i].fd);
    g->directories.n = 0;
    memset(g->touched, 0, sizeof g->touched);
}

void fs_group_write(struct host *h)
{
    struct fs_group *g = h->group;
    g->writes = true;
    directories_close(g);
    memset(g->table, 0, g->size * sizeof *g->table);
}

struct fs_absent *fs_group_absent(struct fs_group *g)
{
    return g->writes ? NULL : &g->absent;
}

size_t fs_group_size(const struct host *h)
{
    return h->group->list.n;
}

bool fs_group_full(const struct host *h)
{
    return h->group->directories.n >= h->group->room;
}

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

int fs_group_touch(struct fs_group *g, int fd)
{
    struct stat st;
    if (!g)
        return 0;
    g->absent.len = 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    for (size_t i = 0; i < g->systems.n; i++)
        if (g->systems.at[i].dev == st.st_dev)
            return 0;
    struct file_system s = {.dev = st.st_dev};
    s.fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.fd < 0)
        return -errno;
    vec_push(&g->arena, &g->systems, s);
    return 0;
}

int fs_group_touch_place(struct fs_group *g, const struct fs_place *p)
{
    uint64_t bit = UINT64_C(1) << (p->dirfd % 64),
             *bits = &g->touched[p->dirfd / 64 % (DESCRIPTORS_WANTED / 64)];
    bool held = p->near && p->dirfd < DESCRIPTORS_WANTED;
    g->absent.len = 0;
    if (held && (*bits & bit))
        return 0;
    int r = fs_group_touch(g, p->dirfd);
    if (r == 0 && held)
        *bits |= bit;
    return r;
}

/* Where the path is in the table, or the free place where it belongs. */
static size_t place_of(const struct fs_group *g, const char *dir, size_t len)
{
    size_t at = (size_t)hash_bytes(dir, len).low & (g->size - 1);
    for (; g->table[at]; at = (at + 1) & (g->size - 1)) {
        const char *path = g->directories.at[g->table[at] - 1].path;
        if (path && strlen(path) == len && memcmp(path, dir, len) == 0)
            break;
    }
    return at;
}

int fs_group_directory(const struct fs_group *g, const char *dir, size_t len)
{
    size_t at = place_of(g, dir, len);
    return g->table[at] ? g->directories.at[g->table[at] - 1].fd : -ENOENT;
}

static void table_grow(struct fs_group *g)
{
    g->size *= 2;
    g->table = arena_array(&g->arena, uint32_t, g->size);
    for (size_t i = 0; i < g->directories.n; i++) {
        const char *path = g->directories.at[i].path;
        if (path)
            g->table[place_of(g, path, strlen(path))] = (uint32_t)i + 1;
    }
}

bool fs_group_keep(struct fs_group *g, const char *dir, size_t len, int fd)
{
    if (g->directories.n >= g->room)
        return false;
    if (2 * g->directories.n >= g->size)
        table_grow(g);
    struct directory d = {arena_strndup(&g->arena, dir, len), fd};
    size_t at = place_of(g, dir, len);
    vec_push(&g->arena, &g->directories, d);
    g->table[at] = (uint32_t)g->directories.n;
    return true;
}

void fs_group_moved(struct fs_group *g, const char *path)
{
    size_t len = g ? strlen(path) : 0;
    for (size_t i = 0; g && i < g->directories.n; i++) {
        const char *dir = g->directories.at[i].path;
        if (dir && strncmp(dir, path, len) == 0 && (dir[len] == '/' || !dir[len]))
            g->directories.at[i].path = NULL;
    }
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
    if (!was)
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
    int r = step_rename(e->dirfd, e->temporary, e->dirfd, e->name, only_new, e->path);
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
    for (size_t i = from; i < g->list.n; i++)
        temporary_drop(&g->list.at[i]);
    g->list.n = from;
}

int fs_group_put(struct host *h, size_t from, size_t to, struct error *err)
{
    struct fs_group *g = h->group;
    int r = 0;
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

int fs_group_sync(struct host *h, struct error *err)
{
    struct fs_group *g = h->group;
    int r = host_sync(h, err); /* its trees become the group's */
    for (size_t i = 0; i < g->systems.n && r == 0; i++)
        if (syncfs(g->systems.at[i].fd) < 0)
            r = error_errno(err, errno, "cannot sync the file system that was written to");
    h->unsynced = h->unsynced && r < 0;
    return r;
}

void fs_group_end(struct host *h)
{
    struct fs_group *g = h->group;
    accounts_free(h);
    fs_group_drop(h, 0);
    directories_close(g);
    for (size_t i = 0; i < g->systems.n; i++)
        close(g->systems.at[i].fd);
    if (g->limit.rlim_max)
        setrlimit(RLIMIT_NOFILE, &g->limit);
    arena_free(&g->arena);
    free(g);
    h->group = NULL;
}
