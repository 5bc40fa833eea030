/* A state directory of its own for each test, and a few words that the store's tests share. */
#ifndef CITRUS_TEST_STORE_WORLD_H
#define CITRUS_TEST_STORE_WORLD_H
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* After what it needs. */
#include <cmocka.h>

static char base[64], dir[128], file[160];

static inline int setup(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/citrus-store-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(dir, sizeof dir, "%s/var/lib/citrus", base);
    snprintf(file, sizeof file, "%s/store.db", dir);
    return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int teardown(void **state)
{
    (void)state;
    return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct store *open_store(enum store_mode mode)
{
    struct store *s = NULL;
    struct error err = {0};
    if (store_open(dir, mode, &s, &err) < 0)
        fail_msg("store_open: %s", err.text);
    return s;
}

static inline off_t log_length(void)
{
    char wal[200];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", file);
    assert_int_equal(stat(wal, &st), 0);
    return st.st_size;
}

#define ok(call)                                                                                             \
    do {                                                                                                     \
        int ok_ = (call);                                                                                    \
        if (ok_ < 0)                                                                                         \
            fail_msg("%s: %d %s", #call, ok_, err.text);                                                     \
    } while (0)

static inline int mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return (int)(st.st_mode & 07777);
}

#define fixture(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A manifest of one file. */
static inline const struct bundle *texts(const char *text)
{
    static struct bundle_file file_of[8];
    static struct bundle of[8];
    static size_t n;
    size_t i = n++ % 8;
    file_of[i] = (struct bundle_file){"server.yaml", text, strlen(text)};
    of[i] = (struct bundle){&file_of[i], 1};
    return &of[i];
}

static inline void assert_texts(const struct bundle *b, const char *text)
{
    assert_non_null(b);
    assert_int_equal(b->n, 1);
    assert_string_equal(b->at[0].name, "server.yaml");
    assert_int_equal(b->at[0].len, strlen(text));
    assert_string_equal(b->at[0].text, text);
}

/* Takes back what later versions of the schema added. */
#define TO_VERSION_2                                                                                         \
    "DROP TABLE bundle; DROP TABLE piece; ALTER TABLE generation DROP COLUMN bundle_id; "                    \
    "ALTER TABLE generation ADD COLUMN bundle TEXT NOT NULL DEFAULT '{}'; "                                  \
    "ALTER TABLE tx DROP COLUMN bundle_id; ALTER TABLE tx ADD COLUMN bundle TEXT; "                          \
    "ALTER TABLE managed DROP COLUMN digest; DROP TABLE memo; DROP TABLE glance; DROP INDEX action_trash; "  \
    "DROP INDEX action_removed;"                                                                             \
    "ALTER TABLE tx DROP COLUMN reason; ALTER TABLE tx DROP COLUMN created;"                                 \
    "ALTER TABLE tx DROP COLUMN changed; ALTER TABLE tx DROP COLUMN removed;"                                \
    "CREATE TABLE former (tx INTEGER NOT NULL REFERENCES tx (id) ON DELETE CASCADE, seq INTEGER NOT NULL,"   \
    "  state TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, site TEXT, op TEXT NOT NULL, spec TEXT,"   \
    "  before BLOB NOT NULL, after BLOB NOT NULL, undo TEXT, error TEXT, PRIMARY KEY (tx, seq))"             \
    "  WITHOUT ROWID, STRICT;"                                                                               \
    "INSERT INTO former SELECT tx, seq, state, kind, id, site, op, spec, before, after, undo, error "        \
    "  FROM action; DROP TABLE action; ALTER TABLE former RENAME TO action; DROP TABLE done;"                \
    "DROP TABLE managed_before; ALTER TABLE tx DROP COLUMN sites; PRAGMA user_version = 2;"

#endif
