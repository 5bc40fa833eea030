#include "planfile.h"
#include "internal.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLANFILE_VERSION 1
/* The last member; the HMAC is over all bytes before it. */
#define SEAL_MARK ",\n  \"seal\": \""
#define SEAL_TAIL "\"\n}\n"

static void write_action(const struct action *act, const struct redaction *red, struct jsonw *j)
{
    const struct change *c = &act->change;
    char hex[HASH_HEX];
    jw_object(j, NULL);
    jw_int(j, "seq", act->seq);
    jw_str(j, "op", op_names[c->op]);
    jw_str(j, "kind", c->res->kind->name);
    jw_str(j, "id", c->res->id);
    if (c->res->site)
        jw_str(j, "site", c->res->site);
    if (c->op == OP_REFRESH)
        jw_str(j, "how", impact_names[act->refresh]);
    hash_hex(act->before, hex);
    jw_str(j, "before", hex);
    hash_hex(act->after, hex);
    jw_str(j, "after", hex);
    if (c->restore)
        jw_int(j, "restored_from", c->restore->transaction);
    if (c->along) {
        jw_array(j, "along");
        for (const char *const *name = c->along; *name; name++)
            jw_str(j, NULL, *name);
        jw_end(j);
    }
    jw_array(j, "changes");
    for (size_t i = 0; i < c->delta.n; i++) {
        jw_object(j, NULL);
        jw_str(j, "field", c->delta.at[i].field->name);
        jw_str(j, "before", c->delta.at[i].before);
        jw_str(j, "after", c->delta.at[i].after);
        jw_end(j);
    }
    jw_end(j);
    jw_end(j);
}

int planfile_write(struct engine *e, const struct plan *p, const char *bundle_json, struct buf *out,
                   struct error *err)
{
    struct redaction red = {store_plan_key(e->store), STORE_PLAN_KEY_LEN};
    struct jsonw j;
    char seal[SHA256_HEX];
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_int(&j, "citrus_plan", PLANFILE_VERSION);
    jw_str(&j, "server", p->server);
    jw_str(&j, "lineage", p->lineage);
    jw_int(&j, "generation", p->generation);
    jw_int(&j, "time", (int64_t)time(NULL));
    jw_str(&j, "manifest_sha256", p->bundle_digest);
    if (p->sites) {
        jw_array(&j, "sites");
        for (const char *const *s = p->sites; *s; s++)
            jw_str(&j, NULL, *s);
        jw_end(&j);
    }
    if (p->fresh)
        jw_bool(&j, "fresh", true);
    jw_array(&j, "actions");
    for (size_t i = 0; i < p->actions.n; i++)
        write_action(&p->actions.at[i], &red, &j);
    jw_end(&j);
    jw_str(&j, "manifest", bundle_json);
    hash_keyed_hex(red.key, red.len, out->at, out->len, seal);
    jw_str(&j, "seal", seal);
    jw_end(&j);
    return 0;
}

bool planfile_is(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\n' || text[i] == '{'))
        i++;
    return i > 0 && len - i > 13 && memcmp(text + i, "\"citrus_plan\"", 13) == 0;
}

#define FILE_MOST (64u << 20)
#define BEGINNING 256 /* what is no plan by then is none */

int planfile_load(int fd, struct buf *ret, struct error *err)
{
    char piece[65536];
    bool is = false;
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        buf_add(ret, piece, (size_t)n);
        is = is || planfile_is(ret->at, ret->len);
        if (!is && ret->len >= BEGINNING)
            return 0;
        if (ret->len > FILE_MOST) {
            error_set(err, -EFBIG, "this saved plan has more than %u MiB", FILE_MOST >> 20);
            error_hint(err, "plan for some sites at a time: `citrus apply --plan --site DOMAIN --out FILE`");
            return -EFBIG;
        }
    }
    if (is && n < 0)
        return error_errno(err, errno, "reading this saved plan");
    return is;
}

