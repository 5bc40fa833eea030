#include "parts.h"
#include "parts_text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The site without what concerns it alone (FIELD_LOCAL). Of its ini, the memory budget depends on one line.
 */
static struct hash128 meaning(const struct manifest_site *s, struct buf *b)
{
    static const struct record *site;
    if (!site)
        site = record_field(&manifest_record, "sites")->of;
    buf_reset(b);
    pack_text(b, s->domain);
    record_image_without(site, s, FIELD_LOCAL, b);
    const char *limit = strmap_get(&s->php.ini, "memory_limit");
    if (limit)
        pack_text(b, limit);
    return hash_bytes(b->at, b->len);
}

/* --- noting ------------------------------------------------------------------------------------------------
 */

struct placed {
    const struct manifest_site *site;
    const struct bundle_file *file;
};

static int place_order(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    int p = a->site->origin.pos.line, q = b->site->origin.pos.line;
    return (p > q) - (p < q);
}

static const struct bundle_file *file_of(const struct bundle *b, const char *name)
{
    for (size_t i = 0; name && i < b->n; i++)
        if (b->at[i].name == name || strcmp(b->at[i].name, name) == 0)
            return &b->at[i];
    return NULL;
}

/* NULL: a site stands nowhere. */
static struct placed *sites_by_place(const struct bundle *b, const struct manifest *m, struct arena *a)
{
    const struct manifest_site *sites = m->sites.at;
    struct placed *list = arena_array(a, struct placed, m->sites.n + 1);
    const struct bundle_file *f = NULL;
    for (size_t i = 0; i < m->sites.n; i++) {
        const char *name = sites[i].origin.pos.file;
        f = f && f->name == name ? f : file_of(b, name);
        if (!f)
            return NULL;
        list[i] = (struct placed){&sites[i], f};
    }
    if (m->sites.n)
        qsort(list, m->sites.n, sizeof *list, place_order);
    return list;
}

/* One file: what stands before its sites, and each site's text and meaning. What it is called says nothing.
 */
static bool note_file(const struct bundle_file *f, const struct placed *sites, size_t n, struct buf *out)
{
    const struct pos first = n ? sites[0].site->origin.pos : (struct pos){.line = 1, .col = 1};
    struct part_text t = {.text = f->text, .len = f->len, .indent = (size_t)first.col - 1};
    struct buf image = {0};
    size_t at = f->len, line = (size_t)first.line;
    bool good = !n || (t.indent > 0 && part_text_begin(&t, first.line, n, &at));
    pack_number(out, n);
    pack_number(out, t.indent);
    pack_number(out, at);
    pack_number(out, part_text_lines(f->text, at));
    pack_hash(out, hash_bytes(f->text, at));
    for (size_t i = 0; good && i < n; i++) {
        size_t end = part_text_next(&t, at), lines = part_text_lines(f->text + at, end - at);
        good = (size_t)sites[i].site->origin.pos.line == line && sites[i].site->origin.pos.col == first.col;
        pack_number(out, end - at);
        pack_number(out, lines);
        pack_hash(out, hash_bytes(f->text + at, end - at));
        pack_hash(out, meaning(sites[i].site, &image));
        at = end;
        line += lines;
    }
    buf_free(&image);
    return good;
}

bool parts_note(const struct bundle *b, const struct manifest *m, struct buf *out)
{
    struct arena a = {0};
    struct placed *sites = sites_by_place(b, m, &a);
    size_t before = out->len, at = 0;
    bool good = sites != NULL;
    pack_number(out, b->n);
    for (size_t i = 0; good && i < b->n; i++) {
        size_t n = 0;
        while (at + n < m->sites.n && sites[at + n].file == &b->at[i])
            n++;
        good = note_file(&b->at[i], sites + at, n, out);
        at += n;
    }
    arena_free(&a);
    if (!good)
        out->len = before;
    return good;
}

/* --- narrowing ---------------------------------------------------------------------------------------------
 */

struct part {
    uint64_t len, lines;
    struct hash128 text, meant;
};
_Static_assert(sizeof(struct part) == 2 * sizeof(uint64_t) + 2 * sizeof(struct hash128), "as it is packed");
struct noted_file {
    size_t n, indent, head, head_lines;
    struct hash128 head_text;
    const void *parts; /* n packed struct part, which may lie anywhere */
};

static struct part part_at(const struct noted_file *f, size_t i)
{
    struct part p;
    memcpy(&p, (const char *)f->parts + i * sizeof p, sizeof p);
    return p;
}

