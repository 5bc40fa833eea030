#include "script.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void script_die(const struct section *where, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    if (where)
        fprintf(stderr, "%s:%d: === %s %s: %s\n", where->path, where->line, where->word, where->args,
                buf_str(&b));
    else
        fprintf(stderr, "test_plan: %s\n", buf_str(&b));
    buf_free(&b);
    exit(1);
}

char *file_text(struct arena *a, const char *path, size_t *len)
{
    struct buf b = {0};
    char piece[65536];
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_add(&b, piece, n);
    fclose(f);
    char *text = arena_strndup(a, buf_str(&b), b.len);
    if (len)
        *len = b.len;
    buf_free(&b);
    return text;
}

char **words_split(struct arena *a, const char *line, size_t *n)
{
    char **list = arena_array(a, char *, strlen(line) / 2 + 2);
    size_t count = 0;
    for (const char *at = line; *at;) {
        struct buf word = {0};
        bool quoted = false, any = false;
        for (; *at == ' ' || *at == '\t'; at++)
            ;
        for (; *at && (quoted || (*at != ' ' && *at != '\t')); at++) {
            any = true;
            if (*at == '"')
                quoted = !quoted;
            else
                buf_addc(&word, *at);
        }
        if (any)
            list[count++] = arena_strdup(a, buf_str(&word));
        buf_free(&word);
    }
    list[count] = NULL;
    if (n)
        *n = count;
    return list;
}

/* Without the blank lines at its end. */
static const char *trimmed(struct arena *a, const char *from, const char *to)
{
    while (to > from && to[-1] == '\n' && (to - 1 == from || to[-2] == '\n'))
        to--;
    return arena_strndup(a, from, (size_t)(to - from));
}

void script_read(struct script *s, const char *path, struct arena *a)
{
    const char *text = file_text(a, path, NULL);
    *s = (struct script){.path = path};
    if (!text)
        script_die(NULL, "%s: %s", path, strerror(errno));
    int line = 1;
    const char *body = text;
    for (const char *at = text; *at; line++) {
        size_t n = strcspn(at, "\n");
        const char *next = at + n + (at[n] == '\n');
        if (strncmp(at, "=== ", 4) == 0) {
            if (s->list.n)
                s->list.at[s->list.n - 1].text = trimmed(a, body, at);
            else
                s->head = trimmed(a, body, at);
            char *word = arena_strndup(a, at + 4, n - 4);
            char *args = word + strcspn(word, " ");
            if (*args)
                *args++ = '\0';
            struct section one = {.word = word, .args = args, .text = "", .path = path, .line = line};
            vec_push(a, &s->list, one);
            body = next;
        }
        at = next;
    }
    if (s->list.n == 0)
        script_die(NULL, "%s: there is no section in it", path);
    s->list.at[s->list.n - 1].text = trimmed(a, body, body + strlen(body));
}

void script_write(const struct script *s)
{
    FILE *f = fopen(s->path, "we");
    if (!f)
        script_die(NULL, "%s: %s", s->path, strerror(errno));
    fputs(s->head, f);
    for (size_t i = 0; i < s->list.n; i++) {
        const struct section *one = &s->list.at[i];
        fprintf(f, "\n=== %s%s%s\n%s", one->word, *one->args ? " " : "", one->args, one->text);
    }
    if (fclose(f) != 0)
        script_die(NULL, "%s: %s", s->path, strerror(errno));
}
