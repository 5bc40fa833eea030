/* package: apt packages, many at a time: one download, one installation, one removal for all.
 *
 * What undo needs is the list of what was installed before: an installation brings dependencies along, a
 * removal takes dependents with it. It is kept once per batch, in a file of the undo directory named by its
 * content; the list of what the batch left behind lies beside it, so that packages which somebody installs
 * afterwards are not taken for the batch's. */
#include "fs.h"
#include "package_along.h"
#include "package_list.h"
#include "package_offer.h"
#include "specs.h"
#include "text.h"
#include <errno.h>
#include <string.h>

#define MARIADB_DATA "/var/lib/mysql"

#define AT(member) .name = #member, .offset = offsetof(struct package_spec, member)
static const struct field fields[] = {
    {AT(installed), .type = FIELD_STRING, .def = "yes", .doc = "Installed, or in which broken state."},
    {AT(version), .type = FIELD_STRING, .flags = FIELD_STORED,
     .doc = "The version that is there or would come."},
    {AT(held), .type = FIELD_BOOL, .flags = FIELD_LAPSES, .doc = "Held back from upgrades."},
};
static const struct record record = {.name = "package",
                                     FIELDS(fields),
                                     .size = sizeof(struct package_spec),
                                     .doc = "A package of the system."};

static const char *broken_text(struct arena *a, const struct dpkg_package *p)
{
    const char *last = strrchr(p->state_text, ' ');

    return arena_printf(a, "broken (%s)", last ? last + 1 : p->state_text);
}

static void say(struct kind_ctx *ctx, const char *line)
{
    if (ctx->progress)
        ctx->progress->say(ctx->progress->self, line);
}

/* --- observing ----------------------------------------------------------------------------------------- */

/* The candidates are for the plan's reader, so apt's failure to name them is none of the observation: prepare
 * asks again and tells. They stay in the wanted specs, which are not asked for twice. */
static void candidates_note(struct kind_ctx *ctx, const struct resource *const *res, size_t n,
                            void *const *found)
{
    struct names names = {0};
    const char **versions;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        const struct package_spec *s = res[i]->spec;
        if (!found[i] && !res[i]->absent && !s->version)
            vec_push(ctx->arena, &names, res[i]->id);
    }
    if (!names.n)
        return;
    versions = arena_array(ctx->arena, const char *, names.n);
    if (host_apt_candidates(ctx->host, names.at, names.n, versions, ctx->arena, NULL) < 0)
        return;
    for (size_t i = 0; i < n && k < names.n; i++) {
        struct package_spec *s = res[i]->spec;
        if (!strcmp(res[i]->id, names.at[k]) && !found[i] && !res[i]->absent)
            s->version = versions[k++];
    }
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    struct dpkg have;
    int r = package_list_look(ctx, &have, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        const struct dpkg_package *p = dpkg_find(have.at, have.n, res[i]->id);
        struct package_spec *f;
        found[i] = NULL;
        if (!p || p->state == DPKG_ABSENT || p->state == DPKG_CONFIG_FILES)
            continue;
        f = arena_alloc(ctx->arena, sizeof *f);
        f->installed = p->state == DPKG_INSTALLED ? "yes" : broken_text(ctx->arena, p);
        f->version = p->version;
        f->held = p->held;
        found[i] = f;
    }
    candidates_note(ctx, res, n, found);
    return 0;
}

static void plan(struct kind_ctx *ctx, struct change *c)
{
    const struct package_spec *s = c->res->spec, *found = c->found;

    if (c->op == OP_CREATE && s->version)
        c->summary = arena_printf(ctx->arena, "version %s", s->version);
    else if (c->op == OP_REMOVE && found && found->version)
        c->summary = arena_printf(ctx->arena, "version %s goes", found->version);
    if (c->op == OP_CREATE || c->op == OP_REMOVE)
        c->reversal = COMPENSATED;
}

/* --- preparing
 * ---------------------------------------------------------------------------------------------- */

bool package_wants_install(const struct change *c)
{
    return c->op == OP_CREATE ||
           (c->op == OP_UPDATE && c->delta.n && !strcmp(c->delta.at[0].field->name, "installed"));
}

static const char *first_broken(struct kind_ctx *ctx, const struct dpkg *have)
{
    for (size_t i = 0; i < have->n; i++)
        if (have->at[i].state == DPKG_BROKEN)
            return arena_printf(ctx->arena, "%s, %s", have->at[i].name, have->at[i].state_text);
    return dpkg_interrupted(ctx->host) ? "in the middle of writing down what it did" : NULL;
}

