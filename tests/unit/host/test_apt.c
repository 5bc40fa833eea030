/* apt's own words, as Debian 12's prints them, through the real code with a pretended process. */
#include "fake.h"
#include "real.h"
#include "root.h"
#include <signal.h>
#include <sys/wait.h>

static struct host *world(struct test_root *t, const char *json)
{
    struct host *h = NULL;
    int r = host_fake(t->dir, json, &h, &t->err);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    return h;
}

static void candidates_are_read_from_the_policy(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(
        t,
        "{\"run\": {\"/usr/bin/apt-cache policy -- nginx nope php-fpm dpkg nginx\": {\"out\": \""
        "nginx:\\n  Installed: (none)\\n  Candidate: 1.22.1-9+deb12u11\\n  Version table:\\n"
        "     1.22.1-9+deb12u11 500\\n        500 http://deb.debian.org/debian bookworm/main amd64 "
        "Packages\\n"
        "php-fpm:\\n  Installed: (none)\\n  Candidate: (none)\\n  Version table:\\n"
        "dpkg:\\n  Installed: 1.21.22\\n  Candidate: 1.21.23\\n  Version table:\\n *** 1.21.22 100\\n\"}}}");
    const char *const names[] = {"nginx", "nope", "php-fpm", "dpkg", "nginx"};
    const char *candidate[5] = {"x", "x", "x", "x", "x"};
    int r = real_apt_candidates(h, names, 5, candidate, &t->a, &t->err);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    assert_string_equal(candidate[0], "1.22.1-9+deb12u11");
    assert_null(candidate[1]);
    assert_null(candidate[2]);
    assert_string_equal(candidate[3], "1.21.23");
    assert_string_equal(candidate[4], "1.22.1-9+deb12u11");
    host_close(h);
}

static void no_question_starts_no_process(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"fail\": {\"run\": \"a process was started\"}}");
    assert_int_equal(real_apt_candidates(h, NULL, 0, NULL, &t->a, &t->err), 0);
    assert_int_equal(real_apt(h, APT_INSTALL, NULL, 0, NULL, &t->err), 0);
    host_close(h);
}

static void names_that_are_options_or_suffixes_are_refused(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"fail\": {\"run\": \"a process was started\"}}");
    static const char *const bad[] = {"-y",    "nginx-",     "nginx;reboot", "a",
                                      "Nginx", "nginx*",     "nginx=",       "",
                                      "../x",  "nginx=1 -o", "ng inx",       "nginx/sid"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *candidate[1];
        assert_int_equal(real_apt(h, APT_INSTALL, &bad[i], 1, NULL, &t->err), -EINVAL);
        assert_int_equal(real_apt_candidates(h, &bad[i], 1, candidate, &t->a, &t->err), -EINVAL);
    }
    host_close(h);
    h = world(t, "{}");
    static const char *const good[] = {"g++", "libstdc++6", "php8.2-fpm", "nginx=1.22.1-9+deb12u1",
                                       "mariadb-server=1:10.11.6-0+deb12u1~x"};
    assert_int_equal(real_apt(h, APT_INSTALL, good, 5, NULL, &t->err), 0);
    host_close(h);
}

