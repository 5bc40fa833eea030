/* Pretended shadow tools: they change the root's own /etc/passwd and /etc/group, line by line, with the exit
 * statuses that account.c knows from the real ones. */
#include "account.h"
#include "fake_world.h"
#include "fs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USED = 9, NOT_THERE = 6, PRIMARY = 8, FAILED = 1 };

/* What the command line says. */
struct call {
    const char *tool, *name, *gid, *uid, *home, *shell, *add, *remove;
};

static struct call call_parse(const char *const *argv)
{
    struct call c = {.tool = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]};
    const struct {
        const char *option;
        const char **value;
    } options[] = {{"--gid", &c.gid},
                   {"--uid", &c.uid},
                   {"--home", &c.home},
                   {"--home-dir", &c.home},
                   {"--shell", &c.shell},
                   {"--add", &c.add},
                   {"--delete", &c.remove},
                   {"--prefix", &(const char *){0}},
                   {"--root", &(const char *){0}}};
    for (size_t i = 1; argv[i]; i++) {
        size_t k = 0;
        while (k < sizeof options / sizeof *options && strcmp(argv[i], options[k].option) != 0)
            k++;
        if (k < sizeof options / sizeof *options && argv[i + 1])
            *options[k].value = argv[++i];
        else if (argv[i][0] != '-')
            c.name = argv[i];
    }
    return c;
}

/* The file with the line of `name` left out, or with `line` in its place; `line` is put at the end when
 * there was none. */
static int line_set(struct host *h, const char *path, const char *name, const char *line)
{
    struct buf old = {0}, now = {0};
    int r = fs_read(h, path, 0, &old, NULL);
    if (r < 0 && r != -ENOENT)
        goto out;
    size_t len = strlen(name);
    for (const char *at = buf_str(&old); *at;) {
        size_t n = strcspn(at, "\n");
        if (strncmp(at, name, len) != 0 || at[len] != ':') {
            buf_add(&now, at, n);
            buf_addc(&now, '\n');
        } else if (line) {
            buf_addf(&now, "%s\n", line);
            line = NULL;
        }
        at += n + (at[n] == '\n');
    }
    if (line)
        buf_addf(&now, "%s\n", line);
    r = fs_write(h, path, buf_str(&now), now.len, 0644, 0, 0, NULL);
out:
    buf_free(&old);
    buf_free(&now);
    return r < 0 ? FAILED : 0;
}

static int user_set(struct host *h, struct arena *a, const struct call *c, uint32_t uid, uint32_t gid,
                    const char *home, const char *shell)
{
    return line_set(h, "/etc/passwd", c->name,
                    arena_printf(a, "%s:x:%u:%u::%s:%s", c->name, uid, gid, home, shell));
}

/* Members as a group's line has them, with `add` and without `leave` (either may be NULL). */
static int group_set(struct host *h, struct arena *a, const struct account_group *g, const char *add,
                     const char *leave)
{
    struct buf line = {0};
    buf_addf(&line, "%s:x:%u:", g->name, (unsigned)g->gid);
    const char *comma = "";
    for (size_t i = 0; i < g->n_members; i++)
        if ((!leave || strcmp(g->members[i], leave) != 0) && (!add || strcmp(g->members[i], add) != 0)) {
            buf_addf(&line, "%s%s", comma, g->members[i]);
            comma = ",";
        }
    if (add)
        buf_addf(&line, "%s%s", comma, add);
    int r = line_set(h, "/etc/group", g->name, buf_str(&line));
    buf_free(&line);
    return r;
}

/* The highest number under 1000 that no user and no group has: login.defs' SYS_UID_MAX. */
static uint32_t number_free(const struct accounts *all)
{
    uint32_t id = 999;
    for (bool used = true; used && id > 100; id -= used) {
        used = false;
        for (size_t i = 0; i < all->n_users; i++)
            used |= all->users[i].uid == id;
        for (size_t i = 0; i < all->n_groups; i++)
            used |= all->groups[i].gid == id;
    }
    return id;
}

static uint32_t number_of(const char *text, uint32_t otherwise)
{
    unsigned v;
    return text && sscanf(text, "%u", &v) == 1 ? v : otherwise;
}

static int user_add(struct host *h, struct arena *a, const struct call *c, const struct accounts *all)
{
    const struct account_group *g = c->gid ? accounts_group(all, c->gid) : NULL;
    if (accounts_user(all, c->name))
        return USED;
    if (c->gid && !g)
        return NOT_THERE;
    uint32_t uid = number_of(c->uid, number_free(all));
    return user_set(h, a, c, uid, g ? g->gid : uid, c->home ? c->home : "/", c->shell ? c->shell : "/bin/sh");
}

