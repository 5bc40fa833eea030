/* The two files of a certificate, wherever they lie: in their place, where the operator keeps them, in the
 * trash. */
#ifndef CITRUS_CERTIFICATE_PAIR_H
#define CITRUS_CERTIFICATE_PAIR_H
#include "buf.h"
#include "kind.h"
#include "specs.h"

#define TLS_DIR "/etc/citrus/tls"
#define TRASH   "/var/lib/citrus/trash"
#define PEM_MAX ((size_t)1 << 20)

/* A certificate with its key, as read. The key is wiped when it is freed. */
struct pair {
    struct buf certificate, key;
};
void pair_free(struct pair *p);
int pair_read(struct kind_ctx *ctx, const char *certificate, const char *key, struct pair *ret,
              struct error *err);
/* The operator's files, whose names may be links. */
int source_pair_read(struct kind_ctx *ctx, const struct certificate_spec *s, struct pair *ret,
                     struct error *err);
bool pair_matches(const struct pair *p);

/* The directory of a certificate in its place, and a file of a directory. */
char *tls_dir(struct arena *a, const char *id);
char *tls_path(struct arena *a, const char *id, const char *file);
const char *kept_path(struct arena *a, const char *kept, const char *file);

/* Reads them and refuses what nginx or a browser would refuse. */
int source_read(struct kind_ctx *ctx, const struct certificate_spec *s, struct pair *ret, struct error *err);

/* certificate_trash.c. Moves the pair into the directory `trash`; what else someone put into its directory
 * stays, and the directory with it. */
int trash_pair(struct kind_ctx *ctx, const char *id, const char *trash, struct error *err);
/* A removal's pair leaves the trash, and what a creation took from it goes back. */
int trash_undo(struct kind_ctx *ctx, json_t *undo, struct error *err);

#endif
