/* From tokens to nodes. Partials are read once each, after the template that names them. */
#include "program.h"
#include <errno.h>
#include <string.h>

/* Sections in sections; a template that needs more wants another shape. */
#define DEPTH 64

struct parser {
    struct arena *arena;
    const struct template_loader *partials;
    struct template *root;
    VEC(struct template *) known; /* the partials that were named */
};

struct open_section {
    size_t node;
    struct token token;
};

/* The dialect that the first line names; NULL in `ret`: there is no such line. */
static int read_dialect(const struct template *t, const struct dialect **ret, struct error *err)
{
    struct scanner s;
    struct token k;
    struct error quiet;
    scan_init(&s, t->name, t->source, t->len);
    *ret = NULL;
    /* What is wrong with the first tag is said when all are read. */
    if (scan_next(&s, &k, &quiet) < 0 || k.type != TOKEN_COMMENT || k.len < 8 ||
        memcmp(k.text, "dialect:", 8) != 0)
        return 0;
    const char *name = k.text + 8, *end = k.text + k.len;
    while (name < end && *name == ' ')
        name++;
    *ret = dialect_find(name, (size_t)(end - name));
    if (*ret)
        return 0;
    char word[32];
    size_t n = (size_t)(end - name) < sizeof word ? (size_t)(end - name) : sizeof word - 1;
    memcpy(word, name, n);
    word[n] = '\0';
    const char *near = dialect_near(word);
    scan_error(t->name, k.line, k.col, err, "there is no dialect \"%s\"", word);
    if (near)
        error_hint(err, "did you mean \"%s\"?", near);
    else
        error_hint(err, "the dialects are nginx, ini, php, mysql and text");
    return -EINVAL;
}

static int set_dialect(struct parser *p, struct template *t, struct error *err)
{
    const struct dialect *d;
    int r = read_dialect(t, &d, err);
    if (r < 0)
        return r;
    if (t == p->root && !d) {
        scan_error(t->name, 1, 1, err, "the template does not name its dialect");
        error_hint(err, "begin it with {{! dialect: nginx }} (or ini, php, mysql, text)");
        return -EINVAL;
    }
    if (t == p->root)
        t->dialect = d;
    else if (d && d != t->dialect)
        return scan_error(t->name, 1, 1, err,
                          "this partial is of dialect %s, and %s, which includes it, of %s", d->name,
                          p->root->name, t->dialect->name);
    return 0;
}

static struct template *add_template(struct parser *p, const char *name, const char *text, size_t len)
{
    struct template *t = arena_new(p->arena, struct template);
    t->name = name;
    t->source = text;
    t->len = len;
    t->dialect = p->root ? p->root->dialect : NULL;
    return t;
}

static int partial(struct parser *p, const struct template *t, const struct token *k,
                   const struct template **ret, struct error *err)
{
    const char *name = arena_strndup(p->arena, k->text, k->len);
    for (size_t i = 0; i < p->known.n; i++)
        if (strcmp(p->known.at[i]->name, name) == 0) {
            *ret = p->known.at[i];
            return 0;
        }
    size_t len = 0;
    const char *text = p->partials ? p->partials->load(p->partials->self, name, &len) : NULL;
    if (!text && t->dialect->step) {
        error_set(err, -ENOENT, "%s:%d:%d: there is no partial \"%s\"", t->name, k->line, k->col, name);
        error_hint(err, "it is the template that is wrong, not the manifest");
        return -ENOENT;
    }
    *ret = NULL;
    if (!text)
        return 0;
    struct template *new = add_template(p, name, text, len);
    vec_push(p->arena, &p->known, new);
    *ret = new;
    return 0;
}

