/* Files by the names that a person gave on the command line. What is managed goes through host/fs.h. */
#ifndef CITRUS_FILE_H
#define CITRUS_FILE_H
#include <stddef.h>
#include <sys/types.h>

/* All of it, or -errno. */
int file_write(int fd, const void *p, size_t n);
/* In the place of what is there, if anything: beside it first, and on the disk when this returns. The owner
 * is who runs this where `uid` and `gid` are -1. 0 or -errno, and then the old file is there. */
int file_replace(const char *path, const void *p, size_t n, mode_t mode, uid_t uid, gid_t gid);

#endif
