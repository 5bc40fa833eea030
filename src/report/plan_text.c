#include "content.h"
#include "report.h"
#include <stdlib.h>
#include <string.h>

struct printing {
    struct engine *e;
    const struct plan *p;
    const struct report_style *s;
    struct redactor *red;
    struct buf *out;
};

static const char *sign_of(enum op op)
{
    static const char *const signs[] = {
        [OP_NONE] = " ", [OP_CREATE] = "+", [OP_UPDATE] = "~", [OP_REMOVE] = "-", [OP_REFRESH] = "↻"};
    return signs[op];
}

static const char *colour_of(enum op op, const struct report_style *s)
{
    switch (op) {
    case OP_CREATE:
        return style_green(s);
    case OP_REMOVE:
        return style_red(s);
    case OP_UPDATE:
        return style_yellow(s);
    default:
        return style_bold(s);
    }
}

void report_action_line(const struct action *a, struct buf *out)
{
    const struct change *c = &a->change;
    const char *what = c->op == OP_REFRESH ? impact_names[a->refresh] : c->res->kind->name;
    buf_join(out, sign_of(c->op), " ", what, " ", c->res->id);
}

static void add_cause(const struct action *a, struct buf *out)
{
    const struct pos *pos = &a->change.res->pos;
    switch (a->cause) {
    case CAUSE_INTENTIONAL:
        if (pos->file)
            buf_addf(out, "%s:%d", pos->file, pos->line);
        else
            buf_adds(out, "new default");
        break;
    case CAUSE_CORRECTIVE:
        buf_adds(out, "drift");
        break;
    case CAUSE_REMOVED:
        buf_adds(out, "no longer in the manifest");
        break;
    case CAUSE_REFRESH:
        if (a->owed)
            buf_addf(out, "owed since transaction %lld; ", (long long)a->owed_by);
        buf_addf(out, "%zu site%s", a->sites_felt, a->sites_felt == 1 ? "" : "s");
        break;
    }
}

/* Behind the cause: what services feel of it, and how far it can be taken back. */
static void add_notes(const struct printing *g, const struct action *a)
{
    const struct change *c = &a->change;
    for (size_t i = 0; i < a->refreshes.n; i++) {
        const struct action *r = &g->p->actions.at[a->refreshes.at[i]];
        buf_join(g->out, "; ", impact_names[r->refresh], " ", r->change.res->id);
    }
    if (c->impact != IMPACT_NONE && c->op != OP_REFRESH)
        buf_join(g->out, "; ", impact_names[c->impact]);
    if (c->op != OP_REFRESH)
        buf_join(g->out, "; ", reversal_names[c->reversal]);
    if (a->lockout)
        buf_addf(g->out, "; %sasks for confirmation%s", style_red(g->s), style_dim(g->s));
}

static bool show_texts(const struct printing *g, const struct change *c)
{
    struct diff_style ds = {.indent = "        ", .colour = g->s->colour, .context = 2};
    return content_diff(g->e, c, g->red, &ds, g->out);
}

static void show_fields(const struct printing *g, const struct change *c)
{
    for (size_t i = 0; i < c->delta.n; i++) {
        const struct field_change *f = &c->delta.at[i];
        /* Digests say nothing to a person where the text itself is shown. */
        if (field_is_digest(f->field)) {
            if (c->op == OP_UPDATE && !show_texts(g, c))
                buf_adds(g->out, "      content: a secret in it, or what cannot be shown\n");
            continue;
        }
        if (c->op == OP_CREATE)
            buf_addf(g->out, "      %s: %s\n", f->field->name, f->after ? f->after : "(unset)");
        else
            buf_addf(g->out, "      %s: %s → %s%s%s\n", f->field->name, f->before ? f->before : "(unset)",
                     style_bold(g->s), f->after ? f->after : "(unset)", style_off(g->s));
    }
}

/* Columns that a terminal would count: UTF-8 continuation bytes take none. */
static size_t width(const char *s, size_t n)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++)
        w += ((unsigned char)s[i] & 0xc0) != 0x80;
    return w;
}

#define CAUSE_COLUMN 58

static void show_action(const struct printing *g, const struct action *a)
{
    const struct change *c = &a->change;
    struct buf line = {0};
    report_action_line(a, &line);
    if (c->summary)
        buf_join(&line, " (", c->summary, ")");
    buf_join(g->out, "  ", colour_of(c->op, g->s), buf_str(&line), style_off(g->s));
    size_t w = width(line.at, line.len);
    for (size_t n = w < CAUSE_COLUMN ? CAUSE_COLUMN - w : 2; n > 0; n--)
        buf_addc(g->out, ' ');
    buf_adds(g->out, style_dim(g->s));
    add_cause(a, g->out);
    add_notes(g, a);
    buf_join(g->out, style_off(g->s), "\n");
    buf_free(&line);
    if (c->op == OP_UPDATE || (c->op == OP_CREATE && g->s->verbose > 0))
        show_fields(g, c);
}

