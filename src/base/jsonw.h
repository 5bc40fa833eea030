/* Writing JSON, straight into a buf. Reading is jansson's. Commas and indentation are the writer's
 * matter; strings are escaped, and bytes that are no UTF-8 become U+FFFD.
 *
 *     struct jsonw j; jw_init(&j, &buf, true);
 *     jw_object(&j, NULL); jw_str(&j, "name", "web-01"); jw_end(&j); */
#ifndef CITRUS_JSONW_H
#define CITRUS_JSONW_H
#include "buf.h"
#include <stdbool.h>
#include <stdint.h>

struct jsonw {
    struct buf *out;
    int depth;
    bool pretty, first;
    char stack[64]; /* '{' or '[' */
};

void jw_init(struct jsonw *j, struct buf *out, bool pretty);
/* `key` is NULL inside arrays and at the top. */
void jw_object(struct jsonw *j, const char *key);
void jw_array(struct jsonw *j, const char *key);
void jw_end(struct jsonw *j);
void jw_str(struct jsonw *j, const char *key, const char *s); /* NULL: null */
void jw_strn(struct jsonw *j, const char *key, const char *s, size_t n);
void jw_int(struct jsonw *j, const char *key, int64_t v);
void jw_bool(struct jsonw *j, const char *key, bool v);
void jw_null(struct jsonw *j, const char *key);
void jw_raw(struct jsonw *j, const char *key, const char *text); /* text is JSON already */

#endif
