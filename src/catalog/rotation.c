#include "catalog.h"
#include "text.h"
#include <string.h>

/* PHP's own, and configs/php.ini's: how old a file's last check may be. On top of it: a request that was
 * served the old file just then has long connected, as WordPress does right after its configuration. */
#define REVALIDATE_SECONDS 2
#define MARGIN_SECONDS     3

int64_t site_password_settle(const struct manifest_server *server, const struct manifest_site *site)
{
    static const char *const off[] = {"0", "off", "Off", "OFF", "no", "false", "none", ""};
    const struct strmap *own = &site->php.ini, *all = &server->php.ini; /* the site's own wins */
    const char *looks = strmap_get(own, "opcache.validate_timestamps");
    const char *often = strmap_get(own, "opcache.revalidate_freq");
    int64_t seconds = REVALIDATE_SECONDS;
    looks = looks ? looks : strmap_get(all, "opcache.validate_timestamps");
    often = often ? often : strmap_get(all, "opcache.revalidate_freq");
    for (size_t i = 0; looks && i < sizeof off / sizeof *off; i++)
        if (strcmp(looks, off[i]) == 0)
            return -1;
    if (often && int_parse(often, &seconds) == 0 && seconds < 0)
        seconds = 0;
    return seconds + MARGIN_SECONDS;
}
