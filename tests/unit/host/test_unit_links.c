/* Units of an offline root: files and links, with systemctl and without it. */
#include "real.h"
#include "root.h"

static int units_setup(void **state)
{
    if (root_setup(state) < 0)
        return -1;
    struct test_root *t = *state;
    const char *const dirs[] = {"/usr/lib/systemd/system", "/etc/systemd/system"};
    for (size_t i = 0; i < 2; i++)
        if (fs_mkdirs(&t->h, dirs[i], 0755, &t->err) < 0)
            return -1;
    put(AT("/usr/lib/systemd/system/web.service"),
        "[Unit]\nWantedBy=not-here.target\n[Service]\nExecStart=/bin/true\n"
        "[Install]\nWantedBy=multi-user.target other.target\nRequiredBy=app.service\n",
        0644);
    put(AT("/usr/lib/systemd/system/cron@.timer"), "[Install]\nWantedBy=timers.target\n", 0644);
    put(AT("/usr/lib/systemd/system/static.service"), "[Service]\nExecStart=/bin/true\n", 0644);
    return symlink("/dev/null", AT("/etc/systemd/system/masked.service"));
}
#define UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, units_setup, root_teardown)

static struct unit_state state_of(struct test_root *t, const char *name)
{
    struct unit_state u = {.name = name, .active = true};
    assert_int_equal(host_units(&t->h, &u, 1, &t->a, &t->err), 0);
    assert_false(u.active);
    return u;
}

static void a_unit_is_known_by_its_file_and_enabled_by_its_link(void **state)
{
    struct test_root *t = *state;
    assert_true(state_of(t, "web.service").loaded);
    assert_false(state_of(t, "web.service").enabled);
    assert_false(state_of(t, "none.service").loaded);
    assert_false(state_of(t, "masked.service").loaded);
    assert_true(state_of(t, "cron@blog.timer").loaded);
    assert_false(state_of(t, "cronblog.timer").loaded);
    assert_int_equal(fs_mkdirs(&t->h, "/etc/systemd/system/x.target.wants", 0755, &t->err), 0);
    assert_int_equal(symlink("/x", AT("/etc/systemd/system/x.target.wants/web.service")), 0);
    assert_true(state_of(t, "web.service").enabled);
    assert_int_equal(symlink("/x", AT("/etc/systemd/system/x.target.wants/none.service")), 0);
    assert_false(state_of(t, "none.service").enabled);
}

static void enabling_makes_the_links_and_disabling_takes_them(void **state)
{
    struct test_root *t = *state;
    char *target;
    assert_int_equal(host_unit(&t->h, "web.service", UNIT_ENABLE, &t->err), 0);
    assert_true(state_of(t, "web.service").enabled);
    assert_int_equal(fs_readlink(&t->h, "/etc/systemd/system/multi-user.target.wants/web.service", &t->a,
                                 &target, &t->err),
                     0);
    assert_string_equal(target, "/usr/lib/systemd/system/web.service");
    assert_int_equal(host_unit(&t->h, "web.service", UNIT_ENABLE, &t->err), 0);
    assert_int_equal(host_unit(&t->h, "web.service", UNIT_DISABLE, &t->err), 0);
    assert_false(state_of(t, "web.service").enabled);
    assert_true(host_unit(&t->h, "none.service", UNIT_ENABLE, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "none.service"));
}

static void the_same_without_systemctl(void **state)
{
    struct test_root *t = *state;
    const char *const links[] = {"/etc/systemd/system/multi-user.target.wants/web.service",
                                 "/etc/systemd/system/other.target.wants/web.service",
                                 "/etc/systemd/system/app.service.requires/web.service"};
    assert_int_equal(unit_links_change(&t->h, "web.service", true, &t->err), 0);
    for (size_t i = 0; i < 3; i++) {
        char *target;
        assert_int_equal(fs_readlink(&t->h, links[i], &t->a, &target, &t->err), 0);
        assert_string_equal(target, "/usr/lib/systemd/system/web.service");
    }
    assert_gone(AT("/etc/systemd/system/not-here.target.wants"));
    assert_true(state_of(t, "web.service").enabled);
    assert_int_equal(unit_links_change(&t->h, "cron@blog.timer", true, &t->err), 0);
    assert_true(state_of(t, "cron@blog.timer").enabled);
    assert_int_equal(unit_links_change(&t->h, "web.service", false, &t->err), 0);
    for (size_t i = 0; i < 3; i++)
        assert_gone(AT(links[i]));
    assert_int_equal(unit_links_change(&t->h, "web.service", false, &t->err), 0);
    assert_int_equal(unit_links_change(&t->h, "static.service", true, &t->err), -EINVAL);
    assert_int_equal(unit_links_change(&t->h, "masked.service", true, &t->err), -ENOENT);
    assert_int_equal(unit_links_change(&t->h, "../web.service", true, &t->err), -EINVAL);
}

static void opening_a_root_makes_it_offline(void **state)
{
    struct test_root *t = *state;
    struct host *h;
    assert_int_equal(host_open(t->dir, &h, &t->err), 0);
    assert_true(h->offline);
    assert_string_equal(h->root, t->dir);
    assert_null(host_close(h));
    assert_int_equal(host_open("//", &h, &t->err), 0);
    assert_false(h->offline);
    assert_string_equal(h->root, "/");
    host_close(h);
    assert_int_equal(host_open(AT("/none"), &h, &t->err), -ENOENT);
    assert_non_null(strstr(t->err.text, "/none"));
    assert_int_equal(host_open(AT("/usr/lib/systemd/system/web.service"), &h, &t->err), -ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_unit_is_known_by_its_file_and_enabled_by_its_link),
        UNIT_TEST(enabling_makes_the_links_and_disabling_takes_them),
        UNIT_TEST(the_same_without_systemctl),
        UNIT_TEST(opening_a_root_makes_it_offline),
    };
    return cmocka_run_group_tests_name("unit_links", tests, NULL, NULL);
}
