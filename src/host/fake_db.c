/* The pretended MariaDB: snapshots of the world's "db" part, and dumps of it. Statements are fake_sql.c's. */
#include "fake_world.h"
#include "fs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *db_part(struct host *h)
{
    return json_object_get(fake_of(h)->world, "db");
}

static const char *text_of(struct arena *a, const json_t *v, const char *name, const char *otherwise)
{
    return arena_strdup(a, fake_text(v, name, otherwise));
}

/* An array's length and room for as many structs. */
#define PART(db, name, list, count)                                                                          \
    size_t count = json_array_size(json_object_get((db), (name)));                                           \
    list = arena_alloc(a, (count + 1) * sizeof *list)

static bool of_scope(const char *name, const char *wanted)
{
    return !wanted || strcmp(name, wanted) == 0;
}

#define KEEP(list, count, what, name, wanted)                                                                \
    do {                                                                                                     \
        size_t kept = 0;                                                                                     \
        for (size_t i = 0; i < (count); i++)                                                                 \
            if ((scope->parts & (what)) && of_scope((list)[i].name, wanted))                                 \
                (list)[kept++] = (list)[i];                                                                  \
        (count) = kept;                                                                                      \
    } while (0)

/* Who asked for less sees no more, as on a real server. */
static void narrow(const struct db_scope *scope, struct db_snapshot *s)
{
    for (size_t i = 0; i < s->n_databases && !(scope->parts & DB_TABLES); i++)
        s->databases[i].tables = 0;
    for (size_t i = 0; i < s->n_databases && !(scope->parts & DB_SIZES); i++)
        s->databases[i].bytes = 0;
    KEEP(s->databases, s->n_databases, DB_DATABASES, name, scope->database);
    KEEP(s->options_tables, s->n_options_tables, DB_TABLES, database, scope->database);
    KEEP(s->users, s->n_users, DB_USERS, user, scope->user);
    KEEP(s->users, s->n_users, DB_USERS, host, scope->host);
    KEEP(s->grants, s->n_grants, DB_USERS, user, scope->user);
    KEEP(s->grants, s->n_grants, DB_USERS, host, scope->host);
}

/* {"role": "Y or N"} */
static void roles_take(json_t *roles, struct db_user *u, struct arena *a)
{
    const char *name;
    json_t *admin;
    u->roles = arena_array(a, struct db_role, json_object_size(roles) + 1);
    json_object_foreach(roles, name, admin) u->roles[u->n_roles++] =
        (struct db_role){.name = arena_strdup(a, name), .admin = *json_string_value(admin) == 'Y'};
}

int fake_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err)
{
    json_t *db = db_part(h);
    struct db_snapshot s = {.running = json_is_object(db)};
    PART(db, "databases", s.databases, databases);
    PART(db, "users", s.users, users);
    PART(db, "grants", s.grants, grants);
    PART(db, "options_tables", s.options_tables, tables);
    for (; s.n_databases < databases; s.n_databases++) {
        json_t *v = json_array_get(json_object_get(db, "databases"), s.n_databases);
        s.databases[s.n_databases] =
            (struct db_database){.name = text_of(a, v, "name", ""),
                                 .charset = text_of(a, v, "charset", "utf8mb4"),
                                 .collation = text_of(a, v, "collation", "utf8mb4_unicode_ci"),
                                 .tables = json_integer_value(json_object_get(v, "tables")),
                                 .bytes = json_integer_value(json_object_get(v, "bytes"))};
    }
    for (; s.n_users < users; s.n_users++) {
        json_t *v = json_array_get(json_object_get(db, "users"), s.n_users);
        s.users[s.n_users] = (struct db_user){.user = text_of(a, v, "user", ""),
                                              .host = text_of(a, v, "host", "localhost"),
                                              .password_hash = text_of(a, v, "password_hash", ""),
                                              .locked = json_is_true(json_object_get(v, "locked")),
                                              .tls = text_of(a, v, "tls", ""),
                                              .tls_issuer = text_of(a, v, "tls_issuer", ""),
                                              .tls_subject = text_of(a, v, "tls_subject", ""),
                                              .tls_cipher = text_of(a, v, "tls_cipher", ""),
                                              .default_role = text_of(a, v, "default_role", "")};
        json_t *others = json_object_get(v, "others");
        struct db_user *u = &s.users[s.n_users];
        u->others = arena_array(a, const char *, json_array_size(others) + 1);
        for (; u->n_others < json_array_size(others); u->n_others++)
            u->others[u->n_others] = arena_strdup(a, json_string_value(json_array_get(others, u->n_others)));
        roles_take(json_object_get(v, "roles"), u, a);
    }
    for (; s.n_grants < grants; s.n_grants++) {
        json_t *v = json_array_get(json_object_get(db, "grants"), s.n_grants);
        s.grants[s.n_grants] = (struct db_grant){.user = text_of(a, v, "user", ""),
                                                 .host = text_of(a, v, "host", "localhost"),
                                                 .database = text_of(a, v, "database", "*"),
                                                 .wild = json_is_true(json_object_get(v, "wild")),
                                                 .table = text_of(a, v, "table", NULL),
                                                 .column = text_of(a, v, "column", NULL),
                                                 .routine = text_of(a, v, "routine", NULL),
                                                 .privileges = text_of(a, v, "privileges", "ALL PRIVILEGES")};
    }
    for (; s.n_options_tables < tables; s.n_options_tables++) {
        json_t *v = json_array_get(json_object_get(db, "options_tables"), s.n_options_tables);
        s.options_tables[s.n_options_tables] =
            (struct db_table){.database = text_of(a, v, "database", ""), .name = text_of(a, v, "name", "")};
    }
    narrow(scope, &s);
    *ret = s;
    return 0;
}

