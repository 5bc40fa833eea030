/* Plans on disk: what is sealed, and what no longer fits. */
#include "rig.h"
#include <fcntl.h>
#include <unistd.h>

#define A "a.example.com"

static struct buf text; /* of the plan that was saved last */

static void save(struct rig *t)
{
    buf_reset(&text);
    rig_plan(t);
    if (planfile_write(&t->e, t->p, "{}", &text, &t->err) < 0)
        fail_msg("%s", t->err.text);
}

static void want(struct rig *t)
{
    struct resource *nginx = rig_service(t, "nginx.service");
    probe_set("one", "old");
    rig_notifies(t, rig_probe(t, "one", NULL, "new"), nginx);
    rig_probe(t, "two", A, "2");
}

/* 0, or what match says. */
static int match(struct rig *t)
{
    struct planfile f;
    error_clear(&t->err);
    if (planfile_read(&t->e, text.at, text.len, &f, &t->a, &t->err) < 0)
        fail_msg("%s", t->err.text);
    rig_plan(t);
    int r = planfile_match(&f, t->p, &t->err);
    planfile_free(&f);
    return r;
}

/* A pipe gives what there is: a plan in pieces, then nothing yet. */
static void what_begins_like_a_plan_is_one_when_it_cannot_be_read(void **state)
{
    struct buf got = {0};
    struct error err = {0};
    int fd[2];
    assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(planfile_load(fd[0], &got, &err), 0);
    assert_int_equal(write(fd[1], "{ \"citrus_plan\": 1", 19), 19);
    assert_int_equal(planfile_load(fd[0], &got, &err), -EAGAIN);
    assert_non_null(strstr(err.text, "reading this saved plan: "));
    buf_reset(&got);
    assert_int_equal(write(fd[1], "{ \"citrus_plan\": 1", 19), 19);
    close(fd[1]);
    assert_int_equal(planfile_load(fd[0], &got, &err), 1);
    assert_string_equal(buf_str(&got), "{ \"citrus_plan\": 1");
    close(fd[0]);
    buf_free(&got);
}

static void what_was_written_is_read_and_fits(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    struct planfile f;
    want(t);
    t->sites[0] = A;
    save(t);
    t->sites[0] = NULL;
    assert_true(planfile_is(text.at, text.len));
    assert_int_equal(planfile_read(&t->e, text.at, text.len, &f, &t->a, &t->err), 0);
    assert_string_equal(f.server, "web-01");
    assert_string_equal(f.lineage, store_lineage(t->s));
    assert_string_equal(f.bundle_json, "{}");
    assert_string_equal(f.bundle_digest, "one");
    assert_string_equal(f.sites[0], A);
    assert_null(f.sites[1]);
    assert_int_equal(f.generation, 0);
    assert_int_equal(strlen(f.digest), 64);
    planfile_free(&f);
    save(t);
    assert_int_equal(match(t), 0);
    rig_free(t);
}

static void a_change_of_any_byte_breaks_the_seal(void **state)
{
    struct rig *t = rig_new("{}");
    struct planfile f;
    rig_probe(t, "one", NULL, "1");
    save(t);
    for (size_t i = 0; i < text.len; i++) {
        char was = text.at[i];
        text.at[i] = (char)(was ^ 1);
        if (planfile_read(&t->e, text.at, text.len, &f, &t->a, &t->err) != -EBADMSG)
            fail_msg("byte %zu ('%c') can be changed", i, was);
        text.at[i] = was;
    }
    assert_int_equal(planfile_read(&t->e, text.at, text.len, &f, &t->a, &t->err), 0);
    planfile_free(&f);
    rig_free(t);
}

static void cut_short_anywhere_it_is_no_plan(void **state)
{
    struct rig *t = rig_new("{}");
    struct planfile f;
    rig_probe(t, "one", NULL, "1");
    save(t);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(planfile_read(&t->e, text.at, len, &f, &t->a, &t->err), -EBADMSG);
    assert_int_equal(planfile_read(NULL, text.at, 20, &f, &t->a, &t->err), -EBADMSG);
    rig_free(t);
}

