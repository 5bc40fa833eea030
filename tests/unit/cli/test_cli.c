/* The command line before any machine is touched: options, near names, exit statuses; and who it is that
 * asks. */
#include "line.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

static int open_nothing(const char *root, struct host **ret, struct error *err)
{
    return error_set(err, -ENOENT, "there is no machine here");
}
static struct host *close_nothing(struct host *h)
{
    assert_null(h);
    return NULL;
}

static void a_line_without_a_command_shows_how_it_goes(void **state)
{
    assert_int_equal(citrus(""), EXIT_ERROR);
    assert_said(1, "Usage: citrus COMMAND");
    assert_string_equal(said[0], "");
    assert_int_equal(citrus("--help"), EXIT_DONE);
    for (const struct command *c = commands; c->name; c++)
        assert_said(0, c->name);
    assert_int_equal(citrus("--version"), EXIT_DONE);
    assert_string_equal(said[0], "citrus " CITRUS_VERSION "\n");
}

static void a_near_command_is_suggested(void **state)
{
    assert_int_equal(citrus("aply"), EXIT_ERROR);
    assert_said(1, "no command \"aply\"");
    assert_said(1, "did you mean `citrus apply`?");
    assert_int_equal(citrus("frobnicate"), EXIT_ERROR);
    assert_said(1, "`citrus --help` lists them");
}

static void a_near_option_is_suggested(void **state)
{
    assert_int_equal(citrus("apply --jsn"), EXIT_ERROR);
    assert_said(1, "citrus apply: there is no option --jsn\n  hint: did you mean --json?\n");
    assert_int_equal(citrus("apply --on-failur3=stop"), EXIT_ERROR);
    assert_said(1, "there is no option --on-failur3\n  hint: did you mean --on-failure?\n");
    assert_int_equal(citrus("apply --xyzzy"), EXIT_ERROR);
    assert_null(strstr(said[1], "did you mean"));
}

static void an_option_of_another_command_is_not_taken(void **state)
{
    assert_int_equal(citrus("history --yes"), EXIT_ERROR);
    assert_said(1, "citrus history: there is no option --yes\n");
    assert_said(1, "see `citrus history --help`");
    assert_int_equal(citrus("status -q"), EXIT_ERROR);
    assert_said(1, "there is no option -q");
    /* one that is left in the middle of a word must not haunt the next line */
    assert_int_equal(citrus("status -qx"), EXIT_ERROR);
    assert_int_equal(citrus("status --jsn"), EXIT_ERROR);
    assert_said(1, "there is no option --jsn");
}

static void an_option_that_is_not_clear_is_said_as_it_was_written(void **state)
{
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"apply --plan -xv", "citrus apply: there is no option -x\n  see"},
        {"apply --plan -vx", "citrus apply: there is no option -x\n  see"},
        {"apply --reason=y -vyv", "citrus apply: there is no option -y\n  see"},
        {"apply --plan m.yaml -pv", "citrus apply: there is no option -p\n  see"},
        {"apply --ver",
         "citrus apply: there is no option --ver\n  hint: did you mean --verify or --verbose?\n"},
        {"apply --no-=x",
         "citrus apply: there is no option --no-\n  hint: did you mean --no-health or --no-confirm?\n"},
        {"apply --=x", "citrus apply: there is no option --\n"},
        {"apply -v --plan=x", "citrus apply: --plan takes no value\n"},
        {"apply --js=x", "citrus apply: --js takes no value\n"},
        {"apply --help=x", "citrus apply: --help takes no value\n"},
        {"apply -v --reas", "citrus apply: --reas needs a value\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(citrus(rows[i].line), EXIT_ERROR);
        assert_said(1, rows[i].said);
    }
}

static void values_are_where_they_belong(void **state)
{
    assert_int_equal(citrus("apply --out"), EXIT_ERROR);
    assert_said(1, "--out needs a value");
    assert_int_equal(citrus("apply --yes=no"), EXIT_ERROR);
    assert_said(1, "--yes takes no value");
    assert_int_equal(citrus("apply --on-failure=panic"), EXIT_ERROR);
    assert_said(1, "--on-failure takes undo-site, undo-all or stop");
    assert_int_equal(citrus("apply --out p.json"), EXIT_ERROR);
    assert_said(1, "--out goes with --plan");
}

static void an_empty_value_is_none(void **state)
{
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"apply --root ''",
         "citrus apply: --root needs a directory, and \"\" is none\n  hint: / is this machine\n"},
        {"status --root=", "citrus status: --root needs a directory, and \"\" is none\n"},
        {"apply --plan --out ''", "citrus apply: --out needs a file, and \"\" is none\n"},
        {"drift --site a.example.com --site ''", "citrus drift: --site needs a domain, and \"\" is none\n"},
        {"apply ''", "citrus apply: \"\" is no manifest\n  hint: leave it out for /etc/citrus/server.yaml\n"},
        {"validate ''", "citrus validate: \"\" is no manifest\n"},
        {"secret get ''", "citrus secret: an argument is empty\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(citrus(rows[i].line), EXIT_ERROR);
        assert_said(1, rows[i].said);
        assert_null(strstr(said[1], "there is no machine here"));
    }
    assert_int_equal(citrus("status --root /"), EXIT_ERROR);
    assert_said(1, "there is no machine here");
    assert_int_equal(citrus("apply --reason '' --yes"),
                     EXIT_ERROR); /* no reason is as good as an empty one */
    assert_said(1, "there is no machine here");
}

