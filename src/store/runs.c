/* What is noted about runs: saved plans that were used, and the last runs for `status`. */
#include "storedb.h"
#include <errno.h>
#include <time.h>

/* A timer that fires every five minutes fills these in three and a half days. */
#define RUNS_KEPT 1000

int store_plan_use(struct store *s, const char *digest, struct error *err)
{
    static const char doing[] = "note that the plan is used";
    int r = db_begin(s, DURABLE, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err,
               "INSERT INTO plan_used (digest, time) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", "ti",
               digest, (int64_t)time(NULL));
    if (r == 0 && sqlite3_changes(s->db) == 0) {
        r = error_set(err, -EEXIST, "this plan was applied before: a plan is applied once");
        error_hint(err, "make a new one with \"citrus apply --plan --out FILE\"");
    }
    return db_end(s, r, doing, err);
}

int store_run_note(struct store *s, const char *command, int exit_status, int64_t changes, struct error *err)
{
    static const char doing[] = "note the run";
    int r = db_begin(s, CHEAP, doing, err);
    if (r < 0)
        return r;
    r = db_run(s, doing, err, "INSERT INTO run (time, command, exit_status, changes) VALUES (?, ?, ?, ?)",
               "itii", (int64_t)time(NULL), command, (int64_t)exit_status, changes);
    if (r == 0)
        r = db_run(s, doing, err, "DELETE FROM run WHERE id <= ?", "i",
                   sqlite3_last_insert_rowid(s->db) - RUNS_KEPT);
    return db_end(s, r, doing, err);
}

int store_run_last(struct store *s, struct arena *a, const char **command, int64_t *time_ret,
                   int *exit_status, int64_t *changes, struct error *err)
{
    static const char doing[] = "read the last run";
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT command, time, exit_status, changes FROM run ORDER BY id DESC LIMIT 1", "");
    if (r < 0)
        return r;
    r = db_next(s, doing, st, err);
    if (r < 0)
        return r;
    if (r == 0)
        return error_set(err, -ENOENT, "citrus has not run on this server yet");
    *command = db_text(st, 0, a);
    *time_ret = sqlite3_column_int64(st, 1);
    *exit_status = sqlite3_column_int(st, 2);
    *changes = sqlite3_column_int64(st, 3);
    db_done(st);
    return 0;
}
