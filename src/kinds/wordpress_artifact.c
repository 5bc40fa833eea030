/* WordPress's archives and WP-CLI, fetched once for all sites.
 *
 * An artifact's name holds its version and the digest of its URL. The manifest may pin its SHA-256; where it
 * does not, what was fetched first is what must come again. The core's digest is recorded apart from the
 * cache, so that a site is checked without the archive. */
#include "wordpress.h"
#include "wordpress_ahead.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CACHE_DIR  "/var/cache/citrus/artifacts"
#define CORE_DIR   WORDPRESS_CORE_DIR
#define RECORD_DIR "/var/lib/citrus/artifacts"

/* The official archive has 27 MB (7.1); one with many languages stays far below this. */
#define ARCHIVE_MAX ((int64_t)512 << 20)
/* WP-CLI 2.12 has 7 MB. */
#define CLI_MAX ((int64_t)64 << 20)

static const char *url_tag(struct arena *a, const char *url)
{
    char hex[SHA256_HEX];
    hash_sha256_hex(url, strlen(url), hex);
    return arena_strndup(a, hex, 12);
}

void wordpress_artifact_names(struct arena *a, const struct wordpress_spec *s, struct wordpress_artifact *ret)
{
    const char *name = arena_printf(a, "wordpress-%s-%s", s->version, url_tag(a, s->source));
    ret->archive = arena_printf(a, CACHE_DIR "/%s.tar.gz", name);
    ret->tree = arena_printf(a, CORE_DIR "/%s", name);
    ret->digest_file = arena_printf(a, RECORD_DIR "/%s.digest", name);
    ret->sha256_file = arena_printf(a, RECORD_DIR "/%s.sha256", name);
}

const char *const wordpress_caches[] = {CACHE_DIR, CORE_DIR, NULL};

/* The version in an archive's or a tree's name; WP-CLI is small, and its name has nothing of a manifest's. */
const char *wordpress_cached_for(struct arena *a, const char *entry)
{
    static const char prefix[] = "wordpress-";
    const char *version = entry + sizeof prefix - 1, *tag = strrchr(entry, '-');
    if (strncmp(entry, prefix, sizeof prefix - 1) != 0 || tag <= version)
        return NULL;
    return arena_strndup(a, version, (size_t)(tag - version));
}

char *wordpress_cli_path(struct arena *a, const struct wordpress_spec *s)
{
    return arena_printf(a, CACHE_DIR "/wp-cli-%s.phar", url_tag(a, s->cli_source));
}

/* A line that was recorded; NULL when it was not, or not as it should be. */
static int record_read(struct kind_ctx *ctx, const char *path, size_t len, const char **ret,
                       struct error *err)
{
    struct buf text = {0};
    int r = fs_read(ctx->host, path, 4096, &text, err);
    *ret = NULL;
    if (r == 0 && text.len >= len && strspn(buf_str(&text), "0123456789abcdef") == len)
        *ret = arena_strndup(ctx->arena, buf_str(&text), len);
    buf_free(&text);
    if (r == -ENOENT)
        error_clear(err);
    return r == -ENOENT ? 0 : r;
}

static int record_write(struct kind_ctx *ctx, const char *path, const char *value, struct error *err)
{
    int r = fs_mkdirs(ctx->host, RECORD_DIR, 0700, err);
    const char *line = arena_printf(ctx->arena, "%s\n", value);
    return r < 0 ? r : fs_write(ctx->host, path, line, strlen(line), 0600, 0, 0, err);
}

int wordpress_artifact_digest(struct kind_ctx *ctx, const struct wordpress_artifact *w, const char **ret,
                              struct error *err)
{
    return record_read(ctx, w->digest_file, HASH_HEX - 1, ret, err);
}

