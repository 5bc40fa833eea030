/* service: a systemd unit, whether it is enabled and whether it runs; and the validated reload of those that
 * the other kinds' changes call for. Offline only the enablement is looked at and changed. */
#include "clock.h"
#include "fs.h"
#include "specs.h"
#include "text.h"
#include "workers.h"
#include <errno.h>
#include <string.h>

#define SETTLE_MS       300 /* a program that cannot run has mostly ended by then */
#define SETTLE_LIMIT_MS 2000
#define WORKERS_MS      30000 /* thousands of certificates take nginx seconds to read */

/* php-fpm and MariaDB find out in their first second or two that they cannot live; the rest is for a loaded
 * machine. */
int service_steady_ms = 3000;

#define AT(member) .name = #member, .offset = offsetof(struct service_spec, member)
static const struct field fields[] = {
    {AT(enabled), .type = FIELD_BOOL, .doc = "Started at boot."},
    {AT(active), .type = FIELD_BOOL, .doc = "Runs now."},
    {AT(check), .type = FIELD_STRING, .flags = FIELD_STORED,
     .doc = "What checks its configuration before a reload."},
};
static const struct record record = {
    .name = "service", FIELDS(fields), .size = sizeof(struct service_spec), .doc = "A systemd unit."};

static int unit_look(struct kind_ctx *ctx, const char *name, struct unit_state *ret, struct error *err)
{
    *ret = (struct unit_state){.name = name};
    return host_units(ctx->host, ret, 1, ctx->arena, err);
}

static void *found_spec(struct kind_ctx *ctx, const struct resource *r, const struct unit_state *u)
{
    const struct service_spec *want = r->spec;
    bool runs = u->active && !ctx->host->offline, enabled = u->enabled && !u->masked;
    struct service_spec *f;

    if (r->absent && !enabled && !runs)
        return NULL;
    /* A unit that is not there yet is to be made, unless it is to be off: then it is as wanted. The package
     * that brings it needs the running system. */
    if (!u->loaded && !u->masked && !u->active && (want->enabled == 1 || want->active == 1))
        return ctx->host->offline && !r->absent ? FOUND_DEFERRED : NULL;
    f = arena_alloc(ctx->arena, sizeof *f);
    record_clear(&record, f);
    f->enabled = enabled;
    f->active = ctx->host->offline ? want->active : u->active;
    return f;
}

static int observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n, void **found,
                   struct error *err)
{
    struct unit_state *units = arena_array(ctx->arena, struct unit_state, n + 1);
    int r;

    for (size_t i = 0; i < n; i++)
        units[i].name = res[i]->id;
    r = host_units(ctx->host, units, n, ctx->arena, err);
    for (size_t i = 0; i < n && r >= 0; i++)
        found[i] = found_spec(ctx, res[i], &units[i]);
    return r;
}

/* systemctl(1), mask: a link to /dev/null stands in the place of the unit's file. */
static int masks_find(struct kind_ctx *ctx, const char *name, struct strings *ret, struct error *err)
{
    static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system"};
    VEC(const char *) list = {0};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = arena_printf(ctx->arena, "%s/%s", places[i], name), *target = NULL;
        struct fs_stat st;
        int r = fs_stat(ctx->host, path, &st, err);
        if (r == 0 && st.type == FS_LINK)
            r = fs_readlink(ctx->host, path, ctx->arena, &target, err);
        if (r < 0)
            return r;
        if (target && !strcmp(target, "/dev/null"))
            vec_push(ctx->arena, &list, path);
    }
    *ret = (struct strings){list.at, list.n};
    return 0;
}

static void plan(struct kind_ctx *ctx, struct change *c)
{
    const struct service_spec *want = c->res->spec, *found = c->found;
    struct strings masks;

    if (c->op == OP_UPDATE && masks_find(ctx, c->res->id, &masks, NULL) == 0 && masks.n)
        c->summary = "it is masked";
    if (found && found->active == 1 && (c->op == OP_REMOVE || want->active == 0))
        c->impact = IMPACT_RESTART; /* it stops serving */
}

static int capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                   struct error *err)
{
    struct unit_state u;
    int r = unit_look(ctx, c->res->id, &u, err);

    if (r < 0)
        return r;
    struct strings masks;
    r = masks_find(ctx, c->res->id, &masks, err);
    if (r < 0)
        return r;
    jw_bool(undo, "enabled", u.enabled);
    jw_bool(undo, "active", u.active);
    jw_array(undo, "masks");
    for (size_t i = 0; i < masks.n; i++)
        jw_str(undo, NULL, masks.at[i]);
    jw_end(undo);
    return 0;
}

