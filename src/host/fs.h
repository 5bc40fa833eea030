/* Files of the managed system. Every path is absolute and is resolved inside host->root.
 *
 * Symbolic links on the way are followed only where nobody but root can have made them (each component
 * is opened relative to its directory; a link is followed only when it and its directory belong to
 * root and others cannot write that directory); anything else is -ELOOP with a text that names the
 * component. The last component is followed by fs_read_linked() alone. So a site's user cannot lead citrus
 * out of its tree.
 *
 * Writers work on a temporary name beside the target (".NAME.citrus~"), sync it, rename it, and sync the
 * directory: a reader, and a machine that loses power, sees the old file or the new one. In a group of writes
 * (fs_group.h) they sync and rename together, later. */
#ifndef CITRUS_FS_H
#define CITRUS_FS_H
#include "host.h"
#include "jsonw.h"
#include <jansson.h>
#include <sys/stat.h>

enum fs_type { FS_ABSENT, FS_FILE, FS_DIRECTORY, FS_LINK, FS_OTHER };
struct fs_stat {
    enum fs_type type;
    mode_t mode; /* permission bits, 07777 */
    uid_t uid;
    gid_t gid;
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};

/* Between the two, looks at neighbours resolve their directory once. Nothing is changed in between: what is
 * moved meanwhile may be seen where it was. */
void fs_near_begin(struct host *h);
void fs_near_end(struct host *h);

/* FS_ABSENT (and 0) when it, or a directory on the way, is not there. */
int fs_stat(struct host *h, const char *path, struct fs_stat *ret, struct error *err);
/* False where the directory that the path lies in is not there; what else there is about it, who writes to
 * the path is told. Asks nothing where that directory is held open (fs_near_begin(), a group). */
bool fs_parent_there(struct host *h, const char *path);
/* At most `max` bytes (0: 16 MiB), else -EFBIG. -ENOENT when absent. */
int fs_read(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err);
/* The same of a file that the operator names as his own: its last component may be a link, too, to where
 * another one may be, on the terms above. */
int fs_read_linked(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err);
/* A file of the system that citrus runs on, whatever the root is (its own templates), by its plain name. */
int fs_read_machine(struct host *h, const char *path, size_t max, struct buf *ret, struct error *err);
int fs_readlink(struct host *h, const char *path, struct arena *a, char **ret, struct error *err);
/* Content hash of a regular file; from the cache when its identity is unchanged and !host->verify. */
int fs_digest(struct host *h, const char *path, const struct fs_stat *known, struct hash128 *ret,
              struct error *err);
/* A file descriptor of a directory or file (O_PATH or O_RDONLY as flags say), resolved as above. */
int fs_open(struct host *h, const char *path, int flags, struct error *err);
/* Names in a directory, sorted, without "." and "..". */
int fs_list(struct host *h, const char *path, struct arena *a, const char ***ret, size_t *n,
            struct error *err);

/* The file system that holds a path, or will: the nearest directory that is there is asked. */
struct fs_room {
    int64_t free; /* bytes that anybody may fill */
    bool read_only;
};
int fs_room(struct host *h, const char *path, struct fs_room *ret, struct error *err);
int fs_room_at(int fd, struct fs_room *ret); /* -errno */
/* -ENOSPC with a text that names `what` needs the room ("unpacking X"), the path and both figures. */
int fs_room_need(struct host *h, const char *path, int64_t bytes, const char *what, struct error *err);
int fs_room_hold(const struct fs_room *room, const char *path, int64_t bytes, const char *what,
                 struct error *err);

int fs_write(struct host *h, const char *path, const void *bytes, size_t n, mode_t mode, uid_t uid, gid_t gid,
             struct error *err);
int fs_copy(struct host *h, const char *from, const char *to, mode_t mode, uid_t uid, gid_t gid,
            struct error *err);
