/* What was worked out from contents, by a name that holds their hash: right for ever, and of use as long as
 * something has that content. What was not worked out anew for a quarter of a year goes. */
#include "storedb.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS_KEPT 90

bool store_memo_get(struct store *s, const char *name, struct arena *a, const char **ret)
{
    static const char doing[] = "read what is known of a content";
    sqlite3_stmt *st;
    for (size_t i = s->memo.n; i-- > 0;) /* of this run */
        if (strcmp(s->memo.at[i].name, name) == 0) {
            *ret = arena_strdup(a, s->memo.at[i].text);
            return true;
        }
    if (db_query(s, doing, &st, NULL, "SELECT text FROM memo WHERE name = ?", "t", name) < 0 ||
        db_next(s, doing, st, NULL) <= 0)
        return false;
    *ret = db_text(st, 0, a);
    db_done(st);
    return true;
}

void store_memo_put(struct store *s, const char *name, const char *text)
{
    struct memo m = {arena_strdup(&s->memo_arena, name), arena_strdup(&s->memo_arena, text)};
    vec_push(&s->memo_arena, &s->memo, m);
}

int store_memo_flush(struct store *s, struct error *err)
{
    static const char doing[] = "keep what is known of contents";
    const int64_t now = (int64_t)time(NULL);
    if (s->memo.n == 0 || s->mode == STORE_READ)
        return 0;
    int r = db_begin(s, CHEAP, doing, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < s->memo.n && r == 0; i++)
        r = db_run(s, doing, err, "INSERT OR REPLACE INTO memo (name, text, time) VALUES (?, ?, ?)", "tti",
                   s->memo.at[i].name, s->memo.at[i].text, now);
    if (r == 0)
        r = db_run(s, doing, err, "DELETE FROM memo WHERE time < ?", "i", now - (int64_t)DAYS_KEPT * 86400);
    s->memo.n = 0;
    return db_end(s, r, doing, err);
}
