#include "tuning.h"
#include "php_settings.h"
#include "text.h"
#include <string.h>

#define MB ((int64_t)1 << 20)

/* What one PHP process takes: 64 to 96 MB are typical for WordPress with opcache. The
 * low end for the usual limits; who raises memory_limit to 512M or more has a site that needs the high end.
 */
#define CHILD_TYPICAL (64 * MB)
#define CHILD_LARGE   (96 * MB)
#define LIMIT_LARGE   (512 * MB)

/* The buffer pool takes 25 to 40 % of what MariaDB and PHP share: 40 where the pools leave room for it. It
 * comes in chunks of 128 MB (innodb_buffer_pool_chunk_size; MariaDB rounds up to them). */
#define POOL_MOST  40
#define POOL_LEAST 25
#define POOL_CHUNK (128 * MB)
#define LOG_BUFFER (16 * MB)
#define REDO_LEAST (48 * MB)
#define REDO_MOST  (2048 * MB)
/* Beside the pool: a connection's stack and buffers (thread_stack 292 kB, sort, read and net buffers at their
 * defaults), and the server's own caches (key_buffer_size 16 MB, dictionary, open tables). */
#define MARIADB_CONNECTION (1 * MB)
#define MARIADB_BASE       (64 * MB)
#define SPARE_CONNECTIONS  20
/* The limit goes up in steps: one more site, or one that fails and is taken back, restarts no MariaDB. Memory
 * is reckoned for those that can be in use. */
#define CONNECTIONS_STEP 100

static const struct record *part(const struct record *r, const char *name)
{
    return record_field(r, name)->of;
}

static bool has_pool(const struct manifest_site *s)
{
    return s->type == SITE_PHP || s->type == SITE_WORDPRESS;
}

static int64_t site_memory(const struct manifest *m, const struct manifest_site *s)
{
    int64_t each = CHILD_TYPICAL, limit = php_memory_limit(&m->server, s);
    if (limit > 0 && limit < each)
        each = limit;
    if (limit >= LIMIT_LARGE)
        each = CHILD_LARGE;
    return s->php.children * each;
}

/* 0: unknown. The manifest holds nothing but a share or a size here (word_budget). */
static int64_t budget_of(const struct manifest *m, const struct facts *f, struct pos pos, struct diags *d)
{
    const char *text = m->server.memory.budget;
    int64_t v;
    if (ends_with(text, "%")) {
        char number[4] = "";
        memcpy(number, text, strnlen(text, 3));
        number[strcspn(number, "%")] = '\0';
        return int_parse(number, &v) == 0 ? f->memory * v / 100 : 0;
    }
    if (size_parse(text, &v) < 0)
        return 0;
    if (f->memory > 0 && v > f->memory)
        diag_error(d, pos, NULL, "memory.budget %s is more than this machine has (%lld MB)", text,
                   (long long)(f->memory / MB));
    return v;
}

static void mariadb_tune(const struct manifest *m, struct tuning *t)
{
    const struct manifest_mariadb *db = &m->server.mariadb;
    int64_t used = t->children + SPARE_CONNECTIONS;
    t->max_connections = (used + CONNECTIONS_STEP - 1) / CONNECTIONS_STEP * CONNECTIONS_STEP;
    if (db->max_connections != FIELD_UNSET)
        t->max_connections = used = db->max_connections;
    t->log_buffer = LOG_BUFFER;
    int64_t beside = t->log_buffer + MARIADB_BASE + used * MARIADB_CONNECTION;
    int64_t pool = t->budget - t->pools - beside;
    if (pool > t->budget / 100 * POOL_MOST)
        pool = t->budget / 100 * POOL_MOST;
    if (pool < t->budget / 100 * POOL_LEAST)
        pool = t->budget / 100 * POOL_LEAST;
    pool = pool / POOL_CHUNK * POOL_CHUNK;
    if (pool < POOL_CHUNK)
        pool = POOL_CHUNK;
    if (db->buffer_pool != FIELD_UNSET)
        pool = db->buffer_pool;
    t->buffer_pool = pool;
    /* Redo is 25 to 50 % of the pool; whole megabytes, since MariaDB rounds to pages. */
    t->redo_log = pool / 4 / MB * MB;
    if (t->redo_log < REDO_LEAST)
        t->redo_log = REDO_LEAST;
    if (t->redo_log > REDO_MOST)
        t->redo_log = REDO_MOST;
    t->mariadb_total = pool + beside;
}

void tuning_make(const struct manifest *m, const struct facts *f, struct tuning *ret, struct diags *d)
{
    const struct record *server = part(&manifest_record, "server"), *memory = part(server, "memory");
    const struct manifest_site *sites = m->sites.at, *largest = NULL;
    struct pos pos = origin_of(memory, &m->server.memory, "budget");
    struct tuning t = {0};
    bool mariadb = m->server.mariadb.enabled == 1;
    t.budget = budget_of(m, f, pos, d);
    for (size_t i = 0; i < m->sites.n; i++) {
        mariadb |= sites[i].type == SITE_WORDPRESS;
        if (!has_pool(&sites[i]))
            continue;
        t.children += sites[i].php.children;
        t.pools += site_memory(m, &sites[i]);
        if (!largest || site_memory(m, &sites[i]) > site_memory(m, largest))
            largest = &sites[i];
    }
    if (mariadb)
        mariadb_tune(m, &t);
    *ret = t;
    if (t.budget == 0 || t.pools + t.mariadb_total <= t.budget)
        return;
    if (!pos.file)
        pos = largest ? largest->origin.pos : m->server.origin.pos;
    diag_error(d, pos, "lower `php.children` of sites, raise memory.budget, or give the server more memory",
               "the memory budget of %lld MB does not hold what the manifest asks for: %lld MB for %lld PHP "
               "processes%s%s and %lld MB for MariaDB",
               (long long)(t.budget / MB), (long long)(t.pools / MB), (long long)t.children,
               largest ? ", most for " : "", largest ? largest->domain : "",
               (long long)(t.mariadb_total / MB));
}
