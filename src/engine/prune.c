/* Retention: old generations, old transactions, downloads that no generation asks for; and the sweep of
 * disks. */
#include "fs.h"
#include "sweep.h"
#include <errno.h>
#include <string.h>
#include <time.h>

const char *const prunable_names[] = {[PRUNE_UNDO] = "undo",
                                      [PRUNE_TRASH] = "trash",
                                      [PRUNE_CACHE] = "cache",
                                      [PRUNE_TRANSACTION] = "transaction",
                                      [PRUNE_GENERATION] = "generation"};

const struct retention *engine_retention(const struct engine *e)
{
    /* Those of the manifest's field table, for a store that has no manifest yet. */
    static const struct retention defaults = {
        .trash = 30 * 86400, .journal = 90 * 86400, .cache = 30 * 86400, .generations = 50};
    return e->retention ? e->retention : &defaults;
}

static int prune_generations(struct sweep *s, struct store_generation *list, size_t *n, struct error *err)
{
    size_t kept = *n, most = (size_t)engine_retention(s->e)->generations;
    if (kept <= most)
        return 0;
    int r = s->plan_only ? 0 : store_generations_drop(s->e->store, list[most - 1].number, err);
    for (size_t i = most; i < kept && r == 0; i++)
        sweep_note(s, PRUNE_GENERATION, NULL, list[i].number, list[i].time);
    *n = most;
    return r;
}

static bool has_trash(const struct trash_list *trash, int64_t tx)
{
    for (size_t i = 0; i < trash->n; i++)
        if (trash->at[i].transaction == tx)
            return true;
    return false;
}

static bool made_one_of(const struct store_generation *list, size_t n, int64_t tx)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].transaction == tx)
            return true;
    return false;
}

/* Kept are: what may be taken back, what made a generation that is kept, and what says where the trash's
 * things came from. Of the others, that something was in the trash is remembered as long as a rollback may
 * ask. */
static int prune_journal(struct sweep *s, const struct store_generation *list, size_t n,
                         const struct trash_list *trash, struct error *err)
{
    int64_t before = s->now - engine_retention(s->e)->journal, oldest = 0;
    int64_t *old;
    size_t count;
    for (size_t i = 0; i < n; i++)
        if (list[i].transaction && (!oldest || list[i].transaction < oldest))
            oldest = list[i].transaction;
    int r = store_tx_old(s->e->store, before, oldest, s->a, &old, &count, err);
    for (size_t i = 0; i < count && r == 0; i++) {
        struct store_tx tx;
        if (old[i] == s->keep || has_trash(trash, old[i]) || made_one_of(list, n, old[i]))
            continue;
        r = store_tx_get(s->e->store, old[i], s->a, &tx, err);
        if (r < 0 || sweep_needed(&tx))
            continue;
        if (!s->plan_only)
            r = store_tx_drop(s->e->store, tx.id, tx.id < oldest, err);
        if (r == 0)
            sweep_note(s, PRUNE_TRANSACTION, NULL, tx.id, tx.ended);
    }
    return r;
}

/* --- downloads ------------------------------------------------------------------------------------------ */

/* `oldest`: the first generation that is kept; what it and the later ones ask for stays. */
static int prune_cache(struct sweep *s, const struct kind *k, const char *dir, int64_t oldest,
                       struct error *err)
{
    const char **names;
    size_t n;
    int r = 0;
    if (fs_list(s->e->host, dir, s->a, &names, &n, NULL) < 0)
        return 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        const char *path = arena_printf(s->a, "%s/%s", dir, names[i]), *word = k->cached_for(s->a, names[i]);
        struct fs_stat st;
        bool asked = true;
        if (!word || fs_stat(s->e->host, path, &st, NULL) < 0 ||
            s->now < st.ctime_ns / 1000000000 + engine_retention(s->e)->cache)
            continue;
        r = store_generations_name(s->e->store, oldest, word, &asked, err);
        if (r == 0 && !asked)
            sweep_note(s, PRUNE_CACHE, path, 0, st.ctime_ns / 1000000000);
    }
    return r;
}

static int prune_caches(struct sweep *s, int64_t oldest, struct error *err)
{
    int r = 0;
    for (size_t i = 0; kinds[i]; i++)
        for (const char *const *dir = kinds[i]->caches; dir && *dir && r == 0; dir++)
            r = prune_cache(s, kinds[i], *dir, oldest, err);
    return r;
}

static int prune(struct sweep *s, struct error *err)
{
    struct trash_list trash = {0};
    struct store_generation *list;
    size_t n;
    sweep_undo(s);
    int r = sweep_trash(s, &trash, err);
    if (r == 0)
        r = store_generation_list(s->e->store, s->a, &list, &n, err);
    if (r == 0)
        r = prune_generations(s, list, &n, err);
    if (r == 0)
        r = prune_journal(s, list, n, &trash, err);
    return r < 0 ? r : prune_caches(s, n ? list[n - 1].number : 0, err);
}

int engine_prune(struct engine *e, bool plan_only, struct prune *ret, struct error *err)
{
    struct sweep s = {.e = e, .a = e->arena, .now = (int64_t)time(NULL), .plan_only = plan_only, .ret = ret};
    *ret = (struct prune){0};
    return prune(&s, err);
}

void engine_sweep(struct engine *e, int64_t keep, int64_t now)
{
    struct arena a = {0};
    struct sweep s = {.e = e, .a = &a, .now = now, .keep = keep};
    prune(&s, NULL);
    arena_free(&a);
}

void engine_sweep_undo(struct engine *e, int64_t keep)
{
    struct arena a = {0};
    struct sweep s = {.e = e, .a = &a, .keep = keep};
    sweep_undo(&s);
    arena_free(&a);
}
