#include "fs.h"
#include "kit.h"
#include "text.h"

#define EMPTY "{\"db\": {\"databases\": []}}"
#define FULL                                                                                                 \
    "{\"db\": {\"databases\": [{\"name\": \"a_1\", \"charset\": \"utf8mb4\", \"collation\": "                \
    "\"utf8mb4_unicode_ci\", \"tables\": 3}]}}"

static struct resource *database(struct kit *t)
{
    struct resource *r = kit_res(t, &database_kind, "a_1");
    *(struct database_spec *)r->spec = (struct database_spec){"utf8mb4", "utf8mb4_unicode_ci"};
    return r;
}

static void a_new_database_is_dropped_again_while_it_is_empty(void **state)
{
    struct kit *t = kit_new(EMPTY);
    struct resource *r = database(t);
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_CREATE);
    assert_int_equal(c->reversal, REVERSIBLE);
    json_t *undo = kit_apply(t, c);
    assert_non_null(
        strstr(fake_log(t->h), "db CREATE DATABASE `a_1` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"));
    kit_undo(t, c, undo);
    assert_null(kit_found(t, r));
    kit_free(t);
}

static void a_database_that_was_filled_meanwhile_is_not_dropped(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r = database(t);
    json_t *undo = json_pack("{s:b}", "existed", 0);
    assert_true(database_kind.undo(&t->ctx, r, OP_CREATE, undo, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "a_1"));
    assert_non_null(strstr(t->err.text, "3 tables"));
    assert_true(t->err.hint[0]);
    assert_non_null(kit_found(t, r));
    json_decref(undo);
    kit_free(t);
}

static void another_collation_is_set_and_taken_back(void **state)
{
    struct kit *t = kit_new("{\"db\": {\"databases\": [{\"name\": \"a_1\", \"charset\": \"latin1\","
                            " \"collation\": \"latin1_swedish_ci\"}]}}");
    struct resource *r = database(t);
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    assert_string_equal(((struct database_spec *)kit_found(t, r))->charset, "latin1");
    kit_free(t);
}

static void a_removed_database_is_a_private_dump_first_and_comes_back_from_it(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r = database(t);
    r->absent = true;
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_REMOVE);
    assert_int_equal(c->reversal, COMPENSATED);
    json_t *undo = kit_apply(t, c);
    assert_int_equal(kit_stat(t, "/var/lib/citrus/trash/7-a_1.sql").st_mode & 07777, 0600);
    assert_int_equal(kit_stat(t, "/var/lib/citrus/trash").st_mode & 07777, 0700);
    const char *log = fake_log(t->h);
    assert_true(strstr(log, "db dump a_1") < strstr(log, "db DROP DATABASE"));
    kit_undo(t, c, undo);
    assert_non_null(kit_found(t, r));
    assert_non_null(strstr(fake_log(t->h), "db load a_1"));
    kit_free(t);
}

/* MariaDB's own data lies on the same disk, mostly. */
static void a_dump_that_would_fill_the_disk_is_not_begun(void **state)
{
    struct kit *t = kit_new("{\"db\": {\"databases\": [{\"name\": \"a_1\", \"tables\": 3, \"bytes\": "
                            "1000000000000000000}]}}");
    struct resource *r = database(t);
    r->absent = true;
    assert_int_equal(kit_capture_refused(t, kit_change(t, r)), -ENOSPC);
    assert_non_null(strstr(t->err.text, "a_1 needs 1000000000000.0 MB at /var/lib/citrus/undo/7"));
    assert_true(t->err.hint[0]);
    assert_null(strstr(fake_log(t->h), "db dump"));
    assert_non_null(kit_found(t, r));
    kit_free(t);
}

static const struct host_ops *fake_ops;

/* As the real one: a dump never overwrites a file. */
static int exclusive_dump(struct host *h, const char *name, const char *path, struct error *err)
{
    struct fs_stat st;
    if (fs_stat(h, path, &st, err) < 0 || st.type != FS_ABSENT)
        return error_set(err, -EEXIST, "%s is there already", path);
    return fake_ops->db_dump(h, name, path, err);
}

/* A crash between the dump and the journal's INTENT leaves it where the transaction's end removes it. */
static void a_dump_that_was_never_journalled_makes_room(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r = database(t);
    struct host_ops ops = *t->h->ops;
    fake_ops = t->h->ops;
    ops.db_dump = exclusive_dump;
    t->h->ops = &ops;
    r->absent = true;
    kit_put(t, "/var/lib/citrus/undo/7/database-a_1.sql", "half of", 0600);
    json_decref(kit_capture(t, kit_change(t, r)));
    assert_null(strstr(kit_read(t, "/var/lib/citrus/undo/7/database-a_1.sql"), "half of"));
    t->h->ops = fake_ops;
    kit_free(t);
}

