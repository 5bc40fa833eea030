#include "bundle_glob.h"
#include "tree.h"
#include "words.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 10000

struct globber {
    int dirfd;          /* the manifest's directory: nothing outside of it is opened */
    const char *prefix; /* "dir/" or "": what stands before a relative name in diagnostics */
    const char *main_name;
    struct pos pos; /* of the pattern */
    struct arena *arena;
    struct diags *diags;
    VEC(struct bundle_file) files;
    VEC(const char *) found; /* relative names that one pattern matched */
    size_t earlier;          /* how many files earlier patterns found: only they can be met again */
    bool fits;               /* something fits the pattern, or it was said why that cannot be told */
    bool full;
};

#define OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Where an open descriptor is, links and all resolved. */
static ssize_t fd_path(int fd, char *ret, size_t size)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, ret, size - 1);
    if (n < 0)
        return -errno;
    ret[n] = '\0';
    return (size_t)n == size - 1 ? -ENAMETOOLONG : n;
}

/* Where openat2 is not there (a container's filter, valgrind): open, then see where that led. */
static int open_and_look(int dirfd, const char *path, int flags)
{
    char dir[PATH_MAX], file[PATH_MAX];
    int fd = openat(dirfd, path, flags | OPEN_FLAGS);
    if (fd < 0)
        return -errno;
    ssize_t n = fd_path(dirfd, dir, sizeof dir), k = fd_path(fd, file, sizeof file);
    int rc = n < 0 ? (int)n : k < 0 ? (int)k : 0;
    if (rc == 0 && n > 1 && (strncmp(file, dir, (size_t)n) != 0 || (file[n] != '/' && file[n] != '\0')))
        rc = -EXDEV;
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

/* The kernel refuses what leads out of the directory, links and all (openat2(2), RESOLVE_BENEATH). */
static int open_beneath(int dirfd, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | OPEN_FLAGS),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return open_and_look(dirfd, path, flags);
    return fd < 0 ? -errno : (int)fd;
}

