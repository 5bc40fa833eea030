/* Names of owners: the managed system's own passwd and group, indexed by number. */
#include "owner.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

/* Asked for so many, a list is gone through; from then on it is sorted. */
#define OWNERS_FEW 16

static int by_id(const void *pa, const void *pb)
{
    const struct owner_name *a = pa, *b = pb;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int owners_read(struct owners *o, struct error *err)
{
    struct accounts acc = {0};
    int r;

    if (o->read)
        return 0;
    r = accounts_read(o->ctx->host, &acc, &o->arena, err);
    if (r < 0)
        return r;
    o->users = (struct owner_list){arena_array(&o->arena, struct owner_name, acc.n_users + 1), acc.n_users};
    o->groups =
        (struct owner_list){arena_array(&o->arena, struct owner_name, acc.n_groups + 1), acc.n_groups};
    for (size_t i = 0; i < acc.n_users; i++)
        o->users.at[i] = (struct owner_name){acc.users[i].uid, acc.users[i].name, i};
    for (size_t i = 0; i < acc.n_groups; i++)
        o->groups.at[i] = (struct owner_name){acc.groups[i].gid, acc.groups[i].name, i};
    o->read = true;
    return 0;
}

/* Where those of that number begin. */
static size_t begin_of(const struct owner_list *l, int64_t id)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->at[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const char *name_of(struct owner_list *l, int64_t id, const char *wanted, struct arena *a)
{
    const char *first = NULL;
    int64_t number;

    if (l->n && !l->sorted && l->asked++ == OWNERS_FEW) {
        qsort(l->at, l->n, sizeof *l->at, by_id);
        l->sorted = true;
    }
    for (size_t i = l->sorted ? begin_of(l, id) : 0; i < l->n; i++) {
        if (l->at[i].id != id && l->sorted)
            break;
        if (l->at[i].id != id)
            continue;
        if (wanted && !strcmp(l->at[i].name, wanted))
            return wanted;
        first = first ? first : l->at[i].name;
    }
    if (wanted && int_parse(wanted, &number) == 0 && number == id)
        return wanted;
    if (first)
        return arena_strdup(a, first);
    return id == 0 ? "root" : arena_printf(a, "%lld", (long long)id);
}

static bool is_root(int64_t id, const char *wanted)
{
    return id == 0 && (!wanted || !strcmp(wanted, "root"));
}

int owners_name(struct owners *o, const struct fs_stat *st, const char *want_owner, const char *want_group,
                const char **owner, const char **group, struct error *err)
{
    struct arena *a = o->ctx->arena;

    if (!is_root(st->uid, want_owner) || !is_root(st->gid, want_group)) {
        int r = owners_read(o, err);
        if (r < 0)
            return r;
    }
    *owner = name_of(&o->users, st->uid, want_owner, a);
    *group = name_of(&o->groups, st->gid, want_group, a);
    return 0;
}

int owners_pair(struct owners *o, const struct fs_stat *st, const char **ret, struct error *err)
{
    const char *owner, *group;
    int r;

    *ret = OWNERS_ROOT;
    if (st->uid == 0 && st->gid == 0)
        return 0;
    r = owners_name(o, st, NULL, NULL, &owner, &group, err);
    if (r == 0)
        *ret = arena_printf(o->ctx->arena, "%s:%s", owner, group);
    return r;
}

void owners_free(struct owners *o)
{
    arena_free(&o->arena);
}

/* "1000" is the number itself: account_ids() knows names only. */
static bool is_number(const char *name, uint32_t *ret)
{
    int64_t n;

    /* The highest value means "leave it" to chown(2). */
    if (!name || int_parse(name, &n) < 0 || n < 0 || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

int owner_ids(struct kind_ctx *ctx, const char *owner, const char *group, const struct fs_stat *now,
              uid_t *uid, gid_t *gid, struct error *err)
{
    bool there = now && now->type != FS_ABSENT;
    uid_t u = there ? now->uid : 0;
    gid_t g = there ? now->gid : 0;
    bool user_named = owner && !is_number(owner, &u), group_named = group && !is_number(group, &g);

    if (user_named || group_named) {
        uid_t named_uid;
        gid_t named_gid;
        int r = account_ids(ctx->host, user_named ? owner : "root", group_named ? group : "root", &named_uid,
                            &named_gid, err);
        if (r < 0)
            return r;
        if (user_named)
            u = named_uid;
        if (group_named)
            g = named_gid;
    }
    *uid = u;
    *gid = g;
    return 0;
}
