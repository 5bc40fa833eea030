#include "internal.h"

static const struct secret *find_secret(void *self, const char *name)
{
    return store_secret_get(self, name);
}

char *engine_undo_dir(struct engine *e, struct arena *a, int64_t transaction)
{
    return arena_printf(a, "%s/undo/%lld", e->state_dir, (long long)transaction);
}

struct kind_ctx engine_ctx(struct engine *e, struct arena *a, int64_t transaction)
{
    return (struct kind_ctx){
        .host = e->host,
        .arena = a,
        .undo_dir = transaction ? engine_undo_dir(e, a, transaction) : NULL,
        .transaction = transaction,
        .trash_retention = engine_retention(e)->trash,
        .redaction = {store_plan_key(e->store), STORE_PLAN_KEY_LEN},
        .progress = e->progress,
        .secret = find_secret,
        .secret_self = e->store,
    };
}

bool engine_interrupted(const struct engine *e)
{
    return e->interrupted && *e->interrupted;
}
