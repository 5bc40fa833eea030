/* The state machines of the dialects, each after the reader of its files. */
#include "dialect.h"
#include "text.h"
#include <string.h>

static bool space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* --- nginx: src/core/ngx_conf_file.c, ngx_conf_read_token() ------------------------------------------- */

enum {
    NG_GAP,
    NG_WORD,
    NG_DOLLAR,
    NG_ESCAPED,
    NG_DQ,
    NG_DQ_ESC,
    NG_SQ,
    NG_SQ_ESC,
    NG_AFTER,
    NG_COMMENT,
    NG_STATES
};

static const enum place nginx_places[NG_STATES] = {
    [NG_GAP] = PLACE_GAP,         [NG_WORD] = PLACE_WORD,   [NG_DOLLAR] = PLACE_WORD,
    [NG_ESCAPED] = PLACE_NONE,    [NG_DQ] = PLACE_DOUBLE,   [NG_DQ_ESC] = PLACE_NONE,
    [NG_SQ] = PLACE_SINGLE,       [NG_SQ_ESC] = PLACE_NONE, [NG_AFTER] = PLACE_AFTER,
    [NG_COMMENT] = PLACE_COMMENT,
};

static uint8_t nginx_word(unsigned char c)
{
    if (space(c) || c == ';' || c == '{')
        return NG_GAP;
    return c == '\\' ? NG_ESCAPED : c == '$' ? NG_DOLLAR : NG_WORD;
}

static uint8_t nginx_step(uint8_t state, unsigned char c)
{
    switch (state) {
    case NG_GAP:
        if (c == '#')
            return NG_COMMENT;
        if (c == '"' || c == '\'')
            return c == '"' ? NG_DQ : NG_SQ;
        return c == '}' ? NG_GAP : nginx_word(c);
    case NG_DOLLAR: /* ${name}: this brace opens no block */
        return c == '{' ? NG_WORD : nginx_word(c);
    case NG_ESCAPED:
        return NG_WORD;
    case NG_DQ:
        return c == '\\' ? NG_DQ_ESC : c == '"' ? NG_AFTER : NG_DQ;
    case NG_DQ_ESC:
        return NG_DQ;
    case NG_SQ:
        return c == '\\' ? NG_SQ_ESC : c == '\'' ? NG_AFTER : NG_SQ;
    case NG_SQ_ESC:
        return NG_SQ;
    case NG_AFTER:
        return space(c) || c == ';' || c == '{' || c == ')' ? NG_GAP : NG_WORD;
    case NG_COMMENT:
        return c == '\n' ? NG_GAP : NG_COMMENT;
    default:
        return nginx_word(c);
    }
}

static struct machine nginx_machine;
const struct dialect dialect_nginx = {"nginx",    "an nginx file", nginx_places, NG_STATES,
                                      nginx_step, &nginx_machine,  escape_nginx};

/* --- ini: PHP's Zend/zend_ini_scanner.l --------------------------------------------------------------- */

enum { INI_NAME, INI_GAP, INI_VALUE, INI_DQ, INI_DQ_ESC, INI_SQ, INI_AFTER, INI_COMMENT, INI_STATES };

static const enum place ini_places[INI_STATES] = {
    [INI_NAME] = PLACE_WORD,   [INI_GAP] = PLACE_GAP,         [INI_VALUE] = PLACE_WORD,
    [INI_DQ] = PLACE_DOUBLE,   [INI_DQ_ESC] = PLACE_NONE,     [INI_SQ] = PLACE_SINGLE,
    [INI_AFTER] = PLACE_AFTER, [INI_COMMENT] = PLACE_COMMENT,
};

/* Quotes are brought along only where the value begins, behind the "=". */
static uint8_t ini_step(uint8_t state, unsigned char c)
{
    switch (state) {
    case INI_DQ:
        return c == '\\' ? INI_DQ_ESC : c == '"' ? INI_AFTER : INI_DQ;
    case INI_DQ_ESC:
        return INI_DQ;
    case INI_SQ:
        return c == '\'' ? INI_AFTER : INI_SQ;
    case INI_COMMENT:
        return c == '\n' ? INI_NAME : INI_COMMENT;
    default:
        if (c == '\n')
            return INI_NAME;
        if (c == ';')
            return INI_COMMENT;
        if (c == '"' || c == '\'')
            return c == '"' ? INI_DQ : INI_SQ;
        if (state == INI_NAME)
            return c == '=' ? INI_GAP : INI_NAME;
        return state == INI_GAP && space(c) ? INI_GAP : INI_VALUE;
    }
}

static struct machine ini_machine;
const struct dialect dialect_ini = {"ini",    "an ini file of PHP", ini_places, INI_STATES,
                                    ini_step, &ini_machine,         escape_ini};

/* --- mysql: MariaDB's mysys/my_default.c -------------------------------------------------------------- */

