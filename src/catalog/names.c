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
    return arena_printf(a, "%s%s_%.*s", letter ? "" : "s", stem, NAME_HASH, hex);
}

char *path_site(struct arena *a, const char *domain, const char *below)
{
    return arena_printf(a, "/var/www/%s%s%s", domain, below ? "/" : "", below ? below : "");
}

char *path_tls(struct arena *a, const char *domain, const char *file)
{
    return arena_printf(a, "/etc/citrus/tls/%s/%s", domain, file);
}

char *path_socket(struct arena *a, const char *domain)
{
    char *path = arena_printf(a, "/run/php/%s.sock", domain);
    if (strlen(path) <= SOCKET_MOST)
        return path;
    return arena_printf(a, "/run/php/%s.sock", name_account(a, domain));
}

char *name_secret(struct arena *a, const char *domain, const char *what)
{
    return arena_printf(a, "site/%s/%s", domain, what);
}
