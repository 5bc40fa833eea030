/* A site's WordPress: its core at one version and unaltered, and installed in its database.
 *
 * What is below wp-content, and what was entered when it was installed (title, administrator), belongs to the
 * site and is never compared. Directories, wp-config.php, the database and its user are resources of their
 * own that come before; on removal the tree and the database are theirs to keep, so nothing is done here. */
#include "wordpress.h"
#include "database.h"
#include <errno.h>
#include <string.h>

#define AT(member) offsetof(struct wordpress_spec, member)
static const struct field fields[] = {
    {.name = "path", .type = FIELD_PATH, .flags = FIELD_STORED, .offset = AT(path), .doc = "Document root."},
    {.name = "version", .type = FIELD_STRING, .offset = AT(version), .doc = "Version of the core."},
    {.name = "core",
     .type = FIELD_STRING,
     .offset = AT(core),
     .def = "intact",
     .doc =
         "intact, altered, writable, missing or unknown: the core's files against the archive's, and whose "
         "they are."},
    {.name = "installed", .type = FIELD_BOOL, .offset = AT(installed), .doc = "Installed in its database."},
    {.name = "owner",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(owner),
     .doc = "The site's user."},
    {.name = "config",
     .type = FIELD_PATH,
     .flags = FIELD_STORED,
     .offset = AT(config),
     .doc = "wp-config.php."},
    {.name = "database",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(database),
     .doc = "Database."},
    {.name = "table_prefix",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(table_prefix),
     .doc = "Prefix of its tables."},
    {.name = "url", .type = FIELD_STRING, .flags = FIELD_CREATE_ONLY, .offset = AT(url), .doc = "Address."},
    {.name = "title",
     .type = FIELD_STRING,
     .flags = FIELD_CREATE_ONLY,
     .offset = AT(title),
     .doc = "First title."},
    {.name = "locale",
     .type = FIELD_STRING,
     .flags = FIELD_CREATE_ONLY,
     .offset = AT(locale),
     .doc = "Language."},
    {.name = "admin_user",
     .type = FIELD_STRING,
     .flags = FIELD_CREATE_ONLY,
     .offset = AT(admin_user),
     .doc = "First administrator."},
    {.name = "admin_email",
     .type = FIELD_STRING,
     .flags = FIELD_CREATE_ONLY,
     .offset = AT(admin_email),
     .doc = "The administrator's address."},
    {.name = "admin_password",
     .type = FIELD_SECRET,
     .flags = FIELD_CREATE_ONLY,
     .offset = AT(admin_password),
     .doc = "Name of the administrator's first password."},
    {.name = "php",
     .type = FIELD_PATH,
     .flags = FIELD_STORED,
     .offset = AT(php),
     .doc = "PHP that runs WP-CLI."},
    {.name = "source",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(source),
     .doc = "Core's URL."},
    {.name = "source_sha256",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(source_sha256),
     .doc = "Core's SHA-256."},
    {.name = "cli_source",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(cli_source),
     .doc = "WP-CLI's URL."},
    {.name = "cli_sha256",
     .type = FIELD_STRING,
     .flags = FIELD_STORED,
     .offset = AT(cli_sha256),
     .doc = "WP-CLI's SHA-256."},
};
static const struct record record = {
    .name = "wordpress", FIELDS(fields), .size = sizeof(struct wordpress_spec)};

/* What a change has to do, from prepare to apply. */
struct work {
    struct wordpress_artifact artifact;
    struct wordpress_graft graft;
    struct ahead *ahead;
    bool files, install, upgrade;
    const char *upgrading; /* a mark in the undo directory: the tables are being changed */
};

static bool same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* --- observe ------------------------------------------------------------------------------------------- */

static int core_state(struct kind_ctx *ctx, const struct wordpress_spec *want, const char *version,
                      const char **ret, struct error *err)
{
    struct wordpress_artifact w;
    const char *recorded;
    if (!version) {
        *ret = "missing";
        return 0;
    }
    if (!same(version, want->version)) {
        *ret = want->core; /* the change of version replaces it all */
        return 0;
    }
    wordpress_artifact_names(ctx->arena, want, &w);
    int r = wordpress_artifact_digest(ctx, &w, &recorded, err);
    if (r == 0 && !recorded)
        *ret = "unknown";
    if (r < 0 || !recorded)
        return r;
    return wordpress_core_state(ctx, want->path, recorded, ret, err);
}

