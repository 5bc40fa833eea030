/* The calls that change a file, each between two fault points (host_step), so that none can be forgotten:
 * nothing else in this folder calls them. They return 0 (or a descriptor) or -errno; `object` is the path
 * as the managed system sees it, for the log of steps. Private to this folder. */
#ifndef CITRUS_STEP_H
#define CITRUS_STEP_H
#include "host.h"
#include <sys/stat.h>
#include <time.h>

int step_create(int dirfd, const char *name, mode_t mode, const char *object); /* O_EXCL; a descriptor */
int step_write(int fd, const void *p, size_t n, const char *object);           /* all of it */
int step_copy(int from, int to, const char *object);                           /* all of it */
int step_rename(int fromfd, const char *from, int tofd, const char *to, unsigned flags, const char *object);
int step_link(int fromfd, const char *from, int tofd, const char *to, const char *object);
int step_symlink(const char *target, int dirfd, const char *name, const char *object);
int step_unlink(int dirfd, const char *name, int flags, const char *object);
int step_mkdir(int dirfd, const char *name, mode_t mode, const char *object);
int step_chown(int dirfd, const char *name, uid_t uid, gid_t gid, const char *object); /* never follows */
int step_fchown(int fd, uid_t uid, gid_t gid, const char *object);
int step_fchmod(int fd, mode_t mode, const char *object);
int step_xattr(int fd, const char *name, const void *value, size_t n, const char *object);
int step_times(int fd, const struct timespec times[2], const char *object);
int step_link_times(int dirfd, const char *name, const struct timespec times[2], const char *object);

#endif
