/* The outside world behind one interface.
 *
 * Paths are absolute as the managed system sees them and are resolved inside `root` (fs.h). What needs a
 * running system (units, databases, processes, HTTP, apt) goes through `ops`, which unit and plan tests
 * replace by host_fake(). Offline (`--root DIR`), ops answer -EOPNOTSUPP for what needs a running service
 * and the engine lists the resource as deferred.
 *
 * Every call that changes something passes host_step() right before and right after: the one place where
 * a fault build counts and dies. Nothing outside this folder changes the machine. */
#ifndef CITRUS_HOST_H
#define CITRUS_HOST_H
#include "arena.h"
#include "buf.h"
#include "error.h"
#include "hash.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host;
struct fs_stat;

/* Remembers content digests of files by their identity; the store's cache in the program. May be NULL. */
struct digest_cache {
    bool (*get)(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret);
    void (*put)(void *self, const char *path, const struct fs_stat *st, struct hash128 digest);
    void *self;
    /* What was put, whatever the path is now; NULL: it cannot say. */
    bool (*recall)(void *self, const char *path, struct fs_stat *ret, struct hash128 *digest);
};

/* Remembers what was worked out from a content, by a name with its hash in it; the store's in the program.
 * May be NULL. */
struct content_memo {
    bool (*get)(void *self, const char *name, struct arena *a, const char **ret);
    void (*put)(void *self, const char *name, const char *text);
    void *self;
};

/* One line of progress of something slow ("fetching wordpress-7.1.1.tar.gz  3.1 of 25.0 MB"). May be NULL. */
struct progress {
    void (*say)(void *self, const char *line);
    void *self;
    void (*note)(void *self, const char *line); /* of what a log shall hear as well; NULL: say */
};
void progress_note(const struct progress *p, const char *line); /* p may be NULL */

/* --- processes ----------------------------------------------------------------------------------------- */
struct exec_bind {
    const char *source, *target; /* bind-mounted in a private mount namespace of the child alone */
};
/* In a session of its own: without a terminal, and without the signals that a terminal sends. */
struct exec {
    const char *const *argv; /* argv[0] is an absolute path; no shell, ever */
    const char *const *env;  /* NULL-terminated "K=V", added to PATH, HOME=/root, LANG=C.UTF-8 */
    const char *input;       /* standard input, may be a secret; NULL: /dev/null */
    size_t input_len;
    int input_fd; /* > 0: standard input is this open file, and `input` is not used */
    uid_t uid;    /* 0: root; else runs as uid/gid with its groups, no_new_privs */
    gid_t gid;
    const char *cwd; /* NULL: / */
    int timeout;     /* seconds; 0: 60. Then TERM, then KILL of the whole process group */
    int stall;       /* > 0: the same after so many seconds without a line that is not the last one again */
    const struct exec_bind *binds;
    size_t n_binds;
    bool mutates;    /* counts as a step */
    bool many_files; /* may open as many as the hard limit says: the soft one is 1024, as a rule */
    const struct progress *progress; /* gets each line of output; NULL: none */
};
struct exec_result {
    int status;     /* exit status, 128 + signal, or -1 for a time-out */
    bool stalled;   /* -1 since it came no further */
    struct buf out; /* stdout and stderr together, at most the last 64 KiB; free with exec_result_free */
};
void exec_result_free(struct exec_result *r);
/* 0 when it ran (look at status), negative when it could not be started. */
int host_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err);
/* The same, where anything but status 0 is an error with the output's last lines in its text. */
int host_run_ok(struct host *h, const struct exec *x, struct error *err);

/* What programs wrote that sync nothing themselves (dpkg the configuration files of packages, tar, PHP)
 * survives a loss of power from here on. Nothing when none was run. */
int host_sync(struct host *h, struct error *err);

/* --- systemd units ----------------------------------------------------------------------------------------
 */
