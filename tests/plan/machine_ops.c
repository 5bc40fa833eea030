/* What host_fake() leaves to who needs it: the files that packages bring, an archive of WordPress that
 * unpacks, WP-CLI that installs, and the one statement that takes an installation's tables away again.
 *
 * The world's "brings" names them: {"nginx": {"/etc/nginx/nginx.conf": "content", "/etc/nginx/conf.d/": ""}},
 * where what ends with / is a directory and "unit" names the unit that goes with the package. An archive's
 * pretended content is the version that it holds. */
#include "fake_world.h"
#include "fs.h"
#include "machine.h"
#include "text.h"
#include <string.h>

static const struct host_ops *fake;

/* ---- WordPress
 * ------------------------------------------------------------------------------------------------ */

static int unpack(struct host *h, const char *archive, const char *top, struct error *err)
{
    static const char *const files[][2] = {
        {"index.php", "<?php // index\n"},
        {"wp-login.php", "<?php // login\n"},
        {"wp-config-sample.php", "<?php // sample\n"},
        {"wp-admin/admin.php", "<?php // admin\n"},
        {"wp-includes/functions.php", "<?php // functions\n"},
        {"wp-content/index.php", "<?php // silence\n"},
        {"wp-content/themes/twenty/style.css", "b {}\n"},
    };
    struct arena a = {0};
    struct buf version = {0};
    int r = fs_read(h, archive, 0, &version, err);
    const char *base = arena_printf(&a, "%s/wordpress", top);
    for (size_t i = 0; r == 0 && i < sizeof files / sizeof *files; i++) {
        char *path = arena_printf(&a, "%s/%s", base, files[i][0]);
        char *dir = arena_strndup(&a, path, (size_t)(strrchr(path, '/') - path));
        r = fs_mkdirs(h, dir, 0755, err);
        if (r == 0)
            r = fs_write(h, path, files[i][1], strlen(files[i][1]), 0644, 0, 0, err);
    }
    if (r == 0) {
        const char *text = arena_printf(&a, "<?php\n$wp_version = '%s';\n", buf_str(&version));
        r = fs_write(h, arena_printf(&a, "%s/wp-includes/version.php", base), text, strlen(text), 0644, 0, 0,
                     err);
    }
    buf_free(&version);
    arena_free(&a);
    return r;
}

/* The database that the site's wp-config.php names: it lies beside the document root. */
static const char *database_of(struct host *h, const char *const *argv, struct arena *a)
{
    struct buf config = {0};
    const char *database = NULL;
    for (; *argv; argv++)
        if (starts_with(*argv, "--path=")) {
            const char *path = *argv + strlen("--path="), *slash = strrchr(path, '/');
            fs_read(h, arena_printf(a, "%.*s/wp-config.php", (int)(slash - path), path), 0, &config, NULL);
        }
    const char *at = strstr(buf_str(&config), "DB_NAME");
    at = at ? strchr(at, ',') : NULL;
    at = at ? strchr(at, '\'') : NULL;
    if (at)
        database = arena_strndup(a, at + 1, strcspn(at + 1, "'"));
    buf_free(&config);
    return database;
}

static json_t *database_find(struct host *h, const char *name)
{
    json_t *v, *list = json_object_get(fake_part(h, "db", false), "databases");
    size_t i;
    json_array_foreach(list, i, v) if (strcmp(fake_text(v, "name", ""), name) == 0) return v;
    return NULL;
}

static json_t *tables_list(struct host *h)
{
    json_t *db = fake_part(h, "db", false), *list = json_object_get(db, "options_tables");
    if (!list) {
        list = json_array();
        json_object_set_new(db, "options_tables", list);
    }
    return list;
}

/* The pretended WP-CLI is not what the release's built-in SHA-256 pins. */
static int fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err)
{
    struct fetch any = *f;
    if (strstr(f->url, "/wp-cli/releases/"))
        any.sha256 = NULL;
    return fake->fetch(h, &any, ret_sha256, err);
}

static bool has_word(const char *const *argv, const char *word)
{
    for (; *argv; argv++)
        if (strcmp(*argv, word) == 0)
            return true;
    return false;
}

/* "refuses": {"b.example.com.conf": {"alone": true, "text": "nginx: [emerg] ..."}}: nginx -t fails while the
 * file is in sites-enabled; when that is a staged directory, only where the entry says that the file is bad
 * `alone`. */
static bool nginx_refuses(struct host *h, const struct exec *x, struct exec_result *ret)
{
    const char *dir = x->n_binds ? x->binds[0].source : "/etc/nginx/sites-enabled", *name;
    struct arena a = {0};
    bool refused = false;
    json_t *v;
    json_object_foreach(json_object_get(fake_of(h)->world, "refuses"), name, v)
    {
        struct fs_stat st;
        if (refused || (x->n_binds && !json_is_true(json_object_get(v, "alone"))))
            continue;
        refused = fs_stat(h, arena_printf(&a, "%s/%s", dir, name), &st, NULL) == 0 && st.type != FS_ABSENT;
        if (refused)
            buf_adds(&ret->out, fake_text(v, "text", ""));
    }
    arena_free(&a);
    ret->status = refused;
    return refused;
}