/* A directory that is there gets mode and owner. (Here and below, mode or owner -1 leaves what is there.) */
int fs_mkdir(struct host *h, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *err);
int fs_mkdirs(struct host *h, const char *path, mode_t mode,
              struct error *err); /* root-owned, missing parents too */
int fs_symlink(struct host *h, const char *target, const char *path,
               struct error *err); /* replaces atomically */
int fs_attributes(struct host *h, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *err);
int fs_unlink(struct host *h, const char *path, struct error *err); /* absent is fine, also for fs_rmdir */
int fs_rmdir(struct host *h, const char *path, struct error *err);
int fs_rename(struct host *h, const char *from, const char *to, struct error *err);
/* Removes a tree without following anything out of it, nor across mounts. Absent is fine. */
int fs_remove_tree(struct host *h, const char *path, struct error *err);
/* The same of what may be there again after a loss of power: it is not synced. */
int fs_forget_tree(struct host *h, const char *path, struct error *err);
/* chown/chmod of a whole tree: directories and files get their modes, links their owner. */
int fs_own_tree(struct host *h, const char *path, uid_t uid, gid_t gid, mode_t dirs, mode_t files,
                struct error *err);
/* Owners of a whole tree by number: who is named by `from` becomes `to`, all else stays. Can be repeated as
 * long as no `to` is another's `from`. */
struct fs_renumber {
    bool group;
    int64_t from, to;
};
int fs_renumber(struct host *h, const char *path, const struct fs_renumber *map, size_t n, struct error *err);
/* Bytes of a file, or of all files in a tree. */
int fs_bytes(struct host *h, const char *path, int64_t *ret, struct error *err);
int fs_sync(struct host *h, const char *path,
            struct error *err); /* syncfs of the file system that holds it */
/* Moves a tree (or file) out of the way: into /var/lib/citrus/trash/NAME, or, where that is another file
 * system, into ".citrus-trash/NAME" beside it. *ret: where it is now. */
int fs_trash(struct host *h, const char *path, const char *name, struct arena *a, char **ret,
             struct error *err);

/* A digest over a tree's relative paths, types and contents (not modes, owners, times), in sorted order.
 * `skip` names top-level entries to leave out (NULL-terminated, may be NULL); `only_top` when not NULL
 * decides which top-level names count. Contents come from one cached row for the whole tree when no
 * file's identity changed. A walk of all files that is not older than `within` seconds stands for them as
 * long as the directories and what lies at the top are as it found them (fs_stamps.h): then a file that was
 * written in place is not seen. 0, and where the host verifies: each call walks. With `guarded` the digest is
 * another one where somebody else than root may write to an entry: it is not root's, or its mode lets the
 * group or others. */
struct fs_tree {
    const char *const *skip;
    bool (*only_top)(const char *name, bool is_directory);
    int64_t within;
    bool guarded;
    /* after the call: */
    bool walked;
    size_t files;    /* that were walked */
    size_t writable; /* guarded: such entries that were walked */
};
int fs_tree_digest(struct host *h, const char *path, struct fs_tree *t, struct hash128 *ret,
                   struct error *err);
void fs_tree_forget(struct host *h); /* what it keeps in memory for the next one; host_close() does it */

/* Saving a path so that it can come back exactly: absent, file (the old inode is kept by a hard link, or
 * a copy on another file system, with mode, owner, times), link (its target), directory (mode, owner,
 * times; not its content). Writes one object into `j` at `key`; what must be kept goes below `dir`
 * (an undo directory, 0700), named by `name`. `type`, unless NULL, is what was found, also where that is what
 * cannot be saved (-EOPNOTSUPP). */
int fs_save(struct host *h, const char *path, const char *dir, const char *name, struct jsonw *j,
            const char *key, enum fs_type *type, struct error *err);
/* Brings it back from the object that fs_save wrote; what is there now makes room. -ENOTEMPTY: it is a
 * directory with something in it. Can be repeated after a crash. */
int fs_restore(struct host *h, json_t *record, struct error *err);

#endif
