#include "fs_path.h"
#include "footprint.h"
#include "fs_group.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as path_resolution(7) */

static int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
    static atomic_bool missing; /* asked once: before Linux 5.6, and below valgrind */
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    if (atomic_load(&missing))
        return -ENOSYS;
    int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    int r = fd < 0 ? -errno : fd;
    if (r == -ENOSYS)
        atomic_store(&missing, true);
    return r;
}

/* The way from the root down, one descriptor a level, so that ".." can never lead out. */
struct walk {
    int fd[FS_DEPTH_MAX];
    size_t depth; /* fd[depth - 1] is where we are; fd[0] the root */
    int links;
    const char *path;
    struct error *err;
};

static int walk_path(struct walk *w, const char *path);

static bool trusted(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

int fs_link_target(int at, const char *name, const struct stat *link, const char *path,
                   char ret[static PATH_MAX], struct error *err)
{
    struct stat dir;
    if (fstat(at, &dir) < 0)
        return error_errno(err, errno, "cannot look at the directory of \"%s\" in %s", name, path);
    bool others = (dir.st_mode & S_IWOTH) || ((dir.st_mode & S_IWGRP) && dir.st_gid != 0);
    if (!trusted(link) || !trusted(&dir) || others) {
        error_set(err, -ELOOP, "%s: its component \"%s\" is a symbolic link that others than root can make",
                  path, name);
        error_hint(err, "remove the link, or name the path that it points to");
        return -ELOOP;
    }
    ssize_t n = readlinkat(at, name, ret, PATH_MAX);
    if (n < 0)
        return error_errno(err, errno, "cannot read the link \"%s\" in %s", name, path);
    if (n == PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "%s: the link \"%s\" is too long", path, name);
    ret[n] = '\0';
    return 0;
}

static int walk_link(struct walk *w, const char *name, const struct stat *link)
{
    char target[PATH_MAX];
    int r = fs_link_target(w->fd[w->depth - 1], name, link, w->path, target, w->err);
    if (r < 0)
        return r;
    if (++w->links > LINKS_MAX)
        return error_set(w->err, -ELOOP, "%s: too many symbolic links, the last is \"%s\"", w->path, name);
    if (target[0] == '/')
        while (w->depth > 1)
            close(w->fd[--w->depth]);
    return walk_path(w, target);
}

static int walk_component(struct walk *w, const char *name)
{
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        if (w->depth > 1)
            close(w->fd[--w->depth]);
        return 0;
    }
    if (w->depth == FS_DEPTH_MAX)
        return error_set(w->err, -ENAMETOOLONG, "%s: deeper than %d directories", w->path, FS_DEPTH_MAX);
    struct stat st;
    int fd = openat(w->fd[w->depth - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? error_errno(w->err, errno, "%s", w->path) /* as openat2's way says it */
                               : error_errno(w->err, errno, "cannot open \"%s\" in %s", name, w->path);
    int r = 0;
    if (fstat(fd, &st) < 0)
        r = error_errno(w->err, errno, "cannot look at \"%s\" in %s", name, w->path);
    else if (S_ISDIR(st.st_mode)) {
        w->fd[w->depth++] = fd;
        return 0;
    } else if (!S_ISLNK(st.st_mode))
        r = error_set(w->err, -ENOTDIR, "%s: \"%s\" is no directory", w->path, name);
    close(fd);
    return r ? r : walk_link(w, name, &st);
}

static int walk_path(struct walk *w, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n > NAME_MAX)
            return error_set(w->err, -ENAMETOOLONG, "%s: a component is longer than %d bytes", w->path,
                             NAME_MAX);
        if (n > 0) {
            char name[NAME_MAX + 1];
            memcpy(name, path, n);
            name[n] = '\0';
            int r = walk_component(w, name);
            if (r < 0)
                return r;
        }
        path += n;
        path += strspn(path, "/");
    }
    return 0;
}