struct unit_state {
    const char *name; /* wanted: "nginx.service" */
    bool loaded;      /* systemd knows a unit file of this name */
    bool active, failed;
    bool enabled;     /* it has its links, also where it is masked */
    bool masked;      /* a link to /dev/null stands in the place of its file; it is not loaded then */
    const char *sub;  /* "running", "dead", ...; in the arena */
    int64_t main_pid; /* only where one unit alone is asked for: it costs a call of its own */
};
enum unit_verb { UNIT_START, UNIT_STOP, UNIT_RELOAD, UNIT_RESTART, UNIT_ENABLE, UNIT_DISABLE };
/* All units in one bus call (ListUnitsByNames), enablement from the unit files' links. */
int host_units(struct host *h, struct unit_state *units, size_t n, struct arena *a, struct error *err);
/* Waits for the job's end; a job that failed is an error with the unit's last journal lines. */
int host_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err);
int host_units_reload(struct host *h, struct error *err); /* daemon-reload */
/* A transient timer: "x.timer" starts "x.service", which has a unit file, once in `seconds`. It is gone after
 * a boot. A second call takes the first timer's place; `seconds` 0 takes it away, also where
 * there is none. Either stops the service where it runs. */
int host_timer(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err);

/* --- packages ---------------------------------------------------------------------------------------------
 */
enum dpkg_state {
    DPKG_ABSENT,
    DPKG_CONFIG_FILES,
    DPKG_INSTALLED,
    DPKG_BROKEN /* half-installed, unpacked, ... */
};
struct dpkg_package {
    const char *name; /* without architecture */
    const char *version;
    const char *state_text; /* "install ok installed" */
    enum dpkg_state state;
    bool held;
};
/* One parse of /var/lib/dpkg/status, and of what a killed dpkg had not yet written there, for a sorted list
 * of all packages. Not an op: these are files. */
int dpkg_read(struct host *h, struct dpkg_package **ret, size_t *n, struct arena *a, struct error *err);
/* A dpkg was killed, or one runs: apt does nothing before `dpkg --configure -a`. */
bool dpkg_interrupted(struct host *h);
const struct dpkg_package *dpkg_find(const struct dpkg_package *list, size_t n, const char *name);
/* The candidate versions of packages that are not installed: candidate[i] NULL where there is none. */
int host_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err);
enum apt_verb {
    APT_UPDATE,
    APT_DOWNLOAD,
    APT_INSTALL,
    APT_REINSTALL,
    APT_REMOVE,
    APT_PURGE,
    APT_HOLD,
    APT_UNHOLD,
    APT_CONFIGURE
};
/* `names` may be "name=version". Non-interactive, keeps conffiles (--force-confold), waits for whoever
 * holds a lock, with progress (-EBUSY when that took too long). APT_DOWNLOAD refuses (-ENOSPC) what will not
 * fit. An error of APT_UPDATE may be of one repository among many. APT_REINSTALL unpacks again what is
 * installed, too: apt leaves a package alone that dpkg wants reinstalled
 * (`install` says it is the newest already). APT_CONFIGURE leaves the services alone where a maintainer
 * script fails at them. APT_INSTALL does not start anything that policy-rc.d forbids. */
int host_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err);
/* Of APT_INSTALL and APT_REMOVE: what apt would remove along with it, the names themselves left out. *ret is
 * NULL-terminated. Changes nothing, and waits for nobody. */
int host_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err);

/* --- MariaDB
 * ------------------------------------------------------------------------------------------------ */