/* What was written after the dump would be lost by loading it. */
static void a_removal_that_never_came_to_the_drop_loads_nothing(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r = database(t);
    r->absent = true;
    struct change *c = kit_change(t, r);
    json_t *undo = kit_capture(t, c);
    kit_undo(t, c, undo);
    assert_null(strstr(fake_log(t->h), "db load"));
    kit_free(t);
}

/* The number of tables is whole before the last one's rows are. */
static void a_load_that_was_cut_off_is_begun_again(void **state)
{
    static const char world[] = "{\"db\": {\"databases\": [{\"name\": \"a_1\", \"charset\": \"utf8mb4\", "
                                "\"collation\": \"utf8mb4_unicode_ci\", \"tables\": 3}]}, "
                                "\"fail\": {\"db load a_1\": \"cut off\"}}";
    struct kit *t = kit_new(world);
    struct resource *r = database(t);
    r->absent = true;
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    assert_true(database_kind.undo(&t->ctx, r, OP_REMOVE, undo, &t->err) < 0);
    json_decref(undo);
    const char *marker = "/var/lib/citrus/undo/7/database-a_1.loading";
    assert_true(S_ISREG(kit_stat(t, marker).st_mode));
    kit_free(t);

    t = kit_new(FULL);
    r = database(t);
    r->absent = true;
    c = kit_change(t, r);
    undo = kit_capture(t, c);
    kit_put(t, marker, "", 0600);
    kit_undo(t, c, undo);
    assert_non_null(strstr(fake_log(t->h), "db load a_1"));
    kit_free(t);
}

/* A timer that fails every half hour would fill the disk with dumps of what was never removed. */
static void a_removal_that_was_undone_leaves_no_dump(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r = database(t);
    r->absent = true;
    struct change *c = kit_change(t, r);
    kit_undo(t, c, kit_apply(t, c));
    const char **names;
    size_t n;
    assert_int_equal(fs_list(t->h, "/var/lib/citrus/trash", &t->a, &names, &n, &t->err), 0);
    assert_int_equal(n, 0);
    kit_free(t);
}