static void a_patch_is_not_asked_for_as_json(void **state)
{
    assert_int_equal(citrus("drift --adopt --json"), EXIT_ERROR);
    assert_string_equal(said[0], "");
    assert_said(1, "citrus drift: --adopt writes a patch, which is no JSON: it does not go with --json\n");
    assert_int_equal(citrus("drift --adopt --write --json"), EXIT_ERROR);
    assert_said(1, "does not go with --json");
}

static void words_too_many_are_refused(void **state)
{
    assert_int_equal(citrus("apply a.yaml b.yaml"), EXIT_ERROR);
    assert_said(1, "too many arguments");
    assert_int_equal(citrus("history 3"), EXIT_ERROR);
    assert_int_equal(citrus("rollback three"), EXIT_ERROR);
    assert_said(1, "\"three\" is no generation's number");
    assert_int_equal(citrus("rollback 0"), EXIT_ERROR);
    assert_int_equal(citrus("show -- -1"), EXIT_ERROR);
}

static void more_sites_than_there_is_room_for_are_refused(void **state)
{
    char *argv[SITES_MOST + 4] = {(char *)"citrus", (char *)"apply"};
    int argc = 2;
    while (argc < SITES_MOST + 3)
        argv[argc++] = (char *)"--site=a";
    FILE *err;
    fflush(NULL);
    int kept = divert(STDERR_FILENO, &err), status = cli_main(argc, argv);
    fflush(NULL);
    restore(STDERR_FILENO, kept, err, said[1]);
    assert_int_equal(status, EXIT_ERROR);
    assert_said(1, "at most 256 sites");
}

static void help_names_a_commands_own_options_and_no_others(void **state)
{
    assert_int_equal(citrus("drift --help"), EXIT_DONE);
    assert_said(0, "Usage: citrus drift [OPTIONS] [MANIFEST]");
    assert_said(0, "--detailed-exitcode");
    assert_null(strstr(said[0], "--on-failure"));
    for (const struct command *c = commands; c->name; c++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", c->name);
        assert_int_equal(citrus(line), EXIT_DONE);
        assert_said(0, "More: man citrus-");
    }
}

static void help_is_asked_for_in_several_ways(void **state)
{
    static const char *const general[] = {"help", "-h", "help help", "help --help"};
    static const char *const of_drift[] = {"help drift", "drift -h", "drift -vh --json", "-h drift"};
    char wanted[sizeof said[0]];
    assert_int_equal(citrus("--help"), EXIT_DONE);
    memcpy(wanted, said[0], sizeof wanted);
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) {
        assert_int_equal(citrus(general[i]), EXIT_DONE);
        assert_string_equal(said[0], wanted);
    }
    assert_int_equal(citrus("drift --help"), EXIT_DONE);
    assert_said(0, "  --verbose, -v  ");
    memcpy(wanted, said[0], sizeof wanted);
    for (size_t i = 0; i < sizeof of_drift / sizeof *of_drift; i++) {
        assert_int_equal(citrus(of_drift[i]), EXIT_DONE);
        assert_string_equal(said[0], wanted);
    }
    assert_int_equal(citrus("history -h"), EXIT_DONE); /* which has no -v */
    assert_int_equal(citrus("help aply"), EXIT_ERROR);
    assert_string_equal(said[0], "");
    assert_string_equal(said[1], "citrus: no command \"aply\"\n  hint: did you mean `citrus apply`?\n");
    assert_int_equal(citrus("help apply drift"), EXIT_ERROR);
    assert_said(1, "too many arguments");
}

static void a_machine_that_cannot_be_opened_is_status_1_with_its_reason(void **state)
{
    static const char *const lines[] = {"apply --yes", "apply --plan", "drift",   "history",
                                        "show",        "rollback",     "recover", "status"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(citrus(lines[i]), EXIT_ERROR);
        assert_string_equal(said[1], "citrus: there is no machine here\n");
        assert_string_equal(said[0], "");
    }
}

/* Its status, with standard output where `fd` leads, which is closed. */
static int citrus_into(int fd, const char *command)
{
    char *argv[] = {(char *)"citrus", (char *)command, NULL};
    FILE *err;
    fflush(NULL);
    int kept_out = dup(STDOUT_FILENO), kept_err = divert(STDERR_FILENO, &err);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    close(fd);
    int status = cli_main(2, argv);
    fflush(NULL);
    restore(STDERR_FILENO, kept_err, err, said[1]);
    assert_true(dup2(kept_out, STDOUT_FILENO) >= 0);
    close(kept_out);
    return status;
}

