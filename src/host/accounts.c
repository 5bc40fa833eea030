/* Accounts of the managed system as they are: passwd(5), group(5). */
#include "account.h"
#include "fs_path.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 7 };

/* Splits at colons, in place; how many. */
static size_t split(char *line, char *fields[FIELDS_MAX])
{
    size_t n = 0;
    while (n < FIELDS_MAX) {
        fields[n++] = line;
        line = strchr(line, ':');
        if (!line)
            break;
        *line++ = '\0';
    }
    return n;
}

static bool id_parse(const char *text, uint32_t *ret)
{
    int64_t v;
    if (int_parse(text, &v) < 0 || v < 0 || v >= UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

/* A file of lines, copied into the arena; absent is empty (a bare root that is being made). */
static int lines_read(struct host *h, const char *path, struct arena *a, char **ret, struct error *err)
{
    struct buf b = {0};
    int r = fs_read(h, path, 0, &b, err);
    if (r < 0 && r != -ENOENT)
        return r;
    error_clear(err);
    *ret = arena_strndup(a, buf_str(&b), b.len);
    buf_free(&b);
    return 0;
}

static void members_split(struct account_group *g, char *text, struct arena *a)
{
    VEC(const char *) list = {0};
    char *save = NULL;
    for (char *m = strtok_r(text, ",", &save); m; m = strtok_r(NULL, ",", &save))
        vec_push(a, &list, m);
    g->members = list.at;
    g->n_members = list.n;
}

/* The texts are cut up. */
static void texts_parse(char *passwd, char *group, struct accounts *ret, struct arena *a)
{
    char *f[FIELDS_MAX], *save = NULL;
    VEC(struct account_user) users = {0};
    VEC(struct account_group) groups = {0};
    for (char *l = strtok_r(passwd, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        struct account_user u = {0};
        if (split(l, f) < 7 || !id_parse(f[2], &u.uid) || !id_parse(f[3], &u.gid))
            continue; /* a NIS line or a broken one: passwd's readers skip it too */
        u.name = f[0];
        u.home = f[5];
        u.shell = f[6];
        vec_push(a, &users, u);
    }
    for (char *l = strtok_r(group, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        struct account_group g = {0};
        if (split(l, f) < 4 || !id_parse(f[2], &g.gid))
            continue;
        g.name = f[0];
        members_split(&g, f[3], a);
        vec_push(a, &groups, g);
    }
    *ret =
        (struct accounts){.users = users.at, .n_users = users.n, .groups = groups.at, .n_groups = groups.n};
    name_index_make(&ret->by_user, users.at, users.n, sizeof *users.at, a);
    name_index_make(&ret->by_group, groups.at, groups.n, sizeof *groups.at, a);
}

static int accounts_parse(struct host *h, struct accounts *ret, struct arena *a, struct error *err)
{
    char *passwd, *group;
    int r = lines_read(h, "/etc/passwd", a, &passwd, err);
    if (r == 0)
        r = lines_read(h, "/etc/group", a, &group, err);
    if (r == 0)
        texts_parse(passwd, group, ret, a);
    return r;
}

struct accounts_kept {
    struct arena arena;
    struct accounts all;
    bool stale;
    struct accounts_kept *older; /* who read them may still use them */
};

void accounts_changed(struct host *h)
{
    if (h->accounts)
        h->accounts->stale = true;
}

void accounts_free(struct host *h)
{
    while (h->accounts) {
        struct accounts_kept *k = h->accounts;
        h->accounts = k->older;
        arena_free(&k->arena);
        free(k);
    }
}

static struct accounts_kept *kept_new(struct host *h)
{
    struct accounts_kept *k = xmalloc(sizeof *k);
    *k = (struct accounts_kept){.older = h->accounts};
    h->accounts = k;
    return k;
}

void accounts_foresee(struct host *h, const char *passwd, const char *group)
{
    struct accounts_kept *k = h->group ? kept_new(h) : NULL;
    if (k)
        texts_parse(arena_strdup(&k->arena, passwd), arena_strdup(&k->arena, group), &k->all, &k->arena);
}

/* --- while much is looked at: accounts_look_begin()
 * --------------------------------------------------------- */

struct accounts_seen {
    struct fs_stat passwd, group;
    bool settled; /* what changed them after they were seen shows */
};
struct accounts_look {
    struct arena arena;
    struct accounts all;
    struct accounts_seen seen;
    bool read;
};

void accounts_look_begin(struct host *h)
{
    struct accounts_look *l = xmalloc(sizeof *l);
    *l = (struct accounts_look){0};
    accounts_look_end(h);
    h->accounts_look = l;
}

void accounts_look_end(struct host *h)
{
    if (h->accounts_look)
        arena_free(&h->accounts_look->arena);
    free(h->accounts_look);
    h->accounts_look = NULL;
}

static bool files_seen(struct host *h, struct accounts_seen *ret)
{
    bool known = fs_stat(h, "/etc/passwd", &ret->passwd, NULL) == 0 &&
                 fs_stat(h, "/etc/group", &ret->group, NULL) == 0;
    ret->settled = known && fs_settled(ret->passwd.ctime_ns) && fs_settled(ret->group.ctime_ns);
    return known;
}

static bool same_file(const struct fs_stat *a, const struct fs_stat *b)
{
    return a->type == b->type && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* The files are looked at each time: a change shows, and who keeps stamps has theirs. */
static int look_read(struct host *h, struct accounts *ret, struct error *err)
{
    struct accounts_look *l = h->accounts_look;
    struct accounts_seen now;
    bool known = files_seen(h, &now);
    if (!known || !l->read || !l->seen.settled || !same_file(&l->seen.passwd, &now.passwd) ||
        !same_file(&l->seen.group, &now.group)) {
        int r = accounts_parse(h, &l->all, &l->arena, err);
        l->read = r == 0 && known;
        l->seen = now;
        if (r < 0)
            return r;
    }
    *ret = l->all;
    return 0;
}

int accounts_read(struct host *h, struct accounts *ret, struct arena *a, struct error *err)
{
    if (!h->group)
        return h->accounts_look && !h->verify ? look_read(h, ret, err) : accounts_parse(h, ret, a, err);
    if (!h->accounts || h->accounts->stale) {
        struct accounts_kept *k = kept_new(h);
        int r = accounts_parse(h, &k->all, &k->arena, err);
        k->stale = r < 0;
        if (r < 0)
            return r;
    }
    *ret = h->accounts->all;
    return 0;
}

const struct account_user *accounts_user(const struct accounts *s, const char *name)
{
    return name_index_find(&s->by_user, name);
}

const struct account_group *accounts_group(const struct accounts *s, const char *name)
{
    return name_index_find(&s->by_group, name);
}

int account_ids(struct host *h, const char *user, const char *group, uid_t *uid, gid_t *gid,
                struct error *err)
{
    struct arena a = {0};
    struct accounts all = {0};
    const struct account_user *u = NULL;
    const struct account_group *g = NULL;
    bool need_user = user && strcmp(user, "root") != 0, need_group = group && strcmp(group, "root") != 0;
    int r = need_user || need_group ? accounts_read(h, &all, &a, err) : 0;
    if (r == 0 && need_user && !(u = accounts_user(&all, user))) {
        r = error_set(err, -ENOENT, "there is no user \"%s\"", user);
        error_hint(err, "declare the user, or make it first");
    }
    if (r == 0 && need_group && !(g = accounts_group(&all, group))) {
        r = error_set(err, -ENOENT, "there is no group \"%s\"", group);
        error_hint(err, "declare the group, or make it first");
    }
    if (r == 0) {
        if (uid && user)
            *uid = u ? u->uid : 0;
        if (gid && group)
            *gid = g ? g->gid : 0;
    }
    arena_free(&a);
    return r;
}
