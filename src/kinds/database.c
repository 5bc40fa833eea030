/* A database, created empty; removed into a dump that the trash keeps for its retention time.
 *
 * What others wrote is never dropped in silence: undoing a creation drops a database only while it is empty,
 * and a removal keeps a dump before anything is gone. */
#include "database.h"
#include "fs.h"
#include "text.h"
#include <errno.h>
#include <string.h>

#define DATA_DIR  "/var/lib/mysql"
#define TRASH_DIR "/var/lib/citrus/trash"

static const struct field fields[] = {
    {.name = "charset",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_spec, charset),
     .doc = "Default character set."},
    {.name = "collation",
     .type = FIELD_STRING,
     .offset = offsetof(struct database_spec, collation),
     .doc = "Default collation."},
};
static const struct record record = {
    .name = "database", FIELDS(fields), .size = sizeof(struct database_spec)};

const struct db_database *database_find(const struct db_snapshot *s, const char *name)
{
    for (size_t i = 0; i < s->n_databases; i++)
        if (!strcmp(s->databases[i].name, name))
            return &s->databases[i];
    return NULL;
}

int database_dormant(struct kind_ctx *ctx, const char *name, bool *ret, struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(ctx->host, arena_printf(ctx->arena, DATA_DIR "/%s", name), &st, err);
    if (r == 0)
        *ret = st.type == FS_DIRECTORY;
    return r;
}

int database_snapshot(struct kind_ctx *ctx, const struct db_scope *scope, struct db_snapshot *ret,
                      struct error *err)
{
    int r = host_db_read(ctx->host, scope, ret, ctx->arena, err);
    if (r < 0 || ret->running)
        return r;
    error_set(err, -ENOTCONN, "MariaDB does not answer on its socket");
    error_hint(
        err,
        "see `systemctl status mariadb` and `journalctl -u mariadb`, and start it, then run citrus again");
    return -ENOTCONN;
}

static int observe_dormant(struct kind_ctx *ctx, const struct resource *res, void **found, struct error *err)
{
    bool there;
    int r = database_dormant(ctx, res->id, &there, err);
    if (r == 0)
        *found = there ? record_copy(&record, ctx->arena, res->spec) : NULL;
    return r;
}

static int database_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                            struct error *err)
{
    const struct db_scope scope = {.parts = DB_DATABASES, .database = n == 1 ? res[0]->id : NULL};
    struct db_snapshot snapshot = {0};
    int r = host_db_read(ctx->host, &scope, &snapshot, ctx->arena, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (!snapshot.running) {
            r = observe_dormant(ctx, res[i], &found[i], err);
            if (r < 0)
                return r;
            continue;
        }
        const struct db_database *d = database_find(&snapshot, res[i]->id);
        struct database_spec *s = d ? arena_new(ctx->arena, struct database_spec) : NULL;
        if (s)
            *s = (struct database_spec){.charset = d->charset, .collation = d->collation};
        found[i] = s;
    }
    return 0;
}

