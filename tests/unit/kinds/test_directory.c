/* directory and link: what lies at their place, and its way back. */
#include "kit.h"
#include "owner.h"

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
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/srv"));
    assert_false(kit_there(t, "/var/lib/citrus/trash"));
    kit_free(t);
}

static void what_others_put_into_a_new_directory_is_kept_when_it_is_undone(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *c = kit_change(t, directory(t, "/srv/a/public", 0755, "bob"));
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/srv/a/public/index.html", "an upload\n", 0644);
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/srv"));
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-kept-1-public/index.html"), "an upload\n");
    assert_int_equal(t->kept, 1);
    kit_free(t);
}

static void what_services_left_in_a_new_directory_goes_with_it(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = directory(t, "/srv/a/logs", 0755, "bob");
    ((struct directory_spec *)r->spec)->scratch = 1;
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/srv/a/logs/access.log", "GET /\n", 0644);
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/srv"));
    assert_int_equal(t->kept, 0);
    kit_free(t);
}

static void what_others_put_into_a_directory_that_took_a_files_place_is_kept(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/srv/a", "a file\n", 0600);
    struct change *c = kit_change(t, directory(t, "/srv/a", 0755, "root"));
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/srv/a/mine.conf", "mine\n", 0644);
    kit_undo(t, c, undo);
    assert_string_equal(kit_read(t, "/srv/a"), "a file\n");
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-kept-1-a/mine.conf"), "mine\n");
    kit_free(t);
}

/* After a crash, and before somebody takes the removal back. */
static void what_was_made_anew_in_a_removed_trees_place_is_kept_when_the_tree_comes_back(void **state)
{
    static const char *const made[] = {"/var/www/site/index.html", "/var/www/site"};
    for (size_t i = 0; i < 2; i++) {
        struct kit *t = kit_new("{}");
        kit_put(t, "/var/www/site/index.php", "<?php\n", 0640);
        struct resource *r = directory(t, "/var/www/site", 0755, "root");
        r->absent = true;
        ((struct directory_spec *)r->spec)->data = 1;
        char *before = kit_tree(t);
        struct change *c = kit_change(t, r);
        json_t *undo = kit_apply(t, c);
        kit_put(t, made[i], "theirs\n", 0644);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
        assert_string_equal(kit_read(t, i ? "/var/lib/citrus/trash/7-kept-1-site"
                                          : "/var/lib/citrus/trash/7-kept-1-site/index.html"),
                            "theirs\n");
        assert_int_equal(t->kept, 1);
        kit_free(t);
    }
}

static void a_file_in_an_empty_directorys_place_is_kept_when_that_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_mkdirs(t, "/etc/citrus/empty");
    struct resource *r = directory(t, "/etc/citrus/empty", 0755, "root");
    r->absent = true;
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/etc/citrus/empty", "theirs\n", 0644);
    kit_undo(t, c, undo);
    assert_true(S_ISDIR(kit_stat(t, "/etc/citrus/empty").st_mode));
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-kept-1-empty"), "theirs\n");
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

