#include "machine.h"
#include "fake_world.h"
#include "fs.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void machine_make(struct machine *m)
{
    static const char *const parts[] = {"units", "candidates", "fail", "brings"};
    const char *tmp = getenv("TMPDIR");
    struct error err = {0};
    *m = (struct machine){0};
    snprintf(m->top, sizeof m->top, "%.40s/citrus-plan-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(m->top))
        script_die(NULL, "%s: %s", m->top, strerror(errno));
    m->root = arena_printf(&m->arena, "%s/root", m->top);
    m->work = arena_printf(&m->arena, "%s/work", m->top);
    if (mkdir(m->root, 0755) || mkdir(m->work, 0755) || chdir(m->work))
        script_die(NULL, "%s: %s", m->work, strerror(errno));
    if (host_fake(m->root, "{}", &m->host, &err) < 0)
        script_die(NULL, "%s", err.text);
    machine_teach(m->host);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fake_part(m->host, parts[i], false); /* looking makes them, too */
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)where;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

void machine_free(struct machine *m, bool keep)
{
    host_close(m->host);
    if (chdir("/") == 0 && !keep)
        nftw(m->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(&m->arena);
}

/* ---- the world: units, candidates, databases, ... ---------------------------------------------------------
 */

/* RFC 7386: members are put over, null takes away. */
static void json_merge(json_t *into, json_t *patch)
{
    const char *key;
    json_t *v;
    json_object_foreach(patch, key, v)
    {
        json_t *old = json_object_get(into, key);
        if (json_is_null(v))
            json_object_del(into, key);
        else if (json_is_object(v) && json_is_object(old))
            json_merge(old, v);
        else
            json_object_set_new(into, key, json_deep_copy(v));
    }
}

static void world_add(struct machine *m, const struct section *s)
{
    json_error_t je;
    json_t *patch = json_loads(s->text, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(patch))
        script_die(s, "no JSON object: line %d: %s", s->line + je.line, je.text);
    json_merge(fake_of(m->host)->world, patch);
    json_decref(patch);
}

char *machine_world(struct machine *m)
{
    return json_dumps(fake_of(m->host)->world, JSON_SORT_KEYS | JSON_INDENT(1));
}

/* ---- files
 * -------------------------------------------------------------------------------------------------- */

/* Absolute paths are the root's, others lie where commands run. */
static const char *place(struct machine *m, const char *path)
{
    return *path == '/' ? arena_printf(&m->arena, "%s%s", m->root, path)
                        : arena_printf(&m->arena, "%s/%s", m->work, path);
}

static void make_parents(struct machine *m, const struct section *s, const char *path)
{
    char *copy = arena_strdup(&m->arena, path);
    for (char *at = copy + strlen(m->top) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        if (mkdir(copy, 0755) && errno != EEXIST)
            script_die(s, "%s: %s", copy, strerror(errno));
    }
}

static void put(struct machine *m, const struct section *s, const char *path, const char *text,
                const char *how)
{
    const char *at = place(m, path);
    make_parents(m, s, at);
    FILE *f = fopen(at, how);
    if (!f || fputs(text, f) < 0 || fclose(f))
        script_die(s, "%s: %s", path, strerror(errno));
}

static void set_mode(struct machine *m, const struct section *s, const char *path, const char *mode)
{
    char *end;
    unsigned long v = strtoul(mode, &end, 8);
    if (*end || chmod(place(m, path), (mode_t)v))
        script_die(s, "chmod %s %s: %s", mode, path, strerror(errno));
}

static void set_owner(struct machine *m, const struct section *s, const char *path, const char *owner)
{
    unsigned uid, gid;
    if (sscanf(owner, "%u:%u", &uid, &gid) != 2 || lchown(place(m, path), uid, gid))
        script_die(s, "chown %s %s: %s", owner, path, strerror(errno));
}

/* file PATH [MODE [UID:GID]]; a path that ends with / is a directory. */
static void file_add(struct machine *m, const struct section *s)
{
    size_t n;
    char **w = words_split(&m->arena, s->args, &n);
    if (n < 1 || n > 3)
        script_die(s, "say PATH [MODE [UID:GID]]");
    if (ends_with(w[0], "/"))
        make_parents(m, s, place(m, w[0]));
    else
        put(m, s, w[0], s->text, "we");
    if (n > 1)
        set_mode(m, s, w[0], w[1]);
    if (n > 2)
        set_owner(m, s, w[0], w[2]);
}

/* "package version [state]" a line; the state as dpkg has it, "install ok installed" when it is not said. */
static void installed_set(struct machine *m, const struct section *s)
{
    struct buf b = {0};
    struct arena a = {0};
    for (const char *at = s->text; *at;) {
        size_t len = strcspn(at, "\n"), n;
        char **w = words_split(&a, arena_strndup(&a, at, len), &n);
        if (n != 2 && n != 5)
            script_die(s, "say PACKAGE VERSION, or PACKAGE VERSION install ok installed");
        buf_addf(&b, "Package: %s\nStatus: %s %s %s\nArchitecture: all\nVersion: %s\n\n", w[0],
                 n == 5 ? w[2] : "install", n == 5 ? w[3] : "ok", n == 5 ? w[4] : "installed", w[1]);
        at += len + (at[len] == '\n');
    }
    put(m, s, "/var/lib/dpkg/status", buf_str(&b), "we");
    buf_free(&b);
    arena_free(&a);
}

/* ---- changes that somebody makes between runs
 * ---------------------------------------------------------------- */

static void replace_text(struct machine *m, const struct section *s, const char *path, const char *old,
                         const char *new)
{
    struct buf b = {0};
    const char *text = file_text(&m->arena, place(m, path), NULL);
    const char *hit = text ? strstr(text, old) : NULL;
    if (!hit)
        script_die(s, "%s: there is no \"%s\" in it", path, old);
    buf_add(&b, text, (size_t)(hit - text));
    buf_adds(&b, new);
    buf_adds(&b, hit + strlen(old));
    put(m, s, path, buf_str(&b), "r+e");
    if (truncate(place(m, path), (off_t)b.len))
        script_die(s, "%s: %s", path, strerror(errno));
    buf_free(&b);
}

static void remove_path(struct machine *m, const struct section *s, const char *path)
{
    struct stat st;
    if (lstat(place(m, path), &st))
        script_die(s, "rm %s: %s", path, strerror(errno));
    if (nftw(place(m, path), remove_entry, 16, FTW_DEPTH | FTW_PHYS))
        script_die(s, "rm %s: %s", path, strerror(errno));
}

static void change_world(struct machine *m, const struct section *s, const char *verb, char **w, size_t n,
                         const char *rest)
{
    struct error err = {0};
    json_t *world = fake_of(m->host)->world;
    if (strcmp(verb, "unit") == 0 && n == 3) {
        json_t *u = json_object_get(json_object_get(world, "units"), w[2]);
        bool running = strcmp(w[1], "start") == 0 || strcmp(w[1], "stop") == 0;
        if (!u)
            script_die(s, "there is no unit %s", w[2]);
        json_object_set_new(u, running ? "active" : "enabled",
                            json_boolean(strcmp(w[1], "start") == 0 || strcmp(w[1], "enable") == 0));
    } else if (strcmp(verb, "sql") == 0) {
        if (m->host->ops->db_exec(m->host, rest, NULL, 0, &err) < 0)
            script_die(s, "%s", err.text);
    } else if (strcmp(verb, "apt") == 0 && n >= 3) {
        static const char *const words[] = {[APT_INSTALL] = "install",
                                            [APT_REMOVE] = "remove",
                                            [APT_PURGE] = "purge",
                                            [APT_HOLD] = "hold",
                                            [APT_UNHOLD] = "unhold"};
        size_t v = 0;
        while (v < sizeof words / sizeof *words && (!words[v] || strcmp(words[v], w[1]) != 0))
            v++;
        if (v == sizeof words / sizeof *words)
            script_die(s, "apt %s: install, remove, purge, hold or unhold", w[1]);
        if (m->host->ops->apt(m->host, (enum apt_verb)v, (const char *const *)w + 2, n - 2, NULL, &err) < 0)
            script_die(s, "%s", err.text);
    } else if (strcmp(verb, "fail") == 0 && strstr(rest, " => ")) {
        const char *arrow = strstr(rest, " => ");
        json_object_set_new(fake_part(m->host, "fail", false),
                            arena_strndup(&m->arena, rest, (size_t)(arrow - rest)), json_string(arrow + 4));
    } else if (strcmp(verb, "mend") == 0 && n == 1) {
        json_object_clear(fake_part(m->host, "fail", false));
    } else {
        script_die(s, "%s %s: no such change", verb, rest);
    }
}

static void change_one(struct machine *m, const struct section *s, const char *line)
{
    size_t n;
    char **w = words_split(&m->arena, line, &n);
    const char *verb = n ? w[0] : "", *rest = line + strlen(verb);
    rest += strspn(rest, " ");
    const char *text = n > 1 ? rest + strlen(w[1]) : "";
    text += strspn(text, " ");
    if (strcmp(verb, "rm") == 0 && n == 2) {
        remove_path(m, s, w[1]);
    } else if ((strcmp(verb, "write") == 0 || strcmp(verb, "append") == 0) && n > 1) {
        put(m, s, w[1], arena_printf(&m->arena, "%s\n", text), *verb == 'a' ? "ae" : "we");
    } else if (strcmp(verb, "replace") == 0 && strstr(text, " => ")) {
        const char *arrow = strstr(text, " => ");
        replace_text(m, s, w[1], arena_strndup(&m->arena, text, (size_t)(arrow - text)), arrow + 4);
    } else if (strcmp(verb, "chmod") == 0 && n == 3) {
        set_mode(m, s, w[2], w[1]);
    } else if (strcmp(verb, "chown") == 0 && n == 3) {
        set_owner(m, s, w[2], w[1]);
    } else if (strcmp(verb, "wait") == 0 && n == 2) {
        sleep((unsigned)strtoul(w[1], NULL, 10));
    } else if (strcmp(verb, "mkdir") == 0 && n == 2) {
        make_parents(m, s, place(m, arena_printf(&m->arena, "%s/", w[1])));
    } else if (strcmp(verb, "link") == 0 && n == 3) {
        make_parents(m, s, place(m, w[2]));
        if (symlink(w[1], place(m, w[2])))
            script_die(s, "link %s: %s", w[2], strerror(errno));
    } else {
        change_world(m, s, verb, w, n, rest);
    }
}

bool machine_section(struct machine *m, const struct section *s)
{
    if (strcmp(s->word, "manifest") == 0)
        put(m, s, *s->args ? s->args : "server.yaml", s->text, "we");
    else if (strcmp(s->word, "world") == 0)
        world_add(m, s);
    else if (strcmp(s->word, "installed") == 0)
        installed_set(m, s);
    else if (strcmp(s->word, "file") == 0)
        file_add(m, s);
    else if (strcmp(s->word, "change") == 0)
        for (const char *at = s->text; *at;) {
            size_t n = strcspn(at, "\n");
            if (n && *at != '#')
                change_one(m, s, arena_strndup(&m->arena, at, n));
            at += n + (at[n] == '\n');
        }
    else
        return false;
    return true;
}

/* ---- what there is
 * ------------------------------------------------------------------------------------------ */

static struct {
    struct arena *a;
    size_t skip; /* length of the root's path */
    VEC(char *) lines;
} walk;

static int walk_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    /* citrus's memory, what it fetched, what checks need for a moment, and what the account tools leave. */
    static const char *const own[] = {"/var/lib/citrus", "/var/cache/citrus", "/run/citrus",
                                      "/etc/.pwd.lock",  "/etc/passwd-",      "/etc/group-"};
    const char *name = path + walk.skip;
    char what[HASH_HEX] = "";
    (void)type, (void)where;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (starts_with(name, own[i]) && (name[strlen(own[i])] == '\0' || name[strlen(own[i])] == '/'))
            return 0;
    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlink(path, what, sizeof what - 1);
        what[n < 0 ? 0 : n] = '\0';
    } else if (S_ISREG(st->st_mode)) {
        size_t len;
        const char *text = file_text(walk.a, path, &len);
        hash_hex(hash_bytes(text ? text : "", text ? len : 0), what);
    }
    char *line = arena_printf(walk.a, "%s %06o %u:%u %s", name, (unsigned)st->st_mode, (unsigned)st->st_uid,
                              (unsigned)st->st_gid, what);
    vec_push(walk.a, &walk.lines, line);
    return 0;
}

