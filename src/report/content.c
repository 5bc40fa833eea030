#include "content.h"

bool content_diff(struct engine *e, const struct change *c, struct redactor *red, const struct diff_style *s,
                  struct buf *out)
{
    bool any = false;
    struct buf before = {0}, after = {0}, clean_before = {0}, clean_after = {0};
    struct arena a = {0};
    struct kind_ctx ctx = {.host = e->host, .arena = &a};
    if (c->res->kind->text && c->res->kind->text(&ctx, c, &before, &after, NULL) == 0) {
        redact_found(red, &before, &after, &clean_before);
        redact(red, buf_str(&after), after.len, &clean_after);
        any = diff_text(&clean_before, &clean_after, s, out);
    }
    buf_wipe(&before);
    buf_wipe(&after);
    buf_wipe(&clean_before);
    buf_wipe(&clean_after);
    arena_free(&a);
    return any;
}
