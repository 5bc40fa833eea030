/* A site's certificate and key: /etc/citrus/tls/ID/{fullchain,privkey}.pem, self-signed or copied from files
 * that the operator keeps elsewhere.
 *
 * nginx reads both only when it is reloaded, so the pair is written key first, certificate last, each
 * atomically, and no reload happens in between. Renewal is nothing of its own: a certificate that is due is
 * not what is wanted. */
#include "certificate.h"
#include "aside.h"
#include "certificate_pair.h"
#include "footprint.h"
#include "fs.h"
#include "parents.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static const struct field fields[] = {
    {.name = "names",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     .offset = offsetof(struct certificate_spec, names),
     .doc = "Names that the certificate covers."},
    {.name = "issuer",
     .type = FIELD_STRING,
     .offset = offsetof(struct certificate_spec, issuer),
     .doc = "self-signed, or files that the operator provides."},
    {.name = "source_certificate",
     .type = FIELD_PATH,
     .flags = FIELD_STORED,
     .offset = offsetof(struct certificate_spec, source_certificate),
     .doc = "The operator's certificate file."},
    {.name = "source_key",
     .type = FIELD_PATH,
     .flags = FIELD_STORED,
     .offset = offsetof(struct certificate_spec, source_key),
     .doc = "The operator's key file."},
    {.name = "source_digest",
     .type = FIELD_STRING,
     .offset = offsetof(struct certificate_spec, source_digest),
     .doc = "SHA-256 of the operator's certificate file."},
    {.name = "days",
     .type = FIELD_INT,
     .flags = FIELD_STORED,
     .offset = offsetof(struct certificate_spec, days),
     .doc = "Lifetime of a self-signed certificate."},
    {.name = "state",
     .type = FIELD_STRING,
     .offset = offsetof(struct certificate_spec, state),
     .def = "valid",
     .doc =
         "valid, due, expired, not valid yet, unreadable, or what is wrong with the key or who may write."},
};
static const struct record record = {
    .name = "certificate", FIELDS(fields), .size = sizeof(struct certificate_spec)};

static bool from_files(const struct certificate_spec *s)
{
    return s->issuer && !strcmp(s->issuer, "files");
}

const char *certificate_state(struct arena *a, const struct x509_info *c, bool renewable, int64_t now)
{
    if (c->not_before > now)
        return arena_printf(a, "not valid before %s", time_text(a, c->not_before));
    if (c->not_after <= now)
        return "expired";
    if (renewable && x509_due(c, now))
        return arena_printf(a, "due (%lld days left)", (long long)((c->not_after - now) / 86400));
    return "valid";
}

static const char *digest_of(struct arena *a, const struct buf *b)
{
    char hex[SHA256_HEX];
    hash_sha256_hex(buf_str(b), b->len, hex);
    return arena_strdup(a, hex);
}

/* What the operator's file says now is what is wanted. A source that cannot be read declares nothing here:
 * what is installed goes on serving, and prepare says what is wrong once there is something to do. */
static void want_source(struct kind_ctx *ctx, struct certificate_spec *want)
{
    struct buf text = {0};
    want->source_digest = NULL;
    if (want->source_certificate &&
        fs_read_linked(ctx->host, want->source_certificate, PEM_MAX, &text, NULL) == 0)
        want->source_digest = digest_of(ctx->arena, &text);
    buf_free(&text);
}

/* Where a pair lies, and what is said of each. */
struct places {
    struct fs_stat directory, certificate, key;
};

/* Who may write there may put another pair in the place of this one. */
static bool open_to_others(const struct fs_stat *directory)
{
    return directory->type == FS_DIRECTORY && ((directory->mode & 022) || directory->uid != 0);
}

/* Modes come last: to mend them is all that is done where nothing else is wrong. */
static const char *state_of(struct kind_ctx *ctx, const struct places *at, bool matches,
                            const struct x509_info *info, bool renewable)
{
    const struct fs_stat *directory = &at->directory, *certificate = &at->certificate, *key = &at->key;
    int64_t now = time(NULL);
    const char *state = certificate_state(ctx->arena, info, renewable, now);
    footprint_until(ctx->host, info->not_before > now ? info->not_before : info->not_after);
    if (renewable)
        footprint_until(ctx->host, x509_due_at(info));
    if (!matches)
        return "key does not match";
    if (strcmp(state, "valid") != 0)
        return state;
    if (open_to_others(directory))
        return arena_printf(ctx->arena, "directory has mode %04o of user %u", directory->mode,
                            directory->uid);
    if (key->mode != 0600 || key->uid != 0)
        return arena_printf(ctx->arena, "key has mode %04o of user %u", key->mode, key->uid);
    if (certificate->mode != 0644 || certificate->uid != 0)
        return arena_printf(ctx->arena, "file has mode %04o of user %u", certificate->mode, certificate->uid);
    return state;
}

