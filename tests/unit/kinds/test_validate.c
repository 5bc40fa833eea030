/* The validators, with nginx, php-fpm and mariadbd pretended: what they are given to look at, and what is
 * made of their answers. */
#include "kit.h"

static struct kit *world_of;
static struct buf seen; /* command lines and, for nginx, what sites-enabled holds for it */
static bool server_broken;
static bool not_started;
static bool many_files;
static const char *pool_says, *mariadb_says;

static void see_sites(struct kit *t, const char *dir)
{
    const char **names;
    size_t n;
    assert_int_equal(fs_list(t->h, dir, &t->a, &names, &n, NULL), 0);
    assert_int_equal(kit_stat(t, dir).st_mode & 07777, 0700);
    for (size_t i = 0; i < n; i++) {
        char *target = NULL;
        if (fs_readlink(t->h, arena_printf(&t->a, "%s/%s", dir, names[i]), &t->a, &target, NULL) == 0)
            buf_addf(&seen, " %s->%s", names[i], target);
        else
            buf_addf(&seen, " %s=%s", names[i], kit_read(t, arena_printf(&t->a, "%s/%s", dir, names[i])));
    }
}

static int pretended(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    struct kit *t = world_of;
    const char *program = strrchr(x->argv[0], '/') + 1;
    *ret = (struct exec_result){0};
    if (not_started) {
        x->progress->say(x->progress->self, "[ERROR] what was said until then is nobody's any more");
        return error_set(err, -EINVAL, "cannot start %s: cannot make mounts private", x->argv[0]);
    }
    if (mariadb_says) {
        x->progress->say(x->progress->self, mariadb_says);
        x->progress->say(x->progress->self, "datadir /var/lib/mysql");
        buf_adds(&ret->out, "To see what variables a running server is using\n");
        ret->status = 7;
        return 0;
    }
    buf_addf(&seen, "%s", program);
    many_files = x->many_files;
    if (x->n_binds) {
        assert_string_equal(x->binds[0].target, "/etc/nginx/sites-enabled");
        see_sites(t, x->binds[0].source);
    }
    if (!strncmp(program, "php-fpm", 7) && x->argv[2]) {
        const char *text = kit_read(t, x->argv[3]);
        assert_non_null(strstr(text, "error_log = /run/citrus/"));
        const char *pool = strstr(text, "include = ") + strlen("include = ");
        pool = arena_strndup(&t->a, pool, strcspn(pool, "\n"));
        buf_addf(&seen, " %s", kit_read(t, pool));
        if (pool_says) {
            buf_addf(&ret->out, "[x] ERROR: [%s:2] %s\n", pool, pool_says);
            ret->status = 78;
        }
    }
    buf_addc(&seen, '\n');
    if (!strcmp(program, "nginx") && (server_broken || strstr(buf_str(&seen), "bad"))) {
        ret->status = 1;
        buf_adds(&ret->out,
                 server_broken ? "nginx: [emerg] nginx.conf is wrong\n" : "nginx: [emerg] bad directive\n");
    }
    if (strstr(buf_str(&seen), "bad"))
        buf_reset(&seen);
    return 0;
}

static struct kit *world(struct host_ops *ops)
{
    struct kit *t = kit_new("{}");
    *ops = *t->h->ops;
    ops->run = pretended;
    t->h->ops = ops;
    world_of = t;
    server_broken = false;
    not_started = false;
    pool_says = mariadb_says = NULL;
    buf_reset(&seen);
    kit_put(t, "/etc/nginx/sites-enabled/000-default.conf", "server{}", 0644);
    kit_link(t, "../sites-available/other.example.conf", "/etc/nginx/sites-enabled/other.example.conf");
    return t;
}

static void world_end(struct kit *t)
{
    const char **names;
    size_t n;
    if (kit_there(t, "/run/citrus")) {
        assert_int_equal(fs_list(t->h, "/run/citrus", &t->a, &names, &n, NULL), 0);
        assert_int_equal(n, 0); /* nothing staged is left behind */
    }
    kit_free(t);
    buf_free(&seen);
}

static void a_vhost_is_looked_at_beside_the_default_server_alone(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "mine;", 5, &t->err), 0);
    assert_string_equal(buf_str(&seen), "nginx 000-default.conf=server{} a.example.conf=mine;\n");
    assert_false(kit_there(t, "/etc/nginx/sites-enabled/a.example.conf"));
    world_end(t);
}

static void a_cache_is_made_for_the_look_alone(void **state)
{
    static const char text[] = "# one\nfastcgi_cache_path /var/www/a/cache levels=1:2 keys_zone=a:1m;\nmine;"
                               "\nfastcgi_cache_path /var/www/b; fastcgi_cache a;\n";
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_vhost(&t->ctx, "a.example", text, strlen(text), &t->err), 0);
    const char *at = buf_str(&seen);
    assert_null(strstr(at, "/var/www"));
    assert_non_null(strstr(at, "=# one\nfastcgi_cache_path /run/citrus/check-"));
    assert_non_null(
        strstr(at, "/cache levels=1:2 keys_zone=a:1m;\nmine;\nfastcgi_cache_path /run/citrus/check-"));
    assert_non_null(strstr(at, "/cache; fastcgi_cache a;\n"));
    world_end(t);
}

static void a_default_server_that_is_a_link_stays_one(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    unlink(kit_path(t, "/etc/nginx/sites-enabled/000-default.conf"));
    kit_link(t, "../sites-available/000-default.conf", "/etc/nginx/sites-enabled/000-default.conf");
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "mine;", 5, &t->err), 0);
    assert_non_null(strstr(buf_str(&seen), "000-default.conf->../sites-available/000-default.conf"));
    world_end(t);
}

