#include "running.h"
#include "text.h"

bool running_look(struct session *s, const struct store_tx *t, size_t n, struct running *ret)
{
    bool open = false;
    *ret = (struct running){0};
    for (size_t i = 0; i < n; i++)
        open = open || t[i].state == TX_OPEN;
    if (!open ||
        s->lock >= 0) /* who holds the lock itself has begun nothing yet: a crash left what is open */
        return false;
    ret->at_work = store_lock_holder(session_path(s, STATE_DIR), &ret->by);
    return !ret->at_work;
}

int running_open(struct session *s, struct store_tx **ret, size_t *n, struct running *by, struct error *err)
{
    int r = store_tx_open(s->store, &s->arena, ret, n, err);
    if (r == 0 && running_look(s, *ret, *n, by))
        r = store_tx_open(s->store, &s->arena, ret, n, err);
    return r;
}

bool running_is(const struct running *r, const struct store_tx *t)
{
    return r->at_work && t->state == TX_OPEN;
}

const char *running_by(const struct running *r, struct arena *a)
{
    return r->by.pid ? arena_printf(a, " (process %ld, since %s)", r->by.pid, time_text(a, r->by.since)) : "";
}
