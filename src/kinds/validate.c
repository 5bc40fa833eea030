/* Validators: each program's own check of its configuration, of the whole as it lies on disk or of one site's
 * part beside the server's. They read; what they need to write goes below /run/citrus and is gone afterwards.
 */
#include "fs.h"
#include "specs.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NGINX         "/usr/sbin/nginx"
#define MARIADB       "/usr/sbin/mariadbd"
#define SITES_ENABLED "/etc/nginx/sites-enabled"
#define DEFAULT_SITE  "000-default" /* the server's own: what answers for names that nobody has */
#define STAGE         "/run/citrus"
#define SHOWN_LINES   6

bool validate_possible(int r)
{
    return r != -ENOENT && r != -EOPNOTSUPP;
}

/* --- running a check -------------------------------------------------------------------------------------
 */

/* The last lines that are not empty: where a program names the place of its complaint. */
static void last_lines(const char *text, size_t len, struct buf *out)
{
    const char *end = text + len, *at;
    int lines = 0;

    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    for (at = end; at > text; at--)
        if (at[-1] == '\n' && ++lines == SHOWN_LINES)
            break;
    buf_add(out, at, (size_t)(end - at));
}

/* 0, or -EINVAL with the program's words, or a negative error where it could not be run. `log` is a file that
 * it may have put its words into, or NULL. */
static int check_run(struct kind_ctx *ctx, const struct exec *x, const char *log, struct error *err)
{
    struct exec_result res = {0};
    struct buf said = {0};
    int r;

    if (ctx->host->offline)
        return error_set(err, -EOPNOTSUPP, "%s cannot be asked in an offline root", x->argv[0]);
    r = host_run(ctx->host, x, &res, err);
    if (r < 0)
        return r;
    if (res.status != 0) {
        last_lines(buf_str(&res.out), res.out.len, &said);
        if (log) {
            struct buf text = {0};
            if (fs_read(ctx->host, log, 0, &text, NULL) == 0 && text.len) {
                buf_adds(&said, said.len ? "\n" : "");
                last_lines(text.at, text.len, &said);
            }
            buf_free(&text);
        }
        if (res.status < 0)
            r = error_set(err, -ETIMEDOUT, "%s: no answer within a minute", x->argv[0]);
        else
            r = error_set(err, -EINVAL, "%s: %s", x->argv[0],
                          said.len ? buf_str(&said) : "it refuses and says no why");
    }
    buf_free(&said);
    exec_result_free(&res);
    return r;
}

static bool is_version(const char *s)
{
    return *s && strspn(s, "0123456789.") == strlen(s);
}

/* Debian's name of the program; the version came from a manifest, so it is looked at again. */
static int php_fpm(struct kind_ctx *ctx, const char *version, const char **ret, struct error *err)
{
    if (!is_version(version))
        return error_set(err, -EINVAL, "\"%s\" is no version of PHP", version);
    *ret = arena_printf(ctx->arena, "/usr/sbin/php-fpm%s", version);
    return 0;
}

/* --- a private place -------------------------------------------------------------------------------------
 */

static int stage_make(struct kind_ctx *ctx, const char **ret, struct error *err)
{
    unsigned char noise[8];
    char hex[HASH_HEX];
    const char *dir;
    int r = random_bytes(noise, sizeof noise, err);

    if (r < 0)
        return r;
    hash_hex(hash_bytes(noise, sizeof noise), hex);
    dir = arena_printf(ctx->arena, STAGE "/check-%.16s", hex);
    r = fs_mkdirs(ctx->host, STAGE, 0700, err);
    if (r >= 0)
        r = fs_mkdir(ctx->host, dir, 0700, 0, 0, err);
    if (r >= 0)
        *ret = dir;
    return r;
}

static void stage_drop(struct kind_ctx *ctx, const char *dir)
{
    /* It lies on a tmpfs and is root's own: what stays of it harms nobody and goes with the next boot. */
    if (dir)
        fs_remove_tree(ctx->host, dir, NULL);
}

/* --- the whole --------------------------------------------------------------------------------------------
 */

/* MariaDB has no --validate-config yet (MDEV-31527); --help reads all options and ends with a status of its
 * own where it does not know one. Without an index of its own it would make the binary log's (MDEV-31527). */
static int validate_mariadb(struct kind_ctx *ctx, struct error *err)
{
    const char *dir = NULL;
    int r;

    if (ctx->host->offline)
        return error_set(err, -EOPNOTSUPP, MARIADB " cannot be asked in an offline root");
    r = stage_make(ctx, &dir, err);
    if (r >= 0) {
        const char *index = arena_printf(ctx->arena, "--log-bin-index=%s/index", dir);
        const char *const argv[] = {MARIADB, "--user=root", "--verbose", "--help", index, NULL};
        r = check_run(ctx, &(struct exec){.argv = argv}, NULL, err);
    }
    stage_drop(ctx, dir);
    return r;
}

