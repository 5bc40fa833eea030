#include "running.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

const char *const tx_names[] = {
    [TX_OPEN] = "interrupted",       [TX_DONE] = "done",   [TX_UNDONE] = "undone",
    [TX_PARTIAL] = "partly applied", [TX_STUCK] = "stuck", [TX_AWAITING] = "awaits confirmation"};

static const struct store_generation *generation_of(const struct store_generation *list, size_t n, int64_t tx)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].transaction == tx && tx)
            return &list[i];
    return NULL;
}

static void add_counts(struct jsonw *j, int64_t created, int64_t changed, int64_t removed)
{
    jw_object(j, "counts");
    jw_int(j, "create", created);
    jw_int(j, "change", changed);
    jw_int(j, "remove", removed);
    jw_end(j);
}

struct past {
    struct store_generation *g;
    struct store_tx *t;
    size_t n, m; /* of `g` and `t` */
    struct running running;
};

static const char *state_name(const struct past *p, const struct store_tx *t)
{
    return running_is(&p->running, t) ? "running" : tx_names[t->state];
}

static void history_json(const struct past *p, struct buf *out)
{
    const struct store_generation *g = p->g;
    const struct store_tx *t = p->t;
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_array(&j, "generations");
    for (size_t i = 0; i < p->n; i++) {
        jw_object(&j, NULL);
        jw_int(&j, "number", g[i].number);
        jw_int(&j, "time", g[i].time);
        jw_int(&j, "transaction", g[i].transaction);
        jw_int(&j, "rollback_of", g[i].rollback_of);
        jw_str(&j, "manifest_sha256", g[i].digest);
        jw_str(&j, "who", g[i].who);
        jw_str(&j, "reason", g[i].reason);
        jw_str(&j, "status", g[i].status);
        add_counts(&j, g[i].created, g[i].changed, g[i].removed);
        jw_end(&j);
    }
    jw_end(&j);
    jw_array(&j, "transactions");
    for (size_t i = 0; i < p->m; i++) {
        jw_object(&j, NULL);
        jw_int(&j, "id", t[i].id);
        jw_int(&j, "begun", t[i].begun);
        jw_int(&j, "ended", t[i].ended);
        jw_str(&j, "state", state_name(p, &t[i]));
        jw_str(&j, "why", t[i].why);
        jw_str(&j, "who", t[i].who);
        jw_str(&j, "reason", t[i].reason);
        jw_str(&j, "error", t[i].error);
        add_counts(&j, t[i].created, t[i].changed, t[i].removed);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

static bool awaits(const struct store_tx *t, size_t m, int64_t tx)
{
    for (size_t i = 0; i < m; i++)
        if (t[i].id == tx && t[i].state == TX_AWAITING)
            return true;
    return false;
}

/* "+40 ~2 -1" */
static const char *counts_text(struct arena *a, int64_t created, int64_t changed, int64_t removed)
{
    return arena_printf(a, "+%lld ~%lld -%lld", (long long)created, (long long)changed, (long long)removed);
}

static void generation_line(struct session *s, const struct store_generation *g, bool awaiting,
                            struct buf *out)
{
    bool whole = strcmp(g->status, "applied") == 0;
    buf_addf(out, "%10lld  %-19s  %-10s  %-11s  ", (long long)g->number, time_text(&s->arena, g->time),
             harmless_text(&s->arena, g->who), counts_text(&s->arena, g->created, g->changed, g->removed));
    if (g->rollback_of)
        buf_addf(out, "rollback to %lld", (long long)g->rollback_of);
    else
        buf_adds(out, "apply");
    buf_addf(out, "%s%s%s%s%s\n", whole ? "" : ", ", whole ? "" : g->status,
             awaiting ? ", awaits confirmation" : "", g->reason ? ": " : "",
             harmless_text(&s->arena, g->reason));
}

static void transaction_line(struct session *s, const struct past *p, const struct store_tx *t,
                             struct buf *out)
{
    const char *by = running_is(&p->running, t) ? running_by(&p->running, &s->arena) : "";
    buf_addf(out, "%10lld  %-19s  %-10s  %-11s  %s, %s%s%s%s%s%s\n", (long long)t->id,
             time_text(&s->arena, t->begun), harmless_text(&s->arena, t->who),
             counts_text(&s->arena, t->created, t->changed, t->removed), harmless_text(&s->arena, t->why),
             state_name(p, t), by, t->reason ? ": " : "", harmless_text(&s->arena, t->reason),
             t->error ? ": " : "", harmless_text(&s->arena, t->error));
}

static void history_text(struct session *s, const struct past *p, struct buf *out)
{
    const struct store_generation *g = p->g;
    const struct store_tx *t = p->t;
    size_t n = p->n, m = p->m;
    bool any = false;
    buf_addf(out, "%sgeneration  when                 who         changes      what%s\n",
             style_bold(&s->style), style_off(&s->style));
    for (size_t i = 0; i < n; i++)
        generation_line(s, &g[i], awaits(t, m, g[i].transaction), out);
    /* Those of generations that are not kept any more are none of these. */
    int64_t oldest = n && g[n - 1].number > 1 ? g[n - 1].transaction : 0;
    for (size_t i = 0; i < m; i++) {
        bool stands = t[i].state == TX_DONE || t[i].state == TX_PARTIAL;
        if (generation_of(g, n, t[i].id) || (stands && t[i].id < oldest))
            continue;
        if (!any)
            buf_adds(out, "\ntransactions that made no generation\n");
        any = true;
        transaction_line(s, p, &t[i], out);
    }
}

/* ---- the trash -------------------------------------------------------------------------------------------
 */

static void trash_json(const struct trash_list *t, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_array(&j, "trash");
    for (size_t i = 0; i < t->n; i++) {
        const struct trashed *one = &t->at[i];
        jw_object(&j, NULL);
        jw_str(&j, "path", one->path);
        jw_str(&j, "kind", one->kind);
        jw_str(&j, "id", one->id);
        jw_str(&j, "site", one->site);
        jw_int(&j, "bytes", one->bytes);
        jw_int(&j, "since", one->since);
        jw_int(&j, "until", one->until);
        jw_bool(&j, "held", one->held);
        jw_int(&j, "transaction", one->transaction);
        jw_int(&j, "generation", one->generation);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

static void trash_text(struct session *s, const struct trash_list *t, struct buf *out)
{
    int64_t bytes = 0;
    if (t->n == 0) {
        buf_adds(out, "The trash is empty.\n");
        return;
    }
    buf_addf(out, "%sremoved     kept until  generation  size       what%s\n", style_bold(&s->style),
             style_off(&s->style));
    for (size_t i = 0; i < t->n; i++) {
        const struct trashed *one = &t->at[i];
        const char *generation =
            one->generation ? arena_printf(&s->arena, "%lld", (long long)one->generation) : "-";
        bytes += one->bytes;
        buf_addf(out, "%s  %s%s %10s  %-9s  %s%s%s%s%s\n", date_text(&s->arena, one->since),
                 date_text(&s->arena, one->until), one->held ? "+" : " ", generation,
                 space_text(&s->arena, one->bytes), one->kind ? one->kind : "", one->kind ? " " : "",
                 one->id ? one->id : "", one->kind ? ": " : "", one->path);
    }
    buf_addf(out, "%s in all. + is kept longer where the newest generation's rollback needs it.\n",
             space_text(&s->arena, bytes));
}

/* The newest generation's manifest says how long; one that cannot be read any more leaves the defaults. */
static int show_trash(struct session *s)
{
    struct trash_list t = {0};
    struct store_generation g;
    struct error err = {0};
    struct buf b = {0};
    if (store_generation_get(s->store, 0, &s->arena, &g, NULL) == 0 && session_texts(s, g.bundle))
        return EXIT_ERROR;
    if (engine_trash(&s->engine, &s->arena, &t, &err) < 0)
        return session_fail(s, &err);
    if (s->o->json)
        trash_json(&t, &b);
    else
        trash_text(s, &t, &b);
    out_flush(&b);
    return EXIT_DONE;
}

/* A run that ends between the two would be a transaction without its generation. */
static int read_once(struct session *s, struct past *p, struct error *err)
{
    store_snapshot_begin(s->store);
    int r = store_generation_list(s->store, &s->arena, &p->g, &p->n, err);
    if (r == 0)
        r = store_tx_list(s->store, 100, &s->arena, &p->t, &p->m, err);
    store_snapshot_end(s->store);
    return r;
}

static int read_past(struct session *s, struct past *p, struct error *err)
{
    int r = read_once(s, p, err);
    return r == 0 && running_look(s, p->t, p->m, &p->running) ? read_once(s, p, err) : r;
}

int command_history(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct past p;
    int status = session_open(&s, o, SESSION_READ);
    if (status)
        return session_close(&s, status);
    if (o->trash)
        return session_close(&s, show_trash(&s));
    if (read_past(&s, &p, &err) < 0)
        return session_close(&s, session_fail(&s, &err));
    struct buf b = {0};
    if (o->json)
        history_json(&p, &b);
    else
        history_text(&s, &p, &b);
    out_flush(&b);
    return session_close(&s, EXIT_DONE);
}
