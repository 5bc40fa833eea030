#include "account.h"
#include "fs_group_own.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* As many as this process may have; the old limit comes back at the end. */
static size_t room_make(struct rlimit *was)
{
    if (getrlimit(RLIMIT_NOFILE, was) < 0)
        return DESCRIPTORS_LEFT;
    rlim_t most = was->rlim_max < DESCRIPTORS_WANTED ? was->rlim_max : DESCRIPTORS_WANTED;
    if (was->rlim_cur >= most || setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, was->rlim_max}) < 0)
        most = was->rlim_cur;
    return most > (size_t)2 * DESCRIPTORS_LEFT ? most - DESCRIPTORS_LEFT : most / 2;
}

void fs_group_begin(struct host *h)
{
    h->group = xmalloc(sizeof *h->group);
    struct fs_group *g = h->group;
    memset(g, 0, sizeof *g);
    g->room = room_make(&g->limit);
    g->writer = fs_writer_begin(1);
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
    fs_group_drop(h, 0); /* it waits for the writer, who has these descriptors */
    g->fresh = NULL;
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

int fs_group_sync(struct host *h, struct error *err)
{
    struct fs_group *g = h->group;
    fs_writer_wait(g->writer);
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
    g->writer = fs_writer_end(g->writer);
    directories_close(g);
    for (size_t i = 0; i < g->systems.n; i++)
        close(g->systems.at[i].fd);
    if (g->limit.rlim_max)
        setrlimit(RLIMIT_NOFILE, &g->limit);
    arena_free(&g->arena);
    free(g);
    h->group = NULL;
}
