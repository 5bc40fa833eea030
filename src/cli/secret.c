#include "session.h"
#include "text.h"
#include "words.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MOST 4096

/* One rule for what a manifest can refer to and what the store gets. */
static int name_check(struct session *s, const char *name)
{
    struct error err = {0};
    const char *wrong = word_secret(name);
    if (!wrong)
        return 0;
    error_set(&err, -EINVAL, "\"%s\" %s", name, wrong);
    error_hint(&err, "up to 128 of these, the first a letter, a digit or _");
    return session_fail(s, &err);
}

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
    if (store_secrets_load(s->store, &err) < 0)
        return session_fail(s, &err);
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
    if (name_check(s, name))
        return EXIT_ERROR;
    if (ends_with(name, SECRET_PREVIOUS)) {
        error_set(&err, -EINVAL, "%s: names that end with \"%s\" are citrus's own, for rotations", name,
                  SECRET_PREVIOUS);
        return session_fail(s, &err);
    }
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

/* For when the key is lost: the store cannot be opened then, so this does not use a session. */
static int forget(const struct options *o)
{
    struct error err = {0};
    struct arena a = {0};
    struct buf b = {0};
    int lock = -1, status = EXIT_DONE;
    const char *root = o->root && strcmp(o->root, "/") != 0 ? o->root : "";
    const char *dir = arena_printf(&a, "%s/var/lib/citrus", root);
    if (!o->yes) {
        error_set(&err, -EPERM, "this gives up every value in the store, also those that you have set");
        error_hint(&err, "it is for when the key is lost; `citrus secret forget --yes` does it");
        status = EXIT_ERROR;
    } else {
        int r = store_lock(dir, &lock, &err);
        status = r == 0 ? EXIT_DONE : r == -EWOULDBLOCK ? EXIT_LOCKED : EXIT_ERROR;
        if (r == 0 && store_secrets_forget(dir, &err) < 0)
            status = EXIT_ERROR;
    }
    if (status == EXIT_DONE) {
        buf_adds(
            &b,
            "All values are given up, and there is a new key. The next `citrus apply` makes new database"
            " passwords and salts; set your own secrets again. WordPress's administrators keep theirs.\n");
        out_flush(&b);
    } else {
        report_error(&err, &b);
        fputs(buf_str(&b), stderr);
        buf_free(&b);
    }
    if (lock >= 0)
        store_unlock(lock);
    arena_free(&a);
    return status;
}

int command_secret(const struct options *o)
{
    static const struct {
        const char *name;
        size_t args;
    } verbs[] = {{"list", 1}, {"get", 2}, {"set", 2}, {"rotate", 2}, {"forget", 1}};
    struct session s;
    const char *verb = o->n_args ? o->args[0] : "list";
    size_t i = 0, n = o->n_args ? o->n_args : 1;
    while (i < 5 && (strcmp(verbs[i].name, verb) != 0 || verbs[i].args != n))
        i++;
    if (i == 5) {
        fprintf(stderr, "citrus secret: say `list`, `get NAME`, `set NAME`, `rotate NAME` or `forget`\n");
        return EXIT_ERROR;
    }
    if (strcmp(verb, "rotate") == 0)
        return command_secret_rotate(o, o->args[1]);
    if (strcmp(verb, "forget") == 0)
        return forget(o);
    bool writes = strcmp(verb, "set") == 0;
    int status = session_open(&s, o, writes ? SESSION_CHANGE : SESSION_READ);
    if (status == 0)
        status = writes ? set(&s, o->args[1]) : n == 2 ? get(&s, o->args[1]) : list(&s);
    return session_close(&s, status);
}
