#include "wordpress_world.h"

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

/* WP-CLI reads ~/.wp-cli/config.yml and the wp-cli.yml of its directory and those above, and runs the PHP
 * that they require. */
static void no_configuration_of_the_sites_own_is_read(void **state)
{
    struct kit *t = world(0);
    json_decref(kit_apply(t, prepared(t, wordpress(t, "7.1.1"))));
    assert_non_null(strstr(buf_str(&w.env), "HOME=/var/www/a.example/tmp\n"));
    assert_non_null(strstr(buf_str(&w.env), "WP_CLI_CONFIG_PATH=/dev/null\n"));
    assert_null(w.cwd);
    assert_non_null(strstr(buf_str(&w.argv), " --path=" HTDOCS " "));
    assert_non_null(strstr(buf_str(&w.argv), " --skip-packages "));
    world_free(t);
}

/* WP-CLI would take its first line, trimmed, and nobody would know with which password to log in. */
static void a_password_that_is_no_line_is_refused(void **state)
{
    static const struct {
        const char *at;
        size_t n;
    } rows[] = {{"", 0},           {" begins", 7},    {"ends\t", 5},        {"ends\n", 5},
                {"two\nlines", 9}, {"two\rlines", 9}, {"a NUL\0inside", 12}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit *t = world(0);
        struct change *c = prepared(t, wordpress(t, "7.1.1"));
        json_decref(kit_capture(t, c));
        secret_free(t->ctx.secret_self);
        t->ctx.secret_self = secret_new(rows[i].at, rows[i].n);
        assert_int_equal(wordpress_kind.apply(&t->ctx, c, &t->err), -EINVAL);
        assert_non_null(strstr(t->err.text, "(secret site/a/admin) is empty, begins or ends with a space"));
        assert_int_equal(w.input.len, 0);
        world_free(t);
    }
}

/* What answers to the name while it is installed is another server, or a name server that is waited for. */
static void the_installation_does_not_ask_the_site_for_a_page(void **state)
{
    struct kit *t = world(0);
    json_decref(kit_apply(t, prepared(t, wordpress(t, "7.1.1"))));
    const char *hook = strstr(buf_str(&w.argv), "--exec=WP_CLI::add_wp_hook('pre_http_request',");
    assert_non_null(hook);
    assert_true(hook < strstr(buf_str(&w.argv), "core install"));
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

static void tables_that_find_no_room_for_their_dump_are_left_alone(void **state)
{
    struct kit *t = world(5);
    w.bytes = (int64_t)1 << 60;
    assert_int_equal(kit_capture_refused(t, prepared(t, wordpress(t, "7.1.1"))), -ENOSPC);
    assert_non_null(strstr(t->err.text, "dumping the database a_1 needs"));
    assert_null(strstr(fake_log(t->h), "db dump"));
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
        cmocka_unit_test(a_password_that_is_no_line_is_refused),
        cmocka_unit_test(the_password_goes_through_standard_input_as_the_sites_user),
        cmocka_unit_test(no_configuration_of_the_sites_own_is_read),
        cmocka_unit_test(the_installation_does_not_ask_the_site_for_a_page),
        cmocka_unit_test(a_failed_installation_says_why_without_the_password_and_is_taken_back),
        cmocka_unit_test(tables_that_were_there_before_are_dumped_and_come_back),
        cmocka_unit_test(tables_that_find_no_room_for_their_dump_are_left_alone),
        cmocka_unit_test(another_version_dumps_the_database_and_takes_both_back),
        cmocka_unit_test(an_upgrade_that_stopped_before_the_tables_loads_no_dump),
        cmocka_unit_test(removing_leaves_tree_and_tables_to_their_own_kinds),
        cmocka_unit_test(a_stopped_server_is_believed_where_its_data_directory_holds_the_site),
        cmocka_unit_test(what_cannot_be_a_site_is_the_operators_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