static void an_install_asks_nothing_and_keeps_conffiles(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{}");
    const char *const names[] = {"nginx", "htop"};
    assert_int_equal(real_apt(h, APT_INSTALL, names, 2, NULL, &t->err), 0);
    static const char *const wanted[] = {"run /usr/bin/apt-get ",   " --yes ",
                                         "--force-confold ",        "--force-confdef ",
                                         "Acquire::Retries=3 ",     " --no-install-recommends ",
                                         " install -- nginx htop\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(fake_log(h), wanted[i]))
            fail_msg("no \"%s\" in %s", wanted[i], fake_log(h));
    assert_null(strstr(fake_log(h), "--download-only"));
    host_close(h);
}

static void each_verb_runs_its_program(void **state)
{
    struct test_root *t = *state;
    static const struct {
        enum apt_verb verb;
        const char *program, *words;
    } wanted[] = {{APT_UPDATE, "run /usr/bin/apt-get ", " update\n"},
                  {APT_DOWNLOAD, "run /usr/bin/apt-get ", " install --download-only -- htop\n"},
                  {APT_REMOVE, "run /usr/bin/apt-get ", " remove -- htop\n"},
                  {APT_PURGE, "run /usr/bin/apt-get ", " purge -- htop\n"},
                  {APT_HOLD, "run /usr/bin/apt-mark ", "hold -- htop\n"},
                  {APT_UNHOLD, "run /usr/bin/apt-mark ", "unhold -- htop\n"},
                  {APT_CONFIGURE, "run /usr/bin/dpkg ", " --configure -a\n"}};
    const char *const names[] = {"htop"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct host *h = world(t, "{}");
        bool whole = wanted[i].verb == APT_UPDATE || wanted[i].verb == APT_CONFIGURE;
        assert_int_equal(real_apt(h, wanted[i].verb, names, whole ? 0 : 1, NULL, &t->err), 0);
        const char *log = fake_log(h);
        if (strncmp(log, wanted[i].program, strlen(wanted[i].program)) != 0 || !strstr(log, wanted[i].words))
            fail_msg("%s", log);
        host_close(h);
    }
}

static int runs_with_services, runs_without;
static int dpkg_that_services_hold_up(struct host *h, const struct exec *x, struct exec_result *ret,
                                      struct error *err)
{
    *ret = (struct exec_result){.status = x->n_binds == 0};
    *(x->n_binds ? &runs_without : &runs_with_services) += 1;
    for (size_t i = 0; i < x->n_binds; i++)
        assert_string_equal(x->binds[i].source, "/bin/true");
    return 0;
}

static void what_a_service_holds_up_is_configured_without_it(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{}");
    struct host_ops ops = *h->ops;
    const char *const names[] = {"htop"};
    ops.run = dpkg_that_services_hold_up;
    h->ops = &ops;
    runs_with_services = runs_without = 0;
    assert_int_equal(real_apt(h, APT_CONFIGURE, NULL, 0, NULL, &t->err),
                     -EIO); /* Debian's programs are not there */
    assert_int_equal(runs_without, 0);
    assert_int_equal(fs_mkdirs(h, "/usr/sbin", 0755, &t->err), 0);
    assert_int_equal(fs_mkdirs(h, "/usr/bin", 0755, &t->err), 0);
    assert_int_equal(fs_write(h, "/usr/sbin/invoke-rc.d", "", 0, 0755, 0, 0, &t->err), 0);
    assert_int_equal(fs_write(h, "/usr/bin/deb-systemd-invoke", "", 0, 0755, 0, 0, &t->err), 0);
    assert_int_equal(real_apt(h, APT_CONFIGURE, NULL, 0, NULL, &t->err), 0);
    assert_int_equal(runs_with_services, 2);
    assert_int_equal(runs_without, 1);
    assert_int_equal(real_apt(h, APT_REMOVE, names, 1, NULL, &t->err), -EIO);
    assert_int_equal(runs_without, 1); /* nothing else is done so */
    host_close(h);
}

static void the_error_is_apts_own_and_says_what_to_do(void **state)
{
    struct test_root *t = *state;
    static const struct {
        const char *out, *text, *hint;
    } cases[] = {
        {"Reading package lists...\\nE: Unable to locate package nope\\n", "E: Unable to locate package nope",
         "sources.list"},
        {"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12 (apt)\\nE: Unable to "
         "acquire\\n",
         "held by process 12 (apt); E: Unable to acquire", "another program"},
        {"E: Failed to fetch http://m/x.deb  Hash Sum mismatch\\n", "Hash Sum mismatch", "mirror is damaged"},
        {"E: The repository 'http://m stable InRelease' is not signed.\\n", "is not signed", "signed"},
        {"E: Failed to fetch http://m/x.deb  Could not connect to m:80 (10.0.0.1). - connect (111: "
         "Connection "
         "refused)\\n",
         "Connection refused", "cannot be reached"},
        {"W: GPG error: http://m stable InRelease: The following signatures were invalid: BADSIG 12 M\\n"
         "E: The repository 'http://m stable InRelease' is not signed.\\n",
         "BADSIG", "signature is wrong"},
        {"E: Failed to fetch http://m/x.deb  Undetermined Error\\n", "Undetermined", "connection is"},
        {"E: Failed to fetch http://m/x.deb  Connection timed out\\n", "timed out", "too slow"},
        {"Setting up x (1) ...\\ndpkg: error processing package x (--configure):\\n installed x package "
         "post-installation script subprocess returned error exit status 1\\nErrors were encountered\\n"
         "E: Sub-process /usr/bin/dpkg returned an error code (1)\\n",
         "dpkg: error processing package x (--configure): installed x package post-installation script "
         "subprocess returned error exit status 1; E: Sub-process",
         "dpkg --configure -a"},
        {"dpkg: error processing archive /x.deb (--unpack):\\n cannot copy extracted data for './usr/x' to "
         "'/usr/x.dpkg-new': failed to write (No space left on device)\\nE: Sub-process /usr/bin/dpkg "
         "returned "
         "an error code (1)\\n",
         "(--unpack): cannot copy", "make room"},
        {"E: Held packages were changed and -y was used without --allow-change-held-packages.\\n",
         "Held packages", "unhold"},
        {"one\\ntwo\\nthree\\nsomething odd happened\\n", "something odd happened", ""},
    };
    const char *const names[] = {"xx"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct host *h = world(t, arena_printf(&t->a,
                                               "{\"run\": {\"/usr/bin/apt-get\": {\"status\": 100, \"out\": "
                                               "\"%s\"}}}",
                                               cases[i].out));
        h->lock_seconds = 1;
        assert_int_equal(real_apt(h, APT_INSTALL, names, 1, NULL, &t->err), -EIO);
        if (!strstr(t->err.text, cases[i].text) || !strstr(t->err.text, "install xx") ||
            !strstr(t->err.text, "status 100") || !strstr(t->err.hint, cases[i].hint))
            fail_msg("%s\nhint: %s", t->err.text, t->err.hint);
        host_close(h);
    }
}

/* --- locks -----------------------------------------------------------------------------------------------
 */

struct told {
    struct buf said, noted;
    pid_t ends; /* the first word to a log ends this process */
};
static void hear(void *self, const char *line)
{
    struct told *told = self;
    buf_addf(&told->said, "%s\n", line);
}
static void hear_note(void *self, const char *line)
{
    struct told *told = self;
    buf_addf(&told->noted, "%s\n", line);
    if (told->ends)
        kill(told->ends, SIGKILL);
}

/* A process that holds the lock until it is ended. */
static pid_t somebody_holds(const char *path)
{
    int ready[2];
    char one;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CREAT, 0640);
        if (fd < 0 || fcntl(fd, F_SETLK, &l) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &one, 1), 1);
    close(ready[0]);
    return pid;
}

