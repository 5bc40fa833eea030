#include "mariadb_settings.h"

/* What configs/mariadb.cnf sets from the memory budget or from a field. */
static const struct {
    const char *setting, *field; /* NULL: there is none */
} mariadb_own[] = {
    {"bind_address", "bind_address"},       {"innodb_buffer_pool_size", "buffer_pool"},
    {"innodb_log_buffer_size", NULL},       {"innodb_log_file_size", NULL},
    {"max_connections", "max_connections"},
};

/* MariaDB takes a hyphen for an underscore, and a name with "loose" in front for the name (my_getopt.c). */
static bool setting_is(const char *written, const char *name)
{
    static const char loose[] = "loose_";
    size_t i = 0;
    while (loose[i] && (written[i] == loose[i] || (loose[i] == '_' && written[i] == '-')))
        i++;
    if (!loose[i])
        written += i;
    for (; *written && (*written == *name || (*written == '-' && *name == '_')); written++)
        name++;
    return *written == *name;
}

void mariadb_settings_check(const struct manifest *m, struct diags *d)
{
    const struct strmap *settings = &m->server.mariadb.settings;
    for (size_t i = 0; i < settings->n; i++)
        for (size_t k = 0; k < sizeof mariadb_own / sizeof *mariadb_own; k++) {
            const struct strmap_item *item = &settings->at[i];
            const char *field = mariadb_own[k].field;
            if (!setting_is(item->name, mariadb_own[k].setting))
                continue;
            if (field)
                diag_error(d, item->pos,
                           arena_printf(d->arena, "write server.mariadb.%s in its place", field),
                           "\"%s\" has a field of its own", item->name);
            else
                diag_warning(d, item->pos, "leave it out to have the figure that was worked out",
                             "\"%s\" goes past what is worked out from the memory budget", item->name);
        }
}
