/* A new store: made whole under another name, and put in its place when it is on the disk. Whoever is killed,
 * or loses power, in between leaves no store, and the next begins anew. So it takes two syncs; made in its
 * place, with SQLite's own journal, then its log, it took eleven. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What SQLite may have beside a database. */
static const char *const parts[] = {"", "-journal", "-wal", "-shm"};

static void remove_parts(int dirfd)
{
    char name[64];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, STORE_FILE "~%s", parts[i]);
        unlinkat(dirfd, name, 0);
    }
}

/* It is nobody's yet, so nothing of it is synced or can be rolled back. Of the modes only that of the log is
 * kept in the file; it comes last. */
static int fill(struct store *s, const char *path, struct error *err)
{
    static const char doing[] = "make a new store";
    int rc = sqlite3_open_v2(path, &s->db,
                             SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE, NULL);
    int r = rc == SQLITE_OK ? 0 : db_error(s, rc, doing, err);
    if (r == 0)
        r = db_exec(s, doing, "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY",
                    err);
    s->synced = true; /* as far as it needs to be */
    if (r == 0)
        r = schema_migrate(s, err);
    if (r == 0)
        r = schema_log_ahead(s, err);
    db_close(s);
    s->changed = false; /* it is in no log */
    return r;
}

static int make(struct store *s, int dirfd, struct error *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s~", s->path) >= (int)sizeof path)
        return error_set(err, -ENAMETOOLONG, "the name of %s is too long", s->path);
    remove_parts(dirfd);
    int fd = openat(dirfd, STORE_FILE "~", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 || fchmod(fd, 0600) < 0 ? error_errno(err, errno, "%s", path) : 0;
    if (fd >= 0)
        close(fd);
    if (r == 0)
        r = fill(s, path, err);
    if (r < 0)
        return r;
    /* The key and its name are on the disk before the store's: a store without its key is no store. At once,
     * with the directories that were made for both. */
    if (syncfs(dirfd) < 0)
        r = -errno;
    if (store_step)
        store_step(false, s->path);
    if (r == 0 && renameat(dirfd, STORE_FILE "~", dirfd, STORE_FILE) < 0)
        r = -errno;
    if (store_step)
        store_step(true, s->path);
    /* And the store's before that of its log: a log alone is refused (lost.c). */
    if (r == 0 && fsync(dirfd) < 0)
        r = -errno;
    return r < 0 ? error_errno(err, r, "cannot make %s", s->path) : 0;
}

int make_store(struct store *s, int dirfd, struct error *err)
{
    struct stat st;
    if (fstatat(dirfd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return error_errno(err, errno, "%s", s->path);
    /* Of two that come at once one makes it, and the other finds it made. Gone with the descriptor. */
    if (flock(dirfd, LOCK_EX) < 0)
        return error_errno(err, errno, "cannot lock the directory of %s", s->path);
    if (fstatat(dirfd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    int r = vault_key_need(s, false, err);
    if (r == 0)
        r = make(s, dirfd, err);
    if (r < 0)
        remove_parts(dirfd);
    return r;
}
