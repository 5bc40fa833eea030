/* What history and status say of what is in the store: of a transaction that is open while a run holds the
 * lock, and when none does; and of the words of people. */
#include "line.h"
#include <ftw.h>
#include <sys/stat.h>

static char root[64], dir[128];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int setup(void **state)
{
    snprintf(root, sizeof root, "/tmp/citrus-history-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(dir, sizeof dir, "%s/var/lib/citrus", root);
    return 0;
}

static int teardown(void **state)
{
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define fixture(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A first generation by `who`, and a transaction that nobody has ended. */
static void fill(const char *who, const char *reason, bool open)
{
    static const char text[] = "citrus: 1\nserver:\n  name: web-01\n";
    struct bundle_file file = {"server.yaml", text, sizeof text - 1};
    const struct bundle bundle = {&file, 1};
    struct store_tx first = {.begun = 1000000000, .why = "apply", .who = who, .reason = reason}, tx = first;
    struct store_generation g = {.time = 1000000000,
                                 .bundle = &bundle,
                                 .digest = "00",
                                 .who = who,
                                 .reason = reason,
                                 .status = "applied"};
    struct store *s;
    struct error err = {0};
    if (store_open(dir, STORE_WRITE, &s, &err) < 0 || store_tx_begin(s, &first, NULL, 0, &err) < 0)
        fail_msg("%s", err.text);
    g.transaction = first.id;
    if (store_generation_add(s, &g, &err) < 0 || store_tx_end(s, first.id, TX_DONE, NULL, &err) < 0 ||
        (open && store_tx_begin(s, &tx, NULL, 0, &err) < 0))
        fail_msg("%s", err.text);
    store_close(s);
}

static void run(int status, const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "%s --root %s", command, root);
    if (citrus(line) != status)
        fail_msg("%s: %s", line, said[1]);
}

static int hold(void)
{
    int fd;
    struct error err = {0};
    if (store_lock(dir, &fd, &err) < 0)
        fail_msg("%s", err.text);
    return fd;
}

/* What a run that only looks says first. */
static void look(void)
{
    struct options o = {.root = root};
    struct session s;
    FILE *err;
    assert_int_equal(session_open(&s, &o, SESSION_READ), 0);
    fflush(NULL);
    int kept = divert(STDERR_FILENO, &err);
    int status = session_recover(&s, true);
    fflush(NULL);
    restore(STDERR_FILENO, kept, err, said[1]);
    assert_int_equal(session_close(&s, status), 0);
}

static void what_is_open_under_a_lock_is_running(void **state)
{
    char by[64];
    fill("root", NULL, true);
    int fd = hold();
    snprintf(by, sizeof by, " (process %ld, since 2", (long)getpid());
    run(EXIT_DONE, "history");
    assert_said(0, "apply, running");
    assert_said(0, by);
    run(EXIT_DONE, "status");
    assert_said(0, "transaction 2 is running");
    assert_said(0, by);
    assert_null(strstr(said[0], "interrupted"));
    look();
    assert_said(1, "citrus: transaction 2 is running");
    assert_said(1, by);
    assert_null(strstr(said[1], "recover"));
    store_unlock(fd);
}

static void programs_are_told_that_it_is_running(void **state)
{
    char by[64];
    fill("root", NULL, true);
    int fd = hold();
    run(EXIT_DONE, "history --json");
    assert_said(0, "\"state\": \"running\"");
    run(EXIT_DONE, "status --json");
    assert_said(0, "\"interrupted\": []");
    snprintf(by, sizeof by, "\"process\": %ld,", (long)getpid());
    assert_said(0, "\"transaction\": 2,");
    assert_said(0, by);
    store_unlock(fd);
}

static void who_has_not_signed_the_lock_is_not_named(void **state)
{
    fill("root", NULL, true);
    int fd = hold();
    assert_int_equal(ftruncate(fd, 0), 0);
    run(EXIT_DONE, "history");
    assert_said(0, "apply, running\n");
    run(EXIT_DONE, "status --json");
    assert_null(strstr(said[0], "process"));
    store_unlock(fd);
}

static void what_is_open_under_no_lock_is_interrupted(void **state)
{
    fill("root", NULL, true);
    for (int i = 0; i < 2; i++) {
        run(EXIT_DONE, "history");
        assert_said(0, "apply, interrupted\n");
        run(EXIT_DONE, "history --json");
        assert_said(0, "\"state\": \"interrupted\"");
        run(EXIT_DONE, "status");
        assert_said(0, "transaction 2 was interrupted: run `citrus recover`\n");
        look();
        assert_said(1,
                    "transaction 2 was interrupted; `citrus recover` or the next apply takes it back first");
        store_unlock(hold()); /* once without the lock's file, once with it */
    }
}

/* --- words of people ---------------------------------------------------------------------------------------
 */

/* An escape sequence, a line's end, a C1 control character, a byte that is no UTF-8; and what may pass. */
#define NASTY    "a\033[2Jb\nc\xc2\x9b\xff d\u00fc"
#define HARMLESS "a?[2Jb?c?? d\u00fc"

static void assert_harmless(const char *what)
{
    assert_said(0, what);
    for (const char *at = said[0]; *at; at++)
        if (((unsigned char)*at < ' ' && *at != '\n') || *at == '\xff')
            fail_msg("a control character is in:\n%s", said[0]);
}

static void what_people_wrote_does_not_steer_the_terminal(void **state)
{
    fill("al\033[31mice", NASTY, true);
    run(EXIT_DONE, "history");
    assert_harmless("  al?[31mice  +0 ~0 -0     apply: " HARMLESS "\n");
    assert_harmless("apply, interrupted: " HARMLESS "\n");
    run(EXIT_DONE, "show");
    assert_harmless("Generation 1, applied by al?[31mice: " HARMLESS "\n");
}

/* It may come from another machine: showing one asks for no seal that fits. */
static void a_saved_plan_does_not_steer_it_either(void **state)
{
    char path[128], line[256];
    snprintf(path, sizeof path, "%s/plan", root);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("{\n  \"citrus_plan\": 1,\n  \"lineage\": \"0\",\n  \"server\": \"w\\u001b[31m\",\n"
          "  \"manifest_sha256\": \"0\",\n  \"actions\": [{\"op\": \"create\", \"kind\": \"file\","
          " \"id\": \"/e\\u009btc\\n\", \"site\": \"s\\u001b\"}],\n  \"manifest\": \"{}\",\n  \"seal\": \"",
          f);
    for (int i = 0; i < 64; i++)
        fputc('0', f);
    fputs("\"\n}\n", f);
    assert_int_equal(fclose(f), 0);
    snprintf(line, sizeof line, "show %s", path);
    if (citrus(line) != EXIT_DONE)
        fail_msg("%s", said[1]);
    assert_harmless("Saved plan for w?[31m at generation 0: 1 actions\n");
    assert_harmless("  create   file /e?tc?  (s?)\n");
}

int main(void)
{
    setenv("NO_COLOR", "1", 1);
    const struct CMUnitTest tests[] = {
        fixture(what_is_open_under_a_lock_is_running),
        fixture(programs_are_told_that_it_is_running),
        fixture(who_has_not_signed_the_lock_is_not_named),
        fixture(what_is_open_under_no_lock_is_interrupted),
        fixture(what_people_wrote_does_not_steer_the_terminal),
        fixture(a_saved_plan_does_not_steer_it_either),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
