/* A changed manifest, planned for the sites alone whose part changed: where a look that found nothing to do
 * told of all else, nothing that it looked at changed since, and the texts differ within sites' own parts.
 * docs/architecture.md, "A narrow plan". */
#include "parts.h"
#include "session.h"
#include <string.h>

void narrow_allow(struct session *s)
{
    const struct options *o = s->o;
    s->narrow.allowed = !o->verify && !o->fresh && !o->out && !o->n_sites;
}

/* Whether it leads to a plan that can be told apart from one of all: nothing to be taken back, nothing half
 * rotated. */
static bool is_quiet(struct session *s)
{
    struct store_tx *open;
    struct store_awaiting w;
    struct store_owed *owed;
    size_t n, k;
    return s->diags.list.n == 0 && !store_anew(s->store) &&
           store_tx_open(s->store, &s->arena, &open, &n, NULL) == 0 && n == 0 &&
           store_awaiting_get(s->store, &w, NULL) == 0 && w.tx == 0 &&
           store_owed_list(s->store, &s->arena, &owed, &k, NULL) == 0 && k == 0;
}

/* What the catalog asks of the machine: all of it lies in what the look looked at. */
static void facts_note(const struct facts *f, struct buf *out)
{
    const char *const texts[] = {f->nginx, f->mariadb, f->openssl, f->php, f->web_user};
    pack_number(out, (uint64_t)f->memory);
    pack_number(out, (uint64_t)f->cpus);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pack_number(out, texts[i] != NULL);
        pack_text(out, texts[i] ? texts[i] : "");
    }
}

static struct facts facts_noted(struct unpack *u)
{
    struct facts f = {.memory = (int64_t)unpack_number(u)};
    f.cpus = (int64_t)unpack_number(u);
    const char **const texts[] = {&f.nginx, &f.mariadb, &f.openssl, &f.php, &f.web_user};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool known = unpack_number(u);
        const char *text = unpack_text(u);
        *texts[i] = known ? text : NULL;
    }
    return f;
}

static const char *const *names_of(const struct manifest *m, struct arena *a)
{
    const struct manifest_site *sites = m->sites.at;
    const char **names = arena_array(a, const char *, m->sites.n + 1);
    for (size_t i = 0; i < m->sites.n; i++)
        names[i] = sites[i].domain;
    return names;
}

bool narrow_taken(struct session *s)
{
    struct store_glance g;
    struct narrowed cut;
    struct narrow *w = arena_new(&s->arena, struct narrow);
    if (!s->narrow.allowed || !is_quiet(s) ||
        store_glance_base(s->store, glance_base(s), &s->arena, &g, NULL) < 0)
        return false;
    struct unpack u = unpack_from(g.whole, g.whole_len);
    struct facts facts = facts_noted(&u);
    if (parts_narrow(&u, &s->bundle, &s->arena, &cut) < 0 || engine_narrow_read(&u, &s->arena, w) < 0 ||
        !glance_holds(s, &g))
        return false;
    struct manifest *m = manifest_parse(&cut.bundle, &s->arena, &s->diags);
    bool good = m && s->diags.list.n == 0 && parts_hold(&cut, m);
    diags_init(&s->diags, &s->arena); /* what is wrong is said of the whole */
    if (!good)
        return false;
    store_few(s->store);
    w->sites = names_of(m, &s->arena);
    s->narrow.of = w;
    s->facts = facts;
    s->manifest = m;
    return true;
}

void narrow_note(struct session *s, struct store_glance *g)
{
    struct buf b = {0};
    const char **rotating;
    size_t n;
    facts_note(&s->facts, &b);
    if (!s->o->n_sites && session_rotations(s, &rotating, &n, NULL) == 0 && n == 0 &&
        parts_note(&s->bundle, s->manifest, &b) && engine_narrow_note(s->plan, &s->catalog, &b)) {
        g->base = glance_base(s);
        g->whole = arena_memdup(&s->arena, b.at, b.len);
        g->whole_len = b.len;
    }
    buf_free(&b);
}
