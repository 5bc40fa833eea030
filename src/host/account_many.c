/* Many system accounts at once: one new file each of passwd, group, shadow and gshadow, where useradd,
 * groupadd and gpasswd are three processes an account. Below an offline root citrus writes them
 * (account_files.c); on a system that runs, and where that cannot be, systemd-sysusers(8) does. */
#include "account.h"
#include "fs_group.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Sysusers would make a member that is not there. */
static bool are_plain(const struct account_new *list, size_t n, const struct accounts *acc)
{
    for (size_t i = 0; i < n; i++) {
        const struct account_new *w = &list[i];
        if (account_name_check(w->name, NULL) < 0 || !is_plain(w->home) || !is_plain(w->shell))
            return false;
        for (size_t k = 0; k < w->n_members; k++)
            if (account_name_check(w->members[k], NULL) < 0 || !accounts_user(acc, w->members[k]))
                return false;
    }
    return true;
}

static int numbers_give(struct host *h, size_t n, int64_t *ret, struct arena *a, struct error *err)
{
    struct accounts acc;
    int r = accounts_read(h, &acc, a, err);
    if (r < 0)
        return r;
    struct numbers u = numbers_of(&acc, a);
    for (size_t i = 0; i < n && r == 0; i++)
        if ((ret[i] = numbers_next(&u)) == 0)
            r = error_set(err, -EOPNOTSUPP, "there are not as many numbers left");
    return r;
}

/* -EOPNOTSUPP: sysusers may. */
static int add_by_files(struct host *h, const struct account_new *list, size_t n, struct arena *a,
                        struct error *err)
{
    int64_t *numbers = arena_array(a, int64_t, n);
    int lock = account_files_there(h) ? account_files_lock(h) : -1;
    if (lock < 0)
        return -EOPNOTSUPP;
    accounts_changed(h); /* by who had the lock before */
    int r = numbers_give(h, n, numbers, a, err);
    if (r == 0)
        r = account_files_add(h, list, numbers, n, err);
    if (r == 0 && h->group)
        fs_group_hold(h, lock); /* until they are put */
    else
        close(lock);
    return r;
}

static int add_by_sysusers(struct host *h, const struct account_new *list, size_t n, struct arena *a,
                           struct error *err)
{
    int64_t *numbers = arena_array(a, int64_t, n);
    struct buf lines = {0};
    int r = numbers_give(h, n, numbers, a, err);
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct account_new *w = &list[i];
        buf_addf(&lines, "u %s %lld - %s %s\n", w->name, (long long)numbers[i], w->home, w->shell);
        for (size_t k = 0; k < w->n_members; k++)
            buf_addf(&lines, "m %s %s\n", w->members[k], w->name);
    }
    const char *const argv[] = {SYSUSERS, "--root", h->root, "-", NULL};
    const struct exec x = {.argv = argv, .input = lines.at, .input_len = lines.len, .mutates = true};
    if (r == 0)
        r = host_run_ok(h, &x, err);
    buf_free(&lines);
    accounts_changed(h);
    return r;
}

int account_add_many(struct host *h, const struct account_new *list, size_t n, struct error *err)
{
    struct arena a = {0};
    struct accounts acc;
    int r = account_locks_drop(h, err);
    if (r == 0)
        r = accounts_read(h, &acc, &a, err);
    if (r == 0 && !are_plain(list, n, &acc)) {
        r = error_set(err, -EOPNOTSUPP, "these accounts are to be made one by one");
    } else if (r == 0) {
        r = h->offline ? add_by_files(h, list, n, &a, err) : -EOPNOTSUPP;
        if (r == -EOPNOTSUPP && n > 1) {
            error_clear(err);
            r = add_by_sysusers(h, list, n, &a, err);
        } else if (r == -EOPNOTSUPP) { /* it would make files that are not there, and no undo knows of them */
            error_set(err, r, "this account is to be made by itself");
        }
    }
    arena_free(&a);
    return r;
}
