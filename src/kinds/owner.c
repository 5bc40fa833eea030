/* Names of owners: the managed system's own passwd and group, indexed by number. */
#include "owner.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

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
    o->users = arena_array(&o->arena, struct owner_name, acc.n_users + 1);
    o->groups = arena_array(&o->arena, struct owner_name, acc.n_groups + 1);
    for (size_t i = 0; i < acc.n_users; i++)
        o->users[i] = (struct owner_name){acc.users[i].uid, acc.users[i].name, i};
    for (size_t i = 0; i < acc.n_groups; i++)
        o->groups[i] = (struct owner_name){acc.groups[i].gid, acc.groups[i].name, i};
    o->n_users = acc.n_users;
    o->n_groups = acc.n_groups;
    qsort(o->users, o->n_users, sizeof *o->users, by_id);
    qsort(o->groups, o->n_groups, sizeof *o->groups, by_id);
    o->read = true;
    return 0;
}

static const char *name_of(const struct owner_name *list, size_t n, int64_t id, const char *wanted,
                           struct arena *a)
{
    size_t low = 0, high = n;
    int64_t number;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (list[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = low; wanted && i < n && list[i].id == id; i++)
        if (!strcmp(list[i].name, wanted))
            return wanted;
    if (wanted && int_parse(wanted, &number) == 0 && number == id)
        return wanted;
    if (low < n && list[low].id == id)
        return arena_strdup(a, list[low].name);
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
    *owner = name_of(o->users, o->n_users, st->uid, want_owner, a);
    *group = name_of(o->groups, o->n_groups, st->gid, want_group, a);
    return 0;
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
