/* Random manifests on offline trees: what is applied is as wanted, what is rolled back is as it was, and what
 * is killed on the way is taken back whole or goes on.
 *
 *   test_offline CITRUS [--count N] [--first N] [--jobs N]     N seeds from the first on
 *   test_offline CITRUS --seed N [--keep]                      one; its tree stays, its commands are shown
 *
 * A seed: three manifests, each made of the one before, be it changed here and there or in one site's own
 * part. What is planned of it after a look at the one before is what a look at everything plans. Each is
 * applied, now and then killed at one of its steps (CITRUS is built with fault points) and recovered; then a
 * rollback, one to the first, one to the last. After each: the plan is empty, and the whole tree is what it
 * was at that manifest. In between people put files into each site: a rollback brings those back that were
 * there, also where the site was gone meanwhile. */
#include "buf.h"
#include "generator.h"
#include "text.h"
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPS 3

struct run {
    struct arena a;
    struct rng rng;
    uint64_t seed;
    const char *citrus;
    bool bare;
    char top[64], *root, *work;
    struct bundle manifest[STEPS];
    bool touched[STEPS]; /* changed in one site's part alone */
    char *state[STEPS];
    VEC(const char *) people[STEPS]; /* the files of people that were there */
    long long generation[STEPS];
    struct buf log, out;
    long killed, recovered;
};

/* --- processes
 * ---------------------------------------------------------------------------------------------- */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* What was done and said, without the plans: where it ended badly, its end. */
static void log_output(struct run *r, int rc)
{
    const char *text = buf_str(&r->out), *end = text + strlen(text);
    bool whole = rc != 0 && rc != 137;
    for (int lines = 0; whole && end > text && lines < 24; end--)
        lines += end[-1] == '\n';
    for (const char *l = text; *l; l += strcspn(l, "\n") + 1) {
        bool told = starts_with(l, "citrus:") || starts_with(l, "Applied") || starts_with(l, "Nothing");
        if (told || (whole && l >= end))
            buf_addf(&r->log, "  %.*s\n", (int)strcspn(l, "\n"), l);
        if (!l[strcspn(l, "\n")])
            break;
    }
    buf_addf(&r->log, "  (exit %d)\n", rc);
}

/* Runs citrus with these words, `--root` and the tree; output is kept, the status as a shell has it. */
static int citrus(struct run *r, long die_at, const char *command, ...)
{
    const char *argv[12] = {r->citrus, command, "--root", r->root};
    size_t n = 4;
    va_list ap;
    char step[32];
    int status;
    va_start(ap, command);
    for (const char *w; (w = va_arg(ap, const char *)) && n < 11;)
        argv[n++] = w;
    va_end(ap);
    snprintf(step, sizeof step, "%ld", die_at);
    buf_addf(&r->log, "$ %s%s%s%s", die_at ? "CITRUS_DIE_AT=" : "", die_at ? step : "", die_at ? " " : "",
             "citrus");
    for (size_t i = 1; i < n; i++)
        buf_addf(&r->log, " %s", argv[i]);
    buf_addc(&r->log, '\n');
    const char *path = arena_printf(&r->a, "%s/out", r->top);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_RDONLY);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || dup2(null, 0) < 0 || chdir(r->work) < 0)
            die(path);
        if (die_at)
            setenv("CITRUS_DIE_AT", step, 1);
        execv(r->citrus, (char *const *)argv);
        die(r->citrus);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    int rc = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    char block[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    buf_reset(&r->out);
    for (ssize_t got; fd >= 0 && (got = read(fd, block, sizeof block)) > 0;)
        buf_add(&r->out, block, (size_t)got);
    close(fd);
    log_output(r, rc);
    return rc;
}

/* --- one seed
 * ----------------------------------------------------------------------------------------------- */