/* Between the look and the change: a directory is taken as it is to be, and anything else stays. */
static void what_came_meanwhile_in_a_new_directorys_place_is_not_thrown_away(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = directory(t, "/srv/a", 0750, "bob");
    struct change *c = kit_change(t, r);
    json_t *undo = kit_capture(t, c);
    assert_int_equal(c->op, OP_CREATE);
    kit_put(t, "/srv/a", "theirs\n", 0600);
    assert_true(r->kind->apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/srv/a"));
    assert_non_null(strstr(t->err.hint, "move it away"));
    assert_string_equal(kit_read(t, "/srv/a"), "theirs\n");
    json_decref(undo);
    error_clear(&t->err);

    r = directory(t, "/srv/b", 0750, "bob");
    c = kit_change(t, r);
    undo = kit_capture(t, c);
    kit_put(t, "/srv/b/theirs", "theirs\n", 0600);
    assert_int_equal(r->kind->apply(&t->ctx, c, &t->err), 0);
    assert_int_equal(kit_stat(t, "/srv/b").st_mode & 07777, 0750);
    assert_int_equal(kit_stat(t, "/srv/b").st_uid, 1000);
    assert_string_equal(kit_read(t, "/srv/b/theirs"), "theirs\n");
    json_decref(undo);
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

#define PASSWD "root:x:0:0:root:/root:/bin/bash\nsite:x:%d:%d::/var/www/site:/usr/sbin/nologin\n"
#define GROUP  "root:x:0:\nsite:x:%d:\n"

static void site_account(struct kit *t, int number)
{
    kit_put(t, "/etc/passwd", arena_printf(&t->a, PASSWD, number, number), 0644);
    kit_put(t, "/etc/group", arena_printf(&t->a, GROUP, number), 0644);
}

/* "uid:gid mode" */
static const char *owner(struct kit *t, const char *path)
{
    struct stat st = kit_stat(t, path);
    return arena_printf(&t->a, "%u:%u %o", st.st_uid, st.st_gid, st.st_mode & 07777);
}

/* A few are looked for one by one, many in a sorted list. */
static void an_owner_has_the_same_name_however_many_are_asked_for(void **state)
{
    static const struct {
        uint32_t id;
        const char *wanted, *name;
    } of[] = {{0, NULL, "root"},     {0, "toor", "toor"},    {994, NULL, "first"}, {994, "second", "second"},
              {994, "bob", "first"}, {994, "994", "994"},    {1001, NULL, "bob"},  {1001, "bob", "bob"},
              {4000, NULL, "4000"},  {4000, "4000", "4000"}, {4000, "bob", "4000"}};
    struct kit *t = kit_new("{}");
    struct owners own = {.ctx = &t->ctx};
    kit_put(t, "/etc/passwd",
            "bob:x:1001:1001::/:/bin/sh\nfirst:x:994:994::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n"
            "second:x:994:994::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n",
            0644);
    kit_put(t, "/etc/group", "bob:x:1001:\nfirst:x:994:\nroot:x:0:\nsecond:x:994:\ntoor:x:0:\n", 0644);
    for (size_t round = 0; round < 4; round++)
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
            struct fs_stat st = {.uid = of[i].id, .gid = of[i].id};
            const char *owner_name, *group_name;
            assert_int_equal(
                owners_name(&own, &st, of[i].wanted, of[i].wanted, &owner_name, &group_name, &t->err), 0);
            assert_string_equal(owner_name, of[i].name);
            assert_string_equal(group_name, of[i].name);
            assert_true(round > 0 || !own.users.sorted);
        }
    assert_true(own.users.sorted && own.groups.sorted);
    owners_free(&own);
    /* Nobody but root, whose accounts are not even read. */
    own = (struct owners){.ctx = &t->ctx};
    for (int i = 0; i < 40; i++) {
        struct fs_stat st = {0};
        const char *owner_name, *group_name;
        assert_int_equal(owners_name(&own, &st, NULL, NULL, &owner_name, &group_name, &t->err), 0);
        assert_string_equal(owner_name, "root");
        assert_string_equal(group_name, "root");
    }
    assert_false(own.read);
    kit_free(t);
}

/* A site of the account 994, in the trash; the account has another number by now. */
static json_t *removed_site(struct kit *t, struct resource **ret)
{
    struct resource *r = *ret = directory(t, "/var/www/site", 0750, "root");
    struct directory_spec *s = r->spec;
    site_account(t, 994);
    kit_put(t, "/var/www/site/uploads/cat.jpg", "an upload", 0640);
    kit_link(t, "cat.jpg", "/var/www/site/uploads/link");
    kit_put(t, "/var/www/site/index.php", "<?php\n", 0644);
    static const char *const own[] = {"/var/www/site/uploads", "/var/www/site/uploads/cat.jpg",
                                      "/var/www/site/uploads/link"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(lchown(kit_path(t, own[i]), 994, 994), 0);
    assert_int_equal(lchown(kit_path(t, "/var/www/site"), 0, 994), 0);
    assert_int_equal(chmod(kit_path(t, "/var/www/site"), 0751), 0);
    s->group = "site";
    s->data = 1;
    r->absent = true;
    json_t *removal = kit_apply(t, kit_change(t, r));
    site_account(t, 995);
    return removal;
}

static void a_tree_that_is_restored_has_its_owners_by_name(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r;
    json_t *removal = removed_site(t, &r);
    struct change *c = kit_restore(t, r, removal);
    assert_int_equal(c->reversal, REVERSIBLE);
    json_decref(kit_apply(t, c));
    assert_string_equal(kit_read(t, "/var/www/site/uploads/cat.jpg"), "an upload");
    assert_string_equal(owner(t, "/var/www/site"), "0:995 750");
    assert_string_equal(owner(t, "/var/www/site/uploads"), "995:995 755");
    assert_string_equal(owner(t, "/var/www/site/uploads/cat.jpg"), "995:995 640");
    assert_string_equal(owner(t, "/var/www/site/uploads/link"), "995:995 777");
    assert_string_equal(owner(t, "/var/www/site/index.php"), "0:0 644");
    assert_int_equal(kit_stat(t, "/var/www/site/index.php").st_mtim.tv_sec, 1600000000);
    assert_int_equal(kit_remains(t, r, removal), REMAINS_GONE);
    json_decref(removal);
    kit_free(t);
}

static void a_restored_tree_is_in_the_trash_again_as_it_was_when_that_is_undone(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r;
    json_t *removal = removed_site(t, &r);
    char *before = kit_tree(t);
    for (int i = 0; i < 3; i++) {
        struct change *c = kit_restore(t, r, removal);
        json_t *undo =
            i ? kit_apply(t, c) : kit_capture(t, c); /* the first one dies before anything is done */
        if (i == 2)
            kit_put(t, "/var/www/site/new.txt", "written meanwhile", 0644);
        kit_undo(t, c, undo);
        assert_string_equal(kit_tree(t), before);
        assert_string_equal(owner(t, "/var/lib/citrus/trash/7-1-site"), "0:994 751");
        assert_string_equal(owner(t, "/var/lib/citrus/trash/7-1-site/uploads/cat.jpg"), "994:994 640");
    }
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-1-site/new.txt"), "written meanwhile");
    json_decref(removal);
    kit_free(t);
}

static void a_tree_that_went_from_the_trash_since_the_plan_is_an_error(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r;
    json_t *removal = removed_site(t, &r);
    struct change *c = kit_restore(t, r, removal);
    struct buf b = {0};
    struct jsonw j;
    assert_int_equal(fs_remove_tree(t->h, "/var/lib/citrus/trash/7-1-site", &t->err), 0);
    jw_init(&j, &b, false);
    jw_object(&j, NULL);
    assert_int_equal(directory_kind.capture(&t->ctx, c, "1", &j, &t->err), -ESTALE);
    assert_non_null(strstr(t->err.text, "7-1-site"));
    assert_int_equal(kit_remains(t, r, removal), REMAINS_GONE);
    json_decref(removal);
    buf_free(&b);
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

/* A link out of a tree that others are seen through: feasible says so. One that leads nowhere, or that nobody
 * is seen through, only has to go. */
static void a_link_that_others_are_seen_through_is_not_to_be_replaced(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = directory(t, "/var/www/a", 0755, "root");
    kit_mkdirs(t, "/var/www");
    kit_mkdirs(t, "/srv/a/logs");
    kit_link(t, "/srv/a", "/var/www/a");
    struct change *c = kit_change(t, r);
    const struct change *list[] = {c};
    struct error errs[1] = {0};
    assert_true(directory_kind.doubtful(c));
    directory_kind.feasible(&t->ctx, list, 1, errs);
    assert_int_equal(errs[0].code, 0);
    c->below = "/var/www/a/gone";
    directory_kind.feasible(&t->ctx, list, 1, errs);
    assert_int_equal(errs[0].code, 0);
    c->below = "/var/www/a/logs";
    directory_kind.feasible(&t->ctx, list, 1, errs);
    assert_int_equal(errs[0].code, -ENOTEMPTY);
    assert_non_null(strstr(errs[0].text, "/var/www/a is a link to /srv/a"));
    assert_false(directory_kind.doubtful(kit_change(t, directory(t, "/var/www", 0700, "root"))));
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_has_the_same_name_however_many_are_asked_for),
        cmocka_unit_test(a_made_directory_goes_with_the_parents_that_were_made_for_it),
        cmocka_unit_test(what_others_put_into_a_new_directory_is_kept_when_it_is_undone),
        cmocka_unit_test(what_services_left_in_a_new_directory_goes_with_it),
        cmocka_unit_test(what_others_put_into_a_directory_that_took_a_files_place_is_kept),
        cmocka_unit_test(what_was_made_anew_in_a_removed_trees_place_is_kept_when_the_tree_comes_back),
        cmocka_unit_test(a_file_in_an_empty_directorys_place_is_kept_when_that_comes_back),
        cmocka_unit_test(a_parent_that_others_use_by_now_stays),
        cmocka_unit_test(mode_and_owner_are_mended_and_come_back_and_the_content_is_untouched),
        cmocka_unit_test(a_file_in_the_way_of_a_directory_comes_back),
        cmocka_unit_test(what_came_meanwhile_in_a_new_directorys_place_is_not_thrown_away),
        cmocka_unit_test(a_sites_tree_goes_to_the_trash_and_comes_back_from_it),
        cmocka_unit_test(a_tree_that_is_restored_has_its_owners_by_name),
        cmocka_unit_test(a_restored_tree_is_in_the_trash_again_as_it_was_when_that_is_undone),
        cmocka_unit_test(a_tree_that_went_from_the_trash_since_the_plan_is_an_error),
        cmocka_unit_test(an_undo_before_the_trash_was_reached_keeps_the_tree),
        cmocka_unit_test(an_empty_directory_goes_and_a_filled_one_stays_and_says_so),
        cmocka_unit_test(a_link_is_made_turned_and_removed_and_each_comes_back),
        cmocka_unit_test(what_lies_in_a_links_place_comes_back),
        cmocka_unit_test(a_file_in_a_removed_links_place_stays),
        cmocka_unit_test(a_link_that_others_are_seen_through_is_not_to_be_replaced),
        cmocka_unit_test(a_pipe_in_the_way_is_an_error_before_anything_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