static int observe_one(struct kind_ctx *ctx, const struct db_snapshot *d, const struct resource *res,
                       void **found, struct error *err)
{
    const struct wordpress_spec *want = res->spec;
    const char *version, *core = NULL;
    bool installed = false;
    int r = wordpress_version_read(ctx, want->path, &version, err);
    if (r == 0)
        r = core_state(ctx, want, version, &core, err);
    if (r == 0 && d->running)
        installed = wordpress_installed(d, want);
    else if (r == 0)
        r = database_dormant(ctx, want->database, &installed, err);
    if (r < 0 || (!version && !installed))
        return r;
    struct wordpress_spec *s = arena_memdup(ctx->arena, want, sizeof *want);
    s->version = version ? version : "missing";
    s->core = core;
    s->installed = installed;
    *found = s;
    return 0;
}

static int wordpress_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                             struct error *err)
{
    const struct wordpress_spec *only = n == 1 ? res[0]->spec : NULL;
    const struct db_scope scope = {.parts = DB_TABLES, .database = only ? only->database : NULL};
    struct db_snapshot d = {0};
    int r = host_db_read(ctx->host, &scope, &d, ctx->arena, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        found[i] = NULL;
        /* Nothing is left that would be this kind's to remove. */
        if (res[i]->absent)
            continue;
        r = observe_one(ctx, &d, res[i], &found[i], err);
        if (r < 0)
            error_prefix(err, "WordPress of %s", res[i]->id);
    }
    return r;
}

/* --- check and plan ------------------------------------------------------------------------------------ */

static const char *spec_problem(const struct wordpress_spec *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *const needed[] = {s->path,         s->version, s->owner,  s->database,
                                  s->table_prefix, s->url,     s->title,  s->admin_user,
                                  s->admin_email,  s->php,     s->source, s->cli_source};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i] || !*needed[i])
            return "is not told all it needs";
    if (s->path[0] != '/' || !s->path[1] || s->php[0] != '/')
        return "has a path that is not absolute";
    if (strspn(s->version, letters) == 0)
        return "has no usable version";
    for (const char *at = s->version; *at; at++)
        if (!strchr(letters, *at) && *at != '.' && *at != '-')
            return "has no usable version";
    for (const char *at = s->table_prefix; *at; at++)
        if (!strchr(letters, *at) && *at != '_')
            return "has a table prefix that is not of letters, digits and _";
    return NULL;
}

static void wordpress_check(const struct resource *res, struct diags *d)
{
    const char *problem = res->absent ? NULL : spec_problem(res->spec);
    if (problem)
        diag_error(d, res->pos, NULL, "WordPress of %s %s", res->id, problem);
}

static void wordpress_plan(struct kind_ctx *ctx, struct change *c)
{
    const struct wordpress_spec *s = c->res->spec, *found = c->found;
    if (c->op != OP_UPDATE || !found)
        return;
    if (same(found->version, s->version))
        c->summary = same(found->core, s->core) ? NULL : "core files put back";
    else if (found->installed == 1) {
        c->reversal = COMPENSATED;
        c->summary = "core and database, which is dumped first";
    }
}

/* --- change -------------------------------------------------------------------------------------------- */

static struct work *work_of(struct kind_ctx *ctx, struct change *c)
{
    const struct wordpress_spec *s = c->res->spec, *found = c->found;
    if (c->prepared)
        return c->prepared;
    struct work *w = c->prepared = arena_new(ctx->arena, struct work);
    bool version = !found || !same(found->version, s->version);
    wordpress_artifact_names(ctx->arena, s, &w->artifact);
    w->files = version || !same(found->core, "intact");
    w->install = s->installed == 1 && (!found || found->installed != 1);
    w->upgrade = found && version && found->installed == 1;
    return w;
}

/* The site has nothing of a core: its first content comes with it. */
static bool is_first(const struct change *c)
{
    const struct wordpress_spec *found = c->found;
    return !found || same(found->core, "missing");
}

static int wordpress_prepare(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct wordpress_spec *s = c->res->spec;
    int r = 0;
    if (c->op == OP_REMOVE)
        return 0;
    struct work *w = work_of(ctx, c);
    if (w->files)
        r = wordpress_artifact_need(ctx, s, &w->artifact, err);
    if (r == 0 && w->files)
        r = fs_room_need(ctx->host, s->path, wordpress_artifact_room(ctx, &w->artifact), "a copy of the core",
                         err);
    if (r == 0 && (w->install || w->upgrade))
        r = wordpress_cli_need(ctx, s, err);
    if (r == 0 && w->files)
        w->ahead = wordpress_graft_ahead(ctx, w->artifact.tree, is_first(c));
    return r < 0 ? error_prefix(err, "WordPress %s of %s", s->version, c->res->id) : 0;
}

