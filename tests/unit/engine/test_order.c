/* The order of a catalog and of removals, and resources as the store holds them. */
#include "rig.h"

#define A "a.example.com"
#define B "b.example.com"

/* --- order.c ---------------------------------------------------------------------------------------------
 */

static const char *ordered(struct rig *t)
{
    struct resource **list = arena_array(&t->a, struct resource *, t->cat.list.n);
    struct buf b = {0};
    int r = order_catalog(&t->cat, list, &t->err);
    for (size_t i = 0; r == 0 && i < t->cat.list.n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", list[i]->id);
    char *text = arena_strdup(&t->a, buf_str(&b));
    buf_free(&b);
    return r < 0 ? NULL : text;
}

static void what_is_needed_comes_before_what_needs_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *c = rig_probe(t, "c", NULL, ""), *b = rig_probe(t, "b", NULL, "");
    struct resource *a = rig_probe(t, "a", NULL, ""), *d = rig_probe(t, "d", NULL, "");
    rig_needs(t, c, b);
    rig_needs(t, b, a);
    rig_needs(t, c, d);
    assert_string_equal(ordered(t), "a b d c");
    rig_free(t);
}

static void the_server_comes_before_its_sites_and_each_site_stays_together(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *b1 = rig_probe(t, "b1", B, ""), *a1 = rig_probe(t, "a1", A, "");
    rig_probe(t, "b2", B, "");
    rig_probe(t, "a2", A, "");
    struct resource *server = rig_probe(t, "server", NULL, "");
    rig_needs(t, b1, server);
    rig_needs(t, a1, server);
    assert_string_equal(ordered(t), "server a1 a2 b1 b2");
    rig_free(t);
}

static void a_circle_is_an_error_that_names_one_of_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *a = rig_probe(t, "a", NULL, ""), *b = rig_probe(t, "b", NULL, "");
    rig_needs(t, a, b);
    rig_needs(t, b, a);
    assert_null(ordered(t));
    assert_int_equal(t->err.code, -ELOOP);
    assert_in_text(t->err.text, "probe a needs itself");
    rig_free(t);
}

static void the_server_cannot_need_a_site(void **state)
{
    struct rig *t = rig_new("{}");
    rig_needs(t, rig_probe(t, "server", NULL, ""), rig_probe(t, "a", A, ""));
    assert_null(ordered(t));
    assert_int_equal(t->err.code, -EINVAL);
    assert_in_text(t->err.text, "probe server of the server needs probe a of site " A);
    rig_free(t);
}

/* --- stored.c --------------------------------------------------------------------------------------------
 */

static struct resource *find(void *self, const char *kind, const char *id)
{
    return catalog_find(self, kind_find(kind), id);
}

static void a_resource_comes_back_from_the_store_as_it_was(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *unit = rig_service(t, "nginx.service"), *tree = rig_directory(t, "/srv", A, true);
    struct resource *r = rig_file(t, "/srv/\"f\"\n", A, "text");
    struct resource *back;
    ((struct file_spec *)r->spec)->owner = "bob";
    rig_needs(t, r, tree);
    resource_notifies(&t->cat, r, unit, IMPACT_RESTART);
    char *text = stored_write(&t->a, r, r->spec);
    assert_int_equal(stored_read("file", r->id, A, text, &t->cat, &t->a, &back, &t->err), 0);
    assert_int_equal(stored_link(back, text, find, &t->cat, &t->a, &t->err), 0);
    assert_ptr_equal(back->kind, &file_kind);
    assert_string_equal(back->id, r->id);
    assert_string_equal(back->site, A);
    assert_true(hash_equal(record_fingerprint(file_kind.record, back->spec),
                           record_fingerprint(file_kind.record, r->spec)));
    assert_int_equal(back->needs.n, 1);
    assert_ptr_equal(back->needs.at[0], tree);
    assert_int_equal(back->notifies.n, 1);
    assert_ptr_equal(back->notifies.at[0].service, unit);
    assert_int_equal(back->notifies.at[0].how, IMPACT_RESTART);
    assert_string_equal(stored_write(&t->a, back, back->spec), text);
    rig_free(t);
}

