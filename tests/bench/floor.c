/* What the machine itself needs at least for what citrus does: the same sources looked at, by a program that
 * knows nothing. The measure that citrus is held against, in one run on one machine.
 *
 * - floor prepare ROOT MANIFEST WORK: from a tree that citrus made: templates, rows, once
 * - floor full ROOT MANIFEST WORK: a check that renders all: manifest parsed (libyaml's events), each file
 *   rendered and hashed (XXH3-128), its row read by path, lstat of every path, its mode and owner held
 *   against what they are to be, dpkg's status parsed
 * - floor digest ROOT MANIFEST WORK: a check with unchanged inputs: those hashed, rows in one scan, lstat
 * - floor write FRESH MANIFEST WORK: the sites into a fresh tree, durably: directories and temporaries, one
 *   syncfs, renames, one syncfs
 * - floor files FRESH MANIFEST WORK: the same of their files and links alone, in directories that are there
 * - floor stat ROOT MANIFEST WORK: lstat of every path, from a list of them
 * - floor replace ROOT LIST -: the files that LIST names, written anew as durably
 * - floor listed ROOT LIST -: the same files read, and none written
 * - floor nothing - - -: what a program with these libraries costs
 *
 * Of each site it takes what is below ROOT/var/www/DOMAIN, and the entries of nginx, PHP and logrotate that
 * bear its name. What varies between sites in a file's text is the domain and the user's name; the template
 * is the first site's file, cut at these. */
#include "floor.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *what, const char *which)
{
    fprintf(stderr, "floor: %s %s\n", what, which);
    exit(1);
}

char *slurp(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        die("cannot open", path);
    char *b = malloc((size_t)st.st_size + 1);
    ssize_t got = read(fd, b, (size_t)st.st_size);
    close(fd);
    if (got < 0)
        die("cannot read", path);
    b[got] = '\0';
    *n = (size_t)got;
    return b;
}

/* --- the manifest ------------------------------------------------------------------------------------- */

/* All scalars are kept, as a decoder would; what is used of them here are the names of the sites. */
static void parse(struct floor *f, const char *text, size_t n)
{
    yaml_parser_t p;
    yaml_event_t e;
    yaml_parser_initialize(&p);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    bool done = false, key = true, in_sites = false;
    int depth = 0;
    while (!done) {
        if (!yaml_parser_parse(&p, &e))
            die("cannot parse", "the manifest");
        switch (e.type) {
        case YAML_MAPPING_START_EVENT:
            depth++;
            key = true;
            break;
        case YAML_MAPPING_END_EVENT:
            depth--;
            key = true;
            break;
        case YAML_SCALAR_EVENT: {
            size_t len = e.data.scalar.length;
            char *s = memcpy(f->pool, e.data.scalar.value, len + 1);
            f->pool += len + 1;
            if (depth == 1 && key)
                in_sites = !strcmp(s, "sites");
            if (depth == 2 && key && in_sites) {
                if (f->n_sites == SITES_MAX)
                    die("too many sites in", "the manifest");
                f->sites[f->n_sites++] = s;
            }
            key = !key;
            break;
        }
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        default:
            break;
        }
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
}

void floor_manifest(struct floor *f)
{
    size_t n;
    char *text = slurp(f->manifest, &n);
    f->sites = malloc(SITES_MAX * sizeof *f->sites);
    f->pool = malloc(n + 1); /* scalars with their ends are no longer than the text that they came from */
    parse(f, text, n);
    free(text);
}

/* --- templates: text with the marks \1 (the domain) and \2 (the user) ----------------------------------- */

size_t floor_render(const struct template *t, const char *domain, const char *user, char *out)
{
    size_t n = 0, domain_len = strlen(domain), user_len = strlen(user);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct part *p = &t->parts[i];
        const char *s = p->what == 1 ? domain : p->what == 2 ? user : p->text;
        size_t len = p->what == 1 ? domain_len : p->what == 2 ? user_len : p->len;
        memcpy(out + n, s, len);
        n += len;
    }
    return n;
}

