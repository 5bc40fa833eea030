#include "kit.h"
#include <malloc.h>

static struct resource *file(struct kit *t, const char *path, const char *text, int64_t mode,
                             const char *owner)
{
    struct resource *r = kit_res(t, &file_kind, path);
    struct file_spec *s = r->spec;
    if (text)
        file_content(&t->a, s, text, strlen(text), false);
    s->mode = mode;
    s->owner = s->group = owner;
    return r;
}

static void a_made_file_leaves_no_trace_when_undone(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = file(t, "/etc/a.conf", "one\n", 0640, "www-data");
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_CREATE);
    json_decref(kit_apply(t, c));
    assert_string_equal(kit_read(t, "/etc/a.conf"), "one\n");
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_mode & 07777, 0640);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_uid, 33);
    unlink(kit_path(t, "/etc/a.conf"));
    kit_there_and_back(t, r, OP_CREATE);
    assert_false(kit_there(t, "/etc/a.conf"));
    kit_free(t);
}

static void a_changed_file_comes_back_with_content_mode_owner_and_time(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "old\n", 0604);
    assert_int_equal(chown(kit_path(t, "/etc/a.conf"), 1000, 33), 0);
    ino_t inode = kit_stat(t, "/etc/a.conf").st_ino;
    struct resource *r = file(t, "/etc/a.conf", "new\n", 0640, "root");
    kit_there_and_back(t, r, OP_UPDATE);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_ino, inode);
    kit_free(t);
}

static void what_was_found_comes_back_when_it_is_no_longer_wanted(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "old\n", 0604);
    struct resource *r = file(t, "/etc/a.conf", "new\n", 0640, "root");
    r->adopted = true;
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    json_t *again = NULL;
    struct resource *changed = file(t, "/etc/a.conf", "newer\n", 0640, "root");
    changed->adopted = true;
    again = kit_apply(t, kit_change(t, changed)); /* keeps nothing a second time */
    json_decref(again);
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    ((struct file_spec *)r->spec)->left = false;
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, "/etc/a.conf"), "old\n");
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_mode & 07777, 0604);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_mtim.tv_sec, 1600000000);
    assert_false(kit_there(t, "/var/lib/citrus/originals"));
    kit_free(t);
}

static void what_was_found_and_never_changed_stays(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "same\n", 0644);
    struct resource *r = file(t, "/etc/a.conf", "same\n", 0644, "root");
    r->adopted = r->absent = true;
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, "/etc/a.conf"), "same\n");
    kit_free(t);
}

static void a_changed_mode_rewrites_nothing_and_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "same\n", 0666);
    ino_t inode = kit_stat(t, "/etc/a.conf").st_ino;
    struct resource *r = file(t, "/etc/a.conf", "same\n", 0600, "bob");
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "mode: 0666 -> 0600, owner: root -> bob, group: root -> bob");
    json_t *undo = kit_apply(t, c);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_ino, inode);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_mtim.tv_sec, 1600000000);
    kit_undo(t, c, undo);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_mode & 07777, 0666);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_uid, 0);
    kit_free(t);
}

static void a_removed_file_comes_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "old\n", 04711);
    struct resource *r = file(t, "/etc/a.conf", "old\n", 0711, "root");
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    kit_free(t);
}

static void a_directory_in_the_way_shows_and_comes_back_with_its_content(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf/deep/kept.txt", "somebody's\n", 0600);
    kit_link(t, "kept.txt", "/etc/a.conf/deep/link");
    struct resource *r = file(t, "/etc/a.conf", "new\n", 0644, "root");
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_UPDATE);
    assert_non_null(strstr(kit_delta(t, c), "type: directory -> file"));
    kit_there_and_back(t, r, OP_UPDATE);
    assert_string_equal(kit_read(t, "/etc/a.conf/deep/kept.txt"), "somebody's\n");
    kit_free(t);
}

static void a_link_in_the_way_is_replaced_and_not_followed(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/shadow", "root:x\n", 0600);
    kit_link(t, "shadow", "/etc/a.conf");
    struct resource *r = file(t, "/etc/a.conf", "new\n", 0644, "root");
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "type: link -> file"));
    json_t *undo = kit_apply(t, kit_change(t, r));
    json_decref(undo);
    assert_string_equal(kit_read(t, "/etc/shadow"), "root:x\n");
    unlink(kit_path(t, "/etc/a.conf"));
    kit_link(t, "shadow", "/etc/a.conf");
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

/* A site's user turns a directory of his tree into a link to the server's: nothing is written through it, and
 * the observation of the others goes on. */
