/* peak_of FILE CMD ARG...: runs CMD, whose id FILE has as soon as it runs; when it ends, FILE has the peak of
 * the resident set, in KiB, of the largest of it and of all the processes that it waited for. Its status is
 * CMD's. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *path, long n)
{
    char part[4096];
    snprintf(part, sizeof part, "%s~", path);
    FILE *out = fopen(part, "we");
    if (!out || fprintf(out, "%ld\n", n) < 0 || fclose(out) != 0 || rename(part, path) != 0)
        perror(path);
}

int main(int argc, char **argv)
{
    struct rusage u;
    int status;
    if (argc < 3) {
        fputs("peak_of FILE CMD ARG...\n", stderr);
        return 2;
    }
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid > 0)
        put(argv[1], pid);
    if (pid < 0 || wait4(pid, &status, 0, &u) < 0) {
        perror("peak_of");
        return 1;
    }
    put(argv[1], u.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
