/* What the parts of the floor share; floor.c says what it is. */
#ifndef CITRUS_FLOOR_H
#define CITRUS_FLOOR_H
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <yaml.h>

#define SITES_MAX 100000
#define PATHS_MAX 32
#define USER_MAX  64

struct part {
    int what; /* 0: text, 1: the domain, 2: the user's name */
    const char *text;
    size_t len;
};
struct template
{
    char *text;
    struct part *parts;
    size_t n_parts;
};
struct path {
    struct template name, text; /* a link's text is its target; a directory has none */
    struct stat st;             /* the first site's */
};
struct floor {
    const char *root, *manifest, *work;
    const char **sites;
    size_t n_sites;
    char *pool;  /* scalars */
    char *users; /* USER_MAX bytes for each site */
    struct path paths[PATHS_MAX];
    size_t n_paths;
    sqlite3 *db;
};

void die(const char *what, const char *which) __attribute__((noreturn));
char *slurp(const char *path, size_t *n);
void floor_manifest(struct floor *f);
void floor_load(struct floor *f);
sqlite3_stmt *floor_rows(struct floor *f, const char *sql);
size_t floor_render(const struct template *t, const char *domain, const char *user, char *out);
void floor_prepare(struct floor *f);
void floor_write(struct floor *f);
void floor_files(struct floor *f);
void floor_listed(struct floor *f);
void floor_replace(struct floor *f);

#endif
