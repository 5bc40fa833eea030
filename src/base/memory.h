/* Memory in huge pages. What a process is given for the first time costs a fault for each page, 0.3 us on a
 * machine and up to 20 us on a virtual one whose host keeps its tables; of 2 MiB it is one fault in place of
 * 512. A page of 2 MiB is cleared whole (50 to 100 us), so less than half a one is not worth it. Where the
 * kernel has none to give (/sys/kernel/mm/transparent_hugepage/enabled is `never`, or none is free), small
 * pages come as ever. */
#ifndef CITRUS_MEMORY_H
#define CITRUS_MEMORY_H
#include <stddef.h>

#define MEMORY_HUGE_PAGE ((size_t)1 << 21)

/* `bytes` more are about to be taken from malloc() by this thread, the libraries' among them. */
void memory_expect(size_t bytes);
/* How much of it was not taken yet. */
size_t memory_left(void);

/* MEMORY_HUGE_PAGE bytes, zeroed; munmap() gives them back. NULL: none, or what looks for leaks would not see
 * into it. */
void *memory_huge_page(void);

#endif
