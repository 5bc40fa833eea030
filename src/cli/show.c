#include "fs.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const action_state_names[] = {
    [ACTION_PLANNED] = "planned",      [ACTION_INTENT] = "begun",  [ACTION_DONE] = "done",
    [ACTION_UNDOING] = "being undone", [ACTION_UNDONE] = "undone", [ACTION_STUCK] = "stuck",
    [ACTION_SKIPPED] = "skipped"};

/* ---- a saved plan: always readable, also on another machine ----------------------------------------------
 */

static const char *member(json_t *o, const char *name, struct arena *a)
{
    return harmless_text(a, json_string_value(json_object_get(o, name)));
}

static void show_saved(const struct planfile *f, struct arena *arena, struct buf *out)
{
    json_t *actions = json_object_get(f->root, "actions"), *a, *c;
    size_t i, k;
    buf_addf(out, "Saved plan for %s at generation %lld: %zu actions\n",
             f->server ? harmless_text(arena, f->server) : "?", (long long)f->generation,
             json_array_size(actions));
    json_array_foreach(actions, i, a)
    {
        buf_addf(out, "  %-8s %s %s", member(a, "op", arena), member(a, "kind", arena),
                 member(a, "id", arena));
        if (*member(a, "site", arena))
            buf_addf(out, "  (%s)", member(a, "site", arena));
        buf_addc(out, '\n');
        json_array_foreach(json_object_get(a, "changes"), k, c)
        {
            if (strcmp(member(a, "op", arena), "update") == 0)
                buf_addf(out, "      %s: %s → %s\n", member(c, "field", arena), member(c, "before", arena),
                         member(c, "after", arena));
        }
    }
}

static int show_planfile(const struct options *o, const struct buf *text)
{
    struct session s = {.o = o, .lock = -1};
    struct error err = {0};
    struct planfile f;
    struct buf b = {0};
    if (planfile_read(NULL, text->at, text->len, &f, &s.arena, &err) < 0) {
        error_prefix(&err, "%s", o->args[0]);
        return session_close(&s, session_fail(&s, &err));
    }
    if (o->json)
        buf_add(&b, text->at, text->len);
    else
        show_saved(&f, &s.arena, &b);
    out_flush(&b);
    planfile_free(&f);
    return session_close(&s, EXIT_DONE);
}

/* ---- a generation
 * -------------------------------------------------------------------------------------------- */

static void generation_json(struct session *s, const struct store_generation *g, const struct store_action *a,
                            size_t n, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_int(&j, "generation", g->number);
    jw_int(&j, "time", g->time);
    jw_int(&j, "transaction", g->transaction);
    jw_int(&j, "rollback_of", g->rollback_of);
    jw_str(&j, "who", g->who);
    jw_str(&j, "reason", g->reason);
    jw_str(&j, "status", g->status);
    jw_str(&j, "manifest_sha256", g->digest);
    jw_raw(&j, "manifest", bundle_to_json(g->bundle, &s->arena));
    jw_array(&j, "actions");
    for (size_t i = 0; i < n; i++) {
        jw_object(&j, NULL);
        jw_int(&j, "seq", a[i].seq);
        jw_str(&j, "op", a[i].op);
        jw_str(&j, "kind", a[i].kind);
        jw_str(&j, "id", a[i].id);
        jw_str(&j, "site", a[i].site);
        jw_str(&j, "state", action_state_names[a[i].state]);
        jw_str(&j, "error", a[i].error);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

static void generation_text(struct session *s, const struct store_generation *g, const struct store_action *a,
                            size_t n, struct buf *out)
{
    buf_addf(out, "%sGeneration %lld%s, %s by %s%s%s\n", style_bold(&s->style), (long long)g->number,
             style_off(&s->style), g->status, g->who ? harmless_text(&s->arena, g->who) : "?",
             g->reason ? ": " : "", harmless_text(&s->arena, g->reason));
    if (g->rollback_of)
        buf_addf(out, "with the content of generation %lld\n", (long long)g->rollback_of);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "  %-8s %s %s", a[i].op, a[i].kind, a[i].id);
        if (a[i].state != ACTION_DONE)
            buf_addf(out, "  [%s]", action_state_names[a[i].state]);
        if (a[i].error)
            buf_addf(out, " %s", harmless_text(&s->arena, a[i].error));
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < g->bundle->n; i++) {
        const struct bundle_file *f = &g->bundle->at[i];
        buf_addf(out, "\n%s--- %s%s\n", style_dim(&s->style), f->name, style_off(&s->style));
        buf_add(out, f->text, f->len);
    }
}

static int show_generation(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct store_generation g;
    struct store_action *a = NULL;
    size_t n = 0;
    int64_t number = 0;
    if (o->n_args && (int_parse(o->args[0], &number) < 0 || number < 1)) {
        fprintf(stderr, "citrus show: \"%s\" is neither a generation's number nor a saved plan\n",
                o->args[0]);
        return EXIT_ERROR;
    }
    int status = session_open(&s, o, SESSION_READ);
    if (status)
        return session_close(&s, status);
    int r = store_generation_get(s.store, number, &s.arena, &g, &err);
    if (r == -ENOENT)
        error_set(&err, r, "there is no generation %s; `citrus history` lists them",
                  o->n_args ? o->args[0] : "yet");
    if (r == 0 && g.transaction)
        r = store_actions(s.store, g.transaction, &s.arena, &a, &n, &err);
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    struct buf b = {0};
    if (o->json)
        generation_json(&s, &g, a, n, &b);
    else
        generation_text(&s, &g, a, n, &b);
    out_flush(&b);
    return session_close(&s, EXIT_DONE);
}

int command_show(const struct options *o)
{
    struct session s = {.o = o, .lock = -1};
    struct buf text = {0};
    struct error err = {0};
    int fd = o->n_args ? open(o->args[0], O_RDONLY | O_CLOEXEC) : -1, plan = 0, status;
    if (fd >= 0) {
        plan = planfile_load(fd, &text, &err);
        close(fd);
    }
    if (plan < 0) {
        error_prefix(&err, "%s", o->args[0]);
        status = session_close(&s, session_fail(&s, &err));
    } else {
        status = plan ? show_planfile(o, &text) : show_generation(o);
    }
    buf_free(&text);
    return status;
}
