#include "kit.h"

#define OLD "/etc/php/8.1/fpm/pool.d/a.example.conf"
#define NEW "/etc/php/8.2/fpm/pool.d/a.example.conf"

static struct kit *world(const char *json)
{
    struct kit *t = kit_new(json);
    kit_mkdirs(t, "/run");
    kit_mkdirs(t, "/etc/php/8.1/fpm/pool.d");
    kit_mkdirs(t, "/etc/php/8.2/fpm/pool.d");
    kit_mkdirs(t, "/etc/php/8.3/mods-available"); /* a version without FPM */
    return t;
}

static struct resource *pool(struct kit *t, const char *version, const char *text)
{
    struct resource *r = kit_res(t, &php_pool_kind, "a.example");
    struct php_pool_spec *s = r->spec;
    s->version = version;
    s->content = (struct bytes){text, strlen(text)};
    content_digest(&t->a, &s->content, &s->digest);
    s->mode = 0644;
    return r;
}

static void a_new_pool_leaves_no_trace_when_undone(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = pool(t, "8.2", "[a]\n");
    kit_there_and_back(t, r, OP_CREATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, NEW), "[a]\n");
    kit_free(t);
}

static void another_version_takes_the_pool_over_and_gives_it_back(void **state)
{
    struct kit *t = world("{}");
    kit_put(t, OLD, "[a] old\n", 0640);
    struct resource *r = pool(t, "8.2", "[a]\n");
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "version: 8.1 -> 8.2"));
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_false(kit_there(t, OLD));
    kit_free(t);
}

static void whom_it_belongs_to_is_seen_and_mended(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = pool(t, "8.2", "[a]\n");
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    assert_int_equal(chown(kit_path(t, NEW), 33, 0), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "owner: www-data:root -> root:root");
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, NEW).st_uid, 0);
    kit_free(t);
}

static void a_directory_in_its_place_makes_room_and_comes_back(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = pool(t, "8.2", "[a]\n");
    kit_put(t, OLD "/somebodys", "text", 0600);
    kit_put(t, NEW "/somebodys", "text", 0600);
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, NEW), "[a]\n");
    kit_free(t);
}

static void a_pool_that_two_versions_hold_is_a_difference(void **state)
{
    struct kit *t = world("{}");
    kit_put(t, OLD, "[a]\n", 0644);
    kit_put(t, NEW, "[a]\n", 0644);
    struct resource *r = pool(t, "8.2", "[a]\n");
    assert_string_equal(kit_delta(t, kit_change(t, r)), "version: 8.1 and 8.2 -> 8.2");
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void what_php_fpm_refuses_changes_nothing(void **state)
{
    struct kit *t =
        world("{\"run\": {\"/usr/sbin/php-fpm8.2\": {\"status\": 78, \"out\": \"unknown entry 'x'\"}}}");
    kit_put(t, OLD, "[a] old\n", 0640);
    struct resource *r = pool(t, "8.2", "[a]\nx = 1\n");
    struct change *c = kit_change(t, r);
    char *before = kit_tree(t);
    json_decref(kit_capture(t, c));
    assert_true(php_pool_kind.apply(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "unknown entry"));
    assert_string_equal(kit_tree(t), before);
    kit_free(t);
}

static void a_removed_pool_comes_back(void **state)
{
    struct kit *t = world("{}");
    kit_put(t, NEW, "[a]\n", 0600);
    struct resource *r = pool(t, "8.2", "[a]\n");
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    kit_free(t);
}

static void without_any_php_nothing_is_there(void **state)
{
    struct kit *t = kit_new("{}");
    assert_null(kit_found(t, pool(t, "8.2", "")));
    kit_free(t);
}

static void a_version_that_is_none_is_the_operators_error(void **state)
{
    struct kit *t = kit_new("{}");
    struct diags d;
    diags_init(&d, &t->a);
    php_pool_kind.check(pool(t, "8.2/../..", ""), &d);
    assert_int_equal(d.errors, 1);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_pool_leaves_no_trace_when_undone),
        cmocka_unit_test(whom_it_belongs_to_is_seen_and_mended),
        cmocka_unit_test(another_version_takes_the_pool_over_and_gives_it_back),
        cmocka_unit_test(a_directory_in_its_place_makes_room_and_comes_back),
        cmocka_unit_test(a_pool_that_two_versions_hold_is_a_difference),
        cmocka_unit_test(what_php_fpm_refuses_changes_nothing),
        cmocka_unit_test(a_removed_pool_comes_back),
        cmocka_unit_test(without_any_php_nothing_is_there),
        cmocka_unit_test(a_version_that_is_none_is_the_operators_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
