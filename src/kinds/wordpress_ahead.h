/* Copies of a core made ahead: what a site's files will be is copied into the cache by a second thread while
 * the run does other things, so that both cores have work; apply takes its copy by one rename.
 *
 *     ahead = wordpress_ahead_begin(h, tree, names, n);      -- prepare; NULL: there is none
 *     if (!wordpress_ahead_take(h, ahead, stage)) ...        -- apply: copies by itself
 *
 * It is a help and no more: a copy that failed, that lies on another file system or that the thread did not
 * come to yet is not taken, and whoever needs it copies as if nobody had. The thread touches nothing but its
 * copies, by a host of its own. At the program's end what was not taken goes; what a killed run left goes
 * when the next begins. A fault build makes none: its steps are numbered. Private to the kind. */
#ifndef CITRUS_WORDPRESS_AHEAD_H
#define CITRUS_WORDPRESS_AHEAD_H
#include "host.h"

#define WORDPRESS_CORE_DIR "/var/cache/citrus/core"

struct ahead;
/* `names` are entries of `tree`. */
struct ahead *wordpress_ahead_begin(struct host *h, const char *tree, const char *const *names, size_t n);
/* True: the copy is at `to`, a directory that only root can enter; to be called once. */
bool wordpress_ahead_take(struct host *h, struct ahead *a, const char *to);
void wordpress_ahead_end(void); /* done at exit by itself; tests call it */

#endif