static const char *find_seal(const char *text, size_t len)
{
    const size_t mark = strlen(SEAL_MARK), tail = strlen(SEAL_TAIL), n = mark + 64 + tail;
    if (len < n || memcmp(text + len - n, SEAL_MARK, mark) != 0 ||
        memcmp(text + len - tail, SEAL_TAIL, tail) != 0)
        return NULL;
    return text + len - n;
}

static int check_seal(struct engine *e, const char *text, const char *mark, struct error *err)
{
    char seal[SHA256_HEX];
    const char *written = mark + strlen(SEAL_MARK);
    hash_keyed_hex(store_plan_key(e->store), STORE_PLAN_KEY_LEN, text, (size_t)(mark - text), seal);
    unsigned different = 0;
    for (size_t i = 0; i < 64; i++)
        different |= (unsigned)(seal[i] ^ written[i]);
    if (!different)
        return 0;
    error_set(err, -EBADMSG,
              "the plan's seal does not fit: it was changed, or made for another server's store");
    error_hint(err, "make it anew with `citrus apply --plan --out FILE`");
    return -EBADMSG;
}

static int read_members(struct planfile *f, struct arena *a, struct error *err)
{
    json_t *root = f->root;
    f->lineage = arena_strdup(a, json_string_value(json_object_get(root, "lineage")));
    f->server = arena_strdup(a, json_string_value(json_object_get(root, "server")));
    f->bundle_json = arena_strdup(a, json_string_value(json_object_get(root, "manifest")));
    f->bundle_digest = arena_strdup(a, json_string_value(json_object_get(root, "manifest_sha256")));
    f->generation = json_integer_value(json_object_get(root, "generation"));
    f->time = json_integer_value(json_object_get(root, "time"));
    f->fresh = json_is_true(json_object_get(root, "fresh"));
    if (json_integer_value(json_object_get(root, "citrus_plan")) != PLANFILE_VERSION)
        return error_set(err, -EPROTO, "the plan is of version %lld; this citrus reads version %d",
                         (long long)json_integer_value(json_object_get(root, "citrus_plan")),
                         PLANFILE_VERSION);
    if (!f->lineage || !f->bundle_json || !f->bundle_digest ||
        !json_is_array(json_object_get(root, "actions")))
        return error_set(err, -EBADMSG, "the plan file is not whole");
    json_t *sites = json_object_get(root, "sites");
    if (json_is_array(sites)) {
        const char **list = arena_array(a, const char *, json_array_size(sites) + 1);
        for (size_t i = 0; i < json_array_size(sites); i++)
            list[i] = arena_strdup(a, json_string_value(json_array_get(sites, i)));
        f->sites = list;
    }
    return 0;
}

int planfile_read(struct engine *e, const char *text, size_t len, struct planfile *ret, struct arena *a,
                  struct error *err)
{
    struct planfile f = {0};
    char digest[SHA256_HEX];
    const char *mark = find_seal(text, len);
    if (!mark)
        return error_set(err, -EBADMSG, "the plan file is cut short: its seal is missing");
    int r = e ? check_seal(e, text, mark, err) : 0;
    if (r < 0)
        return r;
    json_error_t je;
    f.root = json_loadb(text, len, 0, &je);
    if (!f.root)
        return error_set(err, -EBADMSG, "the plan file is no JSON: line %d: %s", je.line, je.text);
    r = read_members(&f, a, err);
    if (r < 0) {
        planfile_free(&f);
        return r;
    }
    hash_sha256_hex(text, len, digest);
    f.digest = arena_strdup(a, digest);
    *ret = f;
    return 0;
}

void planfile_free(struct planfile *f)
{
    json_decref(f->root);
    f->root = NULL;
}