static void a_sites_user_cannot_lead_a_write_out_of_his_tree(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/cron.d/job", "root's\n", 0644);
    kit_mkdirs(t, "/var/www/site");
    assert_int_equal(chown(kit_path(t, "/var/www/site"), 1000, 1000), 0);
    kit_link(t, "../../../etc/cron.d", "/var/www/site/conf");
    assert_int_equal(lchown(kit_path(t, "/var/www/site/conf"), 1000, 1000), 0);
    struct resource *evil = file(t, "/var/www/site/conf/job", "* * * * * root sh\n", 0644, "root");
    struct resource *good = file(t, "/etc/good", "x\n", 0644, "root");
    const struct resource *const both[] = {evil, good};
    void *found[2];
    assert_int_equal(file_kind.observe(&t->ctx, both, 2, found, &t->err), 0);
    assert_null(found[1]);
    struct change *c = kit_change(t, evil);
    assert_non_null(strstr(kit_delta(t, c), "type: behind a foreign link -> file"));
    assert_true(file_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/var/www/site/conf"));
    assert_string_equal(kit_read(t, "/etc/cron.d/job"), "root's\n");
    kit_free(t);
}

static void what_was_promised_as_a_file_is_not_removed_as_a_directory(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf/operators.txt", "mine\n", 0644);
    struct resource *r = file(t, "/etc/a.conf", "x\n", 0644, "root");
    r->absent = true;
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void an_owner_nobody_knows_shows_as_its_number(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "x\n", 0644);
    assert_int_equal(chown(kit_path(t, "/etc/a.conf"), 4242, 33), 0);
    struct resource *r = file(t, "/etc/a.conf", "x\n", 0644, "root");
    assert_string_equal(kit_delta(t, kit_change(t, r)), "owner: 4242 -> root, group: www-data -> root");
    struct file_spec *s = r->spec;
    s->owner = "4242"; /* by number, as for a root whose accounts are made later */
    s->group = "33";
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    s->owner = "4243";
    s->group = NULL;
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_uid, 4243);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_gid, 33); /* not declared: left alone */
    kit_free(t);
}

/* An apply observes its targets one by one, in the arena of the whole plan. */
static void an_observation_leaves_no_copy_of_all_accounts_behind(void **state)
{
    struct kit *t = kit_new("{}");
    struct buf passwd = {0};
    for (int i = 0; i < 5000; i++)
        buf_addf(&passwd, "site_%d:x:%d:%d::/var/www/site_%d:/usr/sbin/nologin\n", i, 2000 + i, 2000 + i, i);
    kit_put(t, "/etc/passwd", buf_str(&passwd), 0644);
    kit_put(t, "/etc/a.conf", "x\n", 0644);
    assert_int_equal(chown(kit_path(t, "/etc/a.conf"), 2042, 0), 0);
    struct resource *f = file(t, "/etc/a.conf", "x\n", 0644, "site_42");
    struct resource *d = kit_res(t, &directory_kind, "/etc/a.conf");
    struct resource *u = kit_res(t, &account_kind, "site_42");
    assert_string_equal(((struct file_spec *)kit_found(t, f))->owner, "site_42");
    struct arena own = {0};
    t->ctx.arena = &own;
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++) {
        kit_found(t, f);
        kit_found(t, d);
        kit_found(t, u);
    }
    /* 300 copies would be 300 times that; a sanitizer's allocator counts nothing. */
    assert_true(mallinfo2().uordblks - before < passwd.len);
    t->ctx.arena = &t->a;
    arena_free(&own);
    buf_free(&passwd);
    kit_free(t);
}

static void an_owner_that_is_made_in_the_same_run_is_resolved_when_applied(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = file(t, "/etc/a.conf", "x\n", 0644, "site");
    struct change *c = kit_change(t, r);
    assert_true(file_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/etc/a.conf"));
    assert_non_null(strstr(t->err.text, "site"));
    assert_false(kit_there(t, "/etc/a.conf"));
    kit_put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nsite:x:777:778::/:/bin/false\n", 0644);
    kit_put(t, "/etc/group", "root:x:0:\nsite:x:778:\n", 0644);
    json_decref(kit_apply(t, c));
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_uid, 777);
    assert_int_equal(kit_stat(t, "/etc/a.conf").st_gid, 778);
    kit_free(t);
}

static void a_changed_content_is_seen_though_size_is_the_same(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/a.conf", "abc\n", 0644);
    struct resource *r = file(t, "/etc/a.conf", "abd\n", 0644, "root");
    struct change *c = kit_change(t, r);
    assert_int_equal(c->delta.n, 1);
    assert_string_equal(c->delta.at[0].field->name, "digest");
    kit_free(t);
}

