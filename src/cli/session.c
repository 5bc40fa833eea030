#include "session.h"
#include "awaiting.h"
#include "fs.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session_machine session_machine = {host_open, host_close};

int session_undo_patience = 30;

void out_flush(struct buf *b)
{
    fwrite(buf_str(b), 1, b->len, stdout);
    fflush(stdout);
    buf_wipe(b);
}

static void err_flush(struct buf *b)
{
    fflush(stdout);
    fwrite(buf_str(b), 1, b->len, stderr);
    buf_free(b);
}

int session_fail(struct session *s, const struct error *err)
{
    struct buf b = {0};
    progress_close(s);
    s->trouble = arena_strdup(&s->arena, err->text);
    report_error(err, &b);
    err_flush(&b);
    return EXIT_ERROR;
}

int session_diags(struct session *s)
{
    struct buf b = {0};
    const char *no_colour = getenv("NO_COLOR");
    progress_close(s);
    s->told = true;
    diags_render(&s->diags, &b, isatty(STDERR_FILENO) && !(no_colour && *no_colour));
    err_flush(&b);
    return s->diags.errors ? EXIT_ERROR : 0;
}

const char *session_who(struct session *s)
{
    const char *sudo = getenv("SUDO_USER");
    if (sudo && *sudo)
        return arena_strdup(&s->arena, sudo);
    const struct passwd *p = getpwuid(getuid());
    return p ? arena_strdup(&s->arena, p->pw_name) : arena_printf(&s->arena, "uid %u", (unsigned)getuid());
}

char *session_path(struct session *s, const char *path)
{
    if (!s->o->root || strcmp(s->o->root, "/") == 0)
        return arena_strdup(&s->arena, path);
    return arena_printf(&s->arena, "%s%s", s->o->root, path);
}

/* ---- the store as the host's memory of digests ----------------------------------------------------------
 */

static bool cache_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    struct session *s = self;
    struct store_file f;
    if (!store_cache_get(s->store, path, &f))
        return false;
    if (f.dev != st->dev || f.ino != st->ino || f.size != st->size || f.mtime_ns != st->mtime_ns ||
        f.ctime_ns != st->ctime_ns)
        return false;
    *ret = f.digest;
    return true;
}

static void cache_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct session *s = self;
    struct store_file f = {.dev = st->dev,
                           .ino = st->ino,
                           .size = st->size,
                           .mtime_ns = st->mtime_ns,
                           .ctime_ns = st->ctime_ns,
                           .digest = digest};
    store_cache_put(s->store, path, &f);
}

static bool memo_get(void *self, const char *name, struct arena *a, const char **ret)
{
    return store_memo_get(((struct session *)self)->store, name, a, ret);
}

