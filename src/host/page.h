/* What a page says of itself. Only what is ours to say is handed over, and the title: a page of errors may
 * hold what nobody should read in a log. Private to this folder. */
#ifndef CITRUS_PAGE_H
#define CITRUS_PAGE_H
#include "arena.h"

/* The <title>, at most a hundred characters on one line; NULL: none. */
const char *page_title(const char *body, size_t len, struct arena *a);
/* Why the page shows that PHP or WordPress broke, as a sentence's part ("PHP ended with a fatal error");
 * NULL: nothing shows it. */
const char *page_fault(const char *body, size_t len);

#endif
