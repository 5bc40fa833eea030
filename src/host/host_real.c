#include "footprint.h"
#include "real.h"
#include <stdlib.h>
#include <unistd.h>

const struct host_ops host_real_ops = {
    .run = real_run,
    .units = real_units,
    .unit = real_unit,
    .units_reload = real_units_reload,
    .timer = real_timer,
    .apt_candidates = real_apt_candidates,
    .apt = real_apt,
    .apt_along = real_apt_along,
    .db_read = real_db_read,
    .db_exec = real_db_exec,
    .db_dump = real_db_dump,
    .db_load = real_db_load,
    .fetch = real_fetch,
    .probe = real_probe,
};

struct host *host_close(struct host *h)
{
    if (!h)
        return NULL;
    if (h->bus)
        real_bus_close(h);
    if (h->db)
        real_db_close(h);
    if (h->curl)
        real_curl_close(h);
    footprint_end(h, NULL, NULL);
    fs_tree_forget(h);
    if (h->ops_free)
        h->ops_free(h->ops_data);
    if (h->rootfd >= 0)
        close(h->rootfd);
    free((void *)(uintptr_t)h->root); /* host_open's own copy; const for everybody else */
    free(h);
    return NULL;
}
