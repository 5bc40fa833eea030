/* Figures for this machine: how much memory the budget holds and what MariaDB and the pools take of it.
 * Sources of the figures are beside them in tuning.c. */
#ifndef CITRUS_TUNING_H
#define CITRUS_TUNING_H
#include "facts.h"
#include "manifest.h"

struct tuning {
    int64_t budget; /* bytes; 0: memory unknown, nothing is checked */
    int64_t pools;  /* sum of children * measured or typical size */
    int64_t buffer_pool, redo_log, log_buffer, mariadb_total;
    int64_t max_connections;
    int64_t children; /* sum over all sites */
};
void tuning_make(const struct manifest *m, const struct facts *f, struct tuning *ret, struct diags *d);

#endif
