/* The two halves of starting a process: what is made ready before the fork, and the child's part after it,
 * where only async-signal-safe calls are allowed (the program may have threads). Private to this folder. */
#ifndef CITRUS_EXEC_H
#define CITRUS_EXEC_H
#include "host.h"

struct exec_child {
    const struct exec *x;
    char **env;
    gid_t *groups;
    size_t n_groups;
    int in, out, report; /* standard input, output, and where a failure before execve is told */
    pid_t parent;
};
/* What the child could not do; written to `report`, which execve closes otherwise. */
struct exec_failure {
    int code;
    char what[32];
    int bind; /* index, or -1 */
};
_Noreturn void exec_child(const struct exec_child *c);

#endif
