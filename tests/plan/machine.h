/* The pretended machine of one test: a temporary directory with the root of a system and, beside it, the
 * directory that commands run in, where manifests and saved plans lie. Units, packages and databases are
 * host_fake()'s; what it does not know (unpacking WordPress, WP-CLI) is machine_ops.c's. */
#ifndef CITRUS_TEST_MACHINE_H
#define CITRUS_TEST_MACHINE_H
#include "fake.h"
#include "script.h"
#include <jansson.h>

struct machine {
    char top[64];
    char *root, *work;
    struct host *host; /* the pretended one */
    struct arena arena;
};

void machine_make(struct machine *m);
void machine_free(struct machine *m, bool keep);
/* Sections that describe the machine or change it; false: it is no such section. */
bool machine_section(struct machine *m, const struct section *s);
/* Everything in the root outside citrus's own state, a line each: type, mode, owner, path, digest of content
 * or target. What must be the same before and after is compared as this text. */
char *machine_tree(struct machine *m, struct arena *a);
char *machine_list(struct machine *m, const char *path,
                   struct arena *a);    /* below `path`; NULL: nothing there */
char *machine_world(struct machine *m); /* units, packages, databases as JSON; free() it */

/* Puts what packages bring, tar and WP-CLI before the fake's ops. */
void machine_teach(struct host *h);

#endif
