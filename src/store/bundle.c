/* The manifests' texts, of which two generations have nearly all in common: they are cut into pieces, and
 * each piece is kept once. A piece ends behind a line that its own hash chooses, so that a line that is added
 * or taken away changes the piece it is in, and no other (content-defined chunking, as of the Low-Bandwidth
 * Network File System, SOSP 2001): to record that one value of one site was changed writes a few pages,
 * however many sites there are. */
#include "jsonw.h"
#include "storedb.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

/* Bytes. One line in PIECE_LINES is an end, so that a piece has about 20 KiB. */
#define PIECE_LEAST ((size_t)4 << 10)
#define PIECE_MOST  ((size_t)64 << 10)
#define PIECE_LINES 512

static size_t piece_len(const char *at, size_t len)
{
    size_t most = len < PIECE_MOST ? len : PIECE_MOST;
    const char *line = len > PIECE_LEAST ? memchr(at + PIECE_LEAST, '\n', most - PIECE_LEAST) : NULL;
    while (line) {
        line++;
        const char *end = memchr(line, '\n', (size_t)(at + most - line));
        if (end && hash_bytes(line, (size_t)(end - line)).low % PIECE_LINES == 0)
            return (size_t)(end + 1 - at);
        line = end;
    }
    return most;
}

static int put_piece(struct store *s, const char *text, size_t len, struct jsonw *j, struct error *err)
{
    char hex[HASH_HEX];
    hash_hex(hash_bytes(text, len), hex);
    jw_str(j, NULL, hex);
    return db_run(s, "keep the manifest", err, "INSERT OR IGNORE INTO piece (digest, text) VALUES (?, ?)",
                  "tb", hex, (const void *)text, len);
}

/* [{"name": ..., "pieces": [digest, ...]}, ...]; an empty file has one empty piece. */
static int put_pieces(struct store *s, const struct bundle *b, struct buf *files, struct error *err)
{
    struct jsonw j;
    int r = 0;
    jw_init(&j, files, false);
    jw_array(&j, NULL);
    for (size_t i = 0; i < b->n && r == 0; i++) {
        const struct bundle_file *f = &b->at[i];
        jw_object(&j, NULL);
        jw_str(&j, "name", f->name);
        jw_array(&j, "pieces");
        for (size_t at = 0, n; r == 0 && (at < f->len || at == 0); at += n) {
            n = piece_len(f->text + at, f->len - at);
            r = put_piece(s, f->text + at, n, &j, err);
            if (n == 0)
                break;
        }
        jw_end(&j);
        jw_end(&j);
    }
    jw_end(&j);
    return r;
}

static struct hash128 digest_of(const struct bundle *b)
{
    struct hash_stream *h = hash_stream_new();
    for (size_t i = 0; i < b->n; i++) {
        hash_stream_add(h, b->at[i].name, strlen(b->at[i].name) + 1);
        hash_stream_add(h, &b->at[i].len, sizeof b->at[i].len);
        hash_stream_add(h, b->at[i].text, b->at[i].len);
    }
    return hash_stream_end(h);
}

int bundle_put(struct store *s, const struct bundle *b, int64_t *ret, struct error *err)
{
    struct hash128 digest = digest_of(b);
    struct buf files = {0};
    assert(!sqlite3_get_autocommit(s->db));
    *ret = s->bundle_id;
    if (s->bundle_id && hash_equal(digest, s->bundle_digest))
        return 0;
    int r = put_pieces(s, b, &files, err);
    if (r == 0)
        r = db_run(s, "keep the manifest", err, "INSERT INTO bundle (files) VALUES (?)", "t",
                   buf_str(&files));
    buf_free(&files);
    if (r < 0)
        return r;
    *ret = s->bundle_id = sqlite3_last_insert_rowid(s->db);
    s->bundle_digest = digest;
    return 0;
}

/* The pieces of one file, joined. The row is its first; *more tells whether `st` stands at the next file's.
 */
static int take_file(struct store *s, sqlite3_stmt *st, const char *doing, struct arena *a,
                     struct bundle_file *ret, bool *more, struct error *err)
{
    struct buf text = {0};
    int64_t file = sqlite3_column_int64(st, 0);
    int r = 1;
    ret->name = db_text(st, 1, a);
    while (r > 0 && sqlite3_column_int64(st, 0) == file) {
        const void *piece = sqlite3_column_blob(st, 2);
        if (!ret->name || sqlite3_column_type(st, 2) == SQLITE_NULL) {
            db_done(st);
            r = db_error(s, SQLITE_CORRUPT, doing, err);
            break;
        }
        buf_add(&text, piece ? piece : "", (size_t)sqlite3_column_bytes(st, 2));
        r = db_next(s, doing, st, err);
    }
    ret->text = arena_memdup(a, buf_str(&text), text.len);
    ret->len = text.len;
    buf_free(&text);
    *more = r > 0;
    return r < 0 ? r : 0;
}

