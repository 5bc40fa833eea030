/* The key of the secrets: 64 hex digits and a line feed, in a file of its own beside the database; and
 * whether it is the one that this store's secrets were written with. */
#include "storedb.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_HEX (2 * VAULT_KEY_LEN)

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