static int open_walking(struct host *h, const char *dir, const char *path, struct error *err)
{
    struct walk w = {.path = path, .err = err};
    int fd = openat(h->rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot open the root %s", h->root);
    w.fd[w.depth++] = fd;
    int r = walk_path(&w, dir);
    if (r == 0)
        r = w.fd[--w.depth];
    while (w.depth > 0)
        close(w.fd[--w.depth]);
    return r;
}

/* One call when there is no link on the way; the walk judges links, and does it all where the kernel (or a
 * container's filter, with EPERM) has no openat2. EAGAIN: a rename raced with a ".."; see its manual. */
static int open_dir(struct host *h, const char *dir, const char *path, struct error *err)
{
    int fd = sys_openat2(h->rootfd, dir, O_PATH | O_DIRECTORY,
                         RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0)
        return fd;
    if (fd == -ENOENT || fd == -ENOTDIR)
        /* NO_SYMLINKS does not say ELOOP for a last component with O_DIRECTORY: it says ENOTDIR. */
        return fd == -ENOENT ? error_errno(err, fd, "%s", path) : open_walking(h, dir, path, err);
    return open_walking(h, dir, path, err);
}

int fs_open_directory(struct host *h, const char *dir)
{
    return open_dir(h, dir, dir, NULL);
}

/* The directories that were looked into last, while looks are near each other: resources of one kind lie side
 * by side, or in a few directories by turns (a site's own, and one where each site has a file: that stays).
 */
#define NEAR_MOST 4

struct near_dir {
    int fd;
    unsigned used; /* when: by the count of looks */
    size_t len;    /* of the path */
    char path[PATH_MAX];
};
struct near {
    size_t n;
    unsigned looks;
    struct near_dir at[NEAR_MOST];
    struct fs_absent absent;
};

void fs_near_begin(struct host *h)
{
    h->near = xmalloc(sizeof *h->near);
    h->near->n = h->near->looks = 0;
    h->near->absent.len = 0;
}

void fs_near_end(struct host *h)
{
    for (size_t i = 0; h->near && i < h->near->n; i++)
        close(h->near->at[i].fd);
    free(h->near);
    h->near = NULL;
}

static const struct near_dir *near_find(struct near *n, const char *dir, size_t len)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->at[i].len == len && memcmp(n->at[i].path, dir, len) == 0) {
            n->at[i].used = ++n->looks;
            return &n->at[i];
        }
    return NULL;
}

/* Takes the place of the one that was not looked into for longest. */
static void near_keep(struct near *n, const char *dir, size_t len, int fd)
{
    struct near_dir *d = &n->at[0];
    if (n->n < NEAR_MOST) {
        d = &n->at[n->n++];
    } else {
        for (size_t i = 1; i < n->n; i++)
            if (n->at[i].used < d->used)
                d = &n->at[i];
        close(d->fd);
    }
    d->fd = fd;
    d->used = ++n->looks;
    d->len = len;
    memcpy(d->path, dir, len);
}

/* A directory that was not there a moment ago is not asked for again, nor what would lie below it: a new site
 * has ten paths in one. */
static bool is_absent(const struct fs_absent *absent, const char *dir, size_t len)
{
    return absent && absent->len && len >= absent->len && memcmp(dir, absent->path, absent->len) == 0;
}

static void note_absent(struct fs_absent *absent, const char *dir, size_t len)
{
    if (!absent)
        return;
    absent->len = len;
    memcpy(absent->path, dir, len);
}

static int open_near(struct host *h, const char *dir, const char *path, bool *near, struct error *err)
{
    struct near *n = *near ? h->near : NULL;
    size_t len = strlen(dir);
    const struct near_dir *known = n ? near_find(n, dir, len) : NULL;
    int fd = known ? known->fd : !n && h->group ? fs_group_directory(h->group, dir, len) : -ENOENT;
    struct fs_absent *absent = n ? &n->absent : h->group ? fs_group_absent(h->group) : NULL;
    *near = true;
    if (fd >= 0)
        return fd;
    if (is_absent(absent, dir, len))
        return error_errno(err, ENOENT, "%s", path);
    fd = open_dir(h, dir, path, err);
    if (fd == -ENOENT)
        note_absent(absent, dir, len);
    if (n && fd >= 0)
        near_keep(n, dir, len, fd);
    else
        *near = fd >= 0 && h->group && fs_group_keep(h->group, dir, len, fd);
    return fd;
}

/* What for: to look closely, to look while looks are near each other, or to make something. */
enum finding { TO_OPEN, TO_LOOK, TO_MAKE };

static int place_find(struct host *h, const char *path, enum finding what, bool note, struct fs_place *ret,
                      struct error *err)
{
    bool near = what == TO_LOOK;
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || path[0] != '/')
        return error_set(err, -EINVAL, "\"%s\" is no absolute path", path ? path : "");
    if (len >= PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "a path of %zu bytes is too long: %.80s...", len, path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t slash = len;
    while (path[slash - 1] != '/')
        slash--;
    size_t n = len - slash;
    const char *name = path + slash;
    if (n > NAME_MAX)
        return error_set(err, -ENAMETOOLONG, "%s: its name is longer than %d bytes", path, NAME_MAX);
    if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
        return error_set(err, -EINVAL, "%s: a path cannot end in \".\" or \"..\"", path);
    char dir[PATH_MAX];
    memcpy(dir, path, slash);
    dir[slash] = '\0';
    if (what != TO_MAKE)
        fs_group_settle(h->group);
    int fd = open_near(h, dir, path, &near, err);
    if (fd == -ENOENT && fs_group_settle(h->group)) { /* it may be among what was to be made */
        near = what == TO_LOOK;
        error_clear(err);
        fd = open_near(h, dir, path, &near, err);
    }
    if (fd == -ENOENT || fd == -ENOTDIR)
        footprint_note_absent(h, path);
    else if (fd < 0)
        footprint_spoil(h);
    if (fd < 0)
        return fd;
    ret->dirfd = fd;
    ret->near = near;
    ret->group = h->group;
    ret->path = path;
    memcpy(ret->name, n ? name : ".", n ? n : 1);
    ret->name[n ? n : 1] = '\0';
    if (note)
        footprint_note(h, path, fd, ret->name, false);
    return 0;
}

