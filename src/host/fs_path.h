/* Resolving: from an absolute path to a descriptor of the directory that holds it and its last component's
 * name. All work of fs_*.c is done relative to that descriptor, so that nobody can move the ground in
 * between. fs.h says which links are followed. Private to this folder.
 *
 *     struct fs_place p;
 *     r = place_open(h, path, &p, err);   -- -ENOENT, -ENOTDIR: a directory on the way is not there
 *     ... fstatat(p.dirfd, p.name, ...) ...
 *     place_close(&p); */
#ifndef CITRUS_FS_PATH_H
#define CITRUS_FS_PATH_H
#include "fs.h"
#include <limits.h>

struct fs_place {
    int dirfd;               /* O_PATH */
    bool near;               /* lent, until the next place_look(), or by its group */
    struct fs_group *group;  /* what is changed here is synced with others (fs_group.h); NULL: by itself */
    char name[NAME_MAX + 1]; /* "." for "/" itself */
    const char *path;        /* as given; for messages */
};
/* A directory that was looked for and is not there, with its last slash; `len` 0: none. */
struct fs_absent {
    size_t len;
    char path[PATH_MAX];
};
int place_open(struct host *h, const char *path, struct fs_place *ret, struct error *err);
/* The same for one short look, in the directory of the last one where it is that (fs_near_begin()). */
int place_look(struct host *h, const char *path, struct fs_place *ret, struct error *err);
/* The same for who notes by himself what is there (footprint.h): he looks at it anyway. */
int place_seek(struct host *h, const char *path, struct fs_place *ret, struct error *err);
/* The same for who makes something there: of what a group makes by and by (fs_writer.h) only what lies on the
 * way is waited for. */
int place_make(struct host *h, const char *path, struct fs_place *ret, struct error *err);
int fs_open_directory(struct host *h, const char *dir); /* O_PATH, in the same way; -errno */
/* Where `name` in the directory `at`, which is a link, leads: only where nobody but root can have made it
 * (fs.h), else -ELOOP. `path`, for messages: what is resolved. */
int fs_link_target(int at, const char *name, const struct stat *link, const char *path,
                   char ret[static PATH_MAX], struct error *err);
void place_close(struct fs_place *p);
/* The temporary name beside it: ".NAME.citrus~" (a hash of NAME where that would be too long). */
void place_temporary(const struct fs_place *p, char ret[NAME_MAX + 1]);
int place_sync(const struct fs_place *p, struct error *err); /* of the directory, unless its group does */
int place_fsync(const struct fs_place *p, int fd);           /* the same of what lies in it; -errno */
/* Owner and mode of what was just made; -1 leaves. -errno */
int fs_new_attributes(int fd, mode_t mode, uid_t uid, gid_t gid, const char *path);
/* A new directory with its mode and owner: a descriptor, or -errno. -EEXIST: something is there. */
int fs_directory_new(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, const char *path);
/* What is there is made a directory's mode and owner; -ENOTDIR: it is none. */
int place_mkdir_there(const struct fs_place *p, mode_t mode, uid_t uid, gid_t gid, struct error *err);
/* fstatat without following; absent is *there = false and 0. */
int place_stat(const struct fs_place *p, struct stat *ret, bool *there, struct error *err);

/* Opens directory `name` of `parent` for reading, without following a link or entering a mount (-EXDEV). */
int fs_enter(int parent, const char *name);
/* The names in an open directory, sorted bytewise; in `a`. */
int fs_names(int fd, struct arena *a, const char ***ret, size_t *n);
/* Where an own hard link could name somebody else's file (fs.protected_hardlinks off), true when changing
 * this file's owner could give it away. */
bool fs_foreign_link(const struct stat *st);
/* Owner and mode of one entry, -1 leaves; nothing is done where nothing differs. -errno. */
int fs_set_at(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, const char *path);
/* Removes what `name` of `dirfd` is, with all below it; absent is fine. */
int fs_remove_at(int dirfd, const char *name, const char *path, struct error *err);
void fs_stat_from(const struct stat *st, struct fs_stat *ret);
int64_t fs_ns(struct timespec t);
int fs_hash_fd(int fd, uint64_t size, struct hash128 *ret); /* of the content; `size` as fstat had it */
/* True when a file last changed long enough ago that a later change must show in its ctime. */
bool fs_settled(int64_t ctime_ns);
bool fs_settled_at(int64_t ctime_ns, int64_t now_ns);

/* How deep trees are followed: WordPress with its plugins stays under 20; each level holds a descriptor,
 * and the usual limit of those is 1024. */
#define FS_DEPTH_MAX 128

#endif
