#include "generator.h"
#include "buf.h"
#include <stdlib.h>
#include <string.h>

#define SITES   8
#define ALIASES 7
#define SLOTS   64

uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t rng_below(struct rng *r, size_t n)
{
    return (size_t)((rng_next(r) >> 32) * n >> 32); /* n is small: the bias is nothing here */
}

bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

struct site {
    bool there, apart; /* apart: in a file of its own, which is included */
    unsigned type;
    bool alias[ALIASES];
    const char *value[SLOTS]; /* of site_slots; NULL: not written */
};
struct generator {
    struct arena *a;
    struct rng rng;
    enum profile profile;
    bool begun;
    const char *server[SLOTS];
    struct site sites[SITES];
    char *last; /* what generator_next() gave */
};

static const char *roll(struct generator *g, const struct slot *s)
{
    bool server = g->profile == PROFILE_SERVER;
    unsigned odds = server && s->server_odds ? s->server_odds : s->odds;
    const char *const *values = server && s->server_values ? s->server_values : s->values;
    size_t n = 0;
    bool written = odds != NEVER && rng_chance(&g->rng, odds);
    uint64_t which = rng_next(&g->rng) >> 32;
    if (!written)
        return NULL;
    if (!values)
        return arena_printf(g->a, "%lld%s",
                            (long long)(s->min + (int64_t)(which % (uint64_t)(s->max - s->min + 1))),
                            s->unit ? s->unit : "");
    while (values[n])
        n++;
    return values[which % n];
}

/* Most sites of a server are plain: WordPress takes seconds. */
static unsigned roll_type(struct generator *g)
{
    static const unsigned char offline[] = {TYPE_HTML,      TYPE_PHP,   TYPE_PHP,     TYPE_WORDPRESS,
                                            TYPE_WORDPRESS, TYPE_PROXY, TYPE_REDIRECT};
    static const unsigned char server[] = {TYPE_HTML, TYPE_HTML, TYPE_HTML,  TYPE_PHP,      TYPE_PHP,
                                           TYPE_PHP,  TYPE_PHP,  TYPE_PROXY, TYPE_REDIRECT, TYPE_WORDPRESS};
    return g->profile == PROFILE_SERVER ? server[rng_below(&g->rng, sizeof server)]
                                        : offline[rng_below(&g->rng, sizeof offline)];
}

static void roll_site(struct generator *g, struct site *s)
{
    s->type = roll_type(g);
    s->apart = g->profile != PROFILE_SERVER && rng_chance(&g->rng, 20);
    for (size_t i = 0; i < ALIASES; i++)
        s->alias[i] = rng_chance(&g->rng, 15);
    for (size_t i = 0; i < n_site_slots; i++)
        s->value[i] = roll(g, &site_slots[i]);
}

static void roll_all(struct generator *g)
{
    for (size_t i = 0; i < n_server_slots; i++)
        g->server[i] = roll(g, &server_slots[i]);
    for (size_t i = 0; i < SITES; i++) {
        g->sites[i].there = rng_chance(&g->rng, 35);
        roll_site(g, &g->sites[i]);
    }
}

static void change_site(struct generator *g, struct site *s)
{
    size_t i = rng_below(&g->rng, n_site_slots + ALIASES + 3);
    if (i < n_site_slots)
        s->value[i] = roll(g, &site_slots[i]);
    else if (i < n_site_slots + ALIASES)
        s->alias[i - n_site_slots] ^= true;
    else if (i == n_site_slots + ALIASES)
        s->apart = !s->apart && g->profile != PROFILE_SERVER;
    else
        s->type = roll_type(g);
}

static void change(struct generator *g)
{
    size_t what = rng_below(&g->rng, 10);
    struct site *s = &g->sites[rng_below(&g->rng, SITES)];
    if (what < 2) {
        s->there = !s->there;
    } else if (what < 4) {
        size_t i = rng_below(&g->rng, n_server_slots);
        g->server[i] = roll(g, &server_slots[i]);
    } else {
        for (size_t n = 1 + rng_below(&g->rng, 6); n > 0; n--)
            change_site(g, s);
    }
}

/* What concerns one site alone: FIELD_LOCAL of the field tables. */
static bool is_local(const char *path)
{
    static const char *const local[] = {"nginx/",       "php/ini/", "php/max_",         "php/process_manager",
                                        "tls/redirect", "tls/hsts", "wordpress/config", "wordpress/title",
                                        "health/"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strncmp(path, local[i], strlen(local[i])) == 0)
            return strcmp(path, "php/ini/memory_limit") != 0; /* the memory budget takes it */
    return false;
}