static int run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    int r = fake->run(h, x, ret, err);
    if (r < 0 || ret->status != 0)
        return r;
    if (strcmp(x->argv[0], "/usr/sbin/nginx") == 0 && nginx_refuses(h, x, ret))
        return 0;
    if (strcmp(x->argv[0], "/usr/bin/tar") == 0)
        return unpack(h, x->argv[2], x->argv[4], err);
    if (!starts_with(x->argv[0], "/usr/bin/php") || !has_word(x->argv, "install"))
        return 0;
    struct arena a = {0};
    const char *name = database_of(h, x->argv, &a);
    json_t *database = name ? database_find(h, name) : NULL;
    if (database) {
        json_object_set_new(database, "tables", json_integer(12));
        json_array_append_new(tables_list(h),
                              json_pack("{s:s, s:s}", "database", name, "name", "wp_options"));
    } else {
        ret->status = 1;
        buf_adds(&ret->out, "Error: Error establishing a database connection.\n");
    }
    arena_free(&a);
    return 0;
}

static int db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err)
{
    static const char drop[] = "DROP TABLE IF EXISTS `";
    if (!starts_with(sql, drop))
        return fake->db_exec(h, sql, values, n, err);
    struct arena a = {0};
    const char *from = sql + strlen(drop);
    const char *name = arena_strndup(&a, from, strcspn(from, "`"));
    int r = fake_mutation(h, arena_printf(&a, "db DROP TABLE IF EXISTS `%s`....", name), err);
    json_t *database = database_find(h, name), *list = tables_list(h);
    for (size_t i = json_array_size(list); r == 0 && i-- > 0;)
        if (strcmp(fake_text(json_array_get(list, i), "database", ""), name) == 0)
            json_array_remove(list, i);
    if (r == 0 && database)
        json_object_set_new(database, "tables", json_integer(0));
    arena_free(&a);
    return r;
}

/* ---- packages
 * ------------------------------------------------------------------------------------------------ */

static int file_bring(struct host *h, const char *path, const char *text, struct error *err)
{
    struct arena a = {0};
    struct fs_stat st;
    const char *dir = arena_strndup(&a, path, (size_t)(strrchr(path, '/') - path));
    int r = fs_mkdirs(h, dir, 0755, err);
    if (r == 0 && !ends_with(path, "/")) {
        r = fs_stat(h, path, &st, err);
        /* --force-confold */
        if (r == 0 && st.type == FS_ABSENT && starts_with(text, "-> "))
            r = fs_symlink(h, text + strlen("-> "), path, err);
        else if (r == 0 && st.type == FS_ABSENT)
            r = fs_write(h, path, text, strlen(text), 0644, 0, 0, err);
    }
    arena_free(&a);
    return r;
}

/* A removal leaves what is in /etc, as dpkg does; so does what is no longer as it came, and what is not
 * empty. */
static void file_take(struct host *h, enum apt_verb verb, const char *path, const char *text)
{
    struct arena a = {0};
    struct buf have = {0};
    size_t n = strlen(path);
    if (verb == APT_REMOVE && starts_with(path, "/etc/"))
        return;
    if (ends_with(path, "/"))
        fs_rmdir(h, arena_strndup(&a, path, n - 1), NULL);
    else if (starts_with(text, "-> "))
        fs_unlink(h, path, NULL);
    else if (fs_read(h, path, 0, &have, NULL) == 0 && strcmp(buf_str(&have), text) == 0)
        fs_unlink(h, path, NULL);
    buf_free(&have);
    arena_free(&a);
}

/* Removed in the opposite order: directories after what is in them. */
static void package_take(struct host *h, enum apt_verb verb, json_t *brings)
{
    const char *keys[64], *key;
    size_t n = 0;
    json_t *v;
    json_object_foreach(brings, key, v) if (n < sizeof keys / sizeof *keys) keys[n++] = key;
    while (n-- > 0) {
        const char *text = json_string_value(json_object_get(brings, keys[n]));
        if (*keys[n] == '/')
            file_take(h, verb, keys[n], text);
        else
            json_object_del(fake_part(h, "units", false), text);
    }
}

static int package_bring(struct host *h, json_t *brings, struct error *err)
{
    const char *key;
    json_t *v;
    int r = 0;
    json_object_foreach(brings, key, v) if (*key == '/' && r == 0) r =
        file_bring(h, key, json_string_value(v), err);
    return r;
}

static int apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n,
               const struct progress *p, struct error *err)
{
    struct dpkg_package *before;
    size_t count;
    struct arena a = {0};
    bool takes = verb == APT_REMOVE || verb == APT_PURGE;
    int r = dpkg_read(h, &before, &count, &a, err);
    if (r == 0)
        r = fake->apt(h, verb, names, n, p, err);
    for (size_t i = 0; i < n && r == 0 && (takes || verb == APT_INSTALL); i++) {
        const char *name = arena_strndup(&a, names[i], strcspn(names[i], "="));
        const struct dpkg_package *was = dpkg_find(before, count, name);
        json_t *brings = json_object_get(fake_part(h, "brings", false), name);
        if (takes)
            package_take(h, verb, brings);
        else if (!was || was->state != DPKG_INSTALLED) /* an upgrade brings nothing back that was removed */
            r = package_bring(h, brings, err);
        if (takes && strcmp(name, "mariadb-server") == 0)
            json_object_del(fake_of(h)->world, "db");
    }
    arena_free(&a);
    return r;
}

void machine_teach(struct host *h)
{
    static struct host_ops ops;
    fake = h->ops;
    ops = *h->ops;
    ops.apt = apt;
    ops.fetch = fetch;
    ops.run = run;
    ops.db_exec = db_exec;
    h->ops = &ops;
}
