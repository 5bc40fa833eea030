#include "kit.h"
#include "text.h"
#include "wordpress.h"
#include <sys/wait.h>

#define URL      "https://example.org/wordpress-7.1.1.tar.gz"
#define CLI_URL  "https://example.org/wp-cli.phar"
#define HTDOCS   "/var/www/a.example/htdocs"
#define PASSWORD "Adm1n-secret-value"

/* --- a world in which tar unpacks and WP-CLI installs
 * -------------------------------------------------------- */

static struct {
    const struct host_ops *fake;
    struct host_ops ops;
    struct kit *t;
    const char *version; /* that the archive holds */
    bool tables, refuse_install;
    struct buf input, argv;
    uid_t uid;
    int unpacked;
} w;

static void archive_unpack(const char *top)
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

static int world_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
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
    for (size_t i = 0; x->argv[i]; i++)
        buf_addf(&w.argv, "%s%s", i ? " " : "", x->argv[i]);
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

static int world_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret,
                         struct arena *a, struct error *err)
{
    int r = w.fake->db_read(h, scope, ret, a, err);
    ret->options_tables = arena_new(a, struct db_table);
    ret->options_tables[0] = (struct db_table){"a_1", "wp_options"};
    ret->n_options_tables = w.tables;
    return r;
}

static int world_db_exec(struct host *h, const char *sql, const char *const *values, size_t n,
                         struct error *err)
{
    if (!starts_with(sql, "DROP TABLE IF EXISTS `a_1`.`wp_commentmeta`, "))
        return w.fake->db_exec(h, sql, values, n, err);
    assert_non_null(strstr(sql, "`a_1`.`wp_options`"));
    w.tables = false;
    return 0;
}

static const struct secret *secret_of(void *self, const char *name)
{
    return !strcmp(name, "site/a/admin") ? self : NULL;
}

static struct kit *world(int tables)
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

static void world_free(struct kit *t)
{
    assert_null(strstr(fake_log(t->h), PASSWORD));
    assert_null(strstr(t->err.text, PASSWORD));
    assert_null(strstr(buf_str(&w.argv), PASSWORD));
    buf_free(&w.argv);
    buf_free(&w.input);
    secret_free(t->ctx.secret_self);
    kit_free(t);
}

static struct resource *wordpress(struct kit *t, const char *version)
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

static struct change *prepared(struct kit *t, struct resource *r)
{
    struct change *c = kit_change(t, r);
    if (wordpress_kind.prepare(&t->ctx, c, &t->err) < 0)
        fail_msg("prepare: %s", t->err.text);
    return c;
}

/* There, and back to the very same files. */
static void there_and_back(struct kit *t, struct resource *r, enum op op)
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

static void the_version_is_read_from_the_assignment_alone(void **state)
{
    static const char *const texts[][2] = {
        {"<?php\n * @global string $wp_version\n$wp_version = '7.1.1';\n", "7.1.1"},
        {"<?php\n$wp_version=\"6.8-beta1\";\n", "6.8-beta1"},
        {"<?php\n$wp_versions = '1';\n$wp_version = '2';\n", "2"},
        {"<?php\n$wp_version = 7;\n", NULL},
        {"<?php\n$wp_version = '7", NULL},
        {"<?php\n$wp_version = '';\n", NULL},
        {"$wp_version", NULL},
        {"", NULL},
    };
    struct arena a = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *got = wordpress_version_parse(&a, texts[i][0], strlen(texts[i][0]));
        if (texts[i][1])
            assert_string_equal(got, texts[i][1]);
        else
            assert_null(got);
    }
    arena_free(&a);
}

static void the_core_is_neither_the_configuration_nor_the_content(void **state)
{
    static const char *const core[] = {"index.php", "wp-login.php", "xmlrpc.php", "license.txt",
                                       "wp-evil.php"};
    static const char *const others[] = {
        "wp-config.php", "wp-config-sample.php", "robots.txt", "wp-.txt", ".htaccess",
        "wp-admin",      "wp-includes",          "my.php"};
    for (size_t i = 0; i < sizeof core / sizeof *core; i++)
        assert_true(wordpress_core_part(core[i], false));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(wordpress_core_part(others[i], false));
    assert_true(wordpress_core_part("wp-admin", true));
    assert_false(wordpress_core_part("wp-content", true));
    assert_false(wordpress_core_part("wp-login.php", true));
}

/* --- the kind
 * ------------------------------------------------------------------------------------------------ */

