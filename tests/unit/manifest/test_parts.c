/* Which sites' parts changed, told by the texts: never less than what a whole look would find. */
#include "parts.h"
#include "testing.h"
#include <errno.h>

#define HEAD  "citrus: 1\nserver: {name: web-01}\nsites:\n"
#define SITE  "    type: php\n    php: {max_execution_time: 30s}\n"
#define A     "  a.example.com:\n" SITE
#define B     "  b.example.com:\n" SITE
#define C     "  c.example.com:\n" SITE
#define SLOW  "    type: php\n    php: {max_execution_time: 90s}\n"
#define OTHER "    type: php\n    php: {children: 9, max_execution_time: 30s}\n"

static struct bundle bundle_of(struct world *w, const char *const *texts)
{
    struct bundle b = {.at = arena_array(&w->arena, struct bundle_file, 8)};
    for (; texts[b.n]; b.n++)
        b.at[b.n] = (struct bundle_file){
            .name = arena_printf(&w->arena, "%zu.yaml", b.n), .text = texts[b.n], .len = strlen(texts[b.n])};
    return b;
}

static bool note(struct world *w, const char *const *texts, struct buf *out)
{
    struct bundle b = bundle_of(w, texts);
    struct manifest *m = manifest_parse(&b, &w->arena, &w->diags);
    if (!m)
        fail_msg("%s", world_says(w));
    return parts_note(&b, m, out);
}

/* The changed sites with their lines, "b.example.com:6 "; "all" where the whole has to be looked at; NULL
 * where `old` is not noted. */
static const char *changed_of(struct world *w, const char *const *old, const char *const *new)
{
    struct buf noted = {0}, out = {0};
    struct narrowed n;
    const char *text = NULL;
    if (note(w, old, &noted)) {
        struct bundle b = bundle_of(w, new);
        struct unpack u = unpack_from(noted.at, noted.len);
        struct manifest *m =
            parts_narrow(&u, &b, &w->arena, &n) == 0 ? manifest_parse(&n.bundle, &w->arena, &w->diags) : NULL;
        diags_init(&w->diags, &w->arena);
        const struct manifest_site *sites = m ? m->sites.at : NULL;
        for (size_t i = 0; m && i < m->sites.n; i++)
            buf_addf(&out, "%s:%d ", sites[i].domain, sites[i].origin.pos.line);
        text = m && parts_hold(&n, m) ? arena_strdup(&w->arena, buf_str(&out)) : "all";
    }
    buf_free(&noted);
    buf_free(&out);
    return text;
}

#define LIST(...)                        ((const char *const[]){__VA_ARGS__, NULL})
#define assert_changed(old, new, wanted) assert_string_equal(changed_of(w, LIST(old), LIST(new)), wanted)

static void the_site_that_changed_is_found_with_its_line(void **state)
{
    struct world *w = *state;
    assert_changed(HEAD A B C, HEAD A "  b.example.com:\n" SLOW C, "b.example.com:7 ");
    assert_changed(HEAD A B C, HEAD "  a.example.com:\n" SLOW B C, "a.example.com:4 ");
    assert_changed(HEAD A B C, HEAD A B "  c.example.com:\n" SLOW, "c.example.com:10 ");
    /* other lines, too; what lies between two changes is looked at with them */
    assert_changed(HEAD A B C, HEAD A B "  c.example.com:\n    # slow\n\n" SLOW, "c.example.com:10 ");
    assert_changed(HEAD A B C, HEAD "  a.example.com:\n" SLOW B "  c.example.com:\n" SLOW,
                   "a.example.com:4 b.example.com:7 c.example.com:10 ");
    /* where a site stands says nothing */
    assert_changed(HEAD A B, HEAD B A, "a.example.com:7 b.example.com:4 ");
    /* comments and empty lines belong to the site before them */
    assert_changed(HEAD "# first\n" A "\n# b\n" B, HEAD "# first\n" A "\n# of b\n" B, "a.example.com:5 ");
    assert_changed(HEAD "  a.example.com: {type: html}\n" B,
                   HEAD "  a.example.com: {type: html, health: {path: /x}}\n" B, "a.example.com:4 ");
    assert_changed(HEAD "  a.example.com: {type: php}\n",
                   HEAD "  a.example.com: {type: php, php: {ini: {session.name: X}}}\n", "a.example.com:4 ");
}

static void includes_are_told_apart(void **state)
{
    struct world *w = *state;
    const char *main = "citrus: 1\ninclude: [x]\nserver: {name: web-01}\n";
    assert_string_equal(changed_of(w, LIST(main, "sites:\n" A, "sites:\n" B),
                                   LIST(main, "sites:\n" A, "sites:\n  b.example.com:\n" SLOW)),
                        "b.example.com:2 ");
    assert_string_equal(
        changed_of(w, LIST(HEAD A, "sites:\n" B), LIST(HEAD "  a.example.com:\n" SLOW, "sites:\n" B)),
        "a.example.com:4 ");
    assert_string_equal(changed_of(w, LIST(HEAD A, "sites:\n" B), LIST(HEAD A, "sites:\n" B, "sites:\n" C)),
                        "all");
    assert_string_equal(changed_of(w, LIST(HEAD A, "sites:\n" B), LIST(HEAD A)), "all");
}

