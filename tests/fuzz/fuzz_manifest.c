/* libFuzzer: any text is either a manifest or has diagnostics, and both can be shown. */
#include "manifest.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct diags d;
    struct buf out = {0};
    struct bundle_file file = {.name = "fuzz.yaml", .text = (const char *)data, .len = size};
    struct bundle b = {.at = &file, .n = 1};
    diags_init(&d, &a);
    const struct manifest *m = manifest_parse(&b, &a, &d);
    if ((m == NULL) != (d.errors > 0))
        abort();
    diags_render(&d, &out, true);
    buf_free(&out);
    arena_free(&a);
    return 0;
}
