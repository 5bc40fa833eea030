#include "../timely.h"
#include "kit.h"

static void a_hundred_thousand_resources_are_found_in_constant_time(void **state)
{
    struct arena a = {0};
    struct catalog c = {.arena = &a};
    enum { N = 100000 };
    char id[64];
    const char *path;

    double began = seconds();
    for (int i = 0; i < N; i++) {
        path = arena_printf(&a, "/var/www/site-%d/index.php", i);
        struct resource *r = catalog_add(&c, i % 2 ? &file_kind : &link_kind, path, NULL, (struct pos){0});
        assert_string_equal(r->id, path);
    }
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof id, "/var/www/site-%d/index.php", i);
        assert_ptr_equal(catalog_find(&c, i % 2 ? &file_kind : &link_kind, id), c.list.at[i]);
        assert_null(catalog_find(&c, i % 2 ? &link_kind : &file_kind, id));
    }
    assert_int_equal(c.list.n, N);
    assert_true(timely(seconds() - began < 20)); /* a list searched from its head takes minutes */
    arena_free(&a);
}

static void one_kind_and_id_is_one_resource(void **state)
{
    struct arena a = {0};
    struct catalog c = {.arena = &a};
    assert_null(catalog_find(&c, &file_kind, "/a"));
    struct resource *r = catalog_add(&c, &file_kind, "/a", NULL, (struct pos){"m.yaml", 1, 2});
    assert_ptr_equal(catalog_add(&c, &file_kind, "/a", NULL, (struct pos){0}), r);
    assert_ptr_not_equal(catalog_add(&c, &directory_kind, "/a", NULL, (struct pos){0}), r);
    assert_int_equal(c.list.n, 2);
    assert_int_equal(r->pos.line, 1);
    arena_free(&a);
}

static void a_new_spec_holds_the_tables_defaults_and_nothing_else(void **state)
{
    struct arena a = {0};
    struct catalog c = {.arena = &a};
    struct file_spec *f = catalog_add(&c, &file_kind, "/a", NULL, (struct pos){0})->spec;
    struct package_spec *p = catalog_add(&c, &package_kind, "htop", NULL, (struct pos){0})->spec;
    assert_string_equal(f->type, "file");
    assert_null(f->digest);
    assert_null(f->owner);
    assert_true(f->mode == FIELD_UNSET);
    assert_string_equal(p->installed, "yes");
    assert_int_equal(p->held, -1);
    arena_free(&a);
}

static void of_two_notifications_the_stronger_stays(void **state)
{
    struct arena a = {0};
    struct catalog c = {.arena = &a};
    struct resource *f = catalog_add(&c, &file_kind, "/a", NULL, (struct pos){0});
    struct resource *s = catalog_add(&c, &service_kind, "nginx.service", NULL, (struct pos){0});
    resource_notifies(&c, f, s, IMPACT_NONE);
    resource_notifies(&c, f, NULL, IMPACT_RESTART);
    assert_int_equal(f->notifies.n, 0);
    resource_notifies(&c, f, s, IMPACT_RELOAD);
    resource_notifies(&c, f, s, IMPACT_RESTART);
    resource_notifies(&c, f, s, IMPACT_RELOAD);
    assert_int_equal(f->notifies.n, 1);
    assert_int_equal(f->notifies.at[0].how, IMPACT_RESTART);
    resource_needs(&c, f, NULL);
    resource_needs(&c, f, f);
    assert_int_equal(f->needs.n, 0);
    resource_needs(&c, f, s);
    assert_ptr_equal(f->needs.at[0], s);
    arena_free(&a);
}

static void the_digest_of_a_secret_content_is_in_the_sensitive_field_alone(void **state)
{
    struct arena a = {0};
    struct file_spec s = {0};
    file_content(&a, &s, "password", 8, true);
    assert_null(s.digest);
    assert_int_equal(strlen(s.secret_digest), 32);
    const char *secret = s.secret_digest;
    file_content(&a, &s, "password", 8, false);
    assert_null(s.secret_digest);
    assert_string_equal(s.digest, secret);
    file_content(&a, &s, NULL, 0, false);
    assert_non_null(s.content.at); /* an empty file is a content too */
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_resources_are_found_in_constant_time),
        cmocka_unit_test(one_kind_and_id_is_one_resource),
        cmocka_unit_test(a_new_spec_holds_the_tables_defaults_and_nothing_else),
        cmocka_unit_test(of_two_notifications_the_stronger_stays),
        cmocka_unit_test(the_digest_of_a_secret_content_is_in_the_sensitive_field_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
