#include "testing.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/citrus-bundle-XXXXXX";

static const char *at(struct world *w, const char *name)
{
    return arena_printf(&w->arena, "%s/%s", root, name);
}

static void put(struct world *w, const char *name, const char *text)
{
    char *path = arena_strdup(&w->arena, at(w, name));
    for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        mkdir(path, 0755);
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int fresh(void **state)
{
    strcpy(root + sizeof root - 7, "XXXXXX");
    return mkdtemp(root) ? world_new(state) : -1;
}

static int done(void **state)
{
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return world_free(state);
}

static struct bundle read_main(struct world *w, const char *text)
{
    struct bundle b = {0};
    struct error err = {0};
    put(w, "m/server.yaml", text);
    assert_int_equal(bundle_read(at(w, "m/server.yaml"), &b, &w->arena, &w->diags, &err), 0);
    return b;
}

/* The names of the included files, without the directory in front. */
static const char *names(struct world *w, const struct bundle *b)
{
    char *s = arena_strdup(&w->arena, "");
    for (size_t i = 1; i < b->n; i++)
        s = arena_printf(&w->arena, "%s%s%s", s, i > 1 ? " " : "", b->at[i].name + strlen(root) + 3);
    return s;
}

static void includes_come_in_order_of_pattern_and_name(void **state)
{
    struct world *w = *state;
    put(w, "m/sites/b.yaml", "sites: {}");
    put(w, "m/sites/a.yaml", "sites: {}");
    put(w, "m/sites/.hidden.yaml", "sites: {}");
    put(w, "m/sites/c.yaml~", "sites: {}");
    put(w, "m/z/x/1.yaml", "sites: {}");
    put(w, "m/z/y/2.yaml", "sites: {}");
    put(w, "m/extra.yaml", "sites: {}");
    struct bundle b =
        read_main(w, "include: [extra.yaml, z/*/*.yaml, ./sites/*.yaml, sites/a.yaml, none/*.yaml]\n");
    assert_int_equal(w->diags.list.n, 1);
    assert_says(w, "m/server.yaml:1:65: warning: no file fits none/*.yaml\n");
    assert_string_equal(names(w, &b), "extra.yaml z/x/1.yaml z/y/2.yaml sites/a.yaml sites/b.yaml");
    assert_int_equal(b.at[1].len, 9);
    assert_string_equal(b.at[1].text, "sites: {}");
}

static void a_pattern_does_not_find_the_manifest_itself(void **state)
{
    struct world *w = *state;
    put(w, "m/a.yaml", "sites: {}");
    struct bundle b = read_main(w, "include: ['*.yaml']\n");
    assert_string_equal(world_says(w), "");
    assert_string_equal(names(w, &b), "a.yaml");
}

static void a_directory_stands_for_its_server_yaml(void **state)
{
    struct world *w = *state;
    struct bundle b = {0};
    put(w, "m/server.yaml", "include: [a.yaml]\n");
    put(w, "m/a.yaml", "sites: {}\n");
    assert_int_equal(bundle_read(at(w, "m/"), &b, &w->arena, &w->diags, NULL), 0);
    assert_int_equal(b.n, 2);
    assert_string_equal(b.at[0].name, at(w, "m/server.yaml"));
    assert_string_equal(b.at[1].name, at(w, "m/a.yaml"));
}

static void what_is_not_there_is_named(void **state)
{
    struct world *w = *state;
    struct bundle b = {0};
    struct error err = {0};
    assert_int_equal(bundle_read(at(w, "nowhere.yaml"), &b, &w->arena, &w->diags, &err), -ENOENT);
    assert_non_null(strstr(err.text, "nowhere.yaml"));
    assert_true(err.hint[0]);
    mkdir(at(w, "empty"), 0755);
    assert_int_equal(bundle_read(at(w, "empty"), &b, &w->arena, &w->diags, &err), -ENOENT);
    assert_non_null(strstr(err.text, "empty/server.yaml"));
    assert_null(b.at); /* not written on failure */
    read_main(w, "citrus: 1\ninclude: [gone.yaml]\n");
    assert_says(w, "m/server.yaml:2:11: error: the included file ");
    assert_says(w, "m/gone.yaml does not exist");
}

static void a_link_out_of_the_directory_is_refused(void **state)
{
    struct world *w = *state;
    put(w, "secret/key.yaml", "sites: {}");
    put(w, "m/in/a.yaml", "sites: {}");
    assert_int_equal(symlink("../secret/key.yaml", at(w, "m/out.yaml")), 0);
    assert_int_equal(symlink("/etc", at(w, "m/etc")), 0);
    assert_int_equal(symlink("in/a.yaml", at(w, "m/inner.yaml")), 0);
    struct bundle b = read_main(
        w, "include: [out.yaml, 'etc/*.conf', etc/passwd, inner.yaml, '/etc/passwd', ../secret/key.yaml]\n");
    assert_string_equal(names(w, &b), "inner.yaml");
    assert_says(w, "m/out.yaml is a link that leads out of the manifest's directory");
    assert_says(w, "m/etc is a link that leads out");
    assert_says(w, "m/etc/passwd is a link that leads out");
    assert_int_equal(w->diags.errors, 3);
    manifest_parse(&b, &w->arena, &w->diags); /* the decoder speaks of the last two */
    assert_says(w, "\"/etc/passwd\" is absolute");
    assert_says(w, "\"../secret/key.yaml\" leads out of the manifest's directory");
}

static void a_link_that_leads_nowhere_is_an_error(void **state)
{
    struct world *w = *state;
    put(w, "m/sites/a.yaml", "sites: {}");
    put(w, "m/z/x/a.yaml", "sites: {}");
    assert_int_equal(symlink("../gone/b.yaml", at(w, "m/sites/b.yaml")), 0);
    assert_int_equal(symlink("gone.yaml", at(w, "m/named.yaml")), 0);
    assert_int_equal(symlink("../gone", at(w, "m/z/y")), 0);
    read_main(w, "include: ['sites/*.yaml']\n");
    assert_says(w, "m/server.yaml:1:11: error: the included file ");
    assert_says(w, "m/sites/b.yaml is a link to what does not exist");
    assert_int_equal(w->diags.list.n, 1);
    read_main(w, "include: [named.yaml]\n");
    assert_says(w, "m/named.yaml is a link to what does not exist");
    assert_int_equal(w->diags.list.n, 2);
    read_main(w, "include: ['z/*/*.yaml']\n"); /* and one to a directory */
    assert_says(w, "m/z/y is a link to what does not exist");
    assert_int_equal(w->diags.list.n, 3);
    read_main(w, "include: ['z/*/a.yaml']\n");
    assert_says(w, "m/z/y/a.yaml is a link to what does not exist");
    assert_int_equal(w->diags.errors, 4);
}

static void a_pattern_that_no_file_fits_is_a_warning(void **state)
{
    struct world *w = *state;
    put(w, "m/a.yaml", "sites: {}");
    put(w, "m/z/x/1.yaml", "sites: {}");
    put(w, "m/z/readme", "");
    mkdir(at(w, "m/sites"), 0755);
    /* met before; the manifest itself; a directory and a file that has none */
    struct bundle b = read_main(w, "include: ['a*.yaml', 'a.*', 'serv*.yaml', 'z/*/1.yaml']\n");
    assert_string_equal(world_says(w), "");
    assert_string_equal(names(w, &b), "a.yaml z/x/1.yaml");
    read_main(w, "include:\n- ./sites/*.yaml\n- 'z/*/2.yaml'\n");
    assert_says(w, "m/server.yaml:2:3: warning: no file fits ./sites/*.yaml\n");
    assert_says(w, "m/server.yaml:3:3: warning: no file fits z/*/2.yaml\n");
    assert_int_equal(w->diags.list.n, 2);
    assert_int_equal(w->diags.errors, 0);
}

static void what_is_no_file_does_not_stop_the_program(void **state)
{
    struct world *w = *state;
    struct error err = {0};
    struct bundle b = {0};
    mkdir(at(w, "m"), 0755);
    mkdir(at(w, "m/dir.yaml"), 0755);
    assert_int_equal(mkfifo(at(w, "m/fifo.yaml"), 0644), 0);
    b = read_main(w, "include: ['d*.yaml']\n");
    assert_int_equal(w->diags.errors, 0);
    assert_int_equal(w->diags.list.n, 1);
    assert_says(w, "m/server.yaml:1:11: warning: ");
    assert_says(w, "m/dir.yaml is a directory: nothing in it is read");
    assert_says(w, "add the pattern dir.yaml/*.yaml");
    b = read_main(w, "include: [dir.yaml, 'f*.yaml', server.yaml]\n");
    assert_int_equal(b.n, 1);
    assert_says(w, "m/dir.yaml is a directory");
    assert_says(w, "m/fifo.yaml is no regular file");
    assert_says(w, "the manifest includes itself");
    assert_int_equal(bundle_read(at(w, "m/fifo.yaml"), &b, &w->arena, &w->diags, &err), -EINVAL);
}

static void eight_mebibytes_are_the_limit(void **state)
{
    struct world *w = *state;
    struct bundle b = {0};
    struct error err = {0};
    put(w, "m/big.yaml", "");
    assert_int_equal(truncate(at(w, "m/big.yaml"), (8 << 20) + 1), 0);
    read_main(w, "include: [big.yaml]\n");
    assert_says(w, "m/big.yaml has more than 8 MiB");
    assert_int_equal(bundle_read(at(w, "m/big.yaml"), &b, &w->arena, &w->diags, &err), -EFBIG);
    assert_non_null(strstr(err.text, "more than 8 MiB"));
}

static void ten_thousand_files_are_the_limit(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10000; i++)
        put(w, arena_printf(&w->arena, "m/s/%05d.yaml", i), "");
    struct bundle b = read_main(w, "include: ['s/*.yaml']\n");
    assert_says(w, "more than 10000 files, with the manifest itself");
    assert_int_equal(b.n, 10000);
    assert_int_equal(w->diags.errors, 1);
}

