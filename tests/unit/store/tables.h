/* What a store's tables came to. Include world.h first. */
#ifndef CITRUS_TEST_STORE_TABLES_H
#define CITRUS_TEST_STORE_TABLES_H
#include <sqlite3.h>

/* Every column, index and kind of table, as SQLite understood them. */
static inline char *tables_of_the_store(void)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "SELECT group_concat(line, char(10)) FROM ("
            "SELECT l.name || ' ' || l.wr || l.strict || ' ' || x.cid || ' ' || x.name || ' ' || x.type || ' "
            "' ||"
            "  x.\"notnull\" || x.pk || ' ' || coalesce(x.dflt_value, '') AS line"
            "  FROM pragma_table_list() l, pragma_table_xinfo(l.name) x WHERE l.schema = 'main'"
            " UNION SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY line)",
            -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return text;
}

#endif
