#include "packages.h"

static const char world[] =
    "{\"candidates\": {\"htop\": \"3.2.2-2\", \"mariadb-server\": \"1:10.11\", \"git\": \"2.39\","
    " \"apache2\": \"2.4.57\"}}";

static struct kit *kit_with(const char *const *lines)
{
    struct kit *t = kit_new(world);
    status(t, lines);
    return t;
}

static void states_of_dpkg_are_told_apart(void **state)
{
    const char *const lines[] = {
        "a", "install ok installed",       "1", "b", "deinstall ok config-files", "1",
        "c", "install ok half-configured", "1", "d", "hold ok installed",         "4",
        NULL};
    struct kit *t = kit_with(lines);
    struct package_spec *a = kit_found(t, kit_res(t, &package_kind, "a"));
    assert_string_equal(a->installed, "yes");
    assert_int_equal(a->held, 0);
    assert_null(kit_found(t, kit_res(t, &package_kind, "b")));
    struct package_spec *c = kit_found(t, kit_res(t, &package_kind, "c"));
    assert_string_equal(c->installed, "broken (half-configured)");
    struct package_spec *d = kit_found(t, kit_res(t, &package_kind, "d"));
    assert_int_equal(d->held, 1);
    assert_string_equal(d->version, "4");
    kit_free(t);
}

static int candidate_calls;
static int counted_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                              struct arena *a, struct error *err)
{
    candidate_calls++;
    for (size_t i = 0; i < n; i++)
        candidate[i] = "1.0";
    return 0;
}

static void apt_is_asked_once_for_all_and_not_at_all_when_nothing_is_missing(void **state)
{
    struct kit *t = kit_with(base_system);
    struct host_ops ops = *t->h->ops;
    ops.apt_candidates = counted_candidates;
    t->h->ops = &ops;
    candidate_calls = 0;
    const struct resource *const have[] = {kit_res(t, &package_kind, "apache2"),
                                           kit_res(t, &package_kind, "libc6")};
    const struct resource *const mixed[] = {kit_res(t, &package_kind, "git"), have[0],
                                            kit_res(t, &package_kind, "htop")};
    void *found[3];
    assert_int_equal(package_kind.observe(&t->ctx, have, 2, found, &t->err), 0);
    assert_int_equal(candidate_calls, 0);
    assert_int_equal(package_kind.observe(&t->ctx, mixed, 3, found, &t->err), 0);
    assert_int_equal(package_kind.observe(&t->ctx, mixed, 3, found, &t->err), 0);
    assert_int_equal(candidate_calls, 1);
    assert_string_equal(kit_change(t, (struct resource *)(uintptr_t)mixed[2])->summary, "version 1.0");
    kit_free(t);
}

static void a_batch_is_one_download_and_one_installation_and_is_purged_again(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *before = installed(t), *const names[] = {"git", "htop", NULL};
    struct change *c[2];
    all(t, names, false, c);
    assert_int_equal(c[0]->op, OP_CREATE);
    assert_int_equal(c[0]->reversal, COMPENSATED);
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 2, &t->err), 0);
    assert_string_equal(fake_log(t->h), "apt download git htop\n");
    json_t *u0 = kit_capture(t, c[0]), *u1 = kit_capture(t, c[1]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 2, &t->err), 0);
    assert_string_equal(fake_log(t->h), "apt download git htop\napt install git htop\n");
    assert_int_equal(kit_change(t, (struct resource *)(uintptr_t)c[0]->res)->op, OP_NONE);
    kit_undo(t, c[1], u1);
    kit_undo(t, c[0], u0);
    assert_string_equal(installed(t), before);
    kit_free(t);
}

static void what_somebody_installs_after_the_batch_is_not_purged_with_it(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *const names[] = {"git", NULL}, *htop = "htop";
    struct change *c[1];
    all(t, names, false, c);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    assert_int_equal(host_apt(t->h, APT_INSTALL, &htop, 1, NULL, &t->err), 0);
    kit_undo(t, c[0], undo);
    assert_null(strstr(installed(t), "git"));
    assert_non_null(strstr(installed(t), "htop"));
    kit_free(t);
}

