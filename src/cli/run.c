/* Plan, show, ask, apply: what apply and rollback share. */
#include "awaiting.h"
#include "file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void show_plan(struct session *s, const struct run *r)
{
    struct buf b = {0};
    const char *title = r->title ? r->title : arena_printf(&s->arena, "Plan for %s", s->plan->server);
    if (r->brief)
        return;
    if (s->o->json && s->o->plan_only)
        report_plan_json(&s->engine, s->plan, s->redactor, &b);
    else if (!s->o->json)
        report_plan(&s->engine, s->plan, &s->style, s->redactor, title, &b);
    if (s->o->plan_only)
        glance_keep(s, &b);
    out_flush(&b);
}

#define LINKS_MOST 40 /* as the kernel has it */

/* Along links by hand: where they lead there is no file yet, and realpath() is for what is there. */
static int follow_links(char place[PATH_MAX])
{
    char to[PATH_MAX];
    for (int i = 0; i < LINKS_MOST; i++) {
        ssize_t n = readlink(place, to, sizeof to - 1);
        if (n < 0)
            return errno == EINVAL || errno == ENOENT ? 0 : -errno;
        to[n] = '\0';
        char *slash = strrchr(place, '/');
        size_t at = *to == '/' || !slash ? 0 : (size_t)(slash + 1 - place);
        if (at + (size_t)n >= PATH_MAX)
            return -ENAMETOOLONG;
        memcpy(place + at, to, (size_t)n + 1);
    }
    return -ELOOP;
}

/* The kernel follows the links first, for it refuses those that somebody else left in a directory that all
 * may write (protected_symlinks in proc(5)). */
int out_place(const char *path, char ret[PATH_MAX], struct error *err)
{
    struct stat st;
    int r = stat(path, &st) == 0 ? 0 : -errno;
    if (r == 0 && !S_ISREG(st.st_mode)) {
        error_set(err, -EINVAL, "%s: the plan cannot be saved: that is no regular file", path);
        error_hint(err, "name a regular file");
        return -EINVAL;
    }
    if (r == 0 && !realpath(path, ret))
        r = -errno;
    if (r == -ENOENT) {
        int n = snprintf(ret, PATH_MAX, "%s", path);
        r = n >= 0 && n < PATH_MAX ? follow_links(ret) : -ENAMETOOLONG;
    }
    return r < 0 ? error_errno(err, r, "%s: the plan cannot be saved", path) : 0;
}

/* A new file, for its owner's eyes. */
static int save_plan(struct session *s)
{
    struct buf b = {0};
    struct error err = {0};
    char place[PATH_MAX];
    const char *path = s->o->out;
    if (out_place(path, place, &err) < 0)
        return session_fail(s, &err);
    int r = planfile_write(&s->engine, s->plan, bundle_to_json(&s->bundle, &s->arena), &b, &err);
    if (r == 0)
        r = store_secrets_keep(s->store, &err); /* the plan is bound to their hashes */
    if (r == 0) {
        r = file_replace(place, b.at, b.len, 0600, (uid_t)-1, (gid_t)-1);
        if (r < 0)
            error_errno(&err, r, "%s: the plan cannot be saved", path);
    }
    buf_free(&b);
    if (r < 0)
        return session_fail(s, &err);
    if (!s->o->json)
        printf("Saved as %s; `citrus apply %s` does exactly this.\n", path, path);
    return 0;
}

int session_ask(struct session *s, const char *question)
{
    char answer[16];
    struct error err = {0};
    if (s->o->yes)
        return 0;
    if (s->o->json) {
        error_set(&err, -EINVAL, "--json shows no plan to be asked about. Nothing was changed");
        error_hint(&err, "--yes goes on without a question, --plan shows the plan and stops");
        return session_fail(s, &err);
    }
    if (!isatty(STDIN_FILENO)) {
        error_set(&err, -ENOTTY,
                  "nobody can be asked here: standard input is no terminal. Nothing was changed");
        error_hint(&err, "--yes goes on without a question, --plan shows and stops");
        return session_fail(s, &err);
    }
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
        fprintf(stderr, "Nothing was changed.\n");
        return EXIT_ERROR;
    }
    return 0;
}

