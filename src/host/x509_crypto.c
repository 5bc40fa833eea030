/* libcrypto for certificates, loaded when the first of them is looked at or made. */
#include "x509_crypto.h"
#include "library.h"
#include "x509.h"
#include <pthread.h>
#include <signal.h>
#include <threads.h>
#include <unistd.h>

static struct x509_crypto table;

static void load(void)
{
#define X(f) #f,
    static const char *const names[] = {X509_FUNCTIONS(X)};
#undef X
    library_need(LIBCRYPTO, "libssl3", names, &table, sizeof names / sizeof *names);
    /* The process ends soon after the last certificate, and its memory with it. */
    table.OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* Ends the program as libcrypto() does. */
const struct x509_crypto *x509_crypto(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, load);
    return &table;
}

/* --- ahead of its use ----------------------------------------------------------------------------------- */

static pthread_t thread;
static bool running;

/* What takes the time is loading it, its configuration, its random numbers' seed, and the search for who
 * makes keys: the key is none of anybody's. */
static void *begin(void *unused)
{
    EVP_PKEY_free(EVP_EC_gen("P-256"));
    return unused;
}

void x509_ahead(void)
{
    sigset_t all, before;
    if (running || sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return;
    sigfillset(&all); /* signals are the first thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    running = pthread_create(&thread, NULL, begin, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void x509_ahead_end(void)
{
    if (running)
        pthread_join(thread, NULL);
    running = false;
}
