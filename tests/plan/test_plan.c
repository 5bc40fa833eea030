/* Runs tests that are data: each .test file is a pretended machine, manifests, command lines, and what the
 * operator sees. See README.md.
 *
 *     test_plan FILE...            compares
 *     test_plan --keep FILE        leaves the pretended machine, and says where
 *     test_plan --update FILE...   writes what was seen into the files; read the difference */
#include "cli.h"
#include "diff.h"
#include "output.h"
#include "schema.h"
#include "session.h"
#include "specs.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOT_RUN 77 /* meson's word for a test that was skipped */

static struct machine machine;
static bool offline; /* this run's line says --root: the real offline root, not the pretended machine */
static bool updating, keeping;
static int failed;

/* ---- the machine that commands get
 * -------------------------------------------------------------------------- */

static int machine_open(const char *root, struct host **ret, struct error *err)
{
    if (offline)
        return host_open(root, ret, err);
    *ret = machine.host;
    return 0;
}

static struct host *machine_close(struct host *h)
{
    if (h != machine.host)
        return host_close(h);
    h->cache = NULL;
    h->progress = NULL;
    h->verify = false;
    return NULL;
}

/* ---- one run
 * -------------------------------------------------------------------------------------------------- */

struct outcome {
    const struct section *at;
    char **argv;
    int argc;
    int exit;
    char *out, *err, *log; /* as they were */
    char *tree, *world;    /* before it */
};

static bool takes_root(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return strchr(c->letters, OPT_ROOT) != NULL;
    return false;
}

static void run_words(struct outcome *r, struct arena *a)
{
    size_t n;
    char **w = words_split(a, r->at->args, &n);
    r->argv = arena_array(a, char *, n + 4);
    r->argv[r->argc++] = arena_strdup(a, "citrus");
    offline = false;
    for (size_t i = 0; i < n; i++)
        offline |= strcmp(w[i], "--root") == 0;
    for (size_t i = 0; i < n; i++) {
        r->argv[r->argc++] = strcmp(w[i], "ROOT") == 0 ? machine.root : w[i];
        if (i == 0 && !offline && takes_root(w[i])) {
            r->argv[r->argc++] = arena_strdup(a, "--root");
            r->argv[r->argc++] = machine.root;
        }
    }
}

static bool has_arg(const struct outcome *r, const char *word)
{
    for (int i = 1; i < r->argc; i++)
        if (strcmp(r->argv[i], word) == 0)
            return true;
    return false;
}

static bool may_change(const struct outcome *r)
{
    static const char *const words[] = {"apply", "rollback", "recover", "confirm"};
    bool may = strcmp(r->argv[1], "secret") == 0 && has_arg(r, "rotate");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        may |= strcmp(r->argv[1], words[i]) == 0;
    may |= strcmp(r->argv[1], "drift") == 0 && has_arg(r, "--apply");
    return may && !has_arg(r, "--plan");
}

static const char *top_file(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", machine.top, name);
}

static void redirect(int fd, const char *path, int flags)
{
    int to = open(path, flags | O_CLOEXEC, 0600);
    if (to < 0 || dup2(to, fd) < 0)
        script_die(NULL, "%s: %s", path, strerror(errno));
    close(to);
}

static void run_it(struct outcome *r, struct arena *a)
{
    int kept[3];
    const char *in = top_file(a, "in"), *out = top_file(a, "out"), *err = top_file(a, "err");
    FILE *f = fopen(in, "we");
    if (!f || fputs(r->at->text, f) < 0 || fclose(f))
        script_die(r->at, "%s: %s", in, strerror(errno));
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 3; i++)
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
    redirect(0, in, O_RDONLY);
    redirect(1, out, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(2, err, O_WRONLY | O_CREAT | O_TRUNC);
    clearerr(stdin);
    size_t logged = strlen(fake_log(machine.host));
    r->exit = cli_main(r->argc, r->argv);
    fflush(stdout);
    fflush(stderr);
    fflush(stdin);
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    r->log = arena_strdup(a, fake_log(machine.host) + logged);
    r->out = file_text(a, out, NULL);
    r->err = file_text(a, err, NULL);
}

/* ---- what every run has to keep
 * ----------------------------------------------------------------------------- */

static void complain(const struct section *s, const char *what)
{
    printf("%s:%d: === %s %s\n  %s\n", s->path, s->line, s->word, s->args, what);
    failed = 1;
}

static void differ(const struct section *s, const char *what, const char *wanted, const char *got)
{
    struct buf a = {0}, b = {0}, out = {0};
    struct diff_style style = {.indent = "  ", .context = 3};
    if (strcmp(wanted, got) == 0)
        return;
    buf_adds(&a, wanted);
    buf_adds(&b, got);
    diff_text(&a, &b, &style, &out);
    complain(s, what);
    fputs(buf_str(&out), stdout);
    buf_free(&a);
    buf_free(&b);
    buf_free(&out);
}

