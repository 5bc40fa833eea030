#include "root.h"

static void status(struct test_root *t, const char *text)
{
    dir(AT("/var"), 0755, 0, 0);
    dir(AT("/var/lib"), 0755, 0, 0);
    dir(AT("/var/lib/dpkg"), 0755, 0, 0);
    put(AT("/var/lib/dpkg/status"), text, 0644);
}

static const struct dpkg_package *find(struct test_root *t, const char *text, const char *name)
{
    struct dpkg_package *list;
    size_t n;
    status(t, text);
    int r = dpkg_read(&t->h, &list, &n, &t->a, &t->err);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    return dpkg_find(list, n, name);
}

#define PARAGRAPH(name, state, arch, version)                                                                \
    "Package: " name "\nStatus: " state "\nPriority: optional\nInstalled-Size: 1\nArchitecture: " arch       \
    "\nVersion: " version "\nDepends: libc6 (>= 2.36)\nDescription: short\n Package: not-me\n long text\n\n"

static void states_are_told_apart(void **state)
{
    struct test_root *t = *state;
    struct dpkg_package *list;
    size_t n;
    /* clang-format off */
    status(t, PARAGRAPH("zsh", "install ok installed", "amd64", "5.9-4")
              PARAGRAPH("apache2", "deinstall ok config-files", "amd64", "2.4")
              PARAGRAPH("half", "install ok half-installed", "all", "1")
              PARAGRAPH("conf", "install ok half-configured", "all", "1")
              PARAGRAPH("unpacked", "install ok unpacked", "all", "1")
              PARAGRAPH("trig", "install ok triggers-pending", "all", "1")
              PARAGRAPH("reinst", "install reinstreq installed", "all", "1")
              PARAGRAPH("gone", "purge ok not-installed", "all", "1")
              PARAGRAPH("kept", "hold ok installed", "all", "2:1.0-1"));
    /* clang-format on */
    assert_int_equal(dpkg_read(&t->h, &list, &n, &t->a, &t->err), 0);
    assert_int_equal(n, 9);
    const struct {
        const char *name;
        enum dpkg_state state;
    } wanted[] = {{"zsh", DPKG_INSTALLED}, {"apache2", DPKG_CONFIG_FILES}, {"half", DPKG_BROKEN},
                  {"conf", DPKG_BROKEN},   {"unpacked", DPKG_BROKEN},      {"trig", DPKG_BROKEN},
                  {"reinst", DPKG_BROKEN}, {"gone", DPKG_ABSENT},          {"kept", DPKG_INSTALLED}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct dpkg_package *p = dpkg_find(list, n, wanted[i].name);
        assert_non_null(p);
        assert_int_equal(p->state, wanted[i].state);
        assert_int_equal(p->held, strcmp(p->name, "kept") == 0);
    }
    assert_string_equal(dpkg_find(list, n, "kept")->version, "2:1.0-1");
    assert_string_equal(dpkg_find(list, n, "half")->state_text, "install ok half-installed");
    assert_null(dpkg_find(list, n, "not-me"));
    assert_null(dpkg_find(list, n, "a"));
    assert_null(dpkg_find(list, n, "zz"));
}

static void the_list_is_sorted(void **state)
{
    struct test_root *t = *state;
    struct dpkg_package *list;
    size_t n;
    status(t, PARAGRAPH("b", "install ok installed", "all", "1")
                  PARAGRAPH("c", "install ok installed", "all", "1")
                      PARAGRAPH("a", "install ok installed", "all", "1"));
    assert_int_equal(dpkg_read(&t->h, &list, &n, &t->a, &t->err), 0);
    assert_int_equal(n, 3);
    assert_string_equal(list[0].name, "a");
    assert_string_equal(list[1].name, "b");
    assert_string_equal(list[2].name, "c");
}

