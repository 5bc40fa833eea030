/* Many accounts of a root that is offline, without a process: lines behind the last of passwd, group, shadow
 * and gshadow, as useradd(8) writes them. Nothing runs there that would have to be told, and what
 * cannot be done so is left to the tools: -EOPNOTSUPP.
 *
 * In a group of writes (fs_group.h) the four wait for the others' syncs; until they are put, the accounts are
 * there for citrus alone. */
#include "account.h"
#include "fs_group.h"
#include "fs_path.h"
#include "step.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* In the order in which sysusers puts them: a user's group is there before the user. */
enum file { GROUP, GSHADOW, PASSWD, SHADOW, FILES };
static const char *const paths[FILES] = {"/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow"};

struct account_file {
    struct buf text;
    struct stat st;
};

/* --- the lock of who changes accounts: lckpwdf(3) ------------------------------------------------------- */

#define LOCK_FILE     "/etc/.pwd.lock"
#define LOCK_MS       15000 /* as lckpwdf() */
#define LOCK_PAUSE_MS 50

int account_files_lock(struct host *h)
{
    struct fs_place p;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int r = place_open(h, LOCK_FILE, &p, NULL), fd = -1;
    if (r < 0)
        return r;
    fd = openat(p.dirfd, p.name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        fd = step_create(p.dirfd, p.name, 0600, LOCK_FILE);
    place_close(&p);
    /* Held by the descriptor, whatever else of this process opens and closes the file. */
    for (int waited = 0; fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) < 0; waited += LOCK_PAUSE_MS) {
        if ((errno != EAGAIN && errno != EACCES) || waited >= LOCK_MS) {
            close(fd);
            return -EBUSY;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
    }
    return fd < 0 ? -EACCES : fd;
}

/* --- the files ------------------------------------------------------------------------------------------ */

bool account_files_there(struct host *h)
{
    bool there = true;
    for (enum file i = GROUP; i < FILES && there; i++) {
        struct fs_stat st;
        there = fs_stat(h, paths[i], &st, NULL) == 0 && st.type == FS_FILE;
    }
    return there;
}

/* NIS's lines (passwd(5)) come last and so would what is new; a label or an ACL is the tools' to keep. */
static int file_read(struct host *h, const char *path, struct account_file *f)
{
    struct buf *text = &f->text;
    int fd = fs_open(h, path, O_RDONLY | O_NONBLOCK, NULL);
    if (fd < 0)
        return -EOPNOTSUPP;
    int r = fstat(fd, &f->st) < 0 || !S_ISREG(f->st.st_mode) || flistxattr(fd, NULL, 0) > 0 ? -EOPNOTSUPP : 0;
    close(fd);
    if (r == 0 && fs_read(h, path, 0, text, NULL) < 0)
        r = -EOPNOTSUPP;
    if (r == 0 && (text->len != (size_t)f->st.st_size || memchr(buf_str(text), '\0', text->len)))
        r = -EOPNOTSUPP;
    const char *all = buf_str(text);
    if (r == 0 && (*all == '+' || *all == '-' || strstr(all, "\n+") || strstr(all, "\n-")))
        r = -EOPNOTSUPP;
    if (r == 0 && text->len && all[text->len - 1] != '\n')
        buf_addc(text, '\n');
    return r;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Whether a line is of one of these, which are in order. */
static bool has_any(const struct buf *text, const char *const *names, size_t n, struct arena *a)
{
    for (const char *l = buf_str(text), *end; *l; l = end + 1) {
        size_t len = strcspn(l, ":\n");
        const char *name = arena_strndup(a, l, len);
        end = strchr(l + len, '\n');
        if (bsearch(&name, names, n, sizeof *names, by_name))
            return true;
        if (!end)
            break;
    }
    return false;
}

static void lines_add(struct account_file f[FILES], const struct account_new *w, int64_t number)
{
    /* Without a password, as useradd(8) says it: so the account is the same when it was removed and comes
     * back.
     */
    long long today = (long long)time(NULL) / 86400;
    buf_addf(&f[PASSWD].text, "%s:x:%lld:%lld::%s:%s\n", w->name, (long long)number, (long long)number,
             w->home, w->shell);
    buf_addf(&f[SHADOW].text, "%s:!:%lld::::::\n", w->name, today);
    buf_addf(&f[GROUP].text, "%s:x:%lld:", w->name, (long long)number);
    buf_addf(&f[GSHADOW].text, "%s:!::", w->name);
    for (size_t k = 0; k < w->n_members; k++)
        for (enum file i = GROUP; i <= GSHADOW; i++)
            buf_addf(&f[i].text, "%s%s", k ? "," : "", w->members[k]);
    buf_addc(&f[GROUP].text, '\n');
    buf_addc(&f[GSHADOW].text, '\n');
}

static int files_read(struct host *h, const struct account_new *list, size_t n, struct account_file f[FILES])
{
    struct arena a = {0};
    const char **names = arena_array(&a, const char *, n);
    int r = 0;
    for (size_t i = 0; i < n; i++)
        names[i] = list[i].name;
    qsort(names, n, sizeof *names, by_name);
    for (enum file i = GROUP; i < FILES && r == 0; i++) {
        r = file_read(h, paths[i], &f[i]);
        if (r == 0 && has_any(&f[i].text, names, n, &a))
            r = -EOPNOTSUPP;
    }
    arena_free(&a);
    return r;
}

static int files_write(struct host *h, const struct account_file f[FILES], struct error *err)
{
    size_t before = h->group ? fs_group_size(h) : 0;
    int r = 0;
    for (enum file i = GROUP; i < FILES && r == 0; i++) {
        /* In a group they are put only where nobody changed them meanwhile. */
        fs_group_saw(h->group, paths[i], &f[i].st, true);
        r = fs_write(h, paths[i], f[i].text.at, f[i].text.len, f[i].st.st_mode & 07777, f[i].st.st_uid,
                     f[i].st.st_gid, err);
    }
    if (r < 0 && h->group)
        fs_group_drop(h, before);
    return r;
}

int account_files_add(struct host *h, const struct account_new *list, const int64_t *numbers, size_t n,
                      struct error *err)
{
    struct account_file f[FILES] = {0};
    int r = files_read(h, list, n, f);
    for (size_t i = 0; i < n && r == 0; i++)
        lines_add(f, &list[i], numbers[i]);
    if (r == 0)
        r = files_write(h, f, err);
    if (r == 0)
        accounts_foresee(h, buf_str(&f[PASSWD].text), buf_str(&f[GROUP].text));
    for (enum file i = GROUP; i < FILES; i++)
        buf_wipe(&f[i].text);
    return r;
}

int account_leftovers_drop(struct host *h, struct error *err)
{
    int r = 0;
    for (enum file i = GROUP; i < FILES && r == 0 && h->offline; i++) {
        struct fs_place p;
        char temporary[NAME_MAX + 1];
        r = place_open(h, paths[i], &p, err);
        if (r == -ENOENT || r == -ENOTDIR) {
            error_clear(err);
            return 0;
        }
        if (r < 0)
            return r;
        place_temporary(&p, temporary);
        r = step_unlink(p.dirfd, temporary, 0, paths[i]);
        r = r == -ENOENT ? 0 : r < 0 ? error_errno(err, r, "cannot remove %s", temporary) : 0;
        place_close(&p);
    }
    return r;
}
