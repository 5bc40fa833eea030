#include "awaiting.h"
#include "fs.h"
#include "names.h"
#include "running.h"
#include "x509.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const type_names[] = {"html", "php", "wordpress", "proxy", "redirect"};

struct certificate {
    bool there;
    struct x509_info info;
};

static struct certificate look(struct session *s, const char *domain)
{
    struct certificate c = {0};
    struct buf pem = {0};
    if (fs_read(s->host, path_tls(&s->arena, domain, "fullchain.pem"), 0, &pem, NULL) == 0)
        c.there = x509_parse(pem.at, pem.len, &c.info, &s->arena, NULL) == 0;
    buf_free(&pem);
    return c;
}

static int64_t days_left(const struct certificate *c)
{
    return (c->info.not_after - (int64_t)time(NULL)) / 86400;
}

struct overview {
    struct store_generation g;
    struct store_tx *open;
    size_t n_open;
    struct running running;
    const char **rotations; /* secrets that are being rotated */
    size_t n_rotations;
    struct error secrets; /* why they cannot be read */
    const char *last;
    int64_t last_time, last_changes;
    int last_exit;
    struct store_drift drift;
    bool gave_up; /* mending drift, for this generation */
    struct awaiting awaiting;
};

static void open_json(const struct overview *v, struct jsonw *j)
{
    jw_array(j, "interrupted");
    for (size_t i = 0; i < v->n_open; i++)
        if (!running_is(&v->running, &v->open[i]))
            jw_int(j, NULL, v->open[i].id);
    jw_end(j);
    jw_array(j, "running");
    for (size_t i = 0; i < v->n_open; i++) {
        if (!running_is(&v->running, &v->open[i]))
            continue;
        jw_object(j, NULL);
        jw_int(j, "transaction", v->open[i].id);
        if (v->running.by.pid) {
            jw_int(j, "process", v->running.by.pid);
            jw_int(j, "since", v->running.by.since);
        }
        jw_end(j);
    }
    jw_end(j);
}

