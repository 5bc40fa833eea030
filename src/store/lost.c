/* A store that is missing, or whose log is not its own, where citrus was before: what is left of it is not
 * thrown away, and a new store says that it is one. */
#include "storedb.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAL "store.db-wal"

static int refuse_log(const char *path, const char *what, struct error *err)
{
    error_set(err, -EUCLEAN, "%s-wal, the log with what the last runs wrote, %s", path, what);
    error_hint(
        err,
        "put store.db and store.db-wal back from one backup. To go on without what the log held, move it "
        "aside and keep it: mv %s-wal %s-wal.lost",
        path, path);
    return -EUCLEAN;
}

/* SQLite takes a log without its header for an empty one, and deletes one whose database is empty
 * (sqlite.org, "WAL-mode File Format", 4.1). Bytes of zero are what a power cut leaves of a log that was just
 * begun. */
int lost_check_log(int dirfd, const char *path, struct error *err)
{
    static const unsigned char zeros[4];
    unsigned char magic[4];
    struct stat log, db = {0};
    int fd = openat(dirfd, WAL, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    /* The log first: who makes a store writes to the database before it begins a log. */
    bool read_it = fstat(fd, &log) == 0 && pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic;
    close(fd);
    if (!read_it || memcmp(magic, zeros, sizeof magic) == 0)
        return 0;
    if (magic[0] != 0x37 || magic[1] != 0x7f || magic[2] != 0x06 || (magic[3] & 0xfe) != 0x82)
        return refuse_log(path, "is damaged", err);
    if (fstatat(dirfd, "store.db", &db, AT_SYMLINK_NOFOLLOW) < 0 || db.st_size == 0)
        return refuse_log(path, "is there without its store.db", err);
    return 0;
}

static void path_of(const struct store *s, const char *name, char path[4096])
{
    snprintf(path, 4096, "%.*s/%s", (int)(strrchr(s->path, '/') - s->path), s->path, name);
}

/* `undo` is made by the first transaction; the key alone may be of a first run that was killed. */
bool lost_was_here(const struct store *s)
{
    char path[4096];
    struct stat st;
    if (s->mode != STORE_WRITE)
        return false;
    path_of(s, "undo", path);
    return lstat(path, &st) == 0;
}

/* The largest number that an entry's name begins with. */
static int64_t largest(const struct store *s, const char *name)
{
    int64_t most = 0;
    char path[4096];
    path_of(s, name, path);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        long long n = strtoll(e->d_name, NULL, 10);
        most = n > most ? n : most;
    }
    if (d)
        closedir(d);
    return most;
}

/* Transactions are numbered on from what the lost ones left in the trash and in undo: names there begin with
 * the number, and nothing is written over. */
int lost_note(struct store *s, struct error *err)
{
    static const char doing[] = "note that the store was lost";
    int64_t undo = largest(s, "undo"), trash = largest(s, "trash");
    int r = db_run(s, doing, err, "INSERT INTO meta (name, value) VALUES ('anew', ?)", "b", (const void *)"1",
                   (size_t)1);
    if (r == 0)
        r = db_run(s, doing, err, "INSERT INTO sqlite_sequence (name, seq) VALUES ('tx', ?)", "i",
                   undo > trash ? undo : trash);
    s->anew = r == 0;
    return r;
}

int lost_over(struct store *s, struct error *err)
{
    return s->anew
               ? db_run(s, "note that there is a generation", err, "DELETE FROM meta WHERE name = 'anew'", "")
               : 0;
}

bool store_anew(const struct store *s)
{
    return s->anew;
}
