/* A world in which tar unpacks and WP-CLI installs, for the tests of WordPress. */
#ifndef CITRUS_TEST_WORDPRESS_WORLD_H
#define CITRUS_TEST_WORDPRESS_WORLD_H
#include "kit.h"
#include "text.h"
#include "wordpress.h"

#define URL      "https://example.org/wordpress-7.1.1.tar.gz"
#define CLI_URL  "https://example.org/wp-cli.phar"
#define HTDOCS   "/var/www/a.example/htdocs"
#define PASSWORD "Adm1n-secret-value"

static struct {
    const struct host_ops *fake;
    struct host_ops ops;
    struct kit *t;
    const char *version; /* that the archive holds */
    bool tables, refuse_install;
    struct buf input, argv, env;
    const char *cwd; /* NULL: / */
    uid_t uid;
    int unpacked;
    int64_t bytes; /* that the database holds */
} w;

static inline void archive_unpack(const char *top)
{
    static const char *const files[][2] = {
        {"index.php", "<?php // index\n"},
        {"wp-login.php", "<?php // login\n"},
        {"wp-config-sample.php", "<?php // sample\n"},
        {"wp-admin/admin.php", "<?php // admin\n"},
        {"wp-admin/css/a.css", "a {}\n"},
        {"wp-content/index.php", "<?php\n"},
        {"wp-content/themes/twenty/style.css", "b {}\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        kit_put(w.t, arena_printf(&w.t->a, "%s/wordpress/%s", top, files[i][0]), files[i][1], 0600);
    kit_put(w.t, arena_printf(&w.t->a, "%s/wordpress/wp-includes/version.php", top),
            arena_printf(&w.t->a, "<?php\n/** $wp_version */\n$wp_version = '%s';\n", w.version), 0600);
    w.unpacked++;
}

static inline int world_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    *ret = (struct exec_result){0};
    if (!strcmp(x->argv[0], "/usr/bin/tar")) {
        archive_unpack(x->argv[4]);
        return 0;
    }
    if (strcmp(x->argv[0], "/usr/bin/php8.2") != 0)
        return w.fake->run(h, x, ret, err);
    buf_reset(&w.argv);
    buf_reset(&w.input);
    buf_reset(&w.env);
    for (size_t i = 0; x->argv[i]; i++)
        buf_addf(&w.argv, "%s%s", i ? " " : "", x->argv[i]);
    for (size_t i = 0; x->env && x->env[i]; i++)
        buf_addf(&w.env, "%s\n", x->env[i]);
    w.cwd = x->cwd;
    buf_add(&w.input, x->input ? x->input : "", x->input_len);
    w.uid = x->uid;
    if (strstr(buf_str(&w.argv), "core install")) {
        w.tables = true;
        if (w.refuse_install) {
            ret->status = 1;
            buf_adds(&ret->out, "wp core install --admin_password='" PASSWORD "'\nError: no disk left\n");
        }
    }
    return 0;
}

static inline int world_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret,
                                struct arena *a, struct error *err)
{
    int r = w.fake->db_read(h, scope, ret, a, err);
    ret->options_tables = arena_new(a, struct db_table);
    ret->options_tables[0] = (struct db_table){"a_1", "wp_options"};
    ret->n_options_tables = w.tables;
    for (size_t i = 0; i < ret->n_databases && (scope->parts & DB_SIZES); i++)
        ret->databases[i].bytes = w.bytes;
    return r;
}

static inline int world_db_exec(struct host *h, const char *sql, const char *const *values, size_t n,
                                struct error *err)
{
    if (!starts_with(sql, "DROP TABLE IF EXISTS `a_1`.`wp_commentmeta`, "))
        return w.fake->db_exec(h, sql, values, n, err);
    assert_non_null(strstr(sql, "`a_1`.`wp_options`"));
    w.tables = false;
    return 0;
}

static inline const struct secret *secret_of(void *self, const char *name)
{
    return !strcmp(name, "site/a/admin") ? self : NULL;
}

static inline struct kit *world(int tables)
{
    struct arena a = {0};
    struct kit *t = kit_new(arena_printf(&a,
                                         "{\"db\": {\"databases\": [{\"name\": \"a_1\", \"tables\": %d}]},"
                                         " \"fetch\": {\"" URL "\": \"archive\", \"" CLI_URL "\": \"phar\"}}",
                                         tables));
    arena_free(&a);
    memset(&w, 0, sizeof w);
    w.t = t;
    w.version = "7.1.1";
    w.fake = t->h->ops;
    w.ops = *t->h->ops;
    w.ops.run = world_run;
    w.ops.db_read = world_db_read;
    w.ops.db_exec = world_db_exec;
    t->h->ops = &w.ops;
    t->ctx.secret = secret_of;
    t->ctx.secret_self = secret_new(PASSWORD, strlen(PASSWORD));
    kit_mkdirs(t, HTDOCS);
    kit_mkdirs(t, "/var/www/a.example/tmp");
    kit_put(t, HTDOCS "/wp-config.php", "<?php // ours\n", 0640);
    return t;
}

static inline void world_free(struct kit *t)
{
    assert_null(strstr(fake_log(t->h), PASSWORD));
    assert_null(strstr(t->err.text, PASSWORD));
    assert_null(strstr(buf_str(&w.argv), PASSWORD));
    buf_free(&w.argv);
    buf_free(&w.input);
    buf_free(&w.env);
    secret_free(t->ctx.secret_self);
    kit_free(t);
}

static inline struct resource *wordpress(struct kit *t, const char *version)
{
    struct resource *r = kit_res(t, &wordpress_kind, "a.example");
    struct wordpress_spec *s = r->spec;
    s->path = HTDOCS;
    s->version = version;
    s->installed = 1;
    s->owner = "bob";
    s->config = HTDOCS "/wp-config.php";
    s->database = "a_1";
    s->table_prefix = "wp_";
    s->url = "https://a.example";
    s->title = "--title of A";
    s->locale = "en_US";
    s->admin_user = "editor";
    s->admin_email = "me@a.example";
    s->admin_password = "site/a/admin";
    s->php = "/usr/bin/php8.2";
    s->source = URL;
    s->cli_source = CLI_URL;
    return r;
}

static inline struct change *prepared(struct kit *t, struct resource *r)
{
    struct change *c = kit_change(t, r);
    if (wordpress_kind.prepare(&t->ctx, c, &t->err) < 0)
        fail_msg("prepare: %s", t->err.text);
    return c;
}

/* There, and back to the very same files. */
static inline void there_and_back(struct kit *t, struct resource *r, enum op op)
{
    struct change *c = prepared(t, r);
    char *before = kit_tree(t);
    assert_string_equal(op_names[c->op], op_names[op]);
    json_t *undo = kit_apply(t, c);
    assert_string_not_equal(kit_tree(t), before);
    kit_undo(t, c, undo);
    assert_string_equal(kit_tree(t), before);
}

/* --- parts
 * --------------------------------------------------------------------------------------------------- */

#endif