static int dead(const char *name, const struct unit_state *u, int64_t lived_ms, struct error *err)
{
    const char *now = u->failed ? "failed" : u->sub ? u->sub : "inactive";
    int r = lived_ms < 0 ? error_set(err, -ESRCH, "%s was started and does not run: it is %s", name, now)
                         : error_set(err, -ESRCH,
                                     "%s was started and ended by itself in its first %.1f seconds: it is %s",
                                     name, (double)service_steady_ms / 1000, now);
    error_hint(err, "see journalctl -u %s", name);
    return r;
}

/* systemd calls a start done when the process is there. One that dies of its configuration a moment later was
 * never started as far as the operator is concerned, also where systemd starts it again and again: so a
 * service is looked at until it ran for service_steady_ms as one process. */
static int settled(struct kind_ctx *ctx, const char *name, struct error *err)
{
    int64_t begun = clock_ms(), ran = -1, pid = 0;
    int64_t steady = ends_with(name, ".service") ? service_steady_ms : 0;
    struct unit_state u;

    for (;;) {
        clock_pause_ms(SETTLE_MS);
        int r = unit_look(ctx, name, &u, err);
        if (r < 0)
            return r;
        bool up = u.active && !u.failed && (pid == 0 || u.main_pid == 0 || u.main_pid == pid);
        int64_t waited = clock_ms() - begun;
        if (up && waited >= steady)
            return 0;
        if (!up && (ran >= 0 || u.failed || waited >= SETTLE_LIMIT_MS))
            return dead(name, &u, ran, err);
        if (up) {
            ran = waited;
            pid = pid ? pid : u.main_pid;
        }
    }
}

/* Brings the unit to this state; -1: as it is. */
static int unit_bring(struct kind_ctx *ctx, const char *name, const struct unit_state *u, int enabled,
                      int active, struct error *err)
{
    int r = 0;

    if (enabled >= 0 && enabled != u->enabled)
        r = host_unit(ctx->host, name, enabled ? UNIT_ENABLE : UNIT_DISABLE, err);
    if (r < 0 || ctx->host->offline || active < 0 || active == u->active)
        return r;
    r = host_unit(ctx->host, name, active ? UNIT_START : UNIT_STOP, err);
    return r >= 0 && active ? settled(ctx, name, err) : r;
}

static int read_again(struct kind_ctx *ctx, const char *name, struct unit_state *u, struct error *err)
{
    int r = host_units_reload(ctx->host, err);

    return r < 0 ? r : unit_look(ctx, name, u, err);
}

static int unmask(struct kind_ctx *ctx, const char *name, struct unit_state *u, struct error *err)
{
    struct strings masks;
    int r = masks_find(ctx, name, &masks, err);

    for (size_t i = 0; r >= 0 && i < masks.n; i++)
        r = fs_unlink(ctx->host, masks.at[i], err);
    if (r < 0 || ctx->host->offline)
        return r < 0 ? r : unit_look(ctx, name, u, err);
    return read_again(ctx, name, u, err);
}

/* What is dropped into a unit may be a moment old, and of a new directory of drop-ins systemd does not say
 * that it has not read it (NeedDaemonReload). */
static int dropped_into(struct kind_ctx *ctx, const char *name, bool *ret, struct error *err)
{
    struct fs_stat st;
    int r = fs_stat(ctx->host, arena_printf(ctx->arena, "/etc/systemd/system/%s.d", name), &st, err);

    if (r >= 0)
        *ret = st.type == FS_DIRECTORY;
    return r;
}

static int mask_again(struct kind_ctx *ctx, json_t *masks, struct error *err)
{
    size_t i;
    json_t *path;
    int r = 0;

    json_array_foreach(masks, i, path)
    {
        r = fs_symlink(ctx->host, "/dev/null", json_string_value(path), err);
        if (r < 0)
            return r;
    }
    return json_array_size(masks) && !ctx->host->offline ? host_units_reload(ctx->host, err) : 0;
}

