/* Mustache (the official specification's core: interpolation, sections, inverted, comments, delimiters,
 * partials; no lambdas), where every value is escaped for the file it goes into.
 *
 * The first line of a template names its dialect in a comment: {{! dialect: nginx }}. `{{name}}` is
 * escaped for it; `{{{name}}}` and `{{&name}}` are refused in every dialect but `text`, where nothing is
 * escaped. A value that the dialect cannot hold (a NUL, a newline in a one-line value, ...) is an error
 * that names the value's origin, never an injection.
 *
 * Dialects, and where a hole stands:
 *   nginx   quoted string or bare token, chosen by the value: bare when [A-Za-z0-9_./:@%+,=~*-]+, else
 *           "..." with \ and " escaped; `$`, control characters and newlines are refused. Inside quotes
 *           in the template ("...{{x}}...") the same, without adding quotes.
 *   ini     PHP-FPM pool, php.ini: bare when safe, else "..." ; newline, NUL and " refused
 *   php     inside '...' in the template: \ and ' escaped; NUL refused
 *   mysql   option file: bare when safe, else "..." with escapes
 *   text    as it is
 *
 * What is missing is an error in every dialect but `text`, where it is empty as the specification has it: a
 * name that no value has (a section of it is merely false), a partial that is not there. A partial has its
 * includer's dialect; its own dialect line may only say the same. Values are never shown in errors.
 *
 * A template is parsed once and rendered many times. Rendering is a pure function of template and values; it
 * notes in the template where names were found, so two threads cannot render one. */
#ifndef CITRUS_TEMPLATE_H
#define CITRUS_TEMPLATE_H
#include "arena.h"
#include "buf.h"
#include "diag.h"
#include "error.h"

/* Values: a tree of maps, lists and texts in an arena. */
enum value_type { VALUE_TEXT, VALUE_FLAG, VALUE_LIST, VALUE_MAP };
struct value;
struct value *value_map(struct arena *a);
struct value *value_list(struct arena *a);
/* Room for `n` names: for maps that are made for each site. */
void value_reserve(struct value *map, size_t n);
/* Text is copied and names are borrowed, NULL sets nothing; `pos` is where the operator wrote it (zero:
 * nowhere), for errors. The empty text, a false flag and an empty list are false in a section. A name that
 * was set is set anew. */
void value_set(struct value *map, const char *name, const char *text);
void value_set_at(struct value *map, const char *name, const char *text, struct pos pos);
void value_set_int(struct value *map, const char *name, long long n);
void value_set_flag(struct value *map, const char *name, bool on);
void value_set_value(struct value *map, const char *name, struct value *v);
void value_push(struct value *list, struct value *v); /* a map or text */
void value_push_text(struct value *list, const char *text);
void value_push_text_at(struct value *list, const char *text, struct pos pos);

struct template;
/* Looks partials up by name; NULL: not there. The text lives as long as the template. */
struct template_loader {
    const char *(*load)(void *self, const char *name, size_t *len);
    void *self;
};
/* -EINVAL and a text with NAME:LINE:COL; -ENOENT: a partial is not there. `text` is copied. */
int template_parse(const char *name, const char *text, size_t len, const struct template_loader *partials,
                   struct arena *a, struct template **ret, struct error *err);
/* err->text names template, line, hole and the value's position. -EINVAL: a value does not fit; -ENOENT: a
 * name has no value; -EPROTO: the template puts a hole where its dialect can have none; -ELOOP: partials nest
 * deeper than 32. Nothing is left in `out` then. */
int template_render(const struct template *t, const struct value *v, struct buf *out, struct error *err);

#endif
