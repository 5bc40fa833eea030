/* From nodes and values to text. */
#include "program.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define PARTIALS 32         /* that include each other */
#define STEPS    (4u << 20) /* nodes in one rendering: partials that include themselves twice grow fast */
#define MOST     ((size_t)16 << 20) /* bytes */

struct rendering {
    const struct dialect *dialect;
    struct buf *out;
    size_t begun;  /* where our text begins in `out` */
    uint8_t state; /* the dialect's */
    unsigned steps;
    struct error *err;
    /* The last hole, when its value brought its own quotes and nothing followed yet. */
    const struct template *quoted_in;
    const struct node *quoted;
    struct pos quoted_pos;
};

/* Where a run of nodes is rendered. */
struct scope {
    const struct template *t;
    const char *indent;
    size_t indent_len;
    int depth; /* of partials */
};

static int nodes(struct rendering *r, const struct scope *s, size_t from, size_t to, const struct context *c);

/* "TEMPLATE:LINE:COL: {{name}} (from FILE:LINE:COL) ...". Never the value: it may be a secret. */
__attribute__((format(printf, 6, 7))) static int fail(struct rendering *r, int code, const struct template *t,
                                                      const struct node *n, struct pos pos, const char *fmt,
                                                      ...)
{
    struct buf text = {0};
    va_list ap;
    buf_addf(&text, "%s:%d:%d: {{%s%.*s}}", t->name, n->line, n->col, n->type == NODE_PARTIAL ? ">" : "",
             n->type == NODE_PARTIAL ? 0 : (int)n->len, n->text ? n->text : "");
    if (pos.file)
        buf_addf(&text, " (from %s:%d:%d)", pos.file, pos.line, pos.col);
    buf_addc(&text, ' ');
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    error_set(r->err, code, "%s", buf_str(&text));
    buf_free(&text);
    if (code == -EINVAL && pos.file)
        error_hint(r->err, "change the value at %s:%d:%d", pos.file, pos.line, pos.col);
    else if (code != -EINVAL)
        error_hint(r->err, "it is the template that is wrong, not the manifest");
    return code;
}

/* A value in quotes of its own must be followed by a gap, or the quotes would stand inside a word. */
static int check_quoted(struct rendering *r, char c)
{
    const struct node *n = r->quoted;
    r->quoted = NULL;
    if (dialect_follows(r->dialect, r->state, (unsigned char)c))
        return 0;
    return fail(
        r, -EINVAL, r->quoted_in, n, r->quoted_pos,
        "needs quotes, but the hole is a part of a word (put the whole word in quotes in the template)");
}

void node_indent(const struct node *n, const char *indent, size_t indent_len, struct buf *out)
{
    const char *at = n->text, *end = n->text + n->len;
    bool at_line = n->at_line;
    if (at == end && at_line)
        buf_add(out, indent, indent_len);
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *stop = line ? line + 1 : end;
        bool empty = *at == '\n' || (*at == '\r' && at + 1 == line);
        if (at_line && !empty)
            buf_add(out, indent, indent_len);
        buf_add(out, at, (size_t)(stop - at));
        at = stop;
        at_line = true;
    }
}

static int text(struct rendering *r, const struct scope *s, const struct node *n)
{
    if (r->quoted && n->len) {
        int e = check_quoted(r, *n->text);
        if (e < 0)
            return e;
    }
    if (s->indent_len)
        node_indent(n, s->indent, s->indent_len, r->out);
    else
        buf_add(r->out, n->text, n->len);
    if (n->next)
        r->state = n->next[r->state];
    return 0;
}

/* `why`: what the dialect said. */
static int refuse(struct rendering *r, const struct template *t, const struct node *n, struct pos pos,
                  const char *why)
{
    const char *advice = strchr(why, '\n');
    int e = fail(r, -EINVAL, t, n, pos, "%.*s; %s cannot take that here", (int)strcspn(why, "\n"), why,
                 r->dialect->file);
    if (advice && pos.file)
        error_hint(r->err, "change the value at %s:%d:%d; %s", pos.file, pos.line, pos.col, advice + 1);
    return e;
}

