/* What fs_save writes, and fs_restore needs; the saved file itself is "kept":
 *
 *   {"path": "/etc/a", "type": "file", "mode": 420, "uid": 0, "gid": 0, "mtime_ns": N, "atime_ns": N,
 *    "dev": N, "ino": N, "kept": "/var/lib/citrus/undo/7/1", "copied": false}
 *
 * type: absent | file | link (with "target") | directory. */
#include "fs_group.h"
#include "fs_path.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Extended attributes of a copy: what the file system does not take (an SELinux label, a namespace it does
 * not know) is its own matter; capabilities and ACLs are taken or are an error. */
static int copy_xattrs(int from, int to, const char *object)
{
    char names[65536], value[65536]; /* XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h */
    ssize_t n = flistxattr(from, names, sizeof names);
    if (n < 0)
        return errno == ENOTSUP ? 0 : -errno;
    for (const char *name = names; name < names + n; name += strlen(name) + 1) {
        ssize_t len = fgetxattr(from, name, value, sizeof value);
        if (len < 0)
            return -errno;
        int r = step_xattr(to, name, value, (size_t)len, object);
        if (r < 0 && r != -ENOTSUP)
            return r;
    }
    return 0;
}

static struct timespec ns_time(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (t.tv_nsec < 0) {
        t.tv_nsec += 1000000000;
        t.tv_sec--;
    }
    return t;
}