static void the_text_that_was_kept_is_of_what_it_is_asked_for(void **state)
{
    struct rig *t = rig_new("{}");
    struct plan p = {.arena = &t->a};
    struct buf image = {0};
    struct hash128 digest, again;
    struct resource *r = rig_file(t, "/f", A, "text"), *d = rig_directory(t, "/srv", A, true);
    const char *text = stored_keep(&p, r, r->spec, &image, &digest);
    assert_string_equal(text, stored_write(&t->a, r, r->spec));
    assert_ptr_equal(stored_keep(&p, r, r->spec, &image, &again), text);
    assert_true(hash_equal(digest, again));
    assert_true(hash_equal(digest, stored_digest(r, r->spec, &image)));
    /* Its action changed what is promised, or what it needs. */
    ((struct file_spec *)r->spec)->owner = "bob";
    assert_string_equal(stored_keep(&p, r, r->spec, &image, &again), stored_write(&t->a, r, r->spec));
    assert_false(hash_equal(digest, again));
    rig_needs(t, r, d);
    assert_non_null(strstr(stored_keep(&p, r, r->spec, &image, &again), "/srv"));
    buf_free(&image);
    rig_free(t);
}

static void how_to_remove_it_is_stored_and_its_content_is_not(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *back;
    struct resource *d = rig_directory(t, "/srv", A, true), *f = rig_file(t, "/f", A, "a text of its own");
    char *text = stored_write(&t->a, d, d->spec);
    assert_int_equal(stored_read("directory", "/srv", A, text, NULL, &t->a, &back, &t->err), 0);
    assert_int_equal(((struct directory_spec *)back->spec)->data, 1);
    assert_null(strstr(stored_write(&t->a, f, f->spec), "of its own"));
    rig_free(t);
}

static void a_row_that_is_none_is_an_error_that_names_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *back;
    assert_int_equal(stored_read("moon", "x", NULL, "{}", NULL, &t->a, &back, &t->err), -EINVAL);
    assert_in_text(t->err.text, "kind \"moon\"");
    assert_int_equal(stored_read("file", "/f", NULL, "{", NULL, &t->a, &back, &t->err), -EINVAL);
    assert_in_text(t->err.text, "file /f");
    rig_free(t);
}

/* --- orphans.c -------------------------------------------------------------------------------------------
 */

/* Applies what the catalog has, then plans with one that has nothing but the services. */
static void plan_to_remove_all(struct rig *t)
{
    rig_done(t);
    rig_again(t, NGINX_RUNS);
    rig_service(t, "nginx.service");
    rig_plan(t);
}

static void what_was_made_last_goes_first_and_sites_before_the_server(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *server = rig_probe(t, "server", NULL, ""), *a1 = rig_probe(t, "a1", A, "");
    struct resource *a2 = rig_probe(t, "a2", A, "");
    rig_service(t, "nginx.service");
    rig_probe(t, "b", B, "");
    rig_needs(t, a1, server);
    rig_needs(t, a2, a1);
    plan_to_remove_all(t);
    assert_string_equal(rig_actions(t), "remove a2 (removed)\nremove a1 (removed)\nremove b (removed)\n"
                                        "remove server (removed)\n");
    rig_free(t);
}

