/* directory and link: what lies at their place, and its way back. */
#include "kit.h"

static struct resource *directory(struct kit *t, const char *path, int64_t mode, const char *owner)
{
    struct resource *r = kit_res(t, &directory_kind, path);
    struct directory_spec *s = r->spec;
    s->mode = mode;
    s->owner = s->group = owner;
    return r;
}

static void a_made_directory_goes_with_the_parents_that_were_made_for_it(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = directory(t, "/srv/a/b/c", 02750, "bob");
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    assert_int_equal(kit_stat(t, "/srv/a/b/c").st_mode & 07777, 02750);
    assert_int_equal(kit_stat(t, "/srv/a/b").st_mode & 07777, 0755);
    assert_int_equal(kit_stat(t, "/srv/a/b").st_uid, 0);
    kit_put(t, "/srv/a/b/c/made-since", "x", 0644); /* in what this transaction made */
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/srv"));
    kit_free(t);
}

static void a_parent_that_others_use_by_now_stays(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *c = kit_change(t, directory(t, "/srv/a/b/c", 0755, "root"));
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/srv/a/others", "x", 0644);
    kit_undo(t, c, undo);
    assert_true(kit_there(t, "/srv/a/others"));
    assert_false(kit_there(t, "/srv/a/b"));
    kit_free(t);
}

static void mode_and_owner_are_mended_and_come_back_and_the_content_is_untouched(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/srv/a/file", "x", 0604);
    assert_int_equal(chown(kit_path(t, "/srv/a"), 33, 33), 0);
    struct resource *r = directory(t, "/srv/a", 0700, "bob");
    assert_string_equal(kit_delta(t, kit_change(t, r)),
                        "mode: 0755 -> 0700, owner: www-data -> bob, group: www-data -> bob");
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void a_file_in_the_way_of_a_directory_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/srv/a", "a file\n", 0600);
    struct resource *r = directory(t, "/srv/a", 0755, "root");
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "type: file -> directory"));
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void a_sites_tree_goes_to_the_trash_and_comes_back_from_it(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/var/www/site/index.php", "<?php\n", 0640);
    kit_link(t, "index.php", "/var/www/site/link");
    struct resource *r = directory(t, "/var/www/site", 0755, "root");
    r->absent = true;
    ((struct directory_spec *)r->spec)->data = 1;
    struct change *c = kit_change(t, r);
    assert_int_equal(c->reversal, COMPENSATED);
    assert_non_null(strstr(c->summary, "trash"));
    json_t *undo = kit_apply(t, c);
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-1-site/index.php"), "<?php\n");
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/var/lib/citrus/trash/7-1-site"));
    kit_there_and_back(t, r, OP_REMOVE);
    kit_free(t);
}

static void an_undo_before_the_trash_was_reached_keeps_the_tree(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/var/www/site/index.php", "<?php\n", 0640);
    struct resource *r = directory(t, "/var/www/site", 0755, "root");
    r->absent = true;
    ((struct directory_spec *)r->spec)->data = 1;
    char *before = kit_tree(t);
    struct change *c = kit_change(t, r);
    json_t *undo = kit_capture(t, c); /* and then the machine loses power */
    kit_undo(t, c, undo);
    assert_string_equal(kit_tree(t), before);
    kit_free(t);
}

static void an_empty_directory_goes_and_a_filled_one_stays_and_says_so(void **state)
{
    struct kit *t = kit_new("{}");
    kit_mkdirs(t, "/etc/citrus/empty");
    kit_put(t, "/etc/citrus/full/operators.conf", "mine\n", 0644);
    struct resource *empty = directory(t, "/etc/citrus/empty", 0755, "root");
    struct resource *full = directory(t, "/etc/citrus/full", 0755, "root");
    empty->absent = full->absent = true;
    kit_there_and_back(t, empty, OP_REMOVE);
    json_decref(kit_apply(t, kit_change(t, full)));
    assert_string_equal(kit_read(t, "/etc/citrus/full/operators.conf"), "mine\n");
    assert_non_null(strstr(buf_str(&t->said), "/etc/citrus/full is not empty"));
    kit_free(t);
}

/* --- links
 * --------------------------------------------------------------------------------------------------- */

static struct resource *link_to(struct kit *t, const char *path, const char *target)
{
    struct resource *r = kit_res(t, &link_kind, path);
    ((struct link_spec *)r->spec)->target = target;
    return r;
}

static void a_link_is_made_turned_and_removed_and_each_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = link_to(t, "/etc/current", "releases/2");
    kit_there_and_back(t, r, OP_CREATE);
    kit_link(t, "releases/1", "/etc/current");
    assert_string_equal(kit_delta(t, kit_change(t, r)), "target: releases/1 -> releases/2");
    kit_there_and_back(t, r, OP_UPDATE);
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    kit_free(t);
}

static void what_lies_in_a_links_place_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/current/inside", "x\n", 0644);
    struct resource *r = link_to(t, "/etc/current", "releases/2");
    assert_string_equal(kit_delta(t, kit_change(t, r)), "type: directory -> link, target: - -> releases/2");
    kit_there_and_back(t, r, OP_UPDATE);
    kit_put(t, "/etc/plain", "x\n", 0644);
    kit_there_and_back(t, link_to(t, "/etc/plain", "releases/2"), OP_UPDATE);
    kit_free(t);
}

static void a_file_in_a_removed_links_place_stays(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/current", "an operator's\n", 0644);
    struct resource *r = link_to(t, "/etc/current", "releases/2");
    r->absent = true;
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void a_pipe_in_the_way_is_an_error_before_anything_changed(void **state)
{
    struct kit *t = kit_new("{}");
    struct buf b = {0};
    struct jsonw j;
    assert_int_equal(mkfifo(kit_path(t, "/etc/pipe"), 0600), 0);
    struct change *c = kit_change(t, link_to(t, "/etc/pipe", "x"));
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    assert_int_equal(link_kind.capture(&t->ctx, c, "1", &j, &t->err), -EEXIST);
    assert_non_null(strstr(t->err.text, "/etc/pipe"));
    assert_true(t->err.hint[0] != 0);
    buf_free(&b);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_directory_goes_with_the_parents_that_were_made_for_it),
        cmocka_unit_test(a_parent_that_others_use_by_now_stays),
        cmocka_unit_test(mode_and_owner_are_mended_and_come_back_and_the_content_is_untouched),
        cmocka_unit_test(a_file_in_the_way_of_a_directory_comes_back),
        cmocka_unit_test(a_sites_tree_goes_to_the_trash_and_comes_back_from_it),
        cmocka_unit_test(an_undo_before_the_trash_was_reached_keeps_the_tree),
        cmocka_unit_test(an_empty_directory_goes_and_a_filled_one_stays_and_says_so),
        cmocka_unit_test(a_link_is_made_turned_and_removed_and_each_comes_back),
        cmocka_unit_test(what_lies_in_a_links_place_comes_back),
        cmocka_unit_test(a_file_in_a_removed_links_place_stays),
        cmocka_unit_test(a_pipe_in_the_way_is_an_error_before_anything_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
