/* A look at what nobody touched: where the inputs are those of a look that found nothing to do, and the
 * stamps of all that it looked at are the same, the answer is the same. docs/architecture.md, "A glance". */
#include "footprint.h"
#include "fs.h"
#include "session.h"
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* What is neither a path nor asked for again shows after so long at the latest. */
#define GLANCE_SECONDS 3600

static void add_text(struct hash_stream *h, const char *s)
{
    hash_stream_add(h, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void add_numbers(struct hash_stream *h, const int64_t *list, size_t n)
{
    hash_stream_add(h, list, n * sizeof *list);
}

/* Another build has another file, also where its version is the same. */
static void add_program(struct hash_stream *h)
{
    struct stat st = {0};
    stat("/proc/self/exe", &st);
    add_text(h, CITRUS_VERSION);
    add_numbers(h,
                (int64_t[]){(int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec},
                7);
}

/* What a look depends on beside the manifest and what is said of it. */
static void add_place(struct hash_stream *h, const struct session *s)
{
    struct facts f = {0};
    facts_machine(s->host, &f);
    add_program(h);
    add_text(h, s->host->root);
    add_text(h, session_share());
    add_numbers(
        h, (int64_t[]){f.memory, f.cpus, s->o->no_health, s->host->offline, s->host->ops == &host_real_ops},
        5);
}

static struct hash128 inputs(const struct session *s)
{
    const struct options *o = s->o;
    struct hash_stream *h = hash_stream_new();
    add_place(h, s);
    add_text(h, s->glance.command);
    add_numbers(
        h, (int64_t[]){o->json, o->verbose, o->detailed, o->verify, s->style.colour, (int64_t)s->bundle.n},
        6);
    for (size_t i = 0; i < s->bundle.n; i++) {
        const struct bundle_file *b = &s->bundle.at[i];
        add_text(h, b->name);
        add_numbers(h, (int64_t[]){(int64_t)b->len}, 1);
        hash_stream_add(h, b->text, b->len);
    }
    return hash_stream_end(h);
}

struct hash128 glance_base(const struct session *s)
{
    struct hash_stream *h = hash_stream_new();
    add_place(h, s);
    return hash_stream_end(h);
}

void glance_allow(struct session *s, const char *command)
{
    const struct options *o = s->o;
    s->glance.command = o->fresh || o->out || o->n_sites ? NULL : command;
}

/* With --verify no stamp is believed: what was read is read again. */
static bool same_paths(struct session *s, const char *paths, size_t len, struct hash128 then,
                       struct hash128 *contents)
{
    struct hash128 stamps;
    return footprint_stamps(s->host, paths, len, &stamps, s->o->verify ? contents : NULL) == 0 &&
           hash_equal(stamps, then);
}

bool glance_holds(struct session *s, const struct store_glance *g)
{
    struct hash128 contents = g->contents;
    int64_t now = time(NULL);
    return g->made <= now && now < g->until && same_paths(s, g->paths, g->len, g->stamps, &contents) &&
           hash_equal(contents, g->contents) && engine_as_promised(&s->engine, g->kinds, NULL) == 1;
}

void glance_watching(struct session *s, bool anew)
{
    glance_allow(s, "watch");
    s->glance.anew = anew;
    s->glance.unnoted = true;
}

bool glance_taken(struct session *s)
{
    struct store_glance g;
    struct fs_stat st;
    if (!s->glance.command)
        return false;
    s->glance.key = inputs(s);
    if (store_glance_get(s->store, s->glance.key, &s->arena, &g, NULL) == 0 && !s->glance.anew &&
        glance_holds(s, &g)) {
        struct buf b = {0};
        buf_adds(&b, g.output);
        out_flush(&b);
        if (!s->glance.unnoted)
            store_run_note(s->store, s->glance.command, EXIT_DONE, 0, NULL);
        return true;
    }
    footprint_begin(s->host);
    /* Looking needs it where there are secrets, and says so when it is gone. */
    fs_stat(s->host, STATE_DIR "/secret.key", &st, NULL);
    return false;
}

/* What was said on standard error is said again. */
static bool silent(struct session *s)
{
    struct store_tx *open;
    struct store_awaiting w;
    size_t n;
    return !s->told && !store_anew(s->store) && store_tx_open(s->store, &s->arena, &open, &n, NULL) == 0 &&
           n == 0 && store_awaiting_get(s->store, &w, NULL) == 0 && w.tx == 0;
}

void glance_keep(struct session *s, const struct buf *output)
{
    struct footprint f;
    struct hash128 contents = {0};
    int64_t now = time(NULL);
    if (s->narrow.of)
        return; /* it looked at a part; and what it stands on stays */
    bool whole = footprint_end(s->host, &f, &s->arena);
    if (s->plan->actions.n) {
        store_glance_drop(s->store, NULL);
        return;
    }
    const char *names = whole ? engine_glance_kinds(&s->engine, s->plan, &s->catalog) : NULL;
    if (!s->glance.command || !names || !silent(s) || strlen(buf_str(output)) != output->len ||
        engine_as_promised(&s->engine, names, NULL) != 1 ||
        (s->o->verify && !same_paths(s, f.paths, f.len, f.stamps, &contents)))
        return;
    struct store_glance g = {.made = now,
                             .until = f.until < now + GLANCE_SECONDS ? f.until : now + GLANCE_SECONDS,
                             .paths = f.paths,
                             .len = f.len,
                             .stamps = f.stamps,
                             .contents = contents,
                             .kinds = names,
                             .output = buf_str(output)};
    narrow_note(s, &g);
    store_glance_put(s->store, s->glance.key, &g, NULL);
}