static void touch_one(struct generator *g)
{
    struct site *s = &g->sites[rng_below(&g->rng, SITES)];
    for (size_t i = 0; s->there && i < n_site_slots; i++)
        if (is_local(site_slots[i].path) && rng_chance(&g->rng, 20))
            s->value[i] = roll(g, &site_slots[i]);
}

/* --- what is valid together --------------------------------------------------------------------------- */

static size_t slot_index(const struct slot *slots, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].path, path) == 0)
            return i;
    abort();
}

static const char *server_value(const struct generator *g, const char *path)
{
    return g->server[slot_index(server_slots, n_server_slots, path)];
}

static const char *site_value(const struct site *s, const char *path)
{
    return s->value[slot_index(site_slots, n_site_slots, path)];
}

static bool is(const char *value, const char *word)
{
    return value && strcmp(value, word) == 0;
}

static bool server_fits(const struct generator *g, const char *path, const char *value)
{
    const char *versions = server_value(g, "php/versions");
    if (strcmp(path, "php/default") == 0)
        return versions && strstr(versions, value);
    if (strcmp(path, "sources/wp_cli/url") == 0)
        return server_value(g, "sources/wp_cli/sha256");
    for (size_t i = 0; strcmp(path, "mariadb/enabled") == 0 && is(value, "false") && i < SITES; i++)
        if (g->sites[i].there && g->sites[i].type == TYPE_WORDPRESS)
            return false;
    return true;
}

static bool tls_fits(const struct site *s, const char *path, const char *value)
{
    const char *issuer = site_value(s, "tls/issuer"), *age = site_value(s, "tls/hsts/max_age");
    bool none = is(issuer, "none"), sends = !none && age && !is(age, "0");
    if (strcmp(path, "tls/files") == 0)
        return is(issuer, "files");
    if (strcmp(path, "tls/days") == 0)
        return !issuer || is(issuer, "self-signed");
    if (strcmp(path, "tls/redirect") == 0)
        return !none || is(value, "false");
    if (strcmp(path, "tls/hsts/max_age") == 0)
        return !none || is(value, "0");
    if (strcmp(path, "tls/hsts/include_subdomains") == 0)
        return sends || is(value, "false");
    if (strcmp(path, "tls/hsts/preload") == 0)
        return is(value, "false") ||
               (sends && !is(age, "90s") && is(site_value(s, "tls/hsts/include_subdomains"), "true"));
    return true;
}

static bool site_fits(const struct generator *g, const struct site *s, const struct slot *slot,
                      const char *value)
{
    const char *versions = server_value(g, "php/versions");
    if (slot->types && !(slot->types & 1u << s->type))
        return false;
    if (strncmp(slot->path, "tls/", 4) == 0)
        return tls_fits(s, slot->path, value);
    if (strcmp(slot->path, "php/version") == 0)
        return !versions || strstr(versions, value);
    /* the server's and the site's own would be the same twice */
    if (strcmp(slot->path, "php/ini/memory_limit") == 0)
        return !site_value(s, "php/memory_limit");
    return true;
}

/* --- text --------------------------------------------------------------------------------------------- */

static void indent(struct buf *b, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        buf_adds(b, "  ");
}

/* Opens what `path` needs beyond what `last` opened, and writes the value. */
static void write_value(struct buf *b, size_t depth, const char *last, const char *path, const char *value)
{
    size_t same = 0;
    for (size_t i = 0; path[i] && path[i] == last[i]; i++)
        if (path[i] == '/')
            same = i + 1;
    for (size_t i = 0; i < same; i++)
        depth += path[i] == '/';
    for (const char *part = path + same, *slash; part; part = slash ? slash + 1 : NULL) {
        slash = strchr(part, '/');
        indent(b, depth++);
        if (slash)
            buf_addf(b, "%.*s:\n", (int)(slash - part), part);
        else
            buf_addf(b, "%s: %s\n", part, value);
    }
}

static void write_server(struct generator *g, struct buf *b)
{
    const char *last = "";
    buf_adds(b, "server:\n");
    for (size_t i = 0; i < n_server_slots; i++) {
        const struct slot *s = &server_slots[i];
        const char *value = g->server[i];
        if (g->profile == PROFILE_BARE && strcmp(s->path, "php/versions") == 0 && !value)
            value = g->server[i] = s->values[0];
        if (!value || !server_fits(g, s->path, value))
            continue;
        write_value(b, 1, last, s->path, value);
        last = s->path;
    }
}

