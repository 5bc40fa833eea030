/* The floor's writes: as durable as citrus's, and no more than that. */
#define _GNU_SOURCE
#include "floor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void sync_all(int fd, const char *root)
{
    if (syncfs(fd) < 0)
        die("cannot sync", root);
}

/* One path of a site: a directory as it is to be, anything else under a temporary name. What is made is
 * root's and has its mode from the beginning. */
static void make(const struct path *x, const char *temp, const char *text, size_t n)
{
    const struct stat *st = &x->st;
    bool others = st->st_uid != 0 || st->st_gid != 0;
    if (S_ISDIR(st->st_mode)) {
        if (mkdir(temp, st->st_mode & 07777) < 0 || (others && chown(temp, st->st_uid, st->st_gid) < 0))
            die("cannot make", temp);
    } else if (S_ISLNK(st->st_mode)) {
        if (symlink(text, temp) < 0)
            die("cannot make", temp);
    } else {
        int out = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 07777);
        if (out < 0 || write(out, text, n) != (ssize_t)n ||
            (others && fchown(out, st->st_uid, st->st_gid) < 0))
            die("cannot write", temp);
        close(out);
    }
}

/* What the tree has below its root, below another. */
static void write_sites(struct floor *f, bool directories)
{
    static char text[1 << 20];
    const char *fresh = f->root;
    char name[PATH_MAX], p[2 * PATH_MAX], temp[2 * PATH_MAX + 8];
    size_t cut;
    snprintf(p, sizeof p, "%s/root", f->work);
    free(slurp(p, &cut));
    floor_manifest(f);
    floor_load(f);
    umask(0);
    int fd = open(fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", fresh);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t s = 0; s < f->n_sites; s++)
            for (size_t i = 0; i < f->n_paths; i++) {
                const struct path *x = &f->paths[i];
                const char *user = f->users + s * USER_MAX;
                bool directory = S_ISDIR(x->st.st_mode);
                if (directory && (pass == 1 || !directories))
                    continue;
                name[floor_render(&x->name, f->sites[s], user, name)] = '\0';
                snprintf(p, sizeof p, "%s%s", fresh, name + cut);
                snprintf(temp, sizeof temp, directory ? "%s" : "%s~", p);
                size_t n = pass == 0 && !directory ? floor_render(&x->text, f->sites[s], user, text) : 0;
                text[n] = '\0';
                if (pass == 0)
                    make(x, temp, text, n);
                else if (rename(temp, p) < 0)
                    die("cannot rename", temp);
            }
        sync_all(fd, fresh);
    }
    close(fd);
}

void floor_write(struct floor *f)
{
    write_sites(f, true);
}

void floor_files(struct floor *f)
{
    write_sites(f, false);
}

/* --- files that are there, written anew ----------------------------------------------------------------- */

struct replaced {
    char *path, *text;
    size_t n;
    struct stat st;
};

static size_t read_list(struct floor *f, struct replaced **ret)
{
    size_t n, count = 0;
    char *list = slurp(f->manifest, &n), *save;
    struct replaced *all = calloc(n / 2 + 1, sizeof *all);
    for (char *p = strtok_r(list, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
        all[count].path = p;
        all[count].text = slurp(p, &all[count].n);
        if (lstat(p, &all[count++].st) < 0)
            die("is gone:", p);
    }
    *ret = all;
    return count;
}

static void write_temp(const struct replaced *r, const char *temp)
{
    int out = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0 || write(out, r->text, r->n) != (ssize_t)r->n ||
        fchown(out, r->st.st_uid, r->st.st_gid) < 0 || fchmod(out, r->st.st_mode & 07777) < 0)
        die("cannot write", temp);
    close(out);
}

void floor_listed(struct floor *f)
{
    struct replaced *all;
    read_list(f, &all);
}

void floor_replace(struct floor *f)
{
    struct replaced *all;
    char temp[PATH_MAX];
    size_t n = read_list(f, &all);
    int fd = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", f->root);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            snprintf(temp, sizeof temp, "%s~", all[i].path);
            if (pass == 0)
                write_temp(&all[i], temp);
            else if (rename(temp, all[i].path) < 0)
                die("cannot rename", temp);
        }
        sync_all(fd, f->root);
    }
    close(fd);
}
