/* Whole trees put into place: copied beside their target, then swapped in at one stroke. */
#ifndef CITRUS_FS_GRAFT_H
#define CITRUS_FS_GRAFT_H
#include "fs.h"

/* Copies a file or a tree of files and directories to `to`, which must not exist; a link or anything else in
 * it is -EINVAL. Shares blocks where the file system can. Nothing is synced: host_sync() does it, or
 * fs_sync(). After an error remove what is at `to`. */
int fs_copy_tree(struct host *h, const char *from, const char *to, uid_t uid, gid_t gid, mode_t dirs,
                 mode_t files, struct error *err);
/* Swaps two entries of one file system: whoever looks finds one of them at each name. -EXDEV as rename(2). */
int fs_exchange(struct host *h, const char *one, const char *other, struct error *err);
/* Puts `from` at `to` in one step; what was there is then at `from`. Not synced: for what can be taken back
 * from any mixture of old and new until host_sync(). */
int fs_put_in(struct host *h, const char *from, const char *to, struct error *err);

#endif
