/* The engine's question, asked of the machine's own listener: how do the sites answer, and is that worse? */
#include "clock.h"
#include "fs.h"
#include "names.h"
#include "session.h"
#include "verdict.h"
#include "x509.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* nginx lets its old workers accept for 100 ms beside the new ones (ngx_master_process_cycle(),
 * ngx_msleep(100)), and php-fpm is told to reload by a signal: who asks at once may be answered by the old
 * configuration. A pool that was just restarted, or a database, gets five seconds to come up. PHP looks at a
 * file again when opcache.revalidate_freq (2, configs/php.ini) whole seconds are over: what is changed below
 * it while no service was told may be seen three seconds later. */
struct health_patience health_patience = {.settle_ms = 500, .grace_ms = 5000, .opcache_ms = 3100};

#define PAUSE_MS 250

/* What one run knows of the sites, by their place in the manifest. */
struct health_memory {
    struct session *s;
    struct seen *before;
    VEC(struct records) so_far;
    bool *comparable; /* asked, and of the type that it is to have */
    bool *late;       /* it did not answer in time since the change */
    int64_t slowest;  /* ms, of the answers since the change */
};

static int by_domain(const void *name, const void *site)
{
    return strcmp(name, ((const struct manifest_site *)site)->domain);
}

/* The sites that the engine names are those of the catalog, and so of the manifest, which is sorted. */
static size_t place_of(const struct health_memory *m, const char *domain)
{
    const struct records *sites = &m->s->manifest->sites;
    const struct manifest_site *at =
        bsearch(domain, sites->at, sites->n, sizeof(struct manifest_site), by_domain);
    return (size_t)(at - (const struct manifest_site *)sites->at);
}

static const struct manifest_site *site_of(const struct health_memory *m, const char *domain)
{
    return (const struct manifest_site *)m->s->manifest->sites.at + place_of(m, domain);
}

static const char *certificate_on_disk(struct session *s, const char *domain)
{
    struct buf b = {0};
    struct x509_info x;
    bool read = fs_read(s->host, path_tls(&s->arena, domain, "fullchain.pem"), 0, &b, NULL) == 0 &&
                x509_parse(b.at, b.len, &x, &s->arena, NULL) == 0;
    buf_free(&b);
    return read ? arena_strdup(&s->arena, x.sha256) : NULL;
}

static struct probe probe_of(const struct manifest_site *m, bool tls)
{
    return (struct probe){.domain = m->domain,
                          .path = m->health.path,
                          .tls = tls,
                          .contains = m->health.contains,
                          .timeout = verdict_seconds(&m->health, 0, 0)};
}

/* One that was late is asked again with the time that the slowest of the others shows to be right. */
static struct probe probe_after(const struct health_memory *m, const struct health *h, bool tls)
{
    size_t at = place_of(m, h->site);
    const struct manifest_site *site = site_of(m, h->site);
    const struct probe_result *was = &m->before[at].answer;
    struct probe p = probe_of(site, tls);
    p.timeout = verdict_seconds(&site->health, h->known && was->code == 0 ? was->ms : 0,
                                m->late[at] ? m->slowest : 0);
    return p;
}

static bool has_tls(const struct manifest_site *m)
{
    return m->tls.issuer != TLS_NONE;
}

static int ask(struct health_memory *m, const struct health *const *sites, size_t n, bool after,
               struct seen *ret, struct error *err)
{
    struct arena *a = &m->s->arena;
    struct probe *list = arena_array(a, struct probe, n + 1);
    struct probe_result *answers = arena_array(a, struct probe_result, n + 1);
    if (n)
        m->s->progress.say(
            m->s->progress.self,
            arena_printf(a, "asking %zu site%s how %s", n, n == 1 ? "" : "s", n == 1 ? "it is" : "they are"));
    for (size_t i = 0; i < n; i++) {
        const struct manifest_site *site = site_of(m, sites[i]->site);
        list[i] = after ? probe_after(m, sites[i], has_tls(site)) : probe_of(site, has_tls(site));
    }
    int r = host_probe(m->s->host, list, n, answers, a, err);
    for (size_t i = 0; i < n && r == 0; i++)
        ret[i] = (struct seen){answers[i], list[i].tls ? certificate_on_disk(m->s, list[i].domain) : NULL};
    return r;
}

/* A site that gets its https in this very run answered by http so far. */
static void ask_plain(struct health_memory *m, const struct health *site, struct seen *seen)
{
    struct probe plain = probe_of(site_of(m, site->site), false);
    struct probe_result answer;
    if (seen->answer.code != 0 && seen->answer.code != -ECANCELED && has_tls(site_of(m, site->site)) &&
        host_probe(m->s->host, &plain, 1, &answer, &m->s->arena, NULL) == 0 && answer.code == 0)
        *seen = (struct seen){answer, NULL};
}

/* The sites as the newest generation has them, and the ones before it as long as each was applied only
 * partly: nobody knows which of its sites were left out. What cannot be read any more is none. */
