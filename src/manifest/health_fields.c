#include "health_fields.h"
#include "words.h"

#define AT(m) .offset = offsetof(struct site_health, m)

static const struct field health_fields[] = {
    {.name = "path",
     .type = FIELD_STRING,
     AT(path),
     .def = "/",
     .check = word_request_path,
     .doc = "What is asked for, with its query; a redirect within the site is followed."},
    {.name = "status",
     .type = FIELD_STRINGS,
     .flags = FIELD_UNORDERED,
     AT(status),
     .check = word_http_status,
     .doc = "HTTP statuses that are right; without it, any below 500 that is no worse than before the run."},
    {.name = "contains",
     .type = FIELD_STRING,
     AT(contains),
     .check = word_marker,
     .doc = "Text that stands in the first 256 KiB of the page."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     AT(timeout),
     .def = "10s",
     .min = 1,
     .max = 60,
     .doc = "How long the answer may take. After a change, a site that was slow before may take three times "
            "as long "
            "as it did."},
};
const struct record site_health_record = {.name = "site.health",
                                          .size = sizeof(struct site_health),
                                          .has_origin = true,
                                          .doc = "How the site shows that it works.",
                                          FIELDS(health_fields)};