int place_open(struct host *h, const char *path, struct fs_place *ret, struct error *err)
{
    return place_find(h, path, TO_OPEN, true, ret, err);
}

int place_look(struct host *h, const char *path, struct fs_place *ret, struct error *err)
{
    return place_find(h, path, TO_LOOK, true, ret, err);
}

int place_seek(struct host *h, const char *path, struct fs_place *ret, struct error *err)
{
    return place_find(h, path, TO_LOOK, false, ret, err);
}

int place_make(struct host *h, const char *path, struct fs_place *ret, struct error *err)
{
    return place_find(h, path, TO_MAKE, true, ret, err);
}

void place_close(struct fs_place *p)
{
    if (p->dirfd >= 0 && !p->near)
        close(p->dirfd);
    p->dirfd = -1;
}

void place_temporary(const struct fs_place *p, char ret[NAME_MAX + 1])
{
    if (strlen(p->name) + sizeof "..citrus~" <= NAME_MAX + 1) {
        snprintf(ret, NAME_MAX + 1, ".%.244s.citrus~", p->name);
        return;
    }
    char hex[HASH_HEX];
    hash_hex(hash_bytes(p->name, strlen(p->name)), hex);
    snprintf(ret, NAME_MAX + 1, ".%s.citrus~", hex);
}

int place_sync(const struct fs_place *p, struct error *err)
{
    int fd = -1, r;
    if (p->group) {
        r = fs_group_touch_place(p->group, p);
    } else {
        fd = openat(p->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    }
    if (fd >= 0)
        close(fd);
    return r < 0 ? error_errno(err, r, "cannot sync the directory of %s", p->path) : 0;
}

int place_fsync(const struct fs_place *p, int fd)
{
    return !p->group && fsync(fd) < 0 ? -errno : 0; /* what is put into a group touches it */
}

int place_stat(const struct fs_place *p, struct stat *ret, bool *there, struct error *err)
{
    struct stat st;
    if (fstatat(p->dirfd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return error_errno(err, errno, "cannot look at %s", p->path);
        *there = false;
        return 0;
    }
    *there = true;
    *ret = st;
    return 0;
}

/* The same mount, where openat2 cannot be asked. Before Linux 5.8 only the file system is known. */
static int same_mount(int parent, int fd)
{
    struct statx above = {0}, st = {0};
    const unsigned mask = STATX_BASIC_STATS | STATX_MNT_ID;
    if (statx(parent, "", AT_EMPTY_PATH, mask, &above) < 0 || statx(fd, "", AT_EMPTY_PATH, mask, &st) < 0)
        return -errno;
    bool same = above.stx_dev_major == st.stx_dev_major && above.stx_dev_minor == st.stx_dev_minor;
    if (above.stx_mask & st.stx_mask & STATX_MNT_ID)
        same = same && above.stx_mnt_id == st.stx_mnt_id;
    return same ? 0 : -EXDEV;
}

int fs_enter(int parent, const char *name)
{
    /* NO_XDEV also stops at a bind mount of the same file system, which st_dev cannot tell. */
    int fd = sys_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                         RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    if (fd != -ENOSYS && fd != -EPERM)
        return fd;
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = same_mount(parent, fd);
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What opendir() does beside is as much as the half of listing a small directory, and WordPress has 411. */
int fs_names(int fd, struct arena *a, const char ***ret, size_t *n)
{
    alignas(struct dirent) char block[32768];
    VEC(const char *) names = {0};
    ssize_t got = lseek(fd, 0, SEEK_SET);
    while (got >= 0 && (got = getdents64(fd, block, sizeof block)) > 0) {
        const struct dirent *e;
        for (ssize_t at = 0; at < got; at += e->d_reclen) {
            e = (const struct dirent *)(const void *)(block + at);
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                vec_push(a, &names, arena_strdup(a, e->d_name));
        }
    }
    if (got < 0)
        return -errno;
    if (names.n > 1)
        qsort(names.at, names.n, sizeof *names.at, name_order);
    *ret = names.at;
    *n = names.n;
    return 0;
}

bool fs_foreign_link(const struct stat *st)
{
    static int protected = -1; /* proc_sys_fs(5): 1 keeps users from linking files they cannot write */
    if (st->st_nlink < 2 || !S_ISREG(st->st_mode))
        return false;
    if (protected < 0) {
        char c = '0';
        int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            if (read(fd, &c, 1) != 1)
                c = '0';
            close(fd);
        }
        protected = c == '1';
    }
    return !protected;
}

int64_t fs_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void fs_stat_from(const struct stat *st, struct fs_stat *ret)
{
    *ret = (struct fs_stat){
        .type = S_ISREG(st->st_mode)   ? FS_FILE
                : S_ISDIR(st->st_mode) ? FS_DIRECTORY
                : S_ISLNK(st->st_mode) ? FS_LINK
                                       : FS_OTHER,
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = fs_ns(st->st_mtim),
        .ctime_ns = fs_ns(st->st_ctim),
    };
}