/* Tables that are there already are somebody's: they are dumped, and what the installation makes is dropped
 * before they come back. */
static int capture_database(struct kind_ctx *ctx, const struct wordpress_spec *s, struct work *w,
                            const char *name, struct jsonw *undo, struct error *err)
{
    const struct db_scope scope = {.parts = DB_DATABASES | DB_TABLES, .database = s->database};
    struct db_snapshot d = {0};
    int r = database_snapshot(ctx, &scope, &d, err);
    if (r == 0)
        r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r < 0)
        return r;
    const struct db_database *db = database_find(&d, s->database);
    w->upgrading = arena_printf(ctx->arena, "%s/%s-upgrading", ctx->undo_dir, name);
    jw_bool(undo, "install", w->install);
    jw_str(undo, "upgrading", w->upgrading);
    if (!db || (!w->upgrade && db->tables == 0))
        return 0;
    const char *dump = arena_printf(ctx->arena, "%s/%s.sql", ctx->undo_dir, name);
    r = database_dump(ctx, s->database, dump, err);
    if (r == 0)
        jw_str(undo, "dump", dump);
    return r;
}

static int wordpress_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                             struct error *err)
{
    const struct wordpress_spec *s = c->res->spec;
    int r = 0;
    if (c->op == OP_REMOVE)
        return 0;
    struct work *w = work_of(ctx, c);
    if (w->files) {
        r = wordpress_graft_plan(ctx, s, w->artifact.tree, is_first(c), name, &w->graft, err);
        w->graft.ahead = w->ahead;
        if (r == 0)
            r = wordpress_graft_save(ctx, s, &w->graft, undo, err);
    }
    if (r == 0 && (w->install || w->upgrade))
        r = capture_database(ctx, s, w, name, undo, err);
    return r < 0 ? error_prefix(err, "WordPress of %s", c->res->id) : 0;
}

static int wordpress_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct wordpress_spec *s = c->res->spec;
    int r = 0;
    if (c->op == OP_REMOVE)
        return 0;
    struct work *w = work_of(ctx, c);
    if (w->files)
        r = wordpress_graft_apply(ctx, s, w->artifact.tree, &w->graft, err);
    if (r == 0 && (w->install || w->upgrade))
        r = fs_write(ctx->host, w->upgrading, "", 0, 0600, 0, 0, err);
    if (r == 0 && w->install)
        r = wordpress_install(ctx, s, err);
    if (r == 0 && w->upgrade)
        r = wordpress_upgrade(ctx, s, err);
    return r < 0 ? error_prefix(err, "WordPress of %s", c->res->id) : 0;
}

/* Tables that were never touched are left alone: visitors wrote into them since the dump. */
static int undo_database(struct kind_ctx *ctx, const struct wordpress_spec *s, json_t *undo,
                         struct error *err)
{
    const char *mark = json_string_value(json_object_get(undo, "upgrading")),
               *dump = json_string_value(json_object_get(undo, "dump"));
    const struct db_scope scope = {.parts = DB_DATABASES, .database = s->database};
    struct db_snapshot d = {0};
    struct fs_stat st = {0};
    int r = mark ? fs_stat(ctx->host, mark, &st, err) : 0;
    if (r < 0 || !mark || st.type == FS_ABSENT)
        return r;
    r = database_snapshot(ctx, &scope, &d, err);
    if (r < 0 || !database_find(&d, s->database))
        return r;
    if (json_is_true(json_object_get(undo, "install")))
        r = wordpress_uninstall(ctx, s, err);
    return r < 0 || !dump ? r : host_db_load(ctx->host, s->database, dump, err);
}

static int wordpress_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                          struct error *err)
{
    const struct wordpress_spec *s = res->spec;
    if (op == OP_REMOVE)
        return 0;
    int r = undo_database(ctx, s, undo, err);
    if (r == 0)
        r = wordpress_graft_undo(ctx, s, undo, err);
    return r < 0 ? error_prefix(err, "WordPress of %s", res->id) : 0;
}

static const char *place(const struct resource *res, bool *takes_all)
{
    const struct wordpress_spec *spec = res->spec;
    *takes_all = false;
    return spec->path;
}

const struct kind wordpress_kind = {
    .name = "wordpress",
    .record = &record,
    .live = true,
    .observe = wordpress_observe,
    .check = wordpress_check,
    .plan = wordpress_plan,
    .prepare = wordpress_prepare,
    .capture = wordpress_capture,
    .apply = wordpress_apply,
    .undo = wordpress_undo,
    .caches = wordpress_caches,
    .cached_for = wordpress_cached_for,
    .place = place,
};
