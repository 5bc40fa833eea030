/* Each dialect: what a value becomes where it stands, and what is refused. */
#include "dialect.h"
#include "world.h"

struct hole_case {
    const char *around; /* {{v}} and what stands around it */
    const char *value;
    const char *expected; /* NULL: refused, */
    const char *why;      /* with these words */
};

static void run_cases(const char *dialect, const char *before, const struct hole_case *cases, size_t n)
{
    size_t failed = 0;
    for (size_t i = 0; i < n; i++) {
        const struct hole_case *c = &cases[i];
        struct arena a = {0};
        struct error err = {0};
        struct buf out = {0};
        struct value *v = value_map(&a);
        value_set_at(v, "v", c->value, (struct pos){"server.yaml", 12, 7});
        char *source = arena_printf(&a, "{{! dialect: %s }}\n%s%s", dialect, before, c->around);
        int r = run(&a, source, NULL, v, &out, &err);
        const char *got = buf_str(&out);
        bool good = c->expected ? r == 0 && strncmp(got, before, strlen(before)) == 0 &&
                                      strcmp(got + strlen(before), c->expected) == 0
                                : r < 0 && strstr(err.text, c->why) && out.len == 0;
        /* Whatever is refused says where the value comes from, and does not show it. */
        if (r < 0 && (!strstr(err.text, "server.yaml:12:7") || !strstr(err.text, "site.conf:")))
            good = false;
        if (!good) {
            failed++;
            print_error("%s: \"%s\" with \"%s\": %d %s\n>%s<\n", dialect, c->around, c->value, r, err.text,
                        got);
        }
        buf_free(&out);
        arena_free(&a);
    }
    assert_int_equal(failed, 0);
}
#define RUN(dialect, before, cases) run_cases(dialect, before, cases, sizeof(cases) / sizeof *(cases))

static void nginx_values_stay_one_token(void **state)
{
    static const struct hole_case cases[] = {
        /* bare where it is safe */
        {"root {{v}};", "/srv/www/a.example/public", "root /srv/www/a.example/public;", NULL},
        {"server_name {{v}};", "*.a.example", "server_name *.a.example;", NULL},
        {"listen {{v}};", "[::]:80", "listen \"[::]:80\";", NULL},
        /* quotes of its own */
        {"root {{v}};", "/srv/a b", "root \"/srv/a b\";", NULL},
        {"root {{v}};", "", "root \"\";", NULL},
        {"root {{v}};", "x; } server { listen 81", "root \"x; } server { listen 81\";", NULL},
        {"root {{v}};", "a\"b", "root \"a\\\"b\";", NULL},
        {"root {{v}};", "a\\", "root \"a\\\\\";", NULL},
        {"root {{v}};", "a\\\"; evil", "root \"a\\\\\\\"; evil\";", NULL},
        {"root {{v}};", "#x", "root \"#x\";", NULL},
        {"root {{v}};", "'", "root \"'\";", NULL},
        {"root {{v}} {", "a'b", "root \"a'b\" {", NULL},
        {"if ($a = {{v}})", "b c", "if ($a = \"b c\")", NULL},
        {"return {{v}}", "\xc3\xbc", "return \"\xc3\xbc\"", NULL},
        /* in the template's quotes */
        {"h \"a {{v}} z\";", "x\" y", "h \"a x\\\" y z\";", NULL},
        {"h \"a {{v}} z\";", "x' {};\\", "h \"a x' {};\\\\ z\";", NULL},
        {"h 'a {{v}} z';", "x' \"{};\\", "h 'a x\\' \"{};\\\\ z';", NULL},
        {"h \"\\\"{{v}}\";", "\"", "h \"\\\"\\\"\";", NULL},
        /* a part of a word */
        {"root /srv/{{v}}/public;", "a.example", "root /srv/a.example/public;", NULL},
        {"root /srv/{{v}};", "", "root /srv/;", NULL},
        {"root /srv/{{v}};", "a b", NULL, "needs quotes"},
        {"root /srv/{{v}};", "a;b", NULL, "needs quotes"},
        {"root {{v}}/public;", "a b", NULL, "needs quotes"},
        {"root {{v}}x{{v}};", "", NULL, "needs quotes"},
        {"set $x{{v}} 1;", "{", NULL, "needs quotes"},
        {"root \"a\"{{v}};", "b", NULL, "behind a closing quote"},
        {"root a\\{{v}};", "b", NULL, "cannot be made safe"},
        /* refused everywhere */
        {"root {{v}};", "$document_root", NULL, "\"$\""},
        {"root \"{{v}}\";", "${x}", NULL, "\"$\""},
        {"root '{{v}}';", "a$", NULL, "\"$\""},
        {"root {{v}};", "a\nb", NULL, "newline"},
        {"root \"{{v}}\";", "a\nb", NULL, "newline"},
        {"root {{v}};", "a\tb", NULL, "control character"},
        {"root {{v}};", "a\rb", NULL, "control character"},
        {"root {{v}};", "a\x7f", NULL, "control character"},
        /* comments */
        {"# of {{v}}\n", "a; } $x \"'", "# of a; } $x \"'\n", NULL},
        {"# of {{v}}\n", "a\n}", NULL, "newline"},
        {"# don't\nroot {{v}};", "a b", "# don't\nroot \"a b\";", NULL},
        /* a brace behind a dollar opens no block */
        {"set $a ${b}{{v}};", "c d", NULL, "needs quotes"},
    };
    RUN("nginx", "", cases);
    RUN("nginx", "server {\n    location ~* \\.(?:php|inc)$ { deny all; }\n", cases);
    (void)state;
}

