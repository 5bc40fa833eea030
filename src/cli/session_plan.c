/* From a manifest that was read to its plan. */
#include "fs.h"
#include "session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int need_secret(void *self, const char *name, size_t chars, const struct secret **ret,
                       struct error *err)
{
    struct session *s = self;
    int r = store_secret_need(s->store, name, chars, ret, err);
    if (r == 0)
        redactor_add(s->redactor, name, *ret);
    return r;
}

static void note_derived(void *self, const char *name, const char *value)
{
    struct session *s = self;
    struct secret *v = secret_new(value, strlen(value));
    vec_push(&s->arena, &s->derived, v);
    redactor_add(s->redactor, name, v);
}

static bool rotating(void *self, const char *name)
{
    return session_rotating(self, name);
}

#define SHARE_VARIABLE "CITRUS_SHARE"

const char *session_share_from(void)
{
    const char *dir = getenv(SHARE_VARIABLE);
    return dir && *dir == '/' ? SHARE_VARIABLE : NULL;
}

const char *session_share(void)
{
    return session_share_from() ? getenv(SHARE_VARIABLE) : "/usr/share/citrus";
}

static bool site_known(const struct manifest *m, const char *domain)
{
    const struct manifest_site *sites = m->sites.at;
    for (size_t i = 0; i < m->sites.n; i++)
        if (strcmp(sites[i].domain, domain) == 0)
            return true;
    return false;
}

static int check_sites(struct session *s)
{
    struct store_managed *rows;
    size_t n;
    for (size_t i = 0; i < s->o->n_sites; i++) {
        bool known = site_known(s->manifest, s->o->sites[i]);
        if (!known && store_managed_list(s->store, &s->arena, &rows, &n, NULL) == 0)
            for (size_t k = 0; k < n; k++)
                known = known || (rows[k].site && strcmp(rows[k].site, s->o->sites[i]) == 0);
        struct error err = {0};
        if (!known) {
            error_set(&err, -ENOENT, "--site %s: neither the manifest nor this server has such a site",
                      s->o->sites[i]);
            return session_fail(s, &err);
        }
    }
    return 0;
}

/* A machine that never ran `apt-get update` (a fresh image) offers no versions to plan with. Lists are no
 * state that anybody manages, so a dry run fetches them, too. */
static int read_facts(struct session *s, struct error *err)
{
    int r = facts_read(s->host, &s->facts, &s->arena, err);
    if (r < 0 || s->facts.nginx || s->facts.php || s->host->offline || geteuid() != 0)
        return r;
    fprintf(stderr, "apt has no package lists here: fetching them\n");
    int fetched = host_apt(s->host, APT_UPDATE, NULL, 0, &s->progress, err);
    progress_close(s);
    if (fetched < 0 && (fetched == -EBUSY || fetched == -EINTR))
        return fetched;
    /* One repository of many may have failed: what counts is whether nginx can be had now. */
    struct error failed = fetched < 0 && err ? *err : (struct error){0};
    error_clear(err);
    r = facts_read(s->host, &s->facts, &s->arena, err);
    if (r == 0 && fetched < 0 && !s->facts.nginx && !s->facts.php) {
        if (err)
            *err = failed;
        r = fetched;
    }
    return r;
}

static int known_secret(void *self, const char *name, size_t chars, const struct secret **ret,
                        struct error *err)
{
    return store_secret_need(((struct session *)self)->store, name, chars, ret, err);
}

/* What the plan writes or shows, and has no content yet. The redactor knows the secrets from the first time.
 */
static int bring_contents(struct session *s, struct catalog_input in, struct error *err)
{
    in.secret = known_secret;
    in.derived = NULL;
    VEC(const struct resource *) list = {0};
    for (size_t i = 0; i < s->plan->actions.n; i++) {
        const struct change *c = &s->plan->actions.at[i].change;
        if (c->res->site && (c->op == OP_CREATE || c->op == OP_UPDATE))
            vec_push(&s->arena, &list, c->res);
    }
    for (size_t i = 0; i < s->plan->left.n; i++)
        if (s->plan->left.at[i].change.res->site && s->plan->left.at[i].change.op != OP_REMOVE)
            vec_push(&s->arena, &list, s->plan->left.at[i].change.res);
    return catalog_contents(&in, list.at, list.n, &s->arena, err);
}