static void what_reaches_beyond_a_site_needs_the_whole(void **state)
{
    struct world *w = *state;
    assert_changed(HEAD A B, HEAD A B C, "all");
    assert_changed(HEAD A B C, HEAD A C, "all");
    assert_changed(HEAD A B, "citrus: 1\nserver: {name: web-02}\nsites:\n" A B, "all");
    assert_changed(HEAD A B, HEAD "  a.example.com:\n" OTHER B, "all");
    assert_changed(HEAD A B, HEAD "  a.example.com:\n    aliases: [www.a.example.com]\n" SITE B, "all");
    assert_changed(HEAD A B, HEAD "  x.example.com:\n" SITE B, "all");
    assert_changed(HEAD A B, HEAD "  a.example.com:\n    type: html\n" B, "all");
    assert_changed(HEAD A B, HEAD A B "server: {name: web-02}\n", "all");
    assert_changed(HEAD "  a.example.com: {type: php}\n",
                   HEAD "  a.example.com: {type: php, php: {ini: {memory_limit: 1G}}}\n", "all");
    assert_changed(HEAD A B, HEAD A B "  b.example.com:\n" SITE, "all");
}

static void a_text_that_does_not_end_where_its_site_does_needs_the_whole(void **state)
{
    struct world *w = *state;
    /* each of these would be read into the next site, or into none */
    static const char *const parts[] = {
        "  a.example.com:\n    type: php\n    health: {contains: \"x\n",
        "  a.example.com:\n    type: php\n    health: {contains: 'x\n",
        "  a.example.com:\n    type: php\n    health: {path: /x\n",
        "  a.example.com:\n    type: php\n    aliases: [x.example.com,\n",
        "  a.example.com: &a\n" SLOW,
        "  a.example.com:\n    <<: *b\n" SLOW,
        "  a.example.com:\n" SLOW "...\n",
        "  a.example.com:\n" SLOW "---\n",
        "  a.example.com:\n" SLOW " x: y\n",
        "  a.example.com:\n    type: php\r    php: {max_execution_time: 90s}\n",
        "  a.example.com:\n    type: php\n    nonsense: 1\n",
        "  a.example.com:\n    type: php\n    health: {contains: \"\xe2\x80\xa8\"}\n",
        "  a.example.com:",
        "",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *new = arena_printf(&w->arena, "%s%s%s", HEAD, parts[i], B);
        const char *said = changed_of(w, LIST(HEAD A B), LIST(new));
        if (strcmp(said, "all") != 0)
            fail_msg("%s is taken for %s", new, said);
    }
}

static void texts_that_are_not_plain_are_not_noted(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "citrus: 1\nserver: {name: web-01}\nsites: {a.example.com: {type: html}, b.example.com: {type: "
        "html}}\n",
        "citrus: 1\nserver: {name: web-01}\nsites: {\n  a.example.com: {type: html}\n  }\n",
        "citrus: 1\nsites:\n  a.example.com: {type: html}\nserver: {name: web-01}\n",
        HEAD "  a.example.com: &x {type: html}\n  b.example.com: *x\n",
        HEAD "  a.example.com:\n    type: html\n    health: {contains: \"x\n  b.example.com: y\"}\n" B,
        HEAD "  a.example.com:\n    type: html\n    health: {contains: \"x\ny\"}\n" B,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf noted = {0};
        if (note(w, LIST(texts[i]), &noted))
            fail_msg("%s was noted", texts[i]);
        assert_int_equal(noted.len, 0);
        buf_free(&noted);
    }
    /* and these are */
    struct buf noted = {0};
    assert_true(note(
        w,
        LIST(HEAD "  a.example.com:\n    type: html\n    health: {contains: \"Tom & Jerry * #1 \\\" '\"}\n"),
        &noted));
    assert_true(
        note(w, LIST("citrus: 1\r\nserver: {name: web-01}\r\nsites:\r\n  a.example.com: {type: html}\r\n"),
             &noted));
    buf_free(&noted);
}

static void a_record_that_is_none_is_refused(void **state)
{
    struct world *w = *state;
    struct buf noted = {0};
    struct narrowed n;
    struct bundle b = bundle_of(w, LIST(HEAD "  a.example.com:\n" SLOW B));
    assert_true(note(w, LIST(HEAD A B), &noted));
    for (size_t len = 0; len < noted.len; len++) {
        struct unpack u = unpack_from(noted.at, len);
        assert_int_equal(parts_narrow(&u, &b, &w->arena, &n), -ESTALE);
    }
    struct unpack u = unpack_from(noted.at, noted.len);
    assert_int_equal(parts_narrow(&u, &b, &w->arena, &n), 0);
    memset(noted.at + 8, 0xff, 8); /* as many sites as there cannot be */
    u = unpack_from(noted.at, noted.len);
    assert_int_equal(parts_narrow(&u, &b, &w->arena, &n), -ESTALE);
    buf_free(&noted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_site_that_changed_is_found_with_its_line),
        TEST(includes_are_told_apart),
        TEST(what_reaches_beyond_a_site_needs_the_whole),
        TEST(a_text_that_does_not_end_where_its_site_does_needs_the_whole),
        TEST(texts_that_are_not_plain_are_not_noted),
        TEST(a_record_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
