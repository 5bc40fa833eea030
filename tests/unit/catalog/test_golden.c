/* What is rendered for a server with every type of site, as files that a person can read: golden/. After a
 * wanted change, CITRUS_GOLDEN=write makes them anew; read the difference before it is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "specs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *file_read(struct arena *a, const char *path)
{
    FILE *in = fopen(path, "re");
    struct buf text = {0};
    int c;
    if (!in)
        return NULL;
    while ((c = fgetc(in)) != EOF)
        buf_addc(&text, (char)c);
    fclose(in);
    char *s = arena_strdup(a, buf_str(&text));
    buf_free(&text);
    return s;
}

static void golden_equal(struct fixture *f, const char *name, const char *have, size_t len)
{
    const char *path = arena_printf(&f->arena, "%s/%s", GOLDEN_DIR, name);
    const char *mode = getenv("CITRUS_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *out = fopen(path, "we");
        assert_non_null(out);
        assert_int_equal(fwrite(have, 1, len, out), len);
        fclose(out);
        return;
    }
    const char *want = file_read(&f->arena, path);
    if (!want)
        fail_msg("%s is missing", path);
    if (strlen(want) == len && memcmp(want, have, len) == 0)
        return;
    size_t same = 0, line = 1;
    for (; same < len && want[same] == have[same]; same++)
        line += have[same] == '\n';
    fail_msg("%s:%zu: differs; rendered is:\n%.*s", path, line, (int)len, have);
}

static void golden_build(struct fixture *f)
{
    const char *yaml;
    struct arena a = {0};
    yaml = file_read(&a, GOLDEN_DIR "/server.yaml");
    assert_non_null(yaml);
    fixture_init(f, yaml);
    arena_free(&a);
    if (fixture_build(f) < 0)
        fail_msg("%s", f->err.text);
    if (f->diags.list.n)
        fail_msg("%s", fixture_said(f));
}

static void every_file_is_as_it_was_read_by_a_person(void **state)
{
    static const struct {
        const char *path, *golden;
    } files[] = {
        {"/etc/nginx/nginx.conf", "nginx.conf"},
        {"/etc/nginx/sites-available/000-default.conf", "default.conf"},
        {"/etc/php/8.2/fpm/conf.d/90-citrus.ini", "php.ini"},
        {"/etc/php/8.2/fpm/pool.d/00-citrus-global.conf", "php-global.conf"},
        {"/etc/php/8.2/fpm/pool.d/www.conf", "idle-pool.conf"},
        {"/etc/mysql/mariadb.conf.d/90-citrus.cnf", "mariadb.cnf"},
        {"/var/www/blog.example.com/wp-config.php", "blog.wp-config.php"},
        {"/etc/logrotate.d/citrus-blog_example_com_62bccb", "blog.logrotate"},
    };
    struct fixture f;
    golden_build(&f);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct file_spec *s = fixture_find(&f, &file_kind, files[i].path)->spec;
        golden_equal(&f, files[i].golden, s->content.at, s->content.len);
    }
    fixture_free(&f);
}

static void every_site_is_as_it_was_read_by_a_person(void **state)
{
    static const char *const sites[] = {"blog", "app", "files", "proxy", "old", "moved"};
    struct fixture f;
    golden_build(&f);
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        const char *domain = arena_printf(&f.arena, "%s.example.com", sites[i]);
        const struct vhost_spec *v = fixture_find(&f, &vhost_kind, domain)->spec;
        golden_equal(&f, arena_printf(&f.arena, "%s.vhost.conf", sites[i]), v->content.at, v->content.len);
        const struct resource *pool = catalog_find(&f.catalog, &php_pool_kind, domain);
        assert_int_equal(pool != NULL, i < 2);
        if (!pool)
            continue;
        const struct php_pool_spec *p = pool->spec;
        golden_equal(&f, arena_printf(&f.arena, "%s.pool.conf", sites[i]), p->content.at, p->content.len);
    }
    fixture_free(&f);
}

static void show_resource(struct fixture *f, const struct resource *r, struct buf *out)
{
    const struct record *record = r->kind->record;
    buf_addf(out, "%s %s%s  (%s:%d)\n", r->kind->name, r->id, r->absent ? " ABSENT" : "",
             r->pos.file ? r->pos.file : "?", r->pos.line);
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        bool hidden =
            field->flags & FIELD_SENSITIVE || field->type == FIELD_BYTES || strstr(field->name, "digest");
        if (field_is_set(field, r->spec) && !hidden)
            buf_addf(out, "    %s: %s\n", field->name, field_text(field, r->spec, &f->arena));
    }
    for (size_t i = 0; i < r->needs.n; i++)
        buf_addf(out, "    needs %s %s\n", r->needs.at[i]->kind->name, r->needs.at[i]->id);
    for (size_t i = 0; i < r->notifies.n; i++)
        buf_addf(out, "    notifies %s: %s\n", r->notifies.at[i].service->id,
                 impact_names[r->notifies.at[i].how]);
}

static void the_resources_and_their_order_are_as_they_were_read_by_a_person(void **state)
{
    struct fixture f;
    struct buf out = {0};
    golden_build(&f);
    for (size_t i = 0; i < f.catalog.list.n; i++)
        show_resource(&f, f.catalog.list.at[i], &out);
    golden_equal(&f, "catalog.txt", out.at, out.len);
    buf_free(&out);
    fixture_free(&f);
}

/* Newer nginx, newer OpenSSL, other forms: each is a configuration error on the older ones. */
static void newer_programs_get_their_forms(void **state)
{
    struct fixture f;
    struct arena a = {0};
    const char *yaml = file_read(&a, GOLDEN_DIR "/server.yaml");
    fixture_init(&f, yaml);
    arena_free(&a);
    f.facts.nginx = "1.26.3";
    f.facts.openssl = "3.5.1";
    f.facts.memory = (int64_t)8 << 30;
    assert_int_equal(fixture_build(&f), 0);
    const struct vhost_spec *v = fixture_find(&f, &vhost_kind, "proxy.example.com")->spec;
    golden_equal(&f, "proxy.vhost.nginx-1.26.conf", v->content.at, v->content.len);
    const struct file_spec *conf = fixture_find(&f, &file_kind, "/etc/nginx/nginx.conf")->spec;
    assert_non_null(strstr(conf->content.at, "ssl_ecdh_curve X25519MLKEM768:X25519:"));
    const struct file_spec *ini = fixture_find(&f, &file_kind, "/etc/php/8.2/fpm/conf.d/90-citrus.ini")->spec;
    assert_non_null(strstr(ini->content.at, "opcache.memory_consumption = 256"));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_as_it_was_read_by_a_person),
        cmocka_unit_test(every_site_is_as_it_was_read_by_a_person),
        cmocka_unit_test(the_resources_and_their_order_are_as_they_were_read_by_a_person),
        cmocka_unit_test(newer_programs_get_their_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
