#include "decode_value.h"
#include "text.h"
#include "words.h"
#include <string.h>

#define AT(T, f, p) ((T *)(void *)((char *)(p) + (f)->offset))
#define SHOWN_MAX   80

/* What a message quotes of a value: whole characters, and not too many. */
static const char *shown(const char *text, struct arena *a)
{
    size_t n = strlen(text), k = SHOWN_MAX;
    if (n <= k)
        return text;
    while (((unsigned char)text[k] & 0xc0) == 0x80)
        k--;
    return arena_printf(a, "%.*s...", (int)k, text);
}

bool decode_is_null(const struct node *n)
{
    return n->type == NODE_SCALAR && n->plain &&
           (n->len == 0 || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

bool decode_check(const struct field *f, const char *text, struct pos pos, struct arena *a, struct diags *d)
{
    const char *why = f->check ? f->check(text) : NULL;
    if (!why)
        return true;
    const char *hint = strchr(why, '\n');
    const char *sentence = hint ? arena_strndup(a, why, (size_t)(hint - why)) : why;
    bool secret = why == word_holds_secret;
    if (secret)
        decode_hide(d, pos);
    diag_error(d, pos, hint ? hint + 1 : NULL, "\"%s\" %s", secret ? f->name : shown(text, a), sentence);
    return false;
}

void decode_hide(struct diags *d, struct pos pos)
{
    const struct diag_source *src = NULL;
    for (size_t i = 0; i < d->sources.n && pos.file; i++)
        if (strcmp(d->sources.at[i].file, pos.file) == 0)
            src = &d->sources.at[i];
    if (!src)
        return;
    char *text = arena_memdup(d->arena, src->text, src->len), *end = text + src->len, *p = text;
    for (int line = 1; line < pos.line && p < end; line++) {
        char *eol = memchr(p, '\n', (size_t)(end - p));
        p = eol ? eol + 1 : end;
    }
    for (int col = 1; col < pos.col && p < end; col++) {
        size_t k = utf8_char(p, (size_t)(end - p));
        p += k ? k : 1;
    }
    for (; p < end && *p != '\n'; p++)
        *p = '*';
    diags_source(d, src->file, text, src->len); /* the last one of a name is shown */
}

/* A scalar with a value: no list, no null, nothing that ends a line of a configuration file. */
static const char *scalar_text(const char *name, const struct node *n, struct diags *d)
{
    if (n->type != NODE_SCALAR) {
        diag_error(d, n->pos, NULL, "\"%s\" must be a single value, not a %s", name,
                   n->type == NODE_LIST ? "list" : "map");
        return NULL;
    }
    if (decode_is_null(n)) {
        diag_error(d, n->pos, "write a value, or remove the line", "\"%s\" has no value", name);
        return NULL;
    }
    for (size_t i = 0; i < n->len; i++) {
        unsigned char c = (unsigned char)n->text[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)n->text[i + 1] < 0xa0)) {
            diag_error(d, n->pos, "write it in one line, without tabs",
                       "\"%s\" holds a line break or control character", name);
            return NULL;
        }
    }
    return n->text;
}

static char *choices_text(const char *const *choices, struct arena *a)
{
    char *s = arena_strdup(a, choices[0]);
    for (size_t i = 1; choices[i]; i++)
        s = arena_printf(a, "%s%s%s", s, choices[i + 1] ? ", " : " or ", choices[i]);
    return s;
}

/* Index of `text` in the choices, -1 and a diagnostic if it is none of them. */
static int64_t choice_index(const struct field *f, const char *text, struct pos pos, struct arena *a,
                            struct diags *d)
{
    size_t n = 0;
    for (; f->choices[n]; n++)
        if (strcmp(f->choices[n], text) == 0)
            return (int64_t)n;
    const char *near = near_name(text, f->choices, n);
    diag_error(d, pos, near ? arena_printf(a, "did you mean \"%s\"?", near) : NULL,
               "\"%s\" must be %s, not \"%s\"", f->name, choices_text(f->choices, a), shown(text, a));
    return -1;
}

bool decode_is_choice(const struct field *f, const struct node *n)
{
    for (size_t i = 0; n->type == NODE_SCALAR && f->choices[i]; i++)
        if (strcmp(f->choices[i], n->text) == 0)
            return true;
    return false;
}

