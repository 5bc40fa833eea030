/* What apt removes along with a package. */
#include "packages.h"

static const char world[] = "{\"candidates\": {\"git\": \"2.39\", \"htop\": \"3.2\", \"ntpsec\": \"1.2\"},"
                            " \"along\": {\"install ntpsec\": [\"systemd-timesyncd\"],"
                            "            \"remove openssh-client\": [\"openssh-server\", \"git\"]}}";
static const char *const with_ssh[] = {"apache2",
                                       "install ok installed",
                                       "2.4",
                                       "openssh-client",
                                       "install ok installed",
                                       "9.2",
                                       "openssh-server",
                                       "install ok installed",
                                       "9.2",
                                       "strace",
                                       "install ok installed",
                                       "6.1",
                                       "systemd-timesyncd",
                                       "install ok installed",
                                       "252",
                                       NULL};

static struct kit *kit_along(void)
{
    struct kit *t = kit_new(world);
    status(t, with_ssh);
    return t;
}

static void what_an_installation_removes_is_said_of_it_and_can_be_taken_back(void **state)
{
    struct kit *t = kit_along();
    const char *before = installed(t), *const names[] = {"git", "htop", "ntpsec", NULL};
    struct change *c[3];
    all(t, names, false, c);
    package_kind.plan_all(&t->ctx, c, 3);
    assert_null(c[0]->along);
    assert_null(c[1]->along);
    assert_string_equal(c[0]->summary, "version 2.39");
    assert_string_equal(c[2]->summary, "version 1.2, in place of systemd-timesyncd");
    assert_string_equal(c[2]->along[0], "systemd-timesyncd");
    assert_null(c[2]->along[1]);
    assert_false(package_kind.lockout(c[2]));
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 3, &t->err), 0);
    json_t *undo[3];
    for (int i = 0; i < 3; i++)
        undo[i] = kit_capture(t, c[i]);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 3, &t->err), 0);
    assert_null(strstr(installed(t), "timesyncd"));
    for (int i = 2; i >= 0; i--)
        kit_undo(t, c[i], undo[i]);
    assert_string_equal(installed(t), before);
    kit_free(t);
}

static void who_takes_the_ssh_server_along_can_shut_the_operator_out(void **state)
{
    struct kit *t = kit_along();
    const char *const names[] = {"apache2", "openssh-client", "strace", NULL};
    struct change *c[3];
    all(t, names, true, c);
    assert_false(package_kind.lockout(c[1]));
    package_kind.plan_all(&t->ctx, c, 3);
    assert_false(package_kind.lockout(c[0]));
    assert_true(package_kind.lockout(c[1]));
    assert_false(package_kind.lockout(c[2]));
    assert_string_equal(c[1]->summary, "version 9.2 goes, and with it openssh-server");
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 3, &t->err), 0);
    kit_free(t);
}

static void what_goes_by_a_change_of_its_own_goes_along_with_none(void **state)
{
    struct kit *t = kit_along();
    const char *const names[] = {"openssh-client", "openssh-server", NULL};
    struct change *c[2];
    all(t, names, true, c);
    package_kind.plan_all(&t->ctx, c, 2);
    assert_null(c[0]->along);
    assert_null(c[1]->along);
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 2, &t->err), 0);
    /* and where they are not of one batch */
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 1, &t->err), 0);
    kit_free(t);
}

/* Somebody installed it after the plan was made. */
static void what_the_plan_does_not_say_is_not_removed(void **state)
{
    struct kit *t = kit_along();
    const char *const names[] = {"ntpsec", "strace", NULL};
    const char *const without[] = {"strace", "install ok installed", "6.1", NULL};
    struct change *c[2];
    status(t, without);
    all(t, names, false, c);
    package_kind.plan_all(&t->ctx, c, 1);
    status(t, with_ssh);
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 1, &t->err), -ESTALE);
    assert_string_equal(t->err.text,
                        "installing ntpsec would remove systemd-timesyncd, too, which the plan does not say");
    assert_true(t->err.hint[0] != 0);
    assert_string_equal(fake_log(t->h), "");
    kit_free(t);
}

/* apt answers nothing where dpkg was interrupted: neither the plan nor prepare can ask. */
static void what_could_not_be_asked_before_is_asked_once_dpkg_is_mended(void **state)
{
    struct kit *t = kit_along();
    const char *const names[] = {"openssh-client", NULL};
    struct change *c[1];
    all(t, names, true, c);
    kit_put(t, "/var/lib/dpkg/updates/0000",
            "Package: strace\nStatus: install ok unpacked\nArchitecture: all\nVersion: 6.1\n", 0644);
    assert_int_equal(package_kind.prepare_all(&t->ctx, c, 1, &t->err), 0);
    assert_int_equal(package_kind.apply_all(&t->ctx, c, 1, &t->err), -ESTALE);
    assert_string_equal(fake_log(t->h), "apt configure\n");
    assert_non_null(strstr(installed(t), "openssh-server"));
    kit_free(t);
}

static void a_hold_asks_apt_for_nothing(void **state)
{
    struct kit *t = kit_new("{\"fail\": {\"apt along\": \"asked\"}}");
    status(t, base_system);
    struct resource *r = kit_res(t, &package_kind, "apache2");
    ((struct package_spec *)r->spec)->held = 1;
    struct change *c = kit_change(t, r);
    package_kind.plan_all(&t->ctx, &c, 1);
    assert_int_equal(package_kind.prepare_all(&t->ctx, &c, 1, &t->err), 0);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_installation_removes_is_said_of_it_and_can_be_taken_back),
        cmocka_unit_test(who_takes_the_ssh_server_along_can_shut_the_operator_out),
        cmocka_unit_test(what_goes_by_a_change_of_its_own_goes_along_with_none),
        cmocka_unit_test(what_the_plan_does_not_say_is_not_removed),
        cmocka_unit_test(what_could_not_be_asked_before_is_asked_once_dpkg_is_mended),
        cmocka_unit_test(a_hold_asks_apt_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