static int parse_name(struct parser *p, const struct template *t, const struct token *k, struct node *n,
                      struct error *err)
{
    VEC(struct name_part) parts = {0};
    n->text = k->text;
    n->len = k->len;
    if (k->len == 1 && *k->text == '.')
        return 0;
    const char *at = k->text, *end = k->text + k->len;
    while (at <= end) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        size_t len = (size_t)((dot ? dot : end) - at);
        if (!len)
            return scan_error(t->name, k->line, k->col, err, "\"%.*s\" is no name", (int)k->len, k->text);
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)at[i] <= ' ')
                return scan_error(t->name, k->line, k->col, err, "\"%.*s\" is no name: it holds a space",
                                  (int)k->len, k->text);
        struct name_part part = {.name = at, .len = len, .hash = name_hash(at, len)};
        vec_push(p->arena, &parts, part);
        at += len + 1;
    }
    n->parts = parts.at;
    n->n_parts = parts.n;
    return 0;
}

static void add_text(struct parser *p, struct template *t, const struct token *k)
{
    struct node n = {.type = NODE_TEXT, .at_line = k->at_line, .line = k->line, .col = k->col};
    n.text = k->text;
    n.len = k->len;
    if (t->dialect->step) {
        uint8_t *next = arena_array(p->arena, uint8_t, t->dialect->states);
        dialect_run(t->dialect, k->text, k->len, next);
        n.next = next;
    }
    vec_push(p->arena, &t->nodes, n);
}

/* A tag at the very start of a line that other things are on: an indentation goes in front of it. */
static void mark_line(struct parser *p, struct template *t, const struct token *k)
{
    if (!k->at_line || k->alone)
        return;
    struct token empty = {
        .type = TOKEN_TEXT, .text = k->text, .at_line = true, .line = k->line, .col = k->col};
    add_text(p, t, &empty);
}

static int add_tag(struct parser *p, struct template *t, const struct token *k, enum node_type type,
                   struct error *err)
{
    struct node n = {.type = type, .line = k->line, .col = k->col};
    int r;
    if (k->type == TOKEN_RAW && t->dialect->step)
        return scan_error(t->name, k->line, k->col, err,
                          "a value that is not escaped: the dialect %s allows {{name}} only",
                          t->dialect->name);
    mark_line(p, t, k);
    if (type == NODE_PARTIAL) {
        if (!k->len)
            return scan_error(t->name, k->line, k->col, err, "a partial without a name");
        r = partial(p, t, k, &n.partial, err);
        n.alone = k->alone;
        n.text = k->indent;
        n.len = k->indent_len;
    } else {
        r = parse_name(p, t, k, &n, err);
    }
    if (r < 0)
        return r;
    vec_push(p->arena, &t->nodes, n);
    return 0;
}

static int close_section(struct parser *p, struct template *t, const struct token *k,
                         struct open_section *open, size_t *depth, struct error *err)
{
    if (!*depth)
        return scan_error(t->name, k->line, k->col, err, "{{/%.*s}} closes nothing", (int)k->len, k->text);
    const struct open_section *o = &open[*depth - 1];
    if (o->token.len != k->len || memcmp(o->token.text, k->text, k->len) != 0)
        return scan_error(t->name, k->line, k->col, err,
                          "{{/%.*s}} comes where {{/%.*s}} is due (opened in line %d)", (int)k->len, k->text,
                          (int)o->token.len, o->token.text, o->token.line);
    mark_line(p, t, k);
    t->nodes.at[o->node].end = t->nodes.n;
    (*depth)--;
    return 0;
}