/* A copy as `to_name` (made exclusively), exact but for the inode. */
static int copy_exact(int fromfd, const char *from_name, int tofd, const char *to_name, const char *object)
{
    struct stat st;
    int in = openat(fromfd, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0)
        return -errno;
    int r = fstat(in, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : 0;
    int out = r < 0 ? r : step_create(tofd, to_name, 0600, object);
    if (out < 0) {
        close(in);
        return out;
    }
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    r = step_copy(in, out, object);
    if (r == 0)
        r = step_fchown(out, st.st_uid, st.st_gid, object);
    if (r == 0)
        r = copy_xattrs(in, out, object); /* after chown, which drops capabilities(7) */
    if (r == 0)
        r = step_fchmod(out, st.st_mode & 07777, object);
    if (r == 0)
        r = step_times(out, times, object);
    if (r == 0 && fsync(out) < 0)
        r = -errno;
    close(out);
    close(in);
    return r;
}

/* A leftover of that name is of a save that was never journalled. */
static int link_or_copy(const struct fs_place *p, const struct fs_place *k, bool *copied)
{
    int r = step_link(p->dirfd, p->name, k->dirfd, k->name, p->path);
    if (r == -EEXIST) {
        r = step_unlink(k->dirfd, k->name, 0, p->path);
        if (r == 0)
            r = step_link(p->dirfd, p->name, k->dirfd, k->name, p->path);
    }
    *copied = r == -EXDEV || r == -EPERM || r == -EMLINK || r == -EOPNOTSUPP;
    return *copied ? copy_exact(p->dirfd, p->name, k->dirfd, k->name, p->path) : r;
}

/* Keeps the inode as `kept`, which lies in `dir`. It is where it was until its group was synced. */
static int keep_file(struct host *h, const struct fs_place *p, const char *dir, const char *kept,
                     bool *copied, struct error *err)
{
    struct fs_place k;
    int r = place_open(h, kept, &k, err);
    if (r == -ENOENT) {
        error_clear(err);
        r = fs_mkdirs(h, dir, 0700, err);
        if (r == 0)
            r = place_open(h, kept, &k, err);
    }
    if (r < 0)
        return r;
    r = link_or_copy(p, &k, copied);
    r = r < 0 ? error_errno(err, r, "cannot keep %s as %s", p->path, kept) : place_sync(&k, err);
    place_close(&k);
    return r;
}

static void save_attributes(struct jsonw *j, const struct stat *st)
{
    jw_int(j, "mode", st->st_mode & 07777);
    jw_int(j, "uid", st->st_uid);
    jw_int(j, "gid", st->st_gid);
    jw_int(j, "mtime_ns", fs_ns(st->st_mtim));
    jw_int(j, "atime_ns", fs_ns(st->st_atim));
}

int fs_save(struct host *h, const char *path, const char *dir, const char *name, struct jsonw *j,
            const char *key, enum fs_type *type, struct error *err)
{
    struct fs_place p;
    struct stat st;
    struct fs_stat found = {.type = FS_ABSENT};
    struct arena a = {0};
    char *target = NULL, *kept = NULL;
    bool there = false, copied = false;
    int r = place_open(h, path, &p, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        r = 0;
    } else if (r == 0) {
        r = place_stat(&p, &st, &there, err);
        if (r == 0 && there)
            fs_stat_from(&st, &found);
        if (r == 0 && there && S_ISREG(st.st_mode)) {
            kept = arena_printf(&a, "%s/%s", dir, name);
            r = keep_file(h, &p, dir, kept, &copied, err);
        } else if (r == 0 && there && S_ISLNK(st.st_mode))
            r = fs_readlink(h, path, &a, &target, err);
        else if (r == 0 && there && !S_ISDIR(st.st_mode))
            r = error_set(err, -EOPNOTSUPP, "%s is a device, pipe or socket, which citrus does not replace",
                          path);
        place_close(&p);
    }
    if (type)
        *type = found.type;
    if (r < 0) {
        arena_free(&a);
        return r;
    }
    fs_group_saw(h->group, path, &st, there);
    jw_object(j, key);
    jw_str(j, "path", path);
    jw_str(j, "type", !there ? "absent" : target ? "link" : S_ISDIR(st.st_mode) ? "directory" : "file");
    if (there)
        save_attributes(j, &st);
    if (target)
        jw_str(j, "target", target);
    if (kept) {
        jw_int(j, "dev", (int64_t)st.st_dev);
        jw_int(j, "ino", (int64_t)st.st_ino);
        jw_str(j, "kept", kept);
        jw_bool(j, "copied", copied);
    }
    jw_end(j);
    arena_free(&a);
    return 0;
}

struct saved {
    const char *path, *type, *target, *kept;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    struct timespec times[2]; /* access, modification */
    dev_t dev;
    ino_t ino;
    int copied;
};

static int saved_read(json_t *o, struct saved *ret, struct error *err)
{
    json_int_t mode = 0, uid = 0, gid = 0, mtime = 0, atime = 0, dev = 0, ino = 0;
    struct saved s = {0};
    if (json_unpack(o, "{s:s, s:s, s?I, s?I, s?I, s?I, s?I, s?I, s?I, s?s, s?s, s?b}", "path", &s.path,
                    "type", &s.type, "mode", &mode, "uid", &uid, "gid", &gid, "mtime_ns", &mtime, "atime_ns",
                    &atime, "dev", &dev, "ino", &ino, "target", &s.target, "kept", &s.kept, "copied",
                    &s.copied) < 0)
        return error_set(err, -EINVAL, "a saved file's record is not as citrus writes it");
    if ((strcmp(s.type, "file") == 0 && !s.kept) || (strcmp(s.type, "link") == 0 && !s.target))
        return error_set(err, -EINVAL, "the saved record of %s is not whole", s.path);
    s.mode = (mode_t)mode;
    s.uid = (uid_t)uid;
    s.gid = (gid_t)gid;
    s.times[0] = ns_time(atime);
    s.times[1] = ns_time(mtime);
    s.dev = (dev_t)dev;
    s.ino = (ino_t)ino;
    *ret = s;
    return 0;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Owner, mode, times of a file or directory, by descriptor; only what differs. */
static int put_attributes(int dirfd, const char *name, const struct saved *s)
{
    struct stat st;
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && (st.st_uid != s->uid || st.st_gid != s->gid)) {
        r = step_fchown(fd, s->uid, s->gid, s->path);
        st.st_mode &= (mode_t)~07777; /* chown(2) may have cleared set-id bits: set the mode again */
    }
    if (r == 0 && (st.st_mode & 07777) != s->mode)
        r = step_fchmod(fd, s->mode, s->path);
    if (r == 0 && (!same_time(st.st_mtim, s->times[1]) || !same_time(st.st_atim, s->times[0])))
        r = step_times(fd, s->times, s->path);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    close(fd);
    return r;
}

/* Numbers of files can move (overlayfs gives a file of a lower layer another one when it is first touched),
 * and rename(2) of two names of one file does nothing: the second would stay. */
static bool same_inode(const struct fs_place *kept, const struct stat *now)
{
    struct stat st;
    return fstatat(kept->dirfd, kept->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == now->st_dev &&
           st.st_ino == now->st_ino;
}

/* What is there is the very file that was copied, and its content was never touched: on a full disk there may
 * be no room for putting a copy in its place. */
static bool never_replaced(const struct fs_place *kept, const struct saved *s, const struct stat *now)
{
    struct stat st;
    return now->st_dev == s->dev && now->st_ino == s->ino && same_time(now->st_mtim, s->times[1]) &&
           fstatat(kept->dirfd, kept->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == now->st_size;
}

/* What is in a directory is not in the record of it, and so not this function's to remove. */
static int remove_what_is_there(const struct fs_place *p, struct error *err)
{
    int r = step_unlink(p->dirfd, p->name, 0, p->path);
    if (r == -EISDIR)
        r = step_unlink(p->dirfd, p->name, AT_REMOVEDIR, p->path);
    if (r == -ENOTEMPTY || r == -EEXIST)
        return error_set(err, -ENOTEMPTY, "the directory %s is not empty", p->path);
    if (r == -EBUSY) {
        error_set(err, -EXDEV, "cannot remove %s: a file system is mounted there", p->path);
        error_hint(err, "unmount it first");
        return -EXDEV;
    }
    return r == 0 || r == -ENOENT ? 0 : error_errno(err, r, "cannot remove %s", p->path);
}

/* `now` is what is there, NULL when nothing is. */
static int restore_file(struct host *h, const struct fs_place *p, const struct saved *s,
                        const struct stat *now, struct error *err)
{
    char temporary[NAME_MAX + 1];
    struct fs_place kept;
    if (!s->copied && now && now->st_dev == s->dev && now->st_ino == s->ino)
        return put_attributes(p->dirfd, p->name, s); /* changed in place, or restored before a crash */
    int r = place_open(h, s->kept, &kept, err);
    if (r < 0)
        return r;
    if (now && (s->copied ? never_replaced(&kept, s, now) : same_inode(&kept, now))) {
        r = put_attributes(p->dirfd, p->name, s);
        goto out;
    }
    if (now && S_ISDIR(now->st_mode))
        r = remove_what_is_there(p, err);
    place_temporary(p, temporary);
    if (r == 0 && !s->copied)
        r = step_link(kept.dirfd, kept.name, p->dirfd, temporary, s->path);
    else if (r == 0)
        r = copy_exact(kept.dirfd, kept.name, p->dirfd, temporary, s->path);
    if (r == 0)
        r = put_attributes(p->dirfd, temporary, s);
    if (r == 0)
        r = step_rename(p->dirfd, temporary, p->dirfd, p->name, 0, s->path);
    if (r < 0)
        step_unlink(p->dirfd, temporary, 0, s->path);
out:
    place_close(&kept);
    return r;
}

static int restore_link(const struct fs_place *p, const struct saved *s, const struct stat *now,
                        struct error *err)
{
    char temporary[NAME_MAX + 1], target[PATH_MAX];
    if (now && S_ISLNK(now->st_mode) && now->st_uid == s->uid && now->st_gid == s->gid &&
        same_time(now->st_mtim, s->times[1])) {
        ssize_t n = readlinkat(p->dirfd, p->name, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = '\0';
        if (strcmp(target, s->target) == 0)
            return 0;
    }
    int r = 0;
    if (now && S_ISDIR(now->st_mode))
        r = remove_what_is_there(p, err);
    place_temporary(p, temporary);
    if (r == 0)
        r = step_symlink(s->target, p->dirfd, temporary, s->path);
    if (r == 0)
        r = step_chown(p->dirfd, temporary, s->uid, s->gid, s->path);
    if (r == 0)
        r = step_link_times(p->dirfd, temporary, s->times, s->path);
    if (r == 0)
        r = step_rename(p->dirfd, temporary, p->dirfd, p->name, 0, s->path);
    return r;
}

static int restore_directory(const struct fs_place *p, const struct saved *s, const struct stat *now)
{
    int r = 0;
    if (now && !S_ISDIR(now->st_mode)) {
        r = step_unlink(p->dirfd, p->name, 0, s->path);
        now = NULL;
    }
    if (r == 0 && !now)
        r = step_mkdir(p->dirfd, p->name, 0700, s->path);
    return r < 0 ? r : put_attributes(p->dirfd, p->name, s);
}

int fs_restore(struct host *h, json_t *record, struct error *err)
{
    struct saved s;
    struct fs_place p;
    struct stat st;
    bool there;
    char temporary[NAME_MAX + 1];
    int r = saved_read(record, &s, err);
    if (r < 0)
        return r;
    bool absent = strcmp(s.type, "absent") == 0;
    r = place_open(h, s.path, &p, err);
    if ((r == -ENOENT || r == -ENOTDIR) && absent) {
        error_clear(err);
        return 0;
    }
    if (r < 0)
        return error_prefix(err, "cannot bring back %s", s.path), r;
    error_clear(err);
    place_temporary(&p, temporary);
    r = fs_remove_at(p.dirfd, temporary, s.path, err);
    if (r == 0)
        r = place_stat(&p, &st, &there, err);
    if (r == 0 && absent)
        r = remove_what_is_there(&p, err);
    else if (r == 0 && strcmp(s.type, "file") == 0)
        r = restore_file(h, &p, &s, there ? &st : NULL, err);
    else if (r == 0 && strcmp(s.type, "link") == 0)
        r = restore_link(&p, &s, there ? &st : NULL, err);
    else if (r == 0 && strcmp(s.type, "directory") == 0)
        r = restore_directory(&p, &s, there ? &st : NULL);
    else if (r == 0)
        r = error_set(err, -EINVAL, "the saved record of %s has the unknown type \"%s\"", s.path, s.type);
    if (r == 0)
        r = place_sync(&p, err);
    else if (err && err->code == 0)
        error_errno(err, r, "cannot bring back %s", s.path);
    place_close(&p);
    return r;
}