static void remember_sites(struct health_memory *m)
{
    struct arena *a = &m->s->arena;
    struct store_generation g = {0};
    bool partial = true;
    for (int64_t number = 0; partial && store_generation_get(m->s->store, number, a, &g, NULL) == 0;
         number = g.number - 1) {
        struct diags ignored = {.arena = a};
        const struct manifest *then = manifest_parse(g.bundle, a, &ignored);
        if (then)
            vec_push(a, &m->so_far, then->sites);
        partial = g.number > 1 && strcmp(g.status, "partial") == 0;
    }
}

/* What a redirect answered says nothing about the pages that come instead: a site of another type is another
 * site, and is judged like a new one. */
static bool same_type(const struct health_memory *m, const struct manifest_site *site)
{
    bool same = true;
    for (size_t i = 0; i < m->so_far.n && same; i++) {
        const struct records *sites = &m->so_far.at[i];
        const struct manifest_site *was =
            sites->n ? bsearch(site->domain, sites->at, sites->n, sizeof *was, by_domain) : NULL;
        same = !was || was->type == site->type;
    }
    return same;
}

static int before(void *self, const struct health *sites, size_t n, struct error *err)
{
    struct health_memory *m = self;
    const struct health **list = arena_array(&m->s->arena, const struct health *, n + 1);
    struct seen *seen = arena_array(&m->s->arena, struct seen, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = &sites[i];
    int r = ask(m, list, n, false, seen, err);
    if (n && r == 0)
        remember_sites(m);
    for (size_t i = 0; i < n && r == 0; i++) {
        size_t at = place_of(m, sites[i].site);
        ask_plain(m, &sites[i], &seen[i]);
        m->before[at] = seen[i];
        m->comparable[at] = same_type(m, site_of(m, sites[i].site));
    }
    return r;
}

static void heard(struct health_memory *m, size_t at, const struct probe_result *answer)
{
    m->late[at] = answer->code == -ETIMEDOUT;
    if (answer->code == 0 && answer->ms > m->slowest)
        m->slowest = answer->ms;
}

/* Asks those of `sites` that `wanted` names, and judges them. How many are worse than before is put into
 * *worse.
 */
static int look(struct health_memory *m, struct health *sites, size_t n,
                bool (*wanted)(const struct health *), size_t *worse, struct error *err)
{
    struct arena *a = &m->s->arena;
    const struct health **list = arena_array(a, const struct health *, n + 1);
    struct seen *seen = arena_array(a, struct seen, n + 1);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!wanted || wanted(&sites[i]))
            list[count++] = &sites[i];
    int r = ask(m, list, count, true, seen, err);
    *worse = 0;
    for (size_t i = 0, k = 0; i < n && r == 0; i++) {
        struct health *h = &sites[i];
        if (k < count && list[k] == h) {
            size_t at = place_of(m, h->site);
            const struct seen *then = h->known && m->comparable[at] ? &m->before[at] : NULL;
            h->state = verdict(&site_of(m, h->site)->health, then, &seen[k], a, &h->text);
            h->ms = seen[k].answer.ms;
            heard(m, at, &seen[k].answer);
            k++;
        }
        *worse += h->state == HEALTH_WORSE;
    }
    return r;
}

static bool is_worse(const struct health *h)
{
    return h->state == HEALTH_WORSE;
}

static bool is_late(const struct health_memory *m, const struct health *sites, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_worse(&sites[i]) && m->late[place_of(m, sites[i].site)])
            return true;
    return false;
}

static bool is_untold(const struct health *h)
{
    return h->known && h->untold;
}

/* PHP that may still run what was there before. */
static bool may_be_old(const struct health_memory *m, const struct health *sites, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t type = site_of(m, sites[i].site)->type;
        if (is_untold(&sites[i]) && (type == SITE_PHP || type == SITE_WORDPRESS))
            return true;
    }
    return false;
}

static int after(void *self, struct health *sites, size_t n, struct error *err)
{
    struct health_memory *m = self;
    int64_t begun = clock_ms();
    size_t worse;
    clock_pause_ms(health_patience.settle_ms);
    int r = look(m, sites, n, NULL, &worse, err);
    /* Once more in any case: a first page after a restart, with nothing in any cache, may take its whole
     * time. And as long as fewer are worse each time: then it is the machine that is slow. */
    bool again = health_patience.grace_ms || is_late(m, sites, n);
    while (r == 0 && worse && again && !*interrupt_flag()) {
        size_t last = worse;
        bool early = clock_ms() - begun < health_patience.grace_ms;
        clock_pause_ms(health_patience.grace_ms ? PAUSE_MS : 0);
        r = look(m, sites, n, is_worse, &worse, err);
        again = early || worse < last;
    }
    if (r == 0 && !worse && health_patience.opcache_ms && may_be_old(m, sites, n)) {
        clock_pause_ms(begun + health_patience.opcache_ms - clock_ms());
        r = look(m, sites, n, is_untold, &worse, err);
    }
    return r;
}

void health_open(struct session *s)
{
    struct health_memory *m = arena_new(&s->arena, struct health_memory);
    m->s = s;
    m->before = arena_array(&s->arena, struct seen, s->manifest->sites.n + 1);
    m->late = arena_array(&s->arena, bool, s->manifest->sites.n + 1);
    m->comparable = arena_array(&s->arena, bool, s->manifest->sites.n + 1);
    s->health = (struct engine_health){.before = before, .after = after, .self = m};
    s->engine.health = &s->health;
}
