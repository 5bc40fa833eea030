/* citrus drift --adopt: what was found on the machine, as a patch of the manifest. Only a value that stands
 * in the manifest by itself is replaced, in its own quotes; comments and layout stay. All else is explained.
 */
#include "file.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONTEXT 3

struct edit {
    size_t at, len;   /* of the old value, without quotes */
    const char *text; /* the new one */
};
struct edited {
    const struct bundle_file *file;
    VEC(struct edit) list;
};
struct adopting {
    struct session *s;
    struct edited *files; /* one a file of the bundle */
    size_t found, refused;
};

static void explain(struct adopting *x, const struct change *c, const char *field, const char *why)
{
    x->refused++;
    fprintf(stderr, "%s %s: %s stays as it is: %s\n", c->res->kind->name, c->res->id, field, why);
}

/* ---- places in a text -------------------------------------------------------------------------------------
 */

static bool offset_of(const struct bundle_file *f, struct pos pos, size_t *ret)
{
    size_t at = 0;
    for (int line = 1; line < pos.line; line++) {
        const char *eol = memchr(f->text + at, '\n', f->len - at);
        if (!eol)
            return false;
        at = (size_t)(eol - f->text) + 1;
    }
    for (int col = 1; col < pos.col && at < f->len; col++) {
        size_t n = utf8_char(f->text + at, f->len - at);
        at += n ? n : 1;
    }
    *ret = at;
    return at < f->len;
}

/* The scalar that begins there: what is between its quotes, or a plain one of harmless letters. */
static bool scalar_at(const struct bundle_file *f, size_t at, struct edit *e)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-";
    char quote = f->text[at] == '"' || f->text[at] == '\'' ? f->text[at] : 0;
    size_t from = at + (quote != 0), n = 0;
    while (from + n < f->len && f->text[from + n] && strchr(harmless, f->text[from + n]))
        n++;
    if (n == 0 || strspn(e->text, harmless) != strlen(e->text) || !*e->text)
        return false;
    if (quote ? f->text[from + n] != quote : from + n < f->len && !strchr(" ,}]\r\n", f->text[from + n]))
        return false;
    e->at = from;
    e->len = n;
    return true;
}

/* ---- what was found ---------------------------------------------------------------------------------------
 */

/* A value of several sites: an alias of one anchor, or the server's own for all of them. */
static bool is_shared(const struct adopting *x, const struct change *c, struct pos pos)
{
    const struct catalog *all = &x->s->catalog;
    for (size_t i = 0; i < all->list.n; i++) {
        const struct resource *r = all->list.at[i];
        if (r->site == c->res->site || (r->site && c->res->site && strcmp(r->site, c->res->site) == 0))
            continue;
        for (size_t k = 0; k < r->counterparts.n; k++) {
            const struct pos other = r->counterparts.at[k].pos;
            if (other.file && strcmp(other.file, pos.file) == 0 && other.line == pos.line &&
                other.col == pos.col)
                return true;
        }
    }
    return false;
}

static void adopt_value(struct adopting *x, const struct change *c, const struct counterpart *p,
                        const char *value)
{
    struct edit e = {.text = value};
    size_t at;
    if (!p->pos.file) {
        explain(x, c, counterpart_name(c->res, p, &x->s->arena),
                "the manifest does not write it; add it by hand");
        return;
    }
    if (is_shared(x, c, p->pos)) {
        explain(x, c, counterpart_name(c->res, p, &x->s->arena),
                "its value stands for other sites as well; write one for this site by hand");
        return;
    }
    for (size_t i = 0; i < x->s->bundle.n; i++) {
        const struct bundle_file *f = &x->s->bundle.at[i];
        if (strcmp(f->name, p->pos.file) != 0)
            continue;
        if (!offset_of(f, p->pos, &at) || !scalar_at(f, at, &e)) {
            explain(x, c, counterpart_name(c->res, p, &x->s->arena),
                    "its value is not written in a form that can be replaced; change it by hand");
            return;
        }
        for (size_t k = 0; k < x->files[i].list.n; k++)
            if (x->files[i].list.at[k].at == e.at) /* one value that two resources show */
                return;
        vec_push(&x->s->arena, &x->files[i].list, e);
        x->found++;
        return;
    }
}

static const struct counterpart *by_line(const struct resource *r, const char *line, size_t n)
{
    for (size_t i = 0; i < r->counterparts.n; i++) {
        const struct counterpart *p = &r->counterparts.at[i];
        if (p->line && strlen(p->prefix) <= n && strncmp(p->prefix, line, strlen(p->prefix)) == 0)
            return p;
    }
    return NULL;
}

