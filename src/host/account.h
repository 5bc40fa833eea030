/* Users and groups of the managed system, from its own /etc/passwd and /etc/group (never NSS of the
 * running system when offline), changed by shadow's tools (useradd, groupadd, ... --prefix when offline). */
#ifndef CITRUS_ACCOUNT_H
#define CITRUS_ACCOUNT_H
#include "host.h"
#include "name_index.h"

struct account_user {
    const char *name, *home, *shell;
    uid_t uid;
    gid_t gid;
};
struct account_group {
    const char *name;
    gid_t gid;
    const char **members;
    size_t n_members;
};
struct accounts {
    struct account_user *users;
    size_t n_users;
    struct account_group *groups;
    size_t n_groups;
    struct name_index by_user, by_group;
};
/* In the arena; while a group of writes is open (fs_group.h), read once, and good until it ends or an account
 * is changed by the functions below. Between the two below, read once for as long as the files are the same,
 * and good until the second. */
void accounts_look_begin(struct host *h);
void accounts_look_end(struct host *h);
int accounts_read(struct host *h, struct accounts *ret, struct arena *a, struct error *err);
const struct account_user *accounts_user(const struct accounts *s, const char *name);
const struct account_group *accounts_group(const struct accounts *s, const char *name);
/* For applying. -ENOENT with a clear text. "root" is always 0. */
int account_ids(struct host *h, const char *user, const char *group, uid_t *uid, gid_t *gid,
                struct error *err);

/* Debian has 900 numbers for accounts of the system (login.defs(5)), and a server may have more sites. The
 * next are taken from the end of the range for people's, which begins at 1000 (Debian Policy 9.2.2: to
 * 59999).
 */
#define ACCOUNT_SYSTEM_MIN  100
#define ACCOUNT_SYSTEM_MAX  999
#define ACCOUNT_FURTHER_MIN 50000
#define ACCOUNT_FURTHER_MAX 59999

/* System accounts without a password. uid/gid -1: the next free one. */
int account_group_add(struct host *h, const char *name, int64_t gid, struct error *err);
int account_user_add(struct host *h, const char *name, const char *group, const char *home, const char *shell,
                     int64_t uid, struct error *err);
int account_user_change(struct host *h, const char *name, const char *group, const char *home,
                        const char *shell, struct error *err);
int account_member(struct host *h, const char *user, const char *group, bool add, struct error *err);
int account_user_remove(struct host *h, const char *name, struct error *err);
int account_group_remove(struct host *h, const char *name, struct error *err);

/* Users that are not there yet, each with a group of its name, in one go. When it fails all, some or none of
 * them may be there: they can be made one by one then. */
struct account_new {
    const char *name, *home, *shell;
    const char *const *members; /* further users in its group: must be there */
    size_t n_members;
};
int account_add_many(struct host *h, const struct account_new *list, size_t n, struct error *err);

/* Of an offline root: temporaries that a run left that ended while it wrote accounts. */
int account_leftovers_drop(struct host *h, struct error *err);

/* --- for host's own files */
void accounts_changed(struct host *h);
void accounts_free(struct host *h);
int account_name_check(const char *name, struct error *err);
int account_locks_drop(struct host *h, struct error *err);
/* account_files.c: all four are files. */
bool account_files_there(struct host *h);
/* The descriptor that holds lckpwdf(3)'s lock, or -errno. */
int account_files_lock(struct host *h);
/* Under that lock. -EOPNOTSUPP without words: it is the tools' to do. */
int account_files_add(struct host *h, const struct account_new *list, const int64_t *numbers, size_t n,
                      struct error *err);
/* What passwd and group will say when the open group is put; accounts_changed() ends it. */
void accounts_foresee(struct host *h, const char *passwd, const char *group);

#endif
