/* What the parts of the fake host share. The pretended world is the JSON tree itself: ops read it and change
 * it in place. Private to fake*.c. */
#ifndef CITRUS_FAKE_WORLD_H
#define CITRUS_FAKE_WORLD_H
#include "fake.h"
#include <jansson.h>

struct fake {
    json_t *world;
    struct buf log;
};

struct fake *fake_of(struct host *h);
/* The member of the world, made as an empty object or array when it is not there. */
json_t *fake_part(struct host *h, const char *name, bool array);
const char *fake_text(const json_t *object, const char *name, const char *otherwise);
/* "" when no `fail` key is the beginning of `line`, else -EIO with the key's text. */
int fake_refuses(struct host *h, const char *line, struct error *err);
/* Logs one mutation, or refuses it: to be called before the world changes. */
int fake_mutation(struct host *h, const char *line, struct error *err);

int fake_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err);
int fake_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err);
int fake_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err);
int fake_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err);
int fake_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err);
int fake_db_dump(struct host *h, const char *database, const char *path, struct error *err);
int fake_db_load(struct host *h, const char *database, const char *path, struct error *err);
/* Carries out a statement on the "db" part. `shown` gets it as the log may hold it, without passwords. */
int fake_sql(json_t *db, const char *sql, const char *const *values, size_t n, struct buf *shown, bool dry,
             struct error *err);
int fake_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err);
/* Whether argv is one of shadow's tools; then it was carried out on the root's own files (*ret its status).
 */
bool fake_account(struct host *h, const struct exec *x, int *ret);

#endif
