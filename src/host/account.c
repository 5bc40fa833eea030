/* Accounts of the managed system are changed by shadow's tools. */
#include "account.h"
#include "fs.h"
#include "text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ARGS_MAX = 20 };
struct tool {
    const char *argv[ARGS_MAX + 1];
    size_t n;
};

static void arg(struct tool *t, const char *word)
{
    if (t->n < ARGS_MAX)
        t->argv[t->n++] = word;
}

static void args(struct tool *t, const char *option, const char *value)
{
    if (value) {
        arg(t, option);
        arg(t, value);
    }
}

/* `where` is how this tool is told another root: useradd and the like know --prefix, gpasswd only --root. */
static struct tool tool_start(struct host *h, const char *program, const char *where)
{
    struct tool t = {0};
    arg(&t, program);
    if (strcmp(h->root, "/") != 0)
        args(&t, where, h->root);
    return t;
}

/* A name becomes an argument and a line of /etc/passwd: what useradd(8) calls portable, and no option. */
int account_name_check(const char *name, struct error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    if (n == 0 || n > 32 || name[n] != '\0' || name[0] == '-' || name[0] == '.')
        return error_set(err, -EINVAL, "\"%.64s\" cannot be the name of an account", name);
    return 0;
}

static int field_check(const char *what, const char *value, struct error *err)
{
    if (value && strpbrk(value, ":\n"))
        return error_set(err, -EINVAL, "\"%.64s\" cannot be the %s of an account", value, what);
    return 0;
}

/* `fine`: an exit status that says that it is so already, 0 for none. */
/* 8: userdel's and usermod's "user currently logged in", which is also that of a user who has a process;
 * groupdel's "can't remove user's primary group". */
enum { BUSY = 8 };

static int64_t boot_ns(void)
{
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (now.tv_sec - up.tv_sec) * INT64_C(1000000000) + now.tv_nsec - up.tv_nsec;
}

/* A tool that a power cut ended leaves its lock behind, with a process number in it. The tools believe it as
 * long as there is such a process, and after a boot there is another of that number. A lock from before the
 * boot is nobody's. */
int account_locks_drop(struct host *h, struct error *err)
{
    static const char *const locks[] = {"/etc/passwd.lock",  "/etc/group.lock",  "/etc/shadow.lock",
                                        "/etc/gshadow.lock", "/etc/subuid.lock", "/etc/subgid.lock"};
    int r = 0;
    for (size_t i = 0; i < sizeof locks / sizeof *locks && r == 0; i++) {
        struct fs_stat st;
        r = fs_stat(h, locks[i], &st, err);
        if (r == 0 && st.type == FS_FILE && st.mtime_ns < boot_ns())
            r = fs_unlink(h, locks[i], err);
    }
    return r;
}

static int tool_status(struct host *h, struct tool *t, int fine, int *ret_status, struct error *err)
{
    struct exec_result result;
    const struct exec x = {.argv = t->argv, .mutates = true};
    t->argv[t->n] = NULL;
    accounts_changed(h);
    int r = account_locks_drop(h, err);
    if (r == 0)
        r = host_run(h, &x, &result, err);
    if (r < 0)
        return r;
    if (result.status != 0 && (fine == 0 || result.status != fine)) {
        size_t n = result.out.len;
        while (n > 0 && result.out.at[n - 1] == '\n')
            n--;
        r = error_set(err, result.status == BUSY ? -EBUSY : -EIO, "%s %s: status %d: %.*s", t->argv[0],
                      t->argv[t->n - 1], result.status, (int)(n < 800 ? n : 800), buf_str(&result.out));
    }
    *ret_status = result.status;
    exec_result_free(&result);
    return r;
}

static int tool_run(struct host *h, struct tool *t, int fine, struct error *err)
{
    int status;
    return tool_status(h, t, fine, &status, err);
}

/* useradd's "UID already in use", groupadd's of the GID: also where none of the range is left. */
enum { USED_UP = 4 };

/* When the system's numbers are used up. */
static int tool_number(struct host *h, const struct tool *t, const char *const *further, bool own,
                       struct error *err)
{
    struct tool again = *t;
    struct error first = {0};
    int status = 0, r = tool_status(h, &again, 0, &status, &first);
    if (r < 0 && status == USED_UP && !own) {
        again = *t;
        again.n--; /* the name is the last */
        args(&again, "-K", further[0]);
        args(&again, "-K", further[1]);
        arg(&again, t->argv[t->n - 1]);
        return tool_run(h, &again, 0, err);
    }
    if (r < 0 && err)
        *err = first;
    return r;
}

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