static void a_new_site_gets_core_content_and_tables_and_leaves_no_trace_when_undone(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    there_and_back(t, r, OP_CREATE);
    assert_false(w.tables);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(w.unpacked, 1); /* once, and kept */
    assert_int_equal(kit_stat(t, HTDOCS "/wp-admin/admin.php").st_mode & 07777, 0644);
    assert_int_equal(kit_stat(t, HTDOCS "/wp-admin/css").st_mode & 07777, 0755);
    assert_int_equal(kit_stat(t, HTDOCS "/wp-includes").st_uid, 0);
    assert_int_equal(kit_stat(t, HTDOCS "/wp-content/uploads").st_uid, 1000);
    assert_true(kit_there(t, HTDOCS "/wp-content/themes/twenty/style.css"));
    assert_false(kit_there(t, HTDOCS "/wp-config-sample.php"));
    assert_false(kit_there(t, HTDOCS "/.citrus-core~"));
    assert_string_equal(kit_read(t, HTDOCS "/wp-config.php"), "<?php // ours\n");
    world_free(t);
}

static void the_password_goes_through_standard_input_as_the_sites_user(void **state)
{
    struct kit *t = world(0);
    json_decref(kit_apply(t, prepared(t, wordpress(t, "7.1.1"))));
    assert_string_equal(buf_str(&w.input), PASSWORD "\n");
    assert_int_equal(w.uid, 1000);
    assert_non_null(strstr(buf_str(&w.argv), " --quiet "));
    assert_non_null(strstr(buf_str(&w.argv), "core install --url=https://a.example --title=--title of A "));
    assert_non_null(strstr(buf_str(&w.argv), " --prompt=admin_password"));
    assert_null(strstr(buf_str(&w.argv), "--locale"));
    world_free(t);
}

static void a_failed_installation_says_why_without_the_password_and_is_taken_back(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    struct change *c = prepared(t, r);
    char *before = kit_tree(t);
    w.refuse_install = true;
    json_t *undo = kit_capture(t, c);
    assert_true(wordpress_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "a.example"));
    assert_non_null(strstr(t->err.text, "no disk left"));
    assert_non_null(strstr(t->err.text, "--admin_password='***'"));
    kit_undo(t, c, undo);
    assert_false(w.tables);
    assert_string_equal(kit_tree(t), before);
    world_free(t);
}

static void tables_that_were_there_before_are_dumped_and_come_back(void **state)
{
    struct kit *t = world(5);
    struct resource *r = wordpress(t, "7.1.1");
    struct change *c = prepared(t, r);
    json_t *undo = kit_apply(t, c);
    assert_non_null(json_object_get(undo, "dump"));
    kit_undo(t, c, undo);
    assert_non_null(strstr(fake_log(t->h), "db load a_1"));
    world_free(t);
}

static void an_altered_core_is_seen_and_only_the_core_is_put_back(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    w.refuse_install = true; /* nobody asks for it again */
    kit_put(t, HTDOCS "/wp-content/plugins/mine.php", "mine\n", 0644);
    kit_put(t, HTDOCS "/robots.txt", "mine\n", 0644);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php evil();\n", 0666);
    kit_put(t, HTDOCS "/wp-includes/evil.php", "<?php evil();\n", 0644);
    kit_put(t, HTDOCS "/wp-evil.php", "<?php evil();\n", 0644);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "core: altered -> intact");
    there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_false(kit_there(t, HTDOCS "/wp-evil.php"));
    assert_false(kit_there(t, HTDOCS "/wp-includes/evil.php"));
    assert_string_equal(kit_read(t, HTDOCS "/wp-admin/admin.php"), "<?php // admin\n");
    assert_string_equal(kit_read(t, HTDOCS "/wp-content/plugins/mine.php"), "mine\n");
    assert_string_equal(kit_read(t, HTDOCS "/robots.txt"), "mine\n");
    assert_false(kit_there(t, HTDOCS "/.citrus-core~"));
    world_free(t);
}

static void a_lost_cache_does_not_make_a_core_unknown_and_comes_back_when_needed(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(fs_remove_tree(t->h, "/var/cache/citrus", &t->err), 0);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_put(t, HTDOCS "/wp-login.php", "<?php evil();\n", 0644);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_int_equal(w.unpacked, 2);
    world_free(t);
}

static void an_altered_cache_never_reaches_a_site(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    struct wordpress_artifact names;
    prepared(t, r);
    wordpress_artifact_names(&t->a, r->spec, &names);
    kit_put(t, arena_printf(&t->a, "%s/wp-login.php", names.tree), "<?php evil();\n", 0644);
    json_decref(kit_apply(t, prepared(t, r)));
    assert_string_equal(kit_read(t, HTDOCS "/wp-login.php"), "<?php // login\n");
    world_free(t);
}

