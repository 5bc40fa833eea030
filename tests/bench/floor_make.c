/* The floor's other half: cutting templates from a tree, and its rows. */
#define _GNU_SOURCE
#include "floor.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void db_do(struct floor *f, const char *sql)
{
    if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die("the database says", sqlite3_errmsg(f->db));
}

sqlite3_stmt *floor_rows(struct floor *f, const char *sql)
{
    char p[PATH_MAX];
    sqlite3_stmt *q;
    snprintf(p, sizeof p, "%s/rows.db", f->work);
    if (!f->db) {
        if (sqlite3_open(p, &f->db) != SQLITE_OK)
            die("cannot open", p);
        db_do(f, "PRAGMA mmap_size = 67108864; BEGIN");
    }
    if (sqlite3_prepare_v2(f->db, sql, -1, &q, NULL) != SQLITE_OK)
        die("the database says", sqlite3_errmsg(f->db));
    return q;
}

/* --- cutting templates ---------------------------------------------------------------------------------- */

static void user_names(struct floor *f)
{
    char p[PATH_MAX], line[1024], *save;
    struct stat st;
    static char names[1 << 16][USER_MAX]; /* by uid */
    snprintf(p, sizeof p, "%s/etc/passwd", f->root);
    FILE *in = fopen(p, "re");
    while (in && fgets(line, sizeof line, in)) {
        char *name = strtok_r(line, ":", &save);
        strtok_r(NULL, ":", &save);
        unsigned long uid = strtoul(strtok_r(NULL, ":", &save), NULL, 10);
        if (uid < 1 << 16)
            snprintf(names[uid], USER_MAX, "%.63s", name);
    }
    if (!in)
        die("cannot open", p);
    fclose(in);
    f->users = calloc(f->n_sites, USER_MAX);
    for (size_t i = 0; i < f->n_sites; i++) {
        snprintf(p, sizeof p, "%s/var/www/%s/tmp", f->root, f->sites[i]);
        if (lstat(p, &st) < 0 || st.st_uid >= 1 << 16 || !names[st.st_uid][0])
            die("has no user:", p);
        memcpy(f->users + i * USER_MAX, names[st.st_uid], USER_MAX);
    }
}

static void put(const struct floor *f, const char *name, size_t i, const void *bytes, size_t n)
{
    char p[PATH_MAX];
    if (i == SIZE_MAX)
        snprintf(p, sizeof p, "%s/%s", f->work, name);
    else
        snprintf(p, sizeof p, "%s/%s%zu", f->work, name, i);
    int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        die("cannot write", p);
    close(fd);
}

static void put_template(const struct floor *f, const char *name, size_t i, const char *text, size_t n)
{
    const char *marks[] = {f->sites[0], f->users};
    char *out = malloc(n + 1);
    size_t len = 0;
    for (size_t at = 0; at < n;) {
        int m = -1;
        for (int k = 0; k < 2 && m < 0; k++)
            if (!strncmp(text + at, marks[k], strlen(marks[k])))
                m = k;
        out[len++] = m < 0 ? text[at] : (char)(m + 1);
        at += m < 0 ? 1 : strlen(marks[m]);
    }
    put(f, name, i, out, len);
    free(out);
}

static void take(struct floor *f, const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return;
    if (f->n_paths == PATHS_MAX)
        die("has too many paths:", f->sites[0]);
    put_template(f, "path", f->n_paths, path, strlen(path));
    put(f, "stat", f->n_paths, &st, sizeof st);
    if (S_ISREG(st.st_mode)) {
        size_t n;
        char *text = slurp(path, &n);
        put_template(f, "text", f->n_paths, text, n);
        free(text);
    } else if (S_ISLNK(st.st_mode)) {
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof target);
        if (n < 0)
            die("cannot read the link", path);
        put_template(f, "text", f->n_paths, target, (size_t)n);
    }
    f->n_paths++;
}