static void compile(struct template *t, const char *path)
{
    size_t n, from = 0;
    t->text = slurp(path, &n);
    t->parts = malloc((n + 1) * sizeof *t->parts);
    t->n_parts = 0;
    for (size_t i = 0; i <= n; i++)
        if (i == n || t->text[i] == 1 || t->text[i] == 2) {
            t->parts[t->n_parts++] = (struct part){0, t->text + from, i - from};
            if (i < n)
                t->parts[t->n_parts++] = (struct part){t->text[i], NULL, 0};
            from = i + 1;
        }
}

/* The user's name of a site, as the tree has it: the floor does not work it out. */
static void user_of(const struct floor *f, size_t site, char ret[USER_MAX])
{
    memcpy(ret, f->users + site * USER_MAX, USER_MAX);
}

static size_t path_of(const struct floor *f, size_t i, const char *domain, const char *user, char *out)
{
    size_t n = floor_render(&f->paths[i].name, domain, user, out);
    out[n] = '\0';
    return n;
}

void floor_load(struct floor *f)
{
    char p[PATH_MAX];
    size_t n;
    for (f->n_paths = 0; f->n_paths < PATHS_MAX; f->n_paths++) {
        struct path *x = &f->paths[f->n_paths];
        snprintf(p, sizeof p, "%s/path%zu", f->work, f->n_paths);
        if (access(p, F_OK) < 0)
            break;
        compile(&x->name, p);
        snprintf(p, sizeof p, "%s/stat%zu", f->work, f->n_paths);
        struct stat *st = (struct stat *)slurp(p, &n);
        x->st = *st;
        free(st);
        snprintf(p, sizeof p, "%s/text%zu", f->work, f->n_paths);
        if (!S_ISDIR(x->st.st_mode))
            compile(&x->text, p);
    }
    snprintf(p, sizeof p, "%s/users", f->work);
    f->users = slurp(p, &n);
    if (f->n_paths == 0 || n < f->n_sites * USER_MAX)
        die("not prepared:", f->work);
}

/* --- checks --------------------------------------------------------------------------------------------- */

static void packages(const struct floor *f)
{
    static const char *const wanted[] = {"bash", "coreutils", "tar", "gzip", "sed", "grep", "dpkg", "apt"};
    char p[PATH_MAX], *name = NULL;
    size_t n, len = 0, found = 0;
    snprintf(p, sizeof p, "%s/var/lib/dpkg/status", f->root);
    char *b = slurp(p, &n), *end = b + n;
    for (char *l = b, *e; l < end; l = e + 1) {
        e = memchr(l, '\n', (size_t)(end - l));
        e = e ? e : end;
        if (*l == 'P' && !memcmp(l, "Package: ", 9)) {
            name = l + 9;
            len = (size_t)(e - name);
        } else if (*l == 'S' && name && !memcmp(l, "Status: install ok installed", 28)) {
            for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                found += strlen(wanted[i]) == len && !memcmp(wanted[i], name, len);
        }
    }
    free(b);
    if (found != sizeof wanted / sizeof *wanted)
        die("packages are missing in", p);
}

static void row_matches(sqlite3_stmt *q, int column, const struct stat *st, const char *path)
{
    if (sqlite3_column_int64(q, column) != st->st_size ||
        sqlite3_column_int64(q, column + 1) != (int64_t)st->st_ino ||
        sqlite3_column_int64(q, column + 2) != st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec ||
        sqlite3_column_int64(q, column + 3) != st->st_mode ||
        sqlite3_column_int64(q, column + 4) != st->st_uid ||
        sqlite3_column_int64(q, column + 5) != st->st_gid)
        die("not as prepared:", path);
}