static void nginx_values_beside_each_other_are_known(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a), *list = value_list(&a);
    value_push_text(list, "a.example");
    value_push_text_at(list, "b c", (struct pos){"x.yaml", 3, 4});
    value_set_value(v, "names", list);
    value_set(v, "odd", "x y");
    expect_text("{{! dialect: nginx }}\nserver_name{{#names}} {{.}}{{/names}};", NULL, &a, v,
                "server_name a.example \"b c\";");
    expect_text("{{! dialect: nginx }}\nserver_name {{#names}}{{.}} {{/names}};", NULL, &a, v,
                "server_name a.example \"b c\" ;");
    expect_error("{{! dialect: nginx }}\nserver_name {{#names}}{{.}}{{/names}};", NULL, &a, v, -EINVAL,
                 "x.yaml:3:4");
    expect_error("{{! dialect: nginx }}\nx {{odd}}{{odd}};", NULL, &a, v, -EINVAL, "another hole");
    /* A quote that a section opens is known behind it. */
    expect_text("{{! dialect: nginx }}\nx {{#odd}}\"{{/odd}}{{odd}}\";", NULL, &a, v, "x \"x y\";");
    arena_free(&a);
    (void)state;
}

static void ini_values_stay_one_value(void **state)
{
    static const struct hole_case cases[] = {
        {"slowlog = {{v}}\n", "/srv/a/logs/slow.log", "slowlog = /srv/a/logs/slow.log\n", NULL},
        {"x={{v}}\n", "64M", "x=64M\n", NULL},
        {"x = {{v}}\n", "a b", "x = \"a b\"\n", NULL},
        {"x = {{v}}\n", "", "x = \"\"\n", NULL},
        {"x = {{v}}\n", "a;b", "x = \"a;b\"\n", NULL},
        {"x = {{v}}\n", "a=b", "x = \"a=b\"\n", NULL},
        {"x = {{v}}\n", "}", "x = \"}\"\n", NULL},
        {"x = {{v}}\n", "?>", "x = \"?>\"\n", NULL},
        {"x = {{v}}\n", "(1|2)&!~^", "x = \"(1|2)&!~^\"\n", NULL},
        {"x = {{v}}\n", "it's", "x = \"it's\"\n", NULL},
        {"x = {{v}}\n", "[www]", "x = \"[www]\"\n", NULL},
        /* what PHP would read inside double quotes goes into single ones */
        {"x = {{v}}\n", "${PATH}", "x = '${PATH}'\n", NULL},
        {"x = {{v}}\n", "a\\", "x = 'a\\'\n", NULL},
        {"x = {{v}}\n", "it's $x", NULL, "single quote"},
        {"x = {{v}}\n", "a\"b", NULL, "double quote"},
        {"x = {{v}}\n", "a\nuser = root", NULL, "newline"},
        {"x = {{v}}\n", "a\rb", NULL, "control character"},
        {"x = \"{{v}}\"\n", "a b;c", "x = \"a b;c\"\n", NULL},
        {"x = \"{{v}}\"\n", "${PATH}", NULL, "inside double quotes"},
        {"x = \"{{v}}\"\n", "a\\", NULL, "backslash"},
        {"x = \"{{v}}\"\n", "a\"", NULL, "double quote"},
        {"x = \"{{v}}\"\n", "a\nb", NULL, "newline"},
        {"x = '{{v}}'\n", "$\\", "x = '$\\'\n", NULL},
        {"x = '{{v}}'\n", "a'b", NULL, "single quote"},
        {"[{{v}}]\n", "a.example", "[a.example]\n", NULL},
        {"[{{v}}]\n", "a]\n[b", NULL, "newline"},
        {"[{{v}}]\n", "a][b", NULL, "needs quotes"},
        {"{{v}} = 1\n", "memory_limit", "memory_limit = 1\n", NULL},
        {"{{v}} = 1\n", "a = b ;", NULL, "needs quotes"},
        {"php_admin_value[{{v}}] = 1\n", "a] = 2 ;", NULL, "needs quotes"},
        {"x = a:{{v}}:b\n", "/srv/a", "x = a:/srv/a:b\n", NULL},
        {"x = a:{{v}}\n", "/srv/a b", NULL, "needs quotes"},
        {"x = {{v}}/tmp\n", "/srv/a b", NULL, "needs quotes"},
        {"x = {{v}} ; why\n", "a b", "x = \"a b\" ; why\n", NULL},
        {"; of {{v}}\n", "a = \"b", "; of a = \"b\n", NULL},
        {"; of {{v}}\n", "a\nb", NULL, "newline"},
    };
    RUN("ini", "", cases);
    RUN("ini", "; PHP's own, don't touch\n[x]\ny = \"a ; b\"\n", cases);
    (void)state;
}