static void take_first_site(struct floor *f)
{
    const char *d = f->sites[0], *u = f->users;
    char p[PATH_MAX], top[PATH_MAX / 2];
    snprintf(top, sizeof top, "%s/var/www/%s", f->root, d);
    take(f, top);
    DIR *dir = opendir(top);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            snprintf(p, sizeof p, "%s/%s", top, e->d_name);
            take(f, p);
        }
    if (dir)
        closedir(dir);
    static const char *const by_domain[] = {"etc/nginx/sites-available", "etc/nginx/sites-enabled",
                                            "etc/php/8.2/fpm/pool.d"};
    for (size_t i = 0; i < sizeof by_domain / sizeof *by_domain; i++) {
        snprintf(p, sizeof p, "%s/%s/%s.conf", f->root, by_domain[i], d);
        take(f, p);
    }
    snprintf(p, sizeof p, "%s/etc/logrotate.d/citrus-%s", f->root, u);
    take(f, p);
}

static void put_row(struct floor *f, sqlite3_stmt *q, size_t i, const char *domain, const char *user)
{
    static char text[1 << 20];
    char p[PATH_MAX];
    struct stat st;
    XXH128_hash_t h = {0};
    p[floor_render(&f->paths[i].name, domain, user, p)] = '\0';
    if (lstat(p, &st) < 0)
        die("is gone:", p);
    if (S_ISREG(f->paths[i].st.st_mode))
        h = XXH3_128bits(text, floor_render(&f->paths[i].text, domain, user, text));
    int64_t v[] = {st.st_size, (int64_t)st.st_ino, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
                   st.st_mode, st.st_uid,          st.st_gid};
    sqlite3_bind_text(q, 1, p, -1, SQLITE_STATIC);
    for (int k = 0; k < 6; k++)
        sqlite3_bind_int64(q, k + 2, v[k]);
    sqlite3_bind_blob(q, 8, &h, sizeof h, SQLITE_STATIC);
    if (sqlite3_step(q) != SQLITE_DONE)
        die("cannot keep", p);
    sqlite3_reset(q);
}

static void put_list(struct floor *f)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/list", f->work);
    FILE *out = fopen(p, "we");
    if (!out)
        die("cannot write", p);
    for (size_t s = 0; s < f->n_sites; s++)
        for (size_t i = 0; i < f->n_paths; i++) {
            p[floor_render(&f->paths[i].name, f->sites[s], f->users + s * USER_MAX, p)] = '\0';
            fprintf(out, "%s\n", p);
        }
    if (fclose(out) != 0)
        die("cannot write the list in", f->work);
}

void floor_prepare(struct floor *f)
{
    char p[PATH_MAX];
    floor_manifest(f);
    if (f->n_sites == 0)
        die("has no sites:", f->manifest);
    if (mkdir(f->work, 0700) < 0 && errno != EEXIST)
        die("cannot make", f->work);
    user_names(f);
    put(f, "root", SIZE_MAX, f->root, strlen(f->root));
    put(f, "users", SIZE_MAX, f->users, f->n_sites * USER_MAX);
    take_first_site(f);
    floor_load(f);
    snprintf(p, sizeof p, "%s/rows.db", f->work);
    unlink(p);
    if (sqlite3_open(p, &f->db) != SQLITE_OK)
        die("cannot open", p);
    db_do(f, "BEGIN; CREATE TABLE f (path TEXT PRIMARY KEY, size, ino, mtime, mode, uid, gid, hash) WITHOUT "
             "ROWID");
    sqlite3_stmt *q = floor_rows(f, "INSERT INTO f VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t s = 0; s < f->n_sites; s++)
        for (size_t i = 0; i < f->n_paths; i++)
            put_row(f, q, i, f->sites[s], f->users + s * USER_MAX);
    sqlite3_finalize(q);
    db_do(f, "COMMIT");
    put_list(f);
    printf("%zu sites with %zu paths each\n", f->n_sites, f->n_paths);
}