static struct host *locked_world(struct test_root *t, const char *path, pid_t *ret)
{
    struct host *h = world(t, "{}");
    assert_int_equal(fs_mkdirs(h, "/var/lib/dpkg", 0755, &t->err), 0);
    assert_int_equal(fs_mkdirs(h, "/var/lib/apt/lists", 0755, &t->err), 0);
    *ret = somebody_holds(AT(path));
    return h;
}

static void who_holds_the_lock_is_waited_for_and_named(void **state)
{
    struct test_root *t = *state;
    static const struct {
        const char *lock;
        enum apt_verb verb;
    } cases[] = {{"/var/lib/dpkg/lock-frontend", APT_INSTALL},
                 {"/var/lib/dpkg/lock", APT_HOLD},
                 {"/var/lib/apt/lists/lock", APT_UPDATE}};
    const char *const names[] = {"htop"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pid_t pid;
        struct host *h = locked_world(t, cases[i].lock, &pid);
        struct told told = {0};
        struct progress p = {.say = hear, .self = &told, .note = hear_note};
        h->lock_seconds = 1;
        size_t n = cases[i].verb == APT_UPDATE ? 0 : 1;
        assert_int_equal(real_apt(h, cases[i].verb, names, n, &p, &t->err), -EBUSY);
        if (!strstr(t->err.text, arena_printf(&t->a, "process %d (", (int)pid)) ||
            !strstr(t->err.text, cases[i].lock) || !strstr(t->err.hint, "CITRUS_LOCK_TIMEOUT"))
            fail_msg("%s\nhint: %s", t->err.text, t->err.hint);
        assert_non_null(strstr(buf_str(&told.noted), cases[i].lock));
        assert_string_equal(fake_log(h), ""); /* nothing was run */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        buf_free(&told.said);
        buf_free(&told.noted);
        host_close(h);
    }
}

static void when_the_lock_is_let_go_the_work_is_done(void **state)
{
    struct test_root *t = *state;
    const char *const names[] = {"htop"};
    struct told told = {0};
    struct progress p = {.say = hear, .self = &told, .note = hear_note};
    struct host *h = locked_world(t, "/var/lib/dpkg/lock-frontend", &told.ends);
    assert_int_equal(real_apt(h, APT_INSTALL, names, 1, &p, &t->err), 0);
    assert_non_null(strstr(fake_log(h), "install -- htop"));
    waitpid(told.ends, NULL, 0);
    buf_free(&told.said);
    buf_free(&told.noted);
    host_close(h);
}

/* --- room ------------------------------------------------------------------------------------------------
 */