static void php_values_stay_in_their_string(void **state)
{
    static const struct hole_case cases[] = {
        {"define( 'X', '{{v}}' );", "plain", "define( 'X', 'plain' );", NULL},
        {"define( 'X', '{{v}}' );", "", "define( 'X', '' );", NULL},
        {"define( 'X', '{{v}}' );", "'); system('id'); //", "define( 'X', '\\'); system(\\'id\\'); //' );",
         NULL},
        {"define( 'X', '{{v}}' );", "a\\", "define( 'X', 'a\\\\' );", NULL},
        {"define( 'X', '{{v}}' );", "a\\'b", "define( 'X', 'a\\\\\\'b' );", NULL},
        {"define( 'X', '{{v}}' );", "?> <b>", "define( 'X', '?> <b>' );", NULL},
        {"define( 'X', '{{v}}' );", "$x {$y};}", "define( 'X', '$x {$y};}' );", NULL},
        {"define( 'X', '{{v}}' );", "a\nb\"", "define( 'X', 'a\nb\"' );", NULL},
        {"$x = {{v}};", "-42", "$x = -42;", NULL},
        {"$x = {{v}};", "true", "$x = true;", NULL},
        {"$x = {{v}};", "phpinfo()", NULL, "not in single quotes"},
        {"$x = {{v}};", "1e9", NULL, "not in single quotes"},
        {"$x = {{v}};", "", NULL, "not in single quotes"},
        {"$x = {{v}};", "-", NULL, "not in single quotes"},
        {"$x = \"{{v}}\";", "a", NULL, "cannot be made safe"},
        {"$x = `{{v}}`;", "id", NULL, "cannot be made safe"},
        {"$x = <<<E\n{{v}}\nE;", "a", NULL, "cannot be made safe"},
        {"?>{{v}}", "a", NULL, "cannot be made safe"},
        {"// ?>\n{{v}}", "a", NULL, "cannot be made safe"},
        {"$x = 'a\\{{v}}';", "a", NULL, "cannot be made safe"},
        {"// of {{v}}\n", "a 'b' \"c", "// of a 'b' \"c\n", NULL},
        {"// of {{v}}\n", "a\nphpinfo();", NULL, "newline"},
        {"// of {{v}}\n", "?>", NULL, "end the comment"},
        {"# of {{v}}\n", "a?", NULL, "end the comment"},
        {"// of ?{{v}}\n", ">", NULL, "cannot be made safe"},
        {"/* of {{v}} */", "a */ b", NULL, "end the comment"},
        {"/* of *{{v}} */", "/", NULL, "cannot be made safe"},
        {"#[A('{{v}}')]\n", "'", "#[A('\\'')]\n", NULL},
        {"$a = 7 / 2; // it's\n$x = '{{v}}';", "'", "$a = 7 / 2; // it's\n$x = '\\'';", NULL},
        {"$a = $b ?? 'x'; $c = $d < 3 ? 1 : 2; $x = '{{v}}';", "'",
         "$a = $b ?? 'x'; $c = $d < 3 ? 1 : 2; $x = '\\'';", NULL},
    };
    RUN("php", "<?php\n", cases);
    RUN("php", "<p>it's</p>\n<?php\n/* don't */ $q = \"it's\"; # it's\n", cases);
    (void)state;
}

