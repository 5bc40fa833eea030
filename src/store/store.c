/* Opening and closing the store. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE "secret.key"
/* Above this the log is written into the database when the store is closed; below it, a run that noted one
 * row costs no fsync. */
#define WAL_KEEP (256 * 1024)
/* Whoever changed something is waited for, and leaves that to the next look, up to so much: SQLite's own
 * limit, 1000 pages, at which a commit begins it (sqlite.org, PRAGMA wal_autocheckpoint). */
#define WAL_KEEP_CHANGED (1000 * 4096)

/* The database file exists afterwards, a plain file with mode 0600. It is never opened here when it was there
 * before: closing a second descriptor would drop the locks of another connection of this process (sqlite.org,
 * "How To Corrupt An SQLite Database File", 2.2). SQLite gives -wal and -shm the database's mode. */
static int prepare_file(struct store *s, int dirfd, struct error *err)
{
    struct stat st;
    const char *path = s->path;
    bool write = s->mode == STORE_WRITE;
    int r = write ? make_store(s, dirfd, err) : 0;
    if (r < 0)
        return r;
    if (fstatat(dirfd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode)) {
        error_set(err, -EINVAL, "%s is no plain file", path);
        error_hint(err, "move it away; citrus makes its own store at the next apply");
        return -EINVAL;
    }
    if (write && (st.st_mode & 07777) != 0600 && fchmodat(dirfd, STORE_FILE, 0600, 0) < 0)
        return error_errno(err, errno, "%s", path);
    return 0;
}

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);
    char *path = xmalloc(n + m + 2);
    memcpy(path, dir, n);
    path[n] = '/';
    memcpy(path + n + 1, name, m + 1);
    return path;
}

int store_patience_ms = 10000;

static int configure(struct store *s, struct error *err)
{
    static const char doing[] = "set up the connection";
    sqlite3_busy_timeout(s->db, store_patience_ms);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    s->synced = true;
    /* secure_delete: a secret that was replaced is not left in a free page. */
    return db_exec(s, doing,
                   "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON;"
                   "PRAGMA temp_store=MEMORY",
                   err);
}

static int connect(struct store *s, const char *file, struct error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= s->mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (s->mode == STORE_MEMORY)
        flags |= SQLITE_OPEN_CREATE;
    /* Nobody asks how much memory it has, and one thread uses all stores of a process. It is refused, and no
     * matter, once a database was open. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    /* Pages are had one by one: the first twenty at once would all be touched (pcache1.c), and few are used.
     */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    int rc = sqlite3_open_v2(file, &s->db, flags, NULL);
    if (rc != SQLITE_OK)
        return db_error(s, rc, "open it", err);
    int r = configure(s, err);
    return r < 0 ? r : schema_open(s, err);
}

/* The key is held against the store before anything is done; who only reads may never need it. */
int store_ready(struct store *s, struct error *err)
{
    int r = s->mode == STORE_WRITE ? vault_open(s, err) : 0;
    if (r == 0 && s->mode == STORE_WRITE)
        vault_scrub(s);
    return r;
}

static int forget_secrets(struct store *s, struct error *err)
{
    int r = secrets_forget(s, err);
    if (r == 0)
        vault_scrub(s);
    return r;
}

static int open_dir(const char *dir, enum store_mode mode, int (*then)(struct store *, struct error *),
                    struct store **ret, struct error *err)
{
    struct store *s = xmalloc(sizeof *s);
    memset(s, 0, sizeof *s);
    s->mode = mode;
    int r = 0;
    if (mode == STORE_MEMORY) {
        s->path = xmalloc(sizeof "the store in memory");
        memcpy(s->path, "the store in memory", sizeof "the store in memory");
        r = connect(s, ":memory:", err);
    } else {
        int dirfd = -1;
        s->path = join(dir, STORE_FILE);
        s->key_path = join(dir, KEY_FILE);
        r = statedir_open(dir, mode == STORE_WRITE, &dirfd, err);
        if (r == 0)
            r = lost_check_log(dirfd, s->path, err);
        if (r == 0)
            r = prepare_file(s, dirfd, err);
        if (dirfd >= 0)
            close(dirfd);
        if (r == 0)
            r = connect(s, s->path, err);
    }
    if (r == 0 && then)
        r = then(s, err);
    if (r < 0) {
        store_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

int store_open(const char *dir, enum store_mode mode, struct store **ret, struct error *err)
{
    return open_dir(dir, mode, store_ready, ret, err);
}

int store_open_glance(const char *dir, struct store **ret, struct error *err)
{
    return open_dir(dir, STORE_WRITE, NULL, ret, err);
}

int store_secrets_forget(const char *dir, struct error *err)
{
    struct store *s = NULL;
    int r = open_dir(dir, STORE_WRITE, forget_secrets, &s, err);
    store_close(s);
    return r;
}

static void checkpoint_if_long(struct store *s)
{
    char *wal = xmalloc(strlen(s->path) + sizeof "-wal");
    memcpy(wal, s->path, strlen(s->path));
    memcpy(wal + strlen(s->path), "-wal", sizeof "-wal");
    struct stat st;
    /* What does not succeed now (another reader) does the next time. */
    if (stat(wal, &st) == 0 && st.st_size > (s->changed ? WAL_KEEP_CHANGED : WAL_KEEP))
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    free(wal);
}

struct store *store_close(struct store *s)
{
    if (!s)
        return NULL;
    if (s->db && s->in_tx)
        store_rollback(s);
    if (s->db && s->mode == STORE_WRITE && *s->lineage) {
        sqlite3_busy_timeout(s->db, 0);
        checkpoint_if_long(s);
    }
    cache_free(s);
    arena_free(&s->memo_arena);
    secrets_free(s);
    db_close(s);
    vault_cipher_drop(s);
    explicit_bzero(s->plan_key, sizeof s->plan_key);
    explicit_bzero(s->secret_key, sizeof s->secret_key);
    free(s->path);
    free(s->key_path);
    free(s);
    return NULL;
}

const char *store_lineage(const struct store *s)
{
    return s->lineage;
}

const void *store_plan_key(const struct store *s)
{
    return s->plan_key;
}