static void describe(struct kind_ctx *ctx, const struct certificate_spec *want, const struct pair *p,
                     const struct x509_info *info, struct certificate_spec *s)
{
    s->names = info->names;
    s->issuer = info->self_signed ? "self-signed" : "files";
    if (!from_files(want))
        return;
    /* Files may cover more names (a wildcard) and may be self-signed themselves. */
    s->source_digest = digest_of(ctx->arena, &p->certificate);
    if (!want->source_digest || !strcmp(s->source_digest, want->source_digest))
        s->issuer = "files";
    if (x509_covers(info, &want->names))
        s->names = want->names;
}

static int observe_one(struct kind_ctx *ctx, const struct resource *res, void **found, struct error *err)
{
    struct certificate_spec *want = res->spec;
    const char *certificate = tls_path(ctx->arena, res->id, "fullchain.pem"),
               *key = tls_path(ctx->arena, res->id, "privkey.pem");
    struct places at;
    struct x509_info info = {0};
    struct pair p = {0};
    bool matches;
    *found = NULL;
    if (from_files(want) && !res->absent)
        want_source(ctx, want);
    int r = fs_stat(ctx->host, certificate, &at.certificate, err);
    if (r == 0)
        r = fs_stat(ctx->host, key, &at.key, err);
    if (r < 0 || (at.certificate.type == FS_ABSENT && at.key.type == FS_ABSENT))
        return r;
    r = fs_stat(ctx->host, tls_dir(ctx->arena, res->id), &at.directory, err);
    if (r < 0)
        return r;
    struct certificate_spec *s = arena_new(ctx->arena, struct certificate_spec);
    record_clear(&record, s);
    s->state = "unreadable";
    *found = s;
    if (at.certificate.type != FS_FILE || at.key.type != FS_FILE)
        return 0;
    r = pair_read(ctx, certificate, key, &p, err);
    if (r == 0 && x509_pair(ctx->host, &p.certificate, &p.key, &info, &matches, ctx->arena, NULL) == 0) {
        describe(ctx, want, &p, &info, s);
        s->state = state_of(ctx, &at, matches, &info, !from_files(want));
    }
    pair_free(&p);
    return r;
}

static int certificate_observe(struct kind_ctx *ctx, const struct resource *const *res, size_t n,
                               void **found, struct error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = observe_one(ctx, res[i], &found[i], err);
    return r;
}

static void certificate_check(const struct resource *res, struct diags *d)
{
    const struct certificate_spec *s = res->spec;
    if (!res->absent && from_files(s) && (!s->source_certificate || !s->source_key))
        diag_error(d, res->pos, "name both `certificate` and `key`",
                   "the certificate of %s is to come from files, but not both are named", res->id);
}

/* --- what a removal leaves: the pair, in a directory of the trash
 * ------------------------------------------- */

/* A pair of the trash that is what is wanted now, whatever it was when it went. */
static bool kept_fits(struct kind_ctx *ctx, const struct certificate_spec *want, const char *kept,
                      struct pair *ret)
{
    struct arena *a = ctx->arena;
    struct certificate_spec found;
    struct x509_info info;
    if (pair_read(ctx, kept_path(a, kept, "fullchain.pem"), kept_path(a, kept, "privkey.pem"), ret, NULL) < 0)
        return false;
    if (x509_parse(buf_str(&ret->certificate), ret->certificate.len, &info, a, NULL) < 0)
        return false;
    record_clear(&record, &found);
    describe(ctx, want, ret, &info, &found);
    found.state = certificate_state(a, &info, !from_files(want), time(NULL));
    return pair_matches(ret) && record_diff(&record, want, &found, &ctx->redaction, a).n == 0;
}

/* The operator's own files go before what was copied from them once. */
static int certificate_remains(struct kind_ctx *ctx, const struct resource *res, json_t *saved,
                               enum remains_state *ret, const char **path, struct error *err)
{
    const char *kept = json_string_value(json_object_get(saved, "trash"));
    const struct certificate_spec *s = res->spec;
    struct pair p = {0}, source = {0};
    *ret = REMAINS_NOTHING;
    *path = NULL;
    if (!kept)
        return 0;
    if (kept_fits(ctx, s, kept, &p) && !(from_files(s) && source_read(ctx, s, &source, NULL) == 0)) {
        *ret = REMAINS_THERE;
        *path = arena_strdup(ctx->arena, kept);
    }
    pair_free(&p);
    pair_free(&source);
    return 0;
}

