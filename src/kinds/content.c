/* Contents of files: the bytes are carried, their digest is what is compared and stored. */
#include "specs.h"

void content_digest(struct arena *a, const struct bytes *b, const char **digest)
{
    char hex[HASH_HEX];

    hash_hex(hash_bytes(b->at, b->len), hex);
    *digest = arena_strdup(a, hex);
}

void file_content(struct arena *a, struct file_spec *s, const char *p, size_t n, bool sensitive)
{
    /* `at == NULL` means unset: an empty content is declared all the same. */
    s->content = (struct bytes){p ? p : "", n};
    s->digest = s->secret_digest = NULL;
    content_digest(a, &s->content, sensitive ? &s->secret_digest : &s->digest);
}