static int user_modify(struct host *h, struct arena *a, const struct call *c, const struct accounts *all)
{
    const struct account_user *u = accounts_user(all, c->name);
    const struct account_group *g = c->gid ? accounts_group(all, c->gid) : NULL;
    if (!u || (c->gid && !g))
        return NOT_THERE;
    return user_set(h, a, c, u->uid, g ? g->gid : u->gid, c->home ? c->home : u->home,
                    c->shell ? c->shell : u->shell);
}

/* As with USERGROUPS_ENAB (Debian's login.defs): the user's own group goes too when nobody else is in it. */
static int user_remove(struct host *h, struct arena *a, const struct call *c, const struct accounts *all)
{
    const struct account_user *u = accounts_user(all, c->name);
    if (!u)
        return NOT_THERE;
    int r = line_set(h, "/etc/passwd", c->name, NULL);
    for (size_t i = 0; i < all->n_groups && r == 0; i++) {
        const struct account_group *g = &all->groups[i];
        bool own = g->gid == u->gid && strcmp(g->name, u->name) == 0, member = false;
        for (size_t k = 0; k < g->n_members; k++)
            member |= strcmp(g->members[k], u->name) == 0;
        for (size_t k = 0; k < all->n_users; k++)
            own &= &all->users[k] == u || all->users[k].gid != g->gid;
        if (own && g->n_members == (size_t)member)
            r = line_set(h, "/etc/group", g->name, NULL);
        else if (member)
            r = group_set(h, a, g, NULL, u->name);
    }
    return r;
}

static int group_remove(struct host *h, const struct call *c, const struct accounts *all)
{
    const struct account_group *g = accounts_group(all, c->name);
    if (!g)
        return NOT_THERE;
    for (size_t i = 0; i < all->n_users; i++)
        if (all->users[i].gid == g->gid)
            return PRIMARY;
    return line_set(h, "/etc/group", c->name, NULL);
}

/* One line of sysusers.d(5), of the two sorts that account_many.c writes. */
static int sysusers_line(struct host *h, const char *line)
{
    char name[64], other[64], home[256], shell[256];
    unsigned number;
    struct arena a = {0};
    struct accounts all;
    int r = accounts_read(h, &all, &a, NULL) < 0 ? FAILED : 0;
    if (r == 0 && sscanf(line, "u %63s %u - %255s %255s", name, &number, home, shell) == 4) {
        r = line_set(h, "/etc/group", name, arena_printf(&a, "%s:x:%u:", name, number));
        if (r == 0)
            r = user_set(h, &a, &(struct call){.name = name}, number, number, home, shell);
    } else if (r == 0 && sscanf(line, "m %63s %63s", other, name) == 2) {
        const struct account_group *g = accounts_group(&all, name);
        r = g ? group_set(h, &a, g, other, NULL) : FAILED;
    }
    arena_free(&a);
    return r;
}

static int sysusers(struct host *h, const struct exec *x)
{
    int r = 0;
    char *text = x->input ? strndup(x->input, x->input_len) : NULL, *save = NULL;
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && r == 0;
         line = strtok_r(NULL, "\n", &save))
        r = sysusers_line(h, line);
    free(text);
    return r;
}

static bool account_tool(struct host *h, const struct exec *x, int *ret)
{
    struct call c = call_parse(x->argv);
    struct arena a = {0};
    struct accounts all;
    bool known = true;
    if (strcmp(c.tool, "systemd-sysusers") == 0) {
        *ret = sysusers(h, x);
        return true;
    }
    if (!c.name || accounts_read(h, &all, &a, NULL) < 0) {
        arena_free(&a);
        return false;
    }
    const struct account_group *g = accounts_group(&all, c.name);
    if (strcmp(c.tool, "groupadd") == 0)
        *ret = g ? USED
                 : line_set(h, "/etc/group", c.name,
                            arena_printf(&a, "%s:x:%u:", c.name, number_of(c.gid, number_free(&all))));
    else if (strcmp(c.tool, "useradd") == 0)
        *ret = user_add(h, &a, &c, &all);
    else if (strcmp(c.tool, "usermod") == 0)
        *ret = user_modify(h, &a, &c, &all);
    else if (strcmp(c.tool, "userdel") == 0)
        *ret = user_remove(h, &a, &c, &all);
    else if (strcmp(c.tool, "groupdel") == 0)
        *ret = group_remove(h, &c, &all);
    else if (strcmp(c.tool, "gpasswd") == 0)
        *ret = g ? group_set(h, &a, g, c.add, c.remove) : FAILED;
    else
        known = false;
    arena_free(&a);
    return known;
}

/* The tool's files are its own, and of no group of citrus's. */
bool fake_account(struct host *h, const struct exec *x, int *ret)
{
    struct fs_group *group = h->group;
    h->group = NULL;
    bool known = account_tool(h, x, ret);
    h->group = group;
    return known;
}