static void a_stopped_server_hides_only_what_its_data_directory_holds(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = database(t);
    assert_int_equal(kit_change(t, r)->op, OP_CREATE);
    kit_mkdirs(t, "/var/lib/mysql/a_1");
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void changing_with_the_server_down_says_what_to_do(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *c = kit_change(t, database(t));
    struct buf text = {0};
    struct jsonw j;
    jw_init(&j, &text, false);
    jw_object(&j, NULL);
    assert_true(database_kind.capture(&t->ctx, c, "1", &j, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "a_1"));
    assert_non_null(strstr(t->err.hint, "systemctl status mariadb"));
    buf_free(&text);
    kit_free(t);
}

static void words_that_would_be_more_than_words_in_sql_are_refused(void **state)
{
    struct kit *t = kit_new(EMPTY);
    struct resource *r = database(t);
    struct diags d;
    ((struct database_spec *)r->spec)->charset = "utf8mb4; DROP";
    diags_init(&d, &t->a);
    database_kind.check(r, &d);
    assert_int_equal(d.errors, 1);
    assert_true(database_kind.apply(&t->ctx, kit_change(t, r), &t->err) < 0);
    assert_string_equal(fake_log(t->h), "");
    kit_free(t);
}

/* --- out of the trash
 * ----------------------------------------------------------------------------------------- */

#define DUMP "/var/lib/citrus/trash/7-a_1.sql"

static json_t *removed(struct kit *t, struct resource **ret)
{
    *ret = database(t);
    (*ret)->absent = true;
    return kit_apply(t, kit_change(t, *ret));
}

static long long tables(struct kit *t)
{
    struct db_snapshot s;
    assert_int_equal(host_db_read(t->h, NULL, &s, &t->a, &t->err), 0);
    return s.n_databases ? (long long)s.databases[0].tables : -1;
}

static void a_restored_database_has_its_tables_and_the_trash_has_it_no_more(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r;
    json_t *removal = removed(t, &r);
    struct change *c = kit_restore(t, r, removal);
    assert_int_equal(c->reversal, COMPENSATED);
    json_decref(kit_apply(t, c));
    assert_int_equal(tables(t), 3);
    assert_false(kit_there(t, DUMP));
    assert_int_equal(kit_remains(t, r, removal), REMAINS_GONE);
    json_decref(removal);
    kit_free(t);
}

/* What visitors wrote meanwhile goes to the trash with it: it is dumped anew. */
static void a_restored_database_is_in_the_trash_again_when_that_is_undone(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r;
    json_t *removal = removed(t, &r);
    struct change *c = kit_restore(t, r, removal);
    json_t *undo = kit_apply(t, c);
    assert_int_equal(host_db_exec(t->h, "ALTER DATABASE `a_1` CHARACTER SET latin1", NULL, 0, &t->err), 0);
    kit_undo(t, c, undo);
    assert_int_equal(tables(t), -1);
    assert_non_null(strstr(kit_read(t, DUMP), "latin1"));
    /* and the whole way once more */
    json_decref(kit_apply(t, kit_restore(t, r, removal)));
    assert_int_equal(tables(t), 3);
    json_decref(removal);
    kit_free(t);
}

/* Tables go one after the other: what a crash in the middle left of them must not take the dump's place. */
static void an_undo_that_was_cut_off_while_tables_went_keeps_the_whole_dump(void **state)
{
    struct kit *t = kit_new("{\"db\": {\"databases\": [{\"name\": \"a_1\", \"charset\": \"utf8mb4\", "
                            "\"collation\": \"utf8mb4_unicode_ci\", \"tables\": 3}]}}");
    struct resource *r;
    json_t *removal = removed(t, &r);
    struct change *c = kit_restore(t, r, removal);
    json_t *undo = kit_apply(t, c);
    /* as it is when the first table is gone */
    kit_put(t, DUMP, "all of it", 0600);
    kit_put(t, "/var/lib/citrus/undo/8/database-a_1.dropping", "", 0600);
    assert_int_equal(host_db_exec(t->h, "DROP TABLE `a_1`.`wp_posts`", NULL, 0, &t->err), 0);
    kit_undo(t, c, undo);
    assert_string_equal(kit_read(t, DUMP), "all of it");
    assert_int_equal(tables(t), -1);
    json_decref(removal);
    kit_free(t);
}

static void a_restoring_that_was_cut_off_leaves_the_dump_where_it_was(void **state)
{
    struct kit *t = kit_new("{\"db\": {\"databases\": [{\"name\": \"a_1\", \"charset\": \"utf8mb4\", "
                            "\"collation\": \"utf8mb4_unicode_ci\", \"tables\": 3}]}, "
                            "\"fail\": {\"db load a_1\": \"cut off\"}}");
    struct resource *r;
    json_t *removal = removed(t, &r);
    const char *dump = kit_read(t, DUMP);
    struct change *c = kit_restore(t, r, removal);
    json_t *undo = kit_capture(t, c);
    assert_true(database_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_int_equal(tables(t), 0);
    kit_undo(t, c, undo);
    assert_int_equal(tables(t), -1);
    assert_string_equal(kit_read(t, DUMP), dump);
    json_decref(removal);
    kit_free(t);
}

static void a_dump_that_brings_back_fewer_tables_is_not_taken_for_whole(void **state)
{
    struct kit *t = kit_new(FULL);
    struct resource *r;
    json_t *removal = removed(t, &r);
    struct change *c = kit_restore(t, r, removal);
    kit_put(t, DUMP, "{\"tables\": 2}", 0600);
    json_t *undo = kit_capture(t, c);
    assert_int_equal(database_kind.apply(&t->ctx, c, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "3 tables"));
    kit_undo(t, c, undo);
    assert_true(kit_there(t, DUMP));
    json_decref(removal);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_is_dropped_again_while_it_is_empty),
        cmocka_unit_test(a_database_that_was_filled_meanwhile_is_not_dropped),
        cmocka_unit_test(another_collation_is_set_and_taken_back),
        cmocka_unit_test(a_removed_database_is_a_private_dump_first_and_comes_back_from_it),
        cmocka_unit_test(a_dump_that_would_fill_the_disk_is_not_begun),
        cmocka_unit_test(a_dump_that_was_never_journalled_makes_room),
        cmocka_unit_test(a_removal_that_never_came_to_the_drop_loads_nothing),
        cmocka_unit_test(a_load_that_was_cut_off_is_begun_again),
        cmocka_unit_test(a_removal_that_was_undone_leaves_no_dump),
        cmocka_unit_test(a_stopped_server_hides_only_what_its_data_directory_holds),
        cmocka_unit_test(changing_with_the_server_down_says_what_to_do),
        cmocka_unit_test(words_that_would_be_more_than_words_in_sql_are_refused),
        cmocka_unit_test(a_restored_database_has_its_tables_and_the_trash_has_it_no_more),
        cmocka_unit_test(a_restored_database_is_in_the_trash_again_when_that_is_undone),
        cmocka_unit_test(an_undo_that_was_cut_off_while_tables_went_keeps_the_whole_dump),
        cmocka_unit_test(a_restoring_that_was_cut_off_leaves_the_dump_where_it_was),
        cmocka_unit_test(a_dump_that_brings_back_fewer_tables_is_not_taken_for_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
