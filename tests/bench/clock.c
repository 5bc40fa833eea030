/* clock RUNS CMD ARG... [-- CMD ARG...]: runs CMD so often, and prints what the middle run cost:
 *
 *     CPU_MS WALL_MS PEAK_KIB
 *
 * Of several commands, a line for each; they take turns, so that what else the machine does is the same for
 * all. CPU is user and system time of the process and of the children that it waited for. Its output goes
 * nowhere; a run that fails ends the measurement with its status. Two runs go before, to warm the caches. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct cost {
    double cpu, wall;
    long peak;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void become(char **argv)
{
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static struct cost run(char **argv)
{
    struct rusage u;
    int status;
    double begun = now_ms();
    pid_t pid = fork();
    if (pid == 0)
        become(argv);
    if (pid < 0 || wait4(pid, &status, 0, &u) < 0) {
        perror("clock");
        exit(1);
    }
    if (status) {
        fprintf(stderr, "clock: %s ended with status %d\n", argv[0],
                WIFEXITED(status) ? WEXITSTATUS(status) : 128);
        exit(1);
    }
    return (struct cost){ms(u.ru_utime) + ms(u.ru_stime), now_ms() - begun, u.ru_maxrss};
}

static int by_cpu(const void *a, const void *b)
{
    const struct cost *x = a, *y = b;
    return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

/* Cuts argv at each `--`. */
static int commands(char **argv, char ***ret)
{
    int n = 0;
    while (*argv) {
        ret[n++] = argv;
        while (*argv && strcmp(*argv, "--") != 0)
            argv++;
        if (*argv)
            *argv++ = NULL;
    }
    return n;
}

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    char **list[argc];
    if (runs < 1) {
        fputs("clock RUNS CMD ARG... [-- CMD ARG...]\n", stderr);
        return 2;
    }
    int n = commands(argv + 2, list);
    struct cost(*c)[runs] = calloc((size_t)n, sizeof *c);
    for (int i = runs > 1 ? -2 : 0; i < runs; i++)
        for (int k = 0; k < n; k++)
            c[k][i < 0 ? 0 : i] = run(list[k]);
    for (int k = 0; k < n; k++) {
        qsort(c[k], (size_t)runs, sizeof *c[k], by_cpu);
        printf("%.2f %.2f %ld\n", c[k][runs / 2].cpu, c[k][runs / 2].wall, c[k][runs / 2].peak);
    }
    free(c);
    return 0;
}
