/* The installation in the database, by WP-CLI as the site's own user.
 *
 * The administrator's password goes through standard input (`--prompt=admin_password`). WP-CLI answers a
 * prompt by printing the whole command, password and all: `--quiet` keeps it from that, and what it says is
 * masked all the same before a word of it gets into an error (seen with WP-CLI 2.12.0). */
#include "account.h"
#include "database.h"
#include "wordpress.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define OUTPUT_LINES 12

bool wordpress_installed(const struct db_snapshot *d, const struct wordpress_spec *s)
{
    const size_t prefix = strlen(s->table_prefix);
    for (size_t i = 0; i < d->n_options_tables; i++) {
        const struct db_table *t = &d->options_tables[i];
        if (!strcmp(t->database, s->database) && !strncmp(t->name, s->table_prefix, prefix) &&
            !strcmp(t->name + prefix, "options"))
            return true;
    }
    return false;
}

/* The site's tmp directory is beside its document root. */
static int home_of(struct kind_ctx *ctx, const struct wordpress_spec *s, const char **ret, struct error *err)
{
    const char *slash = strrchr(s->path, '/');
    const char *home = arena_printf(ctx->arena, "%.*s/tmp", (int)(slash - s->path), s->path);
    struct fs_stat st;
    int r = fs_stat(ctx->host, home, &st, err);
    *ret = st.type == FS_DIRECTORY ? home : "/tmp";
    return r;
}

/* The last lines of what a program said, with every occurrence of the password as "***". */
static void quote_output(struct buf *out, const char *said, size_t len, const struct secret *password)
{
    const char *end = said + len, *value = password ? secret_reveal(password) : "";
    size_t n = strlen(value);
    int lines = 0;
    while (end > said && isspace((unsigned char)end[-1]))
        end--;
    const char *from = end;
    while (from > said && (from[-1] != '\n' || ++lines < OUTPUT_LINES))
        from--;
    while (from < end) {
        const char *hit = n ? memmem(from, (size_t)(end - from), value, n) : NULL;
        buf_add(out, from, (size_t)((hit ? hit : end) - from));
        if (!hit)
            break;
        buf_adds(out, "***");
        from = hit + n;
    }
}

static int cli_error(const char *what, const struct exec_result *result, const struct secret *password,
                     struct error *err)
{
    struct buf said = {0};
    quote_output(&said, buf_str(&result->out), result->out.len, password);
    if (result->status < 0)
        error_set(err, -ETIMEDOUT, "`wp %s` did not end in time: %s", what, buf_str(&said));
    else
        error_set(err, -EIO, "`wp %s` ended with status %d: %s", what, result->status,
                  said.len ? buf_str(&said) : "it said nothing");
    buf_wipe(&said);
    return err ? err->code : -EIO;
}

/* Runs `wp WORDS...` for the site, `words` NULL-terminated; `what` names it in errors.
 *
 * What WP-CLI reads on its way is not the site's to choose: ~/.wp-cli/config.yml, the wp-cli.yml of the
 * working directory and those above it, and packages can each have PHP run that nobody asked for, and would
 * see the password. So it has no configuration, works in / and skips packages (WP-CLI's handbook, "Config").
 */