static int not_running(struct error *err)
{
    return error_set(err, -ENOTCONN, "MariaDB does not answer");
}

int fake_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err)
{
    struct buf shown = {0};
    buf_adds(&shown, "db ");
    /* First only how it may be shown, so that a refused statement is in the log too. */
    int r = json_is_object(db_part(h)) ? fake_sql(db_part(h), sql, values, n, &shown, true, err)
                                       : not_running(err);
    if (r == 0)
        r = fake_mutation(h, buf_str(&shown), err);
    if (r == 0)
        r = fake_sql(db_part(h), sql, values, n, NULL, false, err);
    buf_free(&shown);
    return r;
}

static json_t *database_find(json_t *db, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(db, "databases"), i,
                       v) if (strcmp(fake_text(v, "name", ""), name) == 0) return v;
    return NULL;
}

int fake_db_dump(struct host *h, const char *database, const char *path, struct error *err)
{
    struct arena a = {0};
    json_t *db = db_part(h);
    int r = json_is_object(db) ? fake_mutation(h, arena_printf(&a, "db dump %s", database), err)
                               : not_running(err);
    arena_free(&a);
    if (r < 0)
        return r;
    json_t *v = database_find(db, database);
    if (!v)
        return error_set(err, -ENOENT, "database %s: there is none to dump", database);
    json_t *all = json_copy(v), *mine = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(db, "options_tables"), i,
                       one) if (strcmp(fake_text(one, "database", ""), database) == 0)
        json_array_append(mine, one);
    json_object_set_new(all, "options_tables", mine);
    char *text = json_dumps(all, JSON_SORT_KEYS);
    r = fs_write(h, path, text, strlen(text), 0600, 0, 0, err);
    free(text);
    json_decref(all);
    return r;
}

/* What a dump says of options tables, which the world holds beside the databases. */
static void load_options(json_t *db, const char *database, json_t *saved)
{
    json_t *list = json_object_get(db, "options_tables"), *mine = json_object_get(saved, "options_tables"),
           *one;
    for (size_t i = json_array_size(list); i-- > 0;)
        if (strcmp(fake_text(json_array_get(list, i), "database", ""), database) == 0)
            json_array_remove(list, i);
    if (!list && json_array_size(mine))
        json_object_set_new(db, "options_tables", list = json_array());
    size_t i;
    json_array_foreach(mine, i, one) json_array_append(list, one);
    json_object_del(saved, "options_tables");
}

int fake_db_load(struct host *h, const char *database, const char *path, struct error *err)
{
    struct arena a = {0};
    json_t *db = db_part(h);
    int r = json_is_object(db) ? fake_mutation(h, arena_printf(&a, "db load %s", database), err)
                               : not_running(err);
    arena_free(&a);
    if (r < 0)
        return r;
    json_t *v = database_find(db, database);
    if (!v)
        return error_set(err, -ENOENT, "database %s: there is none to load into", database);
    struct buf text = {0};
    r = fs_read(h, path, 0, &text, err);
    json_t *saved = r == 0 ? json_loads(buf_str(&text), 0, NULL) : NULL;
    buf_free(&text);
    if (r < 0)
        return r;
    if (!saved)
        return error_set(err, -EINVAL, "%s: this is no dump", path);
    load_options(db, database, saved);
    /* The tables, and what else a test put there; the dump of a database says nothing of itself. */
    static const char *const own[] = {"name", "charset", "collation"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        json_object_del(saved, own[i]);
    json_object_update(v, saved);
    json_decref(saved);
    return 0;
}