/* The texts that left the program: what it said, what it did to the machine, and the plan that it saved. */
static void check_secret(const struct outcome *r, const char *name, const char *value, struct arena *a)
{
    const char *texts[4] = {r->out, r->err, r->log, NULL};
    for (int i = 1; i + 1 < r->argc; i++)
        if (strcmp(r->argv[i], "--out") == 0)
            texts[3] = file_text(a, r->argv[i + 1], NULL);
    for (int i = 0; i < 4; i++)
        if (texts[i] && strstr(texts[i], value))
            complain(r->at, arena_printf(a, "the secret %s is in what left the program", name));
}

/* What was a secret once in this test stays one, whatever its value is now. */
struct known {
    const char *name, *value;
};
static VEC(struct known) secrets;

static void secret_note(const char *name, const char *value)
{
    struct known k = {arena_strdup(&machine.arena, name), arena_strdup(&machine.arena, value)};
    for (size_t i = 0; i < secrets.n; i++)
        if (strcmp(secrets.at[i].value, value) == 0)
            return;
    vec_push(&machine.arena, &secrets, k);
}

static void check_store(const struct outcome *r, struct arena *a)
{
    struct store *s;
    struct store_tx *open;
    const char **names;
    size_t n;
    if (store_open(arena_printf(a, "%s/var/lib/citrus", machine.root), STORE_READ, &s, NULL) < 0)
        return;
    if (may_change(r) && r->exit != EXIT_STUCK && (store_tx_open(s, a, &open, &n, NULL) < 0 || n > 0))
        complain(r->at, "a transaction was left open");
    if (store_secret_list(s, a, &names, &n, NULL) == 0)
        for (size_t i = 0; i < n; i++)
            secret_note(names[i], secret_reveal(store_secret_get(s, names[i])));
    store_close(s);
    for (size_t i = 0; i < secrets.n && !has_arg(r, "get"); i++)
        check_secret(r, secrets.at[i].name, secrets.at[i].value, a);
}

static void check_unchanged(const struct outcome *r, struct arena *a)
{
    bool changes = may_change(r) && r->exit != EXIT_STALE && r->exit != EXIT_ERROR && r->exit != EXIT_LOCKED;
    char *world = machine_world(&machine);
    if (!changes)
        differ(r->at, "it was only to look, and changed the machine:", r->world, world);
    /* To confirm too late undoes what an earlier run did. */
    if (!changes || (r->exit == EXIT_UNDONE && strcmp(r->argv[1], "confirm") != 0))
        differ(r->at, "files are not as they were before:", r->tree, machine_tree(&machine, a));
    free(world);
}

/* Every key that a program prints for programs is in the schemas. */
static void check_schema(const struct outcome *r, json_t *v, struct arena *a)
{
    static const char *const applies[] = {"apply", "rollback"};
    const char *command = r->argc > 1 ? r->argv[1] : "", *file = "report", *def = command;
    for (size_t i = 0; i < sizeof applies / sizeof *applies; i++)
        if (strcmp(command, applies[i]) == 0)
            def = has_arg(r, "--plan") ? "plan" : "result";
    if (strcmp(command, "drift") == 0)
        def = has_arg(r, "--apply") ? "result" : "plan";
    if (strcmp(command, "secret") == 0 && has_arg(r, "rotate"))
        def = has_arg(r, "--plan") ? "plan" : "result";
    if (strcmp(command, "show") == 0 && json_object_get(v, "citrus_plan"))
        def = "saved";
    if (strcmp(command, "history") == 0 && has_arg(r, "--trash"))
        def = "trash";
    if (strcmp(def, "plan") == 0 || strcmp(def, "saved") == 0)
        file = "plan";
    const char *wrong = schema_wrong(file, def, v, a);
    if (wrong)
        complain(r->at, wrong);
}

static void check_text(const struct outcome *r, struct arena *a)
{
    for (const char *at = r->out; *at; at++)
        if ((unsigned char)*at < ' ' && *at != '\n')
            complain(r->at, "a control character in the output");
    if (*r->out && r->out[strlen(r->out) - 1] != '\n')
        complain(r->at, "the output does not end with a line's end");
    if (*r->out && has_arg(r, "--json")) {
        json_error_t je;
        json_t *v = json_loads(r->out, JSON_REJECT_DUPLICATES, &je);
        if (!v)
            complain(r->at, arena_printf(a, "no JSON: line %d: %s", je.line, je.text));
        else
            check_schema(r, v, a);
        json_decref(v);
    }
}

/* ---- comparing
 * ------------------------------------------------------------------------------------------------ */

static bool is_expectation(const struct section *s)
{
    return strcmp(s->word, "expect") == 0 || strcmp(s->word, "errors") == 0 || strcmp(s->word, "log") == 0;
}

static const char *as_section(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    while (n && text[n - 1] == '\n' && (n == 1 || text[n - 2] == '\n'))
        n--;
    return arena_printf(a, "%.*s%s", (int)n, text, n && text[n - 1] != '\n' ? "\n" : "");
}

static void expect_exit(struct section *s, int got, struct arena *a)
{
    int wanted = 0;
    if (*s->args && sscanf(s->args, "exit %d", &wanted) != 1)
        script_die(s, "say nothing, or: exit N");
    if (wanted == got)
        return;
    if (updating)
        s->args = got ? arena_printf(a, "exit %d", got) : "";
    else
        complain(s, arena_printf(a, "the exit status is %d", got));
}

