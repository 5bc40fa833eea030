#include "fake_world.h"
#include "fs.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake *fake_of(struct host *h)
{
    return h->ops_data;
}

json_t *fake_part(struct host *h, const char *name, bool array)
{
    json_t *world = fake_of(h)->world;
    json_t *part = json_object_get(world, name);
    if (array ? !json_is_array(part) : !json_is_object(part)) {
        part = array ? json_array() : json_object();
        json_object_set_new(world, name, part);
    }
    return part;
}

const char *fake_text(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : otherwise;
}

int fake_refuses(struct host *h, const char *line, struct error *err)
{
    const char *key;
    json_t *text;
    json_object_foreach(json_object_get(fake_of(h)->world, "fail"), key,
                        text) if (starts_with(line, key)) return error_set(err, -EIO, "%s: %s", line,
                                                                           json_is_string(text)
                                                                               ? json_string_value(text)
                                                                               : "fails");
    return 0;
}

int fake_mutation(struct host *h, const char *line, struct error *err)
{
    int r = fake_refuses(h, line, err);
    buf_addf(&fake_of(h)->log, "%s%s\n", line, r < 0 ? " (fails)" : "");
    return r;
}

const char *fake_log(struct host *h)
{
    return buf_str(&fake_of(h)->log);
}

static void fake_free(void *data);

/* -1 for a real host: who asks need not know which it is. A test may have put ops of its own before the
 * fake's. */
static int64_t number(struct host *h, const char *name, int64_t otherwise)
{
    if (h->ops_free != fake_free)
        return -1;
    json_t *v = json_object_get(fake_of(h)->world, name);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

int64_t fake_memory(struct host *h)
{
    return number(h, "memory", INT64_C(2) << 30);
}

int64_t fake_cpus(struct host *h)
{
    return number(h, "cpus", 2);
}

/* --- processes -------------------------------------------------------------------------------------------
 */

/* The longest key that the command line begins with. */
static json_t *run_answer(struct host *h, const char *line)
{
    const char *key;
    json_t *v, *best = NULL;
    size_t len = 0;
    json_object_foreach(json_object_get(fake_of(h)->world, "run"), key,
                        v) if (starts_with(line, key) && strlen(key) >= len)
    {
        best = v;
        len = strlen(key);
    }
    return best;
}

static void say_lines(const struct progress *p, const char *out)
{
    struct arena a = {0};
    for (size_t len; *out; out += len + (out[len] == '\n')) {
        len = strcspn(out, "\n");
        p->say(p->self, arena_strndup(&a, out, len));
    }
    arena_free(&a);
}

static int fake_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err)
{
    struct buf line = {0};
    buf_adds(&line, "run");
    for (size_t i = 0; x->argv[i]; i++) {
        /* The place of the pretended root is nobody's matter. */
        bool where = strcmp(x->argv[i], "--prefix") == 0 || strcmp(x->argv[i], "--root") == 0;
        if (where && x->argv[i + 1] && strcmp(x->argv[i + 1], h->root) == 0)
            i++;
        else
            buf_addf(&line, " %s", x->argv[i]);
    }
    int r = x->mutates ? fake_mutation(h, buf_str(&line), err) : fake_refuses(h, buf_str(&line), err);
    if (r == 0) {
        struct exec_result result = {0};
        json_t *answer = run_answer(h, buf_str(&line) + strlen("run "));
        if (answer || !fake_account(h, x, &result.status)) {
            result.status = (int)json_integer_value(json_object_get(answer, "status"));
            buf_adds(&result.out, fake_text(answer, "out", ""));
            if (x->progress)
                say_lines(x->progress, buf_str(&result.out));
        }
        *ret = result;
    }
    buf_free(&line);
    return r;
}

/* --- units -----------------------------------------------------------------------------------------------
 */

static bool fake_masked(struct host *h, const char *name)
{
    struct arena a = {0};
    char *target = NULL;
    bool yes = fs_readlink(h, arena_printf(&a, "/etc/systemd/system/%s", name), &a, &target, NULL) == 0 &&
               strcmp(target, "/dev/null") == 0;
    arena_free(&a);
    return yes;
}

static int fake_units(struct host *h, struct unit_state *units, size_t n, struct arena *a, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct unit_state *u = &units[i];
        json_t *v = json_object_get(fake_part(h, "units", false), u->name);
        json_t *loaded = json_object_get(v, "loaded");
        u->masked = fake_masked(h, u->name);
        u->loaded = v && !json_is_false(loaded) && !u->masked;
        u->active = json_is_true(json_object_get(v, "active"));
        u->failed = json_is_true(json_object_get(v, "failed"));
        u->enabled = json_is_true(json_object_get(v, "enabled"));
        u->sub = arena_strdup(a, fake_text(v, "sub", u->active ? "running" : u->failed ? "failed" : "dead"));
        u->main_pid = u->active && n == 1 ? json_integer_value(json_object_get(v, "pid")) : 0;
    }
    return 0;
}

