/* The core's files in a site's document root: which they are, of what version, and whether they are as they
 * were shipped. */
#include "wordpress.h"
#include <errno.h>
#include <string.h>

#define VERSION_MAX 64

/* A file of a core that root wrote in place, which moves no directory's times, shows after so long at the
 * latest; as long as a glance is good for at most (cli/glance.c). */
#define CORE_WALK_SECONDS 3600
/* Cores that were walked together fall due one by one, so that no look walks all of them again. */
#define CORE_WALK_SPREAD (CORE_WALK_SECONDS / 2)

bool wordpress_core_part(const char *name, bool is_directory)
{
    static const char *const files[] = {"index.php", "license.txt", "readme.html", "xmlrpc.php"};
    size_t n = strlen(name);
    if (is_directory)
        return !strcmp(name, "wp-admin") || !strcmp(name, "wp-includes");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(name, files[i]))
            return true;
    /* Any wp-*.php: what an intruder drops among them counts as an alteration. */
    return !strncmp(name, "wp-", 3) && n > 7 && !strcmp(name + n - 4, ".php") &&
           strncmp(name, "wp-config", 9) != 0;
}

const char *wordpress_version_parse(struct arena *a, const char *text, size_t n)
{
    static const char word[] = "$wp_version";
    const char *end = text + n, *at = text;
    while ((at = memmem(at, (size_t)(end - at), word, sizeof word - 1))) {
        bool line_start = at == text || at[-1] == '\n';
        at += sizeof word - 1;
        const char *value = at;
        while (value < end && (*value == ' ' || *value == '\t' || *value == '='))
            value++;
        if (!line_start || value == at || value == end || (*value != '\'' && *value != '"'))
            continue;
        const char *stop = memchr(value + 1, *value, (size_t)(end - value - 1));
        if (!stop || stop == value + 1 || stop - value > VERSION_MAX)
            return NULL;
        return arena_strndup(a, value + 1, (size_t)(stop - value - 1));
    }
    return NULL;
}

int wordpress_version_read(struct kind_ctx *ctx, const char *path, const char **ret, struct error *err)
{
    struct buf text = {0};
    const char *file = arena_printf(ctx->arena, "%s/wp-includes/version.php", path);
    int r = fs_read(ctx->host, file, (size_t)64 << 10, &text, err);
    *ret = r == 0 ? wordpress_version_parse(ctx->arena, buf_str(&text), text.len) : NULL;
    buf_free(&text);
    if (r != -ENOENT && r != -ENOTDIR)
        return r;
    error_clear(err);
    return 0;
}

static int core_digest(struct kind_ctx *ctx, const char *path, struct fs_tree *t, char ret[HASH_HEX],
                       struct error *err)
{
    struct hash128 h;
    int r = fs_tree_digest(ctx->host, path, t, &h, err);
    if (r == 0)
        hash_hex(h, ret);
    return r;
}

int wordpress_core_digest(struct kind_ctx *ctx, const char *path, const char **ret, struct error *err)
{
    struct fs_tree t = {.only_top = wordpress_core_part};
    char hex[HASH_HEX];
    int r = core_digest(ctx, path, &t, hex, err);
    if (r == 0)
        *ret = arena_strdup(ctx->arena, hex);
    return r;
}

/* Most looks go by the core's directories. What they call altered may have been put right in place since: a
 * change is never planned by them. */
int wordpress_core_state(struct kind_ctx *ctx, const char *path, const char *recorded, const char **ret,
                         struct error *err)
{
    int64_t sooner = (int64_t)(hash_bytes(path, strlen(path)).low % CORE_WALK_SPREAD);
    struct fs_tree t = {
        .only_top = wordpress_core_part, .within = CORE_WALK_SECONDS - sooner, .guarded = true};
    char hex[HASH_HEX];
    int r = core_digest(ctx, path, &t, hex, err);
    if (r == 0 && strcmp(hex, recorded) != 0 && !t.walked) {
        t.within = 0;
        r = core_digest(ctx, path, &t, hex, err);
    }
    if (r == 0)
        *ret = strcmp(hex, recorded) == 0 ? "intact" : t.writable ? "writable" : "altered";
    return r;
}
