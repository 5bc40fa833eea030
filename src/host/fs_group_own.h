/* What a group is made of. For fs_group.c, which holds directories and syncs, and fs_group_put.c, which keeps
 * what waits to be put. */
#ifndef CITRUS_FS_GROUP_OWN_H
#define CITRUS_FS_GROUP_OWN_H
#include "fs_group.h"
#include "fs_path.h"
#include "fs_writer.h"
#include <sys/resource.h>
#include <sys/stat.h>

/* Descriptors for all else, of the least that a process may have: 1024 (systemd-system.conf(5),
 * DefaultLimitNOFILE), while it may ask for more. */
enum { DESCRIPTORS_LEFT = 512, DESCRIPTORS_WANTED = 65536 };
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
    int dirfd;                           /* the directory's, below */
    const char *path, *name, *temporary; /* NULL: a directory, which is not put */
    const struct identity *was;          /* NULL: fs_save() did not look at it */
    struct fs_writing *writing;          /* NULL: it was there when it was added */
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
    struct fs_writer *writer;
    bool making; /* directories that the writer may not have made yet */
    char *fresh; /* the directory that was made last, with a slash */
    struct fs_absent absent;
};

#endif