static int apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct service_spec *s = c->res->spec;
    const char *name = c->res->id;
    struct unit_state u;
    int r = unit_look(ctx, name, &u, err);

    if (r < 0)
        return r;
    if (c->op == OP_REMOVE)
        return unit_bring(ctx, name, &u, 0, 0, err);
    if (u.masked) {
        r = unmask(ctx, name, &u, err);
        if (r < 0)
            return r;
    }
    bool stale = !u.loaded; /* its unit file may be a moment old */
    if (u.loaded && !u.active && s->active == 1)
        r = dropped_into(ctx, name, &stale, err);
    if (r >= 0 && stale && !ctx->host->offline)
        r = read_again(ctx, name, &u, err);
    if (r < 0)
        return r;
    if (!u.loaded) {
        r = error_set(err, -ENOENT, "systemd knows no unit %s", name);
        error_hint(err, "is the package that brings it installed?");
        return r;
    }
    return unit_bring(ctx, name, &u, s->enabled, s->active, err);
}

static int undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *saved,
                struct error *err)
{
    struct unit_state u;
    int r;

    if (op == OP_REFRESH) /* what it read comes back with what was changed; the engine refreshes again */
        return 0;
    r = unit_look(ctx, res->id, &u, err);
    if (r < 0)
        return r;
    if (u.loaded || u.active || u.enabled)
        r = unit_bring(ctx, res->id, &u, json_is_true(json_object_get(saved, "enabled")),
                       json_is_true(json_object_get(saved, "active")), err);
    return r < 0 ? r : mask_again(ctx, json_object_get(saved, "masks"), err);
}

/* Reload or restart, and whether it did what it was asked for. */
static int refresh_unit(struct kind_ctx *ctx, const struct resource *res, const struct unit_state *before,
                        enum impact how, struct error *err)
{
    const struct service_spec *s = res->spec;
    struct workers old;
    struct unit_state now;
    bool watch = how == IMPACT_RELOAD && s->check && !strcmp(s->check, "nginx") && before->main_pid > 0 &&
                 workers_read(before->main_pid, &old, ctx->arena) == 0;
    int r = 0;

    if (how == IMPACT_RESTART) /* the unit file may be what changed */
        r = host_units_reload(ctx->host, err);
    if (r >= 0)
        r = host_unit(ctx->host, res->id, how == IMPACT_RESTART ? UNIT_RESTART : UNIT_RELOAD, err);
    if (r >= 0)
        r = unit_look(ctx, res->id, &now, err);
    if (r < 0)
        return r;
    if (how == IMPACT_RESTART || !now.active || now.failed)
        return settled(ctx, res->id, err);
    if (watch && !workers_renewed(before->main_pid, &old, WORKERS_MS, ctx->arena)) {
        r = error_set(err, -EAGAIN,
                      "%s was told to reload and keeps its old configuration: no new worker came up",
                      res->id);
        error_hint(err, "its error log says why: /var/log/nginx/error.log");
        return r;
    }
    return 0;
}

static int refresh(struct kind_ctx *ctx, const struct resource *res, enum impact how, struct error *err)
{
    const struct service_spec *s = res->spec;
    struct unit_state u;
    int r;

    if (how == IMPACT_NONE || ctx->host->offline)
        return 0;
    if (s->check) {
        r = validate_live(ctx, s->check, err);
        if (r < 0 && validate_possible(r))
            return error_prefix(err, "%s is not %s", res->id,
                                how == IMPACT_RESTART ? "restarted" : "reloaded");
        error_clear(err);
    }
    r = unit_look(ctx, res->id, &u, err);
    if (r < 0 || !u.active) /* what does not run reads its configuration when it starts */
        return r;
    return refresh_unit(ctx, res, &u, how, err);
}

static const char *const apart[] = {"enabled", "active", NULL};

static void watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    vec_push(a, &out->units, res->id);
}

/* Asked before the first change: what is refused now is nobody's failure. */
static int sound(struct kind_ctx *ctx, const struct resource *res, struct error *err)
{
    const struct service_spec *s = res->spec;
    size_t n = strlen(res->id);
    int r = s->check ? validate_live(ctx, s->check, err) : 0;

    if (r == 0 || !validate_possible(r)) {
        error_clear(err);
        return 0;
    }
    if (n > 8 && !strcmp(res->id + n - 8, ".service"))
        n -= 8;
    r = error_prefix(err, "%.*s's configuration was broken before this run", (int)n, res->id);
    error_hint(err, "mend what it names: citrus did not write it, or somebody changed it");
    return r;
}

const struct kind service_kind = {
    .name = "service",
    .record = &record,
    .shared = true,
    .apart = apart,
    .watch = watch,
    .observe = observe,
    .plan = plan,
    .capture = capture,
    .apply = apply,
    .undo = undo,
    .refresh = refresh,
    .sound = sound,
    .lockout = lockout_unit,
};
