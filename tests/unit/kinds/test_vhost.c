#include "kit.h"

#define FILE_PATH "/etc/nginx/sites-available/a.example.conf"
#define LINK_PATH "/etc/nginx/sites-enabled/a.example.conf"

static struct kit *world(const char *json)
{
    struct kit *t = kit_new(json);
    kit_put(t, "/usr/sbin/nginx", "", 0755);
    kit_mkdirs(t, "/etc/nginx/sites-available");
    kit_mkdirs(t, "/etc/nginx/sites-enabled");
    kit_mkdirs(t, "/run");
    return t;
}

static struct resource *vhost(struct kit *t, const char *text)
{
    struct resource *r = kit_res(t, &vhost_kind, "a.example");
    struct vhost_spec *s = r->spec;
    s->content = (struct bytes){text, strlen(text)};
    content_digest(&t->a, &s->content, &s->digest);
    s->mode = 0644;
    s->enabled = 1;
    return r;
}

static void a_new_vhost_is_written_and_linked_and_leaves_no_trace_when_undone(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    char target[128] = "";
    kit_there_and_back(t, r, OP_CREATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FILE_PATH), "server {}\n");
    assert_int_equal(kit_stat(t, FILE_PATH).st_mode & 07777, 0644);
    assert_true(readlink(kit_path(t, LINK_PATH), target, sizeof target - 1) > 0);
    assert_string_equal(target, "../sites-available/a.example.conf");
    kit_free(t);
}

static void an_edited_vhost_a_removed_link_and_a_missing_file_are_seen_and_mended(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    json_decref(kit_apply(t, kit_change(t, r)));
    kit_put(t, FILE_PATH, "server { edited; }\n", 0600);
    assert_int_equal(kit_change(t, r)->delta.n, 2);
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(unlink(kit_path(t, LINK_PATH)), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "enabled: false -> true");
    kit_there_and_back(t, r, OP_UPDATE);
    kit_link(t, "../sites-available/other.conf", LINK_PATH);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "enabled: false -> true");
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(unlink(kit_path(t, FILE_PATH)), 0);
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "digest: missing -> "));
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void whom_it_belongs_to_is_seen_and_mended(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    assert_int_equal(chown(kit_path(t, FILE_PATH), 33, 33), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "owner: www-data:www-data -> root:root");
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, FILE_PATH).st_uid, 0);
    assert_int_equal(kit_stat(t, FILE_PATH).st_gid, 0);
    assert_int_equal(chown(kit_path(t, FILE_PATH), 0, 33), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "owner: root:www-data -> root:root");
    /* as it is, where nobody declares it */
    ((struct vhost_spec *)r->spec)->owner = NULL;
    ((struct vhost_spec *)r->spec)->mode = 0600;
    assert_string_equal(kit_delta(t, kit_change(t, r)), "mode: 0644 -> 0600");
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, FILE_PATH).st_gid, 33);
    kit_free(t);
}

static void a_link_that_is_right_is_not_made_again(void **state)
{
    struct kit *t = world("{}");
    json_decref(kit_apply(t, kit_change(t, vhost(t, "server {}\n"))));
    struct resource *r = vhost(t, "server { other; }\n");
    ino_t was = kit_stat(t, LINK_PATH).st_ino;
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FILE_PATH), "server { other; }\n");
    assert_int_equal(kit_stat(t, LINK_PATH).st_ino, was);
    kit_free(t);
}

static void a_directory_in_its_place_makes_room_and_comes_back(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    kit_put(t, FILE_PATH "/somebodys", "text", 0600);
    kit_put(t, LINK_PATH "/somebodys", "text", 0600);
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FILE_PATH), "server {}\n");
    kit_free(t);
}

static void a_link_by_absolute_path_is_no_drift(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    kit_put(t, FILE_PATH, "server {}\n", 0644);
    kit_link(t, FILE_PATH, LINK_PATH);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void what_nginx_refuses_changes_nothing(void **state)
{
    struct kit *t = world(
        "{\"run\": {\"/usr/sbin/nginx\": {\"status\": 1, \"out\": \"unknown directive in x.conf:3\"}}}");
    struct resource *r = vhost(t, "nonsense\n");
    struct change *c = kit_change(t, r);
    kit_put(t, FILE_PATH, "server {}\n", 0644);
    char *before = kit_tree(t);
    json_t *undo = kit_capture(t, c);
    assert_true(vhost_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "x.conf:3"));
    assert_non_null(strstr(t->err.text, FILE_PATH));
    assert_string_equal(kit_tree(t), before);
    json_decref(undo);
    kit_free(t);
}

/* Only an operator's own snippet is certain to be as wrong after the rest of the plan as before it. */
static void preparing_refuses_a_bad_snippet_and_leaves_the_rest_to_apply(void **state)
{
    static const char *const worlds[] = {
        "{\"run\": {\"/usr/sbin/nginx\": {\"status\": 1, \"out\": \"emerg in "
        "/etc/nginx/citrus/a/custom.d/x.conf:1\"}}}",
        "{\"run\": {\"/usr/sbin/nginx\": {\"status\": 1, \"out\": \"emerg: unknown zone\"}}}"};
    for (int i = 0; i < 2; i++) {
        struct kit *t = world(worlds[i]);
        struct resource *r =
            vhost(t, "server {\n ssl_certificate /etc/tls/c.pem;\n ssl_certificate_key /etc/tls/k.pem;\n}\n");
        struct change *c = kit_change(t, r);
        assert_int_equal(vhost_kind.prepare(&t->ctx, c, &t->err), 0); /* the certificate is not there yet */
        kit_put(t, "/etc/tls/c.pem", "", 0644);
        assert_int_equal(vhost_kind.prepare(&t->ctx, c, &t->err), 0);
        kit_put(t, "/etc/tls/k.pem", "", 0600);
        int ret = vhost_kind.prepare(&t->ctx, c, &t->err);
        if (i == 0) {
            assert_true(ret < 0);
            assert_non_null(strstr(t->err.text, "custom.d/x.conf:1"));
        } else {
            assert_int_equal(ret, 0);
        }
        kit_free(t);
    }
}

static void a_removed_vhost_comes_back(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "server {}\n");
    json_decref(kit_apply(t, kit_change(t, r)));
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_false(kit_there(t, FILE_PATH));
    assert_false(kit_there(t, LINK_PATH));
    kit_free(t);
}

static void the_diff_shows_both_texts(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = vhost(t, "new\n");
    struct buf before = {0}, after = {0};
    kit_put(t, FILE_PATH, "old\n", 0644);
    assert_int_equal(vhost_kind.text(&t->ctx, kit_change(t, r), &before, &after, &t->err), 0);
    assert_string_equal(buf_str(&before), "old\n");
    assert_string_equal(buf_str(&after), "new\n");
    buf_free(&before);
    buf_free(&after);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_vhost_is_written_and_linked_and_leaves_no_trace_when_undone),
        cmocka_unit_test(a_link_that_is_right_is_not_made_again),
        cmocka_unit_test(an_edited_vhost_a_removed_link_and_a_missing_file_are_seen_and_mended),
        cmocka_unit_test(whom_it_belongs_to_is_seen_and_mended),
        cmocka_unit_test(a_directory_in_its_place_makes_room_and_comes_back),
        cmocka_unit_test(a_link_by_absolute_path_is_no_drift),
        cmocka_unit_test(what_nginx_refuses_changes_nothing),
        cmocka_unit_test(preparing_refuses_a_bad_snippet_and_leaves_the_rest_to_apply),
        cmocka_unit_test(a_removed_vhost_comes_back),
        cmocka_unit_test(the_diff_shows_both_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