static void a_batch_that_did_not_end_is_purged_with_its_dependencies(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *const names[] = {"git", NULL};
    const char *const torn[] = {
        "apache2", "install ok installed", "2.4.57", "git",     "install ok unpacked",  "2.39",
        "libc6",   "install ok installed", "2.36",   "libcurl", "install ok installed", "7",
        NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *undo = kit_capture(t, c[0]);
    status(t, torn); /* and then the machine loses power */
    kit_undo(t, c[0], undo);
    assert_string_equal(installed(t), "apache2 2.4.57 install ok installed;libc6 2.36 install ok installed;");
    assert_non_null(strstr(fake_log(t->h), "apt configure\n")); /* apt works on no other */
    kit_free(t);
}

static void a_removed_package_comes_back_in_its_version_with_what_went_along(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *before = installed(t), *const names[] = {"apache2", NULL};
    const char *const after[] = {"apache2", "deinstall ok config-files", "2.4.57", NULL};
    struct change *c[1];
    all(t, names, true, c);
    assert_int_equal(c[0]->op, OP_REMOVE);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    assert_string_equal(fake_log(t->h), "apt remove apache2\n");
    status(t, after); /* libc6 went along */
    unlink(kit_path(t, arena_printf(&t->a, "%s.after", json_string_value(json_object_get(undo, "before")))));
    kit_undo(t, c[0], undo);
    assert_non_null(strstr(fake_log(t->h), "apt install apache2=2.4.57 libc6=2.36\n"));
    assert_string_equal(installed(t), before);
    kit_free(t);
}

/* nginx-common's "purge" takes /etc/nginx along: an operator's, of an nginx that somebody removed once. */
static void what_had_left_its_configuration_is_removed_and_not_purged(void **state)
{
    const char *const lines[] = {
        "apache2", "install ok installed", "2.4.57", "git", "deinstall ok config-files", "2.30", NULL};
    struct kit *t = kit_with(lines);
    const char *const names[] = {"git", "htop", NULL};
    struct change *c[2];
    all(t, names, false, c);
    json_t *u0 = kit_capture(t, c[0]), *u1 = kit_capture(t, c[1]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 2, &t->err), 0);
    kit_undo(t, c[1], u1);
    kit_undo(t, c[0], u0);
    assert_string_equal(fake_log(t->h), "apt install git htop\napt remove git\napt purge htop\n");
    assert_non_null(
        strstr(kit_read(t, "/var/lib/dpkg/status"), "Package: git\nStatus: deinstall ok config-files\n"));
    kit_free(t);
}

/* What the batch removed has left its configuration, which is no reason to leave it removed. */
static void what_a_batch_that_ended_removed_comes_back(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *before = installed(t), *const names[] = {"apache2", NULL};
    struct change *c[1];
    all(t, names, true, c);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    kit_undo(t, c[0], undo);
    assert_string_equal(fake_log(t->h), "apt remove apache2\napt install apache2=2.4.57\n");
    assert_string_equal(installed(t), before);
    kit_free(t);
}

