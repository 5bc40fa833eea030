#include "session.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MOST 4096

static int list(struct session *s)
{
    struct error err = {0};
    const char **names;
    size_t n;
    if (store_secret_list(s->store, &s->arena, &names, &n, &err) < 0)
        return session_fail(s, &err);
    struct buf b = {0};
    if (s->o->json) {
        struct jsonw j;
        jw_init(&j, &b, true);
        jw_array(&j, NULL);
        for (size_t i = 0; i < n; i++)
            jw_str(&j, NULL, names[i]);
        jw_end(&j);
    }
    for (size_t i = 0; i < n && !s->o->json; i++)
        buf_addf(&b, "%s\n", names[i]);
    out_flush(&b);
    return EXIT_DONE;
}

/* The one place where a value is shown, because its owner asked for it by name. */
static int get(struct session *s, const char *name)
{
    struct error err = {0};
    const struct secret *v = store_secret_get(s->store, name);
    if (!v) {
        error_set(&err, -ENOENT, "there is no secret \"%s\"", name);
        error_hint(&err, "`citrus secret list` names them");
        return session_fail(s, &err);
    }
    fwrite(secret_reveal(v), 1, secret_len(v), stdout);
    putchar('\n');
    return EXIT_DONE;
}

/* From standard input, so that it is in no argument and no shell's history. */
static int set(struct session *s, const char *name)
{
    struct error err = {0};
    char value[SECRET_MOST + 1];
    if (isatty(STDIN_FILENO)) {
        error_set(&err, -ENOTTY, "the value of \"%s\" is read from standard input, which is a terminal here",
                  name);
        error_hint(&err, "citrus secret set %s < FILE", name);
        return session_fail(s, &err);
    }
    size_t n = fread(value, 1, sizeof value, stdin);
    if (n && n <= SECRET_MOST && value[n - 1] == '\n')
        n--;
    if (n == 0 || n > SECRET_MOST || memchr(value, '\0', n) || memchr(value, '\n', n)) {
        explicit_bzero(value, sizeof value);
        error_set(&err, -EINVAL, "a secret is one line of 1 to %d bytes", SECRET_MOST);
        return session_fail(s, &err);
    }
    struct secret *v = secret_new(value, n);
    explicit_bzero(value, sizeof value);
    int r = store_secret_set(s->store, name, v, &err);
    secret_free(v);
    return r < 0 ? session_fail(s, &err) : EXIT_DONE;
}

int command_secret(const struct options *o)
{
    struct session s;
    const char *verb = o->n_args ? o->args[0] : "list";
    bool writes = strcmp(verb, "set") == 0;
    bool good = (strcmp(verb, "list") == 0 && o->n_args <= 1) ||
                ((writes || strcmp(verb, "get") == 0) && o->n_args == 2);
    if (!good) {
        fprintf(stderr, "citrus secret: say `list`, `get NAME` or `set NAME`\n");
        return EXIT_ERROR;
    }
    int status = session_open(&s, o, writes ? SESSION_CHANGE : SESSION_READ);
    if (status == 0)
        status = writes ? set(&s, o->args[1]) : o->n_args == 2 ? get(&s, o->args[1]) : list(&s);
    return session_close(&s, status);
}