static int parse_one(struct parser *p, struct template *t, struct error *err)
{
    struct scanner s;
    struct token k;
    struct open_section open[DEPTH];
    size_t depth = 0;
    scan_init(&s, t->name, t->source, t->len);
    int r = set_dialect(p, t, err);
    while (r == 0 && (r = scan_next(&s, &k, err)) == 0 && k.type != TOKEN_END) {
        switch (k.type) {
        case TOKEN_TEXT:
            add_text(p, t, &k);
            break;
        case TOKEN_HOLE:
        case TOKEN_RAW:
            r = add_tag(p, t, &k, NODE_HOLE, err);
            break;
        case TOKEN_PARTIAL:
            r = add_tag(p, t, &k, NODE_PARTIAL, err);
            break;
        case TOKEN_SECTION:
        case TOKEN_INVERTED:
            if (depth == DEPTH)
                r = scan_error(t->name, k.line, k.col, err, "sections nest deeper than %d", DEPTH);
            else
                r = add_tag(p, t, &k, k.type == TOKEN_SECTION ? NODE_SECTION : NODE_INVERTED, err);
            if (r == 0)
                open[depth++] = (struct open_section){t->nodes.n - 1, k};
            break;
        case TOKEN_CLOSE:
            r = close_section(p, t, &k, open, &depth, err);
            break;
        default: /* comments and delimiters leave nothing, but for the start of their line */
            mark_line(p, t, &k);
        }
    }
    if (r == 0 && depth)
        r = scan_error(t->name, open[depth - 1].token.line, open[depth - 1].token.col, err,
                       "{{#%.*s}} is never closed", (int)open[depth - 1].token.len,
                       open[depth - 1].token.text);
    return r;
}

/* --- partials that stand alone, indented here and not each time ------------------------------------------
 */

/* How deep partials in partials are copied, indented as they will stand; what lies deeper (one that includes
 * itself) is indented when it is rendered. */
#define COPIES 4

struct indent {
    const char *text;
    size_t len;
    int depth;
};

static void text_indent(struct parser *p, struct node *n, const struct indent *in)
{
    struct buf out = {0};
    node_indent(n, in->text, in->len, &out);
    n->text = arena_memdup(p->arena, out.at, out.len);
    n->len = out.len;
    buf_free(&out);
}

/* The nodes of `t` as they stand with that indentation, in `to`. Only what was parsed is copied: `t` may be
 * copied elsewhere, with another one. */
static void copy_indented(struct parser *p, const struct template *t, const struct indent *in,
                          struct node *to)
{
    for (size_t i = 0; i < t->nodes.n; i++) {
        struct node *n = &to[i];
        *n = t->nodes.at[i];
        if (n->type == NODE_TEXT && in->len)
            text_indent(p, n, in);
        if (n->type != NODE_PARTIAL || !n->alone || !n->partial || in->len + n->len == 0)
            continue;
        struct indent below = {
            .text = arena_printf(p->arena, "%.*s%.*s", (int)in->len, in->text, (int)n->len, n->text),
            .len = in->len + n->len,
            .depth = in->depth + 1};
        n->text = below.text;
        n->len = below.len;
        if (below.depth > COPIES)
            continue;
        struct template *copy = arena_memdup(p->arena, n->partial, sizeof *copy);
        copy->nodes.at = arena_array(p->arena, struct node, n->partial->nodes.n);
        copy_indented(p, n->partial, &below, copy->nodes.at);
        n->partial = copy;
        n->alone = false;
    }
}

static void indent_all(struct parser *p)
{
    const struct indent none = {.text = ""};
    struct node **made = arena_array(p->arena, struct node *, p->known.n + 1);
    for (size_t i = 0; i <= p->known.n; i++) {
        const struct template *t = i ? p->known.at[i - 1] : p->root;
        made[i] = arena_array(p->arena, struct node, t->nodes.n);
        copy_indented(p, t, &none, made[i]);
    }
    for (size_t i = 0; i <= p->known.n; i++)
        (i ? p->known.at[i - 1] : p->root)->nodes.at = made[i];
}

int template_parse(const char *name, const char *text, size_t len, const struct template_loader *partials,
                   struct arena *a, struct template **ret, struct error *err)
{
    struct parser p = {.arena = a, .partials = partials};
    struct template *root =
        add_template(&p, arena_strdup(a, name), arena_memdup(a, len ? text : "", len), len);
    p.root = root;
    int r = parse_one(&p, root, err);
    for (size_t i = 0; r == 0 && i < p.known.n; i++)
        r = parse_one(&p, p.known.at[i], err);
    if (r < 0)
        return r;
    indent_all(&p);
    *ret = root;
    return 0;
}