static struct noted_file read_file(struct unpack *u)
{
    struct noted_file f = {.n = unpack_number(u)};
    f.indent = unpack_number(u);
    f.head = unpack_number(u);
    f.head_lines = unpack_number(u);
    f.head_text = unpack_hash(u);
    u->bad = u->bad || f.n > (size_t)(u->end - u->at) / sizeof(struct part);
    f.parts = u->bad ? NULL : unpack_bytes(u, f.n * sizeof(struct part));
    return f;
}

static bool is_text(const char *text, size_t len, struct hash128 then)
{
    return hash_equal(hash_bytes(text, len), then);
}

/* From where to where parts changed: [first, last) of the noted ones, [from, to) of the text. */
struct change {
    size_t first, last, from, to, lines;
};

static bool find_change(const struct noted_file *f, const char *text, size_t len, struct change *ret)
{
    struct change c = {.last = f->n, .from = f->head, .to = len, .lines = f->head_lines};
    if (f->head > len || !is_text(text, f->head, f->head_text))
        return false;
    for (; c.first < f->n; c.first++) {
        struct part p = part_at(f, c.first);
        if (p.len > len - c.from || !is_text(text + c.from, p.len, p.text))
            break;
        c.from += p.len;
        c.lines += p.lines;
    }
    for (; c.last > c.first; c.last--) {
        struct part p = part_at(f, c.last - 1);
        if (p.len > c.to - c.from || !is_text(text + c.to - p.len, p.len, p.text))
            break;
        c.to -= p.len;
    }
    *ret = c;
    return (c.first == c.last) == (c.from == c.to); /* else something came in between, or went */
}

/* What is parsed of it: the head, an empty line for each of what is left out, what changed. */
static void cut(const struct noted_file *f, const struct bundle_file *file, const struct change *c,
                struct arena *a, struct bundle_file *ret)
{
    size_t gap = c->lines - f->head_lines, n = c->to - c->from;
    if (n == 0)
        gap = 0;
    char *text = arena_alloc(a, f->head + gap + n + 1);
    memcpy(text, file->text, f->head);
    memset(text + f->head, '\n', gap);
    memcpy(text + f->head + gap, file->text + c->from, n);
    *ret = (struct bundle_file){.name = file->name, .text = text, .len = f->head + gap + n};
}

static bool narrow_file(const struct noted_file *f, const struct bundle_file *file, bool is_main,
                        struct arena *a, struct bundle_file *into, struct narrowed *ret)
{
    struct change c;
    if (!find_change(f, file->text, file->len, &c))
        return false;
    size_t n = c.last - c.first;
    if (n == 0 && !is_main) {
        *into = (struct bundle_file){.name = file->name, .text = ""};
        return true;
    }
    if (n && !part_text_holds(file->text + c.from, c.to - c.from, f->indent, n, c.last == f->n))
        return false;
    cut(f, file, &c, a, into);
    struct hash128 *all = arena_array(a, struct hash128, ret->n + n + 1);
    if (ret->n)
        memcpy(all, ret->meant, ret->n * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[ret->n + i] = part_at(f, c.first + i).meant;
    ret->meant = all;
    ret->n += n;
    return true;
}

int parts_narrow(struct unpack *noted, const struct bundle *b, struct arena *a, struct narrowed *ret)
{
    struct narrowed n = {.bundle.at = arena_array(a, struct bundle_file, b->n + 1)};
    bool good = unpack_count(noted, 1) == b->n;
    for (; good && n.bundle.n < b->n; n.bundle.n++) {
        size_t i = n.bundle.n;
        struct noted_file f = read_file(noted);
        good = !noted->bad && narrow_file(&f, &b->at[i], i == 0, a, &n.bundle.at[i], &n);
    }
    if (!good || noted->bad || n.n == 0)
        return -ESTALE;
    *ret = n;
    return 0;
}

static int hash_order(const void *x, const void *y)
{
    return memcmp(x, y, sizeof(struct hash128));
}

bool parts_hold(const struct narrowed *n, const struct manifest *m)
{
    struct arena a = {0};
    struct buf image = {0};
    const struct manifest_site *sites = m->sites.at;
    struct hash128 *then = arena_array(&a, struct hash128, n->n + 1);
    struct hash128 *now = arena_array(&a, struct hash128, m->sites.n + 1);
    bool same = m->sites.n == n->n && n->n > 0;
    for (size_t i = 0; same && i < n->n; i++) {
        then[i] = n->meant[i];
        now[i] = meaning(&sites[i], &image);
    }
    if (same) {
        qsort(then, n->n, sizeof *then, hash_order);
        qsort(now, n->n, sizeof *now, hash_order);
        same = memcmp(then, now, n->n * sizeof *now) == 0;
    }
    buf_free(&image);
    arena_free(&a);
    return same;
}