/* Whether a link on the way to `rel` leads to what is not there. */
static bool dangles(const struct globber *g, const char *rel)
{
    struct stat st;
    for (size_t n = 0;; n++) {
        n += strcspn(rel + n, "/");
        const char *part = arena_strndup(g->arena, rel, n);
        if (fstatat(g->dirfd, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return false; /* it is gone by now, or was never there */
        if (S_ISLNK(st.st_mode) && fstatat(g->dirfd, part, &st, 0) < 0 && errno == ENOENT)
            return true;
        if (rel[n] == '\0')
            return false;
    }
}

static void refuse(struct globber *g, const char *rel, int code)
{
    const char *hint = NULL, *why = bundle_read_problem(code);
    g->fits = true;
    if (code == -EXDEV) {
        why = "is a link that leads out of the manifest's directory";
        hint = "put the file below the manifest's directory";
    } else if (code == -ENOENT && dangles(g, rel)) {
        why = "is a link to what does not exist";
        hint = "put back what it leads to; an apply without the link removes the sites that were in it";
    } else if (code == -ENOENT) {
        why = "does not exist";
    } else if (code != -EFBIG && code != -EISDIR && code != -EINVAL) {
        why = arena_printf(g->arena, "can't be read: %s", why);
    }
    diag_error(g->diags, g->pos, hint, "the included file %s%s %s", g->prefix, rel, why);
}

static int name_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Names in directory `rel` ("": the manifest's) that match `pattern`, in order of their bytes. */
static int list_matches(struct globber *g, const char *rel, const char *pattern, const char ***ret,
                        size_t *ret_n)
{
    VEC(const char *) names = {0};
    int fd = open_beneath(g->dirfd, *rel ? rel : ".", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int code = -errno;
        close(fd);
        return code;
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (fnmatch(pattern, e->d_name, FNM_PERIOD) == 0 && strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            vec_push(g->arena, &names, arena_strdup(g->arena, e->d_name));
    closedir(dir);
    if (names.n)
        qsort(names.at, names.n, sizeof *names.at, name_order);
    *ret = names.at;
    *ret_n = names.n;
    return 0;
}

/* Walks `pattern` below `rel`; each part is listed only where it has a wildcard. */
static void expand(struct globber *g, const char *rel, const char *pattern)
{
    size_t n = strcspn(pattern, "/");
    const char *part = arena_strndup(g->arena, pattern, n), *rest = pattern[n] ? pattern + n + 1 : NULL;
    const char *slash = *rel ? "/" : "";
    if (!strpbrk(part, "*?[")) {
        const char *path = arena_printf(g->arena, "%s%s%s", rel, slash, part);
        if (rest)
            expand(g, path, rest);
        else
            vec_push(g->arena, &g->found, path);
        return;
    }
    const char **names = NULL;
    size_t count = 0;
    int rc = list_matches(g, rel, part, &names, &count);
    if (rc < 0) { /* a directory that is not there matches nothing */
        if ((rc != -ENOENT && rc != -ENOTDIR) || (rc == -ENOENT && dangles(g, rel)))
            refuse(g, *rel ? rel : ".", rc);
        return;
    }
    for (size_t i = 0; i < count && g->found.n <= FILES_MAX; i++) {
        const char *path = arena_printf(g->arena, "%s%s%s", rel, slash, names[i]);
        if (rest)
            expand(g, path, rest);
        else
            vec_push(g->arena, &g->found, path);
    }
}

/* What a pattern finds may be a directory, and may be gone by now; what is named must be there. A link that
 * leads nowhere is a file that its owner misses: its sites are not to be removed for that. */
static void not_taken(struct globber *g, const char *rel, int code, bool plain)
{
    if (code == -EISDIR && !plain) {
        g->fits = true;
        diag_warning(g->diags, g->pos,
                     arena_printf(g->arena, "for the files in it, add the pattern %s/*.yaml", rel),
                     "%s%s is a directory: nothing in it is read", g->prefix, rel);
    } else if (plain || (code != -ENOENT && code != -ENOTDIR) || (code == -ENOENT && dangles(g, rel))) {
        refuse(g, rel, code);
    }
}

static void take_file(struct globber *g, const char *rel, bool plain)
{
    struct bundle_file f = {.name = arena_printf(g->arena, "%s%s", g->prefix, rel)};
    if (strcmp(rel, g->main_name) == 0) {
        g->fits = true;
        if (plain)
            diag_error(g->diags, g->pos, "remove it", "the manifest includes itself");
        return;
    }
    for (size_t i = 0; i < g->earlier; i++)
        if (strcmp(g->files.at[i].name, f.name) == 0) {
            g->fits = true;
            return;
        }
    if (g->files.n == FILES_MAX) {
        if (!g->full)
            diag_error(g->diags, g->pos, NULL, "more than %d files, with the manifest itself", FILES_MAX);
        g->full = true;
        return;
    }
    int fd = open_beneath(g->dirfd, rel, O_RDONLY);
    int rc = fd < 0 ? fd : bundle_read_fd(fd, &f, g->arena);
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        not_taken(g, rel, rc, plain);
        return;
    }
    g->fits = true;
    vec_push(g->arena, &g->files, f);
}

static void take_pattern(struct globber *g, const struct node *n)
{
    if (n->type != NODE_SCALAR || word_include(n->text))
        return; /* the decoder says so */
    g->pos = n->pos;
    g->found.n = 0;
    g->earlier = g->files.n;
    g->fits = g->full;
    const char *pattern = n->text;
    while (strncmp(pattern, "./", 2) == 0)
        pattern += 2;
    expand(g, "", pattern);
    bool plain = !strpbrk(pattern, "*?[");
    for (size_t i = 0; i < g->found.n && !g->full; i++)
        take_file(g, g->found.at[i], plain);
    if (!plain && !g->fits) /* no error: a new server has no sites yet */
        diag_warning(g->diags, g->pos, NULL, "no file fits %s", n->text);
}

/* The list under `include`, if the text has one; its errors are manifest_parse()'s to tell. */
static const struct node *include_list(const struct bundle_file *f, struct arena *a)
{
    if (!memmem(f->text, f->len, "include", 7))
        return NULL;
    struct diags quiet;
    diags_init(&quiet, a);
    const struct node *list = tree_get(tree_parse(f->name, f->text, f->len, a, a, &quiet), "include");
    return list && list->type == NODE_LIST ? list : NULL;
}

int bundle_includes(const struct bundle_file *main_file, struct bundle *ret, struct arena *a, struct diags *d,
                    struct error *err)
{
    const struct node *list = include_list(main_file, a);
    const char *slash = strrchr(main_file->name, '/');
    size_t n = slash ? (size_t)(slash - main_file->name) + 1 : 0;
    struct globber g = {.prefix = arena_strndup(a, main_file->name, n),
                        .main_name = main_file->name + n,
                        .arena = a,
                        .diags = d};
    vec_push(a, &g.files, *main_file);
    if (list) {
        diags_source(d, main_file->name, main_file->text, main_file->len);
        g.dirfd = open(*g.prefix ? g.prefix : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (g.dirfd < 0)
            return error_errno(err, -errno, "can't open the directory %s", *g.prefix ? g.prefix : ".");
        for (size_t i = 0; i < list->n; i++)
            take_pattern(&g, list->items[i]);
        close(g.dirfd);
    }
    ret->at = g.files.at;
    ret->n = g.files.n;
    return 0;
}