static int file_sha256(struct kind_ctx *ctx, const char *path, char ret[SHA256_HEX], struct error *err)
{
    size_t size = (size_t)256 << 10;
    int fd = fs_open(ctx->host, path, O_RDONLY, err);
    if (fd < 0)
        return fd;
    struct sha256_stream *s = sha256_stream_new();
    char *block = arena_alloc(ctx->arena, size);
    ssize_t n;
    while ((n = read(fd, block, size)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_stream_add(s, block, (size_t)n);
    int r = n < 0 ? error_errno(err, errno, "cannot read %s", path) : 0;
    sha256_stream_end(s, ret);
    close(fd);
    return r;
}

/* Whether the file in the cache is what must be fetched. */
static int cached(struct kind_ctx *ctx, const char *path, const char *sha256, bool *ret, struct error *err)
{
    char have[SHA256_HEX];
    struct fs_stat st;
    int r = fs_stat(ctx->host, path, &st, err);
    *ret = false;
    if (r < 0 || st.type != FS_FILE || !sha256)
        return r;
    r = file_sha256(ctx, path, have, err);
    *ret = r == 0 && !strcasecmp(have, sha256);
    return r;
}

static int fetch(struct kind_ctx *ctx, const char *url, const char *pinned, const char *path,
                 const char *record, int64_t most, struct error *err)
{
    const char *first = NULL;
    char got[SHA256_HEX];
    bool there;
    int r = pinned ? 0 : record_read(ctx, record, SHA256_HEX - 1, &first, err);
    if (r < 0)
        return r;
    const char *expected = pinned ? pinned : first;
    r = cached(ctx, path, expected, &there, err);
    if (r < 0 || there)
        return r;
    r = fs_mkdirs(ctx->host, CACHE_DIR, 0755, err);
    if (r < 0)
        return r;
    const struct fetch f = {
        .url = url, .path = path, .sha256 = expected, .max_bytes = most, .progress = ctx->progress};
    r = host_fetch(ctx->host, &f, got, err);
    if (r == -EBADMSG && first)
        error_hint(err,
                   "another file was there when it was fetched first; if the new one is right, remove %s",
                   record);
    if (r < 0)
        return r;
    return pinned || first ? 0 : record_write(ctx, record, got, err);
}

int wordpress_cli_need(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    const char *record =
        arena_printf(ctx->arena, RECORD_DIR "/wp-cli-%s.sha256", url_tag(ctx->arena, s->cli_source));
    return fetch(ctx, s->cli_source, s->cli_sha256, wordpress_cli_path(ctx->arena, s), record, CLI_MAX, err);
}

int64_t wordpress_artifact_room(struct kind_ctx *ctx, const struct wordpress_artifact *w)
{
    unsigned char head[2], tail[4];
    int fd = fs_open(ctx->host, w->archive, O_RDONLY, NULL);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    bool gzip = end > 18 && pread(fd, head, sizeof head, 0) == sizeof head && head[0] == 0x1f &&
                head[1] == 0x8b && pread(fd, tail, sizeof tail, end - 4) == sizeof tail;
    if (fd >= 0)
        close(fd);
    if (!gzip)
        return 0;
    int64_t size = (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
    return size + size / 4;
}

/* The archive's one directory ("wordpress"), or the top where an archive has none. */
static int core_root(struct kind_ctx *ctx, const char *top, const char **ret, struct error *err)
{
    const char *below = arena_printf(ctx->arena, "%s/wordpress", top);
    struct fs_stat st;
    int r = fs_stat(ctx->host, below, &st, err);
    *ret = st.type == FS_DIRECTORY ? below : top;
    return r;
}

static int unpack(struct kind_ctx *ctx, const struct wordpress_spec *s, const struct wordpress_artifact *w,
                  struct error *err)
{
    const char *top = arena_printf(ctx->arena, "%s.new", w->tree), *root, *version = NULL;
    const char *const argv[] = {"/usr/bin/tar",          "-xzf", w->archive, "-C", top, "--no-same-owner",
                                "--no-same-permissions", NULL};
    const struct exec x = {.argv = argv, .timeout = 300, .mutates = true};
    int r = fs_room_need(ctx->host, top, wordpress_artifact_room(ctx, w),
                         arena_printf(ctx->arena, "unpacking WordPress %s", s->version), err);
    if (r < 0)
        return r;
    r = fs_remove_tree(ctx->host, top, err);
    if (r == 0)
        r = fs_mkdirs(ctx->host, top, 0755, err);
    if (r == 0)
        r = host_run_ok(ctx->host, &x, err);
    if (r < 0)
        return error_prefix(err, "unpacking %s", w->archive);
    r = core_root(ctx, top, &root, err);
    if (r == 0)
        r = wordpress_version_read(ctx, root, &version, err);
    if (r < 0)
        return r;
    if (!version || strcmp(version, s->version)) {
        error_set(err, -EINVAL, "%s holds %s%s, not WordPress %s", s->source,
                  version ? "WordPress " : "no WordPress", version ? version : "", s->version);
        error_hint(err, "see server.sources.wordpress and the site's wordpress.version");
        return -EINVAL;
    }
    r = fs_remove_tree(ctx->host, w->tree, err);
    if (r == 0)
        r = fs_rename(ctx->host, root, w->tree, err);
    return r < 0 ? r : fs_remove_tree(ctx->host, top, err);
}

int wordpress_artifact_need(struct kind_ctx *ctx, const struct wordpress_spec *s,
                            const struct wordpress_artifact *w, struct error *err)
{
    const char *recorded, *have = NULL;
    struct fs_stat st;
    int r = wordpress_artifact_digest(ctx, w, &recorded, err);
    if (r == 0)
        r = fs_stat(ctx->host, w->tree, &st, err);
    if (r < 0)
        return r;
    if (recorded && st.type == FS_DIRECTORY) {
        r = wordpress_core_digest(ctx, w->tree, &have, err);
        if (r < 0 || !strcmp(have, recorded))
            return r;
    }
    r = fetch(ctx, s->source, s->source_sha256, w->archive, w->sha256_file, ARCHIVE_MAX, err);
    if (r == 0)
        r = unpack(ctx, s, w, err);
    if (r == 0)
        r = wordpress_core_digest(ctx, w->tree, &have, err);
    return r < 0 ? r : record_write(ctx, w->digest_file, have, err);
}