/* Names of character sets and collations stand bare in SQL. */
static bool bare_word(const char *s)
{
    return s && *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static void database_check(const struct resource *res, struct diags *d)
{
    const struct database_spec *s = res->spec;
    if (res->absent)
        return;
    if (strlen(res->id) > 64) /* MariaDB: Identifier Names, Maximum Length */
        diag_error(d, res->pos, NULL, "the database name %s is longer than 64 characters", res->id);
    if (!bare_word(s->charset) || !bare_word(s->collation))
        diag_error(d, res->pos, NULL, "the database %s has no usable character set and collation", res->id);
}

static void database_plan(struct kind_ctx *ctx, struct change *c)
{
    if (c->op == OP_REMOVE || c->restore)
        c->reversal = COMPENSATED;
    if (c->op == OP_REMOVE)
        c->summary = arena_printf(ctx->arena, "a dump to the trash, kept %s",
                                  duration_text(ctx->arena, ctx->trash_retention));
}

/* Bytes of text are about as many as in the tables; indexes are not in it. */
static int dump_room(struct kind_ctx *ctx, const char *name, const char *path, struct error *err)
{
    const struct db_scope scope = {.parts = DB_DATABASES | DB_SIZES, .database = name};
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    const struct db_database *d = r == 0 ? database_find(&snapshot, name) : NULL;
    return d ? fs_room_need(ctx->host, path, d->bytes,
                            arena_printf(ctx->arena, "dumping the database %s", name), err)
             : r;
}

int database_dump(struct kind_ctx *ctx, const char *name, const char *path, struct error *err)
{
    int r = fs_unlink(ctx->host, path, err);
    if (r < 0 && r != -ENOENT)
        return r;
    error_clear(err);
    r = dump_room(ctx, name, path, err);
    return r < 0 ? r : host_db_dump(ctx->host, name, path, err);
}

/* The dump lies with what undo needs until the removal is begun, then in the trash: one that no journal knows
 * goes with its transaction. */
static char *dump_path(const struct kind_ctx *ctx, const char *name)
{
    return arena_printf(ctx->arena, "%s/database-%s.sql", ctx->undo_dir, name);
}

static char *trash_path(const struct kind_ctx *ctx, const char *name)
{
    return arena_printf(ctx->arena, TRASH_DIR "/%lld-%s.sql", (long long)ctx->transaction, name);
}

static int capture_dump(struct kind_ctx *ctx, struct change *c, struct jsonw *undo, struct error *err)
{
    const char *path = dump_path(ctx, c->res->id);
    int r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r == 0)
        r = database_dump(ctx, c->res->id, path, err);
    if (r == 0) {
        jw_str(undo, "dump", path);
        jw_str(undo, "trash", trash_path(ctx, c->res->id));
    }
    return r;
}

static int exists(struct kind_ctx *ctx, const char *path, bool *ret, struct error *err)
{
    struct fs_stat st = {.type = FS_ABSENT};
    int r = path ? fs_stat(ctx->host, path, &st, err) : 0;
    *ret = r == 0 && st.type != FS_ABSENT;
    return r;
}

/* What is loaded stays among what undo needs, and goes with it when the run has ended well. */
static int capture_restored(struct kind_ctx *ctx, struct change *c, struct jsonw *undo, struct error *err)
{
    bool there;
    int r = exists(ctx, c->restore->path, &there, err);
    if (r == 0 && !there)
        r = error_set(err, -ESTALE, "%s was in the trash when the plan was made, and is not there now",
                      c->restore->path);
    if (r == 0)
        r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r == 0)
        jw_str(undo, "restored", c->restore->path);
    return r;
}

static int database_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                            struct error *err)
{
    const struct db_scope scope = {.parts = DB_DATABASES | DB_TABLES, .database = c->res->id};
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database %s", c->res->id);
    const struct db_database *d = database_find(&snapshot, c->res->id);
    jw_bool(undo, "existed", d != NULL);
    if (!d)
        return c->op == OP_CREATE && c->restore ? capture_restored(ctx, c, undo, err) : 0;
    jw_str(undo, "charset", d->charset);
    jw_str(undo, "collation", d->collation);
    jw_int(undo, "tables", d->tables);
    return c->op == OP_REMOVE ? capture_dump(ctx, c, undo, err) : 0;
}

/* CREATE or ALTER, with what the name and the two words need. */
static int define(struct kind_ctx *ctx, const char *verb, const char *name, const char *charset,
                  const char *collation, struct error *err)
{
    if (!bare_word(charset) || !bare_word(collation))
        return error_set(err, -EINVAL, "database %s: no usable character set and collation", name);
    const char *sql = arena_printf(ctx->arena, "%s %s CHARACTER SET %s COLLATE %s", verb,
                                   db_identifier(ctx->arena, name), charset, collation);
    int r = host_db_exec(ctx->host, sql, NULL, 0, err);
    return r < 0 ? error_prefix(err, "database %s", name) : 0;
}

