/* Memory in pages of 2 MiB. What a process is given for the first time costs a fault for each page: of 2 MiB
 * one in place of 512, each of which was measured at 20 us on a virtual machine whose host keeps its tables
 * (docs/performance.md). Such a page is cleared whole, so less than half a one is not worth it. Where the
 * kernel has none to give (/sys/kernel/mm/transparent_hugepage/enabled is `never`, or none is free), small
 * pages come as ever. */
#ifndef CITRUS_HUGE_PAGES_H
#define CITRUS_HUGE_PAGES_H
#include <stddef.h>

#define HUGE_PAGE ((size_t)1 << 21)

/* `bytes` more are about to be taken from malloc(), the libraries' among them, by the first thread. The first
 * call counts, and what is not taken costs nothing. */
void huge_pages_expect(size_t bytes);
/* How much of it was not taken yet. */
size_t huge_pages_left(void);

/* HUGE_PAGE bytes, zeroed; munmap() gives them back. NULL: none, or what looks for leaks would not see
 * into it. */
void *huge_page_new(void);

#endif