static void a_broken_main_file_is_not_this_layers_matter(void **state)
{
    struct world *w = *state;
    struct bundle b = read_main(w, "include: [a.yaml\n");
    assert_int_equal(b.n, 1);
    assert_int_equal(w->diags.errors, 0);
    assert_null(manifest_parse(&b, &w->arena, &w->diags));
    assert_int_equal(w->diags.errors, 1);
}

static void a_bundle_survives_the_store(void **state)
{
    struct world *w = *state;
    put(w, "m/a.yaml", "sites: {} # ü \"quoted\"\\ \n");
    struct bundle b = read_main(w, "include: [a.yaml]\n"), again = {0};
    char x[SHA256_HEX], y[SHA256_HEX];
    const char *json = bundle_to_json(&b, &w->arena);
    assert_int_equal(bundle_from_json(json, &again, &w->arena, NULL), 0);
    assert_int_equal(again.n, 2);
    assert_string_equal(again.at[1].name, b.at[1].name);
    assert_string_equal(again.at[1].text, b.at[1].text);
    assert_int_equal(again.at[1].len, b.at[1].len);
    bundle_digest(&b, x);
    bundle_digest(&again, y);
    assert_string_equal(x, y);
    char *other = arena_strdup(&w->arena, again.at[1].text);
    other[0] = 'S';
    again.at[1].text = other;
    bundle_digest(&again, y);
    assert_string_not_equal(x, y);
}

