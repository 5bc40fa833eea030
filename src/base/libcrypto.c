#include "libcrypto.h"
#include "library.h"
#include <threads.h>

static struct libcrypto table;

static void load(void)
{
#define X(f) #f,
    static const char *const names[] = {CRYPTO_FUNCTIONS(X)};
#undef X
    library_need(LIBCRYPTO, "libssl3", names, &table, sizeof names / sizeof *names);
}

const struct libcrypto *libcrypto(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, load);
    return &table;
}
