#include "names.h"
#include "hash.h"
#include <stdbool.h>
#include <string.h>

#define SOCKET_MOST 107 /* sun_path holds 108 bytes with its NUL, unix(7) */
#define NAME_STEM   20  /* "s" + 20 + "_" + 6 = 28, below useradd's limit of 32 */
#define NAME_HASH   6

char *name_account(struct arena *a, const char *domain)
{
    char stem[NAME_STEM + 1], hex[HASH_HEX];
    size_t n = 0;
    for (; n < NAME_STEM && domain[n]; n++) {
        unsigned char c = (unsigned char)domain[n];
        stem[n] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? (char)c : '_';
    }
    stem[n] = '\0';
    hash_hex(hash_bytes(domain, strlen(domain)), hex);
    bool letter = stem[0] >= 'a' && stem[0] <= 'z';
    hex[NAME_HASH] = '\0';
    return arena_join(a, letter ? "" : "s", stem, "_", hex);
}

char *path_site(struct arena *a, const char *domain, const char *below)
{
    return arena_join(a, "/var/www/", domain, below ? "/" : "", below ? below : "");
}

char *path_tls(struct arena *a, const char *domain, const char *file)
{
    return arena_join(a, "/etc/citrus/tls/", domain, "/", file);
}

char *path_socket(struct arena *a, const char *domain)
{
    char *path = arena_join(a, "/run/php/", domain, ".sock");
    if (strlen(path) <= SOCKET_MOST)
        return path;
    return arena_join(a, "/run/php/", name_account(a, domain), ".sock");
}

char *name_secret(struct arena *a, const char *domain, const char *what)
{
    return arena_join(a, "site/", domain, "/", what);
}
