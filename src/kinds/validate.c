/* Validators: each program's own check of its configuration, of the whole as it lies on disk or of one site's
 * part beside the server's. They read; what they need to write goes below /run/citrus and goes again. */
#include "fs.h"
#include "specs.h"
#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
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

/* --- running a check ----------------------------------------------------------------------------------- */

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

/* Lines that complain, taken while the program speaks: mariadbd prints 250 KiB of help behind them. */
struct complaints {
    struct buf text;
    int lines;
};

static void complaint_take(void *self, const char *line)
{
    struct complaints *c = self;

    if (strstr(line, "[ERROR]") && c->lines++ < SHOWN_LINES)
        buf_addf(&c->text, "%s%s", c->text.len ? "\n" : "", line);
}

/* 0, REFUSED with the program's words, or a negative error where it could not be run. */
#define REFUSED 1
static int check_run(struct kind_ctx *ctx, struct exec x, struct error *err)
{
    struct complaints said = {0};
    struct progress listener = {.say = complaint_take, .self = &said};
    struct exec_result res = {0};
    int r;

    x.progress = &listener;
    r = host_run(ctx->host, &x, &res, err);
    if (r == 0 && res.status < 0) {
        r = error_set(err, -ETIMEDOUT, "%s: no answer within a minute", x.argv[0]);
    } else if (r == 0 && res.status > 0) {
        if (!said.text.len)
            last_lines(buf_str(&res.out), res.out.len, &said.text);
        error_set(err, -EINVAL, "%s: %s", x.argv[0],
                  said.text.len ? buf_str(&said.text) : "it refuses and does not say why");
        r = REFUSED;
    }
    buf_free(&said.text);
    exec_result_free(&res);
    return r;
}

static int refused(int r)
{
    return r == REFUSED ? -EINVAL : r;
}