static bool failed(struct run *r, const char *why, const char *detail)
{
    printf("\nFAIL seed %llu%s: %s\n%s\n", (unsigned long long)r->seed, r->bare ? " (bare tree)" : "", why,
           detail);
    for (size_t i = 0; i < STEPS; i++)
        for (size_t k = 0; k < r->manifest[i].n; k++)
            printf("--- manifest %zu: %s\n%s", i + 1, r->manifest[i].at[k].name, r->manifest[i].at[k].text);
    printf("--- what was run\n%s--- again: %s %s --seed %llu\n", buf_str(&r->log), "test_random_offline",
           r->citrus, (unsigned long long)r->seed);
    fflush(stdout);
    return false;
}

static bool expect(struct run *r, int rc, const char *what)
{
    return rc == 0 || failed(r, arena_printf(&r->a, "%s ended with %d", what, rc), "");
}

static bool same(struct run *r, const char *before, const char *now, bool loosely, const char *when)
{
    const char *diff = tree_diff(before, now, loosely, &r->a);
    return !*diff || failed(r, arena_printf(&r->a, "%s the tree is not what it was", when), diff);
}

static void write_manifest(struct run *r, size_t step)
{
    const struct bundle *b = &r->manifest[step];
    char *dir = arena_printf(&r->a, "%s/sites", r->work);
    for (const char *const *d = generator_domains; *d; d++)
        unlink(arena_printf(&r->a, "%s/%s.yaml", dir, *d));
    for (size_t i = 0; i < b->n; i++) {
        const char *path = arena_printf(&r->a, "%s/%s", r->work, b->at[i].name);
        FILE *f = fopen(path, "w");
        if (!f || fwrite(b->at[i].text, 1, b->at[i].len, f) != b->at[i].len || fclose(f) != 0)
            die(path);
    }
}

/* A step that most applies have, though the later ones are rare: 1 to 20, to 80, to 320 or to 1280. */
static long pick_step(struct run *r)
{
    return 1 + (long)rng_below(&r->rng, (size_t)20 << 2 * rng_below(&r->rng, 4));
}

/* What a kill left is taken back, by `recover` (which may be killed as well) or by whatever runs next. */
static bool recover(struct run *r, const char *before)
{
    size_t how = rng_below(&r->rng, 3);
    bool done = strstr(buf_str(&r->out), "Applied ") || strstr(buf_str(&r->out), "Nothing to do");
    if (how == 0)
        return true; /* the next apply does it */
    if (how == 1)
        citrus(r, pick_step(r), "recover", NULL);
    if (!expect(r, citrus(r, 0, "recover", NULL), "recover"))
        return false;
    r->recovered++;
    if (done || strstr(buf_str(&r->out), "Nothing to recover"))
        return true; /* killed at its very end, or taken back by the recover that was killed: see below */
    return same(r, before, tree_state(r->root, true, &r->a), false, "after a kill and recover");
}

/* Runs a command that changes the tree, and that can be repeated; one in three is killed first. */
static bool go(struct run *r, const char *command, const char *word)
{
    if (rng_chance(&r->rng, 35)) {
        const char *before = tree_state(r->root, true, &r->a);
        int rc = citrus(r, pick_step(r), command, "--yes", word, NULL);
        if (rc != 137)
            return expect(r, rc, command); /* it has fewer steps */
        r->killed++;
        if (!recover(r, before))
            return false;
    }
    return expect(r, citrus(r, 0, command, "--yes", word, NULL), command);
}

/* Each site gets a file of this step, in the folder that every type of site has. */
static void people_work(struct run *r, size_t step)
{
    for (const char *const *d = generator_domains; *d; d++)
        for (size_t i = 0; i <= step; i++) {
            const char *path =
                arena_printf(&r->a, "%s/var/www/%s/custom.d/" TREE_PEOPLE "%zu.conf", r->root, *d, i);
            int fd = open(path, i == step ? O_WRONLY | O_CREAT | O_CLOEXEC : O_WRONLY | O_CLOEXEC, 0644);
            if (fd < 0)
                continue;
            close(fd);
            vec_push(&r->a, &r->people[step], path);
        }
}

static bool people_found(struct run *r, size_t step)
{
    for (size_t i = 0; i < r->people[step].n; i++)
        if (access(r->people[step].at[i], F_OK) != 0)
            return failed(r,
                          arena_printf(&r->a, "after the rollback to manifest %zu a file of somebody is gone",
                                       step + 1),
                          r->people[step].at[i]);
    return true;
}