static bool only_modes_differ(const struct change *c)
{
    const struct certificate_spec *found = c->found;
    return found && found->state && c->delta.n == 1 && strstr(found->state, " has mode ");
}

static int64_t days_left(struct kind_ctx *ctx, const char *id)
{
    struct x509_info info = {0};
    struct buf text = {0};
    bool read = fs_read(ctx->host, tls_path(ctx->arena, id, "fullchain.pem"), PEM_MAX, &text, NULL) == 0 &&
                x509_parse(buf_str(&text), text.len, &info, ctx->arena, NULL) == 0;
    buf_free(&text);
    return read ? (info.not_after - time(NULL)) / 86400 : 0;
}

/* A source that is not there any more breaks nothing as long as what was copied from it is good. */
static void certificate_feasible(struct kind_ctx *ctx, const struct change *const *list, size_t n,
                                 struct error *errs)
{
    for (size_t i = 0; i < n; i++) {
        const struct certificate_spec *s = list[i]->res->spec;
        const char *id = list[i]->res->id;
        struct pair p = {0};
        if (!from_files(s) || !s->source_certificate || !s->source_key || only_modes_differ(list[i]) ||
            list[i]->restore)
            continue;
        if (list[i]->op != OP_NONE) {
            int r = source_read(ctx, s, &p, &errs[i]);
            if (r == -ENOENT)
                error_hint(&errs[i], "put it there, as PEM, before the manifest names it");
            if (r < 0)
                error_prefix(&errs[i], "certificate of %s", id);
        } else if (source_pair_read(ctx, s, &p, &errs[i]) < 0) {
            const char *next = arena_strdup(ctx->arena, errs[i].hint);
            error_prefix(&errs[i], "certificate of %s", id);
            error_hint(&errs[i], "what was copied from it goes on serving, for %lld days; %s",
                       (long long)days_left(ctx, id), *next ? next : "put the file back, or name another");
        }
        pair_free(&p);
    }
}

static int certificate_prepare(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct certificate_spec *s = c->res->spec;
    struct pair p = {0};
    if (c->op == OP_REMOVE || c->restore || !from_files(s))
        return 0;
    int r = source_read(ctx, s, &p, err);
    pair_free(&p);
    return r < 0 ? error_prefix(err, "certificate of %s", c->res->id) : 0;
}

static int certificate_capture(struct kind_ctx *ctx, struct change *c, const char *name, struct jsonw *undo,
                               struct error *err)
{
    static const char *const parts[][2] = {{"key", "privkey.pem"}, {"certificate", "fullchain.pem"}};
    struct fs_stat st;
    int r = fs_stat(ctx->host, tls_dir(ctx->arena, c->res->id), &st, err);
    if (r < 0)
        return r;
    jw_bool(undo, "existed", st.type != FS_ABSENT);
    for (size_t i = 0; r == 0 && i < 2; i++)
        r = fs_save(ctx->host, tls_path(ctx->arena, c->res->id, parts[i][1]), ctx->undo_dir,
                    arena_printf(ctx->arena, "%s-%s", name, parts[i][0]), undo, parts[i][0], NULL, err);
    if (r == 0)
        r = fs_save(ctx->host, tls_dir(ctx->arena, c->res->id), ctx->undo_dir,
                    arena_printf(ctx->arena, "%s-directory", name), undo, "directory", NULL, err);
    if (r == 0)
        r = parents_capture(ctx, tls_dir(ctx->arena, c->res->id), undo, "parents", err);
    if (r == 0 && c->op == OP_REMOVE) {
        c->prepared =
            arena_printf(ctx->arena, TRASH "/%lld-%s-tls-%s", (long long)ctx->transaction, name, c->res->id);
        jw_str(undo, "trash", c->prepared);
    } else if (r == 0 && c->restore) {
        r = fs_mkdirs(ctx->host, ctx->undo_dir, 0700, err);
        c->prepared = arena_printf(ctx->arena, "%s/%s-restored", ctx->undo_dir, name);
        jw_str(undo, "restored", c->restore->path);
        jw_str(undo, "kept", c->prepared);
    }
    return r;
}

