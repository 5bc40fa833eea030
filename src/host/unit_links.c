/* Units as files and links below the root: systemd.unit(5), "Unit File Load Path" and "[Install] Section
 * Options". What systemctl is-enabled calls enabled is a link in a .wants or .requires directory, or an
 * alias. */
#include "real.h"
#include "text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNITS "/etc/systemd/system"
static const char *const load_path[] = {UNITS, "/run/systemd/system", "/usr/local/lib/systemd/system",
                                        "/usr/lib/systemd/system", "/lib/systemd/system"};

/* "php@8.2.service" -> "php@.service"; NULL when it is no instance. */
static char *template_name(const char *name, struct arena *a)
{
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
    if (!at || !dot || dot <= at + 1)
        return NULL;
    return arena_printf(a, "%.*s%s", (int)(at + 1 - name), name, dot);
}

/* Where its unit file is; *path NULL when it has none. A unit that is masked (a link to /dev/null) has one.
 */
static int unit_file(struct host *h, const char *name, struct arena *a, char **path, bool *masked,
                     struct error *err)
{
    const char *names[2] = {name, template_name(name, a)};
    *path = NULL;
    *masked = false;
    for (size_t k = 0; k < 2 && names[k]; k++)
        for (size_t i = 0; i < sizeof load_path / sizeof *load_path; i++) {
            char *candidate = arena_printf(a, "%s/%s", load_path[i], names[k]), *target = NULL;
            struct fs_stat st;
            int r = fs_stat(h, candidate, &st, err);
            if (r == 0 && st.type == FS_LINK) {
                r = fs_readlink(h, candidate, a, &target, err);
                *masked = r == 0 && strcmp(target, "/dev/null") == 0;
            }
            if (r < 0)
                return r;
            if (st.type == FS_FILE || st.type == FS_LINK) {
                *path = candidate;
                return 0;
            }
        }
    return 0;
}

/* The directories of UNITS that pull units in, as full paths. */
static int wants_directories(struct host *h, const char *below, struct arena *a, const char ***ret, size_t *n,
                             struct error *err)
{
    const char **names;
    size_t all;
    VEC(const char *) list = {0};
    int r = fs_list(h, below, a, &names, &all, err);
    if (r == -ENOENT || r == -ENOTDIR) {
        error_clear(err);
        all = 0;
    } else if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < all; i++)
        if (ends_with(names[i], ".wants") || ends_with(names[i], ".requires"))
            vec_push(a, &list, arena_printf(a, "%s/%s", below, names[i]));
    *ret = list.at;
    *n = list.n;
    return 0;
}

int unit_links_read(struct host *h, struct unit_state *units, size_t n, struct error *err)
{
    static const char *const places[] = {UNITS, "/run/systemd/system"};
    struct arena a = {0};
    int r = 0;
    bool masked;
    for (size_t i = 0; r == 0 && i < n; i++) {
        char *path;
        units[i].enabled = false;
        r = unit_file(h, units[i].name, &a, &path, &masked, err);
        units[i].masked = r == 0 && masked;
        units[i].loaded = r == 0 && path && !masked;
    }
    for (size_t k = 0; r == 0 && k < sizeof places / sizeof *places; k++) {
        const char **dirs, **names;
        size_t n_dirs, n_names;
        r = wants_directories(h, places[k], &a, &dirs, &n_dirs, err);
        for (size_t d = 0; r == 0 && d < n_dirs; d++) {
            r = fs_list(h, dirs[d], &a, &names, &n_names, err);
            for (size_t e = 0; r == 0 && e < n_names; e++)
                for (size_t i = 0; i < n; i++)
                    if ((units[i].loaded || units[i].masked) && strcmp(units[i].name, names[e]) == 0)
                        units[i].enabled = true;
        }
    }
    arena_free(&a);
    return r;
}

/* Makes the links that the [Install] section asks for. `text` is taken apart. */
static int install_links(struct host *h, const char *name, const char *path, char *text, struct error *err)
{
    static const struct {
        const char *key, *suffix;
    } keys[] = {{"WantedBy=", ".wants"}, {"RequiredBy=", ".requires"}};
    bool inside = false;
    char *lines = NULL, *words = NULL;
    size_t made = 0;
    for (char *l = strtok_r(text, "\n", &lines); l; l = strtok_r(NULL, "\n", &lines)) {
        if (l[0] == '[')
            inside = starts_with(l, "[Install]");
        for (size_t k = 0; inside && k < sizeof keys / sizeof *keys; k++) {
            if (!starts_with(l, keys[k].key))
                continue;
            char *list = l + strlen(keys[k].key);
            for (char *w = strtok_r(list, " \t\r", &words); w; w = strtok_r(NULL, " \t\r", &words)) {
                struct arena a = {0};
                char *dir = arena_printf(&a, UNITS "/%s%s", w, keys[k].suffix);
                int r = strchr(w, '/') ? error_set(err, -EINVAL, "%s: \"%s\" is no unit", path, w)
                                       : fs_mkdirs(h, dir, 0755, err);
                if (r == 0)
                    r = fs_symlink(h, path, arena_printf(&a, "%s/%s", dir, name), err);
                arena_free(&a);
                if (r < 0)
                    return r;
                made++;
            }
        }
    }
    if (made == 0) {
        error_set(err, -EINVAL, "%s cannot be enabled: %s has no WantedBy= or RequiredBy=", name, path);
        error_hint(err, "such a unit is started by others; declare it without enabled");
        return -EINVAL;
    }
    return 0;
}

static int enable(struct host *h, const char *name, struct arena *a, struct error *err)
{
    char *path;
    bool masked;
    struct buf text = {0};
    int r = unit_file(h, name, a, &path, &masked, err);
    if (r < 0)
        return r;
    if (!path || masked)
        return error_set(err, -ENOENT, "%s cannot be enabled: %s", name,
                         path ? "it is masked" : "it has no unit file");
    r = fs_read(h, path, 0, &text, err);
    if (r < 0)
        return r;
    r = install_links(h, name, path, text.at, err);
    buf_free(&text);
    return r;
}

static int disable(struct host *h, const char *name, struct arena *a, struct error *err)
{
    const char **dirs;
    size_t n;
    int r = wants_directories(h, UNITS, a, &dirs, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        char *link = arena_printf(a, "%s/%s", dirs[i], name);
        struct fs_stat st;
        r = fs_stat(h, link, &st, err);
        if (r == 0 && st.type == FS_LINK)
            r = fs_unlink(h, link, err);
    }
    return r;
}

int unit_links_change(struct host *h, const char *name, bool on, struct error *err)
{
    struct arena a = {0};
    int r = strchr(name, '/') || name[0] == '.' ? error_set(err, -EINVAL, "\"%s\" is no unit's name", name)
            : on                                ? enable(h, name, &a, err)
                                                : disable(h, name, &a, err);
    arena_free(&a);
    return r;
}