static void what_had_left_its_configuration_and_is_torn_goes_with_a_batch_that_did_not_end(void **state)
{
    const char *const lines[] = {
        "apache2", "install ok installed", "2.4.57", "git", "deinstall ok config-files", "2.30", NULL};
    const char *const torn[] = {
        "apache2", "install ok installed", "2.4.57", "git", "install reinstreq half-installed", "2.39", NULL};
    struct kit *t = kit_new(
        "{\"candidates\": {\"git\": \"2.39\"}, \"fail\": {\"apt reinstall git\": \"E: not to be had\"}}");
    status(t, lines);
    const char *const names[] = {"git", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *undo = kit_capture(t, c[0]);
    status(t, torn);
    kit_undo(t, c[0], undo);
    assert_string_equal(fake_log(t->h), "apt configure\napt configure\napt remove git\n");
    kit_free(t);
}

static void a_version_that_is_not_to_be_had_any_more_is_replaced_by_the_present_one(void **state)
{
    struct kit *t = kit_new(
        "{\"candidates\": {\"apache2\": \"2.4.58\"}, \"fail\": {\"apt install apache2=\": \"gone\"}}");
    status(t, base_system);
    const char *const names[] = {"apache2", NULL};
    struct change *c[1];
    all(t, names, true, c);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    kit_undo(t, c[0], undo);
    assert_non_null(strstr(installed(t), "apache2 2.4.58"));
    assert_non_null(strstr(buf_str(&t->said), "not to be had"));
    kit_free(t);
}

static void a_package_that_no_repository_has_fails_before_anything_changed(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *const names[] = {"git", "nosuch", NULL};
    struct change *c[2];
    all(t, names, false, c);
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 2, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "nosuch"));
    assert_true(t->err.hint[0] != 0);
    assert_string_equal(fake_log(t->h), "apt update\n");
    kit_free(t);
}

static void an_interrupted_dpkg_is_told_and_mended_first(void **state)
{
    const char *const lines[] = {"apache2", "install ok half-configured", "2.4.57", NULL};
    struct kit *t = kit_with(lines);
    const char *const names[] = {"apache2", "git", NULL};
    struct change *c[2];
    all(t, names, false, c);
    assert_int_equal(c[0]->op, OP_UPDATE);
    assert_non_null(strstr(kit_delta(t, c[0]), "installed: broken (half-configured) -> yes"));
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 2, &t->err), 0);
    assert_string_equal(fake_log(t->h), "");
    assert_non_null(strstr(buf_str(&t->said), "apache2"));
    json_t *u0 = kit_capture(t, c[0]), *u1 = kit_capture(t, c[1]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 2, &t->err), 0);
    assert_int_equal(strncmp(fake_log(t->h), "apt configure\napt install apache2 git\n", 38), 0);
    json_decref(u0);
    json_decref(u1);
    kit_free(t);
}

/* apt as it is with a service that does not come up: what it was asked for is done, but for apache2's
 * restart. */
static const struct host_ops *fake_ops;
static int apt_with_a_service_that_fails(struct host *h, enum apt_verb verb, const char *const *names,
                                         size_t n, const struct progress *p, struct error *err)
{
    struct buf text = {0};
    if (fake_ops->apt(h, verb, names, n, p, err) < 0)
        return err->code;
    if (verb != APT_INSTALL && verb != APT_PURGE)
        return 0;
    assert_int_equal(fs_read(h, "/var/lib/dpkg/status", 0, &text, err), 0);
    char *state = strstr(buf_str(&text), "Package: apache2\nStatus: install ok installed");
    assert_non_null(state);
    struct buf broken = {0};
    buf_addf(&broken, "%.*sPackage: apache2\nStatus: install ok half-configured%s", (int)(state - text.at),
             text.at, state + strlen("Package: apache2\nStatus: install ok installed"));
    assert_int_equal(fs_write(h, "/var/lib/dpkg/status", broken.at, broken.len, 0644, 0, 0, err), 0);
    buf_free(&text);
    buf_free(&broken);
    return error_set(err, -EIO, "apt: dpkg returned an error code (1)");
}

static void a_service_that_cannot_be_restarted_fails_no_installation_and_no_undo(void **state)
{
    struct kit *t = kit_with(base_system);
    struct host_ops ops = *t->h->ops;
    const char *before = installed(t), *const names[] = {"git", NULL};
    struct change *c[1];
    fake_ops = t->h->ops;
    ops.apt = apt_with_a_service_that_fails;
    t->h->ops = &ops;
    all(t, names, false, c);
    json_t *undo = kit_apply(t, c[0]);
    assert_string_equal(fake_log(t->h), "apt install git\napt configure\n");
    assert_non_null(strstr(buf_str(&t->said), "could not be restarted"));
    assert_int_equal(package_kind.undo(&t->ctx, c[0]->res, c[0]->op, undo, &t->err), 0);
    assert_string_equal(installed(t), before);
    json_decref(undo);
    kit_free(t);
}

