/* The field table of a site, which is a file of its own. Private to this folder. */
#ifndef CITRUS_SITE_FIELDS_H
#define CITRUS_SITE_FIELDS_H
#include "manifest.h"

extern const struct record site_record;

#endif
