#include "kit.h"

static struct resource *account(struct kit *t, const char *name)
{
    static const char *members[] = {"www-data"};
    struct resource *r = kit_res(t, &account_kind, name);
    struct account_spec *s = r->spec;
    s->home = "/var/www/site";
    s->shell = "/usr/sbin/nologin";
    s->members = (struct strings){members, 1};
    return r;
}

static const char *line(struct kit *t, const char *path, const char *name)
{
    char *save = NULL;
    size_t n = strlen(name);
    for (char *l = strtok_r(kit_read(t, path), "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (!strncmp(l, name, n) && l[n] == ':')
            return l;
    return "";
}

/* Without times: passwd is written anew by every change. */
static const char *accounts(struct kit *t)
{
    return arena_printf(&t->a, "%s%s", kit_read(t, "/etc/passwd"), kit_read(t, "/etc/group"));
}

static void an_account_is_made_with_its_own_group_and_leaves_no_trace(void **state)
{
    struct kit *t = kit_new("{}");
    const char *before = accounts(t);
    struct change *c = kit_change(t, account(t, "site_1"));
    assert_int_equal(c->op, OP_CREATE);
    json_t *undo = kit_apply(t, c);
    assert_non_null(strstr(line(t, "/etc/passwd", "site_1"), ":/var/www/site:/usr/sbin/nologin"));
    assert_non_null(strstr(line(t, "/etc/group", "site_1"), ":www-data"));
    kit_undo(t, c, undo);
    assert_string_equal(accounts(t), before);
    kit_free(t);
}

static void a_group_that_was_there_before_stays_after_the_undo(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/group", "root:x:0:\nwww-data:x:33:\nsite_1:x:500:bob\nbob:x:1000:\n", 0644);
    const char *before = accounts(t);
    struct change *c = kit_change(t, account(t, "site_1"));
    json_t *undo = kit_apply(t, c);
    assert_string_equal(line(t, "/etc/group", "site_1"), "site_1:x:500:www-data");
    kit_undo(t, c, undo);
    assert_string_equal(accounts(t), before);
    kit_free(t);
}

static void home_shell_group_and_members_are_mended_and_come_back(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/passwd",
            "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nbob:x:1000:1000::/:/bin/sh\n"
            "site_1:x:500:33::/tmp:/bin/sh\n",
            0644);
    kit_put(t, "/etc/group", "root:x:0:\nwww-data:x:33:\nsite_1:x:500:bob\nbob:x:1000:\n", 0644);
    const char *before = accounts(t);
    struct change *c = kit_change(t, account(t, "site_1"));
    assert_string_equal(kit_delta(t, c), "home: /tmp -> /var/www/site, shell: /bin/sh -> /usr/sbin/nologin, "
                                         "group: www-data -> own, members: [bob] -> [www-data]");
    json_t *undo = kit_apply(t, c);
    assert_string_equal(line(t, "/etc/passwd", "site_1"),
                        "site_1:x:500:500::/var/www/site:/usr/sbin/nologin");
    kit_undo(t, c, undo);
    assert_string_equal(accounts(t), before);
    kit_free(t);
}

static void a_user_whose_processes_run_is_not_changed_and_the_next_step_is_said(void **state)
{
    struct kit *t = kit_new("{\"run\": {\"/usr/sbin/usermod\": {\"status\": 8, \"out\": \"usermod: user "
                            "site_1 is currently used by process 42\"}}}");
    kit_put(t, "/etc/passwd", "www-data:x:33:33::/:/bin/false\nsite_1:x:500:500::/tmp:/bin/sh\n", 0644);
    kit_put(t, "/etc/group", "www-data:x:33:\nsite_1:x:500:\n", 0644);
    assert_int_equal(account_kind.apply(&t->ctx, kit_change(t, account(t, "site_1")), &t->err), -EBUSY);
    assert_non_null(strstr(t->err.text, "currently used by process 42"));
    assert_non_null(strstr(t->err.hint, "`ps -u site_1`"));
    assert_non_null(strstr(t->err.hint, "systemctl stop php"));
    assert_non_null(strstr(t->err.hint, "apply again"));
    kit_free(t);
}

static void a_missing_own_group_is_made(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/passwd",
            "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n"
            "site_1:x:500:33::/var/www/site:/usr/sbin/nologin\n",
            0644);
    const char *before = accounts(t);
    struct change *c = kit_change(t, account(t, "site_1"));
    assert_non_null(strstr(kit_delta(t, c), "group: missing -> own"));
    json_t *undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    assert_string_equal(accounts(t), before);
    kit_free(t);
}

