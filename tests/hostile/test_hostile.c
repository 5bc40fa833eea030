/* Every NAME.yaml of this folder gives what NAME.expect says, and every beginning of it is harmless. */
#include "diag.h"
#include "manifest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka.h needs the three above
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_anew;

static char *slurp(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = xmalloc(1 << 20);
    *ret_len = fread(text, 1, (1 << 20) - 1, f);
    text[*ret_len] = '\0';
    fclose(f);
    return text;
}

/* What a reader has to see of a manifest that was accepted: that it means what it says. */
static void describe(const struct manifest *m, struct buf *out)
{
    struct jsonw j;
    const struct field *types = record_field(record_field(&manifest_record, "sites")->of, "type");
    buf_addf(out, "ok: server %s\n", m->server.name);
    const struct manifest_site *sites = m->sites.at;
    for (size_t i = 0; i < m->sites.n; i++) {
        jw_init(&j, out, false);
        jw_object(&j, NULL);
        jw_str(&j, "domain", sites[i].domain);
        jw_str(&j, "type", types->choices[sites[i].type]);
        jw_str(&j, "php", sites[i].php.version);
        jw_int(&j, "children", sites[i].php.children);
        jw_str(&j, "title", sites[i].wordpress.title);
        jw_str(&j, "password", sites[i].wordpress.admin.password);
        jw_end(&j);
        if (out->at[out->len - 1] != '\n')
            buf_addc(out, '\n');
    }
}

static void load(const char *name, const char *text, size_t len, struct buf *out)
{
    struct arena a = {0};
    struct diags d;
    diags_init(&d, &a);
    struct bundle_file file = {.name = name, .text = text, .len = len};
    struct bundle b = {.at = &file, .n = 1};
    const struct manifest *m = manifest_parse(&b, &a, &d);
    assert_int_equal(m == NULL, d.errors > 0);
    diags_render(&d, out, false);
    if (m)
        describe(m, out);
    arena_free(&a);
}

static void gives_what_is_expected(void **state)
{
    const char *path = *state, *name = strrchr(path, '/') + 1;
    char expect_path[4096];
    size_t len, expect_len;
    char *text = slurp(path, &len);
    assert_non_null(text);
    struct buf got = {0};
    load(name, text, len, &got);
    snprintf(expect_path, sizeof expect_path, "%.*s.expect", (int)(strlen(path) - 5), path);
    if (write_anew) {
        FILE *f = fopen(expect_path, "wb");
        assert_non_null(f);
        fwrite(buf_str(&got), 1, got.len, f);
        fclose(f);
    }
    char *expect = slurp(expect_path, &expect_len);
    if (!expect)
        fail_msg("%s is missing; write it with --write, and read it", expect_path);
    assert_string_equal(buf_str(&got), expect);
    free(expect);
    buf_free(&got);
    free(text);
}

/* A copy of its own size, so that a sanitizer sees a read behind its end. */
static void beginnings_are_harmless(void **state)
{
    const char *path = *state;
    size_t len;
    char *text = slurp(path, &len);
    assert_non_null(text);
    for (size_t n = 0; n < len; n++) {
        struct buf out = {0};
        char *part = xmalloc(n);
        memcpy(part, text, n);
        load("beginning.yaml", part, n, &out);
        free(part);
        buf_free(&out);
    }
    free(text);
}

static int name_order(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

int main(int argc, char **argv)
{
    char *paths[512];
    struct CMUnitTest tests[1024];
    size_t n = 0, t = 0;
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: test_hostile tests/hostile [--write]\n");
        return 2;
    }
    write_anew = argc > 2 && strcmp(argv[2], "--write") == 0;
    for (struct dirent *e; (e = readdir(dir)) && n < 512;) {
        size_t k = strlen(e->d_name);
        if (k > 5 && strcmp(e->d_name + k - 5, ".yaml") == 0 &&
            asprintf(&paths[n], "%s/%s", argv[1], e->d_name) > 0)
            n++;
    }
    closedir(dir);
    if (n < 60) {
        fprintf(stderr, "only %zu manifests in %s: is this the right folder?\n", n, argv[1]);
        return 1;
    }
    qsort(paths, n, sizeof *paths, name_order);
    for (size_t i = 0; i < n; i++) {
        const char *name = strrchr(paths[i], '/') + 1;
        tests[t++] =
            (struct CMUnitTest){.name = name, .test_func = gives_what_is_expected, .initial_state = paths[i]};
        tests[t++] = (struct CMUnitTest){
            .name = name, .test_func = beginnings_are_harmless, .initial_state = paths[i]};
    }
    int failed = _cmocka_run_group_tests("hostile", tests, t, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    return failed;
}
