/* Contents of sites whose digests alone were kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "specs.h"
#include <errno.h>
#include <string.h>

static const char manifest[] =
    "citrus: 1\n"
    "server: {name: web, php: {versions: [\"8.2\"]}}\n"
    "sites:\n"
    "  a.example.com: {type: html, tls: {issuer: none}}\n"
    "  b.example.com:\n"
    "    type: wordpress\n"
    "    tls: {issuer: none}\n"
    "    wordpress: {version: \"7.1.1\", admin: {user: x, email: x@example.com}}\n";

/* The same catalog twice: with contents, and with digests alone. */
struct two {
    struct fixture f;
    struct catalog_input in;
    struct catalog lean;
};

static void build(struct two *t)
{
    fixture_init(&t->f, manifest);
    assert_int_equal(fixture_build(&t->f), 0);
    t->in = fixture_input(&t->f);
    t->in.digests = true;
    assert_int_equal(catalog_build(&t->in, &t->lean, &t->f.arena, &t->f.diags, &t->f.err), 0);
    assert_int_equal(t->lean.list.n, t->f.catalog.list.n);
}

static const struct bytes *content_of(const struct resource *r)
{
    const struct field *f = record_field(r->kind->record, "content");
    return f ? (const void *)((const char *)r->spec + f->offset) : NULL;
}

static void what_sites_render_is_kept_as_its_digest_alone(void **state)
{
    struct two t;
    build(&t);
    size_t without = 0;
    for (size_t i = 0; i < t.lean.list.n; i++) {
        const struct resource *lean = t.lean.list.at[i], *full = t.f.catalog.list.at[i];
        assert_true(hash_equal(record_fingerprint(lean->kind->record, lean->spec),
                               record_fingerprint(full->kind->record, full->spec)));
        if (!content_of(lean))
            continue;
        assert_true((content_of(lean)->at != NULL) == (content_of(full)->at != NULL && !lean->site));
        without += lean->site && content_of(full)->at;
    }
    assert_true(without >= 6); /* two vhosts, two rotations of logs, a pool and a wp-config.php */
    fixture_free(&t.f);
    (void)state;
}

static void contents_come_back_as_they_were_and_for_those_alone_that_are_asked_for(void **state)
{
    struct two t;
    build(&t);
    const struct resource *list[] = {
        catalog_find(&t.lean, &vhost_kind, "b.example.com"),
        catalog_find(&t.lean, &file_kind, "/var/www/b.example.com/wp-config.php")};
    assert_int_equal(catalog_contents(&t.in, list, 2, &t.f.arena, &t.f.err), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct bytes *was = content_of(catalog_find(&t.f.catalog, list[i]->kind, list[i]->id));
        assert_int_equal(content_of(list[i])->len, was->len);
        assert_memory_equal(content_of(list[i])->at, was->at, was->len);
    }
    assert_null(content_of(catalog_find(&t.lean, &php_pool_kind, "b.example.com"))->at);
    assert_null(content_of(catalog_find(&t.lean, &vhost_kind, "a.example.com"))->at);
    fixture_free(&t.f);
    (void)state;
}

static void a_template_that_is_changed_in_between_is_noticed(void **state)
{
    struct two t;
    build(&t);
    fixture_file(&t.f, "/etc/citrus/templates/vhost.mustache",
                 "{{! dialect: nginx }}\n# another {{domain}}\n");
    const struct resource *list[] = {catalog_find(&t.lean, &vhost_kind, "a.example.com")};
    assert_int_equal(catalog_contents(&t.in, list, 1, &t.f.arena, &t.f.err), -ESTALE);
    assert_non_null(strstr(t.f.err.text, "vhost a.example.com"));
    fixture_free(&t.f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_sites_render_is_kept_as_its_digest_alone),
        cmocka_unit_test(contents_come_back_as_they_were_and_for_those_alone_that_are_asked_for),
        cmocka_unit_test(a_template_that_is_changed_in_between_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