static void a_removed_account_comes_back_with_its_numbers_and_groups(void **state)
{
    struct kit *t = kit_new("{}");
    kit_put(t, "/etc/passwd",
            "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n"
            "site_1:x:512:513::/var/www/site:/usr/sbin/nologin\n",
            0644);
    kit_put(t, "/etc/group", "root:x:0:\nwww-data:x:33:\nshared:x:700:site_1\nsite_1:x:513:www-data\n", 0644);
    struct resource *r = account(t, "site_1");
    r->absent = true;
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_REMOVE);
    assert_int_equal(c->reversal, COMPENSATED);
    json_t *undo = kit_apply(t, c);
    assert_string_equal(line(t, "/etc/passwd", "site_1"), "");
    assert_string_equal(line(t, "/etc/group", "site_1"), "");
    kit_undo(t, c, undo);
    assert_string_equal(line(t, "/etc/passwd", "site_1"),
                        "site_1:x:512:513::/var/www/site:/usr/sbin/nologin");
    assert_string_equal(line(t, "/etc/group", "site_1"), "site_1:x:513:www-data");
    assert_string_equal(line(t, "/etc/group", "shared"), "shared:x:700:site_1");
    kit_free(t);
}

static void the_superuser_is_never_removed_nor_managed(void **state)
{
    struct kit *t = kit_new("{}");
    struct diags d;
    kit_put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n", 0644);
    const char *before = accounts(t);
    struct resource *r = account(t, "toor");
    r->absent = true;
    struct change *c = kit_change(t, r);
    assert_int_equal(account_kind.apply(&t->ctx, c, &t->err), -EPERM);
    assert_string_equal(accounts(t), before);
    diags_init(&d, &t->a);
    account_kind.check(account(t, "root"), &d);
    assert_int_equal(d.errors, 1);
    kit_free(t);
}

static void an_account_that_comes_back_has_its_numbers_while_nobody_else_has_them(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = account(t, "site_1");
    kit_put(t, "/etc/passwd",
            "root:x:0:0::/root:/bin/sh\nsite_1:x:700:701::/var/www/site:/usr/sbin/nologin\n", 0644);
    kit_put(t, "/etc/group", "root:x:0:\nsite_1:x:701:www-data\nwww-data:x:33:\n", 0644);
    r->absent = true;
    json_t *removal = kit_apply(t, kit_change(t, r));
    struct change *c = kit_restore(t, r, removal);
    json_t *undo = kit_apply(t, c);
    assert_non_null(strstr(line(t, "/etc/passwd", "site_1"), ":700:701:"));
    assert_non_null(strstr(line(t, "/etc/group", "site_1"), ":701:www-data"));
    kit_undo(t, c, undo);
    assert_string_equal(line(t, "/etc/passwd", "site_1"), "");

    kit_put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nother:x:700:702::/:/bin/sh\n", 0644);
    r->absent = false;
    assert_int_equal(kit_remains(t, r, removal), REMAINS_NOTHING);
    json_decref(removal);
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_made_with_its_own_group_and_leaves_no_trace),
        cmocka_unit_test(a_group_that_was_there_before_stays_after_the_undo),
        cmocka_unit_test(a_user_whose_processes_run_is_not_changed_and_the_next_step_is_said),
        cmocka_unit_test(home_shell_group_and_members_are_mended_and_come_back),
        cmocka_unit_test(a_missing_own_group_is_made),
        cmocka_unit_test(a_removed_account_comes_back_with_its_numbers_and_groups),
        cmocka_unit_test(the_superuser_is_never_removed_nor_managed),
        cmocka_unit_test(an_account_that_comes_back_has_its_numbers_while_nobody_else_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
