#include "session.h"
#include "awaiting.h"
#include "fs.h"
#include "huge_pages.h"
#include "running.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session_machine session_machine = {host_open, host_close};

int session_undo_patience = 30;

/* What a first apply of a hundred sites takes, half of it pages of the store; whoever takes less has touched
 * less. Arenas go on in pages of their own. */
#define CHANGE_TAKES ((size_t)8 << 20)
/* And a look at everything, with its libraries. */
#define LOOK_TAKES ((size_t)2 << 20)

int out_flush(struct buf *b)
{
    bool whole = fwrite(buf_str(b), 1, b->len, stdout) == b->len && fflush(stdout) == 0;
    int r = whole ? 0 : -errno;
    buf_wipe(b);
    return r;
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
    if (getuid() == 0) /* nobody's services of names are asked for what each of them says */
        return "root";
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

static bool cache_recall(void *self, const char *path, struct fs_stat *ret, struct hash128 *digest)
{
    struct session *s = self;
    struct store_file f;
    if (!store_cache_get(s->store, path, &f))
        return false;
    *ret = (struct fs_stat){
        .dev = f.dev, .ino = f.ino, .size = f.size, .mtime_ns = f.mtime_ns, .ctime_ns = f.ctime_ns};
    *digest = f.digest;
    return true;
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
    if (r == 0 && mode == SESSION_CHANGE)
        huge_pages_expect(CHANGE_TAKES);
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
    s->cache = (struct digest_cache){cache_get, cache_put, s, cache_recall};
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

int session_parse_whole(struct session *s)
{
    huge_pages_expect(LOOK_TAKES);
    s->manifest = manifest_parse(&s->bundle, &s->arena, &s->diags);
    if (s->manifest)
        return 0;
    session_diags(s);
    return EXIT_ERROR;
}

static void note_bundle(struct session *s)
{
    char digest[SHA256_HEX];
    bundle_digest(&s->bundle, digest);
    s->bundle_digest = arena_strdup(&s->arena, digest);
    const struct server_retention *r = &s->manifest->server.retention;
    s->retention = (struct retention){
        .trash = r->trash, .journal = r->journal, .cache = r->cache, .generations = r->generations};
    s->engine.retention = &s->retention;
}

static int session_parse(struct session *s)
{
    struct error err = {0};
    s->glanced = s->diags.list.n == 0 && glance_taken(s);
    if (s->glanced)
        return 0;
    if (store_ready(s->store, &err) < 0)
        return session_fail(s, &err);
    int status = narrow_taken(s) ? 0 : session_parse_whole(s);
    if (status == 0)
        note_bundle(s);
    return status;
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

int session_texts(struct session *s, const struct bundle *texts)
{
    s->bundle = *texts;
    return session_parse(s);
}

/* What is open, for who only looks. */
static int tell_open(struct session *s)
{
    struct error err = {0};
    struct store_tx *open;
    struct running by;
    size_t n;
    if (running_open(s, &open, &n, &by, &err) < 0)
        return session_fail(s, &err);
    for (size_t i = 0; i < n; i++)
        if (running_is(&by, &open[i]))
            fprintf(
                stderr,
                "citrus: transaction %lld is running%s: what it changes is seen half done until it ends\n",
                (long long)open[i].id, running_by(&by, &s->arena));
        else
            fprintf(
                stderr,
                "citrus: transaction %lld was interrupted; `citrus recover` or the next apply takes it back"
                " first\n",
                (long long)open[i].id);
    awaiting_note(s);
    return 0;
}

int session_recover(struct session *s, bool look)
{
    struct error err = {0};
    struct recover_item *items;
    size_t n;
    if (look)
        return tell_open(s);
    int r = engine_recover(&s->engine, &s->arena, &items, &n, &err);
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
