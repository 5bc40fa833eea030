/* The parts of the wordpress kind: where its artifacts are (wordpress_artifact.c), the core's files in a site
 * (wordpress_core.c) and how they get there (wordpress_graft.c), and the installation in its database
 * (wordpress_install.c). Private to the kind. */
#ifndef CITRUS_WORDPRESS_H
#define CITRUS_WORDPRESS_H
#include "fs.h"
#include "specs.h"
#include "wordpress_ahead.h"

/* --- artifacts: fetched once for all sites ------------------------------------------------------------- */
struct wordpress_artifact {
    const char *archive; /* /var/cache/citrus/artifacts/NAME.tar.gz */
    const char *tree;    /* /var/cache/citrus/core/NAME: unpacked */
    const char
        *digest_file; /* /var/lib/citrus/artifacts/NAME.digest: what an intact core is; outlives the cache */
    const char *
        sha256_file; /* /var/lib/citrus/artifacts/NAME.sha256: what was fetched first must be fetched again */
};
void wordpress_artifact_names(struct arena *a, const struct wordpress_spec *s,
                              struct wordpress_artifact *ret);
/* *ret NULL: not recorded. */
int wordpress_artifact_digest(struct kind_ctx *ctx, const struct wordpress_artifact *w, const char **ret,
                              struct error *err);
/* Fetches and unpacks what is missing or altered in the cache. */
int wordpress_artifact_need(struct kind_ctx *ctx, const struct wordpress_spec *s,
                            const struct wordpress_artifact *w, struct error *err);
/* Bytes that the archive's content takes on a disk, by what gzip's trailer tells (RFC 1952, ISIZE) and a
 * quarter more for blocks that are not full; 0 where that is not known. */
int64_t wordpress_artifact_room(struct kind_ctx *ctx, const struct wordpress_artifact *w);
char *wordpress_cli_path(struct arena *a, const struct wordpress_spec *s);
int wordpress_cli_need(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err);

/* --- the core's files ---------------------------------------------------------------------------------- */
/* Whether a top-level name belongs to the core: wp-admin, wp-includes and the scripts beside them, but
 * neither wp-content nor wp-config.php. */
bool wordpress_core_part(const char *name, bool is_directory);
/* $wp_version of wp-includes/version.php; NULL when the text names none. */
const char *wordpress_version_parse(struct arena *a, const char *text, size_t n);
int wordpress_version_read(struct kind_ctx *ctx, const char *path, const char **ret, struct error *err);
/* Of a walk of all files. */
int wordpress_core_digest(struct kind_ctx *ctx, const char *path, const char **ret, struct error *err);
/* "intact": the recorded digest, and root's alone. "writable": others than root may write to some of it, and
 * whatever is in it may be theirs. "altered". What was added, removed or replaced since the last look, and a
 * directory that was given away, shows at once; a file that was written in place or given away within an
 * hour, and where the host verifies at once, too. */
int wordpress_core_state(struct kind_ctx *ctx, const char *path, const char *recorded, const char **ret,
                         struct error *err);

/* Begins to copy what will be needed of `tree`; NULL: it is copied when it is. */
struct ahead *wordpress_graft_ahead(struct kind_ctx *ctx, const char *tree, bool with_content);
/* What a change of the files is about to do: planned by capture, done by apply. */
struct wordpress_graft {
    struct ahead *ahead;       /* a copy that may be ready, or NULL */
    const char *stage, *aside; /* where the new core is made ready, and where the old one is kept */
    const char **parts, **old, **content;
    size_t n_parts, n_old, n_content;
    bool uploads; /* wp-content/uploads is to be made */
};
int wordpress_graft_plan(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *tree,
                         bool with_content, const char *name, struct wordpress_graft *ret, struct error *err);
int wordpress_graft_save(struct kind_ctx *ctx, const struct wordpress_spec *s,
                         const struct wordpress_graft *g, struct jsonw *undo, struct error *err);
int wordpress_graft_apply(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *tree,
                          const struct wordpress_graft *g, struct error *err);
int wordpress_graft_undo(struct kind_ctx *ctx, const struct wordpress_spec *s, json_t *undo,
                         struct error *err);

/* --- the installation in the database --------------------------------------------------------------------
 */
bool wordpress_installed(const struct db_snapshot *d, const struct wordpress_spec *s);
int wordpress_install(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err);
int wordpress_upgrade(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err);
/* Drops the tables that an installation makes. */
int wordpress_uninstall(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err);

/* kind.h: caches, cached_for. */
extern const char *const wordpress_caches[];
const char *wordpress_cached_for(struct arena *a, const char *entry);

#endif