int session_apply(struct session *s, const struct run *r)
{
    struct error err = {0};
    struct buf b = {0};
    struct apply_result result;
    struct apply_options ao = {.on_failure = s->o->on_failure,
                               .allow_one_way = s->o->allow_one_way,
                               .why = s->o->fresh ? arena_printf(&s->arena, "%s" RUN_FRESH, r->why) : r->why,
                               .who = session_who(s),
                               .reason = s->o->reason,
                               .rollback_of = r->rollback_of,
                               .plan_digest = r->file ? r->file->digest : NULL,
                               .confirm = s->confirm};
    int rc = engine_apply(&s->engine, s->plan, &ao, &result, &err);
    progress_close(s);
    if (rc < 0) {
        session_fail(s, &err);
        fprintf(stderr,
                "citrus: the journal could not be written; `citrus recover` settles what was begun\n");
        return EXIT_STUCK;
    }
    if (s->confirm && !result.until)
        awaiting_disarm(s);
    s->awaits = result.until != 0;
    if (result.failures.n || result.err.code)
        s->trouble =
            arena_strdup(&s->arena, result.failures.n ? result.failures.at[0].err.text : result.err.text);
    bool good = result.outcome == APPLY_DONE || result.outcome == APPLY_NOTHING;
    if (s->o->json && r->into)
        report_result_member(s->plan, &result, "resumed", r->into);
    else if (s->o->json && !r->brief)
        report_result_json(s->plan, &result, &b);
    else if (!s->o->json && !(r->brief && good))
        report_result(s->plan, &result, &s->style, &b);
    if (result.until && !s->o->json)
        awaiting_tell(s, &result, &b);
    s->confirm = 0; /* what else this run applies is another matter */
    out_flush(&b);
    return apply_exit(&result);
}

size_t plan_changes(const struct plan *p)
{
    return p->create + p->update + p->remove;
}

static int note(struct session *s, const char *command, size_t changes, int status)
{
    store_run_note(s->store, command, status, (int64_t)changes, NULL);
    return status;
}

#define UNMET_NAMED 6

/* A plan for chosen sites on a server that is not ready for them would fail in the middle. */
static int refuse_unmet(struct session *s)
{
    struct error err = {0};
    struct buf b = {0};
    const struct plan *p = s->plan;
    for (size_t i = 0; i < p->unmet.n && i < UNMET_NAMED; i++) {
        const struct unmet *u = &p->unmet.at[i];
        buf_addf(&b, "%s%s %s", i ? ", " : "", u->res->kind->name, u->res->id);
        if (u->res->pos.file)
            buf_addf(&b, " (%s:%d)", u->res->pos.file, u->res->pos.line);
        if (u->there)
            buf_adds(&b, " is not as the manifest says");
    }
    if (p->unmet.n > UNMET_NAMED)
        buf_addf(&b, " and %zu more", p->unmet.n - UNMET_NAMED);
    error_set(&err, -ENOENT, "--site leaves the server alone, which lacks what the site needs: %s",
              buf_str(&b));
    error_hint(&err, "`citrus apply` without --site first: it brings the server's part");
    buf_free(&b);
    return session_fail(s, &err);
}

int session_run(struct session *s, const struct run *r)
{
    struct error err = {0};
    int status = session_recover(s, s->o->plan_only);
    if (status == 0)
        status = session_plan(s);
    if (status)
        return status;
    if (r->file && planfile_match(r->file, s->plan, &err) < 0) {
        error_hint(&err, "make the plan anew: `citrus apply --plan --out FILE`");
        session_fail(s, &err);
        fprintf(stderr, "The plan is stale. Nothing was changed.\n");
        return EXIT_STALE;
    }
    if (s->plan->unmet.n)
        return refuse_unmet(s);
    if (!r->brief && session_obstacles(s))
        return EXIT_ERROR;
    show_plan(s, r);
    if (s->o->out) {
        status = save_plan(s);
        if (status)
            return status;
    }
    if (s->o->plan_only)
        return note(s, "plan", plan_changes(s->plan),
                    s->o->detailed && s->plan->actions.n ? EXIT_PENDING : EXIT_DONE);
    status = awaiting_decide(s);
    if (status == 0 && s->plan->actions.n)
        status = session_ask(s, "Apply this?");
    if (status == 0)
        status = awaiting_arm(s);
    if (status)
        return status;
    size_t changes = plan_changes(s->plan);
    status = session_apply(s, r);
    s->applied = status == 0;
    /* A saved plan is done as it was shown, and no more; what awaits confirmation may yet go; what mends
     * drift leaves files that wait for an apply as they are, with the old password; and a narrow plan is made
     * where nothing is being rotated. */
    bool ends = status == 0 && !r->file && !s->awaits && !s->corrective_only && !s->narrow.of;
    return note(s, r->why, changes, ends ? session_end_rotations(s) : status);
}