static bool name_free(const struct generator *g, const char *name, const bool *taken, size_t alias)
{
    for (size_t i = 0; i < SITES; i++)
        if (g->sites[i].there && strcmp(generator_domains[i], name) == 0)
            return false;
    return !taken[alias];
}

static void write_aliases(const struct generator *g, const struct site *s, bool *taken, struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < ALIASES; i++) {
        if (!s->alias[i] || !name_free(g, generator_aliases[i], taken, i))
            continue;
        taken[i] = true;
        if (n == 0)
            indent(b, 2);
        buf_addf(b, "%s%s", n++ ? ", " : "aliases: [", generator_aliases[i]);
    }
    if (n)
        buf_adds(b, "]\n");
}

static void write_site(struct generator *g, size_t at, bool *taken, struct buf *b)
{
    const struct site *s = &g->sites[at];
    const char *last = "";
    buf_addf(b, "  %s:\n    type: %s\n", generator_domains[at], type_names[s->type]);
    write_aliases(g, s, taken, b);
    for (size_t i = 0; i < n_site_slots; i++) {
        const struct slot *slot = &site_slots[i];
        const char *value = s->value[i];
        if (!value || !site_fits(g, s, slot, value))
            continue;
        if (strcmp(slot->path, "tls/files") == 0) {
            write_value(b, 2, last, "tls/certificate",
                        arena_printf(g->a, GENERATOR_TLS "/%s/cert.pem", value));
            write_value(b, 2, "tls/certificate", "tls/key",
                        arena_printf(g->a, GENERATOR_TLS "/%s/key.pem", value));
            last = "tls/key";
            continue;
        }
        write_value(b, 2, last, slot->path, value);
        last = slot->path;
    }
}

static void add_file(struct generator *g, struct bundle *ret, const char *name, struct buf *b)
{
    ret->at[ret->n++] = (struct bundle_file){name, arena_strdup(g->a, buf_str(b)), b->len};
    buf_reset(b);
}

static void write_all(struct generator *g, struct bundle *ret)
{
    struct buf b = {0};
    bool taken[ALIASES] = {false}, here = false, apart = false;
    ret->at = arena_array(g->a, struct bundle_file, SITES + 1);
    ret->n = 0;
    for (size_t i = 0; i < SITES; i++) {
        here |= g->sites[i].there && !g->sites[i].apart;
        apart |= g->sites[i].there && g->sites[i].apart;
    }
    buf_addf(&b, "citrus: 1\n%s", apart ? "include: [\"sites/*.yaml\"]\n" : "");
    write_server(g, &b);
    if (here)
        buf_adds(&b, "sites:\n");
    for (size_t i = 0; i < SITES; i++)
        if (g->sites[i].there && !g->sites[i].apart)
            write_site(g, i, taken, &b);
    add_file(g, ret, "server.yaml", &b);
    for (size_t i = 0; i < SITES; i++) {
        if (!g->sites[i].there || !g->sites[i].apart)
            continue;
        buf_adds(&b, "sites:\n");
        write_site(g, i, taken, &b);
        add_file(g, ret, arena_printf(g->a, "sites/%s.yaml", generator_domains[i]), &b);
    }
    buf_free(&b);
}

struct generator *generator_new(uint64_t seed, enum profile profile, struct arena *a)
{
    struct generator *g = arena_new(a, struct generator);
    if (n_server_slots > SLOTS || n_site_slots > SLOTS)
        abort();
    g->a = a;
    g->rng.state = seed;
    g->profile = profile;
    return g;
}

void generator_touch(struct generator *g, struct bundle *ret)
{
    char *text = NULL;
    for (int tries = 0; tries < 100; tries++) {
        touch_one(g);
        write_all(g, ret);
        text = bundle_to_json(ret, g->a);
        if (g->last && strcmp(text, g->last) != 0) {
            g->last = text;
            return;
        }
    }
    generator_next(g, ret);
}

void generator_next(struct generator *g, struct bundle *ret)
{
    char *text;
    if (!g->begun)
        roll_all(g);
    do {
        for (size_t n = g->begun ? 1 + rng_below(&g->rng, 6) : 0; n > 0; n--)
            change(g);
        write_all(g, ret);
        text = bundle_to_json(ret, g->a);
    } while (g->last && strcmp(text, g->last) == 0);
    g->last = text;
    g->begun = true;
}