static void memo_put(void *self, const char *name, const char *text)
{
    store_memo_put(((struct session *)self)->store, name, text);
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------ */

static void step_of_store(bool after, const char *path)
{
    host_step(after ? STEP_AFTER : STEP_BEFORE, "commit", path);
}

static bool was_here(struct session *s)
{
    struct fs_stat st;
    return fs_stat(s->host, STATE_DIR "/undo", &st, NULL) == 0 && st.type != FS_ABSENT;
}

/* Looking and applying are right without it, but a person who has a backup wants it before anything is
 * applied. */
static void tell_anew(const char *dir)
{
    fprintf(
        stderr,
        "citrus: the store %s/store.db is new, though citrus has been here: what it managed, its history and"
        " its secrets are lost\n"
        "  hint: if there is a backup, put store.db and secret.key back before you apply. Without one, the"
        " next apply takes over what is as the manifest says, makes new passwords where it had made them,"
        " and removes nothing that the manifest does not name\n",
        dir);
}

static int open_store(struct session *s, enum session_mode mode)
{
    struct error err = {0};
    const char *dir = session_path(s, STATE_DIR);
    store_step = step_of_store;
    if (mode == SESSION_READ) {
        int r = store_open(dir, STORE_READ, &s->store, &err);
        if (r == -ENOENT) {
            if (was_here(s)) {
                error_set(&err, r, "%s/store.db is missing, though citrus has been here", dir);
                error_hint(&err, "put it back from a backup, with its secret.key; without one, `citrus apply "
                                 "--plan MANIFEST` shows what a new store would mean");
            } else {
                error_set(&err, r, "citrus has not been here yet: there is no %s/store.db", dir);
                error_hint(&err, "`citrus apply MANIFEST` makes a first generation");
            }
        }
        return r < 0 ? session_fail(s, &err) : 0;
    }
    int r = fs_mkdirs(s->host, "/var/lib", 0755, &err);
    if (r == 0)
        r = fs_mkdirs(s->host, STATE_DIR, 0700, &err);
    if (r == 0 && mode == SESSION_CHANGE) {
        r = store_lock(dir, &s->lock, &err);
        if (r == -EWOULDBLOCK && s->o->gives_way)
            return EXIT_LOCKED;
        if (r == -EWOULDBLOCK) {
            session_fail(s, &err);
            return EXIT_LOCKED;
        }
    }
    if (r == 0)
        r = mode == SESSION_GLANCE ? store_open_glance(dir, &s->store, &err)
                                   : store_open(dir, STORE_WRITE, &s->store, &err);
    if ((r == -EACCES || r == -EROFS || r == -EPERM) && (mode == SESSION_LOOK || mode == SESSION_GLANCE)) {
        fprintf(stderr, "citrus: %s cannot be written here; looking without what earlier runs remember\n",
                dir);
        error_clear(&err);
        r = store_open(dir, STORE_MEMORY, &s->store, &err);
    }
    if (r == 0 && store_anew(s->store))
        tell_anew(dir);
    return r < 0 ? session_fail(s, &err) : 0;
}

/* 0, which leaves the host's own limit, where the variable says nothing that makes sense. */
static int seconds_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    long n = text ? strtol(text, &end, 10) : 0;
    return text && *text && *end == '\0' && n > 0 && n <= 86400 ? (int)n : 0;
}

int session_open(struct session *s, const struct options *o, enum session_mode mode)
{
    struct error err = {0};
    const char *no_colour = getenv("NO_COLOR");
    *s = (struct session){.o = o, .lock = -1};
    s->style = (struct report_style){
        .colour = isatty(STDOUT_FILENO) && !o->json && !(no_colour && *no_colour), .verbose = o->verbose};
    diags_init(&s->diags, &s->arena);
    s->redactor = redactor_new(&s->arena);
    int r = session_machine.open(o->root, &s->host, &err);
    if (r < 0)
        return session_fail(s, &err);
    r = open_store(s, mode);
    if (r)
        return r;
    progress_open(s);
    s->cache = (struct digest_cache){cache_get, cache_put, s};
    s->host->cache = &s->cache;
    s->memo = (struct content_memo){memo_get, memo_put, s};
    s->host->memo = &s->memo;
    s->host->verify = o->verify;
    s->host->progress = &s->progress;
    s->host->lock_seconds = seconds_of("CITRUS_LOCK_TIMEOUT");
    s->host->stall_seconds = seconds_of("CITRUS_STALL_TIMEOUT");
    s->engine = (struct engine){.host = s->host,
                                .store = s->store,
                                .arena = &s->arena,
                                .progress = &s->progress,
                                .events = &s->events,
                                .state_dir = STATE_DIR,
                                .undo_patience = session_undo_patience,
                                .interrupted = interrupt_flag()};
    return mode == SESSION_CHANGE && !o->settles ? session_awaits(s) : 0;
}

int session_close(struct session *s, int status)
{
    progress_close(s);
    free(s->line);
    if (s->store)
        store_cache_flush(s->store, NULL);
    if (s->store)
        store_memo_flush(s->store, NULL);
    s->store = store_close(s->store);
    if (s->lock >= 0)
        store_unlock(s->lock);
    s->host = session_machine.close(s->host);
    for (size_t i = 0; i < s->derived.n; i++)
        secret_free(s->derived.at[i]);
    arena_free(&s->arena);
    return status;
}

/* ---- the manifest
 * ------------------------------------------------------------------------------------------- */

static int parse_bundle(struct session *s)
{
    char digest[SHA256_HEX];
    s->bundle_json = bundle_to_json(&s->bundle, &s->arena);
    bundle_digest(&s->bundle, digest);
    s->bundle_digest = arena_strdup(&s->arena, digest);
    s->manifest = manifest_parse(&s->bundle, &s->arena, &s->diags);
    if (!s->manifest)
        return session_diags(s) ? EXIT_ERROR : EXIT_ERROR;
    const struct server_retention *r = &s->manifest->server.retention;
    s->retention = (struct retention){
        .trash = r->trash, .journal = r->journal, .cache = r->cache, .generations = r->generations};
    s->engine.retention = &s->retention;
    return 0;
}

