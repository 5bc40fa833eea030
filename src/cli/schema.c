#include "schema.h"
#include "session.h"

int command_schema(const struct options *o)
{
    struct buf b = {0};
    (void)o;
    schema_write(&manifest_record, "Manifest of citrus", &b);
    out_flush(&b);
    return EXIT_DONE;
}