const char *decode_choice(const struct field *f, const char *name, const struct node *n, struct arena *a,
                          struct diags *d)
{
    struct field named = *f;
    named.name = name;
    const char *t = scalar_text(name, n, d);
    int64_t i = t ? choice_index(&named, t, n->pos, a, d) : -1;
    return i < 0 ? NULL : f->choices[i];
}

bool decode_means_bool(const char *t, bool *ret)
{
    static const char *const words[] = {"no", "off", "false", "yes", "on", "true"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(t, words[i]) == 0) {
            *ret = i >= 3;
            return true;
        }
    return false;
}

static void decode_bool(const struct field *f, const struct node *n, void *p, struct arena *a,
                        struct diags *d)
{
    const char *t = scalar_text(f->name, n, d);
    if (!t)
        return;
    bool yes = strcmp(t, "true") == 0, no = strcmp(t, "false") == 0;
    if ((yes || no) && n->plain) {
        *AT(int8_t, f, p) = yes;
        return;
    }
    bool meant = strcmp(t, "1") == 0, known = meant || strcmp(t, "0") == 0 || decode_means_bool(t, &meant);
    const char *hint = yes || no ? "remove the quotes" : !known ? NULL : meant ? "write true" : "write false";
    diag_error(d, n->pos, hint, "\"%s\" must be true or false, not \"%s\"", f->name, shown(t, a));
}

static int mode_parse(const char *t, int64_t *ret)
{
    size_t n = strlen(t);
    if (n < 3 || n > 4 || strspn(t, "01234567") != n)
        return -1;
    *ret = 0;
    for (; *t; t++)
        *ret = *ret * 8 + (*t - '0');
    return 0;
}

/* "010" is eight to some readers of YAML and ten to others. */
static bool has_leading_zero(const char *t)
{
    t += *t == '-' || *t == '+';
    return t[0] == '0' && t[1];
}

static int number_parse(const struct field *f, const struct node *n, const char *t, int64_t *ret,
                        const char **hint)
{
    switch (f->type) {
    case FIELD_INT:
        *hint = int_parse(t, ret) == 0 && !n->plain ? "remove the quotes"
                                                    : "write it in decimal digits, such as 8";
        return !n->plain || has_leading_zero(t) ? -1 : int_parse(t, ret);
    case FIELD_SIZE:
        *hint = "write bytes, or a number with K, M, G or T behind it, such as 64M";
        return size_parse(t, ret);
    case FIELD_DURATION:
        *hint = "write a number with s, m, h, d, w or y behind it, such as 30m";
        if (strcmp(t, "0") == 0) {
            *ret = 0;
            return 0;
        }
        return duration_parse(t, ret);
    default:
        *hint = "write three or four octal digits, such as 0640";
        return mode_parse(t, ret);
    }
}

static char *number_text(const struct field *f, int64_t v, struct arena *a)
{
    return f->type == FIELD_SIZE       ? size_text(a, v)
           : f->type == FIELD_DURATION ? duration_text(a, v)
                                       : arena_printf(a, "%lld", (long long)v);
}

static void decode_number(const struct field *f, const struct node *n, void *p, struct arena *a,
                          struct diags *d)
{
    static const char *const words[] = {[FIELD_INT] = "a whole number",
                                        [FIELD_SIZE] = "a size",
                                        [FIELD_DURATION] = "a time",
                                        [FIELD_MODE] = "a mode"};
    int64_t v;
    const char *hint, *t = scalar_text(f->name, n, d);
    if (!t)
        return;
    if (number_parse(f, n, t, &v, &hint) < 0) {
        diag_error(d, n->pos, hint, "\"%s\" must be %s, not \"%s\"", f->name, words[f->type], shown(t, a));
    } else if ((f->min || f->max) && f->min == f->max && v != f->min) {
        diag_error(d, n->pos, NULL, "\"%s\" must be %s, not %s", f->name, number_text(f, f->min, a),
                   shown(t, a));
    } else if ((f->min || f->max) && (v < f->min || v > f->max)) {
        diag_error(d, n->pos, NULL, "\"%s\" must be between %s and %s, not %s", f->name,
                   number_text(f, f->min, a), number_text(f, f->max, a), shown(t, a));
    } else {
        *AT(int64_t, f, p) = v;
    }
}

static void decode_secret(const struct field *f, const struct node *n, void *p, struct arena *a,
                          struct diags *d)
{
    const struct node *name = tree_get(n, "secret");
    if (n->type != NODE_MAP || n->n != 1 || !name) {
        decode_hide(d, n->pos);
        diag_error(d, n->pos,
                   "put it into the store with `citrus secret set NAME`, and write {secret: NAME} here",
                   "\"%s\" is a secret, which is never written in a manifest", f->name);
        return;
    }
    const char *t = scalar_text("secret", name, d);
    if (t && decode_check(f, t, name->pos, a, d))
        *AT(const char *, f, p) = t;
}