static void what_will_not_fit_is_refused_once_it_is_downloaded(void **state)
{
    struct test_root *t = *state;
    const char *const names[] = {"htop", "strace"};
    struct host *h =
        world(t, "{\"run\": {\"/usr/bin/apt-get\": {\"out\": \"After this operation, 987654 GB of "
                 "additional disk space will be used.\\n\"}}}");
    assert_int_equal(real_apt(h, APT_DOWNLOAD, names, 2, NULL, &t->err), -ENOSPC);
    if (!strstr(t->err.text, "installing htop and 1 more needs 987654000.0 MB at /usr"))
        fail_msg("%s", t->err.text);
    assert_non_null(strstr(t->err.hint, "make room"));
    host_close(h);
    h = world(t,
              "{\"run\": {\"/usr/bin/apt-get\": {\"out\": \"After this operation, 12.3 kB of additional disk "
              "space will be used.\\n\"}}}");
    assert_int_equal(real_apt(h, APT_DOWNLOAD, names, 2, NULL, &t->err), 0);
    host_close(h);
}

static void policy_that_fails_is_an_error(void **state)
{
    struct test_root *t = *state;
    struct host *h =
        world(t, "{\"run\": {\"/usr/bin/apt-cache\": {\"status\": 100, \"out\": \"E: broken lists\"}}}");
    const char *const names[] = {"nginx"};
    const char *candidate[1];
    assert_int_equal(real_apt_candidates(h, names, 1, candidate, &t->a, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "broken lists"));
    host_close(h);
}

static const struct host_ops *fake_ops;
static char asked[2000];
static int run_noted(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    struct buf line = {0};
    for (size_t i = 0; x->argv[i]; i++)
        buf_addf(&line, "%s ", x->argv[i]);
    snprintf(asked, sizeof asked, "%s", buf_str(&line));
    buf_free(&line);
    assert_false(x->mutates);
    return fake_ops->run(h, x, ret, err);
}

static void what_goes_along_is_what_a_simulation_removes(void **state)
{
    struct test_root *t = *state;
    struct host *h =
        world(t, "{\"run\": {\"/usr/bin/apt-get\": {\"out\": \"Reading package lists...\\n"
                 "The following packages will be REMOVED:\\n  ansible-core openssh-client openssh-server\\n"
                 "Remv ansible-core [2.14.18-0+deb12u2]\\nRemv openssh-server [1:9.2p1-2+deb12u6] []\\n"
                 "Remv libgit2:i386 [1.5]\\nRemv openssh-client [1:9.2p1-2+deb12u6]\\n\"}}}");
    const char *const names[] = {"openssh-client"}, *const bad[] = {"-y"};
    const char **along;
    struct host_ops ops = *h->ops;
    fake_ops = h->ops;
    ops.run = run_noted;
    h->ops = &ops;
    assert_int_equal(real_apt_along(h, APT_REMOVE, names, 1, &along, &t->a, &t->err), 0);
    assert_string_equal(along[0], "ansible-core");
    assert_string_equal(along[1], "openssh-server");
    assert_string_equal(along[2], "libgit2");
    assert_null(along[3]);
    assert_non_null(strstr(asked, " --simulate --allow-change-held-packages "));
    assert_non_null(strstr(asked, " remove -- openssh-client "));
    assert_int_equal(real_apt_along(h, APT_INSTALL, bad, 1, &along, &t->a, &t->err), -EINVAL);
    host_close(h);
    h = world(t, "{}");
    h->ops = &ops; /* a hold is in the way of an installation, as it is in earnest */
    assert_int_equal(real_apt_along(h, APT_INSTALL, names, 1, &along, &t->a, &t->err), 0);
    assert_null(along[0]);
    assert_non_null(strstr(asked, " --simulate install -- openssh-client "));
    assert_null(strstr(asked, "--allow-change-held-packages"));
    host_close(h);
}

static void a_simulation_that_fails_is_an_error(void **state)
{
    struct test_root *t = *state;
    struct host *h = world(t, "{\"run\": {\"/usr/bin/apt-get\": {\"status\": 100, \"out\": "
                              "\"E: Essential packages were removed\\n\"}}}");
    const char *const names[] = {"libc-bin"};
    const char **along;
    assert_int_equal(real_apt_along(h, APT_REMOVE, names, 1, &along, &t->a, &t->err), -EIO);
    assert_non_null(strstr(t->err.text, "Essential packages were removed"));
    host_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(candidates_are_read_from_the_policy),
        TEST(no_question_starts_no_process),
        TEST(names_that_are_options_or_suffixes_are_refused),
        TEST(an_install_asks_nothing_and_keeps_conffiles),
        TEST(each_verb_runs_its_program),
        TEST(what_a_service_holds_up_is_configured_without_it),
        TEST(the_error_is_apts_own_and_says_what_to_do),
        TEST(who_holds_the_lock_is_waited_for_and_named),
        TEST(when_the_lock_is_let_go_the_work_is_done),
        TEST(what_will_not_fit_is_refused_once_it_is_downloaded),
        TEST(policy_that_fails_is_an_error),
        TEST(what_goes_along_is_what_a_simulation_removes),
        TEST(a_simulation_that_fails_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