static int kept_read(struct kind_ctx *ctx, const struct change *c, struct pair *ret, struct error *err)
{
    if (kept_fits(ctx, c->res->spec, c->restore->path, ret))
        return 0;
    return error_set(err, -ESTALE, "the pair in %s can be used no more", c->restore->path);
}

static int self_signed(struct kind_ctx *ctx, const struct certificate_spec *s, struct pair *ret,
                       struct error *err)
{
    struct x509_info info;
    int r = x509_self_signed(&s->names, s->days > 0 ? s->days : 365, &ret->certificate, &ret->key, &info,
                             ctx->arena, err);
    if (r == 0)
        x509_pair_made(ctx->host, &ret->certificate, &ret->key, &info);
    return r;
}

/* On a running system it may be needed by a neighbour that is validated. */
static bool certificate_together(const struct kind_ctx *ctx, const struct change *c)
{
    return ctx->host->offline && !c->restore && !from_files(c->res->spec) && !only_modes_differ(c);
}

/* One that is there and that others may write. */
static int directory_close(struct kind_ctx *ctx, const char *id, struct error *err)
{
    const char *path = tls_dir(ctx->arena, id);
    struct fs_stat st;
    int r = fs_stat(ctx->host, path, &st, err);
    return r < 0 || !open_to_others(&st) ? r : fs_attributes(ctx->host, path, 0755, 0, 0, err);
}

static int certificate_apply(struct kind_ctx *ctx, struct change *c, struct error *err)
{
    const struct certificate_spec *s = c->res->spec;
    const char *id = c->res->id, *certificate = tls_path(ctx->arena, id, "fullchain.pem"),
               *key = tls_path(ctx->arena, id, "privkey.pem");
    struct pair p = {0};
    int r;
    if (c->op == OP_REMOVE)
        return trash_pair(ctx, id, c->prepared, err);
    if (only_modes_differ(c)) {
        r = directory_close(ctx, id, err);
        if (r == 0)
            r = fs_attributes(ctx->host, key, 0600, 0, 0, err);
        return r < 0 ? r : fs_attributes(ctx->host, certificate, 0644, 0, 0, err);
    }
    r = c->restore      ? kept_read(ctx, c, &p, err)
        : from_files(s) ? source_read(ctx, s, &p, err)
                        : self_signed(ctx, s, &p, err);
    if (r == 0)
        r = directory_close(ctx, id, err);
    if (r == 0)
        r = fs_mkdirs(ctx->host, tls_dir(ctx->arena, id), 0755, err);
    if (r == 0)
        r = fs_write(ctx->host, key, buf_str(&p.key), p.key.len, 0600, 0, 0, err);
    if (r == 0)
        r = fs_write(ctx->host, certificate, buf_str(&p.certificate), p.certificate.len, 0644, 0, 0, err);
    if (r == 0 && c->restore)
        r = fs_rename(ctx->host, c->restore->path, c->prepared, err);
    pair_free(&p);
    return r < 0 ? error_prefix(err, "certificate of %s", id) : 0;
}

/* A directory that was there comes first, to hold the files, and once more last, for its times; one that was
 * not goes last. */
static int certificate_undo(struct kind_ctx *ctx, const struct resource *res, enum op op, json_t *undo,
                            struct error *err)
{
    static const char *const parts[] = {"directory", "key", "certificate", "directory"};
    bool existed = json_is_true(json_object_get(undo, "existed"));
    int r = existed ? parents_make(ctx, tls_dir(ctx->arena, res->id), err) : 0;
    for (size_t i = existed ? 0 : 1; r == 0 && i < 4; i++)
        r = aside_put_back(ctx, json_object_get(undo, parts[i]), ASIDE_OURS, err);
    if (r == 0)
        r = trash_undo(ctx, undo, err);
    return r < 0 ? r : parents_remove(ctx, json_object_get(undo, "parents"), err);
}

static void certificate_watch(const struct resource *res, struct arena *a, struct watch_list *out)
{
    vec_push(a, &out->paths, tls_path(a, res->id, "fullchain.pem"));
    vec_push(a, &out->paths, tls_path(a, res->id, "privkey.pem"));
}

const struct kind certificate_kind = {
    .name = "certificate",
    .record = &record,
    .watch = certificate_watch,
    .observe = certificate_observe,
    .check = certificate_check,
    .feasible = certificate_feasible,
    .prepare = certificate_prepare,
    .capture = certificate_capture,
    .apply = certificate_apply,
    .together = certificate_together,
    .undo = certificate_undo,
    .remains = certificate_remains,
};