enum {
    MY_LINE,
    MY_NAME,
    MY_GAP,
    MY_VALUE,
    MY_DQ,
    MY_DQ_ESC,
    MY_SQ,
    MY_SQ_ESC,
    MY_AFTER,
    MY_COMMENT,
    MY_STATES
};

static const enum place mysql_places[MY_STATES] = {
    [MY_LINE] = PLACE_WORD,   [MY_NAME] = PLACE_WORD,       [MY_GAP] = PLACE_GAP,   [MY_VALUE] = PLACE_WORD,
    [MY_DQ] = PLACE_DOUBLE,   [MY_DQ_ESC] = PLACE_NONE,     [MY_SQ] = PLACE_SINGLE, [MY_SQ_ESC] = PLACE_NONE,
    [MY_AFTER] = PLACE_AFTER, [MY_COMMENT] = PLACE_COMMENT,
};

static uint8_t mysql_step(uint8_t state, unsigned char c)
{
    if (c == '\n') /* ends everything: there are no values of many lines */
        return MY_LINE;
    switch (state) {
    case MY_DQ:
        return c == '\\' ? MY_DQ_ESC : c == '"' ? MY_AFTER : MY_DQ;
    case MY_DQ_ESC:
        return MY_DQ;
    case MY_SQ:
        return c == '\\' ? MY_SQ_ESC : c == '\'' ? MY_AFTER : MY_SQ;
    case MY_SQ_ESC:
        return MY_SQ;
    case MY_COMMENT:
        return MY_COMMENT;
    default:
        if (c == '#' || (c == ';' && state == MY_LINE))
            return MY_COMMENT;
        if (c == '"' || c == '\'')
            return c == '"' ? MY_DQ : MY_SQ;
        if (state == MY_LINE && space(c))
            return MY_LINE;
        if (state == MY_LINE || state == MY_NAME)
            return c == '=' ? MY_GAP : MY_NAME;
        return state == MY_GAP && space(c) ? MY_GAP : MY_VALUE;
    }
}

static struct machine mysql_machine;
const struct dialect dialect_mysql = {
    "mysql", "an option file of MariaDB", mysql_places, MY_STATES, mysql_step, &mysql_machine, escape_mysql};

/* --- php: Zend/zend_language_scanner.l ----------------------------------------------------------------- */

enum {
    PHP_HTML,
    PHP_HTML_LT,
    PHP_CODE,
    PHP_CODE_Q,
    PHP_CODE_LT,
    PHP_CODE_LT2,
    PHP_HEREDOC,
    PHP_SLASH,
    PHP_HASH,
    PHP_SQ,
    PHP_SQ_ESC,
    PHP_DQ,
    PHP_DQ_ESC,
    PHP_BACKTICK,
    PHP_BACKTICK_ESC,
    PHP_LINE,
    PHP_LINE_Q,
    PHP_BLOCK,
    PHP_BLOCK_STAR,
    PHP_STATES
};

static const enum place php_places[PHP_STATES] = {
    [PHP_HTML] = PLACE_NONE,       [PHP_HTML_LT] = PLACE_NONE,  [PHP_CODE] = PLACE_CODE,
    [PHP_CODE_Q] = PLACE_NONE,     [PHP_CODE_LT] = PLACE_CODE,  [PHP_CODE_LT2] = PLACE_NONE,
    [PHP_HEREDOC] = PLACE_NONE,    [PHP_SLASH] = PLACE_NONE,    [PHP_HASH] = PLACE_NONE,
    [PHP_SQ] = PLACE_SINGLE,       [PHP_SQ_ESC] = PLACE_NONE,   [PHP_DQ] = PLACE_NONE,
    [PHP_DQ_ESC] = PLACE_NONE,     [PHP_BACKTICK] = PLACE_NONE, [PHP_BACKTICK_ESC] = PLACE_NONE,
    [PHP_LINE] = PLACE_COMMENT,    [PHP_LINE_Q] = PLACE_NONE,   [PHP_BLOCK] = PLACE_COMMENT,
    [PHP_BLOCK_STAR] = PLACE_NONE,
};

static uint8_t php_code(unsigned char c)
{
    static const uint8_t to[256] = {
        ['\''] = PHP_SQ,  ['"'] = PHP_DQ,     ['`'] = PHP_BACKTICK, ['/'] = PHP_SLASH,
        ['#'] = PHP_HASH, ['?'] = PHP_CODE_Q, ['<'] = PHP_CODE_LT,
    };
    return to[c] ? to[c] : PHP_CODE;
}

/* A comment to the end of its line; "?>" ends it and the program. */
static uint8_t php_line(unsigned char c)
{
    return c == '\n' || c == '\r' ? PHP_CODE : c == '?' ? PHP_LINE_Q : PHP_LINE;
}