/* Where nothing was ever applied all contents are to be written: they are kept, 8 KiB a site, and not
 * rendered a second time, as far as memory goes. */
enum { CONTENTS_MOST = 2000 };
static bool all_is_new(struct session *s)
{
    struct store_generation newest;
    return s->manifest->sites.n <= CONTENTS_MOST &&
           store_generation_newest(s->store, &s->arena, &newest, NULL) == -ENOENT;
}

/* 0, or an exit status; or -EAGAIN: a narrow plan does not do. */
static int build_plan(struct session *s)
{
    struct error err = {0};
    struct catalog_input in = {.manifest = s->manifest,
                               .facts = &s->facts,
                               .host = s->host,
                               .share_dir = session_share(),
                               .share_from = session_share_from(),
                               .secret = need_secret,
                               .rotating = rotating,
                               .secret_self = s,
                               .redaction = {store_plan_key(s->store), STORE_PLAN_KEY_LEN},
                               .derived = note_derived,
                               .templates = &s->templates,
                               .sites_only = s->narrow.of != NULL,
                               .digests = !s->narrow.of && !all_is_new(s)};
    int r = catalog_build(&in, &s->catalog, &s->arena, &s->diags, &err);
    if (r < 0)
        return session_fail(s, &err);
    for (size_t i = 0; i < s->catalog.list.n; i++)
        if (s->catalog.list.at[i]->kind->check)
            s->catalog.list.at[i]->kind->check(s->catalog.list.at[i], &s->diags);
    if (s->diags.list.n && s->narrow.of)
        return -EAGAIN;
    if (s->diags.list.n && session_diags(s))
        return EXIT_ERROR;
    struct plan_options po = {.narrow = s->narrow.of,
                              .sites = s->o->n_sites ? s->o->sites : NULL,
                              .bundle = &s->bundle,
                              .bundle_digest = s->bundle_digest,
                              .corrective_only = s->corrective_only,
                              .rollback_of = s->rollback_of,
                              .of_generation = s->of_generation,
                              .fresh = s->o->fresh};
    r = engine_plan(&s->engine, &s->catalog, &po, &s->plan, &err);
    if (r == -EAGAIN && s->narrow.of)
        return r;
    if (r == 0 && in.digests)
        r = bring_contents(s, in, &err);
    if (r == 0 && !s->o->no_health)
        health_open(s);
    progress_close(s);
    return r < 0 ? session_fail(s, &err) : 0;
}

/* The changed sites are not all that it is about: as if there were no glance at the rest. */
static int plan_whole(struct session *s)
{
    struct error err = {0};
    s->narrow.of = NULL;
    diags_init(&s->diags, &s->arena);
    s->catalog = (struct catalog){0};
    int status = session_parse_whole(s);
    if (status == 0 && read_facts(s, &err) < 0)
        status = session_fail(s, &err);
    return status ? status : build_plan(s);
}

static int make_plan(struct session *s)
{
    struct error err = {0};
    if (check_sites(s))
        return EXIT_ERROR;
    if (!s->narrow.of && read_facts(s, &err) < 0)
        return session_fail(s, &err);
    int status = build_plan(s);
    return status == -EAGAIN ? plan_whole(s) : status;
}

int session_obstacles(struct session *s)
{
    s->diags.list.n = 0; /* those of the manifest itself were shown */
    for (size_t i = 0; i < s->plan->obstacles.n; i++) {
        const struct obstacle *o = &s->plan->obstacles.at[i];
        void (*say)(struct diags *, struct pos, const char *, const char *, ...) =
            o->fatal ? diag_error : diag_warning;
        say(&s->diags, o->res->pos, o->err.hint[0] ? o->err.hint : NULL, "%s", o->err.text);
    }
    return s->diags.list.n ? session_diags(s) : 0;
}

int session_plan(struct session *s)
{
    s->host->interrupted = s->engine.interrupted; /* looking can be left at any time */
    store_snapshot_begin(s->store);
    int status = make_plan(s);
    store_snapshot_end(s->store);
    s->host->interrupted = NULL;
    return status;
}
