/* The specs of the kinds: what the catalog fills and the kinds compare. Tables in each kind's file. */
#ifndef CITRUS_SPECS_H
#define CITRUS_SPECS_H
#include "kind.h"

/* package: id = name. `version` unset: any. `installed` "yes"; a broken dpkg state shows as "broken (…)". */
struct package_spec {
    const char *installed; /* wanted "yes"; found "yes", "broken (half-installed)" */
    const char *version;   /* FIELD_STORED: shown as the candidate, never compared in this version */
    int8_t held;
};
/* file: id = path. */
struct file_spec {
    const char *type; /* wanted "file" (the default); found "directory", "link", ... where that lies there */
    struct bytes content;      /* payload */
    const char *digest;        /* XXH3-128 hex of content; file_content() sets both */
    const char *secret_digest; /* the same for content that holds secrets (sensitive) */
    int64_t mode;
    const char *owner, *group;
    const char *validate; /* payload: name of a validator for prepare and apply ("nginx", "php-fpm:8.2",
                             "mariadb"), NULL */
    bool left;            /* not in the table: removal brought back what was there before */
};
/* directory: id = path. Removal moves a tree to the trash when `data` is set, else only an empty one goes. */
struct directory_spec {
    const char *type; /* wanted "directory" (the default) */
    int64_t mode;
    const char *owner, *group;
    int8_t data;    /* stored, not compared */
    int8_t scratch; /* the same: services write there, and what they wrote goes with it when it is undone */
    bool left;      /* not in the table: removal found it filled and left it, which is fine */
};
/* link: id = path. */
struct link_spec {
    const char *type; /* wanted "link" (the default) */
    const char *target;
    bool left; /* as of a file */
};
/* account: id = name; a user with its own group. */
struct account_spec {
    const char *home, *shell;
    const char *group;      /* wanted "own" (the default); found "missing" or the name of another one */
    struct strings members; /* further users in the account's group, a set */
};
/* service: id = unit name. */
struct service_spec {
    int8_t enabled, active;
    const char *check; /* stored: "nginx", "php-fpm:8.2": what validates the configuration before a refresh */
};
/* How long a service has to run by itself after a start or restart before that is called done; tests wait for
 * nobody. */
extern int service_steady_ms;
/* vhost: id = domain. Writes /etc/nginx/sites-available/ID.conf and its link in sites-enabled. */
struct vhost_spec {
    struct bytes content;
    const char *digest;
    int64_t mode;
    const char *owner; /* "root:root"; NULL: as it is */
    int8_t enabled;
};
/* php_pool: id = domain. Writes /etc/php/VERSION/fpm/pool.d/ID.conf; other versions' file of that name goes.
 */
struct php_pool_spec {
    const char *version;
    struct bytes content;
    const char *digest;
    int64_t mode;
    const char *owner; /* "root:root" */
};
/* database: id = name. Created empty; removed into a dump. */
struct database_spec {
    const char *charset, *collation;
};
/* database_user: id = user@host. */
struct database_user_spec {
    const char *password;        /* SECRET: name; compared by hash: found is the same name, or "(differs)" */
    const char *password_digest; /* of its value, keyed: a new one is no drift; found as wanted */
    /* Name of the secret that is accepted, too, while the password is rotated; wanted "" otherwise. Found "",
     * that name, or "(others)". */
    const char *password_previous;
    /* Seconds for which a password that stands in no file any more is yet used by who read it before: a
     * rotation that is undone waits so long. Unset otherwise; never compared, found as wanted. */
    int64_t settle;
    const char *database;
    const char *privileges; /* "ALL PRIVILEGES" or a sorted list; on `database`.* */
    const char *extra; /* what it has beyond that: wanted "", found e.g. "account locked; mysql.*: SELECT" */
};
/* certificate: id = domain. /etc/citrus/tls/ID/{fullchain,privkey}.pem (0644, 0600, root). */
struct certificate_spec {
    struct strings names;                        /* covered names, a set */
    const char *issuer;                          /* "self-signed" | "files" */
    const char *source_certificate, *source_key; /* files: paths; stored */
    const char
        *source_digest; /* files: fingerprint of the source certificate (kind fills it in when observing) */
    int64_t days;       /* self-signed: stored */
    const char *state;  /* wanted "valid"; found what certificate_state() says, "key does not match",
                           "unreadable",  or whose mode is wrong */
};
/* wordpress: id = domain. */
struct wordpress_spec {
    const char *path; /* document root */
    const char *version;
    const char *core; /* wanted "intact"; found "intact", "altered", "writable", "unknown" */
    int8_t installed;
    const char *owner;                                           /* site's user: stored */
    const char *config;                                          /* path of wp-config.php: stored */
    const char *database, *table_prefix;                         /* stored */
    const char *url, *title, *locale, *admin_user, *admin_email; /* used when installed (CREATE_ONLY) */
    const char *admin_password;                                  /* SECRET: name */
    const char *php;                                             /* "/usr/bin/php8.2": stored */
    const char *source, *source_sha256;                          /* URL of the core: stored */
    const char *cli_source, *cli_sha256;
};

extern const struct kind package_kind, file_kind, directory_kind, link_kind, account_kind, service_kind,
    vhost_kind, php_pool_kind, database_kind, database_user_kind, certificate_kind, wordpress_kind;

/* Sets content and its digest (sensitive: secret_digest). The bytes are borrowed. */
void file_content(struct arena *a, struct file_spec *s, const char *p, size_t n, bool sensitive);
void content_digest(struct arena *a, const struct bytes *b, const char **digest);

/* struct kind's `lockout` for what is named by a path, a package or a unit (lockout.c). */
bool lockout_path(const struct change *c);
bool lockout_package(const struct change *c);
bool lockout_unit(const struct change *c);

/* Validators of configuration (validate.c): "nginx" (live tree), "php-fpm:8.2", "mariadb". 0, or an error
 * with the program's own words. -ENOENT: the program is not installed; -EOPNOTSUPP: offline, nothing can run.
 * validate_possible(): false for these two, which prove nothing. */
int validate_live(struct kind_ctx *, const char *what, struct error *);
bool validate_possible(int r);
/* The two below look at one site's part alone. They see the machine as it is: accounts, certificates and log
 * directories that the text names must be there (nginx -t opens the logs), so their place is in apply.
 * -EINVAL: the site's part is wrong. -EUCLEAN: the server's own configuration is broken without it. -ENOENT
 * and -EOPNOTSUPP as above.
 *
 * One vhost alone beside the server's configuration: nginx -t in a private mount namespace where
 * sites-enabled holds the default server and this one only. */
int validate_vhost(struct kind_ctx *, const char *domain, const char *content, size_t len, struct error *);
/* One pool alone: php-fpm -t on a generated file, which its words name as `live`, where it is to lie. */
int validate_pool(struct kind_ctx *, const char *version, const char *live, const char *content, size_t len,
                  struct error *);

#endif
