/* Names of owners: the managed system's own passwd and group, indexed by number. */
#include "owner.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *pa, const void *pb)
{
    const struct owner_name *a = pa, *b = pb;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

int owners_read(struct kind_ctx *ctx, struct owners *ret, struct error *err)
{
    struct accounts acc = {0};
    struct owners o = {0};
    int r = accounts_read(ctx->host, &acc, ctx->arena, err);

    if (r == -ENOENT) { /* a root without passwd: every owner is a number, and 0 is root */
        error_clear(err);
        r = 0;
    }
    if (r < 0)
        return r;
    o.users = arena_array(ctx->arena, struct owner_name, acc.n_users + 1);
    o.groups = arena_array(ctx->arena, struct owner_name, acc.n_groups + 1);
    for (; o.n_users < acc.n_users; o.n_users++)
        o.users[o.n_users] =
            (struct owner_name){acc.users[o.n_users].uid, acc.users[o.n_users].name, o.n_users};
    for (; o.n_groups < acc.n_groups; o.n_groups++)
        o.groups[o.n_groups] =
            (struct owner_name){acc.groups[o.n_groups].gid, acc.groups[o.n_groups].name, o.n_groups};
    qsort(o.users, o.n_users, sizeof *o.users, by_id);
    qsort(o.groups, o.n_groups, sizeof *o.groups, by_id);
    *ret = o;
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
            return list[i].name;
    if (wanted && int_parse(wanted, &number) == 0 && number == id)
        return wanted;
    if (low < n && list[low].id == id)
        return list[low].name;
    return id == 0 ? "root" : arena_printf(a, "%lld", (long long)id);
}

const char *owners_user(const struct owners *o, uid_t uid, const char *wanted, struct arena *a)
{
    return name_of(o->users, o->n_users, uid, wanted, a);
}

const char *owners_group(const struct owners *o, gid_t gid, const char *wanted, struct arena *a)
{
    return name_of(o->groups, o->n_groups, gid, wanted, a);
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
