/* The templates of one build: each is read and parsed once, at its first use, and rendered for each site.
 *
 * A name is a file below share_dir ("templates/vhost.mustache", "configs/nginx.conf"). The operator's file
 * of the same last part in /etc/citrus/templates of the managed system wins, for partials too, which are
 * named without folder and ending ({{> tls}}). A template that is missing or does not parse is an error; a
 * value that a template cannot hold is -EINVAL, and the text names its place. */
#ifndef CITRUS_TEMPLATES_H
#define CITRUS_TEMPLATES_H
#include "field.h"
#include "host.h"
#include "template.h"

struct templates;
/* `share_from`: the environment variable that named share_dir, NULL: none. */
struct templates *templates_new(struct arena *a, struct host *h, const char *share_dir,
                                const char *share_from);
void templates_end(struct templates *t); /* wipes what was rendered last: it may hold a password */
/* The text lives in `a`; NULL: it is lent until the next one is rendered. *ret_bad is set, and 0 returned,
 * where the values are at fault; the caller makes a diagnostic of `err`. */
int templates_render(struct templates *t, const char *name, const struct value *v, struct arena *a,
                     struct bytes *ret, bool *ret_bad, struct error *err);

#endif
