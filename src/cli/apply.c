#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1 and the text of a regular file that begins like a plan; 0 for anything else, which is a manifest's
 * matter.
 */
static int read_if_plan(const char *path, struct buf *ret, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? planfile_load(fd, ret, err) : 0;
    if (fd >= 0)
        close(fd);
    if (r < 0)
        error_prefix(err, "%s", path);
    return r;
}

static int apply_file(struct session *s, const struct buf *text)
{
    struct error err = {0};
    struct planfile f;
    int r = planfile_read(&s->engine, text->at, text->len, &f, &s->arena, &err);
    if (r < 0) {
        error_prefix(&err, "%s", s->o->args[0]);
        return session_fail(s, &err);
    }
    /* What was planned for some sites is applied to these. */
    struct options o = *s->o;
    for (o.n_sites = 0; f.sites && f.sites[o.n_sites] && o.n_sites < SITES_MOST; o.n_sites++)
        o.sites[o.n_sites] = f.sites[o.n_sites];
    o.sites[o.n_sites] = NULL;
    o.fresh = f.fresh;
    const struct options *before = s->o;
    s->o = &o;
    struct bundle texts;
    r = bundle_from_json(f.bundle_json, &texts, &s->arena, &err);
    int status = r < 0 ? session_fail(s, &err) : session_texts(s, &texts);
    if (status == 0)
        status = session_run(s, &(struct run){.why = "apply", .file = &f});
    s->o = before;
    planfile_free(&f);
    return status;
}

static int fail_early(const struct options *o, const struct error *err)
{
    struct session s = {.o = o, .lock = -1};
    return session_close(&s, session_fail(&s, err));
}

/* Before anything is looked at: planning may take a minute, and whoever waited for it wants the file. */
static int check_out(const struct options *o)
{
    struct error err = {0};
    char place[PATH_MAX];
    if (!o->out || out_place(o->out, place, &err) == 0)
        return 0;
    return fail_early(o, &err);
}

int command_apply(const struct options *o)
{
    struct session s;
    struct buf plan = {0};
    struct error err = {0};
    int file = o->n_args ? read_if_plan(o->args[0], &plan, &err) : 0;
    const char *alone = o->plan_only ? NULL : o->out ? "--out" : o->detailed ? "--detailed-exitcode" : NULL;
    if (alone) {
        fprintf(stderr, "citrus apply: %s goes with --plan\n", alone);
        buf_free(&plan);
        return EXIT_ERROR;
    }
    if (file < 0 || check_out(o)) {
        buf_free(&plan);
        return file < 0 ? fail_early(o, &err) : EXIT_ERROR;
    }
    int status = session_open(&s, o, !o->plan_only ? SESSION_CHANGE : file ? SESSION_LOOK : SESSION_GLANCE);
    if (status == 0 && file)
        status = apply_file(&s, &plan);
    else if (status == 0 && o->plan_only)
        glance_allow(&s, "plan");
    if (status == 0 && !file)
        narrow_allow(&s);
    if (status == 0 && !file)
        status = session_manifest(&s, o->n_args ? o->args[0] : NULL);
    if (status == 0 && !file && !s.glanced)
        status = session_run(&s, &(struct run){.why = "apply"});
    buf_free(&plan);
    return session_close(&s, status);
}
