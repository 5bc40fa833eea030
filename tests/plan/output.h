/* What a command said, made comparable: places, times and digests differ from run to run. */
#ifndef CITRUS_TEST_OUTPUT_H
#define CITRUS_TEST_OUTPUT_H
#include "machine.h"

/* The root's path goes (offline: it becomes ROOT, as it is in the command), and the working directory's. Unix
 * times become TIME, dates YYYY-MM-DD HH:MM:SS, ages and days left N, digests of 16 hex digits and more
 * DIGEST, the bytes of a certificate's pair in the trash, whose signature may be shorter by some, NNN. */
char *output_normal(const struct machine *m, const char *text, bool offline, struct arena *a);

#endif
