#include "builder.h"

static struct value *mariadb_values(struct builder *b)
{
    const struct manifest_mariadb *db = &b->m->server.mariadb;
    const struct record *r = record_server("mariadb");
    struct pos server = b->m->server.origin.pos;
    struct value *v = value_map(&b->values);
    value_set_at(v, "bind_address", db->bind_address, pos_field(r, db, "bind_address", server));
    value_set_size(b, v, "buffer_pool", b->tuning.buffer_pool, pos_field(r, db, "buffer_pool", server));
    value_set_size(b, v, "redo_log", b->tuning.redo_log, server);
    value_set_size(b, v, "log_buffer", b->tuning.log_buffer, server);
    value_set_int(v, "max_connections", b->tuning.max_connections);
    value_set_settings(b, v, "settings", &db->settings, pos_field(r, db, "settings", server));
    return v;
}

int server_mariadb(struct builder *b, struct error *err)
{
    if (!b->mariadb_wanted || !b->mariadb_package)
        return 0;
    struct pos pos = pos_field(record_server(NULL), &b->m->server, "mariadb", b->mariadb_package->pos);
    struct resource *conf;
    int r = add_rendered(b, "/etc/mysql/mariadb.conf.d/90-citrus.cnf", "configs/mariadb.cnf",
                         mariadb_values(b), NULL, pos, &conf, err);
    if (r < 0)
        return r;
    b->mariadb = add_service(b, "mariadb.service", "mariadb", b->mariadb_package->pos);
    resource_needs(b->c, b->mariadb, b->mariadb_package);
    if (!conf)
        return 0;
    ((struct file_spec *)conf->spec)->validate = "mariadb";
    resource_needs(b->c, conf, b->mariadb_package);
    resource_needs(b->c, b->mariadb, conf);
    resource_notifies(b->c, conf, b->mariadb, IMPACT_RESTART);
    return 0;
}
