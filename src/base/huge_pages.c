#include "huge_pages.h"
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What malloc writes of the free memory that follows lies before the border, too. */
#define MARGIN 64

void *huge_page_new(void)
{
#ifdef __SANITIZE_ADDRESS__ /* what is not malloc's it does not search for pointers */
    return NULL;
#endif
    char *p = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);
    if (before)
        munmap(p, before);
    munmap(p + before + HUGE_PAGE, HUGE_PAGE - before);
    madvise(p + before, HUGE_PAGE, MADV_HUGEPAGE); /* or small pages, all the same */
    return p + before;
}

/* Where the part of the heap ends that is of huge pages. */
static char *huge_end;

/* The heap grows by as much at once, and that part of it is one of the kernel's areas, told to be of huge
 * pages before anything in it was touched. What lies before the first page's border is never touched, and
 * takes no memory. */
void huge_pages_expect(size_t bytes)
{
    static void *unused;
#ifdef __SANITIZE_ADDRESS__ /* its heap is another */
    return;
#endif
    if (bytes < HUGE_PAGE / 2 || unused)
        return;
    bytes = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    char *end = sbrk(0);
    size_t before = -(uintptr_t)end & (HUGE_PAGE - 1);
    before += before < HUGE_PAGE / 512 ? HUGE_PAGE : 0;
    mallopt(M_MMAP_THRESHOLD, 2 * (int)HUGE_PAGE);
    mallopt(M_TOP_PAD, (int)bytes);
    unused = malloc(mallinfo2().keepcost + before - MARGIN);
    char *now = sbrk(0);
    if (now > end + before && madvise(end + before, (size_t)(now - (end + before)), MADV_HUGEPAGE) == 0)
        huge_end = now;
}

size_t huge_pages_left(void)
{
    char *free_from = huge_end ? (char *)sbrk(0) - mallinfo2().keepcost : NULL;
    return free_from && free_from < huge_end ? (size_t)(huge_end - free_from) : 0;
}
