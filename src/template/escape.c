/* What each dialect does to a value, by the place of the hole. Refusals complete "the value ...", and may
 * have a second line: what to write in its place. */
#include "dialect.h"
#include <string.h>

#define CONTROL "holds a newline or another control character"
#define NOT_BARE                                                                                             \
    "needs quotes, but the hole is a part of a word (put the whole word in quotes in the template)"

/* What a byte is to the dialects. A bare word may hold what its dialect's reader takes for nothing else. */
enum {
    CONTROL_CHAR = 1,
    WORD = 2,    /* bare in nginx, ini and mysql */
    EQUALS = 4,  /* bare in nginx */
    TILDE = 8,   /* bare in nginx and mysql */
    DOUBLE = 16, /* what "..." cannot hold without a backslash in front */
    SINGLE = 32, /* what '...' cannot */
};
static const uint8_t classes[256] = {
    [0 ... 0x1f] = CONTROL_CHAR,
    [0x7f] = CONTROL_CHAR,
    ['a' ... 'z'] = WORD,
    ['A' ... 'Z'] = WORD,
    ['0' ... '9'] = WORD,
    ['_'] = WORD,
    ['.'] = WORD,
    ['/'] = WORD,
    [':'] = WORD,
    ['@'] = WORD,
    ['%'] = WORD,
    ['+'] = WORD,
    [','] = WORD,
    ['*'] = WORD,
    ['-'] = WORD,
    ['='] = EQUALS,
    ['~'] = TILDE,
    ['"'] = DOUBLE,
    ['\''] = SINGLE,
    ['\\'] = DOUBLE | SINGLE,
};

static uint8_t class_of(char c)
{
    return classes[(unsigned char)c];
}

static bool control(char c)
{
    return class_of(c) & CONTROL_CHAR;
}

static bool has(const char *v, size_t n, char c)
{
    return memchr(v, c, n) != NULL;
}

static bool has_control(const char *v, size_t n)
{
    uint8_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= class_of(v[i]);
    return all & CONTROL_CHAR;
}

/* All bytes are of `these`. */
static bool bare(const char *v, size_t n, uint8_t these)
{
    for (size_t i = 0; i < n; i++)
        if (!(class_of(v[i]) & these))
            return false;
    return true;
}

bool escape_bare(const char *v, size_t n)
{
    return bare(v, n, WORD);
}

/* Each byte of `these` gets a backslash in front. */
static void add_escaped(struct buf *out, const char *v, size_t n, uint8_t these)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++)
        if (class_of(v[i]) & these) {
            buf_add(out, v + from, i - from);
            buf_addc(out, '\\');
            from = i;
        }
    buf_add(out, v + from, n - from);
}

const char *escape_nginx(enum place place, const char *v, size_t n, struct buf *out)
{
    if (has_control(v, n))
        return CONTROL;
    if (place == PLACE_COMMENT) {
        buf_add(out, v, n);
        return NULL;
    }
    if (has(v, n, '$')) /* a variable, and nginx has no way to write the character itself */
        return "holds a \"$\"\nin a URL, write %24";
    if (place == PLACE_DOUBLE || place == PLACE_SINGLE) {
        add_escaped(out, v, n, place == PLACE_DOUBLE ? DOUBLE : SINGLE);
        return NULL;
    }
    if (bare(v, n, WORD | EQUALS | TILDE) && (n || place != PLACE_GAP)) {
        buf_add(out, v, n);
        return NULL;
    }
    if (place != PLACE_GAP)
        return NOT_BARE;
    buf_addc(out, '"');
    add_escaped(out, v, n, DOUBLE);
    buf_addc(out, '"');
    return NULL;
}

/* In "..." PHP reads ${name} and escapes, in '...' nothing at all (zend_ini_scanner.l, "Raw string"). */
const char *escape_ini(enum place place, const char *v, size_t n, struct buf *out)
{
    if (has_control(v, n))
        return CONTROL;
    if (place == PLACE_COMMENT) {
        buf_add(out, v, n);
        return NULL;
    }
    if (has(v, n, '"'))
        return "holds a double quote";
    bool plain = !has(v, n, '\\') && !has(v, n, '$');
    if (place == PLACE_DOUBLE && !plain)
        return "holds a \"$\" or a backslash, which PHP would read inside double quotes";
    if (place == PLACE_SINGLE && has(v, n, '\''))
        return "holds a single quote";
    if (place == PLACE_DOUBLE || place == PLACE_SINGLE || (bare(v, n, WORD) && (n || place != PLACE_GAP))) {
        buf_add(out, v, n);
        return NULL;
    }
    if (place != PLACE_GAP)
        return NOT_BARE;
    if (!plain && has(v, n, '\''))
        return "holds a single quote together with a \"$\" or a backslash";
    buf_addc(out, plain ? '"' : '\'');
    buf_add(out, v, n);
    buf_addc(out, plain ? '"' : '\'');
    return NULL;
}

static bool php_literal(const char *v, size_t n)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && memcmp(words[i], v, n) == 0)
            return true;
    size_t i = n && v[0] == '-', digits = 0;
    for (; i < n && v[i] >= '0' && v[i] <= '9'; i++)
        digits++;
    return digits && i == n;
}

const char *escape_php(enum place place, const char *v, size_t n, struct buf *out)
{
    if (has(v, n, '\0'))
        return "holds a NUL";
    if (place == PLACE_SINGLE) {
        add_escaped(out, v, n, SINGLE);
        return NULL;
    }
    if (place == PLACE_COMMENT) {
        if (has_control(v, n))
            return CONTROL;
        if (has(v, n, '?') || has(v, n, '*'))
            return "holds a \"?\" or a \"*\", which could end the comment";
        buf_add(out, v, n);
        return NULL;
    }
    if (!php_literal(v, n))
        return "is no number, true, false or null, and the hole is not in single quotes";
    buf_add(out, v, n);
    return NULL;
}

/* Lines are read into 4096 bytes, and what is longer is read as a line of its own (my_default.c): one value
 * may take half of that. */
#define MYSQL_MOST 2048

static const char *mysql_quoted(const char *v, size_t n, char quote, struct buf *out)
{
    static const char from[] = "\n\r\t\b\\", to[] = "nrtb\\";
    for (size_t i = 0; i < n; i++) {
        const char *at = v[i] ? strchr(from, v[i]) : NULL;
        if (!at && control(v[i]))
            return "holds a control character";
        if (at || v[i] == quote)
            buf_addc(out, '\\');
        buf_addc(out, at ? to[at - from] : v[i]);
    }
    return NULL;
}

const char *escape_mysql(enum place place, const char *v, size_t n, struct buf *out)
{
    if (n > MYSQL_MOST)
        return "is longer than 2048 bytes, and MariaDB would read the rest of the line as another option";
    if (place == PLACE_COMMENT) {
        if (has_control(v, n))
            return CONTROL;
        buf_add(out, v, n);
        return NULL;
    }
    if (place == PLACE_DOUBLE || place == PLACE_SINGLE)
        return mysql_quoted(v, n, place == PLACE_DOUBLE ? '"' : '\'', out);
    if (bare(v, n, WORD | TILDE) && (n || place != PLACE_GAP)) {
        buf_add(out, v, n);
        return NULL;
    }
    if (place != PLACE_GAP)
        return has_control(v, n) ? CONTROL : NOT_BARE;
    buf_addc(out, '"');
    const char *why = mysql_quoted(v, n, '"', out);
    buf_addc(out, '"');
    return why;
}
