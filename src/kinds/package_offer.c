#include "package_offer.h"
#include "text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The versions of PHP that a repository for Debian may have: those that packages.sury.org carries, and what
 * may come. apt is asked which of them it knows, in one question. */
static const char *const php_versions[] = {"5.6", "7.0", "7.1", "7.2", "7.3", "7.4", "8.0",
                                           "8.1", "8.2", "8.3", "8.4", "8.5", "8.6", "8.7",
                                           "8.8", "8.9", "9.0", "9.1", "9.2"};
#define PHP_VERSIONS (sizeof php_versions / sizeof *php_versions)

/* "8.9" of php8.9-curl; NULL for what is no versioned package of PHP's. */
static const char *php_version(struct arena *a, const char *name)
{
    size_t n = starts_with(name, "php") ? strspn(name + 3, "0123456789.") : 0;
    return n >= 3 && name[3 + n] == '-' ? arena_strndup(a, name + 3, n) : NULL;
}

static bool is_missing(const char *name, const char *const *names, const char *const *versions, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return !versions[i];
    return false;
}

static const char *php_offered(struct kind_ctx *ctx)
{
    const char *names[PHP_VERSIONS], *found[PHP_VERSIONS] = {NULL};
    struct buf b = {0};
    for (size_t i = 0; i < PHP_VERSIONS; i++)
        names[i] = arena_printf(ctx->arena, "php%s-fpm", php_versions[i]);
    if (host_apt_candidates(ctx->host, names, PHP_VERSIONS, found, ctx->arena, NULL) < 0)
        return "none that could be asked for";
    for (size_t i = 0; i < PHP_VERSIONS; i++)
        if (found[i])
            buf_addf(&b, "%s%s", b.len ? ", " : "", php_versions[i]);
    const char *text = b.len ? arena_strdup(ctx->arena, buf_str(&b)) : "none";
    buf_free(&b);
    return text;
}

/* A version of PHP that is not there is said once, of its php-fpm, and not of each of its extensions. */
static void explain(struct kind_ctx *ctx, const char *const *names, const char *const *versions, size_t n,
                    const char *name, struct error *err)
{
    const char *version = php_version(ctx->arena, name);
    const char *fpm = version ? arena_printf(ctx->arena, "php%s-fpm", version) : NULL;
    if (fpm && strcmp(name, fpm) != 0 && is_missing(fpm, names, versions, n))
        return;
    if (!fpm || strcmp(name, fpm) != 0) {
        error_set(err, -ENOENT, "no repository has a package %s", name);
        error_hint(err, "is it spelled right, and is the repository that has it in /etc/apt/sources.list.d?");
        return;
    }
    error_set(err, -ENOENT, "no repository has PHP %s (package %s); offered: %s", version, name,
              php_offered(ctx));
    error_hint(err, "name a version that is offered, or add a repository that has this one to"
                    " /etc/apt/sources.list.d (packages.sury.org/php has them for Debian)");
}

int package_offers(struct kind_ctx *ctx, const char *const *names, size_t n, struct error *errs,
                   struct error *err)
{
    const char **versions = arena_array(ctx->arena, const char *, n + 1);
    struct error stale = {0};
    size_t missing = 0;
    int r = host_apt_candidates(ctx->host, names, n, versions, ctx->arena, err);
    for (size_t i = 0; r >= 0 && i < n; i++)
        missing += !versions[i];
    if (r < 0 || !missing)
        return r;
    /* A repository that does not answer is to blame only where what is missing may be in it; once will do. */
    int updated = host_apt(ctx->host, APT_UPDATE, NULL, 0, ctx->progress, &stale);
    r = host_apt_candidates(ctx->host, names, n, versions, ctx->arena, err);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (versions[i])
            continue;
        if (updated < 0) {
            errs[i] = stale;
            error_prefix(&errs[i], "package %s is in no list, and the lists cannot be fetched", names[i]);
            break;
        }
        explain(ctx, names, versions, n, names[i], &errs[i]);
    }
    return r;
}
