/* What earlier transactions left in the state directory and nobody needs any more. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <stdlib.h>

/* The transaction that an entry's name begins with: "12", "12-3-public", "12-blog.sql"; 0: none. */
static int64_t transaction_of(const char *name, bool whole)
{
    char *end;
    errno = 0;
    long long n = strtoll(name, &end, 10);
    bool fits = *name >= '1' && *name <= '9' && errno == 0 && *end == (whole ? '\0' : '-');
    return fits ? n : 0;
}

/* Recover may still need it, or who takes back what nobody confirmed. What no journal knows is not ours to
 * throw away either. */
static bool is_closed(struct engine *e, struct arena *a, int64_t transaction)
{
    struct store_tx tx;
    return store_tx_get(e->store, transaction, a, &tx, NULL) == 0 && tx.state != TX_OPEN &&
           tx.state != TX_STUCK && tx.state != TX_AWAITING;
}

static void sweep_undo(struct engine *e, struct arena *a, int64_t keep)
{
    const char *dir = arena_printf(a, "%s/undo", e->state_dir), **names;
    size_t n;
    if (fs_list(e->host, dir, a, &names, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        int64_t tx = transaction_of(names[i], true);
        if (tx && tx != keep && is_closed(e, a, tx))
            fs_remove_tree(e->host, arena_printf(a, "%s/%s", dir, names[i]), NULL);
    }
}

/* An entry's ctime is that of the rename which brought it here; its mtime is its content's. */
static void sweep_trash(struct engine *e, struct arena *a, int64_t now)
{
    const char *dir = arena_printf(a, "%s/trash", e->state_dir), **names;
    size_t n;
    if (fs_list(e->host, dir, a, &names, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *path = arena_printf(a, "%s/%s", dir, names[i]);
        int64_t tx = transaction_of(names[i], false);
        struct fs_stat st;
        if (tx && fs_stat(e->host, path, &st, NULL) == 0 && st.type != FS_ABSENT &&
            now - st.ctime_ns / 1000000000 > TRASH_RETENTION && is_closed(e, a, tx))
            fs_remove_tree(e->host, path, NULL);
    }
}

void engine_sweep(struct engine *e, int64_t keep, int64_t now)
{
    struct arena a = {0};
    sweep_undo(e, &a, keep);
    sweep_trash(e, &a, now);
    arena_free(&a);
}