static void mysql_values_stay_one_value(void **state)
{
    static const struct hole_case cases[] = {
        {"datadir = {{v}}\n", "/var/lib/mysql", "datadir = /var/lib/mysql\n", NULL},
        {"x={{v}}\n", "a b", "x=\"a b\"\n", NULL},
        {"x = {{v}}\n", "", "x = \"\"\n", NULL},
        {"x = {{v}}\n", "a#b", "x = \"a#b\"\n", NULL},
        {"x = {{v}}\n", "a=b", "x = \"a=b\"\n", NULL},
        {"x = {{v}}\n", "a;b}$", "x = \"a;b}$\"\n", NULL},
        {"x = {{v}}\n", "a\nplugin_load=x", "x = \"a\\nplugin_load=x\"\n", NULL},
        {"x = {{v}}\n", "a\r\t\b\\\"'", "x = \"a\\r\\t\\b\\\\\\\"'\"\n", NULL},
        {"x = {{v}}\n", "a\x01", NULL, "control character"},
        {"x = '{{v}}'\n", "a'b\"\\", "x = 'a\\'b\"\\\\'\n", NULL},
        {"x = \"{{v}}\"\n", "a\"\nb", "x = \"a\\\"\\nb\"\n", NULL},
        {"{{v}} = 1\n", "max_connections", "max_connections = 1\n", NULL},
        {"{{v}} = 1\n", "a\nb", NULL, "newline"},
        {"{{v}} = 1\n", "a = 2 #", NULL, "needs quotes"},
        {"{{v}} = 1\n", "!include /x", NULL, "needs quotes"},
        {"x = /srv/{{v}}\n", "a b", NULL, "needs quotes"},
        {"x = {{v}}/a\n", "a b", NULL, "needs quotes"},
        {"x = {{v}} # why\n", "a b", "x = \"a b\" # why\n", NULL},
        {"# of {{v}}\n", "a = 'b", "# of a = 'b\n", NULL},
        {"# of {{v}}\n", "a\nb", NULL, "newline"},
    };
    RUN("mysql", "", cases);
    RUN("mysql", "# don't\n; can't\n[mariadbd]\nskip_name_resolve\n", cases);
    (void)state;
}

/* A line of more than 4096 bytes is two to MariaDB. */
static void mysql_values_do_not_overflow_the_line(void **state)
{
    struct arena a = {0};
    struct value *v = value_map(&a);
    char *long_one = arena_alloc(&a, 4000);
    memset(long_one, 'a', 2049);
    value_set(v, "v", long_one);
    expect_error("{{! dialect: mysql }}\nx = {{v}}\n", NULL, &a, v, -EINVAL, "longer than 2048");
    arena_free(&a);
    (void)state;
}

static void text_is_as_it_is(void **state)
{
    static const struct hole_case cases[] = {
        {"a {{v}} {{{v}}} {{&v}}", "<\"'\n\\$;}", "a <\"'\n\\$;} <\"'\n\\$;} <\"'\n\\$;}", NULL},
    };
    RUN("text", "", cases);
    (void)state;
}

/* Values are texts without a NUL; the dialects refuse one all the same. */
static void a_nul_is_refused_by_every_dialect(void **state)
{
    static const struct dialect *const all[] = {&dialect_nginx, &dialect_ini, &dialect_mysql, &dialect_php};
    static const char *const before[] = {"x ", "x = ", "x = ", "<?php '"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t next[DIALECT_STATES], s;
        struct buf out = {0};
        bool quoted, fault;
        dialect_run(all[i], before[i], strlen(before[i]), next);
        s = next[0];
        assert_non_null(dialect_put(all[i], &s, "a\0b", 3, escape_bare("a\0b", 3), &out, &quoted, &fault));
        assert_int_equal(out.len, 0);
        assert_int_equal(s, next[0]);
        assert_false(fault);
        buf_free(&out);
    }
    (void)state;
}

/* Every short value of hostile bytes, in every place: the text around it is read as if the value were a word.
 */
