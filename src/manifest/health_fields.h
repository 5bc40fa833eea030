/* The field table of `health`, which is a file of its own. Private to this folder. */
#ifndef CITRUS_HEALTH_FIELDS_H
#define CITRUS_HEALTH_FIELDS_H
#include "manifest.h"

extern const struct record site_health_record;

#endif
