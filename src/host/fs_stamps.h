/* A tree that is told by its directories.
 *
 * Who adds, removes or replaces a file moves the times of its directory; who writes into a file that stays
 * does not. So the stamps of directories tell the one at once, at an eighth of what the stamps of all files
 * cost, and the other is told by a walk of all, as often as the caller asks for it (fs_tree.within).
 *
 * A whole walk collects the stamps as it comes by, each before what it stands for is read, and leaves
 *   - in the cache, by the tree's path: one hash of them, when the walk began, and the content's digest;
 *   - in the memo, by that digest, which says what they are: the list of directories. All trees alike share
 * it. Entries of the top are listed and looked at each time: there the times move for what does not count.
 * Private to this folder. */
#ifndef CITRUS_FS_STAMPS_H
#define CITRUS_FS_STAMPS_H
#include "fs.h"
#include <sys/stat.h>

/* Zero-initialise; tree_stamps_free(). */
struct tree_stamps {
    struct buf top, below; /* stamps of what counts at the top, and of the directories below that */
    struct buf list;       /* the paths of the latter */
    int64_t newest;        /* change of one of them */
};
void tree_stamps_add(struct tree_stamps *s, const char *path, bool top, const struct stat *st);
/* For the next call; `settled`: no file changed too lately either. */
void tree_stamps_keep(struct host *h, const char *path, const struct stat *top, const struct tree_stamps *s,
                      bool settled, int64_t began_ns, struct hash128 digest);
void tree_stamps_free(struct tree_stamps *s);
/* Whether the tree open at `fd` has the stamps that a walk found, not longer than t->within ago. */
bool tree_stamps_same(struct host *h, const char *path, int fd, const struct fs_tree *t, struct hash128 *ret);

bool fs_tree_counts(const struct fs_tree *t, const char *name, bool is_directory);

#endif