/* What somebody removed and no repository has any more is told when it is to be put back: no drift is worth
 * apt's way to its mirrors. */
static void feasible(struct kind_ctx *ctx, const struct change *const *list, size_t n, struct error *errs)
{
    struct names names = {0};
    struct error *of_names = arena_array(ctx->arena, struct error, n), err = {0};
    size_t *at = arena_array(ctx->arena, size_t, n);

    for (size_t i = 0; i < n; i++)
        if (list[i]->op == OP_CREATE && !list[i]->drift) {
            at[names.n] = i;
            vec_push(ctx->arena, &names, list[i]->res->id);
        }
    if (!names.n || package_offers(ctx, names.at, names.n, of_names, &err) < 0)
        return; /* prepare asks again, and tells */
    for (size_t i = 0; i < names.n; i++)
        errs[at[i]] = of_names[i];
}

static int prepare_all(struct kind_ctx *ctx, struct change *const *changes, size_t n, struct error *err)
{
    struct names names = {0};
    struct error *errs;
    const char *broken;
    struct dpkg have;
    int r = package_list_look(ctx, &have, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (changes[i]->op == OP_CREATE)
            vec_push(ctx->arena, &names, changes[i]->res->id);
    broken = first_broken(ctx, &have);
    if (broken) { /* apt refuses to work on such a system; apply mends it first */
        say(ctx,
            arena_printf(ctx->arena, "dpkg was interrupted (%s): it is mended before anything else", broken));
        return 0;
    }
    if (!names.n)
        return package_along_check(ctx, changes, n, err);
    errs = arena_array(ctx->arena, struct error, names.n);
    r = package_offers(ctx, names.at, names.n, errs, err);
    for (size_t i = 0; i < names.n && r >= 0; i++) {
        if (!errs[i].code)
            continue;
        *err = errs[i];
        r = errs[i].code;
        for (size_t k = 0; k < n; k++)
            changes[k]->blamed = !strcmp(changes[k]->res->id, names.at[i]);
    }
    if (r >= 0)
        r = package_along_check(ctx, changes, n, err);
    if (r < 0)
        return r;
    return host_apt(ctx->host, APT_DOWNLOAD, names.at, names.n, ctx->progress, err);
}

/* --- capturing ----------------------------------------------------------------------------------------- */

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    const struct dpkg_package *p;
    struct dpkg have;
    struct fs_stat st;
    struct buf text = {0};
    char hex[HASH_HEX];
    const char *path;
    int r = package_list_look(ctx, &have, err);

    if (r < 0)
        return r;
    p = dpkg_find(have.at, have.n, c->res->id);
    jw_bool(undo, "held", p && p->held);
    if (!package_wants_install(c) && c->op != OP_REMOVE)
        return 0;
    package_list_text(&have, &text);
    hash_hex(hash_bytes(text.at, text.len), hex);
    path = arena_printf(ctx->arena, "%s/packages-%s", ctx->undo_dir, hex);
    r = fs_stat(ctx->host, path, &st, err);
    if (r >= 0 && st.type == FS_ABSENT)
        r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
    if (r >= 0 && st.type == FS_ABSENT)
        r = fs_write(ctx->host, path, text.at, text.len, 0600, 0, 0, err);
    buf_free(&text);
    if (r >= 0)
        r = fs_stat(ctx->host, MARIADB_DATA, &st, err);
    if (r < 0)
        return r;
    jw_str(undo, "before", path);
    jw_bool(undo, "mariadb_data", st.type != FS_ABSENT);
    c->prepared = arena_strdup(ctx->arena, path);
    return 0;
}

/* --- applying
 * ----------------------------------------------------------------------------------------------- */

static bool all_there(struct kind_ctx *ctx, const struct dpkg *have, const struct names *names, bool there)
{
    for (size_t i = 0; i < names->n; i++) { /* "name=version" */
        const char *name = arena_strndup(ctx->arena, names->at[i], strcspn(names->at[i], "="));
        const struct dpkg_package *p = dpkg_find(have->at, have->n, name);
        if ((p && p->state == DPKG_INSTALLED) != there)
            return false;
    }
    return true;
}

/* A maintainer script fails with the service that it restarts: over a site's file, perhaps, that this very
 * run mends later. True when all is as apt was asked for once such packages are configured without their
 * services, which are resources of their own. */