static uint8_t php_step(uint8_t state, unsigned char c)
{
    switch (state) {
    case PHP_HTML:
        return c == '<' ? PHP_HTML_LT : PHP_HTML;
    case PHP_HTML_LT: /* "<?php" and "<?=": what follows the mark is code */
        return c == '?' ? PHP_CODE : c == '<' ? PHP_HTML_LT : PHP_HTML;
    case PHP_CODE_Q:
        return c == '>' ? PHP_HTML : php_code(c);
    case PHP_CODE_LT:
        return c == '<' ? PHP_CODE_LT2 : php_code(c);
    case PHP_CODE_LT2: /* "<<<": its end would take more than a machine like this */
        return c == '<' ? PHP_HEREDOC : php_code(c);
    case PHP_HEREDOC:
        return PHP_HEREDOC;
    case PHP_SLASH:
        return c == '/' ? PHP_LINE : c == '*' ? PHP_BLOCK : php_code(c);
    case PHP_HASH: /* "#[" is an attribute */
        return c == '[' ? PHP_CODE : php_line(c);
    case PHP_SQ:
        return c == '\\' ? PHP_SQ_ESC : c == '\'' ? PHP_CODE : PHP_SQ;
    case PHP_SQ_ESC:
        return PHP_SQ;
    case PHP_DQ:
        return c == '\\' ? PHP_DQ_ESC : c == '"' ? PHP_CODE : PHP_DQ;
    case PHP_DQ_ESC:
        return PHP_DQ;
    case PHP_BACKTICK:
        return c == '\\' ? PHP_BACKTICK_ESC : c == '`' ? PHP_CODE : PHP_BACKTICK;
    case PHP_BACKTICK_ESC:
        return PHP_BACKTICK;
    case PHP_LINE:
        return php_line(c);
    case PHP_LINE_Q:
        return c == '>' ? PHP_HTML : php_line(c);
    case PHP_BLOCK:
        return c == '*' ? PHP_BLOCK_STAR : PHP_BLOCK;
    case PHP_BLOCK_STAR:
        return c == '/' ? PHP_CODE : c == '*' ? PHP_BLOCK_STAR : PHP_BLOCK;
    default:
        return php_code(c);
    }
}

static struct machine php_machine;
const struct dialect dialect_php = {"php",    "a PHP file", php_places, PHP_STATES,
                                    php_step, &php_machine, escape_php};

const uint8_t (*dialect_steps(const struct dialect *d))[256]
{
    struct machine *m = d->machine;
    for (uint8_t state = 0; !m->made && state < d->states; state++)
        for (int c = 0; c < 256; c++)
            m->next[state][c] = d->step(state, (unsigned char)c);
    m->made = true;
    return (const uint8_t(*)[256])m->next;
}

bool dialect_follows(const struct dialect *d, uint8_t state, unsigned char c)
{
    enum place p = d->places[d->step(state, c)];
    return space(c) || p == PLACE_GAP || p == PLACE_COMMENT;
}

/* --- text, and all of them ----------------------------------------------------------------------------- */

const struct dialect dialect_text = {.name = "text", .file = "a text"};

static const struct dialect *const dialects[] = {&dialect_nginx, &dialect_ini, &dialect_php, &dialect_mysql,
                                                 &dialect_text};
#define N_DIALECTS (sizeof dialects / sizeof *dialects)

const struct dialect *dialect_find(const char *name, size_t len)
{
    for (size_t i = 0; i < N_DIALECTS; i++)
        if (strlen(dialects[i]->name) == len && memcmp(dialects[i]->name, name, len) == 0)
            return dialects[i];
    return NULL;
}

const char *dialect_near(const char *name)
{
    const char *names[N_DIALECTS];
    for (size_t i = 0; i < N_DIALECTS; i++)
        names[i] = dialects[i]->name;
    return near_name(name, names, N_DIALECTS);
}

/* States that have met go on together, so after a line or two only a few are left to follow. */
void dialect_run(const struct dialect *d, const char *text, size_t len, uint8_t *next)
{
    const uint8_t(*to_next)[256] = dialect_steps(d);
    uint8_t live[DIALECT_STATES], group[DIALECT_STATES], n = d->states;
    for (uint8_t i = 0; i < n; i++)
        live[i] = group[i] = i;
    for (size_t at = 0; at < len; at++) {
        if (n == 1) {
            live[0] = to_next[live[0]][(unsigned char)text[at]];
            continue;
        }
        for (uint8_t i = 0; i < n; i++)
            live[i] = to_next[live[i]][(unsigned char)text[at]];
        if (text[at] != '\n' && text[at] != ' ')
            continue;
        uint8_t kept = 0, to[DIALECT_STATES];
        for (uint8_t i = 0; i < n; i++) {
            uint8_t k = 0;
            while (k < kept && live[k] != live[i])
                k++;
            to[i] = k;
            if (k == kept)
                live[kept++] = live[i];
        }
        for (uint8_t s = 0; s < d->states; s++)
            group[s] = to[group[s]];
        n = kept;
    }
    for (uint8_t s = 0; s < d->states; s++)
        next[s] = live[group[s]];
}