int account_group_add(struct host *h, const char *name, int64_t gid, struct error *err)
{
    static const char *const further[] = {"SYS_GID_MIN=" TEXT(ACCOUNT_FURTHER_MIN),
                                          "SYS_GID_MAX=" TEXT(ACCOUNT_FURTHER_MAX)};
    char number[24];
    struct tool t = tool_start(h, "/usr/sbin/groupadd", "--prefix");
    int r = account_name_check(name, err);
    if (r < 0)
        return r;
    arg(&t, "--system");
    snprintf(number, sizeof number, "%lld", (long long)gid);
    args(&t, "--gid", gid >= 0 ? number : NULL);
    arg(&t, name);
    return tool_number(h, &t, further, gid >= 0, err);
}

int account_user_add(struct host *h, const char *name, const char *group, const char *home, const char *shell,
                     int64_t uid, struct error *err)
{
    static const char *const further[] = {"SYS_UID_MIN=" TEXT(ACCOUNT_FURTHER_MIN),
                                          "SYS_UID_MAX=" TEXT(ACCOUNT_FURTHER_MAX)};
    char number[24];
    struct tool t = tool_start(h, "/usr/sbin/useradd", "--prefix");
    int r = account_name_check(name, err);
    if (r == 0 && group)
        r = account_name_check(group, err);
    if (r == 0)
        r = field_check("home directory", home, err);
    if (r == 0)
        r = field_check("shell", shell, err);
    if (r < 0)
        return r;
    arg(&t, "--system");
    arg(&t, "--no-create-home");
    args(&t, "--gid", group);
    args(&t, "--home-dir", home);
    args(&t, "--shell", shell);
    snprintf(number, sizeof number, "%lld", (long long)uid);
    args(&t, "--uid", uid >= 0 ? number : NULL);
    arg(&t, name);
    return tool_number(h, &t, further, uid >= 0, err);
}

int account_user_change(struct host *h, const char *name, const char *group, const char *home,
                        const char *shell, struct error *err)
{
    struct tool t = tool_start(h, "/usr/sbin/usermod", "--prefix");
    int r = account_name_check(name, err);
    if (r == 0 && group)
        r = account_name_check(group, err);
    if (r == 0)
        r = field_check("home directory", home, err);
    if (r == 0)
        r = field_check("shell", shell, err);
    if (r < 0 || (!group && !home && !shell))
        return r;
    args(&t, "--gid", group);
    args(&t, "--home", home);
    args(&t, "--shell", shell);
    arg(&t, name);
    r = tool_run(h, &t, 0, err);
    if (r == -EBUSY)
        error_hint(
            err,
            "`ps -u %s` shows what runs as this user: end it, then apply again (a site's PHP pool: "
            "`systemctl "
            "stop phpX.Y-fpm`, `citrus apply --site DOMAIN`, and `citrus apply`, which starts it again)",
            name);
    return r;
}

int account_member(struct host *h, const char *user, const char *group, bool add, struct error *err)
{
    struct arena a = {0};
    struct accounts all;
    struct tool t = tool_start(h, "/usr/bin/gpasswd", "--root");
    int r = account_name_check(user, err);
    if (r == 0)
        r = account_name_check(group, err);
    if (r == 0)
        r = accounts_read(h, &all, &a, err);
    if (r < 0)
        goto out;
    const struct account_group *g = accounts_group(&all, group);
    bool is = false;
    for (size_t i = 0; g && i < g->n_members; i++)
        is |= strcmp(g->members[i], user) == 0;
    if (is == add)
        goto out;
    args(&t, add ? "--add" : "--delete", user);
    arg(&t, group);
    r = tool_run(h, &t, 0, err);
out:
    arena_free(&a);
    return r;
}

/* 6: "specified user doesn't exist" of userdel(8), and groupdel(8) for its own; the latter also when
 * userdel took the user's own group with it. */
enum { NOT_THERE = 6 };

/* A pool's worker that was told to leave ends its request first; php-fpm gives it 30 s
 * (process_control_timeout in configs/php-global.conf). */
#define LEAVE_MS       35000
#define LEAVE_PAUSE_MS 250

int account_user_remove(struct host *h, const char *name, struct error *err)
{
    struct tool t = tool_start(h, "/usr/sbin/userdel", "--prefix");
    int r = account_name_check(name, err);
    arg(&t, name);
    if (r == 0)
        r = tool_run(h, &t, NOT_THERE, err);
    for (int waited = 0; r == -EBUSY && waited < LEAVE_MS; waited += LEAVE_PAUSE_MS) {
        nanosleep(&(struct timespec){.tv_nsec = LEAVE_PAUSE_MS * 1000000L}, NULL);
        error_clear(err);
        r = tool_run(h, &t, NOT_THERE, err);
    }
    return r;
}

int account_group_remove(struct host *h, const char *name, struct error *err)
{
    struct tool t = tool_start(h, "/usr/sbin/groupdel", "--prefix");
    int r = account_name_check(name, err);
    arg(&t, name);
    return r < 0 ? r : tool_run(h, &t, NOT_THERE, err);
}
