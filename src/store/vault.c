/* Secrets at rest: AES-256-GCM under the key of vault_key.c, which lies beside the database. A copy
 * of the database alone (a backup, a disk that went to a shop) tells no value.
 *
 * A sealed value is VERSION (1 byte), nonce (12), ciphertext, tag (16); the secret's name is authenticated
 * with it, so that no row passes for another's. Nonces are random: NIST SP 800-38D, 8.3, allows 2^32 of them
 * under one key. */
#include "libcrypto.h"
#include "storedb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION   1
#define NONCE_LEN 12
#define TAG_LEN   16
#define OVERHEAD  (1 + NONCE_LEN + TAG_LEN)

/* The key as AES and GHASH want it, worked out once for all values. GCM stands on libcrypto's own blocks, as
 * HMAC does in hash.c: looking an algorithm up in 3.0 costs more than opening the passwords of a hundred
 * sites. */
struct vault_cipher {
    AES_KEY key;
    GCM128_CONTEXT *gcm;
};

/* aes.h gives its arguments types, modes.h has the one type for all ciphers. */
static void aes_block(const unsigned char in[16], unsigned char out[16], const void *key)
{
    AES_encrypt(in, out, key);
}

static GCM128_CONTEXT *cipher(struct store *s)
{
    struct vault_cipher *c = s->cipher;
    if (c)
        return c->gcm;
    c = xmalloc(sizeof *c);
    AES_set_encrypt_key(s->secret_key, 8 * VAULT_KEY_LEN, &c->key);
    c->gcm = CRYPTO_gcm128_new(&c->key, aes_block);
    s->cipher = c;
    return c->gcm;
}

void vault_cipher_drop(struct store *s)
{
    if (!s->cipher)
        return;
    CRYPTO_gcm128_release(s->cipher->gcm); /* wipes it */
    explicit_bzero(s->cipher, sizeof *s->cipher);
    free(s->cipher);
    s->cipher = NULL;
}

/* One run of AES-256-GCM over `n` bytes. Opening: false where the tag does not fit. */
static bool gcm(struct store *s, bool seal, const unsigned char *nonce, const char *name,
                const unsigned char *in, size_t n, unsigned char *out, unsigned char *tag)
{
    GCM128_CONTEXT *c = cipher(s);
    if (!c)
        return false;
    CRYPTO_gcm128_setiv(c, nonce, NONCE_LEN);
    bool good = CRYPTO_gcm128_aad(c, (const unsigned char *)name, strlen(name)) == 0 &&
                (seal ? CRYPTO_gcm128_encrypt : CRYPTO_gcm128_decrypt)(c, in, out, n) == 0;
    if (good && seal)
        CRYPTO_gcm128_tag(c, tag, TAG_LEN);
    return good && (seal || CRYPTO_gcm128_finish(c, tag, TAG_LEN) == 0);
}

int vault_seal(struct store *s, const char *name, const struct secret *v, struct buf *out, struct error *err)
{
    size_t n = secret_len(v);
    unsigned char *p = xmalloc(n + OVERHEAD);
    p[0] = VERSION;
    int r = random_bytes(p + 1, NONCE_LEN, err);
    if (r == 0 && !gcm(s, true, p + 1, name, (const unsigned char *)secret_reveal(v), n, p + 1 + NONCE_LEN,
                       p + 1 + NONCE_LEN + n))
        r = error_set(err, -EIO, "OpenSSL cannot encrypt the secret \"%s\"", name);
    if (r == 0)
        buf_add(out, p, n + OVERHEAD);
    free(p);
    return r;
}

int vault_unseal(struct store *s, const char *name, const void *blob, size_t len, struct secret **ret,
                 struct error *err)
{
    const unsigned char *p = blob;
    bool good = p && len >= OVERHEAD && p[0] == VERSION;
    if (good) {
        size_t n = len - OVERHEAD;
        unsigned char tag[TAG_LEN], *plain = xmalloc(n + 1);
        memcpy(tag, p + len - TAG_LEN, TAG_LEN);
        good = gcm(s, false, p + 1, name, p + 1 + NONCE_LEN, n, plain, tag);
        if (good)
            *ret = secret_new((const char *)plain, n);
        explicit_bzero(plain, n);
        free(plain);
    }
    if (good)
        return 0;
    error_set(err, -EBADMSG,
              "%s: the secret \"%s\" is not as citrus wrote it: it was damaged, or changed by another "
              "program",
              s->path, name);
    error_hint(
        err,
        "put back store.db (with its -wal) and secret.key from one backup; `citrus secret forget` gives all "
        "values up and the next apply makes new ones");
    return -EBADMSG;
}

/* --- plain rows of an older store -------------------------------------------------------------------------
 */

int vault_seal_rows(struct store *s, struct error *err)
{
    static const char doing[] = "encrypt the secrets";
    struct arena a = {0};
    struct row {
        const char *name;
        struct secret *value;
    };
    VEC(struct row) rows = {0};
    sqlite3_stmt *st;
    int r = db_query(s, doing, &st, err, "SELECT name, value FROM secret", "");
    while (r == 0 && (r = db_next(s, doing, st, err)) > 0) {
        const void *value = sqlite3_column_blob(st, 1);
        struct row row = {db_text(st, 0, &a),
                          secret_new(value ? value : "", (size_t)sqlite3_column_bytes(st, 1))};
        vec_push(&a, &rows, row);
        r = 0;
    }
    for (size_t i = 0; i < rows.n; i++) {
        struct buf sealed = {0};
        if (r == 0)
            r = vault_seal(s, rows.at[i].name, rows.at[i].value, &sealed, err);
        if (r == 0)
            r = db_run(s, doing, err, "UPDATE secret SET value = ?2 WHERE name = ?1", "tb", rows.at[i].name,
                       (const void *)sealed.at, sealed.len);
        buf_free(&sealed);
        secret_free(rows.at[i].value);
    }
    if (r == 0 && rows.n)
        r = db_run(s, doing, err, "INSERT INTO meta (name, value) VALUES ('scrub', x'31')", "");
    s->scrub = r == 0 && rows.n;
    arena_free(&a);
    return r;
}

/* The log still has the pages that held plain text, and so has the database until the log is folded in.
 * VACUUM writes the database anew without what is free in it, and the log ends empty. What does not succeed
 * now (another reader, a full disk) is tried at the next opening. */
void vault_scrub(struct store *s)
{
    if (!s->scrub || sqlite3_exec(s->db, "VACUUM", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        return;
    s->scrub =
        db_run(s, "note that nothing plain is left", NULL, "DELETE FROM meta WHERE name = 'scrub'", "") < 0;
}