static const char *member(json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

/* Either may be NULL: there was no such change, or is none now. */
static int compare_field(json_t *was, const struct field_change *is, const struct resource *res,
                         struct error *err)
{
    const char *field = is ? is->field->name : member(was, "field");
    const char *before = is && is->before ? is->before : "", *after = is && is->after ? is->after : "";
    bool same = is && was && strcmp(member(was, "field"), field) == 0;
    if (!same || strcmp(member(was, "before"), before) != 0)
        return error_set(err, -ESTALE, "%s %s: %s is now \"%s\", which the plan did not see", res->kind->name,
                         res->id, field, *before ? before : "(unset)");
    if (strcmp(member(was, "after"), after) != 0)
        return error_set(err, -ESTALE, "%s %s: %s would become \"%s\" now, which the plan does not say",
                         res->kind->name, res->id, field, after);
    return 0;
}

/* What no longer goes along is none the worse for it. */
static int compare_along(json_t *was, const struct change *c, struct error *err)
{
    for (size_t i = 0; c->along && c->along[i]; i++) {
        bool same = false;
        for (size_t k = 0; k < json_array_size(was) && !same; k++) {
            const char *name = json_string_value(json_array_get(was, k));
            same = name && strcmp(name, c->along[i]) == 0;
        }
        if (!same)
            return error_set(err, -ESTALE, "%s %s: %s would go along now, which the plan does not say",
                             c->res->kind->name, c->res->id, c->along[i]);
    }
    return 0;
}

static int compare_action(json_t *then, const struct action *now, struct error *err)
{
    const struct change *c = &now->change;
    char before[HASH_HEX], after[HASH_HEX];
    int r;
    if (strcmp(member(then, "kind"), c->res->kind->name) != 0 ||
        strcmp(member(then, "id"), c->res->id) != 0 || strcmp(member(then, "op"), op_names[c->op]) != 0)
        return error_set(err, -ESTALE, "the plan says %s %s %s where it would be %s %s %s now",
                         member(then, "op"), member(then, "kind"), member(then, "id"), op_names[c->op],
                         c->res->kind->name, c->res->id);
    if (c->op == OP_REFRESH && strcmp(member(then, "how"), impact_names[now->refresh]) != 0)
        return error_set(err, -ESTALE, "the plan says %s %s where it would be %s now", member(then, "how"),
                         c->res->id, impact_names[now->refresh]);
    if (json_integer_value(json_object_get(then, "restored_from")) !=
        (c->restore ? c->restore->transaction : 0))
        return error_set(err, -ESTALE, "%s %s would %scome back from the trash, other than the plan says",
                         c->res->kind->name, c->res->id, c->restore ? "" : "not ");
    r = compare_along(json_object_get(then, "along"), c, err);
    if (r < 0)
        return r;
    hash_hex(now->before, before);
    hash_hex(now->after, after);
    if (strcmp(member(then, "before"), before) == 0 && strcmp(member(then, "after"), after) == 0)
        return 0;
    json_t *changes = json_object_get(then, "changes");
    for (size_t i = 0; i < c->delta.n || i < json_array_size(changes); i++) {
        r = compare_field(json_array_get(changes, i), i < c->delta.n ? &c->delta.at[i] : NULL, c->res, err);
        if (r < 0)
            return r;
    }
    return error_set(err, -ESTALE, "%s %s is not as it was when the plan was made", c->res->kind->name,
                     c->res->id);
}

int planfile_match(const struct planfile *f, const struct plan *now, struct error *err)
{
    json_t *actions = json_object_get(f->root, "actions");
    size_t n = json_array_size(actions);
    if (strcmp(f->lineage, now->lineage) != 0)
        return error_set(err, -ESTALE, "the plan was made with another store");
    if (f->generation != now->generation)
        return error_set(err, -ESTALE, "the plan was made at generation %lld; this server is at %lld",
                         (long long)f->generation, (long long)now->generation);
    for (size_t i = 0; i < n && i < now->actions.n; i++) {
        int r = compare_action(json_array_get(actions, i), &now->actions.at[i], err);
        if (r < 0)
            return r;
    }
    if (n == now->actions.n)
        return 0;
    if (n < now->actions.n) {
        const struct change *c = &now->actions.at[n].change;
        return error_set(err, -ESTALE, "%s %s needs a change that the plan does not have", c->res->kind->name,
                         c->res->id);
    }
    json_t *gone = json_array_get(actions, now->actions.n);
    return error_set(err, -ESTALE, "%s %s needs no change any more", member(gone, "kind"),
                     member(gone, "id"));
}