static void what_was_fetched_first_must_come_again(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    struct wordpress_artifact names;
    prepared(t, r);
    wordpress_artifact_names(&t->a, r->spec, &names);
    kit_put(t, names.sha256_file, "0000000000000000000000000000000000000000000000000000000000000000\n", 0600);
    assert_int_equal(fs_remove_tree(t->h, "/var/cache/citrus", &t->err), 0);
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, URL));
    assert_non_null(strstr(t->err.hint, names.sha256_file));
    world_free(t);
}

static void a_source_that_is_not_there_fails_in_prepare_and_names_site_and_address(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    ((struct wordpress_spec *)r->spec)->source = "https://example.org/none.tar.gz";
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "a.example"));
    assert_non_null(strstr(t->err.text, "https://example.org/none.tar.gz"));
    assert_non_null(strstr(t->err.text, "404"));
    world_free(t);
}

static void an_archive_of_another_version_is_refused(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    w.version = "6.8";
    struct change *c = kit_change(t, r);
    assert_true(wordpress_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "holds WordPress 6.8, not WordPress 7.1.1"));
    world_free(t);
}

static void another_version_dumps_the_database_and_takes_both_back(void **state)
{
    struct kit *t = world(12);
    struct resource *r = wordpress(t, "6.8");
    w.version = "6.8";
    json_decref(kit_apply(t, prepared(t, r)));
    kit_put(t, HTDOCS "/wp-old.php", "<?php // gone in 7\n", 0644);
    ((struct wordpress_spec *)r->spec)->version = w.version = "7.1.1";
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "version: 6.8 -> 7.1.1");
    assert_int_equal(c->reversal, COMPENSATED);
    there_and_back(t, r, OP_UPDATE);
    assert_non_null(strstr(buf_str(&w.argv), "core update-db"));
    assert_non_null(strstr(fake_log(t->h), "db load a_1"));
    assert_string_equal(((struct wordpress_spec *)kit_found(t, r))->version, "6.8");
    world_free(t);
}

/* The dump is older than what visitors wrote since: it is loaded only when the tables were touched. */
static void an_upgrade_that_stopped_before_the_tables_loads_no_dump(void **state)
{
    struct kit *t = world(12);
    struct resource *r = wordpress(t, "6.8");
    w.version = "6.8";
    json_decref(kit_apply(t, prepared(t, r)));
    ((struct wordpress_spec *)r->spec)->version = w.version = "7.1.1";
    struct change *c = prepared(t, r);
    json_t *undo = kit_capture(t, c);
    assert_int_equal(rename(kit_path(t, "/var/cache/citrus/core"), kit_path(t, "/var/cache/citrus/away")), 0);
    assert_true(wordpress_kind.apply(&t->ctx, c, &t->err) < 0);
    kit_undo(t, c, undo);
    assert_null(strstr(fake_log(t->h), "db load"));
    assert_string_equal(((struct wordpress_spec *)kit_found(t, r))->version, "6.8");
    world_free(t);
}

/* --- dying
 * ------------------------------------------------------------------------------------------------------ */

/* Set in a child alone: how many more renames and removals it lives, and whether the last one still happens.
 */
static int lives = -1;
static bool last_happens;

int __real_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_renameat2(int, const char *, int, const char *, unsigned);
int __real_unlinkat(int, const char *, int);
int __wrap_unlinkat(int, const char *, int);

int __wrap_renameat2(int fromfd, const char *from, int tofd, const char *to, unsigned flags)
{
    bool dies = lives > 0 && --lives == 0;
    int r = dies && !last_happens ? 0 : __real_renameat2(fromfd, from, tofd, to, flags);
    if (dies)
        _exit(42);
    return r;
}

int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
    bool dies = lives > 0 && --lives == 0;
    int r = dies && !last_happens ? 0 : __real_unlinkat(dirfd, name, flags);
    if (dies)
        _exit(42);
    return r;
}

/* Runs apply, or undo where `undo` is given, in a child that dies at its `n`th rename or removal. False when
 * it came to its end before. */