/* A loss of power in the middle of an installation: dpkg removes what was torn while it was unpacked only
 * once it was unpacked again. Where its empty configuration lets nothing configure it, or apt does not have
 * it, it goes as it is; what was there before is mended in any case. */
static void undo_removes_what_is_half_installed(void **state)
{
    const char *const lines[] = {"apache2", "install ok installed", "2.4.57", NULL};
    struct kit *t = kit_with(lines);
    const char *const names[] = {"git", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *u = kit_capture(t, c[0]);
    const char *const torn[] = {"apache2", "install reinstreq half-installed", "2.4.57",
                                "git",     "install reinstreq half-installed", "2.39",
                                NULL};
    status(t, torn);
    kit_undo(t, c[0], u);
    assert_string_equal(fake_log(t->h),
                        "apt configure\napt reinstall apache2\napt reinstall git\napt purge git\n");
    kit_free(t);
}

static void what_is_torn_and_cannot_be_had_again_goes_as_it_is(void **state)
{
    const char *const lines[] = {"apache2", "install ok installed", "2.4.57", NULL};
    struct kit *t = kit_new(
        "{\"candidates\": {\"git\": \"2.39\"}, \"fail\": {\"apt reinstall git\": \"E: not to be had\"}}");
    status(t, lines);
    const char *const names[] = {"git", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *u = kit_capture(t, c[0]);
    const char *const torn[] = {
        "apache2", "install ok installed", "2.4.57", "git", "install reinstreq half-installed", "2.39", NULL};
    status(t, torn);
    kit_undo(t, c[0], u);
    assert_non_null(strstr(fake_log(t->h), "apt purge git\n"));
    assert_non_null(strstr(buf_str(&t->said), "git cannot be unpacked again before it goes"));
    kit_free(t);
}

static void undo_knows_what_a_killed_dpkg_did_not_write_down(void **state)
{
    const char *const lines[] = {"apache2", "install ok installed", "2.4.57", NULL};
    struct kit *t = kit_with(lines);
    const char *before = installed(t), *const names[] = {"git", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *u = kit_capture(t, c[0]);
    kit_put(t, "/var/lib/dpkg/updates/0000",
            "Package: git\nStatus: install ok installed\nArchitecture: all\nVersion: 2.39\n", 0644);
    kit_undo(t, c[0], u);
    assert_string_equal(fake_log(t->h), "apt configure\napt purge git\n");
    assert_string_equal(installed(t), before);
    kit_free(t);
}

static void what_dpkg_wants_reinstalled_is_reinstalled(void **state)
{
    const char *const lines[] = {"apache2", "install reinstreq half-installed", "2.4.57", NULL};
    struct kit *t = kit_with(lines);
    const char *const names[] = {"apache2", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *u = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    assert_non_null(strstr(fake_log(t->h), "apt reinstall apache2\n"));
    struct change *again[1];
    all(t, names, false, again);
    assert_int_equal(again[0]->delta.n, 0);
    json_decref(u);
    kit_free(t);
}

static void a_hold_is_set_and_taken_back_without_touching_other_packages(void **state)
{
    struct kit *t = kit_with(base_system);
    struct resource *r = kit_res(t, &package_kind, "apache2");
    ((struct package_spec *)r->spec)->held = 1;
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "held: false -> true");
    json_t *undo = kit_apply(t, c);
    assert_string_equal(fake_log(t->h), "apt hold apache2\n");
    kit_undo(t, c, undo);
    assert_string_equal(fake_log(t->h), "apt hold apache2\napt unhold apache2\n");
    kit_free(t);
}

/* The last of the batch is undone first, and takes all of it back: one that was held in it, too. */
static void what_was_installed_and_held_is_purged_by_the_undo_of_another(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *before = installed(t), *const names[] = {"git", "htop", NULL};
    struct change *c[2];
    all(t, names, false, c);
    ((struct package_spec *)c[0]->res->spec)->held = 1;
    json_t *u0 = kit_capture(t, c[0]), *u1 = kit_capture(t, c[1]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 2, &t->err), 0);
    kit_undo(t, c[1], u1);
    kit_undo(t, c[0], u0);
    assert_string_equal(installed(t), before);
    kit_free(t);
}

static void databases_that_were_there_before_survive_the_undo_of_mariadb(void **state)
{
    struct kit *t = kit_with(base_system);
    const char *const names[] = {"mariadb-server", NULL};
    struct change *c[1];
    kit_put(t, "/var/lib/mysql/shop/orders.ibd", "worth a lot", 0600);
    all(t, names, false, c);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    kit_undo(t, c[0], undo);
    assert_string_equal(kit_read(t, "/var/lib/mysql/shop/orders.ibd"), "worth a lot");
    assert_null(strstr(fake_log(t->h), "apt purge"));
    assert_non_null(strstr(fake_log(t->h), "apt remove mariadb-server"));
    kit_free(t);
}

static void databases_of_a_batch_go_to_the_trash(const char *const *lines, const char *how)
{
    struct kit *t = kit_with(lines);
    const char *const names[] = {"mariadb-server", NULL};
    struct change *c[1];
    all(t, names, false, c);
    json_t *undo = kit_capture(t, c[0]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), 0);
    kit_put(t, "/var/lib/mysql/ibdata1", "new", 0600);
    kit_undo(t, c[0], undo);
    assert_false(kit_there(t, "/var/lib/mysql"));
    assert_true(kit_there(t, "/var/lib/citrus/trash/7-mysql/ibdata1"));
    assert_non_null(strstr(fake_log(t->h), how));
    kit_free(t);
}

static void databases_that_came_with_the_batch_go_to_the_trash_with_it(void **state)
{
    const char *const removed_once[] = {"mariadb-server", "deinstall ok config-files", "1:10.6", NULL};
    databases_of_a_batch_go_to_the_trash(base_system, "apt purge mariadb-server\n");
    databases_of_a_batch_go_to_the_trash(removed_once, "apt remove mariadb-server\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_dpkg_are_told_apart),
        cmocka_unit_test(apt_is_asked_once_for_all_and_not_at_all_when_nothing_is_missing),
        cmocka_unit_test(a_batch_is_one_download_and_one_installation_and_is_purged_again),
        cmocka_unit_test(what_somebody_installs_after_the_batch_is_not_purged_with_it),
        cmocka_unit_test(a_batch_that_did_not_end_is_purged_with_its_dependencies),
        cmocka_unit_test(a_removed_package_comes_back_in_its_version_with_what_went_along),
        cmocka_unit_test(what_had_left_its_configuration_is_removed_and_not_purged),
        cmocka_unit_test(what_a_batch_that_ended_removed_comes_back),
        cmocka_unit_test(what_had_left_its_configuration_and_is_torn_goes_with_a_batch_that_did_not_end),
        cmocka_unit_test(a_version_that_is_not_to_be_had_any_more_is_replaced_by_the_present_one),
        cmocka_unit_test(a_package_that_no_repository_has_fails_before_anything_changed),
        cmocka_unit_test(an_interrupted_dpkg_is_told_and_mended_first),
        cmocka_unit_test(a_service_that_cannot_be_restarted_fails_no_installation_and_no_undo),
        cmocka_unit_test(undo_removes_what_is_half_installed),
        cmocka_unit_test(what_is_torn_and_cannot_be_had_again_goes_as_it_is),
        cmocka_unit_test(undo_knows_what_a_killed_dpkg_did_not_write_down),
        cmocka_unit_test(what_dpkg_wants_reinstalled_is_reinstalled),
        cmocka_unit_test(a_hold_is_set_and_taken_back_without_touching_other_packages),
        cmocka_unit_test(what_was_installed_and_held_is_purged_by_the_undo_of_another),
        cmocka_unit_test(databases_that_were_there_before_survive_the_undo_of_mariadb),
        cmocka_unit_test(databases_that_came_with_the_batch_go_to_the_trash_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
