/* Many system accounts at once, by systemd-sysusers(8): one process and one new file each of passwd, group,
 * shadow and gshadow, where useradd, groupadd and gpasswd are three processes an account. */
#include "account.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYSUSERS "/usr/bin/systemd-sysusers"

static int by_number(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Numbers that neither a user nor a group has, in the order in which useradd(8) gives them: of the system's
 * from the top, then those that account.c takes when these are used up. */
struct numbers {
    int64_t *taken;
    size_t n;
    int64_t next;
};

static struct numbers numbers_of(const struct accounts *acc, struct arena *a)
{
    struct numbers u = {arena_array(a, int64_t, acc->n_users + acc->n_groups + 1), 0, ACCOUNT_SYSTEM_MAX};
    for (size_t i = 0; i < acc->n_users; i++)
        u.taken[u.n++] = acc->users[i].uid;
    for (size_t i = 0; i < acc->n_groups; i++)
        u.taken[u.n++] = acc->groups[i].gid;
    qsort(u.taken, u.n, sizeof *u.taken, by_number);
    return u;
}

/* 0: none is left. */
static int64_t numbers_next(struct numbers *u)
{
    for (; u->next; u->next += u->next <= ACCOUNT_SYSTEM_MAX ? -1 : 1) {
        if (u->next < ACCOUNT_SYSTEM_MIN)
            u->next = ACCOUNT_FURTHER_MIN;
        if (u->next > ACCOUNT_FURTHER_MAX)
            return u->next = 0;
        if (!bsearch(&u->next, u->taken, u->n, sizeof *u->taken, by_number))
            return u->next <= ACCOUNT_SYSTEM_MAX ? u->next-- : u->next++;
    }
    return 0;
}

/* sysusers.d(5): fields are apart by blanks, and quotes and specifiers mean something. */
static bool is_plain(const char *text)
{
    return text[0] &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/") == strlen(text);
}

/* False: sysusers cannot be asked for these. It would make a member that is not there. */
static bool lines_of(const struct account_new *list, size_t n, const struct accounts *acc, struct numbers *u,
                     struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct account_new *w = &list[i];
        int64_t number = numbers_next(u);
        if (!number || account_name_check(w->name, NULL) < 0 || !is_plain(w->home) || !is_plain(w->shell))
            return false;
        buf_addf(out, "u %s %lld - %s %s\n", w->name, (long long)number, w->home, w->shell);
        for (size_t k = 0; k < w->n_members; k++) {
            if (account_name_check(w->members[k], NULL) < 0 || !accounts_user(acc, w->members[k]))
                return false;
            buf_addf(out, "m %s %s\n", w->members[k], w->name);
        }
    }
    return true;
}

int account_add_many(struct host *h, const struct account_new *list, size_t n, struct error *err)
{
    struct arena a = {0};
    struct accounts acc;
    struct buf lines = {0};
    int r = account_locks_drop(h, err);
    if (r == 0)
        r = accounts_read(h, &acc, &a, err);
    if (r == 0) {
        struct numbers u = numbers_of(&acc, &a);
        if (!lines_of(list, n, &acc, &u, &lines))
            r = error_set(err, -EOPNOTSUPP, "these accounts are to be made one by one");
    }
    if (r == 0) {
        const char *const argv[] = {SYSUSERS, "--root", h->root, "-", NULL};
        const struct exec x = {.argv = argv, .input = lines.at, .input_len = lines.len, .mutates = true};
        r = host_run_ok(h, &x, err);
    }
    accounts_changed(h);
    buf_free(&lines);
    arena_free(&a);
    return r;
}