static bool nothing_to_do(struct run *r, size_t step)
{
    write_manifest(r, step);
    int rc = citrus(r, 0, "apply", "--plan", "--detailed-exitcode", "server.yaml", NULL);
    return rc == 0 ||
           failed(r, arena_printf(&r->a, "the plan of manifest %zu is not empty: %d", step + 1, rc),
                  buf_str(&r->out));
}

/* A new site's secrets are others each time they are only planned, and so are the keyed hashes of them. */
static char *without_keyed(struct run *r)
{
    char *text = arena_strdup(&r->a, buf_str(&r->out));
    for (char *at = text; (at = strstr(at, "\"keyed:"));)
        for (at += strlen("\"keyed:"); *at && *at != '"'; at++)
            *at = '.';
    return text;
}

/* The look at the manifest before left what a plan of the changed sites stands on. */
static bool same_plan(struct run *r, size_t step)
{
    write_manifest(r, step);
    int rc = citrus(r, 0, "apply", "--plan", "--json", "server.yaml", NULL);
    const char *narrow = without_keyed(r);
    if (!expect(r, rc, "a plan") ||
        !expect(r, citrus(r, 0, "apply", "--plan", "--json", "--verify", "server.yaml", NULL),
                "a whole plan"))
        return false;
    const char *whole = without_keyed(r);
    return strcmp(narrow, whole) == 0 ||
           failed(r, arena_printf(&r->a, "the plan of manifest %zu is not that of a whole look", step + 1),
                  arena_printf(&r->a, "%s--- a whole look\n%s", narrow, whole));
}

static bool newest(struct run *r, long long *ret)
{
    if (!expect(r, citrus(r, 0, "history", "--json", NULL), "history"))
        return false;
    const char *at = strstr(buf_str(&r->out), "\"number\":");
    *ret = at ? strtoll(at + strlen("\"number\":"), NULL, 10) : 0;
    return at || failed(r, "no generation was made", "");
}

static bool roll_back(struct run *r, size_t step, bool by_number)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", r->generation[step]);
    /* without a number it goes back by one each time */
    if (by_number ? !go(r, "rollback", number)
                  : !expect(r, citrus(r, 0, "rollback", "--yes", NULL), "rollback"))
        return false;
    return same(r, r->state[step], tree_state(r->root, false, &r->a), r->bare,
                arena_printf(&r->a, "after the rollback to manifest %zu", step + 1)) &&
           people_found(r, step) && nothing_to_do(r, step);
}

static bool sequence(struct run *r)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (i > 0 && (r->touched[i] || rng_chance(&r->rng, 30)) && !same_plan(r, i))
            return false;
        write_manifest(r, i);
        if (!go(r, "apply", "server.yaml"))
            return false;
        /* A look is kept for the next if all has been as it is for a while: footprint.h. */
        nanosleep(&(struct timespec){.tv_nsec = 110 * 1000 * 1000}, NULL);
        if (!nothing_to_do(r, i) || !newest(r, &r->generation[i]))
            return false;
        people_work(r, i);
        r->state[i] = tree_state(r->root, false, &r->a);
    }
    return roll_back(r, STEPS - 2, false) && roll_back(r, 0, true) && roll_back(r, STEPS - 1, true);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

/* Memory where it can be had: nothing here is about disks, and each write is synced. */
static const char *place(void)
{
    struct statfs s;
    const char *tmp = getenv("TMPDIR");
    if (access("/dev/shm", W_OK) == 0 && statfs("/dev/shm", &s) == 0 &&
        (uint64_t)s.f_bavail * (uint64_t)s.f_bsize > 256u << 20)
        return "/dev/shm";
    return tmp && *tmp ? tmp : "/tmp";
}

