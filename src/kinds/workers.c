#include "workers.h"
#include "buf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 20

/* proc(5), /proc/PID/task/TID/children: numbers with a space behind each. */
int workers_read(int64_t master, struct workers *ret, struct arena *a)
{
    VEC(int64_t) pids = {0};
    struct buf text = {0};
    char part[4096], *at, *end;
    ssize_t n;
    int fd;

    snprintf(part, sizeof part, "/proc/%lld/task/%lld/children", (long long)master, (long long)master);
    fd = open(part, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ENOENT;
    while ((n = read(fd, part, sizeof part)) > 0)
        buf_add(&text, part, (size_t)n);
    close(fd);
    if (n == 0 && text.len)
        for (at = text.at;; at = end) {
            long long pid = strtoll(at, &end, 10);
            if (end == at)
                break;
            vec_push(a, &pids, pid);
        }
    buf_free(&text);
    if (n < 0)
        return -ENOENT;
    ret->pids = pids.at;
    ret->n = pids.n;
    return 0;
}

static bool any_new(const struct workers *now, const struct workers *old)
{
    for (size_t i = 0; i < now->n; i++) {
        size_t k = 0;
        while (k < old->n && old->pids[k] != now->pids[i])
            k++;
        if (k == old->n)
            return true;
    }
    return false;
}

bool workers_renewed(int64_t master, const struct workers *old, int milliseconds, struct arena *a)
{
    for (int waited = 0;; waited += LOOK_EVERY_MS) {
        struct workers now;
        if (workers_read(master, &now, a) < 0)
            return false;
        if (any_new(&now, old))
            return true;
        if (waited >= milliseconds)
            return false;
        nanosleep(&(struct timespec){0, LOOK_EVERY_MS * 1000000L}, NULL);
    }
}