static int session_parse(struct session *s)
{
    struct error err = {0};
    s->glanced = s->diags.list.n == 0 && glance_taken(s);
    if (s->glanced)
        return 0;
    return store_ready(s->store, &err) < 0 ? session_fail(s, &err) : parse_bundle(s);
}

int session_manifest(struct session *s, const char *path)
{
    struct error err = {0};
    if (!path)
        path = session_path(s, "/etc/citrus/server.yaml");
    int r = bundle_read(path, &s->bundle, &s->arena, &s->diags, &err);
    if (r < 0)
        return session_fail(s, &err);
    if (s->diags.errors)
        return session_diags(s);
    return session_parse(s);
}

int session_texts(struct session *s, const char *bundle_json)
{
    struct error err = {0};
    int r = bundle_from_json(bundle_json, &s->bundle, &s->arena, &err);
    return r < 0 ? session_fail(s, &err) : session_parse(s);
}

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

const char *session_share(void)
{
    const char *dir = getenv("CITRUS_SHARE");
    return dir && *dir == '/' ? dir : "/usr/share/citrus";
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

static int make_plan(struct session *s)
{
    struct error err = {0};
    if (check_sites(s))
        return EXIT_ERROR;
    int r = read_facts(s, &err);
    if (r < 0)
        return session_fail(s, &err);
    struct catalog_input in = {.manifest = s->manifest,
                               .facts = &s->facts,
                               .host = s->host,
                               .share_dir = session_share(),
                               .secret = need_secret,
                               .rotating = rotating,
                               .secret_self = s,
                               .derived = note_derived,
                               .digests = true};
    r = catalog_build(&in, &s->catalog, &s->arena, &s->diags, &err);
    if (r < 0)
        return session_fail(s, &err);
    for (size_t i = 0; i < s->catalog.list.n; i++)
        if (s->catalog.list.at[i]->kind->check)
            s->catalog.list.at[i]->kind->check(s->catalog.list.at[i], &s->diags);
    if (s->diags.list.n && session_diags(s))
        return EXIT_ERROR;
    struct plan_options po = {.sites = s->o->n_sites ? s->o->sites : NULL,
                              .bundle_json = s->bundle_json,
                              .bundle_digest = s->bundle_digest,
                              .corrective_only = s->corrective_only,
                              .rollback_of = s->rollback_of,
                              .fresh = s->o->fresh};
    r = engine_plan(&s->engine, &s->catalog, &po, &s->plan, &err);
    if (r == 0)
        r = bring_contents(s, in, &err);
    if (r == 0 && !s->o->no_health)
        health_open(s);
    progress_close(s);
    return r < 0 ? session_fail(s, &err) : 0;
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
    int status = make_plan(s);
    s->host->interrupted = NULL;
    return status;
}

int session_recover(struct session *s, bool look)
{
    struct error err = {0};
    struct store_tx *open;
    size_t n;
    int r = store_tx_open(s->store, &s->arena, &open, &n, &err);
    if (r < 0)
        return session_fail(s, &err);
    if (look) {
        for (size_t i = 0; i < n; i++)
            fprintf(
                stderr,
                "citrus: transaction %lld was interrupted; `citrus recover` or the next apply takes it back"
                " first\n",
                (long long)open[i].id);
        awaiting_note(s);
        return 0;
    }
    struct recover_item *items;
    r = engine_recover(&s->engine, &s->arena, &items, &n, &err);
    progress_close(s);
    if (r < 0)
        return session_fail(s, &err);
    for (size_t i = 0; i < n; i++) {
        if (items[i].stuck) {
            error_prefix(&items[i].err, "transaction %lld", (long long)items[i].transaction);
            session_fail(s, &items[i].err);
            return EXIT_STUCK;
        }
        fprintf(
            stderr,
            "citrus: transaction %lld was interrupted and is undone: the old state stands (%zu action%s taken"
            " back, %zu of them half done)\n",
            (long long)items[i].transaction, items[i].undone, items[i].undone == 1 ? "" : "s", items[i].torn);
    }
    return 0;
}