static void no_short_value_leaves_its_place(void **state)
{
    static const struct {
        const struct dialect *d;
        const char *before, *after;
    } places[] = {
        {&dialect_nginx, "root ", ";"},    {&dialect_nginx, "root \"", "\";"},
        {&dialect_nginx, "root '", "';"},  {&dialect_nginx, "root /a", ";"},
        {&dialect_nginx, "# ", "\n"},      {&dialect_ini, "x = ", "\n"},
        {&dialect_ini, "x = \"", "\"\n"},  {&dialect_ini, "x = '", "'\n"},
        {&dialect_ini, "[", "]\n"},        {&dialect_ini, "; ", "\n"},
        {&dialect_mysql, "x = ", "\n"},    {&dialect_mysql, "x = \"", "\"\n"},
        {&dialect_mysql, "x = '", "'\n"},  {&dialect_mysql, "", " = 1\n"},
        {&dialect_mysql, "# ", "\n"},      {&dialect_php, "<?php '", "';\n"},
        {&dialect_php, "<?php ", ";\n"},   {&dialect_php, "<?php // ", "\n"},
        {&dialect_php, "<?php /* ", "*/"},
    };
    static const char bytes[] = "a\n\r\"'\\;{}$#?>*/=[] \t`<";
    const size_t n = sizeof bytes - 1;
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        const struct dialect *d = places[p].d;
        uint8_t before[DIALECT_STATES], after[DIALECT_STATES];
        dialect_run(d, places[p].before, strlen(places[p].before), before);
        dialect_run(d, places[p].after, strlen(places[p].after), after);
        uint8_t harmless = before[0];
        struct buf one = {0};
        bool q, f;
        assert_null(dialect_put(d, &harmless, "1", 1, true, &one, &q, &f));
        buf_free(&one);
        for (size_t i = 0; i < n * n * n; i++) {
            char v[3] = {bytes[i % n], bytes[i / n % n], bytes[i / n / n]};
            uint8_t s = before[0], read[DIALECT_STATES];
            struct buf out = {0};
            bool quoted, fault;
            if (!dialect_put(d, &s, v, 3, escape_bare(v, 3), &out, &quoted, &fault)) {
                dialect_run(d, out.at, out.len, read);
                assert_int_equal(read[before[0]], s);
                assert_null(memchr(out.at, d == &dialect_php ? '\0' : '\n', out.len));
                /* Behind the closing text the reader is where a harmless value leaves it. */
                assert_int_equal(after[s], after[harmless]);
            }
            buf_free(&out);
        }
    }
    (void)state;
}

/* What spares bare values the dialect's own look at them does as that does, whatever stands in front. */
static void bare_values_come_out_as_they_do_the_long_way(void **state)
{
    static const struct dialect *const all[] = {&dialect_nginx, &dialect_ini, &dialect_mysql, &dialect_php};
    static const char *const values[] = {
        "a",    "7", "-",  "*",   "/",   "//",    "/*",     "*/x",
        "true", "@", "/a", "a.b", "64M", "a:b,c", "%d+_-*", "blog.example.com"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (uint8_t from = 0; from < all[i]->states; from++)
            for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
                struct buf out[2] = {0};
                uint8_t s[2] = {from, from};
                bool quoted[2], fault[2];
                const char *why[2];
                assert_true(escape_bare(values[k], strlen(values[k])));
                for (int bare = 0; bare < 2; bare++)
                    why[bare] = dialect_put(all[i], &s[bare], values[k], strlen(values[k]), bare, &out[bare],
                                            &quoted[bare], &fault[bare]);
                assert_ptr_equal(why[0], why[1]);
                assert_string_equal(buf_str(&out[0]), buf_str(&out[1]));
                assert_int_equal(s[0], s[1]);
                assert_int_equal(quoted[0], quoted[1]);
                assert_int_equal(fault[0], fault[1]);
                buf_free(&out[0]);
                buf_free(&out[1]);
            }
    assert_false(escape_bare("a b", 3));
    assert_false(escape_bare("a$", 2));
    assert_false(escape_bare("=", 1));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nginx_values_stay_one_token),
        cmocka_unit_test(nginx_values_beside_each_other_are_known),
        cmocka_unit_test(ini_values_stay_one_value),
        cmocka_unit_test(php_values_stay_in_their_string),
        cmocka_unit_test(mysql_values_stay_one_value),
        cmocka_unit_test(mysql_values_do_not_overflow_the_line),
        cmocka_unit_test(text_is_as_it_is),
        cmocka_unit_test(a_nul_is_refused_by_every_dialect),
        cmocka_unit_test(no_short_value_leaves_its_place),
        cmocka_unit_test(bare_values_come_out_as_they_do_the_long_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