static void a_wrong_vhost_is_the_sites_fault(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "bad;", 4, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "[emerg] bad directive"));
    assert_string_equal(buf_str(&seen),
                        "nginx 000-default.conf=server{}\n"); /* the second look, without it */
    world_end(t);
}

static void what_was_broken_without_the_site_is_the_servers_fault(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    server_broken = true;
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "mine;", 5, &t->err), -EUCLEAN);
    assert_non_null(strstr(t->err.text, "the server's own nginx configuration is broken"));
    assert_non_null(strstr(t->err.text, "nginx.conf is wrong"));
    assert_true(t->err.hint[0] != 0);
    world_end(t);
}

static void without_nginx_there_is_nothing_to_ask(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(rename(kit_path(t, "/etc/nginx"), kit_path(t, "/etc/was")), 0);
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "mine;", 5, &t->err), -ENOENT);
    assert_string_equal(buf_str(&seen), "");
    world_end(t);
}

static void a_pool_is_looked_at_alone(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_pool(&t->ctx, "8.2", "/etc/php/a.conf", "[a]\nuser=a\n", 11, &t->err), 0);
    assert_string_equal(buf_str(&seen), "php-fpm8.2 [a]\nuser=a\n\n");
    /* its lines are counted as they will be, and it is named where it is to lie */
    pool_says = "unable to parse value";
    assert_int_equal(validate_pool(&t->ctx, "8.2", "/etc/php/a.conf", "[a]\nuser=a\n", 11, &t->err), -EINVAL);
    if (!strstr(t->err.text, "[/etc/php/a.conf:2] unable to parse value"))
        fail_msg("%s", t->err.text);
    pool_says = "[x] NOTICE: hm\n[x] ERROR: [pool a] cannot get uid for user 'a'\n";
    assert_int_equal(validate_pool(&t->ctx, "8.2", "/etc/php/a.conf", "[a]\nuser=a\n", 11, &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "cannot get uid for user 'a'"));
    world_end(t);
}

/* Its help is longer than what is kept of a program's output. */
static void the_error_of_mariadb_is_found_before_its_help(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    mariadb_says = "12:00 0 [ERROR] mariadbd: unknown variable 'x=3'";
    assert_int_equal(validate_live(&t->ctx, "mariadb", &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "unknown variable 'x=3'"));
    assert_null(strstr(t->err.text, "To see what"));
    world_end(t);
}

/* A machine where no mount namespace can be made says nothing about the site or the server. */
static void a_check_that_could_not_be_made_blames_nobody(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    not_started = true;
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "mine;", 5, &t->err), -EINVAL);
    assert_null(strstr(t->err.text, "the server's own"));
    assert_non_null(strstr(t->err.text, "cannot make mounts private"));
    world_end(t);
}

static void a_version_cannot_lead_to_another_program(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_pool(&t->ctx, "8.2/../../tmp/evil", "/a", "", 0, &t->err), -EINVAL);
    assert_int_equal(validate_pool(&t->ctx, "", "/a", "", 0, &t->err), -EINVAL);
    assert_int_equal(validate_live(&t->ctx, "php-fpm:../x", &t->err), -EINVAL);
    assert_int_equal(validate_live(&t->ctx, "bind9", &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "bind9"));
    assert_string_equal(buf_str(&seen), "");
    world_end(t);
}

static void each_live_validator_asks_its_own_program(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    assert_int_equal(validate_live(&t->ctx, "nginx", &t->err), 0);
    assert_true(many_files); /* it opens the logs of all sites */
    assert_int_equal(validate_live(&t->ctx, "php-fpm:8.2", &t->err), 0);
    assert_false(many_files);
    assert_int_equal(validate_live(&t->ctx, "mariadb", &t->err), 0);
    assert_string_equal(buf_str(&seen), "nginx\nphp-fpm8.2\nmariadbd\n");
    server_broken = true;
    assert_int_equal(validate_live(&t->ctx, "nginx", &t->err), -EINVAL);
    world_end(t);
}

static void offline_proves_nothing_and_says_so(void **state)
{
    struct host_ops ops;
    struct kit *t = world(&ops);
    t->h->offline = true;
    assert_int_equal(validate_live(&t->ctx, "nginx", &t->err), -EOPNOTSUPP);
    assert_int_equal(validate_live(&t->ctx, "mariadb", &t->err), -EOPNOTSUPP);
    assert_int_equal(validate_vhost(&t->ctx, "a.example", "x", 1, &t->err), -EOPNOTSUPP);
    assert_int_equal(validate_pool(&t->ctx, "8.2", "/a", "x", 1, &t->err), -EOPNOTSUPP);
    assert_false(validate_possible(-EOPNOTSUPP));
    assert_false(validate_possible(-ENOENT));
    assert_true(validate_possible(-EINVAL));
    assert_string_equal(buf_str(&seen), "");
    world_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vhost_is_looked_at_beside_the_default_server_alone),
        cmocka_unit_test(a_cache_is_made_for_the_look_alone),
        cmocka_unit_test(a_default_server_that_is_a_link_stays_one),
        cmocka_unit_test(a_wrong_vhost_is_the_sites_fault),
        cmocka_unit_test(what_was_broken_without_the_site_is_the_servers_fault),
        cmocka_unit_test(without_nginx_there_is_nothing_to_ask),
        cmocka_unit_test(a_pool_is_looked_at_alone),
        cmocka_unit_test(the_error_of_mariadb_is_found_before_its_help),
        cmocka_unit_test(a_check_that_could_not_be_made_blames_nobody),
        cmocka_unit_test(a_version_cannot_lead_to_another_program),
        cmocka_unit_test(each_live_validator_asks_its_own_program),
        cmocka_unit_test(offline_proves_nothing_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
