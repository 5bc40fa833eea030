#include "content.h"
#include "report.h"
#include <string.h>

static void add_cause(const struct action *a, struct jsonw *j)
{
    const struct pos *pos = &a->change.res->pos;
    jw_object(j, "cause");
    jw_str(j, "class", cause_names[a->cause]);
    if (pos->file && a->cause != CAUSE_REMOVED) {
        jw_str(j, "file", pos->file);
        jw_int(j, "line", pos->line);
    }
    jw_end(j);
}

static void add_diff(struct engine *e, const struct change *c, struct redactor *red, struct jsonw *j)
{
    struct buf out = {0};
    struct diff_style ds = {.indent = "", .context = 2};
    if (c->op == OP_UPDATE && content_diff(e, c, red, &ds, &out))
        jw_str(j, "diff", buf_str(&out));
    buf_free(&out);
}

static void add_changes(const struct change *c, struct jsonw *j)
{
    jw_array(j, "changes");
    for (size_t i = 0; i < c->delta.n; i++) {
        jw_object(j, NULL);
        jw_str(j, "field", c->delta.at[i].field->name);
        jw_str(j, "before", c->delta.at[i].before);
        jw_str(j, "after", c->delta.at[i].after);
        jw_end(j);
    }
    jw_end(j);
}

static void add_resource(const struct resource *r, struct jsonw *j)
{
    jw_str(j, "kind", r->kind->name);
    jw_str(j, "id", r->id);
    jw_str(j, "site", r->site);
}

static void add_left(struct engine *e, const struct plan *p, struct redactor *red, struct jsonw *j)
{
    jw_array(j, "left");
    for (size_t i = 0; i < p->left.n; i++) {
        const struct left *l = &p->left.at[i];
        jw_object(j, NULL);
        jw_str(j, "op", op_names[l->change.op]);
        add_resource(l->change.res, j);
        jw_object(j, "cause");
        jw_str(j, "class", cause_names[CAUSE_CORRECTIVE]);
        jw_str(j, "policy", drift_policy_names[l->policy]);
        jw_end(j);
        add_changes(&l->change, j);
        add_diff(e, &l->change, red, j);
        jw_end(j);
    }
    jw_end(j);
}

static void add_foreign(const struct plan *p, struct jsonw *j)
{
    jw_array(j, "foreign");
    for (size_t i = 0; i < p->foreign.n; i++) {
        jw_object(j, NULL);
        add_resource(p->foreign.at[i].res, j);
        jw_object(j, "cause");
        jw_str(j, "class", "foreign");
        jw_end(j);
        jw_str(j, "field", p->foreign.at[i].field->name);
        jw_str(j, "found", p->foreign.at[i].value);
        jw_end(j);
    }
    jw_end(j);
}

static void add_warnings(const struct plan *p, struct jsonw *j)
{
    jw_array(j, "warnings");
    for (size_t i = 0; i < p->obstacles.n; i++) {
        const struct obstacle *o = &p->obstacles.at[i];
        jw_object(j, NULL);
        add_resource(o->res, j);
        if (o->res->pos.file) {
            jw_str(j, "file", o->res->pos.file);
            jw_int(j, "line", o->res->pos.line);
        }
        jw_str(j, "text", o->err.text);
        if (o->err.hint[0])
            jw_str(j, "hint", o->err.hint);
        jw_end(j);
    }
    jw_end(j);
}

static void add_action(struct engine *e, const struct plan *p, const struct action *a, struct redactor *red,
                       struct jsonw *j)
{
    const struct change *c = &a->change;
    jw_object(j, NULL);
    jw_int(j, "seq", a->seq);
    jw_str(j, "op", op_names[c->op]);
    jw_str(j, "kind", c->res->kind->name);
    jw_str(j, "id", c->res->id);
    jw_str(j, "site", c->res->site);
    add_cause(a, j);
    jw_str(j, "impact", impact_names[c->op == OP_REFRESH ? a->refresh : c->impact]);
    if (c->op == OP_REFRESH)
        jw_int(j, "sites_felt", (int64_t)a->sites_felt);
    if (a->owed)
        jw_int(j, "owed_since_transaction", a->owed_by);
    jw_str(j, "undo", reversal_names[c->reversal]);
    if (a->lockout)
        jw_bool(j, "lockout", true);
    if (c->summary)
        jw_str(j, "summary", c->summary);
    if (c->along) {
        jw_array(j, "along");
        for (const char *const *name = c->along; *name; name++)
            jw_str(j, NULL, *name);
        jw_end(j);
    }
    if (c->restore) {
        jw_object(j, "restored");
        jw_int(j, "transaction", c->restore->transaction);
        jw_int(j, "since", c->restore->since);
        jw_str(j, "path", c->restore->path);
        jw_end(j);
    }
    jw_array(j, "refreshes");
    for (size_t i = 0; i < a->refreshes.n; i++)
        jw_str(j, NULL, p->actions.at[a->refreshes.at[i]].change.res->id);
    jw_end(j);
    add_changes(c, j);
    add_diff(e, c, red, j);
    jw_end(j);
}

void report_plan_json(struct engine *e, const struct plan *p, struct redactor *red, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_str(&j, "server", p->server);
    jw_int(&j, "generation", p->generation);
    jw_str(&j, "manifest_sha256", p->bundle_digest);
    jw_object(&j, "counts");
    jw_int(&j, "create", (int64_t)p->create);
    jw_int(&j, "change", (int64_t)p->update);
    jw_int(&j, "remove", (int64_t)p->remove);
    jw_int(&j, "refresh", (int64_t)p->refresh);
    jw_int(&j, "unchanged", (int64_t)p->unchanged);
    jw_int(&j, "one_way", (int64_t)p->one_way);
    if (p->lockouts)
        jw_int(&j, "lockouts", (int64_t)p->lockouts);
    if (p->restored || p->lost) {
        jw_int(&j, "restored", (int64_t)p->restored);
        jw_int(&j, "lost", (int64_t)p->lost);
    }
    jw_int(&j, "left", (int64_t)p->left.n);
    jw_int(&j, "ignored", (int64_t)p->ignored);
    if (p->corrective_only)
        jw_int(&j, "pending", (int64_t)p->pending);
    jw_end(&j);
    jw_array(&j, "actions");
    for (size_t i = 0; i < p->actions.n; i++)
        add_action(e, p, &p->actions.at[i], red, &j);
    jw_end(&j);
    add_left(e, p, red, &j);
    add_foreign(p, &j);
    add_warnings(p, &j);
    jw_array(&j, "deferred");
    for (size_t i = 0; i < p->deferred.n; i++) {
        jw_object(&j, NULL);
        jw_str(&j, "kind", p->deferred.at[i].res->kind->name);
        jw_str(&j, "id", p->deferred.at[i].res->id);
        jw_str(&j, "site", p->deferred.at[i].res->site);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}