static void texts_that_are_cut_elsewhere_have_another_digest(void **state)
{
    struct world *w = *state;
    char x[SHA256_HEX], y[SHA256_HEX];
    struct bundle_file one[] = {{"a", "ab", 2}, {"b", "c", 1}}, two[] = {{"a", "a", 1}, {"b", "bc", 2}};
    struct bundle b1 = {one, 2}, b2 = {two, 2};
    (void)w;
    bundle_digest(&b1, x);
    bundle_digest(&b2, y);
    assert_string_not_equal(x, y);
}

static void damaged_json_is_an_error(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"files\":[]}",
                                        "{\"files\":[{}]}",
                                        "{\"files\":{\"a\":1}}",
                                        "{\"files\":[{\"name\":\"a\",\"text\":1}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bundle b = {0};
        struct error err = {0};
        assert_int_equal(bundle_from_json(texts[i], &b, &w->arena, &err), -EINVAL);
        assert_non_null(strstr(err.text, "damaged"));
        assert_null(b.at);
    }
}

#define FILES(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES(includes_come_in_order_of_pattern_and_name),
        FILES(a_pattern_does_not_find_the_manifest_itself),
        FILES(a_directory_stands_for_its_server_yaml),
        FILES(what_is_not_there_is_named),
        FILES(a_link_out_of_the_directory_is_refused),
        FILES(a_link_that_leads_nowhere_is_an_error),
        FILES(a_pattern_that_no_file_fits_is_a_warning),
        FILES(what_is_no_file_does_not_stop_the_program),
        FILES(eight_mebibytes_are_the_limit),
        FILES(ten_thousand_files_are_the_limit),
        FILES(a_broken_main_file_is_not_this_layers_matter),
        FILES(a_bundle_survives_the_store),
        FILES(texts_that_are_cut_elsewhere_have_another_digest),
        FILES(damaged_json_is_an_error),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
