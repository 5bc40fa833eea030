/* Secrets at rest: AES-256-GCM under a random key that lies beside the database, in a file of its own. A copy
 * of the database alone (a backup, a disk that went to a shop) tells no value.
 *
 * A sealed value is VERSION (1 byte), nonce (12), ciphertext, tag (16); the secret's name is authenticated
 * with it, so that no row passes for another's. Nonces are random: NIST SP 800-38D, 8.3, allows 2^32 of them
 * under one key. */
#include "libcrypto.h"
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION   1
#define NONCE_LEN 12
#define TAG_LEN   16
#define OVERHEAD  (1 + NONCE_LEN + TAG_LEN)
#define KEY_HEX   (2 * VAULT_KEY_LEN)

/* --- the key's file: 64 hex digits and a line feed -------------------------------------------------------
 */

static void hint_lost(struct error *err)
{
    error_hint(
        err, "put back the secret.key that belongs to this store.db, from a backup; if it is lost for good, "
             "`citrus secret forget` gives the values up and the next apply makes new ones");
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool key_parse(const char *text, unsigned char key[VAULT_KEY_LEN])
{
    for (size_t i = 0; i < VAULT_KEY_LEN; i++) {
        int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return text[KEY_HEX] == '\n' && !text[KEY_HEX + 1];
}

/* -ENOENT without words: there is none. `void_is_none`: nor is a file without bytes, or of zeros, which is
 * what a loss of power leaves of a key whose store had not come to be. */
static int key_read(struct store *s, bool void_is_none, struct error *err)
{
    char text[KEY_HEX + 3] = "";
    struct stat st;
    vault_cipher_drop(s);
    int fd = open(s->key_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? -ENOENT : error_errno(err, errno, "%s", s->key_path);
    int r = 0;
    if (fstat(fd, &st) < 0) {
        r = error_errno(err, errno, "%s", s->key_path);
    } else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        r = error_set(err, -EPERM,
                      "%s, which holds the key of the secrets, is no plain file of the user who runs "
                      "citrus",
                      s->key_path);
        error_hint(err, "chown root: %s, if nobody could change it", s->key_path);
    } else if ((st.st_mode & 07777) != 0600 && s->mode != STORE_READ && fchmod(fd, 0600) < 0) {
        r = error_errno(err, errno, "%s", s->key_path);
    }
    bool got = r == 0 && read(fd, text, sizeof text - 1) >= 0;
    if (got && void_is_none && !text[0]) {
        r = -ENOENT;
    } else if (r == 0 && !(got && key_parse(text, s->secret_key))) {
        r = error_set(err, -EKEYREJECTED, "%s is no key: it should be one line of %d hex digits", s->key_path,
                      KEY_HEX);
        hint_lost(err);
    }
    explicit_bzero(text, sizeof text);
    close(fd);
    return r;
}

static int key_write(int fd, bool synced)
{
    unsigned char key[VAULT_KEY_LEN];
    char text[KEY_HEX + 2];
    int r = random_bytes(key, sizeof key, NULL);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    memcpy(text + KEY_HEX, "\n", 2);
    explicit_bzero(key, sizeof key);
    errno = 0;
    bool written =
        fchmod(fd, 0600) == 0 && write(fd, text, KEY_HEX + 1) == KEY_HEX + 1 && (!synced || fsync(fd) == 0);
    explicit_bzero(text, sizeof text);
    return written ? 0 : -(errno ? errno : EIO);
}

static int directory_sync(const char *path)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* A new one beside its place, on the disk before it has its name, which it gets only if nobody has it: of two
 * runs that come at once, both read the first's. Not `synced`: the caller syncs both. */
static int key_make(struct store *s, bool synced, struct error *err)
{
    char part[4096];
    snprintf(part, sizeof part, "%s.%d~", s->key_path, (int)getpid());
    unlink(part);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, errno, "%s", part);
    int r = key_write(fd, synced);
    if (r < 0)
        error_errno(err, r, "%s", part);
    else if (link(part, s->key_path) < 0 && errno != EEXIST)
        r = error_errno(err, errno, "%s", s->key_path);
    close(fd);
    unlink(part);
    if (r == 0 && synced && (r = directory_sync(s->key_path)) < 0)
        error_errno(err, r, "the directory of %s", s->key_path);
    return r;
}

/* What tells this key from another without telling the key. */
static void key_check(const struct store *s, char out[SHA256_HEX])
{
    static const char label[] = "citrus: the key of the secrets";
    hash_keyed_hex(s->secret_key, VAULT_KEY_LEN, label, strlen(label), out);
}

int vault_key_need(struct store *s, bool synced, struct error *err)
{
    int r = 0;
    if (s->have_key)
        return 0;
    if (s->mode == STORE_MEMORY) {
        vault_cipher_drop(s);
        r = random_bytes(s->secret_key, sizeof s->secret_key, err);
    } else {
        r = key_read(s, !synced, err);
        if (r != -ENOENT)
            goto out;
        if (!synced) /* nobody else makes one meanwhile: what is there holds nothing */
            unlink(s->key_path);
        r = key_make(s, synced, err);
        if (r == 0)
            r = key_read(s, false, err);
        if (r == -ENOENT)
            r = error_errno(err, ENOENT, "%s", s->key_path);
    }
out:
    s->have_key = r == 0;
    return r;
}

int vault_open(struct store *s, struct error *err)
{
    char check[SHA256_HEX];
    if (s->mode == STORE_MEMORY || s->key_checked)
        return 0;
    int r = s->have_key ? 0 : key_read(s, false, err);
    if (r == -ENOENT) {
        error_set(err, -ENOKEY, "%s is not there: it holds the key of the secrets in %s", s->key_path,
                  s->path);
        hint_lost(err);
        return -ENOKEY;
    }
    if (r < 0)
        return r;
    s->have_key = true;
    key_check(s, check);
    if (!bytes_equal(check, s->secret_check, SHA256_HEX)) {
        s->have_key = false;
        error_set(err, -EKEYREJECTED, "%s is not the key that the secrets in %s were written with",
                  s->key_path, s->path);
        hint_lost(err);
        return -EKEYREJECTED;
    }
    s->key_checked = true;
    return 0;
}

int vault_note(struct store *s, struct error *err)
{
    key_check(s, s->secret_check);
    return db_run(s, "note which key the secrets have", err,
                  "INSERT INTO meta (name, value) VALUES ('secret_check', ?1)"
                  " ON CONFLICT (name) DO UPDATE SET value = ?1",
                  "b", (const void *)s->secret_check, (size_t)SHA256_HEX - 1);
}

/* A key that does not fit is kept under another name: it may be another store's. */
int vault_renew(struct store *s, struct error *err)
{
    char aside[4096];
    snprintf(aside, sizeof aside, "%s.old", s->key_path);
    if (rename(s->key_path, aside) < 0 && errno != ENOENT)
        return error_errno(err, errno, "%s", s->key_path);
    s->have_key = s->key_checked = false;
    int r = vault_key_need(s, true, err);
    return r < 0 ? r : vault_note(s, err);
}

/* --- values ----------------------------------------------------------------------------------------------
 */

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