static int offline(struct kind_ctx *ctx, const char *program, struct error *err)
{
    return ctx->host->offline ? error_set(err, -EOPNOTSUPP, "%s cannot be asked in an offline root", program)
                              : 0;
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

/* --- a private place ----------------------------------------------------------------------------------- */

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

/* --- the whole ----------------------------------------------------------------------------------------- */

/* MariaDB has no --validate-config yet (MDEV-31527); --help reads all options and ends with a status of its
 * own where it does not know one. Without an index of its own it would make the binary log's (MDEV-31527). */
static int validate_mariadb(struct kind_ctx *ctx, struct error *err)
{
    const char *dir = NULL;
    int r = stage_make(ctx, &dir, err);

    if (r >= 0) {
        const char *index = arena_printf(ctx->arena, "--log-bin-index=%s/index", dir);
        const char *const argv[] = {MARIADB, "--user=root", "--verbose", "--help", index, NULL};
        r = check_run(ctx, (struct exec){.argv = argv}, err);
    }
    stage_drop(ctx, dir);
    return r;
}

int validate_live(struct kind_ctx *ctx, const char *what, struct error *err)
{
    const char *program = NGINX;
    int r = offline(ctx, what, err);

    if (r < 0)
        return r;
    if (!strcmp(what, "mariadb"))
        return refused(validate_mariadb(ctx, err));
    if (starts_with(what, "php-fpm:"))
        r = php_fpm(ctx, what + strlen("php-fpm:"), &program, err);
    else if (strcmp(what, "nginx"))
        r = error_set(err, -EINVAL, "no validator is called \"%s\"", what);
    if (r < 0)
        return r;
    const char *const argv[] = {program, "-t", NULL};
    /* nginx opens the logs of all sites, two a site. */
    return refused(check_run(ctx, (struct exec){.argv = argv, .many_files = !strcmp(what, "nginx")}, err));
}

/* --- one site's part ----------------------------------------------------------------------------------- */

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

/* Also to test a configuration nginx makes the directories of its caches (ngx_create_paths): a private one
 * instead, for what is only tested leaves nothing in a site. */
static void stage_caches(const char *dir, const char *content, size_t len, struct buf *out)
{
    static const char word[] = "\nfastcgi_cache_path ";
    const char *end = content + len, *at, *path;

    while ((at = memmem(content, (size_t)(end - content), word, strlen(word)))) {
        path = at + strlen(word);
        buf_add(out, content, (size_t)(path - content));
        for (content = path; content < end && !isspace((unsigned char)*content) && *content != ';';)
            content++;
        buf_addf(out, "%s/cache", dir);
    }
    buf_add(out, content, (size_t)(end - content));
}

static int nginx_staged(struct kind_ctx *ctx, const char *dir, struct error *err)
{
    const char *const argv[] = {NGINX, "-t", "-q", NULL};
    const struct exec_bind bind = {.source = dir, .target = SITES_ENABLED};

    return check_run(ctx, (struct exec){.argv = argv, .binds = &bind, .n_binds = 1}, err);
}

/* The site's part was refused: is it the site, or was the server's broken without it? */
static int nginx_blame(struct kind_ctx *ctx, const char *dir, const char *file, struct error *err)
{
    struct error alone = {0};
    int r;

    if (fs_unlink(ctx->host, file, NULL) < 0 || nginx_staged(ctx, dir, &alone) != REFUSED)
        return -EINVAL;
    r = error_set(err, -EUCLEAN, "the server's own nginx configuration is broken, without this site: %s",
                  alone.text);
    error_hint(err, "mend what nginx -t names; citrus did not write it, or somebody changed it");
    return r;
}

int validate_vhost(struct kind_ctx *ctx, const char *domain, const char *content, size_t len,
                   struct error *err)
{
    const char *dir = NULL, *file = NULL;
    struct buf text = {0};
    int r = offline(ctx, NGINX, err);

    if (r >= 0)
        r = stage_make(ctx, &dir, err);
    if (r >= 0)
        r = stage_server(ctx, dir, err);
    if (r >= 0) {
        file = arena_printf(ctx->arena, "%s/%s.conf", dir, domain);
        stage_caches(dir, content, len, &text);
        r = fs_write(ctx->host, file, text.at, text.len, 0600, 0, 0, err);
        buf_free(&text);
    }
    if (r >= 0)
        r = nginx_staged(ctx, dir, err);
    if (r == REFUSED)
        r = nginx_blame(ctx, dir, file, err);
    stage_drop(ctx, dir);
    return r;
}

/* The program's words name the file where it lay to be tested; a person looks for it where it is to lie. */
static void name_live(const char *staged, const char *live, struct arena *a, struct error *err)
{
    struct buf b = {0};
    const char *from = err->text;
    for (const char *at; (at = strstr(from, staged)); from = at + strlen(staged)) {
        buf_add(&b, from, (size_t)(at - from));
        buf_adds(&b, live);
    }
    buf_adds(&b, from);
    snprintf(err->text, sizeof err->text, "%s", buf_str(&b));
    buf_free(&b);
}

int validate_pool(struct kind_ctx *ctx, const char *version, const char *live, const char *content,
                  size_t len, struct error *err)
{
    const char *dir = NULL, *program = NULL, *file, *main;
    struct buf text = {0};
    int r = php_fpm(ctx, version, &program, err);

    if (r >= 0)
        r = offline(ctx, program, err);
    if (r >= 0)
        r = stage_make(ctx, &dir, err);
    if (r < 0)
        goto out;
    file = arena_printf(ctx->arena, "%s/pool.conf", dir);
    main = arena_printf(ctx->arena, "%s/main.conf", dir);
    /* The test opens the log: a private one. What it has to say comes on the standard error as well. The pool
     * is a file of its own, so that its lines are counted as they will be. */
    buf_addf(&text, "[global]\nerror_log = %s/log\ninclude = %s\n", dir, file);
    r = fs_write(ctx->host, file, content, len, 0600, 0, 0, err);
    if (r >= 0)
        r = fs_write(ctx->host, main, text.at, text.len, 0600, 0, 0, err);
    if (r >= 0) {
        const char *const argv[] = {program, "-t", "-y", main, NULL};
        r = check_run(ctx, (struct exec){.argv = argv}, err);
        if (r != 0 && err)
            name_live(file, live, ctx->arena, err);
    }
out:
    stage_drop(ctx, dir);
    buf_free(&text);
    return refused(r);
}
