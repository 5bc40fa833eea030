#include "session.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *const tx_names[] = {
    [TX_OPEN] = "interrupted",       [TX_DONE] = "done",   [TX_UNDONE] = "undone",
    [TX_PARTIAL] = "partly applied", [TX_STUCK] = "stuck", [TX_AWAITING] = "awaits confirmation"};

static const char *when(int64_t t, struct arena *a)
{
    struct tm tm;
    char text[32] = "";
    time_t at = (time_t)t;
    if (localtime_r(&at, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    return arena_strdup(a, text);
}

static const struct store_generation *generation_of(const struct store_generation *list, size_t n, int64_t tx)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].transaction == tx && tx)
            return &list[i];
    return NULL;
}

static void history_json(const struct store_generation *g, size_t n, const struct store_tx *t, size_t m,
                         struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_array(&j, "generations");
    for (size_t i = 0; i < n; i++) {
        jw_object(&j, NULL);
        jw_int(&j, "number", g[i].number);
        jw_int(&j, "time", g[i].time);
        jw_int(&j, "transaction", g[i].transaction);
        jw_int(&j, "rollback_of", g[i].rollback_of);
        jw_str(&j, "manifest_sha256", g[i].digest);
        jw_str(&j, "who", g[i].who);
        jw_str(&j, "reason", g[i].reason);
        jw_str(&j, "status", g[i].status);
        jw_end(&j);
    }
    jw_end(&j);
    jw_array(&j, "transactions");
    for (size_t i = 0; i < m; i++) {
        jw_object(&j, NULL);
        jw_int(&j, "id", t[i].id);
        jw_int(&j, "begun", t[i].begun);
        jw_int(&j, "ended", t[i].ended);
        jw_str(&j, "state", tx_names[t[i].state]);
        jw_str(&j, "why", t[i].why);
        jw_str(&j, "who", t[i].who);
        jw_str(&j, "error", t[i].error);
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

static void history_text(struct session *s, const struct store_generation *g, size_t n,
                         const struct store_tx *t, size_t m, struct buf *out)
{
    buf_addf(out, "%sgeneration  when                 who         what%s\n", style_bold(&s->style),
             style_off(&s->style));
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%10lld  %-19s  %-10s  ", (long long)g[i].number, when(g[i].time, &s->arena),
                 g[i].who ? g[i].who : "");
        if (g[i].rollback_of)
            buf_addf(out, "rollback to %lld", (long long)g[i].rollback_of);
        else
            buf_adds(out, "apply");
        buf_addf(out, "%s%s%s%s%s\n", strcmp(g[i].status, "applied") == 0 ? "" : ", ",
                 strcmp(g[i].status, "applied") == 0 ? "" : g[i].status,
                 awaits(t, m, g[i].transaction) ? ", awaits confirmation" : "", g[i].reason ? ": " : "",
                 g[i].reason ? g[i].reason : "");
    }
    bool any = false;
    for (size_t i = 0; i < m; i++) {
        if (generation_of(g, n, t[i].id))
            continue;
        if (!any)
            buf_adds(out, "\ntransactions that made no generation\n");
        any = true;
        buf_addf(out, "%10lld  %-19s  %-10s  %s, %s%s%s\n", (long long)t[i].id, when(t[i].begun, &s->arena),
                 t[i].who ? t[i].who : "", t[i].why ? t[i].why : "", tx_names[t[i].state],
                 t[i].error ? ": " : "", t[i].error ? t[i].error : "");
    }
}

int command_history(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct store_generation *g;
    struct store_tx *t;
    size_t n, m;
    int status = session_open(&s, o, SESSION_READ);
    if (status)
        return session_close(&s, status);
    int r = store_generation_list(s.store, &s.arena, &g, &n, &err);
    if (r == 0)
        r = store_tx_list(s.store, 100, &s.arena, &t, &m, &err);
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    struct buf b = {0};
    if (o->json)
        history_json(g, n, t, m, &b);
    else
        history_text(&s, g, n, t, m, &b);
    out_flush(&b);
    return session_close(&s, EXIT_DONE);
}