static bool run_seed(uint64_t seed, const char *program, bool keep, long *killed)
{
    static const char *const versions[] = {"1.22.1", "1.18.0", "1.26.3"};
    struct run r = {
        .seed = seed, .citrus = program, .rng = {.state = seed ^ UINT64_C(0x5eed)}, .bare = seed % 10 == 0};
    snprintf(r.top, sizeof r.top, "%.40s/citrus-random-XXXXXX", place());
    if (!mkdtemp(r.top))
        die(r.top);
    r.root = arena_printf(&r.a, "%s/root", r.top);
    r.work = arena_printf(&r.a, "%s/work", r.top);
    if (mkdir(r.root, 0755) < 0 || mkdir(r.work, 0755) < 0 ||
        mkdir(arena_printf(&r.a, "%s/sites", r.work), 0755) < 0)
        die(r.top);
    struct generator *g = generator_new(seed, r.bare ? PROFILE_BARE : PROFILE_OFFLINE, &r.a);
    for (size_t i = 0; i < STEPS; i++) {
        r.touched[i] = i > 0 && rng_chance(&r.rng, 50);
        if (r.touched[i])
            generator_touch(g, &r.manifest[i]);
        else
            generator_next(g, &r.manifest[i]);
    }
    tree_make(r.root, r.bare, versions[rng_below(&r.rng, 3)]);
    bool good = sequence(&r);
    if (keep)
        printf("%sthe tree: %s\n", good ? buf_str(&r.log) : "", r.root);
    else
        nftw(r.top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    *killed += r.killed;
    buf_free(&r.log);
    buf_free(&r.out);
    arena_free(&r.a);
    return good;
}

/* --- all
 * ---------------------------------------------------------------------------------------------------- */

struct tally {
    long passed, failed, killed;
};

static struct tally work(const char *program, uint64_t first, uint64_t count, unsigned at, unsigned jobs)
{
    struct tally t = {0};
    for (uint64_t i = at; i < count; i += jobs) {
        if (run_seed(first + i, program, false, &t.killed))
            t.passed++;
        else
            t.failed++;
    }
    return t;
}

static struct tally work_all(const char *program, uint64_t first, uint64_t count, unsigned jobs)
{
    struct tally all = {0}, t;
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    fflush(stdout);
    for (unsigned i = 0; i < jobs; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            t = work(program, first, count, i, jobs);
            _exit(write(ends[1], &t, sizeof t) == sizeof t ? 0 : 1);
        }
    }
    close(ends[1]);
    while (read(ends[0], &t, sizeof t) == sizeof t) {
        all.passed += t.passed;
        all.failed += t.failed;
        all.killed += t.killed;
    }
    for (int status; wait(&status) > 0;)
        if (status != 0)
            all.failed++; /* a worker that ended early */
    return all;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = getenv("CITRUS_TEST_SLOW") ? 10 : 200, seed = 0;
    unsigned jobs = 2;
    bool keep = false;
    char program[PATH_MAX];
    if (argc < 2 || !realpath(argv[1], program)) {
        fprintf(stderr,
                "usage: test_random_offline CITRUS [--count N] [--first N] [--jobs N] | --seed N [--keep]\n");
        return 2;
    }
    setenv("CITRUS_SHARE", SHARE_DIR, 0); /* templates and configs */
    setenv("NO_COLOR", "1", 1);
    umask(022);
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (!strcmp(argv[i], "--keep")) {
            keep = true;
            continue;
        }
        if (!strcmp(argv[i], "--count"))
            count = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--first"))
            first = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--jobs"))
            jobs = (unsigned)atoi(value);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(value, NULL, 10);
        else
            return 2;
        i++;
    }
    if (geteuid() != 0) {
        printf("not root: files cannot be given to other owners\n");
        return 77;
    }
    if (seed) {
        long killed = 0;
        return run_seed(seed, program, keep, &killed) ? 0 : 1;
    }
    struct tally t = work_all(program, first, count, jobs);
    printf("seeds %llu to %llu: %d applies and %d rollbacks each, %ld of them killed\n",
           (unsigned long long)first, (unsigned long long)(first + count - 1), STEPS, STEPS, t.killed);
    printf("%ld passed, %ld failed\n", t.passed, t.failed);
    return t.failed || t.passed == 0 ? 1 : 0;
}