int store_bundle_get(struct store *s, int64_t id, struct arena *a, const struct bundle **ret,
                     struct error *err)
{
    static const char doing[] = "read the manifest's texts";
    VEC(struct bundle_file) list = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err,
                     "SELECT f.key, json_extract(f.value, '$.name'), piece.text"
                     " FROM bundle, json_each(bundle.files) AS f, json_each(f.value, '$.pieces') AS p"
                     " LEFT JOIN piece ON piece.digest = p.value WHERE bundle.id = ? ORDER BY f.key, p.key",
                     "i", id);
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r < 0)
        return r;
    for (bool more = r > 0; more;) {
        struct bundle_file f;
        r = take_file(s, st, doing, a, &f, &more, err);
        if (r < 0)
            return r;
        vec_push(a, &list, f);
    }
    if (list.n == 0)
        return db_error(s, SQLITE_CORRUPT, doing, err);
    struct bundle *b = arena_new(a, struct bundle);
    *b = (struct bundle){list.at, list.n};
    *ret = b;
    return 0;
}

int store_generations_name(struct store *s, int64_t first, const char *word, bool *ret, struct error *err)
{
    static const char doing[] = "search the manifests' texts";
    sqlite3_stmt *st;
    int r = db_query(
        s, doing, &st, err,
        "SELECT 1 FROM piece WHERE instr(text, CAST(?2 AS BLOB)) AND digest IN"
        " (SELECT p.value FROM generation AS g JOIN bundle AS b ON b.id = g.bundle_id,"
        "  json_each(b.files) AS f, json_each(f.value, '$.pieces') AS p WHERE g.number >= ?1) LIMIT 1",
        "it", first, word);
    if (r == 0)
        r = db_next(s, doing, st, err);
    if (r > 0)
        db_done(st);
    *ret = r > 0;
    return r < 0 ? r : 0;
}

int bundles_drop_unused(struct store *s, struct error *err)
{
    static const char doing[] = "drop manifests that nothing needs";
    int r = db_run(s, doing, err,
                   "DELETE FROM bundle WHERE id NOT IN (SELECT bundle_id FROM generation)"
                   " AND id NOT IN (SELECT bundle_id FROM tx WHERE bundle_id IS NOT NULL)",
                   "");
    if (r < 0 || sqlite3_changes(s->db) == 0)
        return r;
    s->bundle_id = 0;
    return db_run(s, doing, err,
                  "DELETE FROM piece WHERE digest NOT IN (SELECT p.value FROM bundle,"
                  " json_each(bundle.files) AS f, json_each(f.value, '$.pieces') AS p)",
                  "");
}

/* --- a store of before schema 9 --------------------------------------------------------------------------
 */

/* Where a row held its texts itself, as JSON. */
struct old_rows {
    const char *ids, *files, *name;
};
static const struct old_rows of_generations = {
    "SELECT number FROM generation WHERE json_valid(bundle)",
    "SELECT json_extract(f.value, '$.name'), json_extract(f.value, '$.text')"
    " FROM generation AS g, json_each(g.bundle, '$.files') AS f WHERE g.number = ? ORDER BY f.key",
    "UPDATE generation SET bundle_id = ? WHERE number = ?",
};
static const struct old_rows of_transactions = {
    "SELECT id FROM tx WHERE json_valid(bundle)",
    "SELECT json_extract(f.value, '$.name'), json_extract(f.value, '$.text')"
    " FROM tx, json_each(tx.bundle, '$.files') AS f WHERE tx.id = ? ORDER BY f.key",
    "UPDATE tx SET bundle_id = ? WHERE id = ?",
};

static int take_over_one(struct store *s, const struct old_rows *o, int64_t row, struct arena *a,
                         struct error *err)
{
    static const char doing[] = "read an older citrus's manifests";
    VEC(struct bundle_file) list = {0};
    sqlite3_stmt *st;
    int64_t id;
    int r = db_query(s, doing, &st, err, o->files, "i", row);
    while (r == 0 && (r = db_next(s, doing, st, err)) > 0) {
        struct bundle_file f = {.name = db_text(st, 0, a), .text = db_text(st, 1, a)};
        f.len = (size_t)sqlite3_column_bytes(st, 1);
        if (f.name && f.text)
            vec_push(a, &list, f);
        r = 0;
    }
    if (r < 0 || list.n == 0)
        return r; /* a row without texts stays one */
    r = bundle_put(s, &(struct bundle){list.at, list.n}, &id, err);
    return r < 0 ? r : db_run(s, doing, err, o->name, "ii", id, row);
}

static int take_over(struct store *s, const struct old_rows *o, struct error *err)
{
    static const char doing[] = "read an older citrus's manifests";
    struct arena a = {0}, texts = {0};
    VEC(int64_t) rows = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, o->ids, "");
    while (r == 0 && (r = db_next(s, doing, st, err)) > 0) {
        vec_push(&a, &rows, sqlite3_column_int64(st, 0));
        r = 0;
    }
    for (size_t i = 0; i < rows.n && r == 0; i++) {
        arena_reset(&texts);
        r = take_over_one(s, o, rows.at[i], &texts, err);
    }
    arena_free(&texts);
    arena_free(&a);
    return r;
}

int bundles_take_over(struct store *s, struct error *err)
{
    int r = take_over(s, &of_generations, err);
    return r < 0 ? r : take_over(s, &of_transactions, err);
}
