/* What a text must be before YAML is read from it, and libyaml's complaints in words that help.
 * Only tree.c uses this. */
#ifndef CITRUS_TREE_TEXT_H
#define CITRUS_TREE_TEXT_H
#include "diag.h"
#include <yaml.h>

/* UTF-8 of at most 8 MiB without control characters. Moves past a byte order mark. false: in `d`. */
bool tree_text_check(const char *file, const char **text, size_t *len, struct diags *d);
void tree_syntax_error(const yaml_parser_t *p, const char *file, struct diags *d);

#endif