static void check_path(struct floor *f, sqlite3_stmt *one, size_t i, const char *domain, const char *user)
{
    static char text[1 << 20];
    char p[PATH_MAX];
    struct stat st;
    size_t n = path_of(f, i, domain, user, p);
    const struct stat *as = &f->paths[i].st;
    if (lstat(p, &st) < 0)
        die("is gone:", p);
    if (st.st_mode != as->st_mode || (as->st_uid == 0) != (st.st_uid == 0) ||
        (as->st_gid == 0) != (st.st_gid == 0))
        die("has another mode or owner:", p);
    if (S_ISREG(st.st_mode)) {
        sqlite3_bind_text(one, 1, p, (int)n, SQLITE_STATIC);
        if (sqlite3_step(one) != SQLITE_ROW)
            die("has no row:", p);
        row_matches(one, 0, &st, p);
        XXH128_hash_t h = XXH3_128bits(text, floor_render(&f->paths[i].text, domain, user, text));
        if (memcmp(&h, sqlite3_column_blob(one, 6), sizeof h) != 0)
            die("has another text:", p);
        sqlite3_reset(one);
    } else if (S_ISLNK(st.st_mode)) {
        static char target[PATH_MAX];
        size_t len = floor_render(&f->paths[i].text, domain, user, text);
        if (readlink(p, target, sizeof target) != (ssize_t)len || memcmp(target, text, len) != 0)
            die("is another link:", p);
    }
}

static void check_full(struct floor *f)
{
    floor_manifest(f);
    floor_load(f);
    sqlite3_stmt *one = floor_rows(f, "SELECT size, ino, mtime, mode, uid, gid, hash FROM f WHERE path = ?");
    for (size_t s = 0; s < f->n_sites; s++) {
        char user[USER_MAX];
        user_of(f, s, user);
        for (size_t i = 0; i < f->n_paths; i++)
            check_path(f, one, i, f->sites[s], user);
    }
    sqlite3_finalize(one);
    packages(f);
}

static void check_digest(struct floor *f)
{
    size_t n;
    char p[PATH_MAX], *b = slurp(f->manifest, &n);
    struct stat st;
    volatile uint64_t sink = XXH3_128bits(b, n).low64;
    free(b);
    for (size_t i = 0; i < PATHS_MAX; i++) {
        snprintf(p, sizeof p, "%s/text%zu", f->work, i);
        if (access(p, F_OK) < 0)
            continue;
        b = slurp(p, &n);
        sink += XXH3_128bits(b, n).low64;
        free(b);
    }
    sqlite3_stmt *all = floor_rows(f, "SELECT path, size, ino, mtime, mode, uid, gid FROM f ORDER BY path");
    while (sqlite3_step(all) == SQLITE_ROW) {
        const char *path = (const char *)sqlite3_column_text(all, 0);
        if (lstat(path, &st) < 0)
            die("is gone:", path);
        row_matches(all, 1, &st, path);
    }
    sqlite3_finalize(all);
    snprintf(p, sizeof p, "%s/var/lib/dpkg/status", f->root);
    if (stat(p, &st) < 0)
        die("is gone:", p);
    (void)sink;
}

static void check_stat(struct floor *f)
{
    char p[PATH_MAX], *save;
    size_t n;
    struct stat st;
    snprintf(p, sizeof p, "%s/list", f->work);
    for (char *line = strtok_r(slurp(p, &n), "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (lstat(line, &st) < 0)
            die("is gone:", line);
}

static void nothing(struct floor *f)
{
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct floor *f);
    } modes[] = {{"prepare", floor_prepare}, {"full", check_full},       {"digest", check_digest},
                 {"write", floor_write},     {"files", floor_files},     {"stat", check_stat},
                 {"listed", floor_listed},   {"replace", floor_replace}, {"nothing", nothing}};
    if (argc != 5)
        die("usage:", "floor prepare|full|digest|write|files|stat|listed|replace|nothing ROOT MANIFEST WORK");
    struct floor f = {.root = argv[2], .manifest = argv[3], .work = argv[4]};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[1], modes[i].name)) {
            modes[i].run(&f);
            return 0;
        }
    die("no such mode:", argv[1]);
}
