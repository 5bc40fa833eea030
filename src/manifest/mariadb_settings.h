/* Settings of MariaDB that the manifest may name, and those that it has fields for. */
#ifndef CITRUS_MARIADB_SETTINGS_H
#define CITRUS_MARIADB_SETTINGS_H
#include "manifest.h"

void mariadb_settings_check(const struct manifest *m, struct diags *d);

#endif
