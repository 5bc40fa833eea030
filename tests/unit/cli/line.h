/* Command lines that are run in this process, and what they said. */
#ifndef CITRUS_TEST_CLI_LINE_H
#define CITRUS_TEST_CLI_LINE_H
#include "session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above before it */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[2][8192]; /* what the last run wrote: output, errors */

static inline int divert(int fd, FILE **to)
{
    *to = tmpfile();
    assert_non_null(*to);
    int kept = dup(fd);
    assert_true(kept >= 0);
    assert_true(dup2(fileno(*to), fd) >= 0);
    return kept;
}
static inline void restore(int fd, int kept, FILE *from, char *text)
{
    assert_true(dup2(kept, fd) >= 0);
    close(kept);
    rewind(from);
    text[fread(text, 1, sizeof said[0] - 1, from)] = '\0';
    fclose(from);
}

/* Runs a line of words, of which '' is an empty one; its exit status. */
static inline int citrus(const char *line)
{
    char words[1024], *argv[32] = {(char *)"citrus"}, *save = NULL;
    int argc = 1;
    FILE *out, *err;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(w, "''") == 0 ? (char *)"" : w;
    fflush(NULL);
    int kept_out = divert(STDOUT_FILENO, &out), kept_err = divert(STDERR_FILENO, &err);
    int status = cli_main(argc, argv);
    fflush(NULL);
    restore(STDERR_FILENO, kept_err, err, said[1]);
    restore(STDOUT_FILENO, kept_out, out, said[0]);
    return status;
}

static inline void assert_said(int stream, const char *what)
{
    if (!strstr(said[stream], what))
        fail_msg("\"%s\" is not in:\n%s", what, said[stream]);
}

#endif
