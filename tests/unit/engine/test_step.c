/* One step: the target is looked at before and after, and what this run moved itself is planned anew. */
#include "rig.h"

#define A "a.example.com"

static const struct failure *only_failure(struct rig *t)
{
    assert_int_equal(t->res.failures.n, 1);
    return &t->res.failures.at[0];
}

/* --- looking again, and after ----------------------------------------------------------------------------
 */

static void somebody_changes_it(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "target") == 0)
        probe_set("target", "somebody's");
}

static void a_target_that_somebody_moved_since_the_plan_is_stale(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "target", NULL, "new");
    probe_set("target", "old");
    t->hook = somebody_changes_it;
    assert_int_equal(rig_apply(t), APPLY_STALE);
    assert_int_equal(apply_exit(&t->res), 6);
    assert_in_text(t->res.err.text, "value was \"old\" when the plan was made and is \"somebody's\" now");
    assert_string_equal(probe_get("target"), "somebody's");
    rig_free(t);
}

static void a_stale_target_after_others_were_changed_undoes_them(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "first", NULL, "1");
    rig_probe(t, "target", NULL, "new");
    probe_set("target", "old");
    t->hook = somebody_changes_it;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_null(probe_get("first"));
    assert_string_equal(probe_get("target"), "somebody's");
    rig_free(t);
}

static void package_brings_it(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "package") == 0)
        probe_set("target", "as packaged");
}

static void a_target_that_this_transaction_moved_is_planned_anew(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *target = rig_probe(t, "target", NULL, "new"),
                    *middle = rig_probe(t, "middle", NULL, "1");
    rig_needs(t, middle, rig_probe(t, "package", NULL, "1"));
    rig_needs(t, target, middle);
    t->hook = package_brings_it;
    rig_done(t);
    assert_string_equal(probe_get("target"), "new");
    rig_free(t);
}

static void package_is_enough(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "package") == 0)
        probe_set("target", "new");
}

static void what_this_transaction_brought_as_wanted_is_managed_and_not_undone_by_itself(void **state)
{
    struct rig *t = rig_new("{}");
    rig_needs(t, rig_probe(t, "target", NULL, "new"), rig_probe(t, "package", NULL, "1"));
    t->hook = package_is_enough;
    rig_done(t);
    assert_string_equal(rig_states(t, 1), "ds");
    assert_string_equal(rig_managed(t), "package target");
    rig_free(t);
}

static void what_was_undone_with_a_plan_anew_is_as_this_transaction_found_it(void **state)
{
    struct rig *t = rig_new("{}");
    struct resource *target = rig_probe(t, "target", NULL, "new");
    rig_needs(t, target, rig_probe(t, "package", NULL, "1"));
    rig_needs(t, rig_probe(t, "zlast", NULL, "1"), target);
    probe_trouble("zlast", PROBE_APPLY);
    t->hook = package_brings_it;
    assert_int_equal(rig_apply(t), APPLY_UNDONE);
    assert_string_equal(probe_get("target"), "as packaged");
    rig_free(t);
}

static void created_and_not_there_is_a_failure(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "1");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "probe liar was made, and is not there");
    rig_free(t);
}

static void changed_and_as_before_is_a_failure_that_names_the_field(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "new");
    probe_set("liar", "old");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "its value is \"old\" and not \"new\"");
    rig_free(t);
}

static void removed_and_still_there_is_a_failure(void **state)
{
    struct rig *t = rig_new("{}");
    rig_probe(t, "liar", A, "1");
    rig_done(t);
    rig_again(t, "{}");
    probe_trouble("liar", PROBE_LIE);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(only_failure(t)->err.text, "was removed, and is still there");
    assert_string_equal(rig_managed(t), "liar");
    rig_free(t);
}

/* --- files: what verifying reads -------------------------------------------------------------------------
 */

/* One row of a cache of digests. */
struct row {
    char path[128];
    struct fs_stat st;
    struct hash128 digest;
};

static bool row_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    const struct row *row = self;
    if (strcmp(row->path, path) != 0 || row->st.ino != st->ino || row->st.ctime_ns != st->ctime_ns)
        return false;
    *ret = row->digest;
    return true;
}

static void row_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct row *row = self;
    snprintf(row->path, sizeof row->path, "%s", path);
    row->st = *st;
    row->digest = digest;
}

/* Written over in place, same size, within the clock's tick: the cache must not have taken the first. */
static void a_file_changed_twice_in_one_tick_is_read_again(void **state)
{
    struct rig *t = rig_new("{}");
    struct row row = {.path = ""};
    struct digest_cache cache = {row_get, row_put, &row};
    t->h->cache = &cache;
    rig_file(t, "/f", NULL, "new");
    for (int i = 0; i < 50; i++) {
        rig_put(t, "/f", "new");
        rig_plan(t);
        assert_int_equal(t->p->actions.n, 0);
        rig_put(t, "/f", "old");
        rig_plan(t);
        assert_int_equal(t->p->actions.n, 1);
    }
    rig_free(t);
}

static void somebody_writes_the_file(struct rig *t, const struct action *a)
{
    rig_put(t, "/f", "mine");
}

static void a_file_that_somebody_wrote_after_the_plan_is_stale(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/f", "olds");
    rig_file(t, "/f", NULL, "news");
    t->hook = somebody_writes_the_file;
    assert_int_equal(rig_apply(t), APPLY_STALE);
    assert_string_equal(rig_read(t, "/f"), "mine");
    rig_free(t);
}

/* --- what somebody writes meanwhile ----------------------------------------------------------------------
 */

