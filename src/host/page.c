#include "page.h"
#include "text.h"
#include <string.h>
#include <strings.h>

#define TITLE_MOST 100

static const char *find(const char *at, size_t len, const char *word)
{
    return memmem(at, len, word, strlen(word));
}

/* The same for a tag, whose letters may be of either case. */
static const char *find_tag(const char *at, const char *end, const char *tag)
{
    size_t n = strlen(tag);
    for (; at + n <= end; at++)
        if (*at == '<' && strncasecmp(at, tag, n) == 0)
            return at;
    return NULL;
}

const char *page_title(const char *body, size_t len, struct arena *a)
{
    const char *end = body + len, *at = find_tag(body, end, "<title");
    at = at ? memchr(at, '>', (size_t)(end - at)) : NULL;
    const char *close = at ? find_tag(at, end, "</title") : NULL;
    if (!close)
        return NULL;
    char *title = arena_alloc(a, (size_t)(close - at) + 1);
    size_t n = 0, characters = 0;
    for (at++; at < close && characters < TITLE_MOST;) {
        size_t c = utf8_char(at, (size_t)(close - at));
        bool blank = c <= 1 && ((unsigned char)*at <= ' ' || *at == 0x7f);
        /* C1 controls are two bytes of UTF-8, and no terminal should see them either. */
        bool odd = c == 0 || (c == 2 && (unsigned char)*at == 0xc2 && (unsigned char)at[1] < 0xa0);
        if (blank || odd) {
            if (n && title[n - 1] != ' ')
                title[n++] = ' ', characters++;
            at += c ? c : 1;
            continue;
        }
        memcpy(title + n, at, c);
        n += c;
        at += c;
        characters++;
    }
    while (n && title[n - 1] == ' ')
        n--;
    title[n] = '\0';
    return n ? title : NULL;
}

/* PHP's messages are those of main/main.c, php_error_cb(), with html_errors and without; WordPress's those of
 * wp-includes/class-wp-fatal-error-handler.php and wpdb::db_connect() in English. */
const char *page_fault(const char *body, size_t len)
{
    static const struct {
        const char *mark, *says;
    } marks[] = {
        {"<b>Fatal error</b>:", "PHP ended with a fatal error"},
        {"<b>Parse error</b>:", "PHP ended with a parse error"},
        {"PHP Fatal error:", "PHP ended with a fatal error"},
        {"PHP Parse error:", "PHP ended with a parse error"},
        {"\nFatal error: ", "PHP ended with a fatal error"},
        {"\nParse error: ", "PHP ended with a parse error"},
        {"There has been a critical error on this website", "WordPress says that it has a critical error"},
        {"Error establishing a database connection", "WordPress finds no database"},
    };
    if (len >= 5 && memcmp(body, "<?php", 5) == 0)
        return "the source of a PHP program is shown instead of being run";
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (find(body, len, marks[i].mark))
            return marks[i].says;
    return NULL;
}