static bool dies_at(struct kit *t, struct change *c, int n, bool happens, json_t *undo)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        lives = n;
        last_happens = happens;
        if (undo)
            wordpress_kind.undo(&t->ctx, c->res, c->op, undo, &t->err);
        else
            wordpress_kind.apply(&t->ctx, c, &t->err);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void a_core_change_that_dies_anywhere_is_undone(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    bool died = true;
    int n = 0;
    json_decref(kit_apply(t, prepared(t, r)));
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php edited();\n", 0644);
    kit_put(t, HTDOCS "/wp-more.php", "<?php more();\n", 0600);
    char *before = kit_tree(t);
    for (; died; n++) {
        struct change *c = prepared(t, r);
        json_t *undo = kit_capture(t, c);
        died = dies_at(t, c, n / 2 + 1, n % 2, NULL);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
    }
    assert_in_range(n, 10, 200); /* it did die, at more places than a few */
    world_free(t);
}

static void an_undo_that_dies_anywhere_is_undone_by_the_next(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    bool died = true;
    int n = 0;
    json_decref(kit_apply(t, prepared(t, r)));
    kit_put(t, HTDOCS "/wp-admin/admin.php", "<?php edited();\n", 0644);
    kit_put(t, HTDOCS "/wp-more.php", "<?php more();\n", 0600);
    char *before = kit_tree(t);
    for (; died; n++) {
        struct change *c = prepared(t, r);
        json_t *undo = kit_apply(t, c);
        died = dies_at(t, c, n / 2 + 1, n % 2, undo);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
    }
    assert_in_range(n, 8, 200);
    world_free(t);
}

static void removing_leaves_tree_and_tables_to_their_own_kinds(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    r->absent = true;
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    world_free(t);
}

static void a_stopped_server_is_believed_where_its_data_directory_holds_the_site(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "7.1.1");
    json_decref(kit_apply(t, prepared(t, r)));
    w.ops.db_read = w.fake->db_read;
    struct host *down;
    assert_int_equal(host_fake(t->dir, "{}", &down, &t->err), 0);
    t->ctx.host = down;
    assert_string_equal(kit_delta(t, kit_change(t, r)), "installed: false -> true");
    kit_mkdirs(t, "/var/lib/mysql/a_1");
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    host_close(down);
    world_free(t);
}

static void what_cannot_be_a_site_is_the_operators_error(void **state)
{
    struct kit *t = world(0);
    struct resource *r = wordpress(t, "../7");
    struct diags d;
    diags_init(&d, &t->a);
    wordpress_kind.check(r, &d);
    ((struct wordpress_spec *)r->spec)->version = "7.1.1";
    ((struct wordpress_spec *)r->spec)->table_prefix = "wp`";
    wordpress_kind.check(r, &d);
    ((struct wordpress_spec *)r->spec)->table_prefix = "wp_";
    ((struct wordpress_spec *)r->spec)->source = NULL;
    wordpress_kind.check(r, &d);
    assert_int_equal(d.errors, 3);
    ((struct wordpress_spec *)r->spec)->source = URL;
    wordpress_kind.check(r, &d);
    assert_int_equal(d.errors, 3);
    world_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_read_from_the_assignment_alone),
        cmocka_unit_test(the_core_is_neither_the_configuration_nor_the_content),
        cmocka_unit_test(a_new_site_gets_core_content_and_tables_and_leaves_no_trace_when_undone),
        cmocka_unit_test(the_password_goes_through_standard_input_as_the_sites_user),
        cmocka_unit_test(a_failed_installation_says_why_without_the_password_and_is_taken_back),
        cmocka_unit_test(tables_that_were_there_before_are_dumped_and_come_back),
        cmocka_unit_test(an_altered_core_is_seen_and_only_the_core_is_put_back),
        cmocka_unit_test(a_lost_cache_does_not_make_a_core_unknown_and_comes_back_when_needed),
        cmocka_unit_test(an_altered_cache_never_reaches_a_site),
        cmocka_unit_test(what_was_fetched_first_must_come_again),
        cmocka_unit_test(a_source_that_is_not_there_fails_in_prepare_and_names_site_and_address),
        cmocka_unit_test(an_archive_of_another_version_is_refused),
        cmocka_unit_test(another_version_dumps_the_database_and_takes_both_back),
        cmocka_unit_test(an_upgrade_that_stopped_before_the_tables_loads_no_dump),
        cmocka_unit_test(a_core_change_that_dies_anywhere_is_undone),
        cmocka_unit_test(an_undo_that_dies_anywhere_is_undone_by_the_next),
        cmocka_unit_test(removing_leaves_tree_and_tables_to_their_own_kinds),
        cmocka_unit_test(a_stopped_server_is_believed_where_its_data_directory_holds_the_site),
        cmocka_unit_test(what_cannot_be_a_site_is_the_operators_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
