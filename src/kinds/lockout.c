/* Which changes can shut out who administers the server from afar: what ssh and the firewalls consist of. */
#include "specs.h"
#include "text.h"
#include <string.h>

static bool is_one_of(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool lockout_path(const struct change *c)
{
    static const char *const trees[] = {"/etc/ssh",           "/etc/ufw",      "/etc/default/ufw",
                                        "/etc/nftables.conf", "/etc/iptables", NULL};
    for (const char *const *t = trees; *t; t++) {
        size_t n = strlen(*t);
        if (starts_with(c->res->id, *t) && (c->res->id[n] == '\0' || c->res->id[n] == '/'))
            return true;
    }
    return false;
}

bool lockout_package(const struct change *c)
{
    static const char *const names[] = {"openssh-server",      "ufw", "nftables", "iptables",
                                        "iptables-persistent", NULL};
    for (size_t i = 0; c->along && c->along[i]; i++)
        if (is_one_of(names, c->along[i]))
            return true;
    if (!is_one_of(names, c->res->id))
        return false;
    /* A hold lets nobody in or out. */
    return c->op != OP_UPDATE || c->delta.n != 1 || strcmp(c->delta.at[0].field->name, "held") != 0;
}

bool lockout_unit(const struct change *c)
{
    static const char *const names[] = {"ssh.service", "ssh.socket",       "sshd.service",
                                        "ufw.service", "nftables.service", "netfilter-persistent.service",
                                        NULL};
    return is_one_of(names, c->res->id);
}