/* A content may differ in lines that have a counterpart, and in no other. Twice: to see, then to do. */
static bool adopt_lines(struct adopting *x, const struct change *c, const struct buf *found,
                        const struct buf *wanted, bool act)
{
    const char *f = buf_str(found), *w = buf_str(wanted);
    while (*f || *w) {
        size_t nf = strcspn(f, "\n"), nw = strcspn(w, "\n");
        if (nf != nw || memcmp(f, w, nf) != 0) {
            const struct counterpart *p = by_line(c->res, f, nf);
            if (!p || p != by_line(c->res, w, nw))
                return false;
            size_t skip = strlen(p->prefix);
            if (act)
                adopt_value(x, c, p, arena_strndup(&x->s->arena, f + skip, nf - skip));
        }
        f += nf + (f[nf] == '\n');
        w += nw + (w[nw] == '\n');
    }
    return true;
}

static void adopt_content(struct adopting *x, const struct change *c)
{
    struct buf found = {0}, wanted = {0};
    struct kind_ctx ctx = {.host = x->s->host, .arena = &x->s->arena};
    bool has = false;
    for (size_t i = 0; i < c->res->counterparts.n; i++)
        has = has || c->res->counterparts.at[i].line;
    if (!has || !c->res->kind->text || c->res->kind->text(&ctx, c, &found, &wanted, NULL) < 0)
        explain(x, c, "its content", "the manifest does not hold it");
    else if (!adopt_lines(x, c, &found, &wanted, false))
        explain(x, c, "its content", "it differs in more than values of the manifest");
    else
        adopt_lines(x, c, &found, &wanted, true);
    buf_wipe(&found);
    buf_wipe(&wanted);
}

static void adopt_field(struct adopting *x, const struct change *c, const struct field_change *f)
{
    if (field_is_digest(f->field)) {
        adopt_content(x, c);
        return;
    }
    for (size_t i = 0; i < c->res->counterparts.n; i++) {
        const struct counterpart *p = &c->res->counterparts.at[i];
        size_t skip = p->prefix ? strlen(p->prefix) : 0;
        if (p->line || strcmp(p->field, f->field->name) != 0)
            continue;
        if (!f->before || strncmp(f->before, p->prefix ? p->prefix : "", skip) != 0)
            explain(x, c, f->field->name, "what was found is no value for the manifest");
        else
            adopt_value(x, c, p, f->before + skip);
        return;
    }
    explain(x, c, f->field->name, "nothing in the manifest says it");
}

/* ---- the patch --------------------------------------------------------------------------------------------
 */

static int edit_order(const void *x, const void *y)
{
    const struct edit *a = x, *b = y;
    return (a->at > b->at) - (a->at < b->at);
}