int validate_live(struct kind_ctx *ctx, const char *what, struct error *err)
{
    if (!strcmp(what, "nginx")) {
        const char *const argv[] = {NGINX, "-t", "-q", NULL};
        return check_run(ctx, &(struct exec){.argv = argv}, NULL, err);
    }
    if (starts_with(what, "php-fpm:")) {
        const char *program = NULL;
        int r = php_fpm(ctx, what + strlen("php-fpm:"), &program, err);
        const char *const argv[] = {program, "-t", NULL};
        return r < 0 ? r : check_run(ctx, &(struct exec){.argv = argv}, NULL, err);
    }
    if (!strcmp(what, "mariadb"))
        return validate_mariadb(ctx, err);
    return error_set(err, -EINVAL, "no validator is called \"%s\"", what);
}

/* --- one site's part --------------------------------------------------------------------------------------
 */

/* The default server's file or link, as it is: a relative link leads to the same place from the mount. */
static int stage_default(struct kind_ctx *ctx, const char *dir, const char *name, struct error *err)
{
    const char *from = arena_printf(ctx->arena, SITES_ENABLED "/%s", name);
    const char *to = arena_printf(ctx->arena, "%s/%s", dir, name);
    struct fs_stat st;
    char *target;
    int r = fs_stat(ctx->host, from, &st, err);

    if (r < 0)
        return r;
    if (st.type == FS_FILE)
        return fs_copy(ctx->host, from, to, 0600, 0, 0, err);
    if (st.type != FS_LINK)
        return 0;
    r = fs_readlink(ctx->host, from, ctx->arena, &target, err);
    return r < 0 ? r : fs_symlink(ctx->host, target, to, err);
}

static int stage_server(struct kind_ctx *ctx, const char *dir, struct error *err)
{
    const char **names = NULL;
    size_t n = 0;
    int r = fs_list(ctx->host, SITES_ENABLED, ctx->arena, &names, &n, err);

    for (size_t i = 0; i < n && r >= 0; i++)
        if (starts_with(names[i], DEFAULT_SITE))
            r = stage_default(ctx, dir, names[i], err);
    return r;
}

static int nginx_staged(struct kind_ctx *ctx, const char *dir, struct error *err)
{
    const char *const argv[] = {NGINX, "-t", "-q", NULL};
    const struct exec_bind bind = {.source = dir, .target = SITES_ENABLED};

    return check_run(ctx, &(struct exec){.argv = argv, .binds = &bind, .n_binds = 1}, NULL, err);
}

/* The site's part was refused: is it the site, or was the server's broken without it? */
static int nginx_blame(struct kind_ctx *ctx, const char *dir, const char *file, int r, struct error *err)
{
    struct error alone = {0};

    if (fs_unlink(ctx->host, file, NULL) < 0 || nginx_staged(ctx, dir, &alone) != -EINVAL)
        return r;
    r = error_set(err, -EUCLEAN, "the server's own nginx configuration is broken, without this site: %s",
                  alone.text);
    error_hint(err, "mend what nginx -t names; citrus did not write it, or somebody changed it");
    return r;
}

int validate_vhost(struct kind_ctx *ctx, const char *domain, const char *content, size_t len,
                   struct error *err)
{
    const char *dir = NULL, *file = NULL;
    int r;

    if (ctx->host->offline)
        return error_set(err, -EOPNOTSUPP, NGINX " cannot be asked in an offline root");
    r = stage_make(ctx, &dir, err);
    if (r >= 0)
        r = stage_server(ctx, dir, err);
    if (r >= 0) {
        file = arena_printf(ctx->arena, "%s/%s.conf", dir, domain);
        r = fs_write(ctx->host, file, content, len, 0600, 0, 0, err);
    }
    if (r >= 0)
        r = nginx_staged(ctx, dir, err);
    if (r == -EINVAL)
        r = nginx_blame(ctx, dir, file, r, err);
    stage_drop(ctx, dir);
    return r;
}

int validate_pool(struct kind_ctx *ctx, const char *version, const char *content, size_t len,
                  struct error *err)
{
    const char *dir = NULL, *program, *file, *log;
    struct buf text = {0};
    int r = php_fpm(ctx, version, &program, err);

    if (r < 0)
        return r;
    if (ctx->host->offline)
        return error_set(err, -EOPNOTSUPP, "%s cannot be asked in an offline root", program);
    r = stage_make(ctx, &dir, err);
    if (r < 0)
        goto out;
    file = arena_printf(ctx->arena, "%s/pool.conf", dir);
    log = arena_printf(ctx->arena, "%s/log", dir);
    buf_addf(&text, "[global]\nerror_log = %s\n", log);
    buf_add(&text, content, len);
    r = fs_write(ctx->host, file, text.at, text.len, 0600, 0, 0, err);
    if (r >= 0) {
        const char *const argv[] = {program, "-t", "-y", file, NULL};
        r = check_run(ctx, &(struct exec){.argv = argv}, log, err);
    }
out:
    stage_drop(ctx, dir);
    buf_free(&text);
    return r;
}
