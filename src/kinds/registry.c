/* The one place that names every kind. */
#include "specs.h"
#include <string.h>

const struct kind *const kinds[] = {
    &package_kind, &file_kind,     &directory_kind, &link_kind,          &account_kind,     &service_kind,
    &vhost_kind,   &php_pool_kind, &database_kind,  &database_user_kind, &certificate_kind, &wordpress_kind,
    NULL,
};

const char *const drift_policy_names[] = {"enforce", "warn", "adopt", "ignore", NULL};

bool field_is_digest(const struct field *f)
{
    return strcmp(f->name, "digest") == 0 || strcmp(f->name, "secret_digest") == 0;
}

const struct kind *kind_find(const char *name)
{
    for (const struct kind *const *k = kinds; *k; k++)
        if (!strcmp((*k)->name, name))
            return *k;
    return NULL;
}
