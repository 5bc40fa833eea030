/* Further threads for what a group writes, and for what a tree held that goes. A new file takes the kernel as
 * long as it takes citrus to come to the next, and most servers have two cores: one more. Whoever takes a
 * file's last name away waits for the disk where its blocks are discarded (mount(8), discard): some more.
 *
 *     struct fs_writer *w = fs_writer_begin(1);
 *     fs_writer_add(w, &writing);          -- written now or by a thread; `writing` stays where it is
 *     fs_writer_wait(w);                   -- all are: their `result` can be read
 *     w = fs_writer_end(w);
 *
 * It makes new files and links under names that nobody knows yet, and new directories, and takes names away,
 * by descriptors of the directories that they lie in, which stay open; everything else is done by who asks.
 * The threads begin when there is enough for them; where none can be had, and what they do not come to, the
 * caller writes. Private to this folder. */
#ifndef CITRUS_FS_WRITER_H
#define CITRUS_FS_WRITER_H
#include <stddef.h>
#include <sys/types.h>

enum fs_writing_what { WRITING_FILE, WRITING_LINK, WRITING_DIRECTORY, WRITING_REMOVAL };
struct fs_writing {
    enum fs_writing_what what;
    int dirfd;
    const char *name, *path; /* of whoever adds it; path: for the log of steps */
    const char *target;      /* of a link */
    void *bytes;             /* of a file: malloc()ed; wiped and freed when they are written */
    size_t n;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int result; /* 0, -errno */
    struct fs_writing *next;
};

enum { FS_WRITER_THREADS = 3 };

struct fs_writer *fs_writer_begin(size_t threads); /* at most; beside the caller's: up to FS_WRITER_THREADS */
void fs_writer_add(struct fs_writer *w, struct fs_writing *x);
void fs_writer_wait(struct fs_writer *w);
struct fs_writer *fs_writer_end(struct fs_writer *w); /* waits; NULL */

/* What it does of each: made exclusively. Of a file or link, whose names are temporary, a leftover of a
 * crash, or what somebody put there, goes; a directory that is there is -EEXIST. A removal of a directory is
 * -EISDIR. */
int fs_writing_do(const struct fs_writing *x);

#endif