static bool only_services_failed(struct kind_ctx *ctx, enum apt_verb verb, const struct names *names)
{
    bool there = verb == APT_INSTALL || verb == APT_REINSTALL;
    struct dpkg have;

    if ((!there && verb != APT_REMOVE && verb != APT_PURGE) || package_list_look(ctx, &have, NULL) < 0 ||
        !first_broken(ctx, &have))
        return false;
    return host_apt(ctx->host, APT_CONFIGURE, NULL, 0, ctx->progress, NULL) >= 0 &&
           package_list_look(ctx, &have, NULL) >= 0 && !first_broken(ctx, &have) &&
           all_there(ctx, &have, names, there);
}

static int apt(struct kind_ctx *ctx, enum apt_verb verb, const struct names *names, struct error *err)
{
    int r = names->n ? host_apt(ctx->host, verb, names->at, names->n, ctx->progress, err) : 0;

    if (r >= 0 || !only_services_failed(ctx, verb, names))
        return r;
    say(ctx, "a package's service could not be restarted; it is seen to after what it reads");
    error_clear(err);
    return 0;
}

/* An interrupted dpkg first: apt touches nothing before. What "configure" cannot finish is installed anew,
 * but for what is to go (`stays` NULL: nothing): that needs it only where it was torn while its files were
 * unpacked, since nobody but its archive knows them; where it cannot be had again, it goes as it is. 1: there
 * was something to mend. */
static int mend(struct kind_ctx *ctx, json_t *stays, struct error *err)
{
    struct names again = {0}, torn = {0};
    struct dpkg have;
    size_t broken = 0;
    int configured, r = package_list_look(ctx, &have, err);

    if (r < 0 || !first_broken(ctx, &have))
        return r;
    configured = host_apt(ctx->host, APT_CONFIGURE, NULL, 0, ctx->progress, err);
    r = package_list_look(ctx, &have, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < have.n; i++)
        if (have.at[i].state == DPKG_BROKEN) {
            broken++;
            if (!stays || package_list_has(stays, have.at[i].name))
                vec_push(ctx->arena, &again, have.at[i].name);
            else if (strstr(have.at[i].state_text, "reinstreq"))
                vec_push(ctx->arena, &torn, have.at[i].name);
        }
    if (configured < 0 && !broken)
        return configured;
    error_clear(err);
    r = apt(ctx, APT_REINSTALL, &again, err);
    if (r >= 0 && apt(ctx, APT_REINSTALL, &torn, NULL) < 0)
        say(ctx, arena_printf(ctx->arena, "%s cannot be unpacked again before it goes", torn.at[0]));
    return r < 0 ? r : 1;
}

static int apply_all(struct kind_ctx *ctx, struct change *const *changes, size_t n, struct error *err)
{
    struct names install = {0}, gone = {0}, hold = {0}, unhold = {0};
    const char *before = NULL;
    struct dpkg have;
    int r;

    for (size_t i = 0; i < n; i++) {
        const struct change *c = changes[i];
        const struct package_spec *s = c->res->spec, *found = c->found;
        if (c->prepared)
            before = c->prepared;
        if (package_wants_install(c))
            vec_push(ctx->arena, &install, c->res->id);
        if (c->op == OP_REMOVE)
            vec_push(ctx->arena, &gone, c->res->id);
        if (found && found->held == 1 && (c->op == OP_REMOVE || s->held == 0))
            vec_push(ctx->arena, &unhold, c->res->id);
        if (c->op != OP_REMOVE && s->held == 1 && !(found && found->held == 1))
            vec_push(ctx->arena, &hold, c->res->id);
    }
    r = mend(ctx, NULL, err);
    if (r > 0) /* prepare could not ask */
        r = package_along_check(ctx, changes, n, err);
    if (r >= 0)
        r = apt(ctx, APT_UNHOLD, &unhold, err);
    if (r >= 0)
        r = apt(ctx, APT_INSTALL, &install, err);
    if (r >= 0)
        r = apt(ctx, APT_REMOVE, &gone, err);
    if (r >= 0)
        r = apt(ctx, APT_HOLD, &hold, err);
    if (r < 0 || !before)
        return r;
    r = package_list_look(ctx, &have, err);
    return r < 0 ? r : package_list_write(ctx, package_list_after(ctx, before), &have, err);
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    return apply_all(ctx, &c, 1, err);
}

/* --- taking back
 * -------------------------------------------------------------------------------------------- */

static int bring_back(struct kind_ctx *ctx, const struct names *exact, const struct names *any,
                      struct error *err)
{
    int r = apt(ctx, APT_INSTALL, exact, err);