static void another_stores_plan_is_refused_and_can_be_shown(void **state)
{
    struct rig *t = rig_new("{}"), *other;
    struct planfile f;
    rig_probe(t, "one", NULL, "1");
    save(t);
    other = rig_new("{}");
    assert_int_equal(planfile_read(&other->e, text.at, text.len, &f, &t->a, &t->err), -EBADMSG);
    assert_in_text(t->err.text, "another server's store");
    assert_int_equal(planfile_read(NULL, text.at, text.len, &f, &t->a, &t->err), 0);
    rig_probe(other, "one", NULL, "1");
    rig_plan(other);
    assert_int_equal(planfile_match(&f, other->p, &t->err), -ESTALE);
    assert_in_text(t->err.text, "another store");
    planfile_free(&f);
    rig_free(other);
    rig_free(t);
}

static void a_manifest_is_no_plan(void **state)
{
    static const char *const none[] = {
        "", "{", "citrus: 1\n", "{\"citrus\": 1}", "\"citrus_plan\"", "{\"citrus_pla"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(planfile_is(none[i], strlen(none[i])));
}

static void a_target_that_moved_is_named_with_its_field_and_value(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    want(t);
    save(t);
    probe_set("one", "moved");
    assert_int_equal(match(t), -ESTALE);
    assert_string_equal(t->err.text, "probe one: value is now \"moved\", which the plan did not see");
    rig_free(t);
}

static void what_is_wanted_otherwise_now_is_named(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    want(t);
    save(t);
    rig_catalog(t);
    want(t);
    ((struct probe_spec *)catalog_find(&t->cat, &probe_kind, "one")->spec)->value = "newer";
    assert_int_equal(match(t), -ESTALE);
    assert_string_equal(t->err.text,
                        "probe one: value would become \"newer\" now, which the plan does not say");
    rig_free(t);
}

static void what_was_mended_meanwhile_is_named(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    want(t);
    save(t);
    probe_set("two", "2");
    assert_int_equal(match(t), -ESTALE);
    assert_in_text(t->err.text, "create probe two");
    rig_free(t);
}

static void a_change_more_is_named(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    want(t);
    save(t);
    rig_probe(t, "zz", "z.example.com", "1");
    assert_int_equal(match(t), -ESTALE);
    assert_in_text(t->err.text, "zz");
    rig_free(t);
}

static void a_change_fewer_at_the_end_is_named(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    rig_probe(t, "two", NULL, "1");
    save(t);
    probe_set("two", "1");
    assert_int_equal(match(t), -ESTALE);
    assert_string_equal(t->err.text, "probe two needs no change any more");
    rig_free(t);
}

static void another_way_of_telling_a_service_is_another_plan(void **state)
{
    struct rig *t = rig_new(NGINX_RUNS);
    want(t);
    save(t);
    resource_notifies(&t->cat, catalog_find(&t->cat, &probe_kind, "one"),
                      catalog_find(&t->cat, &service_kind, "nginx.service"), IMPACT_RESTART);
    assert_int_equal(match(t), -ESTALE);
    assert_in_text(t->err.text, "nginx.service");
    rig_free(t);
}

static void a_new_generation_makes_it_stale(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "one", NULL, "1");
    save(t);
    assert_int_equal(rig_run(t), APPLY_DONE);
    probe_set("one", NULL);
    assert_int_equal(match(t), -ESTALE);
    assert_in_text(t->err.text, "generation 0; this server is at 1");
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_begins_like_a_plan_is_one_when_it_cannot_be_read),
        cmocka_unit_test(what_was_written_is_read_and_fits),
        cmocka_unit_test(a_change_of_any_byte_breaks_the_seal),
        cmocka_unit_test(cut_short_anywhere_it_is_no_plan),
        cmocka_unit_test(another_stores_plan_is_refused_and_can_be_shown),
        cmocka_unit_test(a_manifest_is_no_plan),
        cmocka_unit_test(a_target_that_moved_is_named_with_its_field_and_value),
        cmocka_unit_test(what_is_wanted_otherwise_now_is_named),
        cmocka_unit_test(what_was_mended_meanwhile_is_named),
        cmocka_unit_test(a_change_more_is_named),
        cmocka_unit_test(a_change_fewer_at_the_end_is_named),
        cmocka_unit_test(another_way_of_telling_a_service_is_another_plan),
        cmocka_unit_test(a_new_generation_makes_it_stale),
    };
    int failed = cmocka_run_group_tests_name("planfile", tests, NULL, NULL);
    buf_free(&text);
    return failed;
}
