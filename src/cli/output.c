#include "output.h"
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    FILE *stream, *before; /* stdout now, and what it was */
    int trouble;           /* the first errno */
} output;

static ssize_t put(void *self, const char *at, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = write(STDOUT_FILENO, at + done, n - done);
        if (r >= 0) {
            done += (size_t)r;
        } else if (errno != EINTR) {
            if (!output.trouble)
                output.trouble = errno;
            break;
        }
    }
    return (ssize_t)done;
}

/* The number of a closed descriptor would be the next file's that is opened, such as the lock, and what is
 * printed would go there. Standard output cannot be written afterwards either, and that is said. */
static void fill_closed(void)
{
    static const int how[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", how[fd]) != fd)
            return; /* without it, as it was */
}

void output_open(void)
{
    fill_closed();
    fflush(stdout);
    output.trouble = 0;
    output.before = stdout;
    output.stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put});
    if (!output.stream)
        return;
    if (isatty(STDOUT_FILENO))
        setvbuf(output.stream, NULL, _IOLBF, BUFSIZ);
    stdout = output.stream;
}

int output_close(int status, bool changes)
{
    bool failed = fflush(stdout) != 0;
    failed |= ferror(stdout) != 0;
    if (output.stream)
        fclose(output.stream);
    stdout = output.before;
    if (!failed || output.trouble == EPIPE)
        return status;
    fprintf(stderr, "citrus: standard output: %s\n", strerror(output.trouble ? output.trouble : EIO));
    return !changes && (status == EXIT_DONE || status == EXIT_PENDING) ? EXIT_ERROR : status;
}