/* Actions stand in the order of apply; a person reads them by site: the server first, refreshes last. */
static int reading_order(const void *x, const void *y)
{
    const struct action *a = *(const struct action *const *)x, *b = *(const struct action *const *)y;
    const char *sa = a->change.res->site, *sb = b->change.res->site;
    int c = (a->change.op == OP_REFRESH) - (b->change.op == OP_REFRESH);
    if (!c && a->change.op != OP_REFRESH)
        c = sa && sb ? strcmp(sa, sb) : (sa != NULL) - (sb != NULL);
    return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

static const char *group_of(const struct action *a)
{
    return a->change.op == OP_REFRESH ? "services" : a->change.res->site ? a->change.res->site : "server";
}

static void show_actions(const struct printing *g)
{
    struct arena a = {0};
    size_t n = g->p->actions.n;
    const struct action **list = arena_array(&a, const struct action *, n);
    for (size_t i = 0; i < n; i++)
        list[i] = &g->p->actions.at[i];
    if (n)
        qsort(list, n, sizeof *list, reading_order);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(group_of(list[i - 1]), group_of(list[i])) != 0)
            buf_addf(g->out, "\n%s%s%s\n", style_bold(g->s), group_of(list[i]), style_off(g->s));
        show_action(g, list[i]);
    }
    arena_free(&a);
}

static const char *left_text(enum drift_policy policy)
{
    if (policy == DRIFT_ENFORCE)
        return "not to be mended by citrus: left as it is";
    return policy == DRIFT_ADOPT ? "adopt: `citrus drift --adopt` offers it for the manifest"
                                 : "warn: left as it is";
}

static void show_left(const struct printing *g)
{
    bool policies = true;
    for (size_t i = 0; i < g->p->left.n; i++)
        policies = policies && g->p->left.at[i].policy != DRIFT_ENFORCE;
    if (g->p->left.n)
        buf_addf(g->out, "\n%sleft as it is%s%s\n", style_bold(g->s), style_off(g->s),
                 policies ? " (by the manifest's drift policies)" : "");
    for (size_t i = 0; i < g->p->left.n; i++) {
        const struct left *l = &g->p->left.at[i];
        const struct action a = {.change = l->change};
        struct buf line = {0};
        report_action_line(&a, &line);
        size_t w = width(line.at, line.len);
        buf_addf(g->out, "  %s%*s%sdrift; %s%s\n", buf_str(&line),
                 w < CAUSE_COLUMN ? (int)(CAUSE_COLUMN - w) : 2, "", style_dim(g->s), left_text(l->policy),
                 style_off(g->s));
        buf_free(&line);
        if (l->change.op == OP_UPDATE)
            show_fields(g, &l->change);
    }
}

static void show_deferred(const struct printing *g)
{
    if (g->p->deferred.n == 0)
        return;
    buf_addf(g->out, "\n%sdeferred%s (these need the running system)\n", style_bold(g->s), style_off(g->s));
    buf_room(g->out, g->p->deferred.n * 48);        /* about as long as a line is */
    for (size_t i = 0; i < g->p->deferred.n; i++) { /* three of each site */
        buf_adds(g->out, "  . ");
        buf_adds(g->out, g->p->deferred.at[i].res->kind->name);
        buf_addc(g->out, ' ');
        buf_adds(g->out, g->p->deferred.at[i].res->id);
        buf_addc(g->out, '\n');
    }
}

/* What stays although it differs: "; 1 left as it is; 2 ignored", or nothing. */
static const char *stays_text(const struct plan *p, struct arena *a)
{
    const char *left =
        p->left.n ? arena_printf(a, "; %zu left as %s", p->left.n, p->left.n == 1 ? "it is" : "they are")
                  : "";
    const char *ignored = p->ignored ? arena_printf(a, "; %zu ignored", p->ignored) : "";
    const char *pending = p->pending ? arena_printf(a, "; %zu for the next apply", p->pending) : "";
    return arena_printf(a, "%s%s%s", left, ignored, pending);
}

static void show_counts(const struct printing *g)
{
    const struct plan *p = g->p;
    size_t by[3] = {0};
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].change.op != OP_REFRESH)
            by[p->actions.at[i].change.reversal]++;
    if (p->actions.n == 0 && p->left.n + p->ignored + p->pending) {
        buf_addf(g->out, "%s%sNothing to do%s: %zu resources are as the manifest says%s.\n",
                 p->left.n ? "\n" : "", style_bold(g->s), style_off(g->s), p->unchanged,
                 stays_text(p, g->p->arena));
        return;
    }
    if (p->actions.n == 0) {
        buf_addf(g->out, "%sNothing to do%s: all %zu resources are as the manifest says.\n", style_bold(g->s),
                 style_off(g->s), p->unchanged);
        return;
    }
    buf_addf(g->out, "\n%s%zu to create, %zu to change, %zu to remove%s", style_bold(g->s), p->create,
             p->update, p->remove, style_off(g->s));
    buf_addf(g->out, "; %zu service%s to refresh; %zu unchanged%s.\n", p->refresh, p->refresh == 1 ? "" : "s",
             p->unchanged, stays_text(p, g->p->arena));
    buf_addf(g->out, "Undo: %zu reversible, %zu compensated, %zu one-way.\n", by[REVERSIBLE], by[COMPENSATED],
             by[ONE_WAY]);
    if (p->lockouts)
        buf_addf(g->out,
                 "%s%zu can shut you out%s (ssh, firewall): to be confirmed after the apply, else undone.\n",
                 style_red(g->s), p->lockouts, style_off(g->s));
}

void report_plan(struct engine *e, const struct plan *p, const struct report_style *s, struct redactor *red,
                 const char *title, struct buf *out)
{
    struct printing g = {.e = e, .p = p, .s = s, .red = red, .out = out};
    if (p->actions.n || p->deferred.n || p->left.n)
        buf_addf(out, "%s%s%s\n", style_bold(s), title, style_off(s));
    show_actions(&g);
    show_left(&g);
    show_deferred(&g);
    show_counts(&g);
}
