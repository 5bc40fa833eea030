/* What the tests of this folder share: cmocka's includes, and a text's diagnostics as one text. */
#ifndef CITRUS_TESTING_H
#define CITRUS_TESTING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs those above
#include "manifest.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct arena arena;
    struct diags diags;
    struct buf out;
};

static inline int world_new(void **state)
{
    struct world *w = xmalloc(sizeof *w);
    memset(w, 0, sizeof *w);
    diags_init(&w->diags, &w->arena);
    *state = w;
    return 0;
}

static inline int world_free(void **state)
{
    struct world *w = *state;
    buf_free(&w->out);
    arena_free(&w->arena);
    free(w);
    return 0;
}

static inline const char *world_says(struct world *w)
{
    buf_reset(&w->out);
    diags_render(&w->diags, &w->out, false);
    return buf_str(&w->out);
}

#define assert_says(w, text)                                                                                 \
    do {                                                                                                     \
        if (!strstr(world_says(w), (text)))                                                                  \
            fail_msg("expected \"%s\" in:\n%s", (text), buf_str(&(w)->out));                                 \
    } while (0)

static inline struct manifest *world_parse(struct world *w, const char *text)
{
    struct bundle_file *f = arena_new(&w->arena, struct bundle_file);
    *f = (struct bundle_file){.name = "server.yaml", .text = text, .len = strlen(text)};
    struct bundle b = {.at = f, .n = 1};
    return manifest_parse(&b, &w->arena, &w->diags);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

#endif
