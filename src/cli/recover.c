#include "session.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

static void items_json(const struct recover_item *items, size_t n, struct jsonw *j)
{
    jw_array(j, "transactions");
    for (size_t i = 0; i < n; i++) {
        jw_object(j, NULL);
        jw_int(j, "id", items[i].transaction);
        jw_str(j, "state", items[i].stuck ? "stuck" : "undone");
        jw_int(j, "never_ran", (int64_t)items[i].never_ran);
        jw_int(j, "completed", (int64_t)items[i].completed);
        jw_int(j, "torn", (int64_t)items[i].torn);
        jw_int(j, "undone", (int64_t)items[i].undone);
        if (items[i].stuck) {
            jw_object(j, "stuck_at");
            jw_str(j, "kind", items[i].kind);
            jw_str(j, "id", items[i].id);
            jw_str(j, "error", items[i].err.text);
            jw_end(j);
        }
        jw_end(j);
    }
    jw_end(j);
}

/* An apply that was interrupted. `confirm`: in how many seconds somebody had to confirm it; 0: it stood by
 * itself. */
struct interrupted {
    const struct store_tx *tx;
    int64_t confirm;
};

/* What the transaction was for, and no more: its sites, and what kind of run it was. */
static int resume(struct session *s, const struct interrupted *was, struct jsonw *json)
{
    const struct store_tx *tx = was->tx;
    struct options o = *s->o;
    char *rest = tx->sites ? arena_strdup(&s->arena, tx->sites) : NULL;
    bool fresh = ends_with(tx->why, RUN_FRESH);
    const char *why = arena_strndup(&s->arena, tx->why, strlen(tx->why) - (fresh ? strlen(RUN_FRESH) : 0));
    long long generation = 0;
    o.yes = true;
    o.confirm = was->confirm;
    o.reason = tx->reason;
    o.fresh = fresh;
    for (char *site; o.n_sites < SITES_MOST && (site = strsep(&rest, " "));)
        o.sites[o.n_sites++] = site;
    const struct options *before = s->o;
    s->o = &o;
    s->corrective_only = strcmp(why, RUN_DRIFT) == 0;
    if (sscanf(why, RUN_ROLLBACK, &generation) == 1)
        s->rollback_of = generation;
    struct error err = {0};
    const struct bundle *texts;
    int r = store_bundle_get(s->store, tx->bundle_id, &s->arena, &texts, &err);
    int status = r < 0 ? session_fail(s, &err) : session_texts(s, texts);
    struct store_generation g;
    /* A rotation's texts are of the generation by which its site stands, and make no new one. */
    if (tx->sites && strcmp(why, RUN_ROTATION) == 0 && standing_generation(s, tx->sites, &g, NULL) == 0)
        s->of_generation = g.number;
    if (status == 0)
        status = session_run(s, &(struct run){.why = why, .rollback_of = generation, .into = json});
    s->o = before;
    return status;
}

int command_recover(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct store_tx *open;
    struct recover_item *items;
    size_t n;
    struct options own = *o;
    own.settles = true; /* a crash left it open: that is for the list below */
    int status = session_open(&s, &own, SESSION_CHANGE);
    if (status == 0)
        status = session_awaits(&s);
    if (status)
        return session_close(&s, status);
    int r = store_tx_open(s.store, &s.arena, &open, &n, &err);
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    struct interrupted last = {.tx = o->resume && n && open[n - 1].bundle_id ? &open[n - 1] : NULL};
    struct store_awaiting w;
    if (last.tx && store_awaiting_get(s.store, &w, NULL) == 0 && w.tx == last.tx->id)
        last.confirm = w.seconds; /* taking it back forgets that */
    if (o->json) {
        struct buf out = {0};
        struct jsonw j;
        r = engine_recover(&s.engine, &s.arena, &items, &n, &err);
        if (r < 0)
            return session_close(&s, session_fail(&s, &err));
        for (size_t i = 0; i < n; i++)
            status = items[i].stuck ? EXIT_STUCK : status;
        jw_init(&j, &out, true);
        jw_object(&j, NULL);
        items_json(items, n, &j);
        if (status == 0 && last.tx)
            status = resume(&s, &last, &j);
        jw_end(&j);
        out_flush(&out);
        return session_close(&s, status);
    }
    status = session_recover(&s, false);
    if (status == 0 && n == 0)
        printf("Nothing to recover: no transaction was interrupted.\n");
    if (status == 0 && last.tx)
        status = resume(&s, &last, NULL);
    return session_close(&s, status);
}