static int cli(struct kind_ctx *ctx, const struct wordpress_spec *s, const char *what,
               const char *const *words, const struct secret *password, struct error *err)
{
    const char *argv[32] = {s->php, "-d", "memory_limit=512M", wordpress_cli_path(ctx->arena, s)};
    const char *home;
    struct exec x = {.argv = argv, .timeout = 600, .mutates = true};
    struct exec_result result = {0};
    struct buf input = {0};
    size_t n = 4;
    argv[n++] = arena_printf(ctx->arena, "--path=%s", s->path);
    static const char *const options[] = {"--quiet", "--no-color", "--skip-plugins", "--skip-themes",
                                          "--skip-packages"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        argv[n++] = options[i];
    for (; *words && n < sizeof argv / sizeof *argv - 1; words++)
        argv[n++] = *words;
    int r = home_of(ctx, s, &home, err);
    if (r == 0)
        r = account_ids(ctx->host, s->owner, s->owner, &x.uid, &x.gid, err);
    if (r < 0)
        return r;
    const char *const env[] = {arena_printf(ctx->arena, "HOME=%s", home),
                               arena_printf(ctx->arena, "WP_CLI_CACHE_DIR=%s/.wp-cli", home),
                               "WP_CLI_CONFIG_PATH=/dev/null", "WP_CLI_DISABLE_AUTO_CHECK_UPDATE=1", NULL};
    x.env = env;
    if (password) {
        buf_adds(&input, secret_reveal(password));
        buf_addc(&input, '\n');
        x.input = buf_str(&input);
        x.input_len = input.len;
    }
    r = host_run(ctx->host, &x, &result, err);
    if (r == 0 && result.status != 0)
        r = cli_error(what, &result, password, err);
    buf_wipe(&input);
    buf_wipe(&result.out);
    return r;
}

/* WP-CLI reads one line and trims it. */
static bool fits_a_line(const struct secret *password)
{
    const char *p = secret_reveal(password);
    size_t n = secret_len(password);
    if (!n || n != strlen(p) || isspace((unsigned char)p[0]) || isspace((unsigned char)p[n - 1]))
        return false;
    return !strpbrk(p, "\r\n");
}

/* wp_install_maybe_enable_pretty_permalinks() asks the new site for a page, twice. Whoever answers to the
 * name so far is not this site, whose vhost comes later: a name server that is waited for (5 s), or the
 * server that it moves away from, whose answer would decide on its permalinks. So nobody is asked, and they
 * are the plain ones. */
#define ASKS_NOBODY                                                                                          \
    "--exec=WP_CLI::add_wp_hook('pre_http_request', function ($pre, $args, $url) {"                          \
    " return parse_url($url, PHP_URL_HOST) === parse_url(home_url(), PHP_URL_HOST)"                          \
    " ? new WP_Error('citrus', 'the site is being installed') : $pre; }, 10, 3);"

int wordpress_install(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    const struct secret *password =
        s->admin_password && ctx->secret ? ctx->secret(ctx->secret_self, s->admin_password) : NULL;
    struct arena *a = ctx->arena;
    const bool translated = s->locale && strcmp(s->locale, "en_US") != 0;
    if (!password || !fits_a_line(password)) {
        error_set(err, -EINVAL, "the administrator's password (secret %s) %s",
                  s->admin_password ? s->admin_password : "without a name",
                  password ? "is empty, begins or ends with a space, or has more than one line"
                           : "is not set");
        error_hint(err, "set it with `citrus secret set %s`", s->admin_password ? s->admin_password : "NAME");
        return -EINVAL;
    }
    const char *const words[] = {ASKS_NOBODY,
                                 "core",
                                 "install",
                                 arena_printf(a, "--url=%s", s->url),
                                 arena_printf(a, "--title=%s", s->title),
                                 arena_printf(a, "--admin_user=%s", s->admin_user),
                                 arena_printf(a, "--admin_email=%s", s->admin_email),
                                 "--skip-email",
                                 "--prompt=admin_password",
                                 translated ? arena_printf(a, "--locale=%s", s->locale) : NULL,
                                 NULL};
    return cli(ctx, s, "core install", words, password, err);
}

int wordpress_upgrade(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    static const char *const words[] = {"core", "update-db", NULL};
    return cli(ctx, s, "core update-db", words, NULL, err);
}

/* wp_get_db_schema() of wp-admin/includes/schema.php, "blog" and "global" of a single site; unchanged since
 * WordPress 4.4 added termmeta. */
int wordpress_uninstall(struct kind_ctx *ctx, const struct wordpress_spec *s, struct error *err)
{
    static const char *const tables[] = {
        "commentmeta",        "comments",      "links",    "options", "postmeta", "posts",
        "term_relationships", "term_taxonomy", "termmeta", "terms",   "usermeta", "users"};
    struct buf sql = {0};
    buf_adds(&sql, "DROP TABLE IF EXISTS ");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        buf_addf(&sql, "%s%s.%s", i ? ", " : "", db_identifier(ctx->arena, s->database),
                 db_identifier(ctx->arena, arena_printf(ctx->arena, "%s%s", s->table_prefix, tables[i])));
    int r = host_db_exec(ctx->host, buf_str(&sql), NULL, 0, err);
    buf_free(&sql);
    return r;
}