static int hole(struct rendering *r, const struct scope *s, const struct node *n, const struct context *c)
{
    const struct value *v = value_find(c, n->parts, n->n_parts);
    if (!v && !r->dialect->step)
        return 0;
    if (!v)
        return fail(r, -ENOENT, s->t, n, (struct pos){0}, "has no value");
    if (v->type == VALUE_LIST || v->type == VALUE_MAP)
        return fail(r, -EPROTO, s->t, n, v->pos, "is a %s, not a text",
                    v->type == VALUE_LIST ? "list" : "map");
    if (r->quoted && v->len)
        return fail(r, -EINVAL, r->quoted_in, r->quoted, r->quoted_pos,
                    "needs quotes, but another hole follows without a space between");
    bool quoted, fault;
    const char *why = dialect_put(r->dialect, &r->state, v->text, v->len, v->bare, r->out, &quoted, &fault);
    if (why && fault)
        return fail(r, -EPROTO, s->t, n, v->pos, "%s", why);
    if (why)
        return refuse(r, s->t, n, v->pos, why);
    if (quoted) {
        r->quoted = n;
        r->quoted_in = s->t;
        r->quoted_pos = v->pos;
    }
    return 0;
}

static int section(struct rendering *r, const struct scope *s, size_t i, const struct context *c)
{
    const struct node *n = &s->t->nodes.at[i];
    const struct value *v = value_find(c, n->parts, n->n_parts);
    if (value_truth(v) == (n->type == NODE_INVERTED))
        return 0;
    if (n->type == NODE_INVERTED)
        return nodes(r, s, i + 1, n->end, c);
    if (v->type != VALUE_LIST) {
        struct context in = {v, c};
        return nodes(r, s, i + 1, n->end, &in);
    }
    int e = 0;
    for (size_t k = 0; k < v->list.n && e == 0; k++) {
        struct context in = {v->list.at[k], c};
        e = nodes(r, s, i + 1, n->end, &in);
    }
    return e;
}

/* The lines of a partial that stands alone are indented as its tag is, and as those that include it are. */
static int include(struct rendering *r, const struct scope *s, const struct node *n, const struct context *c)
{
    if (!n->partial)
        return 0;
    if (s->depth == PARTIALS)
        return fail(r, -ELOOP, s->t, n, (struct pos){0}, "%s: partials include each other deeper than %d",
                    n->partial->name, PARTIALS);
    struct scope in = {.t = n->partial, .depth = s->depth + 1};
    struct buf indent = {0};
    if (n->alone && s->indent_len + n->len) {
        buf_add(&indent, s->indent, s->indent_len);
        buf_add(&indent, n->text, n->len);
        in.indent = indent.at;
        in.indent_len = indent.len;
    }
    int e = nodes(r, &in, 0, n->partial->nodes.n, c);
    buf_free(&indent);
    return e;
}

static int nodes(struct rendering *r, const struct scope *s, size_t from, size_t to, const struct context *c)
{
    int e = 0;
    for (size_t i = from; i < to && e == 0; i++) {
        const struct node *n = &s->t->nodes.at[i];
        if (++r->steps > STEPS || r->out->len - r->begun > MOST)
            return fail(r, -EFBIG, s->t, n, (struct pos){0}, "the text grows past all measure");
        switch (n->type) {
        case NODE_TEXT:
            e = text(r, s, n);
            break;
        case NODE_HOLE:
            e = hole(r, s, n, c);
            break;
        case NODE_PARTIAL:
            e = include(r, s, n, c);
            break;
        case NODE_SECTION:
        case NODE_INVERTED:
            e = section(r, s, i, c);
            i = n->end - 1;
            break;
        }
    }
    return e;
}

int template_render(const struct template *t, const struct value *v, struct buf *out, struct error *err)
{
    struct rendering r = {.dialect = t->dialect, .out = out, .begun = out->len, .err = err};
    struct scope s = {.t = t};
    struct context c = {v, NULL};
    int e = nodes(&r, &s, 0, t->nodes.n, &c);
    if (e < 0 && out->at) {
        memset(out->at + r.begun, 0, out->len - r.begun); /* a secret may be in it */
        out->len = r.begun;
    }
    return e;
}