static void status_json(struct session *s, const struct overview *v, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_str(&j, "server", s->manifest->server.name);
    jw_int(&j, "generation", v->g.number);
    jw_int(&j, "applied", v->g.time);
    jw_str(&j, "state", v->g.status);
    open_json(v, &j);
    if (v->awaiting.awaits) {
        jw_object(&j, "awaits_confirmation");
        jw_int(&j, "transaction", v->awaiting.w.tx);
        jw_int(&j, "until", v->awaiting.w.until);
        jw_int(&j, "seconds_left", awaiting_seconds(&v->awaiting.w));
        jw_end(&j);
    }
    jw_object(&j, "drift");
    jw_int(&j, "failures", v->drift.failures);
    jw_bool(&j, "gave_up", v->gave_up);
    if (v->drift.error)
        jw_str(&j, "error", v->drift.error);
    jw_end(&j);
    if (v->last) {
        jw_object(&j, "last_run");
        jw_str(&j, "command", v->last);
        jw_int(&j, "time", v->last_time);
        jw_int(&j, "exit", v->last_exit);
        jw_int(&j, "changes", v->last_changes);
        jw_end(&j);
    }
    jw_array(&j, "rotations");
    for (size_t i = 0; i < v->n_rotations; i++)
        jw_str(&j, NULL, v->rotations[i]);
    jw_end(&j);
    if (v->secrets.code)
        jw_str(&j, "secrets_error", v->secrets.text);
    jw_array(&j, "sites");
    const struct manifest_site *sites = s->manifest->sites.at;
    for (size_t i = 0; i < s->manifest->sites.n; i++) {
        struct certificate c = look(s, sites[i].domain);
        jw_object(&j, NULL);
        jw_str(&j, "domain", sites[i].domain);
        jw_str(&j, "type", type_names[sites[i].type]);
        if (c.there)
            jw_int(&j, "certificate_ends", c.info.not_after);
        else
            jw_null(&j, "certificate_ends");
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

static const char *ago(int64_t t, struct arena *a)
{
    int64_t s = (int64_t)time(NULL) - t;
    if (s < 120)
        return arena_printf(a, "%lld seconds ago", (long long)s);
    if (s < 7200)
        return arena_printf(a, "%lld minutes ago", (long long)(s / 60));
    if (s < 172800)
        return arena_printf(a, "%lld hours ago", (long long)(s / 3600));
    return arena_printf(a, "%lld days ago", (long long)(s / 86400));
}

static void open_text(struct session *s, const struct overview *v, struct buf *out)
{
    const struct report_style *st = &s->style;
    for (size_t i = 0; i < v->n_open; i++)
        if (running_is(&v->running, &v->open[i]))
            buf_addf(out, "%stransaction %lld is running%s%s\n", style_yellow(st), (long long)v->open[i].id,
                     style_off(st), running_by(&v->running, &s->arena));
        else
            buf_addf(out, "%stransaction %lld was interrupted%s: run `citrus recover`\n", style_red(st),
                     (long long)v->open[i].id, style_off(st));
}

static void status_text(struct session *s, const struct overview *v, struct buf *out)
{
    const struct report_style *st = &s->style;
    buf_addf(out, "%s%s%s  generation %lld, %s %s\n", style_bold(st), s->manifest->server.name, style_off(st),
             (long long)v->g.number, v->g.status, ago(v->g.time, &s->arena));
    open_text(s, v, out);
    if (v->awaiting.awaits)
        buf_addf(
            out,
            "%stransaction %lld awaits confirmation%s until %s, %s left: `citrus confirm` keeps it, `citrus"
            " confirm --undo` takes it back now\n",
            style_yellow(st), (long long)v->awaiting.w.tx, style_off(st),
            awaiting_when(v->awaiting.w.until, &s->arena),
            awaiting_left(awaiting_seconds(&v->awaiting.w), &s->arena));
    for (size_t i = 0; i < v->n_rotations; i++)
        buf_addf(out,
                 "%srotation of %s is pending%s: the old value is still accepted; the next apply ends it, or"
                 " `citrus secret rotate` of that name\n",
                 style_yellow(st), v->rotations[i], style_off(st));
    if (v->secrets.code)
        buf_addf(out, "%s%s%s\n", style_red(st), v->secrets.text, style_off(st));
    if (v->drift.failures)
        buf_addf(out, "%smending drift failed %lld time%s in a row%s: %s\n", style_red(st),
                 (long long)v->drift.failures, v->drift.failures == 1 ? "" : "s", style_off(st),
                 v->drift.error ? v->drift.error : "see the history");
    if (v->gave_up)
        buf_addf(out, "  it is not tried again for this generation; `citrus drift --retry` does\n");
    if (v->last)
        buf_addf(out, "last run: %s %s, exit %d, %lld change%s\n", v->last, ago(v->last_time, &s->arena),
                 v->last_exit, (long long)v->last_changes, v->last_changes == 1 ? "" : "s");
    const struct manifest_site *sites = s->manifest->sites.at;
    for (size_t i = 0; i < s->manifest->sites.n; i++) {
        struct certificate c = look(s, sites[i].domain);
        buf_addf(out, "  %-40s %-10s ", sites[i].domain, type_names[sites[i].type]);
        if (!c.there)
            buf_adds(out, sites[i].tls.issuer == TLS_NONE ? "no TLS\n" : "no certificate yet\n");
        else if (days_left(&c) < 0)
            buf_addf(out, "%scertificate expired%s\n", style_red(st), style_off(st));
        else
            buf_addf(out, "certificate for %lld days%s\n", (long long)days_left(&c),
                     c.info.self_signed ? ", self-signed" : "");
    }
}

int command_status(const struct options *o)
{
    struct session s;
    struct error err = {0};
    struct overview v = {0};
    int status = session_open(&s, o, SESSION_READ);
    if (status)
        return session_close(&s, status);
    int r = store_generation_get(s.store, 0, &s.arena, &v.g, &err);
    if (r == -ENOENT)
        error_set(&err, r, "nothing was applied here yet");
    if (r == 0)
        r = running_open(&s, &v.open, &v.n_open, &v.running, &err);
    if (r == 0)
        r = session_awaiting(&s, &v.awaiting, &err);
    if (r == 0)
        r = store_drift_get(s.store, &s.arena, &v.drift, &err);
    if (v.drift.generation != v.g.number)
        v.drift = (struct store_drift){0};
    v.gave_up = v.drift.failures >= DRIFT_FAILURES_MOST;
    if (r < 0)
        return session_close(&s, session_fail(&s, &err));
    if (session_rotations(&s, &v.rotations, &v.n_rotations, &v.secrets) < 0)
        v.n_rotations = 0;
    if (store_run_last(s.store, &s.arena, &v.last, &v.last_time, &v.last_exit, &v.last_changes, NULL) < 0)
        v.last = NULL;
    status = session_texts(&s, v.g.bundle);
    if (status == 0) {
        struct buf b = {0};
        if (o->json)
            status_json(&s, &v, &b);
        else
            status_text(&s, &v, &b);
        out_flush(&b);
    }
    return session_close(&s, status);
}