static void decode_words(const struct field *f, const struct node *n, void *p, struct arena *a,
                         struct diags *d)
{
    struct strings s = {.at = arena_array(a, const char *, n->n + 1)};
    if (n->type != NODE_LIST && !decode_is_null(n)) {
        diag_error(d, n->pos, n->type == NODE_SCALAR ? "put it in brackets: [a] or [a, b]" : NULL,
                   "\"%s\" must be a list", f->name);
        return;
    }
    for (size_t i = 0; n->type == NODE_LIST && i < n->n; i++) {
        const char *t = scalar_text(f->name, n->items[i], d);
        if (!t || !decode_check(f, t, n->items[i]->pos, a, d) ||
            (f->choices && choice_index(f, t, n->items[i]->pos, a, d) < 0))
            continue;
        s.at[s.n++] = t;
    }
    *AT(struct strings, f, p) = s;
}

/* A list is short; an included one may still be a thousand names, hence the limit on what is compared. */
static void check_twice(const struct field *f, const struct node *n, struct arena *a, struct diags *d)
{
    for (size_t i = 1; n->type == NODE_LIST && i < n->n && i < 1000; i++)
        for (size_t k = 0; k < i; k++)
            if (n->items[i]->type == NODE_SCALAR && n->items[k]->type == NODE_SCALAR &&
                strcmp(n->items[i]->text, n->items[k]->text) == 0) {
                diag_error(d, n->items[i]->pos,
                           arena_printf(a, "the first is in line %d", n->items[k]->pos.line),
                           "\"%s\" stands twice in \"%s\"", shown(n->items[i]->text, a), f->name);
                break;
            }
}

static void decode_pairs(const struct field *f, const struct node *n, void *p, struct arena *a,
                         struct diags *d)
{
    struct strmap m = {.at = arena_array(a, struct strmap_item, n->n + 1)};
    if (n->type != NODE_MAP && !decode_is_null(n)) {
        diag_error(d, n->pos, "write it as {name: value}", "\"%s\" must be a map", f->name);
        return;
    }
    for (size_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
        bool good = decode_check(f, n->keys[i]->text, n->keys[i]->pos, a, d);
        const char *t = scalar_text(n->keys[i]->text, n->items[i], d);
        if (good && t)
            m.at[m.n++] = (struct strmap_item){
                .name = n->keys[i]->text, .value = t, .pos = n->items[i]->pos, .quoted = !n->items[i]->plain};
    }
    *AT(struct strmap, f, p) = m;
}

void decode_value(const struct field *f, const struct node *n, void *p, struct arena *a, struct diags *d)
{
    const char *t;
    int64_t v;
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
        t = scalar_text(f->name, n, d);
        if (t && decode_check(f, t, n->pos, a, d))
            *AT(const char *, f, p) = t;
        break;
    case FIELD_BOOL:
        decode_bool(f, n, p, a, d);
        break;
    case FIELD_ENUM:
        t = scalar_text(f->name, n, d);
        v = t ? choice_index(f, t, n->pos, a, d) : -1;
        if (v >= 0 && decode_check(f, t, n->pos, a, d))
            *AT(int64_t, f, p) = v;
        break;
    case FIELD_SECRET:
        decode_secret(f, n, p, a, d);
        break;
    case FIELD_STRINGS:
        check_twice(f, n, a, d);
        decode_words(f, n, p, a, d);
        break;
    case FIELD_STRMAP:
        decode_pairs(f, n, p, a, d);
        break;
    default:
        decode_number(f, n, p, a, d);
        break;
    }
}

void decode_default(const struct field *f, void *p, struct arena *a, struct diags *d)
{
    struct node n = {.type = NODE_SCALAR, .text = f->def, .len = strlen(f->def), .plain = true};
    if (f->type != FIELD_STRINGS) {
        decode_value(f, &n, p, a, d);
        return;
    }
    struct strings s = {.at = arena_array(a, const char *, n.len)};
    char *rest = arena_strndup(a, f->def + 1, n.len - 2), *word;
    while ((word = strsep(&rest, ", ")))
        if (*word)
            s.at[s.n++] = word;
    *AT(struct strings, f, p) = s;
}