static void a_secret_content_never_shows_its_digest(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/key", "old", 0600);
    struct resource *r = kit_res(t, &file_kind, "/etc/key");
    struct file_spec *s = r->spec;
    file_content(&t->a, s, "secret", 6, true);
    const char *delta = kit_delta(t, kit_change(t, r));
    assert_null(strstr(delta, s->secret_digest));
    assert_non_null(strstr(delta, "secret_digest"));
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void a_diff_has_the_text_of_disk_and_of_manifest(void **state)
{
    struct kit *t = kit_new("{}");
    struct buf before = {0}, after = {0};
    kit_put(t, "/etc/a.conf", "old\n", 0644);
    struct change *c = kit_change(t, file(t, "/etc/a.conf", "new\n", 0644, "root"));
    assert_int_equal(file_kind.text(&t->ctx, c, &before, &after, &t->err), 0);
    assert_string_equal(buf_str(&before), "old\n");
    assert_string_equal(buf_str(&after), "new\n");
    buf_reset(&before);
    buf_reset(&after);
    c = kit_change(t, file(t, "/etc/new.conf", "new\n", 0644, "root"));
    assert_int_equal(file_kind.text(&t->ctx, c, &before, &after, &t->err), 0);
    assert_string_equal(buf_str(&before), "");
    buf_free(&before);
    buf_free(&after);
    kit_free(t);
}

/* --- validation: nginx is pretended, and refuses a configuration with "bad" in it ---------------------- */

static struct kit *nginx_of;
static int nginx_asked;

static int pretended_nginx(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    const char *text = kit_read(nginx_of, "/etc/nginx/nginx.conf");
    *ret = (struct exec_result){0};
    nginx_asked++;
    if ((text && strstr(text, "bad")) || kit_there(nginx_of, "/etc/nginx/broken")) {
        ret->status = 1;
        buf_adds(&ret->out, "nginx: [emerg] unknown directive \"bad\" in /etc/nginx/nginx.conf:1\n");
    }
    return 0;
}

static void a_content_that_the_program_refuses_is_an_error_with_its_words(void **state)
{
    struct kit *t = kit_new("{}");
    struct host_ops ops = *t->h->ops;
    ops.run = pretended_nginx;
    t->h->ops = &ops;
    nginx_of = t;
    nginx_asked = 0;
    kit_put(t, "/etc/nginx/nginx.conf", "good;\n", 0644);
    char *before = kit_tree(t);
    struct resource *r = file(t, "/etc/nginx/nginx.conf", "bad;\n", 0644, "root");
    ((struct file_spec *)r->spec)->validate = "nginx";
    struct change *c = kit_change(t, r);
    json_t *undo = kit_capture(t, c);
    assert_int_equal(file_kind.apply(&t->ctx, c, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "/etc/nginx/nginx.conf is not accepted"));
    assert_non_null(strstr(t->err.text, "unknown directive \"bad\""));
    assert_int_equal(nginx_asked, 2);
    kit_undo(t, c, undo);
    assert_string_equal(kit_tree(t), before);
    kit_free(t);
}

/* What somebody else broke must not keep citrus from mending it piece by piece. */
static void a_configuration_that_was_broken_before_is_not_this_files_failure(void **state)
{
    struct kit *t = kit_new("{}");
    struct host_ops ops = *t->h->ops;
    ops.run = pretended_nginx;
    t->h->ops = &ops;
    nginx_of = t;
    kit_put(t, "/etc/nginx/broken", "", 0644);
    kit_put(t, "/etc/nginx/nginx.conf", "bad;\n", 0644);
    struct resource *r = file(t, "/etc/nginx/nginx.conf", "good;\n", 0644, "root");
    ((struct file_spec *)r->spec)->validate = "nginx";
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, "/etc/nginx/nginx.conf"), "good;\n");
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_file_leaves_no_trace_when_undone),
        cmocka_unit_test(a_changed_file_comes_back_with_content_mode_owner_and_time),
        cmocka_unit_test(what_was_found_comes_back_when_it_is_no_longer_wanted),
        cmocka_unit_test(what_was_found_and_never_changed_stays),
        cmocka_unit_test(a_changed_mode_rewrites_nothing_and_comes_back),
        cmocka_unit_test(a_removed_file_comes_back),
        cmocka_unit_test(a_directory_in_the_way_shows_and_comes_back_with_its_content),
        cmocka_unit_test(a_link_in_the_way_is_replaced_and_not_followed),
        cmocka_unit_test(a_sites_user_cannot_lead_a_write_out_of_his_tree),
        cmocka_unit_test(what_was_promised_as_a_file_is_not_removed_as_a_directory),
        cmocka_unit_test(an_owner_nobody_knows_shows_as_its_number),
        cmocka_unit_test(an_observation_leaves_no_copy_of_all_accounts_behind),
        cmocka_unit_test(an_owner_that_is_made_in_the_same_run_is_resolved_when_applied),
        cmocka_unit_test(a_changed_content_is_seen_though_size_is_the_same),
        cmocka_unit_test(a_secret_content_never_shows_its_digest),
        cmocka_unit_test(a_diff_has_the_text_of_disk_and_of_manifest),
        cmocka_unit_test(a_content_that_the_program_refuses_is_an_error_with_its_words),
        cmocka_unit_test(a_configuration_that_was_broken_before_is_not_this_files_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