static int line_order(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static VEC(char *) listed;
static struct arena *listed_arena;
static size_t listed_skip;

static int list_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    const char *kind = S_ISDIR(st->st_mode) ? "d" : S_ISLNK(st->st_mode) ? "l" : "-";
    (void)type;
    if (where->level == 0)
        return 0;
    char *line = arena_printf(listed_arena, "%s  %s%04o %u:%u", path + listed_skip + 1, kind,
                              (unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid);
    vec_push(listed_arena, &listed, line);
    return 0;
}

char *machine_list(struct machine *m, const char *path, struct arena *a)
{
    struct buf b = {0};
    const char *top = place(m, path);
    listed_arena = a;
    listed_skip = strlen(top);
    listed.at = NULL;
    listed.n = listed.cap = 0;
    if (nftw(top, list_entry, 16, FTW_PHYS) < 0)
        return NULL;
    if (listed.n)
        qsort(listed.at, listed.n, sizeof *listed.at, line_order);
    for (size_t i = 0; i < listed.n; i++)
        buf_addf(&b, "%s\n", listed.at[i]);
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

char *machine_tree(struct machine *m, struct arena *a)
{
    struct buf b = {0};
    walk.a = a;
    walk.skip = strlen(m->root);
    walk.lines.at = NULL;
    walk.lines.n = walk.lines.cap = 0;
    nftw(m->root, walk_entry, 16, FTW_PHYS);
    if (walk.lines.n)
        qsort(walk.lines.at, walk.lines.n, sizeof *walk.lines.at, line_order);
    for (size_t i = 0; i < walk.lines.n; i++)
        buf_addf(&b, "%s\n", walk.lines.at[i]);
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}