/* libc6 of a second architecture, half removed, must not hide the native one. */
static void the_native_architecture_wins(void **state)
{
    struct test_root *t = *state;
    const struct dpkg_package *p = find(t,
                                        PARAGRAPH("libc6", "deinstall ok config-files", "i386", "1")
                                            PARAGRAPH("libc6", "install ok installed", "amd64", "2")
                                                PARAGRAPH("dpkg", "install ok installed", "amd64", "1.21"),
                                        "libc6");
    assert_non_null(p);
    assert_string_equal(p->version, "2");
    assert_int_equal(p->state, DPKG_INSTALLED);
}

static void a_last_paragraph_without_an_end_counts(void **state)
{
    struct test_root *t = *state;
    const struct dpkg_package *p = find(
        t,
        "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nVersion: 2\nStatus: install ok "
        "installed",
        "b");
    assert_non_null(p);
    assert_string_equal(p->version, "2");
}

static void fields_in_another_order_are_found(void **state)
{
    struct test_root *t = *state;
    const struct dpkg_package *p =
        find(t, "Description: x\n Version: 9\nVersion: 3\nStatus:  install ok installed \nPackage: odd\n\n\n",
             "odd");
    assert_non_null(p);
    assert_string_equal(p->version, "3");
    assert_int_equal(p->state, DPKG_INSTALLED);
}

static void garbage_is_no_package(void **state)
{
    struct test_root *t = *state;
    assert_null(
        find(t, "Package\nStatus:\n\n:\n\nPackage: only\n\nStatus: install ok installed\n\n\n\n", "only"));
}

static void without_a_record_nothing_is_installed(void **state)
{
    struct test_root *t = *state;
    struct dpkg_package *list;
    size_t n = 7;
    assert_int_equal(dpkg_read(&t->h, &list, &n, &t->a, &t->err), 0);
    assert_int_equal(n, 0);
    assert_null(dpkg_find(list, n, "a"));
}

/* dpkg(1) was killed before it wrote `status` anew: what it noted meanwhile is the truth. */
static void what_a_killed_dpkg_noted_counts(void **state)
{
    struct test_root *t = *state;
    status(t, PARAGRAPH("dpkg", "install ok installed", "amd64", "1.21")
                  PARAGRAPH("nginx", "purge ok not-installed", "amd64", "1"));
    assert_false(dpkg_interrupted(&t->h));
    dir(AT("/var/lib/dpkg/updates"), 0755, 0, 0);
    put(AT("/var/lib/dpkg/updates/tmp.i"), PARAGRAPH("dpkg", "install ok half-installed", "amd64", "9"),
        0644);
    assert_false(dpkg_interrupted(&t->h));
    put(AT("/var/lib/dpkg/updates/0001"), PARAGRAPH("nginx", "install ok half-configured", "amd64", "2"),
        0644);
    put(AT("/var/lib/dpkg/updates/0000"), PARAGRAPH("nginx", "install ok unpacked", "amd64", "2"), 0644);
    put(AT("/var/lib/dpkg/updates/0002"), PARAGRAPH("new", "install ok unpacked", "amd64", "3"), 0644);
    put(AT("/var/lib/dpkg/updates/0003"), "", 0644);
    struct dpkg_package *list;
    size_t n;
    assert_int_equal(dpkg_read(&t->h, &list, &n, &t->a, &t->err), 0);
    assert_int_equal(n, 3);
    assert_string_equal(dpkg_find(list, n, "nginx")->state_text, "install ok half-configured");
    assert_string_equal(dpkg_find(list, n, "nginx")->version, "2");
    assert_int_equal(dpkg_find(list, n, "new")->state, DPKG_BROKEN);
    assert_int_equal(dpkg_find(list, n, "dpkg")->state, DPKG_INSTALLED);
    assert_true(dpkg_interrupted(&t->h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(states_are_told_apart),
        TEST(the_list_is_sorted),
        TEST(the_native_architecture_wins),
        TEST(a_last_paragraph_without_an_end_counts),
        TEST(fields_in_another_order_are_found),
        TEST(garbage_is_no_package),
        TEST(without_a_record_nothing_is_installed),
        TEST(what_a_killed_dpkg_noted_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