static void output_that_cannot_be_written_is_status_1_with_its_reason(void **state)
{
    static const char *const lines[] = {"schema", "--help", "--version"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(citrus_into(open("/", O_RDONLY | O_CLOEXEC), lines[i]), EXIT_ERROR);
        assert_string_equal(said[1], "citrus: standard output: Bad file descriptor\n");
    }
    /* and the next one is as good as ever */
    assert_int_equal(citrus("schema"), EXIT_DONE);
    assert_said(0, "$schema");
    assert_string_equal(said[1], "");
}

static void a_reader_that_has_gone_is_no_error(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN); /* as it is once a session is open */
    int status = citrus_into(ends[1], "schema");
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(status, EXIT_DONE);
    assert_string_equal(said[1], "");
}

/* --- who asks --------------------------------------------------------------------------------------------
 */

static const char *who(const char *sudo_user)
{
    static char name[64];
    struct session s = {.lock = -1};
    if (sudo_user)
        setenv("SUDO_USER", sudo_user, 1);
    else
        unsetenv("SUDO_USER");
    snprintf(name, sizeof name, "%s", session_who(&s));
    arena_free(&s.arena);
    return name;
}

static void who_asks_is_the_person_behind_sudo(void **state)
{
    assert_string_equal(who("alice"), "alice");
    char *self = strdup(who(NULL));
    assert_true(*self != '\0');
    assert_string_equal(who(""), self);
    if (geteuid() == 0)
        assert_string_equal(self, "root");
    free(self);
}

/* Not for a manifest, whose parser has nothing to say about it that helps. */
static void a_saved_plan_that_is_too_large_is_said_as_that(void **state)
{
    static const char beginning[] = "{\n \"citrus_plan\": 1,\n";
    char path[] = "/tmp/citrus-test-XXXXXX", line[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, beginning, strlen(beginning)), (ssize_t)strlen(beginning));
    assert_int_equal(ftruncate(fd, (65 << 20)), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "%s %s", i ? "show" : "apply", path);
        assert_int_equal(citrus(line), EXIT_ERROR);
        assert_said(1, path);
        assert_said(1, ": this saved plan has more than 64 MiB\n");
    }
    close(fd);
    unlink(path);
}

static void a_path_is_taken_into_the_root_that_was_given(void **state)
{
    struct options o = {.root = "/mnt"};
    struct session s = {.o = &o, .lock = -1};
    assert_string_equal(session_path(&s, "/etc/x"), "/mnt/etc/x");
    o.root = "/";
    assert_string_equal(session_path(&s, "/etc/x"), "/etc/x");
    o.root = NULL;
    assert_string_equal(session_path(&s, "/etc/x"), "/etc/x");
    arena_free(&s.arena);
}

static void templates_are_where_the_variable_says_or_in_their_place(void **state)
{
    unsetenv("CITRUS_SHARE");
    assert_string_equal(session_share(), "/usr/share/citrus");
    assert_null(session_share_from());
    setenv("CITRUS_SHARE", "here", 1); /* no absolute path: it counts for nothing, and is not blamed */
    assert_string_equal(session_share(), "/usr/share/citrus");
    assert_null(session_share_from());
    setenv("CITRUS_SHARE", "/src/citrus", 1);
    assert_string_equal(session_share(), "/src/citrus");
    assert_string_equal(session_share_from(), "CITRUS_SHARE");
}

int main(void)
{
    session_machine = (struct session_machine){open_nothing, close_nothing};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_without_a_command_shows_how_it_goes),
        cmocka_unit_test(a_near_command_is_suggested),
        cmocka_unit_test(a_near_option_is_suggested),
        cmocka_unit_test(an_option_of_another_command_is_not_taken),
        cmocka_unit_test(an_option_that_is_not_clear_is_said_as_it_was_written),
        cmocka_unit_test(values_are_where_they_belong),
        cmocka_unit_test(an_empty_value_is_none),
        cmocka_unit_test(a_patch_is_not_asked_for_as_json),
        cmocka_unit_test(words_too_many_are_refused),
        cmocka_unit_test(more_sites_than_there_is_room_for_are_refused),
        cmocka_unit_test(help_names_a_commands_own_options_and_no_others),
        cmocka_unit_test(help_is_asked_for_in_several_ways),
        cmocka_unit_test(a_machine_that_cannot_be_opened_is_status_1_with_its_reason),
        cmocka_unit_test(output_that_cannot_be_written_is_status_1_with_its_reason),
        cmocka_unit_test(a_reader_that_has_gone_is_no_error),
        cmocka_unit_test(who_asks_is_the_person_behind_sudo),
        cmocka_unit_test(a_saved_plan_that_is_too_large_is_said_as_that),
        cmocka_unit_test(a_path_is_taken_into_the_root_that_was_given),
        cmocka_unit_test(templates_are_where_the_variable_says_or_in_their_place),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