struct db_database {
    const char *name, *charset, *collation;
    int64_t tables;
    int64_t bytes; /* of all rows, as the server reckons */
};
struct db_role {
    const char *name;
    bool admin; /* it may give it to others */
};
struct db_user {
    const char *user, *host;
    const char *password_hash; /* "*HEX", "" for socket users */
    const char **others;       /* what is accepted beside it, in the same form and in the server's order */
    size_t n_others;
    bool locked;
    const char *tls; /* what REQUIRE demands: "", "SSL", "X509", or "SPECIFIED" for what stands next */
    const char *tls_issuer, *tls_subject, *tls_cipher; /* "": any */
    const char *default_role;                          /* "": none */
    struct db_role *roles;                             /* by name */
    size_t n_roles;
};
struct db_grant {
    const char *user, *host;
    const char *database; /* its name, "*" for all; where it is `wild`, the pattern as it stands */
    bool wild; /* `_` and `%` in it match anything: it may be for more than the database of that name */
    const char *table;   /* NULL: all of the database */
    const char *column;  /* of the table, or NULL */
    const char *routine; /* "PROCEDURE", "FUNCTION", ...: `table` is the name of one; or NULL */
    /* Sorted upper-case names joined by ", "; "ALL PRIVILEGES" when all; GRANT OPTION, where held, is last.
     */
    const char *privileges;
};
struct db_table {
    const char *database, *name;
};
struct db_snapshot {
    bool running;
    struct db_database *databases;
    size_t n_databases;
    struct db_user *users;
    size_t n_users;
    struct db_grant *grants;
    size_t n_grants;
    struct db_table *options_tables; /* tables named like '%options': is a WordPress installed here? */
    size_t n_options_tables;
};
enum db_part {
    DB_DATABASES = 1,
    DB_TABLES = 2, /* how many each database has, and options_tables */
    DB_USERS = 4,  /* with their grants */
    DB_SIZES = 8   /* how many bytes each database has; the server opens every table for it */
};
struct db_scope {
    unsigned parts;          /* of enum db_part */
    const char *database;    /* of databases and tables this one alone; NULL: all */
    const char *user, *host; /* of users this one alone; NULL: all */
};
/* One connection over the socket, a query or two a part; running=false (and 0) when no server answers. What
 * is not in `scope` (NULL: everything but sizes) stays empty. */
int host_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err);
/* One statement. `?` in it stands for values[i] (bound, never pasted); identifiers are quoted by
 * db_identifier(). Some statements (CREATE USER) take no bound values: use db_quote() there. */
int host_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err);
char *db_identifier(struct arena *a, const char *name); /* `name` with ` doubled; refuses NUL by type */
/* '...', escaped for sessions of db_conn.c only: their mode is without NO_BACKSLASH_ESCAPES. Wiped by no one:
 * what may be a secret is kept in a short-lived arena. */
char *db_quote(struct arena *a, const char *text);
void db_password_hash(const char *password, char out[42]); /* mysql_native_password: "*" and 40 hex digits */
/* mariadb-dump of one database into `path` (0600, made exclusively), and back. */
int host_db_dump(struct host *h, const char *database, const char *path, struct error *err);
int host_db_load(struct host *h, const char *database, const char *path, struct error *err);

/* --- HTTP
 * ------------------------------------------------------------------------------------------------------ */
struct fetch {
    const char *url;    /* http or https; https is verified against the system's CAs */
    const char *path;   /* where to, made atomically, 0644 */
    const char *sha256; /* expected, or NULL */
    int64_t max_bytes;  /* 0: 1 GiB */
    int timeout;        /* seconds for the whole; 0: 1800 */
    int stall;          /* seconds below 1 kB/s; 0: host->stall_seconds */
    const struct progress *progress;
};
/* ret_sha256 may be NULL. Errors name URL and HTTP status. */
int host_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err);

/* Asks a site on this machine what a visitor would get: one GET to its real listener at 127.0.0.1. A redirect
 * within the site is followed, one that leads elsewhere is the answer. Nothing is verified: the certificate
 * that was served is handed over. nginx's own page cache is passed by. */
struct probe {
    const char *domain;
    const char *path; /* "/" */
    bool tls;
    const char *contains; /* text to look for; NULL */
    int timeout;          /* seconds for all; 0: PROBE_TIMEOUT */
    uint16_t port;        /* 0: 443 or 80 */
};
struct probe_result {
    int code;           /* 0: it answered; else why not: -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET, -EPROTO, ...;
                           -ECANCELED: it was not asked, since the whole took too long */
    const char *reason; /* code < 0: in words */
    int status;         /* HTTP status */
    bool contains;
    const char *title;    /* of the page; NULL: none */
    const char *fault;    /* what says that PHP or WordPress broke, though the status may be 200; NULL */
    const char *location; /* where a redirect led that was not followed; NULL */
    char certificate[SHA256_HEX]; /* SHA-256 of the one that was served; "": none was */
    int64_t ms;
};
#define PROBE_TIMEOUT 10
#define PROBE_MOST    (256 << 10) /* bytes of a page that are looked at */
/* `n` sites, a few at a time: two for each processor, four to eight. A minute, and a second more for each
 * site, is what all of them get. 0 where each has its result. */