static int fake_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err)
{
    static const char *const words[] = {"start", "stop", "reload", "restart", "enable", "disable"};
    struct buf line = {0};
    buf_addf(&line, "unit %s %s", words[verb], name);
    int r = fake_mutation(h, buf_str(&line), err);
    buf_free(&line);
    if (r < 0)
        return r;
    json_t *v = json_object_get(fake_part(h, "units", false), name);
    if (!v)
        return error_set(err, -ENOENT, "%s: unit not found", name);
    if (fake_masked(h, name) && verb != UNIT_STOP && verb != UNIT_DISABLE)
        return error_set(err, -EPERM, "%s: unit is masked", name);
    if (verb == UNIT_RELOAD && !json_is_true(json_object_get(v, "active")))
        return error_set(err, -EINVAL, "%s cannot be reloaded: it is not active", name);
    if (verb == UNIT_ENABLE || verb == UNIT_DISABLE) {
        json_object_set_new(v, "enabled", json_boolean(verb == UNIT_ENABLE));
    } else if (verb != UNIT_RELOAD) {
        json_object_set_new(v, "active", json_boolean(verb != UNIT_STOP));
        json_object_set_new(v, "failed", json_false());
        json_object_del(v, "sub");
    }
    return 0;
}

static int fake_units_reload(struct host *h, struct error *err)
{
    return fake_mutation(h, "units reload", err);
}

static int fake_timer(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err)
{
    json_t *units = fake_part(h, "units", false);
    struct buf line = {0};
    if (seconds)
        buf_addf(&line, "timer %s %lld s", name, (long long)seconds);
    else
        buf_addf(&line, "timer %s off", name);
    int r = fake_mutation(h, buf_str(&line), err);
    buf_free(&line);
    if (r == 0 && seconds)
        json_object_set_new(units, name, json_pack("{s:b, s:s}", "active", 1, "sub", "waiting"));
    else if (r == 0)
        json_object_del(units, name);
    return r;
}

/* --- HTTP ------------------------------------------------------------------------------------------------
 */

static int fake_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err)
{
    struct buf line = {0};
    buf_addf(&line, "fetch %s", f->url);
    int r = fake_mutation(h, buf_str(&line), err);
    buf_free(&line);
    if (r < 0)
        return r;
    json_t *content = json_object_get(json_object_get(fake_of(h)->world, "fetch"), f->url);
    if (!json_is_string(content))
        return error_set(err, -ENOENT, "%s: HTTP status 404", f->url);
    char digest[SHA256_HEX];
    hash_sha256_hex(json_string_value(content), json_string_length(content), digest);
    if (f->sha256 && strcasecmp(f->sha256, digest) != 0)
        return error_set(err, -EBADMSG, "%s: its SHA-256 is %s, wanted is %s", f->url, digest, f->sha256);
    r = fs_write(h, f->path, json_string_value(content), json_string_length(content), 0644, 0, 0, err);
    if (r == 0 && ret_sha256)
        memcpy(ret_sha256, digest, sizeof digest);
    return r;
}

/* --- opening ---------------------------------------------------------------------------------------------
 */

static const struct host_ops fake_ops = {
    .run = fake_run,
    .units = fake_units,
    .unit = fake_unit,
    .units_reload = fake_units_reload,
    .timer = fake_timer,
    .apt_candidates = fake_apt_candidates,
    .apt = fake_apt,
    .apt_along = fake_apt_along,
    .db_read = fake_db_read,
    .db_exec = fake_db_exec,
    .db_dump = fake_db_dump,
    .db_load = fake_db_load,
    .fetch = fake_fetch,
    .probe = fake_probe,
};

static void fake_free(void *data)
{
    struct fake *f = data;
    json_decref(f->world);
    buf_free(&f->log);
    free(f);
}

int host_fake(const char *root, const char *json, struct host **ret, struct error *err)
{
    json_error_t where;
    json_t *world = json_loads(json && *json ? json : "{}", JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(world)) {
        json_decref(world);
        return error_set(err, -EINVAL, "the fake world is no JSON object: line %d: %s", where.line,
                         world ? "something else" : where.text);
    }
    struct host *h;
    int r = host_open(root, &h, err);
    if (r < 0) {
        json_decref(world);
        return r;
    }
    struct fake *f = xmalloc(sizeof *f);
    *f = (struct fake){.world = world};
    h->offline = false;
    h->ops = &fake_ops;
    h->ops_data = f;
    h->ops_free = fake_free;
    *ret = h;
    return 0;
}