/* The rank of a row is of the time it was last written: it need not fit its neighbours'. */
static void what_needs_it_goes_first_whatever_the_ranks_say(void **state)
{
    struct rig *t = rig_new("{}");
    rig_needs(t, rig_probe(t, "needer", NULL, "1"), rig_probe(t, "needed", NULL, "1"));
    rig_done(t);
    rig_again(t, "{}");
    for (int i = 0; i < 5; i++)
        rig_probe(t, arena_printf(&t->a, "before%d", i), NULL, "1");
    rig_needs(t, rig_probe(t, "needer", NULL, "1"), rig_probe(t, "needed", NULL, "2"));
    rig_done(t);
    rig_again(t, "{}");
    rig_plan(t);
    const char *actions = rig_actions(t);
    assert_true(strstr(actions, "remove needer") < strstr(actions, "remove needed"));
    rig_free(t);
}

/* nginx lets go of the vhost, then of the site's files: the vhost goes, nginx is told, the rest goes. */
static void what_a_service_is_told_of_goes_before_and_what_it_held_on_to_after(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *nginx = rig_service(t, "nginx.service"), *user = rig_probe(t, "user", A, "");
    struct resource *tree = rig_probe(t, "tree", A, ""), *pool = rig_probe(t, "pool", A, "");
    rig_notifies(t, user, nginx); /* www-data is in its group: nginx has to hear of it */
    rig_notifies(t, pool, nginx);
    rig_needs(t, tree, user);
    rig_needs(t, pool, user);
    rig_needs(t, pool, tree);
    plan_to_remove_all(t);
    assert_string_equal(rig_actions(t), "remove pool (removed)\nrefresh nginx.service (refresh)\n"
                                        "remove tree (removed)\nremove user (removed)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_string_equal(rig_managed(t), "nginx.service");
    rig_free(t);
}

static void what_lies_in_a_tree_that_goes_is_not_removed_by_itself(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    rig_service(t, "nginx.service");
    rig_directory(t, "/srv/a", A, true);
    rig_directory(t, "/srv/a/sub", A, false);
    rig_file(t, "/srv/a/sub/f", A, "f");
    rig_file(t, "/srv/ab", A, "beside it");
    rig_needs(t, rig_directory(t, "/srv/a", A, true), rig_directory(t, "/srv", NULL, false));
    plan_to_remove_all(t);
    assert_string_equal(rig_actions(t),
                        "remove /srv/ab (removed)\nremove /srv/a (removed)\nremove /srv (removed)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_false(rig_there(t, "/srv"));
    assert_string_equal(rig_managed(t), "nginx.service");
    rig_free(t);
}

static void what_lies_in_a_plain_directory_is_removed_before_it(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct resource *d = rig_directory(t, "/srv", A, false);
    rig_service(t, "nginx.service");
    rig_needs(t, rig_file(t, "/srv/f", A, "f"), d);
    plan_to_remove_all(t);
    assert_string_equal(rig_actions(t), "remove /srv/f (removed)\nremove /srv (removed)\n");
    assert_int_equal(rig_run(t), APPLY_DONE);
    assert_false(rig_there(t, "/srv"));
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_needed_comes_before_what_needs_it),
        cmocka_unit_test(the_server_comes_before_its_sites_and_each_site_stays_together),
        cmocka_unit_test(a_circle_is_an_error_that_names_one_of_it),
        cmocka_unit_test(the_server_cannot_need_a_site),
        cmocka_unit_test(a_resource_comes_back_from_the_store_as_it_was),
        cmocka_unit_test(the_text_that_was_kept_is_of_what_it_is_asked_for),
        cmocka_unit_test(how_to_remove_it_is_stored_and_its_content_is_not),
        cmocka_unit_test(a_row_that_is_none_is_an_error_that_names_it),
        cmocka_unit_test(what_was_made_last_goes_first_and_sites_before_the_server),
        cmocka_unit_test(what_needs_it_goes_first_whatever_the_ranks_say),
        cmocka_unit_test(what_a_service_is_told_of_goes_before_and_what_it_held_on_to_after),
        cmocka_unit_test(what_lies_in_a_tree_that_goes_is_not_removed_by_itself),
        cmocka_unit_test(what_lies_in_a_plain_directory_is_removed_before_it),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
