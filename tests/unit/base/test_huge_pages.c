/* The heap in huge pages: a program of its own, since the heap grows so once in a process. */
#include "huge_pages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MIB ((size_t)1 << 20)

/* What the kernel says of the area in which `at` lies: told to be of huge pages. */
static bool of_huge_pages(const void *at)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[4096];
    bool inside = false, huge = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)at >= from && (uintptr_t)at < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            huge = strstr(line, " hg") != NULL;
    }
    fclose(f);
    return huge;
}

/* As if it was used for something. */
static void touch(void *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        ((volatile char *)p)[i] = 'x';
}

static long faults_of(void *p, size_t n)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    touch(p, n);
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

/* Whether there are any to be had now: `never`, or a memory in small pieces, is the machine's matter. */
static bool machine_has_huge_pages(void)
{
    void *page = huge_page_new();
    if (!page)
        return false;
    long faults = faults_of(page, HUGE_PAGE);
    munmap(page, HUGE_PAGE);
    return faults < 8;
}

static void little_is_not_worth_a_huge_page(void **state)
{
    huge_pages_expect(MIB / 2);
    void *p = malloc(4 * MIB / 10);
    assert_false(of_huge_pages(p));
    free(p);
}

static void what_is_expected_comes_in_huge_pages(void **state)
{
    static char *before[64], *after[64];
    for (size_t i = 0; i < 64; i++) {
        before[i] = malloc(100 * i + 1);
        memset(before[i], (int)i, 100 * i + 1);
    }
    huge_pages_expect(4 * MIB);
    long faults = 0;
    for (size_t i = 0; i < 64; i++) {
        after[i] = malloc(MIB / 32);
        faults += faults_of(after[i], MIB / 32);
    }
#ifdef __SANITIZE_ADDRESS__
    print_message("the sanitizer's heap is another: huge pages not tested\n");
#else
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "vgpreload")) {
        print_message("valgrind's heap is another: huge pages not tested\n");
    } else {
        if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0) {
            assert_true(of_huge_pages(after[40]));
            assert_in_range(huge_pages_left(), MIB, 5 * MIB / 2); /* 2 of 4 are taken */
        } else {
            print_message("this kernel knows no huge pages: that they are asked for is not tested\n");
        }
        if (machine_has_huge_pages())
            assert_in_range(faults, 0, 40); /* 512 of small pages */
        else
            print_message("this machine has no huge page now: %ld faults of 2 MiB\n", faults);
    }
#endif
    for (size_t i = 0; i < 64; i++) {
        for (size_t k = 0; k < 100 * i + 1; k++)
            assert_int_equal(before[i][k], (char)i);
        free(before[i]);
        free(after[i]);
    }
    huge_pages_expect(4 * MIB); /* once is enough */
    char *much = malloc(16 * MIB);
    touch(much, 16 * MIB);
    free(much);
    static char *rest[100];
    size_t n = 0;
    for (; n < 100 && huge_pages_left() > 0; n++)
        rest[n] = malloc(MIB / 4);
    assert_int_equal(huge_pages_left(), 0);
    while (n > 0)
        free(rest[--n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_is_not_worth_a_huge_page),
        cmocka_unit_test(what_is_expected_comes_in_huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