static int drop(struct kind_ctx *ctx, const char *name, struct error *err)
{
    const char *sql = arena_printf(ctx->arena, "DROP DATABASE %s", db_identifier(ctx->arena, name));
    int r = host_db_exec(ctx->host, sql, NULL, 0, err);
    return r < 0 ? error_prefix(err, "database %s", name) : 0;
}

static int remove_database(struct kind_ctx *ctx, const char *name, struct error *err)
{
    int r = fs_mkdirs(ctx->host, TRASH_DIR, 0700, err);
    if (r == 0)
        r = fs_rename(ctx->host, dump_path(ctx, name), trash_path(ctx, name), err);
    return r < 0 ? r : drop(ctx, name, err);
}

/* A file that says how far it came, for undo. */
static char *mark(const struct kind_ctx *ctx, const char *name, const char *word)
{
    return arena_printf(ctx->arena, "%s/database-%s.%s", ctx->undo_dir, name, word);
}

/* `loading` is there from the beginning of a load until its end: the number of tables is whole before the
 * last one's rows are. */
static int load(struct kind_ctx *ctx, const char *name, const char *dump, const char *charset,
                const char *collation, struct error *err)
{
    const char *loading = mark(ctx, name, "loading");
    int r = fs_write(ctx->host, loading, "", 0, 0600, 0, 0, err);
    if (r == 0)
        r = define(ctx, "CREATE DATABASE IF NOT EXISTS", name, charset, collation, err);
    if (r == 0)
        r = host_db_load(ctx->host, name, dump, err);
    return r < 0 ? r : fs_unlink(ctx->host, loading, err);
}

/* The dump is the trash's until all of it is loaded. */
static int restore_database(struct kind_ctx *ctx, const struct change *c, struct error *err)
{
    const struct database_spec *s = c->res->spec;
    const char *name = c->res->id;
    json_t *saved = json_loads(c->restore->saved, 0, NULL);
    long long tables = (long long)json_integer_value(json_object_get(saved, "tables"));
    const struct db_scope scope = {.parts = DB_DATABASES | DB_TABLES, .database = name};
    struct db_snapshot now = {0};
    json_decref(saved);
    int r = load(ctx, name, c->restore->path, s->charset, s->collation, err);
    if (r == 0)
        r = database_snapshot(ctx, &scope, &now, err);
    const struct db_database *d = r == 0 ? database_find(&now, name) : NULL;
    if (r == 0 && (!d || d->tables != tables))
        r = error_set(err, -EIO, "database %s: it had %lld tables, and %s brought back %lld", name, tables,
                      c->restore->path, d ? (long long)d->tables : 0);
    return r < 0 ? r : fs_rename(ctx->host, c->restore->path, dump_path(ctx, name), err);
}

static int database_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct database_spec *s = c->res->spec;
    switch (c->op) {
    case OP_CREATE:
        if (c->restore)
            return restore_database(ctx, c, err);
        return define(ctx, "CREATE DATABASE", c->res->id, s->charset, s->collation, err);
    case OP_UPDATE:
        return define(ctx, "ALTER DATABASE", c->res->id, s->charset, s->collation, err);
    case OP_REMOVE:
        return remove_database(ctx, c->res->id, err);
    default:
        return 0;
    }
}

/* What came back was somebody's, and may have been written into since: it goes to the trash anew, unless it
 * is there still, since not all of it was loaded. */
