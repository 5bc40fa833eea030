/* Writes of a group: durable together, at the price of two syncs of the file system however many they are.
 *
 *     fs_group_begin(h);
 *     ... fs_save() ...
 *     fs_group_write(h);
 *     ... fs_write(), fs_symlink(), fs_mkdir() ...    -- temporaries and directories, by fs_writer.h
 *     fs_group_made(h, from, to, &err);               -- whether they could be made
 *     fs_group_sync(h, &err);                         -- contents, and the inodes that fs_save() kept
 *     fs_group_put(h, from, to, &err);                -- renames: what was written becomes visible
 *     fs_group_sync(h, &err);                         -- and survives a loss of power
 *     fs_group_end(h);                                -- what was not put is gone
 *
 * In between nothing else syncs. A file that fs_save() saw is replaced only if it is still that file, and one
 * that it did not find is not replaced at all: -ESTALE, somebody wrote it meanwhile. (An editor that writes
 * in the instant between that look and the rename still loses; where it wrote into the inode, undo has it.)
 *
 * Not for what others read before it is put: what is looked at while a group is open shows the old files. */
#ifndef CITRUS_FS_GROUP_H
#define CITRUS_FS_GROUP_H
#include "host.h"

void fs_group_begin(struct host *h);
/* Once all is saved, before the first write; and again where more directories come than can be held open,
 * once what was written is put: what was not is gone then, and fs_group_size() begins anew. Each directory is
 * resolved once between two of them. */
void fs_group_write(struct host *h);
/* How many wait to be put: entries `from` up to `to` are those written between two calls. */
size_t fs_group_size(const struct host *h);
/* As many directories are held open as a process should: put what there is, and go on. */
bool fs_group_full(const struct host *h);
/* Whether all of these could be made, once they are: the error of the first that could not. */
int fs_group_made(struct host *h, size_t from, size_t to, struct error *err);
/* -ESTALE: none of these was put. On any other error the rest of them is given up. */
int fs_group_put(struct host *h, size_t from, size_t to, struct error *err);
int fs_group_sync(struct host *h, struct error *err);
/* What waits from there on is not to be put. */
void fs_group_drop(struct host *h, size_t from);
void fs_group_end(struct host *h);

/* --- for host's own files; `g` is NULL where no group is open */
struct stat;
struct fs_place;
/* What is not there, until the first write or something is made; then NULL. */
struct fs_absent;
struct fs_absent *fs_group_absent(struct fs_group *g);
/* What fs_save() found. */
void fs_group_saw(struct fs_group *g, const char *path, const struct stat *st, bool there);
/* Something changed on this descriptor's file system. -errno */
int fs_group_touch(struct fs_group *g, int fd);
/* The same in the place's directory, which is asked once where the group holds it open. */
int fs_group_touch_place(struct fs_group *g, const struct fs_place *p);
/* A directory that is held open, by its path; -ENOENT. Keeping one makes its descriptor the group's. */
int fs_group_directory(const struct fs_group *g, const char *dir, size_t len);
bool fs_group_keep(struct fs_group *g, const char *dir, size_t len, int fd);
/* Closed when the group ends, or goes on (fs_group_write()) with what it was for put: a lock. */
void fs_group_hold(struct host *h, int fd);
/* What is at the path, and below it, is not there any more. */
void fs_group_moved(struct fs_group *g, const char *path);
/* `temporary`, beside the place, is to be renamed to it. -errno */
int fs_group_add(struct fs_group *g, const struct fs_place *p, const char *temporary);
/* What is made in the place as `x` says, by and by: under the name `as`, which is temporary unless it is a
 * directory. Its bytes and target are copied. -errno */
struct fs_writing;
int fs_group_later(struct fs_group *g, const struct fs_place *p, const char *as, const struct fs_writing *x);
/* Whether a directory of this path can wait: it lies in one that the group made a moment ago, as those of a
 * new site do. One that others may lie in is made at once. */
bool fs_group_defers(struct fs_group *g, const char *path);
/* Waits for what is made by and by. False: there was nothing. */
bool fs_group_settle(struct fs_group *g);

#endif