static void expect(struct section *s, const struct outcome *r, struct arena *a)
{
    bool out = strcmp(s->word, "expect") == 0;
    const char *raw = out ? r->out : strcmp(s->word, "errors") == 0 ? r->err : r->log;
    const char *got = as_section(a, output_normal(&machine, raw, offline, a));
    if (out)
        expect_exit(s, r->exit, a);
    if (updating)
        s->text = got;
    else
        differ(s, "is not what was seen:", s->text, got);
}

/* `content PATH` and `tree PATH`: what a file of the machine holds, and what is below a directory (type and
 * mode, owner, name), without the digests. */
static void look_section(struct section *s, struct arena *a)
{
    bool tree = strcmp(s->word, "tree") == 0;
    char *seen = tree ? machine_list(&machine, s->args, a)
                      : file_text(a, arena_printf(a, "%s%s", machine.root, s->args), NULL);
    const char *got = as_section(a, output_normal(&machine, seen ? seen : "(there is none)\n", offline, a));
    if (updating)
        s->text = got;
    else
        differ(s, "is not what is there:", s->text, got);
}

static void run_section(struct script *s, size_t i, struct arena *a)
{
    struct outcome r = {.at = &s->list.at[i]};
    bool told = false;
    run_words(&r, a);
    if (r.argc < 2)
        script_die(r.at, "which command?");
    r.tree = machine_tree(&machine, a);
    r.world = machine_world(&machine);
    run_it(&r, a);
    check_text(&r, a);
    check_store(&r, a);
    check_unchanged(&r, a);
    for (i++; i < s->list.n && is_expectation(&s->list.at[i]); i++) {
        told |= strcmp(s->list.at[i].word, "expect") == 0;
        expect(&s->list.at[i], &r, a);
    }
    if (!told && r.exit != 0) {
        complain(r.at, arena_printf(a, "the exit status is %d", r.exit));
        printf("%s%s", r.out, r.err);
    }
    free(r.world);
}

/* ---- files
 * ------------------------------------------------------------------------------------------------------ */

/* `use NAME`: the sections of worlds/NAME.world beside the tests. */
static void use(const struct section *s, struct arena *a)
{
    struct script world;
    const char *slash = strrchr(s->path, '/');
    script_read(&world, arena_printf(a, "%.*s/worlds/%s.world", (int)(slash - s->path), s->path, s->args), a);
    for (size_t i = 0; i < world.list.n; i++)
        if (!machine_section(&machine, &world.list.at[i]))
            script_die(&world.list.at[i], "a world has no such section");
}

static void run_script(const char *path)
{
    struct arena a = {0};
    struct script s;
    char *whole = realpath(path, NULL);
    if (!whole)
        script_die(NULL, "%s: %s", path, strerror(errno));
    script_read(&s, arena_strdup(&a, whole), &a);
    free(whole);
    if (*s.head != '#')
        script_die(&s.list.at[0], "a comment before it has to say what the test protects");
    machine_make(&machine);
    secrets.at = NULL;
    secrets.n = secrets.cap = 0;
    bool after_run = false;
    for (size_t i = 0; i < s.list.n; i++) {
        struct section *one = &s.list.at[i];
        bool run = strcmp(one->word, "run") == 0;
        if (run)
            run_section(&s, i, &a);
        else if (strcmp(one->word, "tree") == 0 || strcmp(one->word, "content") == 0)
            look_section(one, &a);
        else if (is_expectation(one) ? !after_run
                                     : strcmp(one->word, "use") != 0 && !machine_section(&machine, one))
            script_die(one, "no such section here");
        else if (strcmp(one->word, "use") == 0)
            use(one, &a);
        after_run = run || (is_expectation(one) && after_run);
    }
    if (keeping)
        printf("%s: %s\n", path, machine.top);
    machine_free(&machine, keeping);
    if (updating)
        script_write(&s);
    arena_free(&a);
}

int main(int argc, char **argv)
{
    int first = 1;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        updating |= strcmp(argv[first], "--update") == 0;
        keeping |= strcmp(argv[first], "--keep") == 0;
    }
    if (first == argc) {
        fprintf(stderr, "usage: test_plan [--update] [--keep] FILE.test...\n");
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "test_plan: files get owners here, which only root can give\n");
        return NOT_RUN;
    }
    umask(022);
    setenv("TZ", "UTC", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("SUDO_USER", "operator", 1);
    setenv("CITRUS_SHARE", SHARE_DIR, 1);
    session_machine.open = machine_open;
    session_machine.close = machine_close;
    health_patience = (struct health_patience){0};
    session_undo_patience = 0;
    service_steady_ms = 0;
    char cwd[4096];
    if (!getcwd(cwd, sizeof cwd))
        return 2;
    for (int i = first; i < argc; i++) {
        run_script(argv[i]);
        if (chdir(cwd))
            return 2;
    }
    return failed;
}
