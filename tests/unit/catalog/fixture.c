#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"
#include "fixture.h"
#include "fs.h"
#include "specs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_init(struct fixture *f, const char *yaml)
{
    memset(f, 0, sizeof *f);
    diags_init(&f->diags, &f->arena);
    struct bundle_file *file = arena_new(&f->arena, struct bundle_file);
    *file = (struct bundle_file){
        .name = "server.yaml", .text = arena_strdup(&f->arena, yaml), .len = strlen(yaml)};
    struct bundle *bundle = arena_new(&f->arena, struct bundle);
    *bundle = (struct bundle){.at = file, .n = 1};
    f->manifest = manifest_parse(bundle, &f->arena, &f->diags);
    if (!f->manifest)
        fail_msg("the test's manifest has errors:\n%s", fixture_said(f));
    snprintf(f->root, sizeof f->root, "/tmp/citrus-catalog-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    snprintf(f->share, sizeof f->share, "%s", SHARE_DIR);
    if (host_fake(f->root, "{}", &f->host, &f->err) < 0)
        fail_msg("%s", f->err.text);
    f->facts = (struct facts){.os_id = "debian",
                              .os_version = "12",
                              .memory = (int64_t)4 << 30,
                              .cpus = 2,
                              .nginx = "1.22.1",
                              .mariadb = "10.11.6",
                              .openssl = "3.0.15",
                              .php = "8.2",
                              .web_user = "www-data"};
}

static int secret_fixed(void *self, const char *name, size_t chars, const struct secret **ret,
                        struct error *err)
{
    struct fixture *f = self;
    for (size_t i = 0; i < f->n_secrets; i++)
        if (strcmp(f->secret_names[i], name) == 0) {
            *ret = f->secrets[i];
            return 0;
        }
    assert_true(f->n_secrets < sizeof f->secrets / sizeof *f->secrets);
    const char *value = arena_printf(&f->arena, "(%s)", name);
    f->secret_names[f->n_secrets] = arena_strdup(&f->arena, name);
    f->secret_chars[f->n_secrets] = chars;
    f->secrets[f->n_secrets] = secret_new(value, strlen(value));
    *ret = f->secrets[f->n_secrets++];
    return 0;
}

struct catalog_input fixture_input(struct fixture *f)
{
    return (struct catalog_input){.manifest = f->manifest,
                                  .facts = &f->facts,
                                  .host = f->host,
                                  .share_dir = f->share,
                                  .secret = secret_fixed,
                                  .secret_self = f};
}

int fixture_build(struct fixture *f)
{
    const struct catalog_input in = fixture_input(f);
    return catalog_build(&in, &f->catalog, &f->arena, &f->diags, &f->err);
}

void fixture_free(struct fixture *f)
{
    struct error err = {0};
    for (size_t i = 0; i < f->n_secrets; i++)
        secret_free(f->secrets[i]);
    host_close(f->host);
    struct host *outer;
    if (host_fake("/tmp", "{}", &outer, &err) == 0) {
        fs_remove_tree(outer, f->root + strlen("/tmp"), &err);
        host_close(outer);
    }
    arena_free(&f->arena);
}

void fixture_file(struct fixture *f, const char *path, const char *text)
{
    char *dir = arena_strdup(&f->arena, path);
    *strrchr(dir, '/') = '\0';
    if (fs_mkdirs(f->host, dir, 0755, &f->err) < 0 ||
        fs_write(f->host, path, text, strlen(text), 0644, 0, 0, &f->err) < 0)
        fail_msg("%s", f->err.text);
}

struct resource *fixture_find(struct fixture *f, const struct kind *k, const char *id)
{
    struct resource *r = catalog_find(&f->catalog, k, id);
    if (!r)
        fail_msg("no %s %s in the catalog", k->name, id);
    return r;
}

bool fixture_needs(const struct resource *r, const struct kind *k, const char *id)
{
    for (size_t i = 0; i < r->needs.n; i++)
        if (r->needs.at[i]->kind == k && strcmp(r->needs.at[i]->id, id) == 0)
            return true;
    return false;
}

bool fixture_notifies(const struct resource *r, const char *unit, enum impact how)
{
    for (size_t i = 0; i < r->notifies.n; i++)
        if (strcmp(r->notifies.at[i].service->id, unit) == 0 && r->notifies.at[i].how == how)
            return true;
    return false;
}

const char *fixture_said(struct fixture *f)
{
    struct buf out = {0};
    diags_render(&f->diags, &out, false);
    const char *text = arena_strdup(&f->arena, buf_str(&out));
    buf_free(&out);
    return text;
}