static int undo_restored(struct kind_ctx *ctx, const char *name, const struct db_database *now,
                         const char *trash, struct error *err)
{
    const char *again = mark(ctx, name, "again"), *dropping = mark(ctx, name, "dropping");
    bool kept, gone;
    int r = exists(ctx, trash, &kept, err);
    if (r == 0)
        r = exists(ctx, dropping, &gone, err);
    if (r == 0 && !kept && !now)
        return fs_rename(ctx->host, dump_path(ctx, name), trash, err);
    if (r == 0 && !kept && !gone)
        r = database_dump(ctx, name, again, err);
    /* From here on the tables go, one by one: what is left of them is no dump. */
    if (r == 0 && !gone)
        r = fs_write(ctx->host, dropping, "", 0, 0600, 0, 0, err);
    if (r == 0 && !kept)
        r = fs_rename(ctx->host, again, trash, err);
    return r < 0 || !now ? r : drop(ctx, name, err);
}

static int undo_create(struct kind_ctx *ctx, const char *name, const struct db_database *now,
                       struct error *err)
{
    if (!now)
        return 0;
    if (now->tables == 0)
        return drop(ctx, name, err);
    error_set(err, -ENOTEMPTY,
              "database %s was made by this run, but now holds %lld tables: it is not dropped", name,
              (long long)now->tables);
    error_hint(err,
               "look into it; if nothing in it is needed, run `mariadb-admin drop %s`, then `citrus recover`",
               name);
    return -ENOTEMPTY;
}

/* DROP DATABASE removes table after table, so a crash can leave some of them: then the dump has it all. What
 * is whole again leaves none in the trash. */
static int undo_remove(struct kind_ctx *ctx, const char *name, const struct db_database *now, json_t *undo,
                       struct error *err)
{
    const char *dump = json_string_value(json_object_get(undo, "dump"));
    const char *trash = json_string_value(json_object_get(undo, "trash"));
    bool all = now && now->tables == json_integer_value(json_object_get(undo, "tables"));
    bool begun, moved;
    int r = exists(ctx, mark(ctx, name, "loading"), &begun, err);
    if (r == 0)
        r = exists(ctx, trash, &moved, err);
    if (r == 0 && (!all || begun) && !dump)
        r = error_set(err, -ENOENT, "database %s: the journal names no dump of it", name);
    else if (r == 0 && (!all || begun))
        r = load(ctx, name, moved ? trash : dump, json_string_value(json_object_get(undo, "charset")),
                 json_string_value(json_object_get(undo, "collation")), err);
    return r < 0 || !trash ? r : fs_unlink(ctx->host, trash, err);
}

static int database_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                         struct error *err)
{
    const struct db_scope scope = {.parts = DB_DATABASES | DB_TABLES, .database = res->id};
    struct db_snapshot snapshot = {0};
    int r = database_snapshot(ctx, &scope, &snapshot, err);
    if (r < 0)
        return error_prefix(err, "database %s", res->id);
    const struct db_database *now = database_find(&snapshot, res->id);
    const char *restored = json_string_value(json_object_get(undo, "restored"));
    if (restored)
        return undo_restored(ctx, res->id, now, restored, err);
    if (!json_is_true(json_object_get(undo, "existed")))
        return undo_create(ctx, res->id, now, err);
    if (op == OP_REMOVE)
        return undo_remove(ctx, res->id, now, undo, err);
    return define(ctx, "ALTER DATABASE", res->id, json_string_value(json_object_get(undo, "charset")),
                  json_string_value(json_object_get(undo, "collation")), err);
}

static int database_remains(struct kind_ctx *ctx, const struct resource *res, json_t *saved,
                            enum remains_state *ret, const char **path, struct error *err)
{
    const char *trash = json_string_value(json_object_get(saved, "trash"));
    bool there;
    int r = exists(ctx, trash, &there, err);
    *ret = !trash ? REMAINS_NOTHING : there ? REMAINS_THERE : REMAINS_GONE;
    *path = there ? arena_strdup(ctx->arena, trash) : NULL;
    return r;
}

const struct kind database_kind = {
    .name = "database",
    .record = &record,
    .live = true,
    .observe = database_observe,
    .check = database_check,
    .plan = database_plan,
    .capture = database_capture,
    .apply = database_apply,
    .undo = database_undo,
    .remains = database_remains,
    .holds_data = true,
};
