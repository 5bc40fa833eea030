/* citrus prune: what the manifest's retention does not keep goes. Each apply of the whole that stands does
 * the same at its end; this shows it, and does it now. */
#include "session.h"
#include "text.h"
#include <errno.h>
#include <string.h>

static void prune_json(const struct prune *p, bool removed, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_bool(&j, "removed", removed);
    jw_int(&j, "bytes", p->bytes);
    jw_array(&j, "items");
    for (size_t i = 0; i < p->list.n; i++) {
        const struct pruned *one = &p->list.at[i];
        jw_object(&j, NULL);
        jw_str(&j, "what", prunable_names[one->what]);
        if (one->name)
            jw_str(&j, "path", one->name);
        if (one->number)
            jw_int(&j, one->what == PRUNE_GENERATION ? "generation" : "transaction", one->number);
        jw_int(&j, "since", one->since);
        jw_int(&j, "bytes", one->bytes);
        if (one->err.code)
            jw_str(&j, "error", one->err.text);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

/* Rows of the store are told by their number: nobody wants to read a list of them. */
static void add_rows(struct session *s, const struct prune *p, enum prunable what, struct buf *out)
{
    size_t n = 0;
    int64_t first = 0, last = 0, newest = 0;
    for (size_t i = 0; i < p->list.n; i++) {
        const struct pruned *one = &p->list.at[i];
        if (one->what != what)
            continue;
        first = !n || one->number < first ? one->number : first;
        last = one->number > last ? one->number : last;
        newest = one->since > newest ? one->since : newest;
        n++;
    }
    if (n)
        buf_addf(out, "  %-11s %9s  %s  %zu, from %lld to %lld\n", prunable_names[what], "",
                 date_text(&s->arena, newest), n, (long long)first, (long long)last);
}

static void prune_text(struct session *s, const struct prune *p, struct buf *out)
{
    if (p->list.n == 0) {
        buf_addf(out, "Nothing to prune on %s: what is kept is within its time or needed.\n",
                 s->manifest->server.name);
        return;
    }
    buf_addf(out, "%sWhat retention does not keep on %s%s\n", style_bold(&s->style), s->manifest->server.name,
             style_off(&s->style));
    for (size_t i = 0; i < p->list.n; i++) {
        const struct pruned *one = &p->list.at[i];
        if (one->name)
            buf_addf(out, "  %-11s %9s  %s  %s\n", prunable_names[one->what],
                     space_text(&s->arena, one->bytes), date_text(&s->arena, one->since), one->name);
    }
    add_rows(s, p, PRUNE_TRANSACTION, out);
    add_rows(s, p, PRUNE_GENERATION, out);
    buf_addf(out, "%s on disk.\n", space_text(&s->arena, p->bytes));
}

static int show(struct session *s, const struct prune *p, bool removed)
{
    struct buf b = {0};
    if (s->o->json)
        prune_json(p, removed, &b);
    else
        prune_text(s, p, &b);
    out_flush(&b);
    return EXIT_DONE;
}

static int remove_all(struct session *s)
{
    struct prune p;
    struct error err = {0};
    if (engine_prune(&s->engine, false, &p, &err) < 0)
        return session_fail(s, &err);
    if (s->o->json)
        show(s, &p, p.failed < p.list.n);
    for (size_t i = 0; i < p.list.n; i++)
        if (p.list.at[i].err.code)
            session_fail(s, &p.list.at[i].err);
    if (!s->o->json && !p.failed && p.list.n)
        printf("Removed.\n");
    return p.failed ? EXIT_ERROR : EXIT_DONE;
}

/* The newest generation's manifest says how long. */
static int read_retention(struct session *s)
{
    struct store_generation g;
    struct error err = {0};
    if (store_generation_get(s->store, 0, &s->arena, &g, &err) < 0)
        return session_fail(s, &err);
    return session_texts(s, g.bundle);
}

int command_prune(const struct options *o)
{
    struct session s;
    struct prune p;
    struct error err = {0};
    int status = session_open(&s, o, o->plan_only ? SESSION_LOOK : SESSION_CHANGE);
    if (status == 0)
        status = read_retention(&s);
    if (status)
        return session_close(&s, status);
    if (engine_prune(&s.engine, true, &p, &err) < 0)
        return session_close(&s, session_fail(&s, &err));
    if (o->plan_only || !o->json)
        status = show(&s, &p, false);
    if (o->plan_only || (p.list.n == 0 && !o->json))
        return session_close(&s, status);
    status = p.list.n ? session_ask(&s, "Remove this?") : EXIT_DONE;
    return session_close(&s, status ? status : remove_all(&s));
}