    if (r >= 0)
        return r;
    /* That version may be gone from the archive, and a newer one is better than none. */
    say(ctx, arena_printf(ctx->arena, "the removed versions are not to be had, taking the present ones: %s",
                          err ? err->text : exact->at[0]));
    error_clear(err);
    return apt(ctx, APT_INSTALL, any, err);
}

/* The batch's installation made MariaDB's data: an empty server's, but that is not for us to judge. */
static int drop_data(struct kind_ctx *ctx, struct error *err)
{
    struct fs_stat st;
    char *where;
    int r = fs_stat(ctx->host, MARIADB_DATA, &st, err);

    if (r < 0 || st.type != FS_DIRECTORY)
        return r;
    return fs_trash(ctx->host, MARIADB_DATA,
                    arena_printf(ctx->arena, "%lld-mysql", (long long)ctx->transaction), ctx->arena, &where,
                    err);
}

static bool any_mariadb(const struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (starts_with(names->at[i], "mariadb-server"))
            return true;
    return false;
}

static int hold_restore(struct kind_ctx *ctx, const char *name, bool held, struct error *err)
{
    const struct dpkg_package *p;
    struct dpkg have;
    int r = package_list_look(ctx, &have, err);

    if (r < 0)
        return r;
    p = dpkg_find(have.at, have.n, name);
    if (!p || p->state != DPKG_INSTALLED || p->held == held)
        return 0;
    return host_apt(ctx->host, held ? APT_HOLD : APT_UNHOLD, &name, 1, ctx->progress, err);
}

/* apt removes nothing that is held. */
static int let_go(struct kind_ctx *ctx, const struct dpkg *have, const struct names *names, struct error *err)
{
    struct names held = {0};
    for (size_t i = 0; i < names->n; i++) {
        const struct dpkg_package *p = dpkg_find(have->at, have->n, names->at[i]);
        if (p && p->held)
            vec_push(ctx->arena, &held, names->at[i]);
    }
    return apt(ctx, APT_UNHOLD, &held, err);
}

static int packages_restore(struct kind_ctx *ctx, json_t *saved, const char *path, struct error *err)
{
    bool had_data = json_is_true(json_object_get(saved, "mariadb_data"));
    struct names purge = {0}, gone = {0}, exact = {0}, any = {0};
    json_t *before = NULL, *after = NULL;
    struct dpkg have;
    int r;

    r = package_list_read(ctx, path, &before, err);
    if (r >= 0 && !before)
        r = error_set(err, -ENOENT, "%s: the list of packages from before is gone", path);
    if (r >= 0)
        r = package_list_read(ctx, package_list_after(ctx, path), &after, err);
    if (r >= 0)
        r = mend(ctx, before, err);
    if (r >= 0)
        r = package_list_look(ctx, &have, err);
    if (r < 0)
        goto out;
    package_list_new(ctx, &have, before, after, had_data, &purge, &gone);
    package_list_lost(ctx, &have, before, after, &exact, &any);
    r = let_go(ctx, &have, &purge, err);
    if (r >= 0)
        r = let_go(ctx, &have, &gone, err);
    if (r >= 0)
        r = apt(ctx, APT_REMOVE, &gone, err);
    if (r >= 0)
        r = apt(ctx, APT_PURGE, &purge, err);
    if (r >= 0 && !had_data && (any_mariadb(&purge) || any_mariadb(&gone)))
        r = drop_data(ctx, err);
    if (r >= 0)
        r = bring_back(ctx, &exact, &any, err);
out:
    json_decref(before);
    json_decref(after);
    return r;
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    const char *path = json_string_value(json_object_get(saved, "before"));
    int r = path ? packages_restore(ctx, saved, path, err) : 0;

    return r < 0 ? r : hold_restore(ctx, res->id, json_is_true(json_object_get(saved, "held")), err);
}

static const char *const apart[] = {"held", NULL};

static void watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    vec_push(a, &out->paths, "/var/lib/dpkg/status");
}

const struct kind package_kind = {
    .name = "package",
    .record = &record,
    .apart = apart,
    .watch = watch,
    .live = true,
    .shared = true,
    .batch = true,
    .wide = true,
    .observe = observe,
    .plan = plan,
    .plan_all = package_along_plan,
    .feasible = feasible,
    .prepare_all = prepare_all,
    .capture = capture,
    .apply = apply,
    .apply_all = apply_all,
    .undo = undo,
    .lockout = lockout_package,
};