int host_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err);

struct host_ops {
    int (*run)(struct host *, const struct exec *, struct exec_result *, struct error *);
    int (*units)(struct host *, struct unit_state *, size_t, struct arena *, struct error *);
    int (*unit)(struct host *, const char *, enum unit_verb, struct error *);
    int (*units_reload)(struct host *, struct error *);
    int (*timer)(struct host *, const char *, int64_t, const char *, struct error *);
    int (*apt_candidates)(struct host *, const char *const *, size_t, const char **, struct arena *,
                          struct error *);
    int (*apt)(struct host *, enum apt_verb, const char *const *, size_t, const struct progress *,
               struct error *);
    int (*apt_along)(struct host *, enum apt_verb, const char *const *, size_t, const char ***,
                     struct arena *, struct error *);
    int (*db_read)(struct host *, const struct db_scope *, struct db_snapshot *, struct arena *,
                   struct error *);
    int (*db_exec)(struct host *, const char *, const char *const *, size_t, struct error *);
    int (*db_dump)(struct host *, const char *, const char *, struct error *);
    int (*db_load)(struct host *, const char *, const char *, struct error *);
    int (*fetch)(struct host *, const struct fetch *, char[SHA256_HEX], struct error *);
    int (*probe)(struct host *, const struct probe *, size_t, struct probe_result *, struct arena *,
                 struct error *);
};

struct host {
    const char *root; /* "/" or the offline root */
    int rootfd;       /* O_PATH */
    bool offline;
    const struct host_ops *ops;
    void *ops_data;                      /* of a fake */
    void (*ops_free)(void *ops_data);    /* called by host_close(); NULL: nothing to free */
    struct digest_cache *cache;          /* NULL: none */
    struct content_memo *memo;           /* NULL: none */
    bool verify;                         /* read every file, trust no cache */
    bool unsynced;                       /* a program changed something since the last host_sync() */
    struct near *near;                   /* fs_near_begin(); NULL: none */
    struct tree_list *tree_list;         /* fs_stamps.c; NULL: none */
    struct accounts_look *accounts_look; /* accounts_look_begin(); NULL: none is open */
    struct accounts_kept *accounts;      /* of /etc/passwd and /etc/group, while a group is open; else NULL */
    struct fs_group *group;              /* fs_group_begin(); NULL: none is open */
    struct taking *footprint;            /* footprint.h; NULL: none is taken */
    struct progress *progress;           /* NULL: none */
    int stall_seconds;                   /* without progress, a download is given up; 0: 30, of apt's 120 */
    int lock_seconds;                    /* how long apt_wait() waits for others that install; 0: 300 */
    /* Set while nothing is changed (downloads, checks): a signal then ends what is waited for, -EINTR. */
    const volatile sig_atomic_t *interrupted;
    const char *db_socket; /* NULL: MariaDB's usual one, /run/mysqld/mysqld.sock */
    void *bus, *db, *curl; /* connections, made when first needed */
};

/* Opens the machine itself ("/" or NULL) or an offline root. */
int host_open(const char *root, struct host **ret, struct error *err);
struct host *host_close(struct host *h);
extern const struct host_ops host_real_ops, host_offline_ops;

/* The fault points, right before and right after each call that changes something. `what` is the call
 * ("rename") and one of host_step_names, `object` its object. A release build only counts. */
enum step_side { STEP_BEFORE, STEP_AFTER };
static inline bool host_interrupted(const struct host *h)
{
    return h->interrupted && *h->interrupted;
}
void host_step(enum step_side side, const char *what, const char *object);
unsigned long host_steps(void);             /* how many so far */
extern const char *const host_step_names[]; /* NULL-terminated */

#endif