static char *edited_text(const struct edited *e, struct arena *a)
{
    struct buf b = {0};
    size_t at = 0;
    for (size_t i = 0; i < e->list.n; i++) {
        buf_add(&b, e->file->text + at, e->list.at[i].at - at);
        buf_adds(&b, e->list.at[i].text);
        at = e->list.at[i].at + e->list.at[i].len;
    }
    buf_add(&b, e->file->text + at, e->file->len - at);
    char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

struct lines {
    VEC(struct bytes) list;
    bool open; /* no line break ends the last one */
};

static struct lines lines_of(const char *text, struct arena *a)
{
    struct lines l = {0};
    while (*text) {
        size_t n = strcspn(text, "\n");
        vec_push(a, &l.list, ((struct bytes){text, n}));
        l.open = !text[n];
        text += n + (text[n] == '\n');
    }
    return l;
}

static bool line_same(const struct lines *x, const struct lines *y, size_t i)
{
    return x->list.at[i].len == y->list.at[i].len &&
           memcmp(x->list.at[i].at, y->list.at[i].at, x->list.at[i].len) == 0;
}

static void put_lines(const struct lines *l, size_t from, size_t to, char sign, struct buf *out)
{
    for (size_t i = from; i < to; i++)
        buf_addf(out, "%c%.*s\n%s", sign, (int)l->list.at[i].len, l->list.at[i].at,
                 l->open && i + 1 == l->list.n ? "\\ No newline at end of file\n" : "");
}

/* As patch(1) takes it. No line comes or goes, so that both texts count alike. */
static void put_patch(const char *name, const char *old, const char *new, struct arena *a, struct buf *out)
{
    struct lines x = lines_of(old, a), y = lines_of(new, a);
    size_t n = x.list.n;
    buf_addf(out, "--- %s\n+++ %s\n", name, name);
    for (size_t i = 0; i < n; i++) {
        if (line_same(&x, &y, i))
            continue;
        size_t from = i > CONTEXT ? i - CONTEXT : 0, last = i;
        for (size_t k = i; k < n && k <= last + 2 * CONTEXT; k++)
            last = line_same(&x, &y, k) ? last : k;
        size_t to = last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
        buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", from + 1, to - from, from + 1, to - from);
        for (size_t k = from; k < to;) {
            size_t end = k;
            if (line_same(&x, &y, k)) {
                put_lines(&x, k, k + 1, ' ', out);
                k++;
                continue;
            }
            while (end < to && !line_same(&x, &y, end))
                end++;
            put_lines(&x, k, end, '-', out);
            put_lines(&y, k, end, '+', out);
            k = end;
        }
        i = last;
    }
}

/* The file's own mode and owner stay; a link to it stays a link. */
static int write_file(const char *name, const char *text, struct error *err)
{
    char path[PATH_MAX];
    struct stat st;
    if (!realpath(name, path) || stat(path, &st) < 0)
        return error_errno(err, errno, "%s", name);
    int r = file_replace(path, text, strlen(text), st.st_mode & 07777, st.st_uid, st.st_gid);
    return r < 0 ? error_errno(err, r, "%s cannot be written", name) : 0;
}

/* The manifest with its new values must be one. */
static int check_edited(struct session *s, const struct bundle *b)
{
    struct diags d;
    diags_init(&d, &s->arena);
    if (manifest_parse(b, &s->arena, &d))
        return 0;
    s->diags = d;
    session_diags(s);
    fprintf(stderr,
            "citrus: the manifest would not be valid with the values that were found; it stays as it is\n");
    return EXIT_ERROR;
}

static int give(struct adopting *x)
{
    struct session *s = x->s;
    struct bundle after = {.at = arena_memdup(&s->arena, s->bundle.at, s->bundle.n * sizeof *s->bundle.at),
                           .n = s->bundle.n};
    struct error err = {0};
    for (size_t i = 0; i < after.n; i++) {
        if (x->files[i].list.n > 1)
            qsort(x->files[i].list.at, x->files[i].list.n, sizeof *x->files[i].list.at, edit_order);
        after.at[i].text = edited_text(&x->files[i], &s->arena);
        after.at[i].len = strlen(after.at[i].text);
    }
    if (check_edited(s, &after))
        return EXIT_ERROR;
    struct buf b = {0};
    for (size_t i = 0; i < after.n; i++)
        if (x->files[i].list.n)
            put_patch(after.at[i].name, s->bundle.at[i].text, after.at[i].text, &s->arena, &b);
    out_flush(&b);
    for (size_t i = 0; i < after.n && s->o->write; i++)
        if (x->files[i].list.n && write_file(after.at[i].name, after.at[i].text, &err) < 0)
            return session_fail(s, &err);
    if (s->o->write)
        fprintf(stderr, "The manifest says what was found now; `citrus apply` makes it a generation.\n");
    return EXIT_DONE;
}

int drift_adopt(const struct options *o)
{
    struct session s;
    struct options plan = *o;
    struct store_generation g = {0};
    struct error err = {0};
    plan.plan_only = true;
    int status = session_open(&s, &plan, SESSION_LOOK);
    if (status)
        return session_close(&s, status);
    if (drift_generation(&s, &g, &err) < 0)
        return session_close(&s, session_fail(&s, &err));
    status = session_manifest(&s, o->n_args ? o->args[0] : NULL);
    if (status == 0 && strcmp(s.bundle_digest, g.digest) != 0) {
        error_set(&err, -ESTALE, "the manifest is not the one of generation %lld", (long long)g.number);
        error_hint(&err, "what was found can be told from what is new only after `citrus apply`");
        status = session_fail(&s, &err);
    }
    if (status == 0)
        status = session_plan(&s);
    if (status)
        return session_close(&s, status);
    struct adopting x = {.s = &s, .files = arena_array(&s.arena, struct edited, s.bundle.n)};
    for (size_t i = 0; i < s.bundle.n; i++)
        x.files[i].file = &s.bundle.at[i];
    for (size_t i = 0; i < s.plan->left.n; i++) {
        const struct left *l = &s.plan->left.at[i];
        if (l->policy == DRIFT_ADOPT && l->change.op != OP_UPDATE)
            explain(&x, &l->change, l->change.op == OP_CREATE ? "its absence" : "its presence",
                    "nothing in the manifest says it");
        for (size_t k = 0; l->policy == DRIFT_ADOPT && l->change.op == OP_UPDATE && k < l->change.delta.n;
             k++)
            adopt_field(&x, &l->change, &l->change.delta.at[k]);
    }
    if (x.found)
        status = give(&x);
    else if (!x.refused)
        printf("Nothing to adopt.\n");
    return session_close(&s, status);
}