static void at_z_somebody_writes_the_file(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "z") == 0)
        rig_put(t, "/f", "mine");
}

static void remember_kept(void *self, const char *path, const char *where)
{
    struct rig *t = self;
    buf_addf(&t->told, "kept %s\n", where);
}

static void what_somebody_wrote_over_a_file_is_kept_when_the_file_is_taken_back(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/f", "old");
    rig_needs(t, rig_probe(t, "z", A, "1"), rig_file(t, "/f", A, "new"));
    probe_trouble("z", PROBE_APPLY);
    t->hook = at_z_somebody_writes_the_file;
    t->events.kept = remember_kept;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_read(t, "/f"), "old");
    assert_string_equal(rig_read(t, "/var/lib/citrus/trash/1-1-f"), "mine");
    assert_in_text(buf_str(&t->told), "kept /var/lib/citrus/trash/1-1-f\n");
    rig_free(t);
}

static void at_z_somebody_puts_the_file_back(struct rig *t, const struct action *a)
{
    if (strcmp(a->change.res->id, "z") == 0)
        rig_put(t, "/f", "old");
}

/* Nothing is lost with it: the undo leaves the same. */
static void what_somebody_put_back_already_leaves_nothing_in_the_trash(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/f", "old");
    rig_needs(t, rig_probe(t, "z", A, "1"), rig_file(t, "/f", A, "new"));
    probe_trouble("z", PROBE_APPLY);
    t->hook = at_z_somebody_puts_the_file_back;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_read(t, "/f"), "old");
    assert_false(rig_there(t, "/var/lib/citrus/trash"));
    rig_free(t);
}

static void what_nobody_wrote_over_leaves_nothing_in_the_trash(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/f", "old");
    rig_needs(t, rig_probe(t, "z", A, "1"), rig_file(t, "/f", A, "new"));
    probe_trouble("z", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_read(t, "/f"), "old");
    assert_false(rig_there(t, "/var/lib/citrus/trash"));
    rig_free(t);
}

/* The first look at the new file is the one that verifies it. */
static bool an_edit_before_it_is_verified(void *self, const char *path, const struct fs_stat *st,
                                          struct hash128 *ret)
{
    struct rig *t = self;
    if (strcmp(path, "/f") == 0 && t->hook) {
        t->hook = NULL;
        rig_put(t, "/f", "mine");
    }
    return false;
}
static void forgets(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
}
static void no_hook(struct rig *t, const struct action *a)
{
}

static void what_somebody_wrote_before_it_was_verified_is_kept(void **state)
{
    struct rig *t = rig_new("{}");
    struct digest_cache cache = {an_edit_before_it_is_verified, forgets, t};
    rig_file(t, "/f", A, "new");
    t->h->cache = &cache;
    t->hook = no_hook;
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_in_text(t->res.failures.at[0].err.text, "file /f was changed, but its digest");
    assert_false(rig_there(t, "/f"));
    assert_string_equal(rig_read(t, "/var/lib/citrus/trash/1-1-f"), "mine");
    rig_free(t);
}

static void a_site_of_files_comes_back_byte_for_byte(void **state)
{
    struct rig *t = rig_new("{}");
    rig_put(t, "/srv/a/f", "old");
    rig_put(t, "/srv/a/tree/x", "x");
    assert_int_equal(symlink("elsewhere", rig_path(t, "/srv/a/l")), 0);
    char *before = rig_tree(t);
    struct resource *f = rig_file(t, "/srv/a/f", A, "new");
    struct resource *l = rig_link(t, "/srv/a/l", A, "here"), *d = rig_directory(t, "/srv/a/d/e", A, false);
    struct resource *tree = rig_link(t, "/srv/a/tree", A, "no-tree"), *last = rig_probe(t, "z", A, "1");
    struct resource *all[] = {f, l, d, tree};
    for (size_t i = 0; i < 4; i++)
        rig_needs(t, last, all[i]);
    probe_trouble("z", PROBE_APPLY);
    assert_int_equal(rig_apply(t), APPLY_PARTIAL);
    assert_string_equal(rig_states(t, 1), "uuuuu");
    assert_string_equal(rig_tree(t), before);
    rig_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_somebody_moved_since_the_plan_is_stale),
        cmocka_unit_test(a_stale_target_after_others_were_changed_undoes_them),
        cmocka_unit_test(a_target_that_this_transaction_moved_is_planned_anew),
        cmocka_unit_test(what_this_transaction_brought_as_wanted_is_managed_and_not_undone_by_itself),
        cmocka_unit_test(what_was_undone_with_a_plan_anew_is_as_this_transaction_found_it),
        cmocka_unit_test(created_and_not_there_is_a_failure),
        cmocka_unit_test(changed_and_as_before_is_a_failure_that_names_the_field),
        cmocka_unit_test(removed_and_still_there_is_a_failure),
        cmocka_unit_test(a_file_changed_twice_in_one_tick_is_read_again),
        cmocka_unit_test(a_file_that_somebody_wrote_after_the_plan_is_stale),
        cmocka_unit_test(what_somebody_wrote_over_a_file_is_kept_when_the_file_is_taken_back),
        cmocka_unit_test(what_nobody_wrote_over_leaves_nothing_in_the_trash),
        cmocka_unit_test(what_somebody_put_back_already_leaves_nothing_in_the_trash),
        cmocka_unit_test(what_somebody_wrote_before_it_was_verified_is_kept),
        cmocka_unit_test(a_site_of_files_comes_back_byte_for_byte),
    };
    return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
