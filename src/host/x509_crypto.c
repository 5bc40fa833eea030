/* libcrypto for certificates, loaded when the first of them is looked at or made. */
#include "x509_crypto.h"
#include "library.h"
#include "secret.h"
#include <threads.h>

static struct x509_crypto table;

/* Random numbers are the kernel's, here as everywhere, and libcurl's with them where it shares this
 * libcrypto: libcrypto's own generator, which is seeded by them, has its cipher looked up first. */
static int kernel_bytes(unsigned char *at, int n)
{
    return n >= 0 && random_bytes(at, (size_t)n, NULL) == 0;
}

static int kernel_ready(void)
{
    return 1;
}

static const RAND_METHOD kernel = {.bytes = kernel_bytes, .pseudorand = kernel_bytes, .status = kernel_ready};

static void load(void)
{
#define X(f) #f,
    static const char *const names[] = {X509_FUNCTIONS(X)};
#undef X
    library_need(LIBCRYPTO, "libssl3", names, &table, sizeof names / sizeof *names);
    /* The process ends soon after the last certificate, and its memory with it. */
    table.OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    table.RAND_set_rand_method(&kernel);
}

/* Ends the program as libcrypto() does. */
const struct x509_crypto *x509_crypto(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, load);
    return &table;
}
